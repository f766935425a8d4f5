import FreeIMTestSupport
import Metrics
import NIOPosix
import Testing

@testable import FreeIMRedis

@Suite("The table of inboxes")
struct InboxTableTests {
    private let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())

    private func receiver() -> RedisInbox {
        RedisInbox(inbox, clientLoop: inbox.eventLoop, maxPending: 1, dropped: Counter(label: "dropped"))
    }

    @Test("knows who stands at an own subject, and only there")
    func own() {
        var table = InboxTable(ownSubjects: ["a", "b", "\u{E9}"])
        let receiver = table.begin(inbox, receiver)
        #expect(table.receivers(ofOwn: "a").isEmpty)
        table.confirm(receiver, ["a", "a", "news", "e\u{301}"])
        #expect(table.receivers(ofOwn: "a").map { $0 === receiver } == [true])
        for subject in ["b", "news", "\u{E9}", "e\u{301}"] { #expect(table.receivers(ofOwn: subject).isEmpty) }
        #expect(table.remove(inbox) === receiver)
        #expect(table.receivers(ofOwn: "a").isEmpty)
    }

    @Test("keeps one receiver for an inbox as long as a subscription stands or is being made")
    func one() {
        var table = InboxTable(ownSubjects: [])
        let first = table.begin(inbox, receiver)
        #expect(table.begin(inbox, receiver) === first)
        table.fail(first)
        #expect(table.begin(inbox, receiver) === first)
        table.fail(first)
        table.fail(first)
        #expect(table.begin(inbox, receiver) !== first)
    }

    @Test("forgets what was under way when an inbox unsubscribed")
    func crossing() {
        var table = InboxTable(ownSubjects: ["a"])
        let old = table.begin(inbox, receiver)
        _ = table.remove(inbox)
        let new = table.begin(inbox, receiver)
        table.confirm(old, ["a"])
        #expect(table.receivers(ofOwn: "a").isEmpty)
        table.fail(old)
        table.confirm(new, ["a"])
        #expect(table.receivers(ofOwn: "a").map { $0 === new } == [true])
    }
}
