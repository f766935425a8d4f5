import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("Messages wait for news of channels")
struct HeldMessagesTests {
    private let room: ChannelName
    private let other: ChannelName

    init() throws {
        room = try #require(ChannelName("room"))
        other = try #require(ChannelName("other"))
    }

    private func message(_ number: Int64) -> Envelope { .forceOffline(ClientID(number)) }

    private func exact(_ client: ClientID) -> MembershipChange {
        MembershipChange(.exact, client: client, channels: [room])
    }

    private func told(_ held: inout HeldMessages, _ clients: ClientID...) -> [[Envelope]] {
        clients.map { held.told(exact($0)) }
    }

    @Test("until each client that was named before them was told of, as often as it was named")
    func waits() {
        var held = HeldMessages()
        for client: ClientID in [1, 2, 1] { held.wait(for: client) }
        held.add(message(1))
        held.add(message(2))
        let early = told(&held, 2, 1, 9)
        #expect(early[0].isEmpty && early[2].isEmpty)
        // Told of once more to come: what it says is only added.
        #expect(
            early[1] == [.membership(MembershipChange(.present, client: 1, channels: [room])), .membership(exact(2))])
        #expect(told(&held, 1) == [[.membership(exact(1)), message(1), message(2)]])
        #expect(!held.isHolding)
    }

    @Test("but for nobody who was named after them")
    func laterWaits() {
        var held = HeldMessages()
        held.wait(for: 1)
        held.add(message(1))
        held.wait(for: 2)
        held.add(message(2))
        #expect(told(&held, 1) == [[.membership(exact(1)), message(1)]])
        held.wait(for: 3)
        held.add(message(3))
        // Out of turn: it counts in its place.
        let released = told(&held, 3, 2)
        #expect(released == [[], [.membership(exact(2)), message(2), .membership(exact(3)), message(3)]])
        #expect(!held.isHolding)
    }

    @Test("so changes without end do not stop them")
    func endlessChanges() {
        var held = HeldMessages()
        var waiting = 0
        held.wait(for: 0)
        for number: Int64 in 1...10_000 {
            held.add(message(number))
            held.wait(for: ClientID(number))
            waiting += 1 - held.told(exact(ClientID(number - 1))).count { $0 == message(number) }
            #expect(held.isHolding && waiting == 0)
        }
    }

    private func change(_ kind: MembershipChange.Kind, _ channels: ChannelName...) -> Envelope {
        .membership(MembershipChange(kind, client: 1, channels: channels))
    }

    private func message(_ text: String) -> Envelope {
        .channel(sender: nil, channel: room, payload: ByteBuffer(string: text))
    }

    private func expect(_ commands: [String], _ kinds: String...) {
        #expect(commands.count == kinds.count, "\(commands)")
        for (command, kind) in zip(commands, kinds) { #expect(command.contains(kind), "\(commands)") }
    }

    /// The first client is in the room.
    private func memberOnline() throws -> RouterWorld {
        let world = RouterWorld()
        world.open(1)
        world.receive(change(.joined, room))
        _ = try world.take()
        return world
    }

    @Test("between a client's leave and its next join there is nothing for it, also where all of it waits")
    func leaveAndJoin() throws {
        let world = try memberOnline()
        world.router.hold([1])
        world.receive(message("1"), change(.left, room), message("2"), change(.joined, room), message("3"))
        #expect(try world.take() == [[], []])
        world.receive(change(.exact, room, other))
        expect(try world.take()[0], "present", "1", "left", "2", "joined", "3", "exact")
    }

    @Test("what somebody else's leave follows still comes, where another client is waited for in front of it")
    func leaveBehindAnotherWait() throws {
        let world = try memberOnline()
        world.open(2)
        world.router.hold([2])
        world.receive(message("1"))
        world.router.hold([1])
        world.receive(message("2"), change(.exact))
        #expect(try world.take() == [[], []])
        world.receive(.membership(MembershipChange(.exact, client: 2, channels: [])))
        expect(try world.take()[0], "exact", "1", "exact", "2")
    }

    @Test("for nobody who is gone, or of whom nothing will be told")
    func givenUp() throws {
        let world = try memberOnline()
        world.open(2)
        world.router.hold([1, 2, 1])
        world.receive(message("x"))
        world.router.release([2, 3])
        world.router.burstEnded()
        #expect(try world.take() == [[], []])
        world.close(1)
        world.turn()
        #expect(!world.router.held.isHolding)
        #expect(try world.take()[0].contains { $0.contains("x") })
    }

    @Test("places of other nodes' clients are taken at once")
    func locations() {
        let world = RouterWorld()
        world.router.hold([1])
        #expect(!world.router.holdBack(.location(.listBegins)))
        #expect(world.router.holdBack(message(1)))
    }

    @Test("at most so many, and the longest wait is given up for more")
    func limits() throws {
        let world = try memberOnline()
        world.router.hold([1, 2])
        for _ in 0..<HeldMessages.limit { world.receive(message("x")) }
        #expect(try world.take() == [[], []])
        world.receive(message("y"))
        #expect(!world.router.held.isHolding)
        #expect(try !world.take()[0].isEmpty)
        world.router.hold((0...HeldMessages.limit).map { ClientID(Int64($0)) })
        #expect(world.router.held.isFull && !world.router.held.awaits(0) && world.router.held.awaits(1))
    }

    @Test("no longer than two seconds")
    func time() throws {
        let world = try memberOnline()
        world.router.hold([1])
        world.receive(message("x"))
        world.loop.advanceTime(by: .milliseconds(750))
        world.router.hold([2])
        world.receive(message("y"))
        world.loop.advanceTime(by: .milliseconds(1_000))
        #expect(try world.take() == [[], []])
        world.loop.advanceTime(by: .milliseconds(500))
        expect(try world.take()[0], "x")
        #expect(world.router.held.isHolding)
        world.loop.advanceTime(by: .milliseconds(750))
        expect(try world.take()[0], "y")
        #expect(!world.router.held.isHolding)
    }
}
