import FreeIMCore
import Testing

extension PresenceContract {
    /// Page after page shows what stays from the first to the last, while other entries come and go.
    ///
    /// - Parameter repeats: whether an entry may be seen more than once.
    public static func pagesShowWhatStays(repeats: Bool, _ make: Make) async throws {
        try await with(make) { world async throws in
            let stable = (1...60).map { ClientID(Int64($0)) }
            let passing = (1_001...1_040).map { ClientID(Int64($0)) }
            for (one, two) in zip(stable, passing + passing) {
                try await world.open(one)
                try await world.open(two)
            }
            var changes = passing.makeIterator()
            var newcomer: Int64 = 2_000
            let seen = try await world.all(7) {
                for _ in 0..<3 {
                    newcomer += 1
                    try await world.open(ClientID(newcomer))
                    if let gone = changes.next() { try await world.close(gone) }
                }
            } _: {
                let page = try await world.presence.onlineClients($0)
                #expect(page.items.count <= 7)
                return page
            }
            #expect(Set(seen).isSuperset(of: stable))
            if !repeats { #expect(seen.filter(Set(stable).contains).count == stable.count) }
        }
    }

    /// Members and channels are listed a page at a time.
    public static func pagesMembersAndChannels(_ make: Make) async throws {
        try await with(make) { world async throws in
            let clients = (1...25).map { ClientID(Int64($0)) }
            for client in clients {
                try await world.presence.join(client, [try channel("all"), try channel("of \(client)")])
            }
            for limit in [1, 4, 25, 1_000] {
                #expect(try await Set(world.allMembers(of: channel("all"), limit: limit)) == Set(clients))
                #expect(try await Set(world.allChannels(limit: limit).map(\.channel.text)).count == 26)
            }
        }
    }

    /// An empty list is one empty page.
    public static func emptyListsEnd(_ make: Make) async throws {
        try await with(make) { world async throws in
            let page = try await world.presence.onlineClients(PageRequest())
            #expect(page.items.isEmpty && page.next == nil)
            #expect(try await world.allChannels().isEmpty)
            #expect(try await world.allMembers(of: channel("no")).isEmpty)
        }
    }

    /// A cursor that no page gave out is an error, not a list.
    public static func refusesInvalidCursors(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client)
            for cursor in ["x", "", "-1", "1.5", "99999999999999999999999"] {
                let request = PageRequest(cursor: cursor)
                var errors: [PresenceError.Code] = []
                for ask in [
                    { _ = try await world.presence.onlineClients(request) },
                    { _ = try await world.presence.channels(request) },
                    { _ = try await world.presence.members(of: channel("x"), request) },
                ] as [() async throws -> Void] {
                    do { try await ask() } catch let error as PresenceError { errors.append(error.code) }
                }
                #expect(errors == [.invalidCursor, .invalidCursor, .invalidCursor], "cursor '\(cursor)'")
            }
        }
    }
}
