import FreeIMCore
import Testing

@Suite("Partition")
struct PartitionTests {
    private let partition = Partition(servers: ["a", "b", "c", "d"])

    @Test("a number belongs to the node of its remainder, which is never negative")
    func numbers() {
        #expect((0...5).map { partition.server(for: ClientID($0)) } == ["a", "b", "c", "d", "a", "b"])
        #expect(partition.server(for: -8) == "a")
        #expect(partition.server(for: -1) == "d")
        #expect(partition.server(for: ClientID(.max)) == "d")
        #expect(partition.server(for: ClientID(.min)) == "a")
    }

    @Test("a GUID belongs to the node of its last four digits")
    func guids() {
        // 0x3301 % 4 == 1.
        #expect(partition.server(for: ID("3f2504e0-4f89-41d3-9a0c-0305e82c3301").client) == "b")
        #expect(partition.server(for: ID("3F2504E0-4F89-41D3-9A0C-0305E82CFFFF").client) == "d")
    }

    @Test(
        "names are hashed with 64-bit FNV-1a",
        arguments: [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
            as [(String, UInt64)])
    func hash(_ text: String, _ hash: UInt64) {
        #expect(Partition.fnv1a(text.utf8) == hash)
    }

    @Test("a name belongs to the node of its hash's remainder")
    func names() {
        // 0xaf63dc4c8601ec8c % 5 == 1, 0x85944171f73967e8 % 5 == 3.
        let partition = Partition(servers: ["0", "1", "2", "3", "4"])
        #expect(partition.server(for: ID("a").client) == "1")
        #expect(partition.server(for: ID("foobar").client) == "3")
    }

    @Test("without servers there is no node")
    func none() {
        #expect(Partition(servers: []).server(for: 1) == nil)
    }

    @Test("one server has every client", arguments: ["1", "-7", "alice", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"])
    func one(_ id: String) throws {
        #expect(Partition(servers: ["a"]).server(for: try #require(ClientID(id))) == "a")
    }
}
