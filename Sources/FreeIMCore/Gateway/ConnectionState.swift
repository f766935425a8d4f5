import NIOCore

/// Decides what to do with the bytes of a terminal (RFC 6455, RFC 7692). Knows no channel; acts on nothing.
///
/// `open` -> `closing` (we sent a close frame and wait for the terminal's) -> `closed`, or
/// `open` -> `closed` (the terminal sent its close frame first, or broke the protocol). `closed` stays.
struct ConnectionState {
    enum Phase { case open, closing, closed }

    enum Action: Equatable {
        /// A whole message; its bytes only where messages are kept.
        case message(Frame.Opcode, ByteBuffer)
        /// Answer a ping with its payload.
        case pong(ByteBuffer)
        /// The terminal is alive.
        case pongReceived
        /// The terminal closes: answer with the same code (nil: an empty frame), then end the connection.
        case acknowledgeClose(CloseCode?)
        /// The terminal has answered our close frame, or broke a rule behind it: end the connection.
        case closed
        /// The terminal broke a rule: send a close frame with the code, then end the connection.
        case fail(CloseCode, reason: String)
    }

    /// Limits on what terminals send, the same for all connections of a gateway.
    struct Limits {
        /// Bytes of one frame's payload.
        var frameBytes: Int
        /// Bytes of one message, all fragments together; of a compressed one before and after it is inflated.
        var messageBytes: Int
        /// False where messages are checked and dropped, so that nothing is kept of them.
        var keepsMessages: Bool
    }

    private(set) var phase = Phase.open
    /// The message whose frames are coming in.
    private var message = IncomingMessage()
    /// The data frame whose payload is coming in.
    private var frame: DataFrame?
    /// An incomplete header or control frame.
    private var unread: ByteBuffer?

    private struct DataFrame {
        var isFinal: Bool
        var remaining: Int
        var masking: Masking
    }

    /// Takes the next bytes of the socket in front of the rest, if there is one. Then call ``next(_:limits:)``.
    mutating func prepend(to buffer: inout ByteBuffer) {
        guard var whole = unread else { return }
        unread = nil
        whole.writeImmutableBuffer(buffer)
        buffer = whole
    }

    /// The next action that `buffer` leads to; nil where it holds nothing more to act on, its rest then kept.
    ///
    /// - Parameter codec: inflates compressed messages, where permessage-deflate was agreed on.
    mutating func next(_ buffer: inout ByteBuffer, limits: Limits, codec: DeflateCodec? = nil) -> Action? {
        while phase != .closed, buffer.readableBytes > 0 {
            let start = buffer.readerIndex
            do {
                if let action = try advance(&buffer, limits, codec) { return action }
                if buffer.readerIndex == start {
                    // A copy, so that a few bytes do not hold on to a whole receive buffer.
                    unread = ByteBuffer(bytes: buffer.readableBytesView)
                    return nil
                }
            } catch {
                let wasClosing = phase == .closing
                phase = .closed
                // RFC 6455 §5.5.1: nothing is sent behind a close frame, not even a second one.
                return wasClosing ? .closed : .fail(error.code, reason: error.reason)
            }
        }
        return nil
    }

    /// Whether a message, or a control frame, has begun and not ended.
    var isWithinMessage: Bool { unread != nil || frame != nil || message.opcode != nil }

    /// We send a close frame. False where one was sent or answered before.
    mutating func close() -> Bool {
        guard phase == .open else { return false }
        phase = .closing
        return true
    }

    /// The connection is over, whatever was agreed.
    mutating func abandon() {
        phase = .closed
    }

    struct Violation: Error {
        let code: CloseCode
        let reason: String

        static func breach(_ reason: String) -> Violation { Violation(code: .protocolError, reason: reason) }
        static func tooBig(_ reason: String) -> Violation { Violation(code: .messageTooBig, reason: reason) }
        static let notUTF8 = Violation(code: .invalidData, reason: "text is not valid UTF-8")
    }
}

extension ConnectionState {
    /// One step; nil without progress in the buffer means that more bytes are needed.
    private mutating func advance(
        _ buffer: inout ByteBuffer, _ limits: Limits, _ codec: DeflateCodec?
    ) throws(Violation) -> Action? {
        if frame != nil { return try takePayload(&buffer, limits, codec) }
        guard let header = try FrameHeader(peeking: buffer, mayCompress: codec != nil) else { return nil }
        if header.opcode.isControl {
            guard buffer.readableBytes >= header.headerBytes + header.length else { return nil }
            buffer.moveReaderIndex(forwardBy: header.headerBytes)
            return try takeControl(header, &buffer)
        }
        buffer.moveReaderIndex(forwardBy: header.headerBytes)
        try begin(header, limits)
        return try takePayload(&buffer, limits, codec)
    }

    private mutating func begin(_ header: FrameHeader, _ limits: Limits) throws(Violation) {
        if header.opcode == .continuation {
            guard message.opcode != nil else { throw .breach("continuation without a message to continue") }
        } else {
            guard message.opcode == nil else { throw .breach("new message before the end of the last one") }
            message.opcode = header.opcode
            message.isCompressed = header.isCompressed
        }
        guard header.length <= limits.frameBytes else {
            throw .tooBig("frame longer than \(limits.frameBytes) bytes")
        }
        guard header.length <= limits.messageBytes - message.size else {
            throw .tooBig("message longer than \(limits.messageBytes) bytes")
        }
        message.size += header.length
        frame = DataFrame(isFinal: header.isFinal, remaining: header.length, masking: Masking(key: header.maskingKey))
    }

    private mutating func takePayload(
        _ buffer: inout ByteBuffer, _ limits: Limits, _ codec: DeflateCodec?
    ) throws(Violation) -> Action? {
        guard var frame else { return nil }
        let count = min(frame.remaining, buffer.readableBytes)
        if let bytes = buffer.readSlice(length: count), count > 0 {
            guard message.append(bytes, &frame.masking, keep: limits.keepsMessages) else { throw .notUTF8 }
        }
        frame.remaining -= count
        guard frame.remaining == 0 else {
            self.frame = frame
            return nil
        }
        self.frame = nil
        guard frame.isFinal else { return nil }
        guard message.isCompleteText else { throw .notUTF8 }
        let whole = message
        message = IncomingMessage()
        guard phase == .open, let opcode = whole.opcode else { return nil }
        if whole.isCompressed, let codec { return .message(opcode, try whole.inflated(by: codec, limits)) }
        return .message(opcode, whole.bytes ?? ByteBuffer())
    }

    private mutating func takeControl(
        _ header: FrameHeader, _ buffer: inout ByteBuffer
    ) throws(Violation) -> Action? {
        var payload = ByteBuffer()
        if header.length > 0, let masked = buffer.readSlice(length: header.length) {
            var masking = Masking(key: header.maskingKey)
            payload.writeWithUnsafeMutableBytes(minimumWritableBytes: header.length) { target in
                masked.withUnsafeReadableBytes { masking.unmask($0, to: target) }
                return header.length
            }
        }
        switch header.opcode {
        case .ping: return phase == .open ? .pong(payload) : nil
        case .pong: return .pongReceived
        default: return try takeClose(payload)
        }
    }

    private mutating func takeClose(_ payload: ByteBuffer) throws(Violation) -> Action {
        var payload = payload
        var code: CloseCode?
        if payload.readableBytes > 0 {
            guard let value = payload.readInteger(as: UInt16.self) else {
                throw .breach("close frame with half a code")
            }
            let sent = CloseCode(rawValue: value)
            guard sent.isValidOnWire else { throw .breach("close code \(value) is not one to send") }
            var validator = UTF8Validator()
            guard payload.withUnsafeReadableBytes({ validator.validate($0) }), validator.isComplete else {
                throw .notUTF8
            }
            code = sent
        }
        let wasClosing = phase == .closing
        phase = .closed
        return wasClosing ? .closed : .acknowledgeClose(code)
    }
}
