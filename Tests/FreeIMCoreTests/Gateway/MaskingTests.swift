import FreeIMTestSupport
import Testing

@testable import FreeIMCore

@Suite("Masking")
struct MaskingTests {
    private static let key: UInt32 = 0x37FA_213D

    private static func naive(_ bytes: [UInt8]) -> [UInt8] {
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        return bytes.enumerated().map { $1 ^ key[$0 % 4] }
    }

    private static func unmask(_ bytes: ArraySlice<UInt8>, _ masking: inout Masking) -> [UInt8] {
        var target = [UInt8](repeating: 0, count: bytes.count + 3)
        // From and to memory at any alignment.
        let source = [0] + bytes
        target.withUnsafeMutableBytes { target in
            source.withUnsafeBytes { source in
                masking.unmask(
                    UnsafeRawBufferPointer(rebasing: source[1...]),
                    to: UnsafeMutableRawBufferPointer(rebasing: target[3...]))
            }
        }
        return Array(target.dropFirst(3))
    }

    @Test("it does what the naive loop does, cut anywhere", arguments: 0...40)
    func cut(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for cut in 0...count {
            var masking = Masking(key: Self.key)
            let first = Self.unmask(bytes[..<cut], &masking)
            let second = Self.unmask(bytes[cut...], &masking)
            #expect(first + second == Self.naive(bytes), "cut at \(cut)")
        }
    }

    @Test("it does what the naive loop does in many pieces", arguments: 0..<10 as Range<UInt64>)
    func pieces(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<500).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        var masking = Masking(key: Self.key)
        var unmasked: [UInt8] = []
        while unmasked.count < bytes.count {
            let piece = bytes[unmasked.count...].prefix(Int.random(in: 0..<20, using: &generator))
            unmasked += Self.unmask(piece, &masking)
        }
        #expect(unmasked == Self.naive(bytes))
    }
}
