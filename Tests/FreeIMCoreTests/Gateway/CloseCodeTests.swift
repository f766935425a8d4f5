import Testing

@testable import FreeIMCore

@Suite("Close codes")
struct CloseCodeTests {
    @Test("a terminal may send what RFC 6455 and its registry define, and the private ranges")
    func wire() {
        let valid = (0...65_535).filter { CloseCode(rawValue: UInt16($0)).isValidOnWire }
        #expect(valid == Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
    }

    @Test(
        "codes of the node's state ask to connect again",
        arguments: [
            CloseCode.goingAway, .internalError, .tryAgainLater, .slowReceiver, .heartbeatTimeout,
            CloseCode(rawValue: 1006), CloseCode(rawValue: 1012), CloseCode(rawValue: 4499),
        ])
    func reconnect(code: CloseCode) {
        #expect(code.shouldReconnect)
    }

    @Test(
        "codes of a decision or a mistake ask to stay away",
        arguments: [
            CloseCode.normal, .protocolError, .invalidData, .policyViolation, .messageTooBig, .forcedOffline,
            .replaced, CloseCode(rawValue: 3000), CloseCode(rawValue: 4999), CloseCode(rawValue: 0),
            CloseCode(rawValue: 5000),
        ])
    func stayAway(code: CloseCode) {
        #expect(!code.shouldReconnect)
    }

    @Test("every code that the node sends may be sent")
    func ours() {
        let codes: [CloseCode] = [
            .normal, .goingAway, .protocolError, .invalidData, .policyViolation, .messageTooBig, .internalError,
            .tryAgainLater, .slowReceiver, .heartbeatTimeout, .forcedOffline, .replaced,
        ]
        #expect(codes.allSatisfy { $0.isValidOnWire })
        #expect(!CloseCode.abnormal.isValidOnWire)
    }
}
