import FreeIMCore
import NIOCore
import Testing

@Suite("Bodies recorded of FreeIM")
struct EnvelopeVectorTests {
    @Test("the files of vectors are whole")
    func files() {
        #expect(BodyVector.all.count == 142)
        #expect(BodyVector.server.count + BodyVector.token.count == 142)
        #expect(CallVector.all.count == 187)
        #expect(CallVector.bodies().count > 100)
        #expect(CallVector.tokens().count > 15)
    }

    @Test("a body is read as FreeIM's server reads it", arguments: BodyVector.server)
    func server(_ vector: BodyVector) throws {
        guard let expected = try Self.envelope(vector) else {
            #expect(failure { try decode(vector.payload) } != nil)
            return
        }
        #expect(try decode(vector.payload) == expected)
    }

    @Test("a body of the default settings is written back byte for byte")
    func roundTrip() throws {
        // An empty channel is a broadcast to us, and a broadcast's channel is written as null.
        let isEmptyChannel = { (body: String) in body.contains(#""Item2":"","#) }
        let bodies = CallVector.bodies(where: \.isWrittenByDefault).filter { !isEmptyChannel($0) }
        #expect(bodies.count > 70)
        for body in bodies {
            #expect(String(buffer: EnvelopeCodec.encode(try decode(body))) == body)
        }
    }

    @Test("a body of any settings is read")
    func settings() throws {
        for body in CallVector.bodies() {
            let envelope = try decode(body)
            #expect(try EnvelopeCodec.decode(EnvelopeCodec.encode(envelope)) == envelope)
        }
    }

    /// nil where the body is to be an error.
    private static func envelope(_ vector: BodyVector) throws -> Envelope? {
        guard let read = vector.read else {
            _ = try #require(vector.error)
            return nil
        }
        let sender = read.sender.flatMap { $0 == 0 ? nil : ClientID($0) }
        switch read.kind {
        case "Message":
            return .direct(
                DirectMessage(
                    sender: sender, receivers: (read.receivers ?? []).map { ClientID($0) }, payload: read.payload,
                    wantsReceipt: try #require(read.receipt as Bool?)))
        case "ChanMessage":
            guard let chan = read.chan, !chan.isEmpty else { return .broadcast(sender: sender, payload: read.payload) }
            return .channel(sender: sender, channel: try #require(ChannelName(chan)), payload: read.payload)
        case "ForceOffline":
            // FreeIM reads an id that is none, and then does nothing.
            return read.clientId.map { .forceOffline(ClientID($0)) }
        default:
            Issue.record("the vector's kind is unknown")
            return nil
        }
    }
}
