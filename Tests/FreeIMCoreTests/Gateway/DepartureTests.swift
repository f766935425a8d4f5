import Foundation
import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Departure")
struct DepartureTests {
    private struct Reason: Decodable {
        let message: String
        let retry_after: Double
    }

    private func pauses(_ departure: Departure, _ count: UInt32) throws -> [Double] {
        try (0..<count).map { index in
            let text = departure.reason(for: SocketID(index: index, generation: 3))
            #expect(text.utf8.count <= Frame.maximumControlPayload - 2)
            return try JSONDecoder().decode(Reason.self, from: Data(text.utf8)).retry_after
        }
    }

    @Test("each terminal is told in JSON when to come back, spread evenly over the time")
    func spread() throws {
        let departure = Departure()
        departure.plan(spread: .seconds(20), end: .now())
        let pauses = try pauses(departure, 1_000).sorted()
        #expect(pauses[0] >= 0.5 && pauses[0] < 0.7)
        #expect(pauses[999] <= 20.5 && pauses[999] > 20.2)
        for second in 1..<20 {
            #expect((45...55).contains(pauses.count { $0 >= Double(second) && $0 < Double(second + 1) }))
        }
    }

    @Test("handshakes are told to come back when the last connection has been let go, a second later at least")
    func retryAfter() {
        let departure = Departure()
        #expect(departure.refusal.headers.map { "\($0.0): \($0.1)" } == ["Retry-After: 1"])
        departure.plan(spread: .zero, end: .now() + .seconds(60))
        #expect(departure.refusal.headers.map { "\($0.0): \($0.1)" } == ["Retry-After: 60"])
        #expect((departure.refusal.status, departure.refusal.code) == (503, "going_away"))
    }
}
