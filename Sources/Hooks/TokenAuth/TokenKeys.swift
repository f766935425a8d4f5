import FreeIMCore

/// The keys of tokens in Redis, as FreeIM names them: `im_v2_wsToken<token>`, or `wsim_wsToken<token>` of FreeIM v1.
struct TokenKeys: Sendable {
    private let node: NodeIdentity
    private let keyPrefix: String
    /// What stands before a token whose client is not known.
    let prefixes: [String]

    init(node: NodeIdentity, keyPrefix: String) {
        self.node = node
        self.keyPrefix = keyPrefix
        prefixes = node.allSubjects.map { Self.prefix(keyPrefix, $0) }
    }

    func key(of token: Token, for client: ClientID) -> String {
        Self.prefix(keyPrefix, node.subjects(for: client)) + token.text
    }

    private static func prefix(_ keyPrefix: String, _ subjects: Subjects) -> String {
        "\(keyPrefix)\(subjects.prefix)Token"
    }
}
