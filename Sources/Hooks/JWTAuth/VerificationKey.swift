import JWTKit

/// A key by which signatures are verified, with the one algorithm that it is for.
struct VerificationKey: Sendable {
    /// A token's `kid` that means this key (RFC 7515 §4.1.4); nil where the key has no name.
    let identifier: String?
    let algorithm: SignatureAlgorithm
    let add: @Sendable (JWTKeyCollection, JWKIdentifier) async -> Void

    /// - Parameter secret: at least ``SignatureAlgorithm/secretBytes`` long.
    init(secret: String, algorithm: SignatureAlgorithm) {
        let digest = algorithm.digest ?? .sha256
        self.init(nil, algorithm) { await $0.add(hmac: HMACKey(from: secret), digestAlgorithm: digest, kid: $1) }
    }

    init(
        _ identifier: String?, _ algorithm: SignatureAlgorithm,
        add: @escaping @Sendable (JWTKeyCollection, JWKIdentifier) async -> Void
    ) {
        self.identifier = identifier
        self.algorithm = algorithm
        self.add = add
    }
}

/// The keys in use.
struct VerificationKeys: Sendable {
    private let collection: JWTKeyCollection
    private let identifiers: Set<String>

    init(_ keys: [VerificationKey]) async {
        collection = JWTKeyCollection()
        identifiers = Set(keys.compactMap(\.identifier))
        for (index, key) in keys.enumerated() {
            // None of a file's own names begins with U+0000.
            await key.add(collection, JWKIdentifier(string: key.identifier ?? "\u{0}\(index)"))
        }
    }

    /// Verifies the signature, and nothing else. A token that names one of the keys must be signed with it, any other
    /// with any of them.
    func verify(_ text: String, identifier: String?) async throws -> JWTClaims {
        let isNamed = identifier.map(identifiers.contains) ?? false
        return try await collection.verify(text, as: JWTClaims.self, iteratingKeys: !isNamed)
    }
}
