import Foundation
import Testing

extension Terminal {
    /// What a stopping node says.
    struct Farewell {
        let code: UInt16?
        /// Seconds.
        let retryAfter: Double
    }

    /// The next event, which is a close frame whose reason says when to come back.
    func farewell(within deadline: Duration = .seconds(30)) async throws -> Farewell {
        guard case .close(let code, let reason) = try await next(within: deadline) else {
            throw Refused(status: 0, head: "no close frame", body: "")
        }
        let json = try #require(try JSONSerialization.jsonObject(with: Data(reason.utf8)) as? [String: Any])
        return Farewell(code: code, retryAfter: try #require(json["retry_after"] as? Double))
    }
}
