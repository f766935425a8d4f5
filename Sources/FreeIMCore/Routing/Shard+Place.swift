extension Shard {
    /// A socket's place, and what waits for it within a burst.
    ///
    /// Each step of a delivery is one call, so that ``Shard/places`` are looked at once for it.
    struct Place {
        let generation: UInt32
        /// Written to past the connection; nil while the connection has something of its own to write first.
        var handle: SocketHandle?
        private var waiting = WaitingFrames.none
        private var isDirty = false
        /// nil where the connection takes messages as they are.
        var window: DeflateWindow?
        var socket: (any ShardSocket)?
        /// The same object as ``socket``, once it is open.
        var connection: (any Connection)?

        init(generation: UInt32 = 0) {
            self.generation = generation
        }
    }
}

extension Shard.Place {
    /// What becomes of frames that are to be written.
    enum Offer {
        /// They wait.
        case taken
        /// They wait, and are the first thing that this burst brings.
        case takenFirst
        /// Others wait; they can be put behind those.
        case behind
        /// The connection is to write them.
        case refused
        /// The connection is to write them, behind what waits.
        case refusedBehind
        /// There is no connection.
        case absent
    }

    @inline(__always)
    mutating func offer(_ frames: Frames) -> Offer {
        guard connection != nil else { return .absent }
        guard waiting.isEmpty else { return handle == nil || waiting.isFull ? .refusedBehind : .behind }
        guard handle != nil else { return .refused }
        waiting.first = frames
        return markDirty() ? .takenFirst : .taken
    }

    mutating func append(_ frames: Frames, in further: inout ContiguousArray<FurtherFrames>) {
        waiting.append(frames, in: &further)
    }

    /// ``handle`` where nothing waits that would have to be sent first.
    var handleAtRest: SocketHandle? { waiting.isEmpty ? handle : nil }

    /// False where it was already.
    mutating func markDirty() -> Bool {
        defer { isDirty = true }
        return !isDirty
    }

    /// Takes what waits, which the connection is to write; so it is with all that follows, until it says otherwise.
    mutating func passOn() -> WaitingFrames {
        defer { waiting = .none }
        handle = nil
        return waiting
    }

    /// At the end of the burst: takes what waits, and over what it is to be sent; nil where the burst brought nothing.
    @inline(__always)
    mutating func endBurst() -> (waiting: WaitingFrames, handle: SocketHandle?)? {
        guard isDirty else { return nil }
        defer { waiting = .none }
        isDirty = false
        return (waiting, handle)
    }
}
