import NIOCore

@testable import FreeIMCore

extension Benchmark {
    static var envelopes: [Benchmark] {
        [
            decoding("decode, to one client", Sample.direct(Sample.message)),
            decoding("decode, to one client, nothing escaped", Sample.direct(Sample.plain(bytes: 240))),
            decoding(
                "decode, to one client, GUIDs",
                Sample.direct(to: [Sample.guid(2)], from: Sample.guid(1), Sample.json(bytes: 150))),
            decoding("decode, to one client, 16 KiB", Sample.direct(Sample.json(bytes: 16 * 1_024)), times: 4),
            decoding("decode, to one client, 64 KiB", Sample.direct(Sample.json(bytes: 64 * 1_024)), times: 1),
            decoding(
                "decode, to a channel",
                .channel(sender: 1_000_001, channel: Sample.channel("room"), payload: Sample.message)),
            encoding("encode, to one client", Sample.direct(Sample.message)),
            encoding("encode, to one client, 16 KiB", Sample.direct(Sample.json(bytes: 16 * 1_024)), times: 4),
        ]
    }

    private static func decoding(_ name: String, _ envelope: Envelope, times: Int = 64) -> Benchmark {
        let body = EnvelopeCodec.encode(envelope)
        return .repeating(name, bytes: body.readableBytes, times: times) {
            {
                switch try? EnvelopeCodec.decode(body) {
                case .direct(let message): message.payload.readableBytes
                case .channel(_, _, let payload): payload.readableBytes
                default: fatalError("the body of '\(name)' was read as something else")
                }
            }
        }
    }

    private static func encoding(_ name: String, _ envelope: Envelope, times: Int = 64) -> Benchmark {
        let bytes = EnvelopeCodec.encode(envelope).readableBytes
        return .repeating(name, bytes: bytes, times: times) { { EnvelopeCodec.encode(envelope).readableBytes } }
    }

    static var frames: [Benchmark] {
        let payload = Sample.message
        return [
            .repeating("frame of its own", bytes: payload.readableBytes) {
                let allocator = ByteBufferAllocator()
                return { Frame.make(.text, payload, allocator: allocator).readableBytes }
            },
            .repeating("frame appended", bytes: payload.readableBytes) {
                var frames = ByteBufferAllocator().buffer(capacity: 2 * Burst.maximumRunBytes)
                return {
                    if frames.readableBytes > Burst.maximumRunBytes { frames.clear() }
                    Frame.append(.text, payload, to: &frames)
                    return frames.readableBytes
                }
            },
        ]
    }
}
