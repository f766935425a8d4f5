import FreeIMCore
import NIOCore
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test("a string is quoted")
    func quoting() {
        #expect(quoted("a\"b\n群") == #""a\"b\n群""#)
    }
}

/// The JSON string of a text.
func quoted(_ text: String) -> String {
    var buffer = ByteBuffer()
    JSONText.write(text, into: &buffer)
    return String(buffer: buffer)
}
