public import FreeIMCore

/// What `auth.jwt` can be told.
public struct JWTAuthConfiguration: ModuleConfiguration {
    /// Secrets that the business signs with, the node's and the business' alone.
    public var secrets: [String] = []
    /// A file of public keys: PEM, certificates among it, or a key set in JSON (RFC 7517).
    public var keyFile: String?
    /// How tokens are signed; nil: HS256 with a secret, else as the key says, RS256 where an RSA key says nothing.
    public var algorithm: SignatureAlgorithm?
    public var policy = JWTPolicy()

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "secrets", into: &secrets, Constraint.any.secret,
            "Shared with the business service; several while one takes the place of another.")
        section.read(
            "key_file", into: &keyFile, .custom("a file's path") { !$0.isEmpty },
            "File of public keys: PEM, or a key set in JSON (JWKS). Read again on SIGHUP.")
        section.read(
            "algorithm", into: &algorithm,
            "How tokens are signed; by default HS256 with secrets, else what the key is for, RS256 with RSA.")
        section.read(
            "issuer", into: &policy.issuer, "What 'iss' must be; other tokens are left to the next auth module.")
        section.read("audience", into: &policy.audience, "What 'aud' must be or hold.")
        let claim = Constraint<String>.custom("a claim's name") { !$0.isEmpty }
        section.read("client_claim", into: &policy.clientClaim, claim, "The claim that names the client.")
        section.read(
            "device_claim", into: &policy.deviceClaim, claim, "The claim that names the class of the device, if any.")
        section.read(
            "metadata_claim", into: &policy.metadataClaim, claim,
            "The claim whose text goes with the client's online and offline events.")
        section.read(
            "leeway", into: &policy.leeway, .range(.seconds(0)...(.seconds(300))),
            "How far the clocks of business service and node may differ.")
        section.read(
            "max_lifetime", into: &policy.maxLifetime, .range(.seconds(10)...(.seconds(366 * 86_400))),
            "The longest time from now to 'exp': until then whoever has the token gets in.")
        // What the file holds is as much a part of what the module is told as its name.
        do throws(JWTKeyProblem) {
            _ = try verificationKeys(of: section.owner)
        } catch {
            section.problem(error.message, at: error.key)
        }
    }

    /// Reads the file, if there is one; blocks as long as that takes.
    ///
    /// - Parameter owner: the module, for messages.
    func verificationKeys(of owner: String = "auth.jwt") throws(JWTKeyProblem) -> [VerificationKey] {
        if let keyFile {
            if !secrets.isEmpty {
                throw JWTKeyProblem("secrets", "'secrets' of \(owner) stands beside 'key_file'; keep one")
            }
            if let algorithm, algorithm.secretBytes != nil {
                throw JWTKeyProblem(
                    "algorithm",
                    "'algorithm' of \(owner) is \(algorithm.rawValue), which needs 'secrets' in place of 'key_file'")
            }
            do throws(SettingFileError) {
                return try KeyFile.read(keyFile, algorithm)
            } catch {
                throw JWTKeyProblem("key_file", "'key_file' of \(owner): \(error.message)")
            }
        }
        guard !secrets.isEmpty else {
            throw JWTKeyProblem(nil, "\(owner) needs 'key_file', a file of public keys, or 'secrets'")
        }
        let algorithm = algorithm ?? .hs256
        guard let bytes = algorithm.secretBytes else {
            throw JWTKeyProblem(
                "algorithm",
                "'algorithm' of \(owner) is \(algorithm.rawValue), which needs 'key_file' in place of 'secrets'")
        }
        guard secrets.allSatisfy({ $0.utf8.count >= bytes }) else {
            throw JWTKeyProblem(
                "secrets",
                """
                'secrets' of \(owner) has one of fewer than the \(bytes) bytes that \(algorithm.rawValue) needs; make one \
                by 'openssl rand -hex \(bytes)'
                """)
        }
        guard secrets.count <= KeyFile.mostKeys else {
            throw JWTKeyProblem(
                "secrets", "'secrets' of \(owner) has more than \(KeyFile.mostKeys); leave out the old ones")
        }
        return secrets.map { VerificationKey(secret: $0, algorithm: algorithm) }
    }
}

/// Why there is no key to verify with.
struct JWTKeyProblem: Error {
    /// The key of the manifest; nil: one is missing.
    let key: String?
    let message: String

    init(_ key: String?, _ message: String) {
        self.key = key
        self.message = message
    }
}
