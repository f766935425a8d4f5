import NIOCore
import Testing

@testable import RedisClient

@Suite("The states of a connection")
struct StateTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private var configuration: RedisClientConfiguration {
        var configuration = RedisClientConfiguration(endpoint: .unix(path: "/x"))
        configuration.keepAlive = .seconds(5)
        configuration.peerTimeout = .seconds(10)
        return configuration
    }

    private var pong: RedisValue { .simple(ByteBuffer(string: "PONG")) }

    @Test("a handshake sends all it has to in one pipeline, and needs every answer")
    func handshake() {
        var configuration = configuration
        configuration.credentials = RedisCredentials(user: "u", password: "p")
        configuration.clientName = "n"
        configuration.database = 2
        var handshake = Handshake(configuration)
        let text = String(buffer: handshake.bytes).split(separator: "\r\n").filter { !"*$".contains($0.first ?? "*") }
        #expect(text.joined(separator: " ") == "AUTH u p CLIENT SETNAME n SELECT 2 CLIENT ID PING")
        let ok = RedisValue.simple(ByteBuffer(string: "OK"))
        #expect((0..<3).map { _ in handshake.received(ok) } == [.pending, .pending, .pending])
        #expect(handshake.received(.integer(9)) == .pending)
        #expect(handshake.received(pong) == .accepted)
        #expect(handshake.clientID == 9)
    }

    @Test("a handshake that hears itself is refused")
    func echo() {
        var handshake = Handshake(configuration)
        let outcome = handshake.received(
            .array([.bulk(ByteBuffer(string: "CLIENT")), .bulk(ByteBuffer(string: "ID"))]))
        #expect(outcome == .refused(RedisError(.protocolViolation, "the server does not answer as Redis does")))
    }

    @Test("commands expire in order, and their replies are dropped")
    func expiry() {
        var state = CommandState<Int>()
        state.send(1, count: 1, deadline: start + .seconds(1))
        state.send(nil, count: 1, deadline: nil)
        state.send(2, count: 2, deadline: start + .seconds(2))
        state.send(3, count: 1, deadline: start + .seconds(3))
        #expect(state.inFlight == 5)
        #expect(state.nextDeadline == start + .seconds(1))
        #expect(state.takeExpired(now: start) == [])
        #expect(state.takeExpired(now: start + .seconds(1)) == [1])
        _ = state.received(.integer(1))
        #expect(state.takeExpired(now: start + .seconds(2)) == [2])
        #expect(!state.isIdle)
        for value in 2...4 {
            guard case .nothing = state.received(.integer(Int64(value))) else {
                Issue.record("reply \(value) was not dropped")
                return
            }
        }
        guard case .reply(3, .integer(5)) = state.received(.integer(5)) else {
            Issue.record("no reply for 3")
            return
        }
        #expect(state.isIdle && state.inFlight == 0)
        state.send(4, count: 1, deadline: start + .seconds(4))
        #expect(state.takeExpired(now: start + .seconds(4)) == [4])
        #expect(state.end() == [])
    }

    @Test("a pipeline's replies come together")
    func pipeline() {
        var state = CommandState<Int>()
        state.send(1, count: 3, deadline: nil)
        _ = state.received(.integer(1))
        _ = state.received(.integer(2))
        guard case .replies(1, let values) = state.received(.integer(3)) else {
            Issue.record("no replies")
            return
        }
        #expect(values == [.integer(1), .integer(2), .integer(3)])
        guard case .end(let error) = state.received(.integer(4)) else {
            Issue.record("a reply too many was taken")
            return
        }
        #expect(error.code == .protocolViolation)
    }

    @Test("an UNSUBSCRIBE where nothing is subscribed has been carried out, whatever Redis calls it")
    func notSubscribed() {
        var state = SubscriberState()
        _ = state.unsubscribe(ByteBuffer(string: "c"))
        let answer = RedisError(reply: "NOSUB 'unsubscribe' command executed not in subscribed mode")
        #expect(state.received(.error(answer)) == .nothing)
        #expect(!state.isOwed)
    }

    @Test("those who wait when the connection ends are told in order")
    func end() {
        var state = CommandState<Int>()
        for target in 1...3 { state.send(target, count: 1, deadline: start) }
        #expect(state.end() == [1, 2, 3])
        #expect(state.end() == [])
    }

    @Test("a command expires in time behind others that have no deadline")
    func behindPing() {
        var state = CommandState<Int>()
        state.send(nil, count: 1, deadline: nil)
        #expect(state.nextDeadline == nil)
        state.send(1, count: 1, deadline: start + .seconds(1))
        #expect(state.nextDeadline == start + .seconds(1))
        #expect(state.takeExpired(now: start + .seconds(1)) == [1])
        #expect(state.nextDeadline == nil)
    }

    @Test("a silent peer is asked once, and given up only while it owes an answer")
    func liveness() {
        var liveness = Liveness(configuration, now: start)
        #expect(liveness.verdict(now: start + .milliseconds(4_999)) == .fine)
        #expect(liveness.verdict(now: start + .seconds(5)) == .ask)
        liveness.asked(now: start + .seconds(5))
        #expect(liveness.verdict(now: start + .seconds(14)) == .fine)
        #expect(liveness.verdict(now: start + .seconds(15)) == .dead)
        liveness.read(now: start + .seconds(14), isOwed: true)
        #expect(liveness.nextLook == start + .seconds(24))
        liveness.read(now: start + .seconds(14), isOwed: false)
        #expect(liveness.nextLook == start + .seconds(19))
    }

    @Test("a handshake has its own deadline, and silence afterwards another")
    func handshakeDeadline() {
        var session = Session(configuration, now: start, handshakeDeadline: start + .seconds(1))
        #expect(session.nextLook == start + .seconds(1))
        #expect(session.verdict(now: start) == .fine)
        #expect(session.verdict(now: start + .seconds(1)) == .dead)
        #expect(session.greeted(.integer(7)) == .pending && session.phase == .greeting)
        #expect(session.greeted(pong) == .accepted && session.phase == .ready && session.clientID == 7)
        session.read(now: start, isOwed: false)
        #expect(session.verdict(now: start + .seconds(1)) == .fine)
        #expect(session.nextLook == start + .seconds(5))
        session.end()
        #expect(session.phase == .over)
    }
}
