import Foundation
import FoundationNetworking
import Testing

/// Requests to a daemon's HTTP API.
struct API: Sendable {
    let port: Int

    struct Answer {
        let status: Int
        let text: String

        func json() throws -> [String: Any] {
            try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "not an object: \(text)")
        }
    }

    @discardableResult
    func callAsFunction(
        _ method: String, _ path: String, _ body: String? = nil, key: String? = nil
    ) async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        request.httpBody = body.map { Data($0.utf8) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = try #require(response as? HTTPURLResponse).statusCode
        return Answer(status: status, text: String(decoding: data, as: UTF8.self))
    }
}
