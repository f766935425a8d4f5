/// A part of the node that reads what others send, and what must hold whatever that is.
struct FuzzTarget: Sendable {
    let name: String
    /// Bytes of an input at most, while inputs are made up.
    let longest: Int
    /// True where the input is one that the part takes. Throws ``Broken`` where something does not hold.
    let check: @Sendable (_ input: [UInt8]) throws -> Bool

    static let all = [handshake, frames, envelope, resp, manifest, api, token, jwt]
}

/// Something does not hold that must.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(Broken) {
    guard condition else { throw Broken(description: description()) }
}

/// An input whose first bytes say how the part is to be used.
struct Settings {
    private var bytes: ArraySlice<UInt8>

    init(_ input: [UInt8]) {
        bytes = input[...]
    }

    /// 0 where the input has ended.
    mutating func next() -> UInt8 { bytes.popFirst() ?? 0 }

    /// What is left for the part to read.
    var rest: ArraySlice<UInt8> { bytes }
}

extension ArraySlice<UInt8> {
    /// The bytes in pieces, cut in one of 256 ways; the first is every byte by itself.
    func pieces(_ way: UInt8) -> [ArraySlice<UInt8>] {
        var state = UInt64(way)
        var pieces: [ArraySlice<UInt8>] = []
        var rest = self
        while !rest.isEmpty {
            // Knuth's linear congruential generator: the same inputs are cut alike everywhere.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let piece = rest.prefix(1 + Int(state >> 33) % (1 + Int(way) / 2))
            pieces.append(piece)
            rest = rest[piece.endIndex...]
        }
        return pieces
    }
}
