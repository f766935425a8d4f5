/// One connection: no other, of this process or any other before or beside it, is called the same.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    /// Which process of a node.
    package let epoch: UInt64
    package let shard: Int
    package let socket: SocketID

    package init(epoch: UInt64, shard: Int, socket: SocketID) {
        self.epoch = epoch
        self.shard = shard
        self.socket = socket
    }

    /// The id that `text` denotes, as ``description`` gives it.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let epoch = UInt64(parts[0], radix: 16), let shard = UInt8(parts[1], radix: 16),
            let index = UInt32(parts[2], radix: 16), let generation = UInt32(parts[3], radix: 16)
        else { return nil }
        self.init(epoch: epoch, shard: Int(shard), socket: SocketID(index: index, generation: generation))
    }

    /// Letters, digits and dots.
    public var description: String {
        let parts = [epoch, UInt64(shard), UInt64(socket.index), UInt64(socket.generation)]
        return parts.map { String($0, radix: 16) }.joined(separator: ".")
    }
}
