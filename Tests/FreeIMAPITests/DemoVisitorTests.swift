import FreeIMCore
import Testing

@testable import FreeIMAPI

@Suite("Visitors of the demo page")
struct DemoVisitorTests {
    private let key = "0123456789abcdef0123456789abcdef"

    @Test("A page that shows its key again is the same client")
    func sameClient() throws {
        let first = try DemoVisitor(nickname: "Ann", key: nil)
        #expect(try DemoVisitor(nickname: " Ann ", key: first.key).client == first.client)
        #expect(try DemoVisitor(nickname: "Ann", key: nil).client != first.client)
        #expect(try DemoVisitor(nickname: "Anne", key: first.key).client != first.client)
    }

    @Test("A client's id does not tell the key")
    func secret() throws {
        let visitor = try DemoVisitor(nickname: "Ann", key: key)
        #expect(!visitor.client.description.contains(key.prefix(16)))
    }

    @Test(
        "The nickname is read back from the id", arguments: ["Ann", "张伟", "a~b", "~", "7", "👩‍👩‍👧", "x~0123456789abcdef"])
    func nickname(_ nickname: String) throws {
        let visitor = try DemoVisitor(nickname: nickname, key: key)
        #expect(DemoVisitor.nickname(of: visitor.client) == nickname)
    }

    @Test("Of a nickname too long for an id the beginning is read back")
    func longNickname() throws {
        let nickname = String(repeating: "一", count: 32)
        let visitor = try DemoVisitor(nickname: nickname, key: key)
        #expect(visitor.nickname == nickname)
        #expect(DemoVisitor.nickname(of: visitor.client) == String(repeating: "一", count: 14) + "…")
    }

    @Test("A client that is no visitor is called by its id", arguments: ["7", "ann", "a~b", "~0123456789abcdef"])
    func otherClient(_ id: String) throws {
        #expect(DemoVisitor.nickname(of: try #require(ClientID(id))) == id)
    }

    @Test(
        "A nickname has 1 to 32 characters without control characters",
        arguments: [
            "", " ", String(repeating: "x", count: 33), "a\u{1}b", "a\nb",
        ])
    func badNickname(_ nickname: String) {
        #expect(throws: APIFault.self) { try DemoVisitor(nickname: nickname, key: nil) }
    }

    @Test("A key is one that was given out", arguments: ["", "secret", "0123456789ABCDEF0123456789ABCDEF"])
    func badKey(_ key: String) {
        #expect(throws: APIFault.self) { try DemoVisitor(nickname: "Ann", key: key) }
    }
}
