import CHiredis
import NIOCore

/// Builds replies from what hiredis' reader finds, and holds the limits. Of one reader, on its thread.
///
/// hiredis only ever sees the address of the builder as the "object" of each element: no Swift value is in its hands.
final class ReplyBuilder {
    private struct OpenArray {
        var elements: [RedisValue]
        let count: Int
    }

    /// Bytes that hiredis has a copy of.
    struct Source {
        let bytes: ByteBuffer
        /// Where the copy ends.
        var copyEnd: UnsafeRawPointer?

        /// The text in ``bytes``, of which hiredis found it in the copy; nil where it began before them.
        func slice(_ text: UnsafeRawBufferPointer) -> ByteBuffer? {
            guard let base = text.baseAddress, let copyEnd else { return nil }
            let fromEnd = copyEnd - base
            guard fromEnd >= text.count, fromEnd <= bytes.readableBytes else { return nil }
            return bytes.getSlice(at: bytes.writerIndex - fromEnd, length: text.count)
        }
    }

    private let limits: RedisReplyLimits
    /// What strings can be slices of; where there is none they are copies.
    var source: Source?
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
    func take() -> RedisValue? {
        defer {
            complete = nil
            elements = 0
            bytes = 0
        }
        guard open.isEmpty else { return nil }
        return complete
    }

    func addString(_ text: UnsafeRawBufferPointer, type: Int32) -> Bool {
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

    private func buffer(_ text: UnsafeRawBufferPointer) -> ByteBuffer {
        source?.slice(text) ?? ByteBuffer(bytes: text)
    }

    func addArray(count: Int) -> Bool {
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

    func add(_ value: RedisValue) {
        var value = value
        while var array = open.popLast() {
            array.elements.append(value)
            guard array.elements.count == array.count else {
                open.append(array)
                return
            }
            value = .array(array.elements)
        }
        complete = value
    }

    private func refuse(_ reason: String) -> Bool {
        violation = RedisError(.protocolViolation, "Redis sent \(reason)")
        return false
    }
}
