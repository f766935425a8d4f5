/// What a module does in a node.
public enum ModuleRole: String, Sendable, CaseIterable {
    case gateway, transport, auth, presence, message, feature, api, sink

    /// How many modules of the role a node must and may have.
    public var allowedCount: ClosedRange<Int> {
        switch self {
        case .gateway, .transport, .presence: 1...1
        case .auth: 1...Int.max
        case .message, .feature, .api, .sink: 0...Int.max
        }
    }
}

/// `<role>.<type>[/<label>]`, `transport.redis` or `auth.jwt/partners` for instance.
public struct ModuleID: Hashable, Sendable, CustomStringConvertible {
    public let role: ModuleRole
    public let type: String
    /// Tells two modules of one type apart.
    public let label: String?

    public init(role: ModuleRole, type: String, label: String? = nil) {
        self.role = role
        self.type = type
        self.label = label
    }

    public var description: String {
        "\(role.rawValue).\(type)" + (label.map { "/\($0)" } ?? "")
    }
}
