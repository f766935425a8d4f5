import JWTKit

/// What a token says (RFC 7519 §4): texts, numbers, and lists of texts. Anything else is passed over.
struct JWTClaims: JWTPayload, Equatable {
    enum Value: Equatable {
        case text(String)
        /// Apart from other numbers: clients are numbers that a `Double` has no room for.
        case integer(Int64)
        case number(Double)
        case texts([String])
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private(set) var values: [String: Value]

    init(_ values: [String: Value] = [:]) {
        self.values = values
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        values = [:]
        // Which type a claim has shows by trying; of what errors tell, nothing is lost.
        for name in container.allKeys {
            if let text = try? container.decode(String.self, forKey: name) {
                values[name.stringValue] = .text(text)
            } else if let integer = try? container.decode(Int64.self, forKey: name) {
                values[name.stringValue] = .integer(integer)
            } else if let number = try? container.decode(Double.self, forKey: name) {
                values[name.stringValue] = .number(number)
            } else if let texts = try? container.decode([String].self, forKey: name) {
                values[name.stringValue] = .texts(texts)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        for (name, value) in values {
            let name = Name(stringValue: name)
            switch value {
            case .text(let text): try container.encode(text, forKey: name)
            case .integer(let integer): try container.encode(integer, forKey: name)
            case .number(let number): try container.encode(number, forKey: name)
            case .texts(let texts): try container.encode(texts, forKey: name)
            }
        }
    }

    /// Nothing: ``JWTPolicy`` decides, by a clock of its own.
    func verify(using algorithm: some JWTAlgorithm) {}

    /// A text, or an integer's digits.
    func text(_ name: String) -> String? {
        switch values[name] {
        case .text(let text): text
        case .integer(let integer): String(integer)
        case .number, .texts, nil: nil
        }
    }

    /// Seconds since 1970 (`NumericDate`, RFC 7519 §2).
    func time(_ name: String) -> Double? {
        switch values[name] {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        case .text, .texts, nil: nil
        }
    }

    /// A single text is a list of one (`aud`, RFC 7519 §4.1.3).
    func texts(_ name: String) -> [String] {
        switch values[name] {
        case .text(let text): [text]
        case .texts(let texts): texts
        case .integer, .number, nil: []
        }
    }
}
