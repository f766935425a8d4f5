import Foundation
import Testing

@Suite("Slow receivers of a node")
struct SlowReceiverTests {
    /// What a terminal got and what the node says that it lost.
    private struct Outcome {
        var numbers: [Int] = []
        var sent = 0
        var dropped = 0
    }

    /// Sends numbered messages to a channel whose one member does not read until some have been dropped, and to one that does.
    private func run(_ policy: String) async throws -> Outcome {
        // No time is up, however long all of it takes.
        let daemon = try await Daemon.start(
            Manifest(gateway: [
                "max_pending": "128KiB", "slow_receivers": policy, "max_pending_age": "10m", "ping_interval": "10m",
            ]))
        let api = API(port: daemon.apiPort)
        let slow = try await Terminal.connect(daemon.gatewayPort, "/ws?client=slow", receiveBuffer: 4_096)
        let quick = try await Terminal.connect(daemon.gatewayPort, "/ws?client=quick")
        try await api.online("slow", "quick")
        for client in ["slow", "quick"] {
            try await api("PUT", "/v1/clients/\(client)/channels", #"{"channels":["scores"]}"#)
        }
        try await slow.read(false)
        let filling = String(repeating: "x", count: 20_000)
        var outcome = Outcome()
        // A megabyte beyond the first loss, so that each policy has something to choose from.
        var extra = 50
        while extra > 0 {
            try await api("POST", "/v1/channels/scores/messages", "{\"text\":\"\(outcome.sent) \(filling)\"}")
            outcome.sent += 1
            try #require(outcome.sent < 3_000)
            if try await report(api).dropped > 0 { extra -= 1 }
        }
        let listed = try #require(try await report(api).receivers.first)
        #expect(listed["client"] as? String == "slow")
        #expect(try #require(listed["waiting_bytes"] as? Int) <= 128 * 1_024)
        #expect(try await quick.texts(outcome.sent).map(number) == Array(0..<outcome.sent))
        let metrics = try await api("GET", "/metrics").text
        #expect(metrics.contains("freeim_gateway_slow_receivers 1"))

        try await slow.read(true)
        try await api("POST", "/v1/messages", #"{"to":["slow"],"text":"end"}"#)
        outcome.sent += 1
        while let text = try await slow.texts(1).first, text != "end" { outcome.numbers.append(number(text)) }
        outcome.dropped = try await report(api).dropped
        #expect(outcome.numbers.count + 1 + outcome.dropped == outcome.sent)
        #expect(outcome.numbers == outcome.numbers.sorted())
        return outcome
    }

    private func number(_ text: String) -> Int { text.split(separator: " ").first.flatMap { Int($0) } ?? -1 }

    private func report(_ api: API) async throws -> (dropped: Int, receivers: [[String: Any]]) {
        let answer = try await api("GET", "/v1/node/slow-receivers").json()
        return (
            try #require(answer["dropped"] as? Int), try #require(answer["receivers"] as? [[String: Any]])
        )
    }

    @Test("drop_oldest: in the end the latest messages arrive, all others are counted")
    func dropOldest() async throws {
        let outcome = try await run("drop_oldest")
        #expect(outcome.numbers.suffix(3) == [outcome.sent - 4, outcome.sent - 3, outcome.sent - 2])
    }

    @Test("drop_newest: what began is complete, all that comes later is counted")
    func dropNewest() async throws {
        let outcome = try await run("drop_newest")
        #expect(outcome.numbers == Array(0..<outcome.numbers.count))
    }

    @Test("latest_per_channel: of what waited only the last message arrives")
    func latestPerChannel() async throws {
        let outcome = try await run("latest_per_channel")
        #expect(outcome.numbers.last == outcome.sent - 2)
        let contiguous = zip(outcome.numbers, outcome.numbers.dropFirst()).prefix { $0 + 1 == $1 }.count
        // At most the one that was next in the queue stands between what had been handed on and the last.
        #expect(outcome.numbers.count - contiguous <= 3)
    }
}
