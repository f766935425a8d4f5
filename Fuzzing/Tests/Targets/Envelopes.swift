import NIOCore

@testable import FreeIMCore

extension FuzzTarget {
    /// Bodies of the bus.
    static let envelope = FuzzTarget(name: "envelope", longest: 2_048) { input in
        guard let envelope = try? EnvelopeCodec.decode(ByteBuffer(bytes: input)) else {
            try require((try? EnvelopeCodec.decode(inside(input))) == nil, "taken only as a part of a buffer")
            return false
        }
        let part = try? EnvelopeCodec.decode(inside(input))
        try require(part == envelope, "as a part of a buffer it is \(part as Any), by itself \(envelope)")
        for dialect in Dialect.allCases {
            let body = EnvelopeCodec.encode(envelope, dialect: dialect)
            let again = try? EnvelopeCodec.decode(body)
            try require(
                again == envelope, "\(envelope) is written as '\(String(buffer: body))', read as \(again as Any)")
        }
        return true
    }

    /// Between bytes that would change what is read, were they taken for a part of it.
    private static func inside(_ input: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer(bytes: Array(#"{"\"#.utf8) + input + Array(#"0"}]"#.utf8))
        buffer.moveReaderIndex(forwardBy: 3)
        return buffer.readSlice(length: input.count) ?? ByteBuffer()
    }
}
