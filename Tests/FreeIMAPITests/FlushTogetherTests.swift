import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMAPI

@Suite("Flush together")
struct FlushTogetherTests {
    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(FlushTogether())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test("what is flushed goes out at the end of the turn")
    func endOfTurn() throws {
        let channel = try channel()
        channel.write(ByteBuffer(string: "one"), promise: nil)
        channel.flush()
        channel.write(ByteBuffer(string: "two"), promise: nil)
        channel.flush()
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        channel.embeddedEventLoop.run()
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "one"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "two"))
    }

    @Test("what is flushed goes out before the connection is closed")
    func close() throws {
        let channel = try channel()
        channel.write(ByteBuffer(string: "one"), promise: nil)
        channel.flush()
        channel.close(promise: nil)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "one"))
        channel.embeddedEventLoop.run()
    }
}
