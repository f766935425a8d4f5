import FreeIMCore
import NIOCore

extension DevicePolicy {
    /// `{"max":1,"deny":false,"classes":{"phone":1}}`, for scripts; empty where nothing is limited.
    var scriptText: ByteBuffer {
        guard isActive else { return ByteBuffer() }
        var text = ByteBuffer(string: "{\"max\":\(connectionsPerClient),\"deny\":\(reaction == .denyNew),\"classes\":{")
        for (index, entry) in classes.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { text.writeString(",") }
            JSONText.write(entry.key, into: &text)
            text.writeString(":\(entry.value)")
        }
        text.writeString("}}")
        return text
    }
}
