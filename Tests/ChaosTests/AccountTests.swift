import Testing

@testable import chaos

@Suite("The account of a run finds what is broken, and nothing else")
struct AccountTests {
    /// Clients 1 and 4 of node 1, 2 of node 2, each connected from the first second on and in its channel from the second.
    private func book(_ kinds: [Ledger.Message.Kind], at sent: Double = 10) -> Ledger.Book {
        var book = Ledger.Book()
        for kind in kinds {
            book.messages.append(
                Ledger.Message(sender: 0, kind: kind, sent: sent, outcome: .accepted(at: sent + 0.01)))
        }
        for client in [1, 2, 4] {
            book.connections.append(
                Ledger.Connection(client: client, opened: 1, memberships: [.init(asked: 1.5, joined: 2)]))
            book.events[client] = [.init(isOnline: true, heard: 1)]
        }
        return book
    }

    private func violations(_ book: Ledger.Book, _ windows: [Account.Window] = []) -> [String] {
        Account(book, nodes: 3, windows: windows).violations
    }

    private func found(_ what: String, in book: Ledger.Book, _ windows: [Account.Window] = []) -> Bool {
        let violations = violations(book, windows)
        return violations.count == 1 && violations[0].hasPrefix(what)
    }

    @Test("nothing, where each receiver has each message once and in order")
    func fine() {
        var book = book([.direct([1]), .broadcast, .receipted(from: 1, to: 2), .channel(4)])
        book.connections[0].received = [0, 1]
        book.connections[0].receipts = [(2, true)]
        book.connections[1].received = [1, 2]
        book.connections[2].received = [1, 3]
        #expect(violations(book) == [])
        #expect(Account(book, nodes: 3, windows: []).owed == 6)
    }

    @Test("a message that is lost")
    func lost() {
        #expect(found("m0 is lost, at client 1", in: book([.direct([1])])))
    }

    @Test("a message that came twice on one connection")
    func twice() {
        var book = book([.direct([1])])
        book.connections[0].received = [0, 0]
        #expect(found("m0 came twice", in: book))
    }

    @Test("messages of one sender in the wrong order, unless the later one's call had failed")
    func order() {
        var book = book([.direct([1]), .direct([1])])
        book.connections[0].received = [1, 0]
        #expect(found("m0 came after m1", in: book))
        book.messages[0].outcome = .failed(at: 15, "whether Redis took it is unknown")
        #expect(violations(book) == [])
    }

    @Test("a message that was for somebody else")
    func astray() {
        var book = book([.direct([1])])
        book.connections[0].received = [0]
        book.connections[1].received = [0]
        #expect(found("m0 was not for it", in: book))
    }

    @Test("a receipt that is missing, doubled or wrong")
    func receipts() {
        var book = book([.receipted(from: 1, to: 2)])
        book.connections[1].received = [0]
        #expect(found("m0 has no receipt", in: book))
        book.connections[0].receipts = [(0, true), (0, true)]
        #expect(found("m0 has two receipts", in: book))
        book.connections[0].receipts = [(0, false)]
        #expect(found("m0 came, but its receipt says offline", in: book))
        book.connections[0].receipts = [(0, true)]
        book.connections[1].received = []
        let untrue = "m0 has a receipt, but did not come"
        #expect(violations(book).contains { $0.hasPrefix(untrue) })
        let sent = book.messages[0].sent
        book.abandoned[2] = [sent - 1...sent]
        #expect(!violations(book).contains { $0.hasPrefix(untrue) })
    }

    @Test("no loss with a connection that ended within two seconds, nor before it began")
    func ended() {
        var book = book([.direct([1]), .direct([2]), .direct([2])])
        book.connections[0].closed = 12
        book.connections[1].opened = 11
        #expect(violations(book) == [])
        book.connections[0].closed = 15.1
        #expect(found("m0 is lost", in: book))
    }

    @Test("no loss of what was on its way when a fault came, unless the node got something that was sent later")
    func underway() {
        let window = Account.Window(fault: 0, reach: .terminals(of: 1), from: 13, to: 14)
        var book = book([.direct([1]), .direct([4])])
        book.messages[1].outcome = .failed(at: 11, "")
        #expect(violations(book, [window]) == [])
        book.connections[2].received = [1]
        #expect(found("m0 is lost", in: book, [window]))
        let later = Account.Window(fault: 0, reach: .terminals(of: 1), from: 16, to: 17)
        #expect(found("m0 is lost", in: self.book([.direct([1])]), [later]))
    }

    @Test("no loss in the window of the receiver's node, but of another's")
    func windows() {
        func window(_ reach: Fault.Reach, _ from: Double, _ to: Double) -> Account.Window {
            Account.Window(fault: 0, reach: reach, from: from, to: to)
        }
        let direct = book([.direct([1])])
        #expect(violations(direct, [window(.terminals(of: 1), 9, 11)]) == [])
        #expect(violations(direct, [window(.everyone, 10.4, 11)]) == [])
        #expect(found("m0 is lost", in: direct, [window(.terminals(of: 2), 9, 11), window(.nobody, 9, 11)]))
        #expect(found("m0 is lost", in: direct, [window(.everyone, 8, 9.9), window(.everyone, 15.1, 16)]))
        // Memberships come back a little later.
        #expect(violations(book([.channel(1)]), [window(.everyone, 5, 7.1)]) == [])
        #expect(found("m0 is lost", in: book([.channel(1)]), [window(.everyone, 5, 6.9)]))
        // What was joined within one is a membership after it.
        let late = window(.terminals(of: 1), 1.8, 6.5)
        #expect(found("m0 is lost", in: book([.channel(1)]), [late]))
        #expect(violations(book([.channel(1)], at: 9.4), [late]) == [])
        var forgetful = late
        forgetful.forgets = true
        #expect(violations(book([.channel(1)]), [forgetful]) == [])
    }

    @Test("a channel's message that was sent after the client had left, and before it asked to join again")
    func left() {
        func window(_ reach: Fault.Reach, _ from: Double, _ to: Double) -> Account.Window {
            Account.Window(fault: 0, reach: reach, from: from, to: to)
        }
        var book = book([.channel(1)])
        book.connections[0].memberships = [.init(asked: 1, joined: 2, leaving: 8, left: 9)]
        #expect(violations(book) == [])
        book.connections[0].received = [0]
        #expect(found("m0 was sent after it had left", in: book))
        // Its node may not have heard of it.
        #expect(violations(book, [window(.terminals(of: 1), 8.5, 9.5)]) == [])
        #expect(found("m0 was sent after it had left", in: book, [window(.terminals(of: 2), 8.5, 9.5)]))
        #expect(found("m0 was sent after it had left", in: book, [window(.terminals(of: 1), 3, 6.9)]))
        book.connections[0].memberships.append(.init(asked: 10.005))
        #expect(violations(book) == [])
        book.connections[0].memberships[0].left = 10.1
        book.connections[0].memberships[1].asked = 11
        #expect(violations(book) == [])
    }

    @Test("events that are not in turn, or say something else at the end, unless a fault may have disturbed them")
    func events() {
        func window(_ disturbs: Fault.Reach) -> Account.Window {
            Account.Window(fault: 0, reach: .nobody, disturbs: disturbs, from: 19, to: 21)
        }
        var twice = book([])
        twice.events[1] = [.init(isOnline: true, heard: 1), .init(isOnline: true, heard: 20)]
        #expect(found("events: client 1 of node 1 is online twice", in: twice))
        #expect(violations(twice, [window(.terminals(of: 1))]) == [])
        #expect(found("events: client 1 of node 1 is online twice", in: twice, [window(.terminals(of: 2))]))
        var offline = book([])
        offline.events[2]?.append(.init(isOnline: false, heard: 5))
        #expect(found("events: client 2 of node 2 is not online", in: offline))
        #expect(violations(offline, [window(.everyone)]) == [])
        offline.events[2]?.append(.init(isOnline: true, heard: 6))
        #expect(violations(offline) == [])
        #expect(Account.stillOnline(offline).count == 3)
        for client in [1, 2, 4] { offline.events[client]?.append(.init(isOnline: false, heard: 30)) }
        #expect(Account.stillOnline(offline) == [])
        offline.eventsMissed = 1
        offline.events = [:]
        #expect(violations(offline) == [])
    }
}
