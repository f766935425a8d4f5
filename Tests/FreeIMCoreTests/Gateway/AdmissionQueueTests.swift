import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Requests that come at once")
struct AdmissionQueueTests {
    /// A hook that keeps everybody waiting, and knows who has asked.
    private final class Waiting: AuthHook {
        let asked = Mutex<Set<ClientID>>([])

        func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
            guard let client = request.parameter("client").flatMap({ ClientID($0) }) else { return .abstain }
            asked.withLock { _ = $0.insert(client) }
            try await Gate().wait()
            return .allow(Identity(client: client))
        }

        func areThose(_ clients: some Sequence<Int>) -> Bool {
            asked.withLock { $0 == Set(clients.map { ClientID(Int64($0)) }) }
        }
    }

    private let hook = Waiting()

    private func gateway() throws -> AsyncGateway {
        try AsyncGateway(auth: [hook]) {
            $0.handshakeTimeout = .seconds(10)
            $0.authTimeout = .seconds(20)
        }
    }

    /// Client 1, 2, 3 and so on, each of whom has sent its request.
    private func requests(_ count: Int, _ gateway: AsyncGateway) async throws -> [NIOAsyncTestingChannel] {
        var channels: [NIOAsyncTestingChannel] = []
        for client in 1...count {
            let channel = try await gateway.accept()
            try await channel.send(AsyncGateway.request.replacing("client=7", with: "client=\(client)"))
            channels.append(channel)
        }
        return channels
    }

    @Test("go on turn by turn, in their order; who has left meanwhile takes no room")
    func turns() async throws {
        let gateway = try gateway()
        let channels = try await requests(100, gateway)
        try await eventually { hook.areThose(1...32) }
        for channel in channels[32..<42] { try await channel.close() }
        await gateway.loop.run()
        #expect(hook.areThose(1...32))
        await gateway.loop.advanceTime(by: AdmissionQueue.turn)
        try await eventually { hook.areThose(Array(1...32) + Array(43...74)) }
        await gateway.loop.advanceTime(by: AdmissionQueue.turn)
        try await eventually { hook.areThose(Array(1...32) + Array(43...100)) }
        // A turn of its own is over for whoever comes now.
        await gateway.loop.advanceTime(by: AdmissionQueue.turn)
        let late = try await gateway.accept()
        try await late.send(AsyncGateway.request.replacing("client=7", with: "client=1000"))
        try await eventually { hook.areThose(Array(1...32) + Array(43...100) + [1_000]) }
        for channel in channels + [late] where channel.isActive { try await channel.close() }
        try await eventually { await gateway.isEmpty() }
    }

    @Test("are refused with 503 when they have waited to the handshake's deadline")
    func overloaded() async throws {
        let gateway = try gateway()
        let channels = try await requests(33, gateway)
        try await eventually { hook.areThose(1...32) }
        try await gateway.tick(gateway.context.handshakeTicks)
        let answer = try await channels[32].receive(until: "}}")
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains(#""code":"overloaded""#))
        #expect(answer.lowercased().contains("retry-after"))
        await gateway.loop.advanceTime(by: AdmissionQueue.turn)
        #expect(hook.areThose(1...32))
        for channel in channels where channel.isActive { try await channel.close() }
        try await eventually { await gateway.isEmpty() }
    }
}
