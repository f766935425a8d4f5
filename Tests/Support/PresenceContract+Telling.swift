import FreeIMCore
import NIOCore
import Testing

extension PresenceContract {
    /// A change is told to the node that holds the client, and announced there.
    public static func tellsTheClientsNode(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client, on: "b")
            try await world.presence.join(client, channels("x", "y"))
            try await world.presence.leave(client, channels("x"))
            try await world.presence.remove([client], from: channel("y"))
            #expect(
                try await world.told("b") == [
                    MembershipChange(.joined, client: client, channels: channels("x", "y"), announce: true),
                    MembershipChange(.left, client: client, channels: channels("x"), announce: true),
                    MembershipChange(.left, client: client, channels: channels("y"), announce: true),
                ])
            #expect(try await world.told("a") == [])
        }
    }

    /// A change of a client without connections is told to, and announced by, its home node.
    public static func tellsTheHomeNode(_ make: Make) async throws {
        try await with(make) { world async throws in
            for (client, home, elsewhere) in [(client, "a", "b"), (other, "b", "a")] {
                try await world.presence.join(client, channels("x"))
                #expect(try await world.presence.removeOfflineMembers(of: channel("x")) == 1)
                #expect(
                    try await world.told(home) == [
                        MembershipChange(.joined, client: client, channels: channels("x"), announce: true),
                        MembershipChange(.left, client: client, channels: channels("x"), announce: true),
                    ])
                #expect(try await world.told(elsewhere) == [])
            }
        }
    }

    /// Where several nodes hold a client each is told, and exactly one announces.
    public static func oneNodeAnnounces(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client, on: "a")
            try await world.open(client, on: "b")
            _ = try await world.toldAll()
            try await world.presence.join(client, channels("x"))
            let one = try await world.told("a")
            let two = try await world.told("b")
            #expect((one + two).map(\.channels) == [try channels("x"), try channels("x")])
            #expect((one + two).filter(\.announce).count == 1)
        }
    }

    /// A call that changes nothing is told again, in case the bus did not take it the first time, and not announced.
    public static func tellsRepeatedCalls(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client)
            try await world.presence.join(client, channels("x"))
            _ = try await world.toldAll()
            try await world.presence.join(client, channels("x", "y"))
            #expect(
                try await world.told("a") == [
                    MembershipChange(.joined, client: client, channels: channels("y"), announce: true),
                    MembershipChange(.present, client: client, channels: channels("x")),
                ])
            try await world.presence.leave(client, channels("no"))
            try await world.presence.remove([client], from: channel("nor"))
            #expect(
                try await world.told("a") == [
                    MembershipChange(.left, client: client, channels: channels("no")),
                    MembershipChange(.left, client: client, channels: channels("nor")),
                ])
        }
    }

    /// Where nobody is to be taken out, and no channels are given, nothing is told.
    public static func tellsNothingOfNothing(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client)
            try await world.presence.join(client, [])
            try await world.presence.leave(client, [])
            try await world.presence.remove([], from: channel("x"))
            try await world.presence.removeOfflineMembers(of: channel("x"))
            #expect(try await world.toldAll() == [])
        }
    }

    /// A client that connects while it is in channels is told to that node as present, whichever connection it is.
    public static func tellsWhoIsPresent(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.presence.join(client, channels("x", "y"))
            _ = try await world.toldAll()
            for node in ["a", "b", "b"] {
                try await world.open(client, on: node)
                let told = try await world.told(node)
                #expect(told.map(\.kind) == [.present])
                #expect(told.map { Set($0.channels) } == [Set(try channels("x", "y"))])
                #expect(told.map(\.announce) == [false])
            }
            #expect(try await world.toldAll() == [])
        }
    }

    /// That a client left its channels by going offline is told to the node, which announces it by itself.
    public static func tellsWhoWentOffline(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client, on: "b")
            try await world.presence.join(client, channels("x"))
            _ = try await world.toldAll()
            try await world.close(client, on: "b")
            #expect(
                try await world.told("b") == [MembershipChange(.left, client: client, channels: channels("x"))])
        }
    }

    /// A change is on the bus when the call returns: what is published behind it arrives behind it.
    public static func tellsBeforeItReturns(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client)
            for _ in 0..<20 {
                try await world.presence.join(client, channels("x"))
                #expect(try await world.told("a").count == 1)
                try await world.presence.leave(client, channels("x"))
                #expect(try await world.told("a").count == 1)
            }
        }
    }

    /// Whoever applies the changes in the order in which they arrive has what is stored.
    public static func tellsInTheOrderOfStoring(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            try await world.open(client)
            let names = try channels("x", "y", "z")
            for _ in 0..<5 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<30 {
                        group.addTask {
                            let some = [names[number % 3], names[(number + 1) % 3]]
                            if number % 2 == 0 {
                                try await presence.join(client, some)
                            } else {
                                try await presence.leave(client, some)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await presence.leave(client, [names[0]])
                var index: Set<ChannelName> = []
                for change in try await world.told("a") {
                    if change.kind == .left {
                        index.subtract(change.channels)
                    } else {
                        #expect(change.kind == .present || index.isDisjoint(with: change.channels))
                        index.formUnion(change.channels)
                    }
                }
                #expect(try await Set(presence.channels(of: client)) == index)
                try await presence.leave(client, names)
                _ = try await world.toldAll()
            }
        }
    }
}
