import Foundation
import RedisClient
import RedisTestSupport

/// What a recorded call means for the terminals, worked out from its arguments.
extension CallVector {
    /// Members of the channel to which a message is sent; one of them is ``absent``.
    static let members = [1, 2, 7, 8]
    /// Clients that stay without a terminal; 0 is the system, which cannot connect.
    static let absent: Set = [0, 3, 6, 8]

    /// The cluster that serves it; nil where there was no `ImHelper`. A path without a slash can be no server's.
    var layout: Cluster.Layout? {
        guard hasClient, let servers, let path else { return nil }
        return Cluster.Layout(
            names: servers, path: isServed ? path : "/ws", keyPrefix: redisPrefix ?? "", database: redisDatabase ?? 0)
    }

    var isServed: Bool { path.map { $0.isEmpty || $0.hasPrefix("/") } ?? false }

    /// What its keys begin with.
    var keyPrefix: String { "\(redisPrefix ?? "")im_v2\((path ?? "").replacing("/", with: "_"))" }

    /// Whether it reads or sets up who is online, which terminals would change.
    var isAboutOnline: Bool {
        setup != nil || commands.contains { $0.argv.contains("\(keyPrefix)Online") }
    }

    /// The clients that it speaks of.
    var clients: [Int] {
        guard !commands.isEmpty else { return [] }
        return switch call {
        case "SendMessage": ids(0) + ids(1)
        case "SendChanMessage": ids(0) + Self.members
        case "ForceOffline", "JoinChan", "GetChanListByClientId": ids(0)
        case "LeaveChan": (args ?? []).indices.flatMap(ids)
        default: []
        }
    }

    var channel: String? {
        guard call == "SendChanMessage", let name = args?[1].string, !name.isEmpty else { return nil }
        return name
    }

    private func ids(_ index: Int) -> [Int] {
        guard let args, args.indices.contains(index) else { return [] }
        let values = args[index].array ?? [args[index]]
        return values.compactMap(\.integer).map { Int($0) }
    }

    /// What the sockets of those clients receive that have one; `members` are those of ``channel``.
    func outcome(among present: Set<Int>, members: Set<Int>) throws -> [Int: [Terminal.Event]] {
        guard isServed, let text = try text else { return [:] }
        let sender = call == "SendBroadcastMessage" ? 0 : ids(0).first ?? 0
        switch call {
        case "ForceOffline":
            return present.contains(sender) ? [sender: [.close(4500, "forced offline")]] : [:]
        case "SendMessage":
            var outcome: [Int: [Terminal.Event]] = [:]
            let isReceiptWanted = args?.last?.bool == true && sender != 0 && present.contains(sender)
            for receiver in Set(ids(1)) where receiver != sender {
                if present.contains(receiver) { outcome[receiver, default: []].append(.text(text)) }
                guard isReceiptWanted else { continue }
                let receipt = present.contains(receiver) ? "发送成功" : "用户不在线"
                let content = try Self.quoted(text)
                outcome[sender, default: []].append(.text(#"{"content":\#(content),"receipt":"\#(receipt)"}"#))
            }
            return outcome
        case "SendChanMessage", "SendBroadcastMessage":
            let audience = channel == nil ? present : present.intersection(members)
            // With one socket, the sender does not hear itself.
            return Dictionary(uniqueKeysWithValues: audience.subtracting([sender]).map { ($0, [.text(text)]) })
        default: return [:]
        }
    }

    /// Item3 of the body, however the name is written.
    private var text: String? {
        get throws {
            guard let body = commands.first?.argv.last else { return nil }
            guard let start = body.firstIndex(of: "{") else { return "" }
            let items = try JSONDecoder().decode([String: JSON].self, from: Data(body[start...].utf8))
            return items.first { $0.key.lowercased() == "item3" }?.value.string
        }
    }

    private static func quoted(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }

    /// The server and target of the connect URL that was handed out.
    var connectURL: (server: String, target: String)? {
        guard call == "PrevConnectServer", isServed, let url = result?.string?.dropFirst("ws://".count),
            let server = servers?.first(where: { url.hasPrefix($0) })
        else { return nil }
        let target = url.dropFirst(server.count)
        return (server, target.hasPrefix("/") ? String(target) : "/\(target)")
    }
}

extension RedisCommand {
    init(_ argv: [String]) {
        self.init(argv[0], argv.dropFirst().map { .string($0) })
    }
}

extension RedisValue {
    /// A status is recorded with the `+` before it.
    func `is`(_ recorded: JSON) -> Bool {
        switch (self, recorded) {
        case (.null, .null): true
        case (.integer(let value), .integer(let expected)): value == expected
        case (.simple, .string(let expected)): string.map { "+\($0)" } == expected
        case (.bulk, .string(let expected)): string == expected
        case (.array(let values), .array(let expected)):
            values.count == expected.count && zip(values, expected).allSatisfy { $0.is($1) }
        default: false
        }
    }
}
