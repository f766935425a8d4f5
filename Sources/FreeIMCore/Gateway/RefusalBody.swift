import NIOCore

/// The body of an HTTP answer that refuses: `{"error":{"code":"...","message":"..."}}`.
enum RefusalBody {
    static func json(_ refusal: Refusal) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeString(#"{"error":{"code":"#)
        JSONText.write(refusal.code, into: &body)
        body.writeString(#","message":"#)
        JSONText.write(refusal.message, into: &body)
        body.writeString("}}")
        return body
    }
}
