import FreeIMTokenAuth
import Testing

@Suite("Token")
struct TokenTests {
    @Test("a fresh token is 128 lower-case hexadecimal digits, and no other's")
    func form() {
        var seen: Set<String> = []
        for _ in 0..<200 {
            let text = Token.random().text
            #expect(text.utf8.count == 128)
            #expect(text.allSatisfy { "0123456789abcdef".contains($0) })
            #expect(seen.insert(text).inserted)
            #expect(Token(text)?.text == text)
        }
    }

    @Test(
        "a text of another form is no token",
        arguments: [
            "", String(repeating: "a", count: 127), String(repeating: "a", count: 129),
            String(repeating: "A", count: 128), String(repeating: "g", count: 128),
            String(repeating: "0", count: 127) + " ", String(repeating: "\u{E9}", count: 64),
        ])
    func otherForms(_ text: String) {
        #expect(Token(text) == nil)
    }

    @Test("descriptions do not give the token away")
    func description() {
        let token = Token.random()
        for text in ["\(token)", String(describing: [token]), String(describing: Optional(token))] {
            #expect(!text.contains(token.text.dropFirst(8)))
        }
    }

    @Test("a dump does not give the token away")
    func reflection() {
        let token = Token.random()
        var text = ""
        dump(token, to: &text)
        #expect(!text.contains(token.text))
        #expect(!String(reflecting: token).contains(token.text))
    }
}
