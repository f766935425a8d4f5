import NIOCore
import NIOEmbedded
import Testing

@testable import RedisClient

@Suite("The table of subscriptions")
struct SubscriptionTableTests {
    private let loop = EmbeddedEventLoop()
    private let recorder = Recorder()
    private let noPerm = RedisError(reply: "NOPERM no")

    /// A call, and what Redis has to be asked for.
    private func subscribe(_ table: inout SubscriptionTable, to names: String...) -> (Outcome, [String]) {
        let promise = loop.makePromise(of: Void.self)
        let outcome = Outcome(promise.futureResult)
        let wanted = table.subscribe(
            recorder, to: names, deadline: .uptimeNanoseconds(1), promise: promise)
        for key in wanted { table.asked(key) }
        return (outcome, wanted.map { String(buffer: $0) })
    }

    private func keys(_ names: String...) -> [ByteBuffer] { names.map { ByteBuffer(string: $0) } }

    @Test("tells names apart by their bytes, and takes each once")
    func bytes() {
        var table = SubscriptionTable()
        let (_, wanted) = subscribe(&table, to: "\u{E9}", "e\u{301}", "\u{E9}")
        #expect(wanted.map { Array($0.utf8) } == [Array("\u{E9}".utf8), Array("e\u{301}".utf8)])
        table.failAll(.gone)
    }

    @Test("takes back what a failed call brought, but not what another call wants as well")
    func shared() {
        for isLive in [true, false] {
            var table = SubscriptionTable()
            let (first, _) = subscribe(&table, to: "both", "own", "bad")
            let (second, wanted) = subscribe(&table, to: "both")
            #expect(wanted.isEmpty)
            if isLive { for key in keys("both", "own") { table.confirmed(key) } }
            #expect(second.succeeded == isLive)
            let unwanted = table.refused(keys("bad"), noPerm)
            #expect(first.error == noPerm)
            #expect(unwanted == keys("own"))
            table.confirmed(keys("both")[0])
            #expect(second.succeeded)
            #expect(table.channels[keys("both")[0]]?.receivers.count == 1)
            #expect(table.channels[keys("bad")[0]] == nil)
        }
    }

    @Test("lets no call wait for a channel that was unsubscribed meanwhile")
    func unsubscribed() {
        var table = SubscriptionTable()
        let (call, _) = subscribe(&table, to: "a", "b")
        #expect(table.unsubscribe(recorder, from: keys("a")) == keys("a"))
        table.confirmed(keys("a")[0])
        #expect(!call.succeeded)
        table.confirmed(keys("b")[0])
        #expect(call.succeeded)
        #expect(table.channels.count == 1)
    }

    @Test("has calls wait for all of their channels again after a reconnect")
    func reconnect() {
        var table = SubscriptionTable()
        let (call, _) = subscribe(&table, to: "a", "b")
        table.confirmed(keys("a")[0])
        table.disconnected()
        for key in table.wanted { table.asked(key) }
        table.confirmed(keys("b")[0])
        #expect(!call.succeeded)
        table.confirmed(keys("a")[0])
        #expect(call.succeeded)
    }

    @Test("asks again only for what is wanted and not under way otherwise")
    func refusedTogether() {
        var table = SubscriptionTable()
        let (call, _) = subscribe(&table, to: "kept", "left", "again")
        _ = table.unsubscribe(recorder, from: keys("left", "again"))
        let (other, wanted) = subscribe(&table, to: "again")
        #expect(wanted == ["again"])
        #expect(table.refusedTogether(keys("kept", "left", "again")) == keys("kept"))
        #expect(table.channels[keys("left")[0]] == nil)
        for key in keys("kept", "again") { table.confirmed(key) }
        #expect(call.succeeded && other.succeeded)
    }
}

/// What has become of a call.
private final class Outcome {
    private(set) var succeeded = false
    private(set) var error: RedisError?

    init(_ future: EventLoopFuture<Void>) {
        future.assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.succeeded = true
            case .failure(let error): self.error = error as? RedisError
            }
        }
    }
}
