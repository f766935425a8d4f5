import Foundation

/// A call of FreeIM's own `ImHelper`: what it sent to Redis, and what stood there afterwards.
public struct CallVector: Decodable, Sendable {
    public struct Command: Decodable, Sendable {
        public let argv: [String]
        public let reply: JSON?
    }

    /// What somebody else published during the call.
    public struct Publication: Decodable, Sendable {
        public let channel: String
        public let payload: String
    }

    /// A key of the state.
    public struct Entry: Decodable, Sendable {
        public let type: String
        public let value: JSON
        /// Seconds; -1 without an end.
        public let ttl: Int64
    }

    public let group: String
    public let servers: [String]?
    public let path: String?
    public let redisPrefix: String?
    public let redisDatabase: Int?
    public let call: String
    public let args: [JSON]?
    public let result: JSON?
    public let commands: [Command]
    public let published: [Publication]
    public let setup: [[String]]?
    public let stateAfter: [String: Entry]?
    public let settings: [String]?
    public let error: JSON?

    enum CodingKeys: String, CodingKey {
        case group, servers, path, call, args, result, commands, published, setup, error
        case redisPrefix = "redis_prefix"
        case redisDatabase = "redis_db"
        case stateAfter = "state_after"
        case settings = "client_settings"
    }

    /// Every recorded line, in order.
    public static func all() throws -> [CallVector] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "FreeIMCoreTests/Vectors/imhelper-v2-calls.json")
        return try JSONDecoder().decode([CallVector].self, from: Data(contentsOf: file))
    }

    /// Whether the recorded `ImHelper` could be made at all: false for no path, no servers and no Redis.
    public var hasClient: Bool {
        servers?.isEmpty == false && servers?.contains("") == false && path != nil
    }

    /// Whether a .NET serializer of other settings wrote it.
    public var isOfOtherSettings: Bool { settings?.contains("--json") == true }
}

extension CallVector: CustomStringConvertible {
    public var description: String { "\(call) of '\(group)', \(commands.map(\.argv))" }
}

extension Sequence<CallVector> {
    /// The groups in their order.
    public func grouped() -> [[CallVector]] {
        var groups: [[CallVector]] = []
        for vector in self {
            if groups.last?.last?.group == vector.group {
                groups[groups.count - 1].append(vector)
            } else {
                groups.append([vector])
            }
        }
        return groups
    }
}

/// Any JSON value.
public enum JSON: Decodable, Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
}
