import FreeIMTestSupport
import Testing

@testable import FreeIMCore

@Suite("Directory")
struct DirectoryTests {
    @Test("it knows how many connections a client has, and in which shards")
    func connections() throws {
        var directory = Directory()
        directory.opened(7, in: 0)
        directory.opened(7, in: 3)
        directory.opened(7, in: 3)
        #expect(directory.entry(of: 7)?.connections == 3)
        #expect(directory.entry(of: 7)?.shards == [0, 3])
        directory.closed(7, in: 3, remains: true)
        #expect(directory.entry(of: 7)?.shards == [0, 3])
        directory.closed(7, in: 3, remains: false)
        #expect(directory.entry(of: 7)?.shards == [0])
        directory.closed(7, in: 0, remains: false)
        #expect(directory.entry(of: 7) == nil)
        #expect(directory.clientCount == 0)
    }

    @Test("the end of an unknown connection changes nothing")
    func unknown() {
        var directory = Directory()
        directory.closed(7, in: 0, remains: false)
        #expect(directory.clientCount == 0)
    }
}

@Suite("Shard set")
struct ShardSetTests {
    @Test("it is a set of the numbers 0 to 63", arguments: 0..<4 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var set: ShardSet = []
        var model: Set<Int> = []
        for _ in 0..<300 {
            let shard = Int.random(in: 0..<ShardSet.maximumShards, using: &generator)
            if Bool.random(using: &generator) {
                set.insert(shard)
                model.insert(shard)
            } else {
                set.remove(shard)
                model.remove(shard)
            }
            var seen: [Int] = []
            set.forEach { seen.append($0) }
            #expect(seen == model.sorted())
            #expect(set.count == model.count)
            #expect(set.isEmpty == model.isEmpty)
        }
    }
}
