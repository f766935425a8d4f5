import FreeIMCore
import NIOCore
import Testing

@Suite("Both generations of FreeIM's wire")
struct DialectTests {
    private let guid: ClientID = ClientID("3f2504e0-4f89-41d3-9a0c-0305e82c3301") ?? 0

    @Test("a client's form decides under which names it lives, as far as they are served")
    func prefixes() {
        let both = NodeIdentity(name: "a")
        #expect(both.subjects(for: guid).prefix == "wsim_ws")
        #expect(both.subjects(for: 7).prefix == "im_v2_ws")
        #expect(both.subjects.prefix == "im_v2_ws")
        #expect(both.allSubjects.map { $0.server("a") } == ["im_v2_wsServera", "wsim_wsServera"])
        let two = NodeIdentity(name: "a", path: "/im/ws", dialects: [.v2])
        #expect(two.subjects(for: guid).prefix == "im_v2_im_ws")
        let one = NodeIdentity(name: "a", dialects: [.v1])
        #expect(one.subjects(for: 7).online == "evt_wsim_wsOnline")
    }

    @Test("no sender is 0 in FreeIM 2 and the empty GUID in FreeIM 1")
    func noSender() throws {
        let message = Envelope.direct(
            DirectMessage(sender: nil, receivers: [guid], payload: ByteBuffer(string: "x")))
        let body = EnvelopeCodec.encode(message, dialect: .v1)
        #expect(
            String(buffer: body) == #"{"Item1":"00000000-0000-0000-0000-000000000000","#
                + #""Item2":["3f2504e0-4f89-41d3-9a0c-0305e82c3301"],"Item3":"x","Item4":false}"#)
        #expect(try EnvelopeCodec.decode(body) == message)
        #expect(String(buffer: EnvelopeCodec.encode(message)).hasPrefix(#"{"Item1":0,"#))
    }

    @Test("our own envelopes are read as they were written")
    func additions() throws {
        let location = Envelope.location(ClientLocation(guid, connections: ["127.0.0.1:6001": 2, "b": 1]))
        let direct = Envelope.direct(
            DirectMessage(sender: 1, receivers: [2], payload: ByteBuffer(string: "\"hi\""), wantsReceipt: true))
        for envelope in [
            location, .location(.listBegins), .location(.listEnds), .forwarded(direct), .forwarded(.forceOffline(7)),
        ] {
            #expect(try EnvelopeCodec.decode(EnvelopeCodec.encode(envelope)) == envelope)
        }
        let twice = EnvelopeCodec.encode(.forwarded(.forwarded(direct)))
        #expect(throws: EnvelopeError.self) { try EnvelopeCodec.decode(twice) }
        #expect(throws: EnvelopeError.self) {
            try EnvelopeCodec.decode(ByteBuffer(string: #"__FreeIM__(Location){"Item1":1,"Item2":["x b"]}"#))
        }
    }

    @Test("an event's body is the token's value where there is one")
    func eventBody() {
        let value = #"{ "item1": 5 }"#
        let body = PresenceEventBody.encode(Identity(client: 5, eventBody: value))
        #expect(String(buffer: body) == value)
    }
}
