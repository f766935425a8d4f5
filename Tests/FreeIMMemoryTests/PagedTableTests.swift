import FreeIMCore
import FreeIMTestSupport
import Testing

@testable import FreeIMMemory

@Suite("Paged table")
struct PagedTableTests {
    @Test("random changes leave what a dictionary has", arguments: 0..<4 as Range<UInt64>)
    func likeADictionary(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var table = PagedTable<Int, Int>()
        var model: [Int: Int] = [:]
        for step in 0..<3_000 {
            let key = Int.random(in: 0..<60, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                table[key] = step
                model[key] = step
            case 1:
                table[key] = nil
                model[key] = nil
            case 2:
                table.update(key, default: 0) { $0 += 1 }
                model[key, default: 0] += 1
            default:
                #expect(table[key] == model[key])
            }
            #expect(table.count == model.count)
        }
        #expect(Set(table.keys) == Set(model.keys))
        for limit in [1, 7, 1_000] {
            var seen: [Int] = []
            var request = PageRequest(limit: limit)
            repeat {
                let page = try table.page(request)
                seen += page.items
                request.cursor = page.next
            } while request.cursor != nil
            #expect(seen.sorted() == model.keys.sorted())
        }
    }

    @Test("a cursor behind the end gives an empty last page")
    func behindTheEnd() throws {
        var table = PagedTable<Int, Int>()
        table[1] = 1
        let page = try table.page(PageRequest(cursor: "9223372036854775807"))
        #expect(page.items.isEmpty && page.next == nil)
    }
}
