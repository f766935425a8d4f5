@testable import FreeIMCore

extension Benchmark {
    static var rosters: [Benchmark] {
        [1_000, 10_000].flatMap { count in
            let size = count == 1_000 ? "1,000" : "10,000"
            return [
                Benchmark("roster, \(size) join and leave a channel", per: "client", operations: count) {
                    var roster = roster(of: count, in: nil)
                    return {
                        for client in 0..<count { roster.join(ClientID(Int64(client)), room) }
                        for client in 0..<count { roster.leave(ClientID(Int64(client)), room) }
                        consume(roster.channelCount)
                    }
                },
                Benchmark("roster, walk over \(size) members", per: "member", operations: count) {
                    let roster = roster(of: count, in: room)
                    return {
                        var sum = 0
                        for member in roster.members(of: room) { sum &+= Int(member) }
                        consume(sum)
                    }
                },
            ]
        } + [
            Benchmark("roster, look up a client of 10,000", per: "client", operations: 10_000) {
                let roster = roster(of: 10_000, in: room)
                return {
                    var sum = 0
                    for client in 0..<10_000 { roster.forEachSocket(of: ClientID(Int64(client))) { sum &+= Int($0) } }
                    consume(sum)
                }
            }
        ]
    }

    private static let room = Sample.channel("room")

    /// A roster with one connection for each client.
    private static func roster(of clients: Int, in channel: ChannelName?) -> Roster {
        var roster = Roster()
        // Somebody remains, so that the channel does not come and go with the others.
        roster.insert(-1, UInt32(clients))
        roster.join(-1, room)
        for client in 0..<clients {
            roster.insert(ClientID(Int64(client)), UInt32(client))
            if let channel { roster.join(ClientID(Int64(client)), channel) }
        }
        return roster
    }
}
