import CHiredis
import NIOCore

/// Builds replies from what hiredis' reader finds, and holds the limits. Of one reader, on its thread.
///
/// hiredis only ever sees the address of the builder as the "object" of each element: no Swift value is in its hands.
struct ReplyBuilder {
    private struct OpenArray {
        var elements: [RedisValue]
        let count: Int
    }

    private let limits: RedisReplyLimits
    /// Bytes that hiredis has a copy of, of which strings can be slices; where there are none they are copies too.
    var source = ByteBuffer()
    /// Where hiredis' copy of ``source`` ends.
    var copyEnd: UnsafeRawPointer?
    private var open: [OpenArray] = []
    private var complete: RedisValue?
    private var elements = 0
    private var bytes = 0
    /// Why a callback refused an element.
    private(set) var violation: RedisError?

    /// Room taken before elements have arrived, so that an announced count alone costs nothing.
    private static let reservedElements = 256

    init(limits: RedisReplyLimits) {
        self.limits = limits
    }

    /// The reply that hiredis calls finished; nil where it is not, which a server of another protocol can bring about.
    mutating func take() -> RedisValue? {
        elements = 0
        bytes = 0
        guard open.isEmpty else { return nil }
        return complete.take()
    }

    mutating func addString(_ text: UnsafeRawBufferPointer, type: Int32) -> Bool {
        bytes += text.count
        guard text.count <= limits.bulkBytes else {
            return refuse("a string of \(text.count) bytes; the limit is \(limits.bulkBytes)")
        }
        guard bytes <= limits.replyBytes else {
            return refuse("a reply of more than \(limits.replyBytes) bytes")
        }
        switch type {
        case REDIS_REPLY_ERROR: add(.error(RedisError(reply: String(decoding: text, as: UTF8.self))))
        case REDIS_REPLY_STATUS: add(.simple(buffer(text)))
        default: add(.bulk(buffer(text)))
        }
        return true
    }

    /// hiredis found the text in its copy of ``source``, unless it began before that.
    private func buffer(_ text: UnsafeRawBufferPointer) -> ByteBuffer {
        if let copyEnd, let base = text.baseAddress {
            let fromEnd = copyEnd - base
            if fromEnd >= text.count, fromEnd <= source.readableBytes,
                let slice = source.getSlice(at: source.writerIndex - fromEnd, length: text.count)
            {
                return slice
            }
        }
        return ByteBuffer(bytes: text)
    }

    mutating func addArray(count: Int) -> Bool {
        guard open.count < limits.depth else { return refuse("arrays nested deeper than \(limits.depth)") }
        guard count <= limits.elements - elements else {
            return refuse("a reply of more than \(limits.elements) elements")
        }
        elements += count
        guard count > 0 else {
            add(.array([]))
            return true
        }
        var array = OpenArray(elements: [], count: count)
        array.elements.reserveCapacity(min(count, Self.reservedElements))
        open.append(array)
        return true
    }

    /// Calls itself for as many arrays as end with this one: ``RedisReplyLimits/depth`` at most.
    mutating func add(_ value: consuming RedisValue) {
        guard let last = open.indices.last else {
            complete = value
            return
        }
        open[last].elements.append(value)
        if open[last].elements.count == open[last].count { add(.array(open.removeLast().elements)) }
    }

    private mutating func refuse(_ reason: String) -> Bool {
        violation = RedisError(.protocolViolation, "Redis sent \(reason)")
        return false
    }
}
