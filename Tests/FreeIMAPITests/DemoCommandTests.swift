import FreeIMCore
import NIOCore
import Testing

@testable import FreeIMAPI

@Suite("Commands of the demo page")
struct DemoCommandTests {
    private func command(_ text: String) throws -> DemoCommand {
        try DemoCommand(.text(ByteBuffer(string: text)))
    }

    @Test("Each command is understood")
    func all() throws {
        let lobby = try #require(ChannelName("lobby"))
        #expect(try command(#"{"do":"join","room":" lobby "}"#) == .join(room: lobby))
        #expect(try command(#"{"do":"leave","room":"lobby"}"#) == .leave(room: lobby))
        #expect(
            try command(#"{"do":"say","room":"lobby","text":"hi","id":"1"}"#)
                == .say(room: lobby, text: "hi", id: "1"))
        #expect(try command(#"{"do":"direct","to":"7","text":"hi"}"#) == .direct(to: 7, text: "hi", id: nil))
        #expect(try command(#"{"do":"rooms"}"#) == .rooms)
        #expect(try command(#"{"do":"people"}"#) == .people(room: nil))
        #expect(try command(#"{"do":"people","room":"lobby"}"#) == .people(room: lobby))
    }

    @Test(
        "What is no command is refused, and nothing breaks",
        arguments: [
            "", "hello", "[]", "null", "{}", #"{"do":"fly"}"#, #"{"do":7}"#, #"{"do":"join"}"#,
            #"{"do":"join","room":7}"#,
            #"{"do":"join","room":" "}"#, #"{"do":"join","room":"a\u0000b"}"#, #"{"do":"join","room":"demo news"}"#,
            #"{"do":"say","room":"lobby"}"#, #"{"do":"say","room":"lobby","text":" "}"#,
            #"{"do":"say","room":"lobby","text":"\ud800"}"#, #"{"do":"direct","text":"hi"}"#,
            #"{"do":"direct","to":"0","text":"hi"}"#, #"{"do":"direct","to":"","text":"hi"}"#,
            String(repeating: "[", count: 60_000),
        ])
    func malformed(_ text: String) {
        #expect(throws: DemoFault.self) { try command(text) }
    }

    @Test("A binary message is no command")
    func binary() {
        #expect(throws: DemoFault.self) { try DemoCommand(.binary(ByteBuffer(string: #"{"do":"rooms"}"#))) }
    }

    @Test("A message has at most 2,000 characters, a room's name 50, an id 64 bytes")
    func limits() throws {
        func say(room: Int = 1, text: Int = 1, id: Int = 1) -> String {
            #"{"do":"say","room":"\#(x(room))","text":"\#(x(text))","id":"\#(x(id))"}"#
        }
        #expect(throws: Never.self) { try command(say(room: 50, text: 2_000, id: 64)) }
        #expect(throws: DemoFault.self) { try command(say(room: 51)) }
        #expect(throws: DemoFault.self) { try command(say(text: 2_001)) }
        #expect(throws: DemoFault.self) { try command(say(id: 65)) }
    }

    private func x(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test("A refusal names the message that it is about")
    func refusalWithID() throws {
        let fault = #expect(throws: DemoFault.self) { try command(#"{"do":"say","room":"lobby","id":"m1"}"#) }
        #expect(fault?.id == "m1")
    }
}
