import Foundation
import FoundationNetworking

/// Requests to a daemon's HTTP API.
package struct API: Sendable {
    package let port: Int
    /// How long an answer is waited for, in seconds.
    package let timeout: Double

    package init(port: Int, timeout: Double = 60) {
        self.port = port
        self.timeout = timeout
    }

    package struct Answer: Sendable {
        package let status: Int
        package let text: String

        package func json() throws -> [String: Any] {
            let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
            guard let object = value as? [String: Any] else { throw Unexpected(text: "not an object: \(text)") }
            return object
        }
    }

    package struct Unexpected: Error {
        package let text: String
    }

    @discardableResult
    package func callAsFunction(
        _ method: String, _ path: String, _ body: String? = nil, key: String? = nil
    ) async throws -> Answer {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else {
            throw Unexpected(text: "no path: \(path)")
        }
        var request = URLRequest(url: url, timeoutInterval: timeout)
        request.httpMethod = method
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        request.httpBody = body.map { Data($0.utf8) }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse else { throw Unexpected(text: "no answer of HTTP") }
        return Answer(status: response.statusCode, text: String(decoding: data, as: UTF8.self))
    }
}
