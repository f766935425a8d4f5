import Deflate
import Metrics
import NIOCore

/// Compresses and inflates for those connections of one event loop that have agreed on it (RFC 7692). There is one while
/// there are such connections; no message leaves anything behind in it.
final class DeflateCodec {
    let settings: DeflateSettings
    /// By window, from the first message on.
    private var deflaters: [DeflateWindow: Deflater] = [:]
    private let inflater = Inflater()
    private var connections: [DeflateWindow: Int] = [:]
    /// A message's compressed bytes, until their number is known.
    private var scratch = ByteBuffer()

    /// What ``scratch`` may keep between messages.
    private static let maximumScratchBytes = 128 * 1_024

    init(_ settings: DeflateSettings) {
        self.settings = settings
    }

    /// Whether frames of so many bytes can have something to compress in them.
    @inline(__always)
    func mayCompress(_ bytes: Int) -> Bool { bytes >= settings.threshold }

    /// Compresses each message that is long enough and gets smaller by it; the others stay as they are.
    ///
    /// - Parameters:
    ///   - frames: frames of ours, whole and one after the other.
    ///   - ends: where some of the frames end, in ascending order.
    func compress(_ frames: ByteBuffer, ends: [Int] = [], for window: DeflateWindow) -> CompressedFrames {
        let asTheyAre = CompressedFrames(window: window, frames: frames, ends: ends)
        guard mayCompress(frames.readableBytes), let deflater = deflater(window) else { return asTheyAre }
        var compressed = ByteBuffer()
        var newEnds: [Int] = []
        var messages = 0
        var before = 0
        var after = 0
        frames.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            var ends = ends[...]
            while let frame = OwnFrame(in: rest) {
                if let size = append(frame, by: deflater, to: &compressed) {
                    messages += 1
                    before += frame.payload.count
                    after += size
                } else {
                    compressed.writeBytes(frame.bytes)
                }
                rest = rest.dropFirst(frame.bytes.count)
                if let end = ends.first, end - frames.readerIndex <= rest.startIndex {
                    newEnds.append(compressed.writerIndex)
                    ends = ends.dropFirst()
                }
            }
        }
        guard messages > 0 else { return asTheyAre }
        settings.metrics.compressed.increment(by: messages)
        settings.metrics.bytesBefore.increment(by: before)
        settings.metrics.bytesAfter.increment(by: after)
        return CompressedFrames(window: window, frames: compressed, ends: newEnds)
    }

    /// Returns the bytes of the compressed message; nil, and nothing is appended, where it is to stay as it is.
    private func append(_ frame: OwnFrame, by deflater: Deflater, to frames: inout ByteBuffer) -> Int? {
        guard frame.payload.count >= settings.threshold else { return nil }
        scratch.clear()
        guard let size = deflater.deflate(UnsafeRawBufferPointer(rebasing: frame.payload), to: &scratch) else {
            return nil
        }
        frames.reserveCapacity(minimumWritableBytes: size + Frame.maximumHeaderBytes)
        // RFC 7692 §6.1: the first reserved bit says that the message is compressed.
        Frame.appendHeader(frame.first | 0x40, length: size, to: &frames)
        frames.writeImmutableBuffer(scratch)
        if scratch.storageCapacity > Self.maximumScratchBytes { scratch = ByteBuffer() }
        return size
    }

    private func deflater(_ window: DeflateWindow) -> Deflater? {
        if let deflater = deflaters[window] { return deflater }
        let deflater = Deflater(level: settings.level, window: window.rawValue)
        deflaters[window] = deflater
        return deflater
    }

    /// Inflates a whole message; see ``Inflater/inflate(_:limit:_:)``.
    func inflate(
        _ message: ByteBuffer, limit: Int, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        settings.metrics.inflated.increment()
        try inflater.inflate(message, limit: limit, take)
    }

    // MARK: Connections

    /// The windows of the connections there are.
    var windows: some Collection<DeflateWindow> { connections.keys }

    fileprivate func add(_ window: DeflateWindow) {
        connections[window, default: 0] += 1
    }

    /// Returns whether that was the last connection.
    fileprivate func remove(_ window: DeflateWindow) -> Bool {
        let count = connections[window, default: 0] - 1
        connections[window] = count > 0 ? count : nil
        return connections.isEmpty
    }
}

extension DeflateCodec? {
    /// Takes in a connection; the first one brings the codec.
    mutating func add(_ agreement: DeflateAgreement) {
        let codec = self ?? DeflateCodec(agreement.settings)
        codec.add(agreement.window)
        self = codec
    }

    /// Lets go of a connection; with the last one the codec goes.
    mutating func remove(_ window: DeflateWindow) {
        if self?.remove(window) == true { self = nil }
    }
}

/// A delivery's frames for connections that take them compressed.
struct CompressedFrames: Sendable {
    let window: DeflateWindow
    let frames: ByteBuffer
    /// Where in ``frames`` the same frames end as those that were told.
    let ends: [Int]
}

/// A frame that we have made: whole, without a mask.
private struct OwnFrame {
    let first: UInt8
    let bytes: Slice<UnsafeRawBufferPointer>
    let payload: Slice<UnsafeRawBufferPointer>

    /// nil where there is none.
    init?(in rest: Slice<UnsafeRawBufferPointer>) {
        guard let first = rest.first, let second = rest.dropFirst().first else { return nil }
        let lengthBytes = second == 126 ? 2 : second == 127 ? 8 : 0
        let length = rest.dropFirst(2).prefix(lengthBytes)
        let count = lengthBytes == 0 ? Int(second) : length.reduce(0) { $0 << 8 | Int($1) }
        let bytes = rest.prefix(2 + lengthBytes + count)
        guard bytes.count == 2 + lengthBytes + count else { return nil }
        self.first = first
        self.bytes = bytes
        self.payload = bytes.dropFirst(2 + lengthBytes)
    }
}
