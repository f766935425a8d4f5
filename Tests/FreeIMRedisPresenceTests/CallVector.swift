import Foundation

/// A call of FreeIM's own `ImHelper`: what it sent to Redis, and what stood there afterwards.
struct CallVector: Decodable, Sendable {
    struct Command: Decodable, Sendable {
        let argv: [String]
    }

    /// A key of the state, as far as it is a hash.
    struct Entry: Decodable, Sendable {
        let type: String
        let value: JSON
    }

    let group: String
    let servers: [String]?
    let path: String?
    let call: String
    let args: [JSON]?
    let result: JSON?
    let commands: [Command]
    let setup: [[String]]?
    let stateAfter: [String: Entry]?
    let settings: [String]?
    let error: JSON?

    enum CodingKeys: String, CodingKey {
        case group, servers, path, call, args, result, commands, setup, error
        case stateAfter = "state_after"
        case settings = "client_settings"
    }

    /// The groups in their order, without those that need a .NET serializer of other settings, or no Redis.
    static func groups() throws -> [[CallVector]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "FreeIMCoreTests/Vectors/imhelper-v2-calls.json")
        let all = try JSONDecoder().decode([CallVector].self, from: Data(contentsOf: file))
        var groups: [[CallVector]] = []
        for vector in all where vector.isOurs {
            if groups.last?.last?.group == vector.group {
                groups[groups.count - 1].append(vector)
            } else {
                groups.append([vector])
            }
        }
        return groups
    }

    private var isOurs: Bool {
        servers?.isEmpty == false && servers?.contains("") == false && path != nil
            && settings?.contains("--json") != true
    }
}

/// Any JSON value.
enum JSON: Decodable, Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
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

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
}
