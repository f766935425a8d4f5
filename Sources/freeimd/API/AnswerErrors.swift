import FreeIMCore
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// Outermost: makes every error an answer in JSON, and counts the answers.
struct AnswerErrors: RouterMiddleware {
    let logger: Logger
    let metrics: APIMetrics

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let response: Response
        do {
            // The router skips empty segments; `/v1/channels//clients` is not about a channel named 'clients'.
            if request.uri.path.hasEmptySegment { throw APIFault.notFound(request) }
            response = try await next(request, context)
        } catch let error as HTTPParserError {
            // What follows on the connection cannot be read: Hummingbird answers 400 and closes it.
            throw error
        } catch {
            let fault = fault(for: error, request)
            response = try fault.response(from: request, context: context)
            if let linger = fault.linger { close(context.channel, after: linger) }
        }
        metrics.count(response.status)
        return response
    }

    /// Ends a connection whose client may go on sending a body that nobody wants.
    private func close(_ channel: any Channel, after linger: Duration) {
        let close = channel.eventLoop.scheduleTask(in: TimeAmount(linger)) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in close.cancel() }
    }

    private func fault(for error: any Error, _ request: Request) -> APIFault {
        switch error {
        case let fault as APIFault:
            return fault
        case let error as MessengerError:
            logger.debug("request failed", metadata: [LogKey.error: "\(error)"])
            return APIFault(error)
        case let error as HTTPError where error.status == .notFound:
            return .notFound(request)
        case is ChannelError, is IOError:
            return .invalidJSON("the connection ended within the body")
        case is CancellationError:
            return .stopping
        default:
            logger.error("request failed unexpectedly", metadata: [LogKey.error: "\(error)"])
            return APIFault(
                status: .internalServerError, code: "internal", message: "the node failed; its log says why")
        }
    }
}

extension String {
    fileprivate var hasEmptySegment: Bool {
        zip(utf8, utf8.dropFirst()).contains { $0 == UInt8(ascii: "/") && $1 == UInt8(ascii: "/") }
    }
}
