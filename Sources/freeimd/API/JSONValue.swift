import FoundationEssentials
import FreeIMCore
import NIOCore

/// A member of a request's body: what it is called, and its JSON text as it stands there.
struct JSONValue {
    /// Of the member.
    private let member: String
    /// In the member's list.
    private let index: Int?
    let text: ByteBuffer

    init(_ member: String, index: Int? = nil, text: ByteBuffer) {
        self.member = member
        self.index = index
        self.text = text
    }

    /// For error messages; `to[3]` for an element.
    var name: String { index.map { "\(member)[\($0)]" } ?? member }

    /// The most ids or names in one list.
    static let maximumElements = 10_000

    var isNull: Bool { text.readableBytesView.elementsEqual("null".utf8) }

    func string() throws(APIFault) -> String {
        guard let string = text.jsonString else { throw expected("a string") }
        return string
    }

    func bool() throws(APIFault) -> Bool {
        if text.readableBytesView.elementsEqual("true".utf8) { return true }
        if text.readableBytesView.elementsEqual("false".utf8) { return false }
        throw expected("true or false")
    }

    /// Whole seconds, or a string like `10m`.
    func duration() throws(APIFault) -> Duration {
        if let string = text.jsonString {
            if let duration = Duration(sectionText: string) { return duration }
        } else if let seconds = UInt32(String(buffer: text)) {
            return .seconds(seconds)
        }
        throw expected("a whole number of seconds, or a string like \"10m\" or \"24h\"")
    }

    /// The text decides the kind of id, `5` and `"5"` are the same client.
    func client() throws(APIFault) -> ClientID {
        if let string = text.jsonString {
            if let client = ClientID(string) { return client }
        } else if let client = ClientID(String(buffer: text)), case .number = client.kind {
            return client
        }
        throw expected(
            "an integer of 64 bits, or a string of 1 to \(ClientID.maximumBytes) bytes without control characters")
    }

    func clients() throws(APIFault) -> [ClientID] {
        try elements(of: "client ids").map { value throws(APIFault) in try value.client() }
    }

    func channels() throws(APIFault) -> [ChannelName] {
        try elements(of: "channel names").map { value throws(APIFault) in
            guard let channel = ChannelName(try value.string()) else { throw value.expected(ChannelName.expectation) }
            return channel
        }
    }

    private func elements(of kind: String) throws(APIFault) -> [JSONValue] {
        var reader = JSONReader(text)
        guard let ranges = try reader.array() else { throw expected("a list of \(kind)") }
        guard ranges.count <= Self.maximumElements else {
            throw .invalidArgument("'\(name)' has \(ranges.count) elements; at most \(Self.maximumElements)")
        }
        return ranges.enumerated().map { JSONValue(member, index: $0, text: text.slice($1)) }
    }

    private func expected(_ expectation: String) -> APIFault {
        .invalidArgument("'\(name)' must be \(expectation)")
    }
}

extension ChannelName {
    static let expectation = "a channel's name: 1 to \(maximumBytes) bytes without control characters"
}

extension ByteBuffer {
    /// The part between two positions of ``readableBytesView``.
    func slice(_ range: Range<Int>) -> ByteBuffer {
        ByteBuffer(readableBytesView[range])
    }

    /// The string whose checked JSON text this is; nil where it is another kind of value, or holds half of a surrogate
    /// pair, which is valid JSON but no text.
    var jsonString: String? {
        let bytes = readableBytesView
        guard bytes.first == UInt8(ascii: "\"") else { return nil }
        guard bytes.contains(UInt8(ascii: "\\")) else {
            return String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
        }
        return try? JSONDecoder().decode(String.self, from: Data(bytes))
    }
}
