import FreeIMCore

/// What a token must say, and what of it becomes the client's identity.
public struct JWTPolicy: Sendable, Equatable {
    /// `iss` must be this; tokens of other issuers are another hook's matter. nil: any issuer.
    public var issuer: String?
    /// `aud` must be this or hold it; nil: whatever it is.
    public var audience: String?
    /// The claim with the ``ClientID``: a text, or an integer.
    public var clientClaim = "sub"
    /// The claim with ``Identity/device``; a token may be without.
    public var deviceClaim = "device"
    /// The claim with ``Identity/metadata``; nil: none.
    public var metadataClaim: String?
    /// How far the clocks of business and node may differ.
    public var leeway = Duration.seconds(10)
    /// The longest time from now to `exp`.
    public var maxLifetime = Duration.seconds(86_400)

    public init() {}

    func isIssuer(of claims: JWTClaims) -> Bool {
        issuer == nil || claims.text("iss") == issuer
    }

    /// Decides by what a token says whose signature is verified.
    ///
    /// - Parameter now: seconds since 1970.
    func decide(_ claims: JWTClaims, now: Double) -> AuthDecision {
        guard isIssuer(of: claims) else { return .abstain }
        guard let end = claims.time("exp") else {
            return .deny("the token has no 'exp'; the business service must say when it ends")
        }
        let leeway = leeway / .seconds(1)
        guard end + leeway > now else {
            return .deny("the token has expired; ask the business service for a new one", code: "expired_token")
        }
        guard end - leeway <= now + maxLifetime / .seconds(1) else {
            return .deny(
                """
                the token is good for longer than \(maxLifetime.sectionText); the business service must let it end sooner, \
                or 'max_lifetime' of auth.jwt be raised
                """)
        }
        // What was signed as a start and is no time (RFC 7519 §4.1.5) is not taken for none.
        let start = claims.values["nbf"] == nil ? now : claims.time("nbf") ?? .infinity
        guard start - leeway <= now else {
            return .deny("the token is not good yet; try later, or set the clocks of business service and node")
        }
        if let audience, !claims.texts("aud").contains(audience) {
            return .deny("the token is not for '\(audience)'; ask the business service for one whose 'aud' holds that")
        }
        return identity(claims)
    }

    private func identity(_ claims: JWTClaims) -> AuthDecision {
        guard let client = claims.text(clientClaim).flatMap({ ClientID($0) }), !client.isSystem else {
            return .deny(
                "the token's '\(clientClaim)' is no client, which is a text of 1 to \(ClientID.maximumBytes) bytes, not 0"
            )
        }
        var identity = Identity(client: client)
        if let device = claims.text(deviceClaim) {
            guard Identity.isDevice(device) else {
                return .deny("the token's '\(deviceClaim)' is no class of devices: \(Identity.deviceExpectation)")
            }
            identity.device = device
        }
        if let metadataClaim, let metadata = claims.text(metadataClaim) {
            guard metadata.utf8.count <= Identity.maximumMetadataBytes else {
                return .deny("the token's '\(metadataClaim)' is longer than \(Identity.maximumMetadataBytes) bytes")
            }
            identity.metadata = metadata
        }
        return .allow(identity)
    }
}

extension AuthDecision {
    static func deny(_ message: String, code: String = "invalid_token") -> AuthDecision {
        .deny(Denial(.unauthorized, code: code, message: message))
    }
}
