import NIOCore

/// What a sender gets that wanted a receipt: `{"content":"<the message's text>","receipt":"发送成功"}`.
enum ReceiptText {
    static func make(content: ByteBuffer, receipt: String) -> ByteBuffer {
        var text = ByteBuffer()
        text.writeString(#"{"content":"#)
        JSONText.write(quoted: content, into: &text)
        text.writeString(#","receipt":"#)
        JSONText.write(receipt, into: &text)
        text.writeString("}")
        return text
    }
}
