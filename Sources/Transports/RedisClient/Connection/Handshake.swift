import NIOCore

/// What a new connection says first, in one pipeline, and whether Redis agreed.
///
/// The PING at the end is what tells that Redis serves: while it loads its data, it accepts the rest and refuses that.
struct Handshake {
    enum Step: Equatable {
        case authenticate, setName, select, identify, ping
    }

    enum Outcome: Equatable {
        /// More replies are to come.
        case pending
        case accepted
        case refused(RedisError)
    }

    /// The commands, for one write.
    let bytes: ByteBuffer
    /// The number under which Redis knows this connection (CLIENT ID); nil where the ACL forbids to ask.
    private(set) var clientID: Int64?
    private var steps: ArraySlice<Step>

    init(_ configuration: RedisClientConfiguration) {
        var steps: [Step] = []
        var bytes = ByteBuffer()
        func add(_ step: Step, _ command: RedisCommand) {
            steps.append(step)
            bytes.writeImmutableBuffer(command.encoded)
        }
        if let credentials = configuration.credentials {
            let user: [RedisArgument] = credentials.user.map { [.string($0)] } ?? []
            add(.authenticate, RedisCommand("AUTH", user + [.string(credentials.password)]))
        }
        if let name = configuration.clientName { add(.setName, RedisCommand("CLIENT", "SETNAME", .string(name))) }
        if configuration.database != 0 { add(.select, RedisCommand("SELECT", .integer(configuration.database))) }
        add(.identify, RedisCommand("CLIENT", "ID"))
        add(.ping, RedisCommand("PING"))
        self.bytes = bytes
        self.steps = steps[...]
    }

    /// Takes the next reply. To be called until the outcome is another than `pending`.
    mutating func received(_ value: RedisValue) -> Outcome {
        guard let step = steps.popFirst() else { return .accepted }
        if let error = value.error, !isBearable(error, at: step) { return .refused(error) }
        guard value.error != nil || isAnswer(value, to: step) else {
            return .refused(RedisError(.protocolViolation, "the server does not answer as Redis does"))
        }
        if step == .identify { clientID = value.integer }
        return steps.isEmpty ? .accepted : .pending
    }

    /// Whoever answers otherwise is no Redis: an HTTP server, or the connection itself, which TCP allows to connect to its
    /// own port.
    private func isAnswer(_ value: RedisValue, to step: Step) -> Bool {
        switch step {
        case .authenticate, .setName, .select: value == .simple(ByteBuffer(string: "OK"))
        case .identify: value.integer != nil
        case .ping: value == .simple(ByteBuffer(string: "PONG"))
        }
    }

    /// A user whose ACL forbids naming or asking can work all the same, and so can one for whom CLIENT is renamed away.
    private func isBearable(_ error: RedisError, at step: Step) -> Bool {
        switch step {
        case .authenticate, .select: false
        case .setName, .identify: error.code == .noPerm || error.message.hasPrefix("unknown command")
        case .ping: error.code == .noPerm
        }
    }
}
