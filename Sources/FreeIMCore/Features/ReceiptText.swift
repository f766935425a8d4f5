import NIOCore

/// What a sender gets that wanted a receipt: `{"content":"<the message's text>","receipt":"发送成功"}`.
enum ReceiptText {
    private static let opening: StaticString = #"{"content":"#

    static func make(content: ByteBuffer, receipt: String) -> ByteBuffer {
        var text = ByteBuffer()
        text.writeStaticString(opening)
        JSONText.write(quoted: content, into: &text)
        write(ending: receipt, into: &text)
        return text
    }

    private static func write(ending receipt: String, into text: inout ByteBuffer) {
        text.writeString(#","receipt":"#)
        JSONText.write(receipt, into: &text)
        text.writeString("}")
    }

    /// Whether a text begins and ends as such a receipt, of a message with at most so many bytes.
    static func isReceipt(_ receipt: String, _ text: ByteBuffer, contentBytes: Int) -> Bool {
        var end = ByteBuffer()
        write(ending: receipt, into: &end)
        let (view, ending) = (text.readableBytesView, end.readableBytesView)
        // Two quotes, and at most six bytes for one of the message (RFC 8259 §7).
        let most = opening.utf8CodeUnitCount + 2 + 6 * contentBytes + ending.count
        return view.count <= most && view.suffix(ending.count).elementsEqual(ending)
            && opening.withUTF8Buffer { view.starts(with: $0) }
    }
}
