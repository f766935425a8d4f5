import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Close commands and ids of connections")
struct CloseCommandTests {
    @Test("a connection's id comes back from its text")
    func ids() throws {
        let id = ConnectionID(epoch: .max, shard: 63, socket: SocketID(index: 5, generation: .max))
        #expect(id.description == "ffffffffffffffff.3f.5.ffffffff")
        #expect(ConnectionID(id.description) == id)
        for text in ["", "1.2.3", "1.2.3.4.5", "1.100.3.4", "1.2.-3.4", "1.2.3.x", "1.2.3.4294967296"] {
            #expect(ConnectionID(text) == nil, "'\(text)'")
        }
    }

    @Test("a command comes back as it was sent, with its connections or without")
    func roundTrip() throws {
        let id = ConnectionID(epoch: 1, shard: 2, socket: SocketID(index: 3, generation: 4))
        for connections in [[], [id], [id, id]] {
            let command = CloseCommand(
                ID("zo\u{EB}").client, code: .replaced, reason: "\"\u{1F600}\\", connections: connections)
            let envelope = Envelope.forwarded(.close(command))
            #expect(try EnvelopeCodec.decode(EnvelopeCodec.encode(envelope)) == envelope)
        }
        let body = EnvelopeCodec.encode(.forwarded(.close(CloseCommand(5, code: .forcedOffline, reason: "no"))))
        #expect(
            String(buffer: body)
                == #"__FreeIM__(Forwarded)__FreeIM__(Close){"Item1":5,"Item2":4500,"Item3":"no","Item4":[]}"#)
    }

    @Test(
        "what is not sent on, or names no code, client or connection, is refused",
        arguments: [
            #"__FreeIM__(Close){"Item1":5,"Item2":4500}"#,
            #"__FreeIM__(Forwarded)__FreeIM__(Close){"Item1":5,"Item2":1005}"#,
            #"__FreeIM__(Forwarded)__FreeIM__(Close){"Item1":5,"Item2":99999}"#,
            #"__FreeIM__(Forwarded)__FreeIM__(Close){"Item2":4500}"#,
            #"__FreeIM__(Forwarded)__FreeIM__(Close){"Item1":5,"Item2":4500,"Item4":["x"]}"#,
        ])
    func refused(_ body: String) {
        #expect(throws: EnvelopeError.self) { try EnvelopeCodec.decode(ByteBuffer(string: body)) }
    }

    @Test("a token's device stands behind what FreeIM reads, and whatever else is in its place is none")
    func device() throws {
        let identity = Identity(client: 5, metadata: "m", device: "phone")
        let body = PresenceEventBody.encode(identity)
        #expect(String(buffer: body) == #"{"Item1":5,"Item2":"m","Item3":"phone"}"#)
        #expect(try PresenceEventBody.decode(body) == identity)
        let long = String(repeating: "x", count: 65)
        for value in ["null", "7", "{\"a\":[1]}", "\"\"", "\"\(long)\"", "\"a\\u0007\"", "true"] {
            let body = ByteBuffer(string: "{\"Item1\":5,\"Item3\":\(value),\"Item2\":\"m\"}")
            #expect(try PresenceEventBody.decode(body) == Identity(client: 5, metadata: "m"), "\(value)")
        }
    }
}
