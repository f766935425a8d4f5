/// Chooses among a request's offers of permessage-deflate (RFC 7692 §7.1), the first that can be kept to.
struct DeflateOffer: Equatable {
    let window: DeflateWindow
    /// Whether the terminal has limited the window, and has to be told.
    private let limitsWindow: Bool

    private static let name = "permessage-deflate"

    /// - Parameter fields: the values of `Sec-WebSocket-Extensions`. What is malformed is no offer; so are other extensions.
    init?(in fields: [String]) {
        for field in fields {
            for offer in Self.split(field[...], at: ",") ?? [] {
                guard let offer = Self(offer) else { continue }
                self = offer
                return
            }
        }
        return nil
    }

    /// `Sec-WebSocket-Extensions` of the answer. Neither side looks back at earlier messages, so that no connection needs
    /// memory for it and a message is compressed once for all (§7.1.1).
    var answer: String {
        "\(Self.name); server_no_context_takeover; client_no_context_takeover"
            + (limitsWindow ? "; server_max_window_bits=\(window.rawValue)" : "")
    }

    /// One offer. nil where it is not this extension, or has a parameter that is unknown, malformed or there twice (§7.1).
    private init?(_ offer: Substring) {
        guard let parts = Self.split(offer, at: ";"), parts.first == Self.name[...] else { return nil }
        var seen: Set<Substring> = []
        var bits = DeflateWindow.large.rawValue
        for part in parts.dropFirst() {
            guard let sides = Self.split(part, at: "="), sides.count <= 2, seen.insert(sides[0]).inserted else {
                return nil
            }
            let value = sides.count == 2 ? sides[1] : nil
            switch (sides[0], value) {
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
            // What terminals compress is inflated whatever their window is; so none is asked of them (§7.1.2.2).
            case ("client_max_window_bits", nil): break
            case ("client_max_window_bits", let value?):
                guard Self.bits(value) != nil else { return nil }
            case ("server_max_window_bits", let value?):
                guard let value = Self.bits(value) else { return nil }
                bits = value
            default: return nil
            }
        }
        guard let window = DeflateWindow(atMost: bits) else { return nil }
        self.window = window
        self.limitsWindow = seen.contains("server_max_window_bits")
    }

    /// §7.1.2: 8 to 15, without a leading zero; a token, or the same in quotes (RFC 6455 §9.1).
    private static func bits(_ value: Substring) -> UInt8? {
        let isQuoted = value.count >= 2 && value.first == "\"" && value.last == "\""
        let digits = isQuoted ? value.dropFirst().dropLast() : value
        guard let bits = UInt8(digits), 8...15 ~= bits, digits == "\(bits)" else { return nil }
        return bits
    }

    /// The parts between separators that are not in quotes, without blanks around them. nil where a quote has no end.
    private static func split(_ text: Substring, at separator: Character) -> [Substring]? {
        var parts: [Substring] = []
        var rest = text
        var isQuoted = false
        var index = rest.startIndex
        while index < text.endIndex {
            switch text[index] {
            case "\"": isQuoted.toggle()
            case separator where !isQuoted:
                parts.append(trimmed(rest[..<index]))
                rest = text[text.index(after: index)...]
            default: break
            }
            index = text.index(after: index)
        }
        return isQuoted ? nil : parts + [trimmed(rest)]
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
