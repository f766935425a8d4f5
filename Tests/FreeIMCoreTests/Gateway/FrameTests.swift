import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Frame")
struct FrameTests {
    private let allocator = ByteBufferAllocator()

    private func bytes(_ buffer: ByteBuffer) -> [UInt8] { Array(buffer.readableBytesView) }

    @Test(
        "the length takes its shortest form",
        arguments: [
            (0, [0x81, 0]), (1, [0x81, 1]), (125, [0x81, 125]), (126, [0x81, 126, 0, 126]), (127, [0x81, 126, 0, 127]),
            (65_535, [0x81, 126, 0xFF, 0xFF]), (65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])])
    func lengths(count: Int, header: [UInt8]) {
        let payload = ByteBuffer(repeating: 0x61, count: count)
        let frame = Frame.make(.text, payload, allocator: allocator)
        #expect(bytes(frame) == header + Array(repeating: 0x61, count: count))
        #expect(header.count <= Frame.maximumHeaderBytes)
    }

    @Test(
        "each kind of frame is whole and has its opcode",
        arguments: [(Frame.Opcode.text, 0x81), (.binary, 0x82), (.close, 0x88), (.ping, 0x89), (.pong, 0x8A)]
            as [(Frame.Opcode, UInt8)])
    func opcodes(opcode: Frame.Opcode, first: UInt8) {
        #expect(bytes(Frame.make(opcode, ByteBuffer(string: "x"), allocator: allocator)) == [first, 1, 0x78])
    }

    @Test("frames are appended one behind the other, and the payload stays as it is")
    func append() {
        var buffer = ByteBuffer(string: "before")
        let payload = ByteBuffer(string: "x")
        Frame.append(.text, payload, to: &buffer)
        Frame.append(.binary, payload, to: &buffer)
        #expect(bytes(buffer) == Array("before".utf8) + [0x81, 1, 0x78, 0x82, 1, 0x78])
        #expect(payload.readableBytes == 1)
    }

    @Test("a close frame has code and reason, and is empty without a code")
    func close() {
        #expect(
            bytes(Frame.close(.normal, reason: "bye", allocator: allocator)) == [0x88, 5, 3, 0xE8, 0x62, 0x79, 0x65])
        #expect(bytes(Frame.close(.normal, reason: "", allocator: allocator)) == [0x88, 2, 3, 0xE8])
        #expect(bytes(Frame.close(nil, reason: "bye", allocator: allocator)) == [0x88, 0])
    }

    @Test(
        "a reason that is too long is cut at a character",
        arguments: [
            (String(repeating: "x", count: 123), 123), (String(repeating: "x", count: 124), 123),
            (String(repeating: "\u{7FA4}", count: 60), 123), ("xx" + String(repeating: "\u{7FA4}", count: 60), 122),
            (String(repeating: "\u{1F469}\u{200D}\u{1F680}", count: 20), 121),
            ("e" + String(repeating: "\u{301}", count: 200), 0),
        ])
    func cutReason(reason: String, count: Int) {
        var frame = Frame.close(.goingAway, reason: reason, allocator: allocator)
        frame.moveReaderIndex(forwardBy: 4)
        #expect(frame.readableBytes == count)
        #expect(reason.hasPrefix(String(buffer: frame)))
    }

    @Test("a terminal reads what we send", arguments: [0, 1, 125, 126, 65_535, 65_536])
    func roundTrip(count: Int) throws {
        // Our frames have no mask, so only their length is read here.
        let frame = bytes(Frame.make(.binary, ByteBuffer(repeating: 1, count: count), allocator: allocator))
        let masked = ClientFrame.make(ClientFrame.binary, Array(repeating: 1, count: count), key: [0, 0, 0, 0])
        #expect(frame.count + 4 == masked.count)
        let header = try #require(try FrameHeader(peeking: ByteBuffer(bytes: masked)))
        #expect(header.length == count)
        #expect(header.headerBytes == frame.count + 4 - count)
    }
}
