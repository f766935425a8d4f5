import FreeIMTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Messenger: sending")
struct MessengerTests {
    private let transport = RecordingTransport()

    private func messenger(
        servers: [String] = ["a", "b", "c"], capabilities: Messenger.Capabilities = .all,
        issuer: (any CredentialIssuer)? = nil, presence: any PresenceHook = NoPresence(),
        publicURL: String = NodeIdentity.defaultPublicURL
    ) -> Messenger {
        Messenger(
            identity: NodeIdentity(name: servers[0], servers: servers, publicURL: publicURL), transport: transport,
            presence: presence, issuer: issuer, capabilities: capabilities,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    }

    private func server(_ name: String) -> String { Subjects(path: "/ws").server(name) }

    @Test("receivers are grouped by home node in first-seen order, each once")
    func grouping() async throws {
        try await messenger().send(MessagePayload(text: "hi"), from: 9, to: [2, 1, 4, 2, 5, 3, 1], receipt: true)
        #expect(transport.subjects == [server("c"), server("b"), server("a")])
        #expect(transport.calls.count == 1)
        #expect(
            try transport.envelopes == [
                .direct("hi", from: 9, to: [2, 5], receipt: true), .direct("hi", from: 9, to: [1, 4], receipt: true),
                .direct("hi", from: 9, to: [3], receipt: true),
            ])
    }

    @Test("no receivers, no publication")
    func noReceivers() async throws {
        try await messenger().send(MessagePayload(text: "hi"), to: [])
        #expect(transport.calls.isEmpty)
    }

    @Test("a channel's message and a broadcast go to every server, in their order")
    func everywhere() async throws {
        try await messenger().send(MessagePayload(text: "hi"), from: 9, toChannel: .named("x"))
        try await messenger().broadcast(MessagePayload(text: "all"))
        #expect(transport.subjects == ["a", "b", "c", "a", "b", "c"].map(server))
        #expect(try transport.envelopes.first == .channel("hi", from: 9))
        #expect(try transport.envelopes.last == .broadcast("all"))
    }

    @Test("force offline goes to the client's home node")
    func forceOffline() async throws {
        try await messenger().forceOffline(4)
        #expect(transport.subjects == [server("b")])
        #expect(try transport.envelopes == [.forceOffline(4)])
    }

    @Test("a reason goes to the nodes that have the client, in front of FreeIM's command to its home")
    func reason() async throws {
        try await messenger(presence: NoPresence(nodes: ["c", "b"])).forceOffline(4, reason: "spam")
        #expect(transport.subjects == ["c", "b", "b"].map(server))
        let close = Envelope.forwarded(.close(CloseCommand(4, code: .forcedOffline, reason: "spam")))
        #expect(try transport.envelopes == [close, close, .forceOffline(4)])
        #expect(transport.calls.count == 1)
    }

    @Test("a ban that is not stored closes nothing, and one that cannot be is told")
    func ban() async throws {
        for (code, expected) in [
            (PresenceError.Code.unavailable, MessengerError.Code.unavailable), (.limitReached, .overloaded),
        ] {
            let messenger = messenger(presence: NoPresence(failure: PresenceError(code, "no"), bans: true))
            let error = await #expect(throws: MessengerError.self) {
                try await messenger.forceOffline(4, ban: .seconds(1))
            }
            #expect(error?.code == expected)
        }
        let error = await #expect(throws: MessengerError.self) {
            try await messenger().forceOffline(4, ban: .seconds(1))
        }
        #expect(error?.code == .notSupported)
        #expect(transport.calls.isEmpty)
    }

    @Test("a reason fits into a close frame, and a ban ends within 30 days")
    func limits() async throws {
        let messenger = messenger(presence: NoPresence(bans: true))
        let fits = String(repeating: "x", count: 123)
        try await messenger.forceOffline(4, reason: fits, ban: Messenger.maximumBan)
        try await messenger.forceOffline(4, reason: "", ban: .zero)
        for (reason, ban) in [
            (fits + "x", nil), (nil, Messenger.maximumBan + .nanoseconds(1)), (nil, .seconds(-1)),
        ] as [(String?, Duration?)] {
            let error = await #expect(throws: MessengerError.self) {
                try await messenger.forceOffline(4, reason: reason, ban: ban)
            }
            #expect(error?.code == .invalidArgument)
        }
        #expect(try transport.envelopes == [.forceOffline(4), .forceOffline(4)])
    }

    @Test("any Encodable value is sent as its JSON text, with sorted keys")
    func encodable() async throws {
        struct Note: Encodable { let text: String, at: Int, link: String }
        try await messenger().send(Note(text: "\u{7FA4}\"", at: 1, link: "a/b"), to: [3])
        try await messenger().send("text", toChannel: .named("x"))
        try await messenger().broadcast([1, 2])
        let payloads = try transport.envelopes.map { envelope in
            switch envelope {
            case .direct(let message): String(buffer: message.payload)
            case .channel(_, _, let payload), .broadcast(_, let payload): String(buffer: payload)
            default: "?"
            }
        }
        #expect(payloads[0] == "{\"at\":1,\"link\":\"a/b\",\"text\":\"\u{7FA4}\\\"\"}")
        #expect(payloads[1] == #""text""#)
        #expect(payloads.last == "[1,2]")
    }

    @Test("a value that cannot be encoded is an error of its own, and nothing is sent")
    func notEncodable() async throws {
        let error = await #expect(throws: MessengerError.self) { try await messenger().broadcast(Double.infinity) }
        #expect(error?.code == .invalidMessage)
        #expect(transport.calls.isEmpty)
    }

    @Test(
        "the system's id is no receiver",
        arguments: [0, ClientID("00000000-0000-0000-0000-000000000000")] as [ClientID?])
    func system(id: ClientID?) async throws {
        let system = try #require(id)
        let messenger = messenger(issuer: Issuer())
        for call in [
            { try await messenger.send(MessagePayload(text: ""), to: [1, system]) },
            { try await messenger.forceOffline(system) },
            { _ = try await messenger.join(system, [.named("x")]) },
            { _ = try await messenger.connectURL(for: system) },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: MessengerError.self) { try await call() }
            #expect(error?.code == .invalidArgument)
        }
        #expect(transport.calls.isEmpty)
    }

    @Test("what the node was assembled without is refused by the name of its module")
    func notSupported() async throws {
        let messenger = messenger(capabilities: [])
        let channel = ChannelName.named("x")
        let payload = MessagePayload(text: "")
        for (module, call) in [
            ("feature.direct", { try await messenger.send(payload, to: [1]) }),
            ("feature.channels", { try await messenger.send(payload, toChannel: channel) }),
            ("feature.channels", { try await messenger.broadcast(payload) }),
            ("feature.channels", { _ = try await messenger.join(1, [channel]) }),
            ("feature.channels", { _ = try await messenger.leave(1, [channel]) }),
            ("feature.channels", { _ = try await messenger.remove([1], from: channel) }),
            ("feature.channels", { _ = try await messenger.removeOfflineMembers(of: channel) }),
            ("feature.channels", { _ = try await messenger.members(of: channel) }),
            ("feature.channels", { _ = try await messenger.onlineCount(in: channel) }),
            ("feature.channels", { _ = try await messenger.channels() }),
            ("feature.channels", { _ = try await messenger.channels(of: 1) }),
            ("feature.event_bus", { _ = try await messenger.events() }),
            ("auth.token", { _ = try await messenger.connectURL(for: 1) }),
        ] as [(String, () async throws -> Void)] {
            let error = await #expect(throws: MessengerError.self) { try await call() }
            #expect(error?.code == .notSupported)
            #expect(error?.message.contains("'use: \(module)'") == true)
        }
        #expect(transport.calls.isEmpty)
    }

    @Test(
        "failures of the bus keep their meaning",
        arguments: [
            (TransportError.Code.overloaded, MessengerError.Code.overloaded), (.unavailable, .unavailable),
            (.stopped, .unavailable),
        ])
    func busFailures(code: TransportError.Code, expected: MessengerError.Code) async throws {
        transport.fail(with: TransportError(code, "no"))
        let messenger = messenger().observed { _ in Issue.record("told of a message that was not taken") }
        for call in [
            { try await messenger.send(MessagePayload(text: ""), to: [1]) },
            { try await messenger.broadcast(MessagePayload(text: "")) },
            { try await messenger.forceOffline(1) },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: MessengerError.self) { try await call() }
            #expect(error?.code == expected)
        }
    }

    @Test("a message with more bytes than it may have is refused, with both numbers, and nothing is published")
    func tooLarge() async throws {
        let messenger = Messenger(
            identity: NodeIdentity(name: "a"), transport: transport, presence: NoPresence(), issuer: nil,
            maximumMessageBytes: 6, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        for send in [
            { try await messenger.send($0, to: [1]) }, { try await messenger.send($0, toChannel: .named("x")) },
            { try await messenger.broadcast($0) },
        ] as [(MessagePayload) async throws -> Void] {
            try await send(MessagePayload(text: "\u{7FA4}\u{7FA4}"))
            let error = await #expect(throws: MessengerError.self) {
                try await send(MessagePayload(text: "\u{7FA4}\u{7FA4}!"))
            }
            #expect(error?.code == .messageTooLarge)
            #expect(error?.message == "the message has 7 bytes; at most 6, the 'max_message' of the node")
        }
        #expect(transport.calls.count == 3)
    }

    @Test("failures of presence keep their meaning")
    func presenceFailures() async throws {
        for (code, expected) in [
            (PresenceError.Code.unavailable, MessengerError.Code.unavailable), (.invalidCursor, .invalidArgument),
            (.tooManyChannels, .tooManyChannels), (.channelFull, .channelFull),
        ] {
            let messenger = messenger(presence: NoPresence(failure: PresenceError(code, "no")))
            let error = await #expect(throws: MessengerError.self) { try await messenger.onlineClients() }
            #expect(error?.code == expected)
        }
    }

    @Test("an observer is told what went where, once it is published")
    func observer() async throws {
        let seen = Mutex<[String]>([])
        let messenger = messenger().observed { message in
            seen.withLock {
                $0.append(
                    "\(message.server) \(message.sender.map(\.description) ?? "-") \(message.audience) "
                        + "\(String(buffer: message.payload.bytes)) \(message.wantsReceipt)")
            }
        }
        try await messenger.send(MessagePayload(text: "hi"), from: 9, to: [2, 1], receipt: true)
        try await messenger.broadcast(MessagePayload(text: "all"))
        let texts = seen.withLock { $0 }
        #expect(texts.count == 5)
        #expect(texts[0].hasPrefix("c 9 clients(") && texts[0].hasSuffix("hi true"))
        #expect(texts[1].hasPrefix("b 9 clients("))
        #expect(texts[2...] == ["a - everyone all false", "b - everyone all false", "c - everyone all false"])
    }

    // MARK: Connect URLs

    private struct Issuer: CredentialIssuer {
        var value = "a b/&=+\u{7FA4}~"
        var isSecret = true
        var failure: (any Error)?

        func issue(for identity: Identity) async throws -> Credential {
            if let failure { throw failure }
            return Credential(parameter: "token", value: value, expiresIn: .seconds(10), isSecret: isSecret)
        }
    }

    @Test("a connect URL is that of the client's home node, with an encoded value that decodes to itself")
    func connectURL() async throws {
        let url = try await messenger(issuer: Issuer()).connectURL(for: 4)
        #expect(url.url == "ws://b/ws?token=a%20b%2F%26%3D%2B%E7%BE%A4~")
        #expect(url.token == Issuer().value)
        #expect(url.expiresIn == .seconds(10))
        let value = try #require(url.url.split(separator: "=").last)
        #expect(PercentEncoding.decode(value, plusIsBlank: true) == Issuer().value)
    }

    @Test("a public URL may have another form, and a query of its own")
    func publicURL() async throws {
        let fixed = messenger(issuer: Issuer(value: "t"), publicURL: "wss://im.example.com{path}?node={server}")
        #expect(try await fixed.connectURL(for: 4).url == "wss://im.example.com/ws?node=b&token=t")
    }

    @Test("a credential that is no secret is not called a token")
    func noSecret() async throws {
        #expect(try await messenger(issuer: Issuer(isSecret: false)).connectURL(for: 4).token == nil)
    }

    @Test("metadata has a limit")
    func metadata() async throws {
        let messenger = messenger(issuer: Issuer())
        _ = try await messenger.connectURL(for: 1, metadata: String(repeating: "x", count: 4_096))
        let error = await #expect(throws: MessengerError.self) {
            try await messenger.connectURL(for: 1, metadata: String(repeating: "x", count: 4_097))
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("failures of an issuer keep their meaning")
    func issuerFailures() async throws {
        struct Other: Error {}
        for (failure, expected) in [
            (CredentialError(.limitReached, ""), .overloaded), (CredentialError(.unsupported, ""), .notSupported),
            (CredentialError(.unavailable, ""), .unavailable), (Other(), .unavailable),
        ] as [(any Error, MessengerError.Code)] {
            let error = await #expect(throws: MessengerError.self) {
                try await messenger(issuer: Issuer(failure: failure)).connectURL(for: 1)
            }
            #expect(error?.code == expected)
        }
    }
}
