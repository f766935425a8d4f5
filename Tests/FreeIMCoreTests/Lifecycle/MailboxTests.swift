import Testing

@testable import FreeIMCore

@Suite("Mailbox")
struct MailboxTests {
    @Test("what was offered comes in one batch, in order")
    func batch() async {
        let mailbox = Mailbox<Int>(limit: 10)
        for number in 1...3 { #expect(mailbox.offer(number)) }
        #expect(mailbox.count == 3)
        #expect(await mailbox.next() == [1, 2, 3])
        #expect(mailbox.count == 0)
    }

    @Test("a full mailbox refuses, and takes again when it was emptied")
    func limit() async {
        let mailbox = Mailbox<Int>(limit: 2)
        #expect([mailbox.offer(1), mailbox.offer(2), mailbox.offer(3)] == [true, true, false])
        #expect(await mailbox.next() == [1, 2])
        #expect(mailbox.offer(4))
        #expect(await mailbox.next() == [4])
    }

    @Test("a finished mailbox takes nothing, gives out what is there, and then ends")
    func finished() async {
        let mailbox = Mailbox<Int>(limit: 10)
        _ = mailbox.offer(1)
        mailbox.finish()
        #expect(!mailbox.offer(2))
        #expect(await mailbox.next() == [1])
        #expect(await mailbox.next() == nil)
        #expect(await mailbox.next() == nil)
    }

    @Test("a waiting task is woken by an offer, and by the finish")
    func waiting() async {
        let mailbox = Mailbox<Int>(limit: 10)
        async let first = mailbox.next()
        _ = mailbox.offer(1)
        #expect(await first == [1])
        async let second = mailbox.next()
        mailbox.finish()
        #expect(await second == nil)
    }

    @Test("a cancelled task gets what is there, and then nothing")
    func cancelled() async {
        let mailbox = Mailbox<Int>(limit: 10)
        let batches = await withTaskGroup(of: [[Int]?].self) { group in
            group.addTask {
                var batches: [[Int]?] = []
                repeat { batches.append(await mailbox.next()) } while batches.last != .some(nil)
                return batches
            }
            _ = mailbox.offer(1)
            group.cancelAll()
            return await group.next() ?? []
        }
        // Whether the offer or the cancellation was first is open; what was taken is not lost.
        #expect(batches == [nil] || batches == [[1], nil])
        #expect(mailbox.count == (batches.count == 1 ? 1 : 0))
    }

    @Test("offers of many threads arrive, each thread's in order")
    func manyThreads() async {
        let mailbox = Mailbox<(Int, Int)>(limit: .max)
        await withTaskGroup(of: Void.self) { group in
            for publisher in 0..<4 {
                group.addTask { for number in 0..<500 { _ = mailbox.offer((publisher, number)) } }
            }
            var next = [0, 0, 0, 0]
            var count = 0
            while count < 2_000, let batch = await mailbox.next() {
                for (publisher, number) in batch {
                    #expect(number == next[publisher])
                    next[publisher] += 1
                    count += 1
                }
            }
            #expect(next == [500, 500, 500, 500])
        }
    }
}
