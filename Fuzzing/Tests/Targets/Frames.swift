import NIOCore

@testable import FreeIMCore

extension FuzzTarget {
    /// What terminals send over an open WebSocket.
    static let frames = FuzzTarget(name: "frames", longest: 2_048) { input in
        var settings = Settings(input)
        let choices = settings.next()
        let way = settings.next()
        let limits = ConnectionState.Limits(
            frameBytes: choices & 1 == 0 ? 65_536 : 100, messageBytes: choices & 2 == 0 ? 65_536 : 150,
            keepsMessages: choices & 4 == 0)
        func read(_ pieces: [ArraySlice<UInt8>]) -> [ConnectionState.Action] {
            var state = ConnectionState()
            if choices & 8 != 0 { _ = state.close() }
            var actions: [ConnectionState.Action] = []
            for piece in pieces {
                var buffer = ByteBuffer(bytes: piece)
                state.prepend(to: &buffer)
                while let action = state.next(&buffer, limits: limits) { actions.append(action) }
            }
            return actions
        }
        let whole = read([settings.rest])
        let cut = read(settings.rest.pieces(way))
        try require(whole == cut, "in one piece \(whole), in several \(cut)")
        for action in whole { try check(action, limits) }
        return whole.contains { if case .message = $0 { true } else { false } }
    }

    private static func check(_ action: ConnectionState.Action, _ limits: ConnectionState.Limits) throws(Broken) {
        switch action {
        case .message(let opcode, let payload):
            try require(payload.readableBytes <= limits.messageBytes, "a message of \(payload.readableBytes) bytes")
            try require(opcode == .text || opcode == .binary, "a message by \(opcode)")
            guard opcode == .text else { return }
            try require(
                String(validating: payload.readableBytesView, as: UTF8.self) != nil, "a text that is not UTF-8")
        case .pong(let payload):
            try require(payload.readableBytes <= Frame.maximumControlPayload, "a pong too long to be sent")
        case .acknowledgeClose(let code?), .fail(let code, _):
            try require(code.isValidOnWire, "the close code \(code)")
        case .pongReceived, .acknowledgeClose(nil), .closed:
            break
        }
    }
}
