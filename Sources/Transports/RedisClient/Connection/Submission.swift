import NIOCore

/// Commands that were handed in together: they are sent together, and fail together.
struct Submission: Sendable {
    /// Who gets the replies.
    enum Receiver: Sendable {
        case single(EventLoopPromise<RedisValue>)
        case pipeline(EventLoopPromise<[RedisValue]>)

        func succeed(_ value: RedisValue) {
            switch self {
            case .single(let promise):
                if let error = value.error { promise.fail(error) } else { promise.succeed(value) }
            case .pipeline(let promise): promise.succeed([value])
            }
        }

        func succeed(_ values: [RedisValue]) {
            switch self {
            case .single(let promise): promise.fail(RedisError(.protocolViolation, "more replies than commands"))
            case .pipeline(let promise): promise.succeed(values)
            }
        }

        func fail(_ error: RedisError) {
            switch self {
            case .single(let promise): promise.fail(error)
            case .pipeline(let promise): promise.fail(error)
            }
        }
    }

    /// RESP2, ready to be written.
    let bytes: ByteBuffer
    /// Replies to come.
    let count: Int
    let deadline: NIODeadline
    let receiver: Receiver
    /// The script that the command runs by its digest.
    var script: RedisScript?
}
