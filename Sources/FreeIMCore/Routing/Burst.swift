import NIOCore

/// Collects the messages of one burst for the shards.
///
/// Consecutive messages for the same audience become one ``Delivery`` with one buffer, into which each frame is
/// encoded once; so each receiver costs one queued write per run and one flush per burst. Messages for one client each
/// lie side by side in a common buffer instead of two allocations each.
struct Burst {
    /// A run is ended at this size, so that a buffer stays a moderate allocation.
    static let maximumRunBytes = 128 * 1_024
    /// The same for a common buffer; longer messages are not copied into one.
    static let maximumCommonBytes = 64 * 1_024

    /// Consecutive messages for one client: a part of the common buffer.
    private struct Part {
        let client: ClientID
        let shards: ShardSet
        let start: Int
        var messages = 1
    }

    private var commands: [[ShardCommand]]
    /// At most one of these two is open.
    private var run: Delivery?
    private var part: Part?
    private var common = ByteBuffer()
    /// By shard, which of its commands stands for ``common``; -1 where none does.
    private var commonPlaces: ContiguousArray<Int>
    /// What the last common buffer took, for the next one's capacity.
    private var expectedBytes = 0
    private let allocator = ByteBufferAllocator()
    /// Compresses what is for all shards; nil while no connection of the node takes it so.
    private var codec: DeflateCodec?

    init(shards: Int) {
        self.commands = Array(repeating: [], count: shards)
        self.commonPlaces = ContiguousArray(repeating: -1, count: shards)
    }

    /// A message for a channel's members or for everyone.
    ///
    /// - Parameter excluded: a client that is not to get it.
    mutating func add(_ audience: Delivery.Audience, _ payload: ByteBuffer, excluded: ClientID?) {
        if run?.audience != audience || (run?.frames.readableBytes ?? 0) >= Self.maximumRunBytes {
            endRun()
            let capacity = payload.readableBytes + Frame.maximumHeaderBytes
            run = Delivery(audience: audience, frames: allocator.buffer(capacity: capacity))
        }
        guard var run else { return }
        // Taken out while it grows, so that the buffer is not copied.
        self.run = nil
        let before = run.frames.readableBytes
        Frame.append(.text, payload, to: &run.frames)
        run.messages = before == 0 ? 1 : run.messages + 1
        run.longest = max(run.longest ?? 0, run.frames.readableBytes - before)
        if excluded != nil || !run.exclusions.isEmpty {
            if run.exclusions.isEmpty, before > 0 {
                run.exclusions.append(Delivery.Exclusion(end: before, sender: nil))
            }
            run.exclusions.append(Delivery.Exclusion(end: run.frames.writerIndex, sender: excluded))
        }
        self.run = run
    }

    /// A message for one client, whose connections are in `shards`.
    mutating func add(client: ClientID, in shards: ShardSet, _ payload: ByteBuffer, receipt: ReceiptID?) {
        let size = payload.readableBytes + Frame.maximumHeaderBytes
        guard receipt == nil, size <= Self.maximumCommonBytes else {
            let frames = Frame.make(.text, payload, allocator: allocator)
            return add(.deliver(Delivery(audience: .client(client), frames: frames, receipt: receipt)), in: shards)
        }
        let fits = common.readableBytes + size <= Self.maximumCommonBytes
        if fits, part?.client == client {
            part?.messages += 1
        } else {
            endRun()
            if !fits { endCommon() }
            if common.readableBytes == 0 { common = allocator.buffer(capacity: max(size, expectedBytes)) }
            part = Part(client: client, shards: shards, start: common.readableBytes)
        }
        Frame.append(.text, payload, to: &common)
    }

    /// A message for several clients, grouped by shard.
    mutating func add(clients: [Int: [ClientID]], _ payload: ByteBuffer) {
        endRun()
        let frames = Frame.make(.text, payload, allocator: allocator)
        for (shard, clients) in clients {
            commands[shard].append(.deliver(Delivery(audience: .clients(clients), frames: frames)))
        }
    }

    /// Something else to be done by shards, behind the messages before it.
    mutating func add(_ command: ShardCommand, in shards: ShardSet) {
        endRun()
        shards.forEach { commands[$0].append(command) }
    }

    private mutating func endRun() {
        if var run {
            self.run = nil
            if let codec { run.compress(with: codec) }
            for shard in commands.indices { commands[shard].append(.deliver(run)) }
        } else if let part {
            self.part = nil
            part.shards.forEach { shard in
                if commonPlaces[shard] < 0 {
                    commonPlaces[shard] = commands[shard].count
                    // Until it is full; appending to a buffer that something else has too would copy it.
                    commands[shard].append(.common(ByteBuffer()))
                }
                commands[shard].append(
                    .send(part.client, part.start..<common.readableBytes, messages: part.messages))
            }
        }
    }

    private mutating func endCommon() {
        guard common.readableBytes > 0 else { return }
        for shard in commands.indices where commonPlaces[shard] >= 0 {
            commands[shard][commonPlaces[shard]] = .common(common)
            commonPlaces[shard] = -1
        }
        expectedBytes = common.readableBytes
        common = ByteBuffer()
    }

    /// What has been collected, by shard; the burst is empty then.
    mutating func take() -> [[ShardCommand]] {
        endRun()
        endCommon()
        let taken = commands
        commands = Array(repeating: [], count: taken.count)
        return taken
    }

    /// A connection has opened or closed. A single shard compresses for itself, and knows better what it needs.
    mutating func apply(_ change: ShardChange) {
        guard commands.count > 1, let agreement = change.agreement else { return }
        switch change.kind {
        case .opened: codec.add(agreement)
        case .closed: codec.remove(agreement.window)
        }
    }
}

extension Delivery {
    fileprivate mutating func compress(with codec: DeflateCodec) {
        guard codec.mayCompress(longest ?? frames.readableBytes) else { return }
        let ends = exclusions.map(\.end)
        compressed = codec.windows.map { codec.compress(frames, ends: ends, for: $0) }
    }
}
