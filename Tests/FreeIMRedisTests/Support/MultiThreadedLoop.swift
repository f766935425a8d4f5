import NIOCore
import NIOPosix

/// An event loop that serves nobody else.
struct MultiThreadedLoop {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    var loop: any EventLoop { group.next() }

    func end() async throws {
        try await group.shutdownGracefully()
    }
}
