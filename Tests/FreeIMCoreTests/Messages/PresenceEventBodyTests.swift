import FreeIMCore
import NIOCore
import Testing

@Suite("Bodies of presence events")
struct PresenceEventBodyTests {
    @Test("a token's value is read as FreeIM's server reads it, but never without an id", arguments: BodyVector.token)
    func tokens(_ vector: BodyVector) throws {
        guard let read = vector.read, let client = read.clientId, client != 0 else {
            #expect(failure { try PresenceEventBody.decode(slice(vector.payload)) } != nil)
            return
        }
        let identity = Identity(client: ClientID(client), metadata: read.clientMetaData)
        #expect(try PresenceEventBody.decode(slice(vector.payload)) == identity)
    }

    @Test("an event is read where FreeIM's subscriber survives it, and refused where it does not")
    func events() throws {
        #expect(CallVector.eventsIn.count > 10)
        for vector in CallVector.eventsIn {
            let body = slice(try #require(vector.published?.first?.payload))
            guard let event = vector.events?.first, event.event != "__exit__", let client = event.clientId, client != 0
            else {
                #expect(failure { try PresenceEventBody.decode(body) } != nil)
                continue
            }
            let identity = Identity(client: ClientID(client), metadata: event.clientMetaData)
            #expect(try PresenceEventBody.decode(body) == identity)
        }
    }

    @Test("a token's value is written byte for byte as ImHelper does")
    func writing() throws {
        let tokens = CallVector.tokens(where: \.isWrittenByDefault)
        #expect(tokens.count > 8)
        for token in tokens {
            #expect(String(buffer: PresenceEventBody.encode(try PresenceEventBody.decode(slice(token)))) == token)
        }
        for token in CallVector.tokens() { _ = try PresenceEventBody.decode(slice(token)) }
    }

    @Test(
        "ids of every kind and metadata of any text come back",
        arguments: ["5", "-5", "alice", "007", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"])
    func roundTrip(_ id: String) throws {
        let client = try #require(ClientID(id))
        for metadata in [nil, "", "null", "\"\\\u{0}\u{2028}\u{1F600}"] {
            let identity = Identity(client: client, metadata: metadata)
            #expect(try PresenceEventBody.decode(PresenceEventBody.encode(identity)) == identity)
        }
    }

    @Test("the channels that a client joined or left come back")
    func channels() throws {
        let channels = try [#require(ChannelName("room")), #require(ChannelName("\u{7FA4}\"\\"))]
        let body = PresenceEventBody.encode(ID("alice").client, channels)
        #expect(String(buffer: body) == #"{"Item1":"alice","Item2":["room","群\"\\"]}"#)
        let read = try PresenceEventBody.decodeChannels(body)
        #expect(read.client == ID("alice").client)
        #expect(read.channels == channels)
    }

    @Test("an event of channels without a client, or with a name that is none, is refused")
    func malformedChannels() {
        let decode = { (body: String) throws(EnvelopeError) in try PresenceEventBody.decodeChannels(slice(body)) }
        #expect(failure { try decode(#"{"Item2":["a"]}"#) } == .invalidClient)
        #expect(failure { try decode(#"{"Item1":1,"Item2":[null]}"#) } == .invalidChannel)
        #expect(failure { try decode(#"{"Item1":1,"Item2":"a"}"#) } == .malformed)
    }
}
