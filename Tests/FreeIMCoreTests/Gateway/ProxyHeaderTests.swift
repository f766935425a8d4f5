import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    @Test(
        "The source of a line of version 1 is the address",
        arguments: [
            ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", "192.0.2.1"),
            ("PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n", "2001:db8::1"),
            ("PROXY UNKNOWN\r\n", nil), ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", nil),
        ])
    func line(text: String, address: String?) throws {
        var bytes = ByteBuffer(string: text + "GET /")
        let expected = try address.map { ProxyHeader.proxied(try #require(IPAddress($0))) } ?? .local
        #expect(try ProxyHeader.read(&bytes) == expected)
        #expect(String(buffer: bytes) == "GET /")
    }

    @Test(
        "What is not a header of either version is malformed",
        arguments: [
            "GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n", "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 70000 80\r\n", "PROXY TCP4 x 10.0.0.1 1 80\r\n", "PROXY UDP4 1 2 3 4\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n", "PROXY \n", "PROXY " + String(repeating: "x", count: 200),
            "\r\n\r\n\0\r\nQUIX", "\r\n\r\n\0\r\nQUIT\n\u{31}\u{11}\0\u{0C}abcdabcdabcd",
            "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{04}abcd", "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\u{7F}\u{7F}",
        ])
    func malformed(text: String) {
        #expect(throws: ProxyHeader.Malformed.self) {
            var bytes = ByteBuffer(string: text)
            _ = try ProxyHeader.read(&bytes)
        }
    }

    @Test("Version 2 tells IPv4 and IPv6, and skips what proxies add")
    func binary() throws {
        var bytes = ByteBuffer(
            bytes: Self.signature + [0x21, 0x11, 0, 15, 192, 0, 2, 1, 10, 0, 0, 1, 1, 2, 3, 4, 9, 9, 9])
        bytes.writeString("rest")
        #expect(try ProxyHeader.read(&bytes) == .proxied(try #require(IPAddress("192.0.2.1"))))
        #expect(String(buffer: bytes) == "rest")
        let source: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        bytes = ByteBuffer(bytes: Self.signature + [0x21, 0x21, 0, 36] + source + source + [1, 2, 3, 4])
        #expect(try ProxyHeader.read(&bytes) == .proxied(try #require(IPAddress("2001:db8::1"))))
    }

    @Test("A proxy's own connection, and one of a unix socket, have no address")
    func local() throws {
        for head: [UInt8] in [[0x20, 0x00, 0, 0], [0x21, 0x31, 0, 2, 1, 1], [0x20, 0x11, 0, 3, 1, 2, 3]] {
            var bytes = ByteBuffer(bytes: Self.signature + head)
            #expect(try ProxyHeader.read(&bytes) == .local)
            #expect(bytes.readableBytes == 0)
        }
    }

    @Test("A header that comes byte by byte is read when it is whole")
    func pieces() throws {
        let line = Array("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n".utf8)
        let binary = Self.signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 10, 0, 0, 1, 1, 2, 3, 4]
        for header in [line, binary] {
            var bytes = ByteBuffer()
            for byte in header.dropLast() {
                bytes.writeInteger(byte)
                #expect(try ProxyHeader.read(&bytes) == nil)
            }
            bytes.writeInteger(header[header.count - 1])
            #expect(try ProxyHeader.read(&bytes) != nil)
        }
    }

    @Test("The handler tells the address first, then hands on what is behind the header, and leaves")
    func handler() throws {
        let recorder = Recorder()
        let handler = ProxyProtocolHandler {}
        let channel = EmbeddedChannel(handlers: [handler, recorder])
        try channel.writeInbound(ByteBuffer(string: "PROXY TCP4 192.0.2.1 10.0.0.1 47"))
        #expect(recorder.seen == [])
        try channel.writeInbound(ByteBuffer(string: "11 80\r\nGET"))
        try channel.writeInbound(ByteBuffer(string: " / "))
        #expect(recorder.seen == ["192.0.2.1", "GET", " / "])
        #expect(throws: ChannelPipelineError.self) { try channel.pipeline.syncOperations.context(handler: handler) }
    }

    @Test("A socket that begins otherwise is closed and counted")
    func handlerMalformed() throws {
        var count = 0
        let channel = EmbeddedChannel(handler: ProxyProtocolHandler { count += 1 })
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        #expect(count == 1)
        #expect(!channel.isActive)
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var seen: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            seen.append(String(buffer: unwrapInboundIn(data)))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .proxied(let address)? = event as? ProxyHeader { seen.append("\(address)") }
        }
    }
}

@Suite struct ForwardedForTests {
    private let trusted = ["10.0.0.0/8", "::1"].compactMap { AddressRange(sectionText: $0) }

    @Test(
        "The origin is the last address that no trusted proxy has",
        arguments: [
            ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"), ("10.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", ["6.6.6.6", "192.0.2.1, 10.0.0.2"], "192.0.2.1"), ("10.0.0.1", [], "10.0.0.1"),
            ("192.0.2.9", ["192.0.2.1"], "192.0.2.9"), ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", ["192.0.2.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", ["192.0.2.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("::1", ["192.0.2.1:4711"], "192.0.2.1"), ("::1", [" [2001:db8::1]:4711 "], "2001:db8::1"),
            ("::1", ["2001:db8::1"], "2001:db8::1"),
        ])
    func origin(peer: String, fields: [String], origin: String) throws {
        let peer = try #require(IPAddress(peer))
        #expect(ForwardedFor.origin(fields, peer: peer, trusted: trusted) == IPAddress(origin))
    }
}
