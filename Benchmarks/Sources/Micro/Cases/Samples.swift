import FreeIMCore
import NIOCore

/// What is sent in the benchmarks.
enum Sample {
    /// A JSON text of as many bytes: four quotes in 32, which a body has to escape.
    static func json(bytes: Int) -> ByteBuffer {
        let member = #""name":"0123456789012345678901","#
        var text = "{"
        while text.utf8.count + member.utf8.count + 8 < bytes { text += member }
        text += #""z":""#
        text += String(repeating: "z", count: max(0, bytes - text.utf8.count - 2)) + "\"}"
        return ByteBuffer(string: text)
    }

    /// The body of a message for one client is 300 bytes with it.
    static let message = json(bytes: 212)

    static func plain(bytes: Int) -> ByteBuffer { ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes) }

    static func direct(
        to receivers: [ClientID] = [1_000_002], from sender: ClientID = 1_000_001, _ payload: ByteBuffer
    ) -> Envelope {
        .direct(DirectMessage(sender: sender, receivers: receivers, payload: payload))
    }

    static func channel(_ name: String) -> ChannelName {
        guard let channel = ChannelName(name) else { fatalError("'\(name)' names no channel") }
        return channel
    }

    static func guid(_ number: Int) -> ClientID {
        let digits = String(number)
        let padding = String(repeating: "0", count: 12 - digits.count)
        guard let client = ClientID("11111111-2222-3333-4444-\(padding)\(digits)") else { fatalError("no GUID") }
        return client
    }
}
