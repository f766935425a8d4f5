import NIOCore

/// What a proxy says in front of a connection: whose it is (The PROXY protocol, versions 1 and 2, 2020/03/05).
enum ProxyHeader: Equatable {
    /// The connection is that of this address.
    case proxied(IPAddress)
    /// The proxy's own, a health check for instance, or of an address that it cannot tell.
    case local

    struct Malformed: Error {}

    /// The longest line of version 1, with its end (§2.1).
    private static let maximumLine = 107
    /// Addresses and what proxies add to them; enough for all that are defined, certificates' names among them.
    private static let maximumBlock = 4_096
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let word = Array("PROXY ".utf8)

    /// Takes the header off `bytes`. nil where more is needed.
    static func read(_ bytes: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let view = bytes.readableBytesView
        if view.prefix(signature.count).elementsEqual(signature.prefix(view.count)) {
            guard view.count >= signature.count else { return nil }
            return try readBinary(&bytes)
        }
        guard view.prefix(word.count).elementsEqual(word.prefix(view.count)) else { throw Malformed() }
        return try readLine(&bytes)
    }

    private static func readLine(_ bytes: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let line = bytes.readableBytesView.prefix(maximumLine)
        guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else {
            if line.count == maximumLine { throw Malformed() }
            return nil
        }
        let text = String(decoding: line[..<end], as: UTF8.self)
        guard text.hasSuffix("\r") else { throw Malformed() }
        bytes.moveReaderIndex(to: end + 1)
        let fields = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
        switch fields[1] {
        case "UNKNOWN": return .local
        case "TCP4", "TCP6":
            guard fields.count == 6, let source = IPAddress(fields[2]), let destination = IPAddress(fields[3]),
                source.isIPv4 == (fields[1] == "TCP4"), destination.isIPv4 == source.isIPv4,
                UInt16(fields[4]) != nil, UInt16(fields[5]) != nil
            else { throw Malformed() }
            return .proxied(source)
        default: throw Malformed()
        }
    }

    private static func readBinary(_ bytes: inout ByteBuffer) throws(Malformed) -> ProxyHeader? {
        let start = bytes.readerIndex + signature.count
        guard let command = bytes.getInteger(at: start, as: UInt8.self),
            let family = bytes.getInteger(at: start + 1, as: UInt8.self),
            let length = bytes.getInteger(at: start + 2, as: UInt16.self)
        else { return nil }
        guard command >> 4 == 2, command & 0xF <= 1, length <= maximumBlock else { throw Malformed() }
        let block = start + 4
        guard bytes.writerIndex >= block + Int(length) else { return nil }
        defer { bytes.moveReaderIndex(to: block + Int(length)) }
        guard command & 0xF == 1 else { return .local }
        // The high half says IPv4 or IPv6, the low one TCP (§2.2); what else there is is no address of ours.
        let size: Int
        switch family {
        case 0x11: size = 4
        case 0x21: size = 16
        default: return .local
        }
        guard length >= 2 * size + 4, let source = bytes.getBytes(at: block, length: size),
            let address = IPAddress(bytes: source)
        else { throw Malformed() }
        return .proxied(address)
    }
}
