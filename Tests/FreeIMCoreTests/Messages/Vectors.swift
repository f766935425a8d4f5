import Foundation
import FreeIMCore
import NIOCore
import Testing

/// A pub/sub body and what FreeIM's own server read out of it.
struct BodyVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Read: Decodable {
        var kind: String?
        var sender: Int64?
        var receivers: [Int64]?
        var chan: String?
        /// Hexadecimal pairs with dashes between them.
        var bytes: String?
        var receipt: Bool?
        var clientId: Int64?
        var clientMetaData: String?

        /// A message without text is to be the JSON text null.
        var payload: ByteBuffer {
            guard let bytes else { return ByteBuffer(string: "null") }
            return ByteBuffer(bytes: bytes.split(separator: "-").compactMap { UInt8($0, radix: 16) })
        }
    }
    struct Failure: Decodable {
        var type: String
    }

    var kind: String
    var payload: String
    var note: String?
    var read: Read?
    var error: Failure?

    var testDescription: String { "\(note.map { "\($0): " } ?? "")\(payload)" }

    static let all = Vectors.load([BodyVector].self, "imserver-v2-bodies")
    static let server = all.filter { $0.kind == "ServerView" }
    static let token = all.filter { $0.kind == "TokenView" }
}

/// A call of FreeIM's own `ImHelper` and what it sent to Redis.
struct CallVector: Decodable {
    struct Publish: Decodable {
        var channel: String
        var payload: String
    }
    struct Command: Decodable {
        var argv: [String]
    }
    struct Event: Decodable {
        var event: String?
        var clientId: Int64?
        var clientMetaData: String?
    }

    var call: String
    var published: [Publish]?
    var commands: [Command]?
    var events: [Event]?
    var settings: [String]?

    enum CodingKeys: String, CodingKey {
        case call, published, commands, events
        case settings = "client_settings"
    }

    /// Json.NET settings that change how `ImHelper` writes; all others write as the defaults do.
    private static let otherWriting: Set = [
        "camel", "snake", "ignorenull", "ignoredefault", "indented", "escapenonascii", "escapehtml", "typenames",
    ]
    var isWrittenByDefault: Bool {
        settings.map { Self.otherWriting.isDisjoint(with: $0) } ?? true
    }

    static let all = Vectors.load([CallVector].self, "imhelper-v2-calls")
    static let eventsIn = all.filter { $0.call == "(event in)" }

    /// The bodies for servers.
    static func bodies(where isIncluded: (CallVector) -> Bool = { _ in true }) -> [String] {
        let calls = all.filter { $0.call != "(event in)" && isIncluded($0) }
        return calls.flatMap { $0.published ?? [] }.map(\.payload)
    }

    /// The tokens' values.
    static func tokens(where isIncluded: (CallVector) -> Bool = { _ in true }) -> [String] {
        let commands = all.filter(isIncluded).flatMap { $0.commands ?? [] }
        return commands.compactMap { $0.argv.first == "SET" && $0.argv.count > 2 ? $0.argv[2] : nil }
    }
}

enum Vectors {
    /// Empty where the file cannot be read, which a test notices.
    static func load<Vector: Decodable>(_ type: [Vector].Type, _ name: String) -> [Vector] {
        guard let url = Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"),
            let data = try? Data(contentsOf: url)
        else { return [] }
        return (try? JSONDecoder().decode(type, from: data)) ?? []
    }
}

/// Decodes text, as a slice of a larger buffer, so that offsets into the wrong buffer are noticed.
func decode(_ body: String) throws(EnvelopeError) -> Envelope {
    try EnvelopeCodec.decode(slice(body))
}

/// The point-to-point message that `body` is.
func direct(_ body: String) throws -> DirectMessage {
    let envelope = try decode(body)
    guard case .direct(let message) = envelope else {
        Issue.record("not point to point: \(body)")
        return DirectMessage(sender: nil, receivers: [], payload: ByteBuffer())
    }
    return message
}

func slice(_ text: String) -> ByteBuffer {
    var buffer = ByteBuffer(string: "before\(text)\"}after")
    buffer.moveReaderIndex(forwardBy: 6)
    return buffer.readSlice(length: text.utf8.count) ?? ByteBuffer()
}

/// The code of the error with which `body` fails; nil where it does not.
func failure<Result>(_ body: () throws -> Result) -> EnvelopeError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? EnvelopeError)?.code
    }
}

/// The payload of a point-to-point message whose Item3 is `json`.
func payload(_ json: String) throws -> String {
    String(buffer: try direct(#"{"Item3":"# + json + "}").payload)
}
