import NIOCore

@testable import FreeIMCore

extension Delivery {
    /// A message of a delivery, and who is not to get it.
    struct Message: Equatable {
        var audience: Audience
        var text: String
        var excluded: ClientID?

        init(_ audience: Audience, _ text: String, excluded: ClientID? = nil) {
            self.audience = audience
            self.text = text
            self.excluded = excluded
        }
    }

    /// The messages one by one.
    func expanded() throws -> [Message] {
        var rest = frames
        let texts = try ServerFrame.read(&rest).map { String(decoding: $0.payload, as: UTF8.self) }
        // Where each frame ends.
        var ends: [Int] = []
        for text in texts {
            let frame = Frame.make(.text, ByteBuffer(string: text), allocator: ByteBufferAllocator())
            ends.append((ends.last ?? frames.readerIndex) + frame.readableBytes)
        }
        return zip(texts, ends).map { text, end in
            Message(audience, text, excluded: exclusions.first { $0.end == end }?.sender)
        }
    }
}

extension [ShardCommand] {
    /// With a delivery of its own for each part of a common buffer.
    var resolved: [ShardCommand] {
        var common = ByteBuffer()
        return compactMap { command in
            switch command {
            case .common(let buffer):
                common = buffer
                return nil
            case .send(let client, let part, let messages):
                let frames = common.getSlice(at: part.lowerBound, length: part.count) ?? ByteBuffer()
                return .deliver(Delivery(audience: .client(client), frames: frames, messages: messages))
            default: return command
            }
        }
    }
}

extension ShardCommand {
    var delivery: Delivery? { if case .deliver(let delivery) = self { delivery } else { nil } }

    /// For comparison: `deliver` with its texts, `apply`, or `close`.
    func summary() throws -> String {
        switch self {
        case .deliver(let delivery):
            let texts = try delivery.expanded().map { $0.text + ($0.excluded.map { " not \($0)" } ?? "") }
            let audience =
                switch delivery.audience {
                case .client(let client): "\(client)"
                case .clients(let clients): clients.map(\.description).joined(separator: "+")
                case .channel(let channel): "#\(channel)"
                case .everyone: "*"
                }
            return "\(audience): \(texts.joined(separator: ", "))"
        case .common, .send: return "a part of a common buffer"
        case .apply(let change): return "\(change.kind.rawValue) \(change.client) \(change.channels.map(\.text))"
        case .close(let client, let code, _): return "close \(client) \(code)"
        case .closeOne(let id, let client, let code, _): return "close \(id.index) of \(client) \(code)"
        }
    }
}
