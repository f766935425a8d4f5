import FreeIMCore
import NIOCore
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test(
        "the text of a member's value is exactly what stands there",
        arguments: [
            (#"{"message":{"a": [1, "}"]}}"#, #"{"a": [1, "}"]}"#),
            (#"{ "message" :  "h\"i\\" , "x":1}"#, #""h\"i\\""#),
            (#"{"x":{"message":1},"message":-1.50e+2}"#, "-1.50e+2"), (#"{"message":null}"#, "null"),
            ("{\"message\":\ttrue\n}", "true"), (#"{"message":1,"message":[],"n":{}}"#, "[]"),
            (#"{"m\u0065ssage":"群"}"#, #""群""#), ("\u{FEFF}{\"message\":0}", "0"),
            (#"{"message":[[],{},[{}]]}"#, "[[],{},[{}]]"),
        ])
    func members(_ object: String, _ value: String) {
        #expect(JSONText.member("message", of: slice(object)).map { String(buffer: $0) } == value)
    }

    @Test(
        "a member that is not there has no text",
        arguments: [
            "{}", #"{"Message":1}"#, #"{"x":{"message":1}}"#, #"["message"]"#, "", #"{"message":1"#, #"{"message":[1}"#,
        ])
    func missing(_ object: String) {
        #expect(JSONText.member("message", of: slice(object)) == nil)
    }

    @Test("a value nested 500 deep is found")
    func nested() {
        let value = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(JSONText.member("a", of: slice("{\"a\":\(value)}")).map { String(buffer: $0) } == value)
    }

    @Test("a string is quoted")
    func quoted() {
        #expect(String(buffer: JSONText.quoted("a\"b\n群")) == #""a\"b\n群""#)
    }
}
