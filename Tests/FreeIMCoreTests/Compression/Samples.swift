import Deflate
import Metrics
import MetricsTestKit
import NIOCore
import Testing

@testable import FreeIMCore

extension Inflater {
    /// The whole message.
    func whole(_ compressed: [UInt8], limit: Int = 1 << 30) throws -> [UInt8] {
        var whole: [UInt8] = []
        try inflate(ByteBuffer(bytes: compressed), limit: limit) { piece in
            whole += piece
            return true
        }
        return whole
    }
}

extension Deflater {
    /// nil where it does not get smaller.
    func whole(_ message: [UInt8]) -> [UInt8]? {
        var buffer = ByteBuffer()
        return message.withUnsafeBytes { deflate($0, to: &buffer) }.map { _ in Array(buffer.readableBytesView) }
    }
}

enum Compressed {
    /// RFC 7692 §7.2.3.1: "Hello".
    static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    /// As a terminal compresses.
    static func text(_ text: String) throws -> [UInt8] { try bytes(Array(text.utf8)) }

    static func bytes(_ message: [UInt8]) throws -> [UInt8] {
        let deflater = try #require(Deflater(level: 6, window: 15))
        return try #require(deflater.whole(message))
    }

    /// A text that gets much smaller.
    static func long(_ word: String, bytes: Int = 600) -> String {
        String(repeating: "\(word) ", count: bytes / (word.utf8.count + 1))
    }

    /// A codec whose metrics go nowhere.
    static func codec(threshold: Int = 100, metrics: (any MetricsFactory)? = nil) -> DeflateCodec {
        DeflateCodec(settings(threshold: threshold, metrics: metrics))
    }

    static func settings(threshold: Int = 100, metrics: (any MetricsFactory)? = nil) -> DeflateSettings {
        DeflateSettings(
            level: 1, threshold: threshold, metrics: DeflateMetrics(factory: metrics ?? NOOPMetricsHandler.instance))
    }
}
