import NIOCore

/// Where some connections take messages compressed: each message is compressed once for all of the same window, when the
/// first of them gets it, unless the bus loop has done so for all shards.
extension Shard {
    /// Whether there is anything to decide per connection, the longest message having so many bytes.
    @inline(__always)
    func mayCompress(_ bytes: Int) -> Bool {
        guard let codec else { return false }
        return codec.mayCompress(bytes)
    }

    func write(_ frames: Frames, _ messages: Int, inFormsToAllOf client: ClientID) {
        var forms = Forms(frames)
        roster.forEachSocket(of: client) { write(form(for: $0, in: &forms).frames, messages, to: $0) }
    }

    func write(_ frames: Frames, inFormsToAllOf clients: [ClientID]) {
        var forms = Forms(frames)
        for client in clients {
            roster.forEachSocket(of: client) { write(form(for: $0, in: &forms).frames, 1, to: $0) }
        }
    }

    func write(
        _ delivery: Delivery, _ frames: Frames, inFormsTo members: some Sequence<UInt32>,
        _ excluded: [(place: UInt32, frame: Int)]
    ) {
        var forms = Forms(frames, ends: delivery.exclusions.map(\.end))
        let channel = buffers[Int(frames.buffer)].channel
        for compressed in delivery.compressed { forms.compressed.append(form(of: compressed, channel)) }
        for member in members {
            let form = form(for: member, in: &forms)
            if excluded.contains(where: { $0.place == member }) {
                writeSome(delivery, of: form.frames, form.ends, to: member, excluded)
            } else {
                write(form.frames, delivery.messages, to: member)
            }
        }
    }

    /// What is for one connection alone, as it takes it.
    func encoded(_ frames: ByteBuffer, for index: UInt32) -> ByteBuffer {
        guard let codec, let window = places[Int(index)].window else { return frames }
        return codec.compress(frames, for: window).frames
    }

    /// The same for frames that the connection makes itself.
    func encoded(_ frames: ByteBuffer, for id: SocketID) -> ByteBuffer {
        isCurrent(id) ? encoded(frames, for: id.index) : frames
    }

    /// A connection leaves. Returns what it had agreed on.
    func releaseWindow(of index: UInt32) -> DeflateAgreement? {
        guard let codec, let window = places[Int(index)].window else { return nil }
        self.codec.remove(window)
        return DeflateAgreement(window: window, settings: codec.settings)
    }

    // MARK: Forms

    /// A delivery's frames as connections take them.
    private struct Forms {
        let plain: Form
        var compressed: [Form] = []

        init(_ frames: Frames, ends: [Int] = []) {
            plain = Form(window: nil, frames: frames, ends: ends)
        }
    }

    private struct Form {
        /// nil: not compressed.
        let window: DeflateWindow?
        let frames: Frames
        /// Where the frames end that somebody does not get; see ``Delivery/exclusions``.
        let ends: [Int]
    }

    private func form(for index: UInt32, in forms: inout Forms) -> Form {
        guard let codec, let window = places[Int(index)].window else { return forms.plain }
        if let form = forms.compressed.first(where: { $0.window == window }) { return form }
        let plain = forms.plain
        let buffer = buffers[Int(plain.frames.buffer)]
        let compressed = codec.compress(plain.frames.slice(of: buffer.bytes), ends: plain.ends, for: window)
        let made = form(of: compressed, buffer.channel)
        forms.compressed.append(made)
        return made
    }

    private func form(of compressed: CompressedFrames, _ channel: ChannelName?) -> Form {
        Form(window: compressed.window, frames: queue(compressed.frames, of: channel), ends: compressed.ends)
    }
}
