import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Where clients are on other nodes")
struct LocationsTests {
    private var locations = Locations(node: "a")

    @Test("other nodes are known, this one is left out")
    mutating func others() {
        locations.told(ClientLocation(7, connections: ["a": 1, "c": 2, "b": 1]), isWanted: true)
        #expect(locations[7]?.nodes == ["b", "c"])
        #expect(locations[7]?.connections == 3)
        locations.told(ClientLocation(7, connections: ["a": 1]), isWanted: true)
        #expect(locations[7] == nil)
    }

    @Test("of a client that is neither here nor at home here nothing is kept")
    mutating func unwanted() {
        locations.told(ClientLocation(7, connections: ["b": 1]), isWanted: true)
        locations.told(ClientLocation(7, connections: ["b": 1]), isWanted: false)
        #expect(locations[7] == nil)
    }

    @Test("a list of all ends what it does not name; news within it stay")
    mutating func wholeList() {
        for client: ClientID in [1, 2] {
            locations.told(ClientLocation(client, connections: ["b": 1]), isWanted: true)
        }
        locations.told(.listBegins, isWanted: true)
        locations.told(ClientLocation(2, connections: ["b": 1]), isWanted: true)
        locations.told(ClientLocation(3, connections: ["c": 1]), isWanted: true)
        #expect(locations[1] != nil)
        locations.told(.listEnds, isWanted: true)
        #expect(locations[1] == nil && locations[2] != nil && locations[3] != nil)
    }
}

@Suite("Messages wait for news of channels")
struct HeldMessagesTests {
    private func message(_ number: Int64) -> Envelope { .forceOffline(ClientID(number)) }

    @Test("until each client was told of, as often as it was named")
    func waits() {
        var held = HeldMessages()
        let starts = [held.hold([1, 2]), held.hold([1])]
        #expect(starts == [true, false])
        let taken = [held.add(message(1)), held.add(message(2))]
        #expect(taken == [true, true])
        let released = [2, 1, 9, 1].map { held.told(ClientID($0)) }
        #expect(released == [[], [], [], [message(1), message(2)]])
        #expect(!held.isHolding)
    }

    @Test("with the changes of channels in between, but not what they wait for")
    func changes() throws {
        let room = try #require(ChannelName("room"))
        func change(_ kind: MembershipChange.Kind, _ client: ClientID) -> Envelope {
            .membership(MembershipChange(kind, client: client, channels: [room]))
        }
        var held = HeldMessages()
        #expect(!held.concerns(change(.left, 1)))
        _ = held.hold([1])
        #expect(held.concerns(message(1)) && held.concerns(change(.left, 1)) && held.concerns(change(.exact, 2)))
        #expect(!held.concerns(change(.exact, 1)) && !held.concerns(.location(.listEnds)))
        _ = held.add(change(.left, 1))
        #expect(held.changing == [1: [room]])
        #expect(held.told(1) == [change(.left, 1)])
        #expect(held.changing.isEmpty)
    }

    @Test("between a client's leave and its next join there is nothing for it, also where all of it waits")
    func leaveAndJoin() throws {
        let world = RouterWorld()
        let (room, other) = (try #require(ChannelName("room")), try #require(ChannelName("other")))
        world.open(1)
        func change(_ kind: MembershipChange.Kind, _ channels: ChannelName...) -> Envelope {
            .membership(MembershipChange(kind, client: 1, channels: channels))
        }
        func message(_ text: String) -> Envelope {
            .channel(sender: nil, channel: room, payload: ByteBuffer(string: text))
        }
        world.receive(change(.joined, room))
        _ = try world.take()
        world.router.hold([1])
        world.receive(message("1"), change(.left, room), message("2"), change(.joined, room), message("3"))
        #expect(try world.take() == [[], []])
        world.receive(change(.exact, room, other))
        let commands = try world.take()[0]
        #expect(commands.count == 7, "\(commands)")
        let kinds = ["present", "1", "left", "2", "joined", "3", "exact"]
        for (command, kind) in zip(commands, kinds) { #expect(command.contains(kind), "\(commands)") }
    }

    @Test("at most so many, and no longer than they are let")
    func limits() {
        var held = HeldMessages()
        let starts = [held.hold([]), held.hold([1])]
        #expect(starts == [false, true])
        let taken = (0...HeldMessages.limit).count { held.add(message(Int64($0))) }
        #expect(taken == HeldMessages.limit)
        let wait = held.wait
        let released = held.release()
        #expect(released.count == HeldMessages.limit)
        #expect(!held.isHolding)
        let isFirst = held.hold([1])
        #expect(isFirst && held.wait != wait)
    }
}
