import FreeIMTestSupport
import Testing

@testable import FreeIMCore

@Suite("Roster")
struct RosterTests {
    private let channel = ChannelName.named("x")
    private let other = ChannelName.named("y")

    private func sockets(_ roster: Roster, _ client: ClientID) -> [UInt32] {
        var sockets: [UInt32] = []
        roster.forEachSocket(of: client) { sockets.append($0) }
        return sockets.sorted()
    }

    @Test("all connections of a client are found")
    func clients() {
        var roster = Roster()
        for socket in 0..<3 as Range<UInt32> { roster.insert(7, socket) }
        roster.insert(8, 3)
        #expect(sockets(roster, 7) == [0, 1, 2])
        #expect(sockets(roster, 8) == [3])
        #expect(sockets(roster, 9) == [])
        #expect(roster.clientCount == 2)
    }

    @Test("removing tells whether the client has other connections")
    func remains() {
        var roster = Roster()
        for socket in 0..<3 as Range<UInt32> { roster.insert(7, socket) }
        var remains: [Bool] = []
        for socket in [1, 0, 2] as [UInt32] { remains.append(roster.remove(7, socket)) }
        #expect(remains == [true, true, false])
        #expect(roster.clientCount == 0)
    }

    @Test("a join is for all connections of the client, those that come later among them")
    func join() {
        var roster = Roster()
        roster.insert(7, 0)
        roster.join(7, channel)
        roster.join(7, channel)
        roster.insert(7, 1)
        roster.insert(7, 2)
        #expect(roster.members(of: channel).sorted() == [0, 1, 2])
        roster.leave(7, channel)
        #expect(roster.members(of: channel) == [])
        #expect(roster.channelCount == 0)
    }

    @Test("a client without a connection here cannot join or leave")
    func absent() {
        var roster = Roster()
        roster.join(7, channel)
        roster.leave(7, channel)
        #expect(roster.channelCount == 0)
        roster.insert(7, 0)
        #expect(roster.members(of: channel) == [])
        roster.leave(7, channel)
        roster.join(7, other)
        roster.leave(7, channel)
        #expect(roster.members(of: other) == [0])
    }

    @Test("the last connection takes the client out of its channels")
    func lastLeaves() {
        var roster = Roster()
        roster.insert(7, 0)
        roster.insert(7, 1)
        roster.join(7, channel)
        _ = roster.remove(7, 0)
        #expect(roster.members(of: channel) == [1])
        _ = roster.remove(7, 1)
        #expect(roster.members(of: channel) == [])
        roster.insert(7, 0)
        #expect(roster.members(of: channel) == [])
    }

    @Test("random operations leave what a naive table has", arguments: 0..<12 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var roster = Roster()
        var model = Model()
        let names = (0..<6).compactMap { ChannelName("channel \($0)") }
        for _ in 0..<1_500 {
            let client = ClientID(Int64.random(in: 0..<8, using: &generator))
            let name = names[Int.random(in: 0..<names.count, using: &generator)]
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...2:
                guard let socket = model.freeSocket(&generator) else { continue }
                roster.insert(client, socket)
                model.sockets[client, default: []].insert(socket)
            case 3...5:
                guard let socket = model.sockets[client]?.sorted().randomElement(using: &generator) else { continue }
                let remains = roster.remove(client, socket)
                #expect(remains == model.remove(client, socket))
            case 6...7:
                roster.join(client, name)
                if model.sockets[client] != nil { model.channels[client, default: []].insert(name) }
            default:
                roster.leave(client, name)
                model.channels[client]?.remove(name)
            }
        }
        #expect(roster.clientCount == model.sockets.count)
        for client in 0..<8 {
            let client = ClientID(Int64(client))
            #expect(sockets(roster, client) == (model.sockets[client] ?? []).sorted())
        }
        for name in names { #expect(roster.members(of: name).sorted() == model.members(of: name)) }
        #expect(roster.channelCount == names.count { !model.members(of: $0).isEmpty })
    }

    private struct Model {
        var sockets: [ClientID: Set<UInt32>] = [:]
        var channels: [ClientID: Set<ChannelName>] = [:]

        func freeSocket(_ generator: inout SeededGenerator) -> UInt32? {
            let used = sockets.values.reduce(into: Set()) { $0.formUnion($1) }
            return (0..<40 as Range<UInt32>).filter { !used.contains($0) }.randomElement(using: &generator)
        }

        mutating func remove(_ client: ClientID, _ socket: UInt32) -> Bool {
            sockets[client]?.remove(socket)
            guard sockets[client]?.isEmpty == true else { return true }
            sockets[client] = nil
            channels[client] = nil
            return false
        }

        func members(of channel: ChannelName) -> [UInt32] {
            sockets.filter { channels[$0.key]?.contains(channel) == true }.flatMap(\.value).sorted()
        }
    }
}
