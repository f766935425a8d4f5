import NIOCore
import Testing

@testable import FreeIMCore

@Suite struct IPAddressTests {
    @Test("IPv4 counts as a whole, in both its forms, IPv6 by its first 64 bits")
    func network() throws {
        let v4 = try #require(IPAddress("192.0.2.7"))
        #expect(v4 == IPAddress("::ffff:192.0.2.7"))
        #expect(v4.network == v4)
        let home = try #require(IPAddress("2001:db8:1:2:aaaa::1"))
        #expect(home.network == IPAddress("2001:db8:1:2:bbbb::9")?.network)
        #expect(home.network != IPAddress("2001:db8:1:3:aaaa::1")?.network)
    }

    @Test("An address is told as it is usually written", arguments: ["192.0.2.7", "2001:db8::1", "::1", "0.0.0.0"])
    func description(text: String) throws {
        #expect(try #require(IPAddress(text)).description == text)
    }

    @Test("A socket's address is the same as its text's")
    func socketAddress() throws {
        for text in ["192.0.2.7", "2001:db8::1"] {
            #expect(IPAddress(try SocketAddress(ipAddress: text, port: 80)) == IPAddress(text))
        }
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/x")) == nil)
    }

    @Test(
        "A range contains what begins alike",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
            ("2001:db8::/96", "2001:db8::1:1", true), ("2001:db8::/96", "2001:db8::1:0:1", false),
        ])
    func range(range: String, address: String, contains: Bool) throws {
        let range = try #require(AddressRange(sectionText: range))
        #expect(range.contains(try #require(IPAddress(address))) == contains)
        #expect(AddressRange(sectionText: range.sectionText) == range)
    }

    @Test(
        "What is no address or range is none",
        arguments: ["", "localhost", "10.0.0.0/33", "10.0.0/8", "::/129", "1.2.3.4/", "1.2.3.4/-1"])
    func noRange(text: String) {
        #expect(AddressRange(sectionText: text) == nil)
    }
}

@Suite struct WindowedCountsTests {
    @Test("What came in the window before counts by the share of it that is still within a window's length")
    func sliding() {
        var counts = WindowedCounts<String>(window: .nanoseconds(100))
        for _ in 1...10 { _ = counts.add("a", now: 50) }
        let found = [counts.count(of: "a", now: 99), counts.count(of: "a", now: 150), counts.add("a", now: 175)]
        #expect(found == [10, 5, 3])
        let last = counts.count(of: "a", now: 300)
        #expect(last == 0)
    }

    @Test("A clock that jumps back or far ahead is no trap, and what was counted is forgotten in the end")
    func clockJumps() {
        let hour: UInt64 = 3_600_000_000_000
        var counts = WindowedCounts<String>(window: .seconds(1))
        for now in [hour, hour * 2, hour - 1, 0, UInt64.max, 0] { #expect(counts.add("a", now: now) >= 1) }
        counts = WindowedCounts(window: .seconds(1))
        _ = counts.add("a", now: hour)
        let back = counts.count(of: "a", now: 0)
        #expect(back == 1)
        let later = counts.count(of: "a", now: hour + 2_000_000_000)
        #expect(later == 0)
    }

    @Test("Keys beyond the limit are not counted, and all are gone after two windows")
    func bounded() {
        var counts = WindowedCounts<Int>(window: .nanoseconds(100), limit: 10)
        for key in 0..<1_000 { _ = counts.add(key, now: 10) }
        #expect(counts.keyCount == 10)
        let uncounted = counts.count(of: 999, now: 10)
        #expect(uncounted == 0)
        _ = counts.count(of: 0, now: 250)
        #expect(counts.keyCount == 0)
    }
}

@Suite struct AddressLimitsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let address = IPAddress("192.0.2.1")

    @Test("As many sockets as the limit are admitted at a time, and one more for each that goes")
    func connections() throws {
        let limits = AddressLimits(.init(connections: 2))
        let address = try #require(address)
        let other = try #require(IPAddress("192.0.2.2"))
        #expect((0..<3).map { _ in limits.enter(address, now: start) } == [.admitted, .admitted, .tooManyConnections])
        #expect(limits.enter(other, now: start) == .admitted)
        limits.leave(address)
        #expect(limits.enter(address, now: start) == .tooManyConnections)
        limits.leave(address)
        limits.leave(address)
        #expect(limits.enter(address, now: start) == .admitted)
    }

    @Test("Attempts are limited over ten seconds, and forgotten afterwards")
    func attempts() throws {
        let limits = AddressLimits(.init(attemptsPerSecond: 2))
        let address = try #require(address)
        for _ in 0..<20 {
            #expect(limits.enter(address, now: start) == .admitted)
            limits.leave(address)
        }
        #expect(limits.enter(address, now: start) == .tooManyAttempts)
        #expect(limits.enter(address, now: start + .seconds(20)) == .admitted)
    }

    @Test("After so many wrong tokens within a minute nothing of the address is looked at")
    func denials() throws {
        let limits = AddressLimits(.init(denials: 3))
        let address = try #require(address)
        for _ in 0..<3 {
            #expect(limits.enter(address, now: start) == .admitted)
            limits.denied(address, now: start)
        }
        #expect(limits.enter(address, now: start) == .tooManyDenials)
        #expect(limits.isDenied(address, now: start))
        #expect(limits.enter(address, now: start + .seconds(120)) == .admitted)
        #expect(!limits.isDenied(address, now: start + .seconds(120)))
    }

    @Test("Exempt addresses are not counted")
    func exempt() throws {
        let limits = AddressLimits(
            .init(connections: 1, attemptsPerSecond: 1, denials: 1, exempt: AddressRange.loopback))
        for text in ["127.0.0.1", "127.8.9.10", "::1"] {
            let address = try #require(IPAddress(text))
            limits.denied(address, now: start)
            for _ in 0..<100 { #expect(limits.enter(address, now: start) == .admitted) }
            #expect(!limits.isDenied(address, now: start))
        }
    }

    @Test("All addresses together make so many handshakes per second")
    func handshakes() {
        let limits = AddressLimits(.init(handshakesPerSecond: 5))
        #expect((0..<7).count { _ in limits.mayHandshake(now: start) } == 5)
        #expect(limits.mayHandshake(now: start + .seconds(2)))
    }
}

@Suite struct InboundAllowanceTests {
    private let rates = InboundAllowance.Rates(messages: 1, bytes: 100)

    @Test("Ten seconds' worth may come at once, then as much as a second brings")
    func messages() {
        var allowance = InboundAllowance(rates, now: 0)
        let first = (0..<11).map { _ in allowance.take(messages: 1, bytes: 1, rates, now: 0) }
        #expect(first == [Bool](repeating: true, count: 10) + [false])
        // One too many has been taken: it is paid for first.
        let early = allowance.take(messages: 1, bytes: 1, rates, now: 4)
        let late = allowance.take(messages: 1, bytes: 1, rates, now: 12)
        #expect(!early)
        #expect(late)
    }

    @Test("A tick brings its part, also of small rates")
    func ticks() {
        var allowance = InboundAllowance(rates, now: 0)
        for _ in 0..<10 { _ = allowance.take(messages: 1, bytes: 0, rates, now: 0) }
        for tick in 1...3 { _ = allowance.take(messages: 0, bytes: 0, rates, now: Tick(tick)) }
        let due = allowance.take(messages: 1, bytes: 0, rates, now: 4)
        let further = allowance.take(messages: 1, bytes: 0, rates, now: 4)
        #expect(due)
        #expect(!further)
    }

    @Test("Bytes have a limit of their own, and 0 is none")
    func bytes() {
        var allowance = InboundAllowance(rates, now: 0)
        let whole = allowance.take(messages: 1, bytes: 1_000, rates, now: 0)
        let beyond = allowance.take(messages: 0, bytes: 1, rates, now: 0)
        #expect(whole)
        #expect(!beyond)
        let free = InboundAllowance.Rates(messages: 0, bytes: 0)
        var unlimited = InboundAllowance(free, now: 0)
        for _ in 0..<100 {
            let isFine = unlimited.take(messages: 1_000, bytes: 1 << 30, free, now: 0)
            #expect(isFine)
        }
    }
}
