/// Whom a message is for: an `Int64`, a GUID, or any other text of 1 to 64 bytes of UTF-8.
///
/// The text decides the kind, so one text is one client wherever it comes from (a URL, JSON, Redis): the canonical
/// decimal form of an `Int64` is a number, 36 characters of the form `8-4-4-4-12` in hexadecimal are a GUID (in lower
/// case), everything else is a name. FreeIM v2 uses numbers, FreeIM v1 GUIDs.
public struct ClientID: Hashable, Sendable {
    /// The three kinds of id.
    public enum Kind: Hashable, Sendable {
        /// A FreeIM v2 id.
        case number(Int64)
        /// A FreeIM v1 id: the 16 bytes in the order of the text, first half and second half.
        case guid(UInt64, UInt64)
        /// Any other text; never one that reads as a number or a GUID.
        case name(String)
    }

    /// The longest text of an id, in bytes of UTF-8.
    public static let maximumBytes = 64

    public let kind: Kind

    /// The id of FreeIM v2.
    public init(_ number: Int64) {
        self.kind = .number(number)
    }

    /// The id that `text` denotes; nil where it is empty, longer than ``maximumBytes`` or holds a control character.
    public init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= Self.maximumBytes else { return nil }
        if let guid = Self(guid: bytes) {
            self = guid
            return
        }
        // U+0000 to U+001F and U+007F would break log lines and terminal output.
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        if let number = Int64(text), String(number).utf8.elementsEqual(bytes) {
            self.kind = .number(number)
        } else {
            self.kind = .name(String(text))
        }
    }

    static let emptyGUID = ClientID(kind: .guid(0, 0))

    private init(kind: Kind) {
        self.kind = kind
    }

    /// True for `0` and the empty GUID, which FreeIM's wire uses for "no sender, the system".
    public var isSystem: Bool {
        switch kind {
        case .number(let number): number == 0
        case .guid(let high, let low): high == 0 && low == 0
        case .name: false
        }
    }

    /// nil where the text is no GUID's.
    init?(guid text: some Collection<UInt8>) {
        guard text.count == 36 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        var offset = 0
        for byte in text {
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard let digit = JSONCursor.hexadecimal(byte) else { return nil }
                // 16 digits and two hyphens
                if offset < 18 {
                    halves.0 = halves.0 << 4 | UInt64(digit)
                } else {
                    halves.1 = halves.1 << 4 | UInt64(digit)
                }
            }
            offset += 1
        }
        kind = .guid(halves.0, halves.1)
    }
}

extension ClientID: CustomStringConvertible {
    /// The canonical text; `ClientID(id.description) == id`.
    public var description: String {
        switch kind {
        case .number(let number): String(number)
        case .name(let name): name
        case .guid(let high, let low): Self.guidText(high, low)
        }
    }

    private static func guidText(_ high: UInt64, _ low: UInt64) -> String {
        let digits = hexadecimal(high) + hexadecimal(low)
        var text = ""
        for (offset, digit) in digits.enumerated() {
            if offset == 8 || offset == 12 || offset == 16 || offset == 20 { text.append("-") }
            text.append(digit)
        }
        return text
    }

    private static func hexadecimal(_ half: UInt64) -> String {
        let digits = String(half, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ClientID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) {
        self.init(value)
    }
}

extension ClientID.Kind {
    public static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.number(let left), .number(let right)): left == right
        case (.guid(let left, let leftLow), .guid(let right, let rightLow)): left == right && leftLow == rightLow
        case (.name(let left), .name(let right)): left.hasSameBytes(as: right)
        case (.number, _), (.guid, _), (.name, _): false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch self {
        case .number(let number): hasher.combine(number)
        case .guid(let high, let low):
            hasher.combine(high)
            hasher.combine(low)
        case .name(let name): name.hashBytes(into: &hasher)
        }
    }
}

/// Swift's `==` takes canonically equivalent texts, `\u{E9}` and `e\u{301}`, for one; Redis and FreeIM compare bytes.
extension String {
    func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    func hashBytes(into hasher: inout Hasher) {
        var text = self
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
