public import NIOCore

/// A command in the form in which it goes to Redis.
public struct RedisCommand: Sendable, Hashable {
    /// The command's name, in capitals.
    public let name: String
    /// RESP2: an array of bulk strings.
    let encoded: ByteBuffer
    /// False for a command that changes what a shared connection is, or how it answers.
    let isShareable: Bool
    private let beginsTransaction: Bool

    /// - Parameter arguments: everything behind the name, in order.
    public init(_ name: String, _ arguments: RedisArgument...) {
        self.init(name, arguments)
    }

    public init(_ name: String, _ arguments: [RedisArgument]) {
        self.name = name.uppercased()
        var size = 32 + name.utf8.count
        for argument in arguments { size += argument.count + 16 }
        var buffer = ByteBufferAllocator().buffer(capacity: size)
        buffer.writeInteger(UInt8(ascii: "*"))
        buffer.writeString("\(arguments.count + 1)\r\n")
        RedisArgument.string(name).write(to: &buffer)
        for argument in arguments { argument.write(to: &buffer) }
        encoded = buffer
        beginsTransaction = self.name == "MULTI"
        isShareable = !Self.unshared.contains(self.name) && !Self.isClientReply(self.name, arguments)
    }

    static func join(_ commands: [RedisCommand]) -> ByteBuffer {
        if commands.count == 1, let command = commands.first { return command.encoded }
        var buffer = ByteBufferAllocator().buffer(capacity: commands.reduce(0) { $0 + $1.encoded.readableBytes })
        for command in commands { buffer.writeImmutableBuffer(command.encoded) }
        return buffer
    }

    /// True where a transaction is begun and not ended: commands of other callers would become part of it.
    static func leavesTransactionOpen(_ commands: [RedisCommand]) -> Bool {
        guard let start = commands.lastIndex(where: \.beginsTransaction) else { return false }
        return !commands[start...].contains { $0.name == "EXEC" || $0.name == "DISCARD" }
    }

    /// Commands that answer with several replies or none, or whose effect a reconnect would lose.
    private static let unshared: Set<String> = [
        "AUTH", "HELLO", "MONITOR", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT", "RESET", "SELECT", "SSUBSCRIBE",
        "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE",
    ]

    /// `CLIENT REPLY` switches replies off, so that later ones could not be told apart.
    private static func isClientReply(_ name: String, _ arguments: [RedisArgument]) -> Bool {
        guard name == "CLIENT", let first = arguments.first else { return false }
        return first.text.uppercased() == "REPLY"
    }
}

extension RedisCommand: CustomStringConvertible {
    /// The name alone: arguments may be secrets.
    public var description: String { name }
}

extension RedisCommand: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

/// One argument of a command.
public enum RedisArgument: Sendable, Hashable {
    case string(String)
    case bytes(ByteBuffer)
    case integer(Int)

    /// Bytes on the wire, without the header.
    var count: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.readableBytes
        case .integer: 20
        }
    }

    var text: String {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): String(buffer: bytes)
        case .integer(let value): String(value)
        }
    }

    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .string(let text): Self.write(text, to: &buffer)
        case .integer(let value): Self.write(String(value), to: &buffer)
        case .bytes(let bytes):
            buffer.writeString("$\(bytes.readableBytes)\r\n")
            buffer.writeImmutableBuffer(bytes)
            buffer.writeStaticString("\r\n")
        }
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeString("$\(text.utf8.count)\r\n")
        buffer.writeString(text)
        buffer.writeStaticString("\r\n")
    }
}

extension RedisArgument: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
}
