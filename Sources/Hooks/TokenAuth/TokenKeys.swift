import FreeIMCore

/// The keys of tokens in Redis, as FreeIM names them: `im_v2_wsToken<token>`, or `wsim_wsToken<token>` of FreeIM v1.
struct TokenKeys: Sendable {
    let node: NodeIdentity
    let keyPrefix: String

    func key(of token: Token, for client: ClientID) -> String { key(of: token, under: node.subjects(for: client)) }

    /// Where a token may be whose client is not known.
    func allKeys(of token: Token) -> [String] { node.allSubjects.map { key(of: token, under: $0) } }

    private func key(of token: Token, under subjects: Subjects) -> String {
        "\(keyPrefix)\(subjects.prefix)Token\(token.text)"
    }
}
