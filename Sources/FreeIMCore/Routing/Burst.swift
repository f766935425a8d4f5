import NIOCore

/// Collects the messages of one burst for the shards.
///
/// Consecutive messages for the same audience become one ``Delivery`` with one buffer, into which each frame is
/// encoded once; so each receiver costs one queued write per run and one flush per burst.
struct Burst {
    /// A run is ended at this size, so that a buffer stays a moderate allocation.
    static let maximumRunBytes = 128 * 1_024

    private var commands: [[ShardCommand]]
    private var run: Delivery?
    private let allocator = ByteBufferAllocator()

    init(shards: Int) {
        self.commands = Array(repeating: [], count: shards)
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
        if receipt == nil, run?.receipt == nil, run?.audience == .client(client), var run,
            run.frames.readableBytes < Self.maximumRunBytes
        {
            self.run = nil
            Frame.append(.text, payload, to: &run.frames)
            run.messages += 1
            self.run = run
            return
        }
        endRun()
        run = Delivery(
            audience: .client(client), frames: Frame.make(.text, payload, allocator: allocator), receipt: receipt)
        runShards = shards
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

    /// Where the open run goes; for one client only.
    private var runShards: ShardSet = []

    private mutating func endRun() {
        guard let run else { return }
        self.run = nil
        if case .client = run.audience {
            runShards.forEach { commands[$0].append(.deliver(run)) }
        } else {
            for shard in commands.indices { commands[shard].append(.deliver(run)) }
        }
    }

    /// What has been collected, by shard; the burst is empty then.
    mutating func take() -> [[ShardCommand]] {
        endRun()
        let taken = commands
        commands = Array(repeating: [], count: taken.count)
        return taken
    }
}
