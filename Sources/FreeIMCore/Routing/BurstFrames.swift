import NIOCore

/// Frames that a burst brings, for one connection or for many.
struct BurstBuffer {
    let bytes: ByteBuffer
    /// Whose members get it; nil where it is for clients or everyone.
    let channel: ChannelName?
}

/// Frames of a burst: bytes of one of its buffers.
struct Frames {
    /// A place in ``Shard/buffers``.
    let buffer: UInt32
    private let start: UInt32
    let count: UInt32

    static let none = Frames(buffer: 0, 0..<0)

    init(buffer: UInt32, _ part: Range<Int>) {
        self.buffer = buffer
        self.start = UInt32(part.lowerBound)
        self.count = UInt32(part.count)
    }

    var isEmpty: Bool { count == 0 }

    /// - Parameter buffer: the readable bytes of the buffer.
    func bytes(of buffer: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer[Int(start)..<Int(start + count)])
    }

    func slice(of buffer: ByteBuffer) -> ByteBuffer {
        buffer.getSlice(at: buffer.readerIndex + Int(start), length: Int(count)) ?? ByteBuffer()
    }

    /// What a connection is to write by itself. A small part of a buffer's memory is copied: it would keep all of it for as
    /// long as its terminal is slow to read.
    ///
    /// - Parameter offset: what has been sent of the frames.
    func standingAlone(_ buffer: ByteBuffer, from offset: Int = 0) -> ByteBuffer {
        guard count < buffer.readableBytes || buffer.storageCapacity / 4 > count else {
            var rest = buffer
            rest.moveReaderIndex(forwardBy: offset)
            return rest
        }
        return buffer.withUnsafeReadableBytes { ByteBuffer(bytes: bytes(of: $0).dropFirst(offset)) }
    }
}

/// What waits for a connection until the end of a burst: frames of one buffer as a rule, and what further buffers bring.
struct WaitingFrames {
    static let none = WaitingFrames()
    /// So many are sent in one call; beyond, the connection's channel writes them. Below IOV_MAX.
    static let limit: UInt32 = 64

    var first = Frames.none
    /// Places in ``Shard/further``, where there are several.
    private var second: UInt32 = 0
    private var last: UInt32 = 0
    private var furtherCount: UInt32 = 0

    var isEmpty: Bool { first.isEmpty }
    var isAlone: Bool { furtherCount == 0 }
    var isFull: Bool { furtherCount + 1 >= Self.limit }

    mutating func append(_ frames: Frames, in further: inout ContiguousArray<FurtherFrames>) {
        let place = UInt32(further.count)
        further.append(FurtherFrames(frames: frames))
        if furtherCount == 0 { second = place } else { further[Int(last)].next = place }
        last = place
        furtherCount += 1
    }

    /// In order.
    func forEach(in further: ContiguousArray<FurtherFrames>, _ body: (Frames) -> Void) {
        guard !isEmpty else { return }
        body(first)
        var place = Int(second)
        for _ in 0..<furtherCount {
            body(further[place].frames)
            place = Int(further[place].next)
        }
    }

    /// Sends all of them in one call. Returns how many bytes the kernel took; nil: all.
    func send(
        _ further: ContiguousArray<FurtherFrames>, of buffers: ContiguousArray<BurstBuffer>, over handle: SocketHandle
    ) -> Int? {
        withUnsafeTemporaryAllocation(of: SocketHandle.Part.self, capacity: Int(furtherCount) + 1) { parts in
            var count = 0
            var all = 0
            forEach(in: further) { frames in
                // Lifetime: `buffers` holds the memory, and nothing writes to it.
                let bytes = buffers[Int(frames.buffer)].bytes.withUnsafeReadableBytesWithStorageManagement { bytes, _ in
                    frames.bytes(of: bytes)
                }
                parts.initializeElement(at: count, to: SocketHandle.part(bytes))
                count += 1
                all += bytes.count
            }
            let sent = handle.send(UnsafeBufferPointer(rebasing: parts[..<count]))
            return sent < all ? sent : nil
        }
    }
}

/// Frames that wait behind others for a connection, in ``Shard/further``.
struct FurtherFrames {
    /// As many as a MiB holds.
    static let keptRoom = 65_536

    let frames: Frames
    /// Where the ones behind them are; of no meaning in the last ones.
    var next: UInt32 = 0
}
