import Logging
import NIOCore

/// Messages from the bus with more bytes than they may have.
extension Router {
    /// The bytes of a message that has more than it may; nil for all else.
    func excess(of envelope: Envelope) -> Int? {
        switch envelope {
        case .direct(let message), .forwarded(.direct(let message)):
            let bytes = message.payload.readableBytes
            return bytes > maximumMessageBytes && !isReceipt(message) ? bytes : nil
        case .channel(_, _, let payload), .broadcast(_, let payload):
            return payload.readableBytes > maximumMessageBytes ? payload.readableBytes : nil
        case .forceOffline, .membership, .location, .close, .forwarded: return nil
        }
    }

    /// Whether this is the receipt of a message that has no more bytes than it may, which it repeats as a JSON string.
    private func isReceipt(_ message: DirectMessage) -> Bool {
        guard let direct = configuration.direct, message.sender != nil, message.receivers.count == 1,
            !message.wantsReceipt
        else { return false }
        return [direct.deliveredText, direct.offlineText].contains {
            ReceiptText.isReceipt($0, message.payload, contentBytes: maximumMessageBytes)
        }
    }

    /// Logs one of the messages dropped in a minute.
    func logOversized(to logger: Logger) {
        let limit = maximumMessageBytes
        var isQuietUntil = NIODeadline.uptimeNanoseconds(0)
        onOversized = { [eventLoop] bytes in
            let now = eventLoop.now
            guard now >= isQuietUntil else { return }
            isQuietUntil = now + .seconds(60)
            logger.warning(
                "message from the bus dropped, it has more bytes than 'max_message' of the node",
                metadata: [LogKey.count: "\(bytes)", LogKey.limit: "\(limit)"])
        }
    }
}
