import FreeIMCore
import Hummingbird

/// An answer that says why a request was not carried out: `{"error":{"code":...,"message":...}}`.
struct APIFault: Error {
    let status: HTTPResponse.Status
    /// A word for programs.
    let code: String
    /// A sentence for people: names the thing and what is expected.
    let message: String
    var headers: HTTPFields = [:]
    /// Set where the rest of the request is not wanted: its connection is closed after that time.
    var linger: Duration?

    static func invalidJSON(_ message: String) -> APIFault {
        APIFault(status: .badRequest, code: "invalid_json", message: message)
    }

    static func invalidArgument(_ message: String) -> APIFault {
        APIFault(status: .badRequest, code: "invalid_argument", message: message)
    }

    static func notFound(_ request: Request) -> APIFault {
        APIFault(status: .notFound, code: "not_found", message: "there is nothing at \(request.uri.path)")
    }

    static func methodNotAllowed(_ method: HTTPRequest.Method, allowed: [String]) -> APIFault {
        let allowed = allowed.joined(separator: ", ")
        return APIFault(
            status: .methodNotAllowed, code: "method_not_allowed",
            message: "\(method.rawValue) means nothing here; there is \(allowed)", headers: [.allow: allowed])
    }

    static func requestTimeout(_ timeout: Duration) -> APIFault {
        APIFault(
            status: .requestTimeout, code: "request_timeout",
            message: "the body did not arrive within \(timeout), the 'request_timeout' of api.http",
            linger: .seconds(1))
    }

    /// - Parameter linger: lets the client send the rest, which is dropped: a connection that is closed with unread
    ///   bytes is reset, and the answer with it.
    static func bodyTooLarge(limit: Int, linger: Duration) -> APIFault {
        APIFault(
            status: .contentTooLarge, code: "body_too_large",
            message: "the body has more than \(limit) bytes, the 'max_body' of api.http", linger: linger)
    }

    static func tooManyConnections(limit: Int) -> APIFault {
        APIFault(
            status: .tooManyRequests, code: "too_many_connections",
            message:
                "your address has its \(limit) connections, the 'connections_per_address' of api.http; close another first",
            headers: retry(after: 10...30))
    }

    static func tooManyDenials() -> APIFault {
        APIFault(
            status: .tooManyRequests, code: "too_many_denials",
            message: "your address showed too many wrong keys ('denials_per_address' of api.http); wait a minute",
            headers: retry(after: 60...90))
    }

    private static func retry(after seconds: ClosedRange<Int>) -> HTTPFields {
        [.retryAfter: "\(Int.random(in: seconds))"]
    }

    static let stopping = APIFault(
        status: .serviceUnavailable, code: "unavailable", message: "this node stops; try another, or again",
        headers: retryLater)

    /// RFC 9110 §15.6.4: the time after which a request may succeed.
    static let retryLater: HTTPFields = [.retryAfter: "1"]
}

extension APIFault {
    init(_ error: MessengerError) {
        switch error.code {
        case .invalidMessage, .invalidArgument:
            self = .invalidArgument(error.message)
        case .messageTooLarge:
            self.init(status: .contentTooLarge, code: "message_too_large", message: error.message)
        case .tooManyChannels:
            self.init(status: .conflict, code: "too_many_channels", message: error.message)
        case .channelFull:
            self.init(status: .conflict, code: "channel_full", message: error.message)
        case .notSupported:
            self.init(status: .notImplemented, code: "not_supported", message: error.message)
        case .overloaded:
            self.init(
                status: .serviceUnavailable, code: "overloaded", message: error.message, headers: Self.retryLater)
        default:
            self.init(
                status: .serviceUnavailable, code: "unavailable", message: error.message, headers: Self.retryLater)
        }
    }
}

extension APIFault: HTTPResponseError {
    var answer: JSONAnswer { ["error": ["code": .string(code), "message": .string(message)]] }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try answer.response(status: status)
        response.headers.append(contentsOf: headers)
        if linger != nil { response.headers[.connection] = "close" }
        return response
    }
}
