import CHiredis
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// hiredis' reader: takes the bytes of a connection, gives replies. Not thread-safe; any error is final.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    /// At an address of its own, which is what callbacks get.
    private let builder: UnsafeMutablePointer<ReplyBuilder>
    private let limits: RedisReplyLimits
    private let sharesBytes: Bool
    private var failure: RedisError?

    /// Bytes of a line (status, error, number) or length that has no end yet. Redis' own error texts are far shorter.
    private static let lineBytes = 64 << 10
    /// hiredis moves its unread bytes forward about once per KiB taken out: small portions keep that cheap.
    private static let portion = 16 << 10

    /// - Parameter sharesBytes: strings are slices of what ``read(_:_:)`` is given where they can be, instead of copies:
    ///   for replies that are not kept, since each keeps all of that buffer.
    /// - Throws: where memory is short.
    init(limits: RedisReplyLimits, sharesBytes: Bool = false) throws(RedisError) {
        self.limits = limits
        self.sharesBytes = sharesBytes
        builder = .allocate(capacity: 1)
        builder.initialize(to: ReplyBuilder(limits: limits))
        functions = .allocate(capacity: 1)
        functions.initialize(to: Self.makeFunctions())
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            Self.free(functions, builder)
            throw RedisError(.protocolViolation, "no memory for a reader")
        }
        // Lifetime: the reader calls back only inside redisReaderGetReply and redisReaderFree, both called by this
        // object, which owns the builder and the table for as long as it lives.
        reader.pointee.privdata = UnsafeMutableRawPointer(builder)
        self.reader = reader
    }

    deinit {
        redisReaderFree(reader)
        Self.free(functions, builder)
    }

    private static func free(
        _ functions: UnsafeMutablePointer<redisReplyObjectFunctions>, _ builder: UnsafeMutablePointer<ReplyBuilder>
    ) {
        functions.deallocate()
        builder.deinitialize(count: 1)
        builder.deallocate()
    }

    /// Takes bytes and gives the replies that they complete to `body`, in order.
    ///
    /// - Throws: ``RedisError/Code/protocolViolation``; the replies before it have been given out.
    func read(_ buffer: ByteBuffer, _ body: (RedisValue) throws(RedisError) -> Void) throws(RedisError) {
        var buffer = buffer
        while let portion = buffer.readSlice(length: min(Self.portion, buffer.readableBytes)),
            portion.readableBytes > 0
        {
            try feed(portion)
            if sharesBytes { builder.pointee.source = portion }
            defer { builder.pointee.source = ByteBuffer() }
            while let value = try next() { try body(value) }
        }
    }

    private func feed(_ buffer: ByteBuffer) throws(RedisError) {
        if let failure { throw failure }
        let status = buffer.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard status == REDIS_OK else { throw fail() }
    }

    private func next() throws(RedisError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        // hiredis moves its bytes between two replies; those fed last stay the last ones.
        builder.pointee.copyEnd = reader.pointee.buf.map { UnsafeRawPointer($0) + reader.pointee.len }
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw fail() }
        guard reply != nil else {
            try checkUnread()
            return nil
        }
        guard let value = builder.pointee.take() else {
            throw fail(RedisError(.protocolViolation, "Redis sent a type that RESP2 does not have"))
        }
        return value
    }

    /// A callback sees a string when all of it is here; so that an announced length cannot fill the memory before,
    /// what is unread is looked at: it starts with a line that has no end yet, or with the length of a string.
    private func checkUnread() throws(RedisError) {
        let count = reader.pointee.len - min(reader.pointee.pos, reader.pointee.len)
        guard count > 0, let base = reader.pointee.buf else { return }
        let unread = UnsafeRawBufferPointer(start: base + reader.pointee.pos, count: count)
        guard count <= limits.bulkBytes + Self.lineBytes else {
            throw fail(RedisError(.protocolViolation, "Redis sent a string of more than \(limits.bulkBytes) bytes"))
        }
        guard let end = Self.lineEnd(in: unread.prefix(Self.lineBytes)) else {
            guard count < Self.lineBytes else {
                throw fail(RedisError(.protocolViolation, "Redis sent a line of more than \(Self.lineBytes) bytes"))
            }
            return
        }
        var length = 0
        for digit in unread.prefix(end) where (0x30...0x39).contains(digit) {
            length = length * 10 + Int(digit - 0x30)
            guard length <= limits.bulkBytes else {
                throw fail(
                    RedisError(
                        .protocolViolation, "Redis announced a string of more than \(limits.bulkBytes) bytes"))
            }
        }
    }

    /// The offset of the first CR LF; nil where there is none.
    private static func lineEnd(in head: Slice<UnsafeRawBufferPointer>) -> Int? {
        let bytes = UnsafeRawBufferPointer(rebasing: head)
        var start = 0
        while let base = bytes.baseAddress, start + 1 < bytes.count,
            let found = memchr(base + start, 0x0D, bytes.count - start - 1)
        {
            let index = UnsafeRawPointer(found) - base
            if bytes[index + 1] == 0x0A { return index }
            start = index + 1
        }
        return nil
    }

    private func fail(_ error: RedisError? = nil) -> RedisError {
        let found = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let error =
            failure ?? error ?? builder.pointee.violation ?? RedisError(.protocolViolation, "not RESP2: \(found)")
        failure = error
        return error
    }

    /// hiredis 1.x has functions for more types; without them it makes objects that ``ReplyBuilder/take()`` misses.
    private static func makeFunctions() -> redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, bytes, count in
            guard let task, let builder = ReplyReader.builder(of: task) else { return nil }
            let text = UnsafeRawBufferPointer(start: bytes, count: count)
            return builder.pointee.addString(text, type: task.pointee.type) ? task.pointee.privdata : nil
        }
        functions.createArray = { task, count in
            guard let task, let builder = ReplyReader.builder(of: task) else { return nil }
            return builder.pointee.addArray(count: Int(count)) ? task.pointee.privdata : nil
        }
        functions.createInteger = { task, value in
            guard let task, let builder = ReplyReader.builder(of: task) else { return nil }
            builder.pointee.add(.integer(value))
            return task.pointee.privdata
        }
        functions.createNil = { task in
            guard let task, let builder = ReplyReader.builder(of: task) else { return nil }
            builder.pointee.add(.null)
            return task.pointee.privdata
        }
        // Nothing to free: the objects are the builder's address.
        functions.freeObject = { _ in }
        return functions
    }

    /// Lifetime: see `init`. hiredis copies the reader's `privdata` into each task.
    private static func builder(of task: UnsafePointer<redisReadTask>) -> UnsafeMutablePointer<ReplyBuilder>? {
        task.pointee.privdata?.assumingMemoryBound(to: ReplyBuilder.self)
    }
}
