import NIOCore

@testable import FreeIMCore

/// Frames as terminals send them, also such as they must not.
enum ClientFrame {
    static let text: UInt8 = 0x1
    static let binary: UInt8 = 0x2
    static let continuation: UInt8 = 0x0
    static let close: UInt8 = 0x8
    static let ping: UInt8 = 0x9
    static let pong: UInt8 = 0xA

    /// - Parameters:
    ///   - key: nil for a frame without a mask.
    ///   - lengthBytes: 0, 2 or 8; nil for the shortest form.
    static func make(
        _ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true, reserved: UInt8 = 0,
        key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D], lengthBytes: Int? = nil
    ) -> [UInt8] {
        var frame = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let mask: UInt8 = key == nil ? 0 : 0x80
        switch lengthBytes ?? (payload.count < 126 ? 0 : payload.count < 65_536 ? 2 : 8) {
        case 0: frame.append(mask | UInt8(payload.count))
        case 2: frame += [mask | 126] + bigEndian(UInt64(payload.count)).suffix(2)
        default: frame += [mask | 127] + bigEndian(UInt64(payload.count))
        }
        guard let key else { return frame + payload }
        return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    static func make(_ opcode: UInt8, _ payload: String, isFinal: Bool = true) -> [UInt8] {
        make(opcode, Array(payload.utf8), isFinal: isFinal)
    }

    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
        make(close, bigEndian(UInt64(code)).suffix(2) + reason)
    }

    static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }
}

/// Feeds a state machine, and collects what it decides.
struct StateDriver {
    var state = ConnectionState()
    var limits = ConnectionState.Limits(frameBytes: 65_536, messageBytes: 65_536, keepsMessages: true)
    /// nil: compression was not agreed on.
    var codec: DeflateCodec?

    mutating func feed(_ bytes: some Collection<UInt8>) -> [ConnectionState.Action] {
        var buffer = ByteBuffer(bytes: Array(bytes))
        var actions: [ConnectionState.Action] = []
        state.prepend(to: &buffer)
        while let action = state.next(&buffer, limits: limits, codec: codec) { actions.append(action) }
        return actions
    }

    /// The bytes in pieces that end at `cuts`.
    mutating func feed(_ bytes: [UInt8], cutAt cuts: [Int]) -> [ConnectionState.Action] {
        var actions: [ConnectionState.Action] = []
        var start = 0
        for end in cuts + [bytes.count] {
            actions += feed(bytes[start..<end])
            start = end
        }
        return actions
    }
}
