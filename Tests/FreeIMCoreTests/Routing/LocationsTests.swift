import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Where clients are on other nodes")
struct LocationsTests {
    private var locations = Locations(node: "a")

    @Test("other nodes are known, this one is left out")
    mutating func others() {
        locations.told(ClientLocation(7, connections: ["a": 1, "c": 2, "b": 1]), isWanted: true)
        #expect(locations[7]?.nodes == ["b", "c"])
        #expect(locations[7]?.connections == 3)
        locations.told(ClientLocation(7, connections: ["a": 1]), isWanted: true)
        #expect(locations[7] == nil)
    }

    @Test("of a client that is neither here nor at home here nothing is kept")
    mutating func unwanted() {
        locations.told(ClientLocation(7, connections: ["b": 1]), isWanted: true)
        locations.told(ClientLocation(7, connections: ["b": 1]), isWanted: false)
        #expect(locations[7] == nil)
    }

    @Test("a list of all ends what it does not name; news within it stay")
    mutating func wholeList() {
        for client: ClientID in [1, 2] {
            locations.told(ClientLocation(client, connections: ["b": 1]), isWanted: true)
        }
        locations.told(.listBegins, isWanted: true)
        locations.told(ClientLocation(2, connections: ["b": 1]), isWanted: true)
        locations.told(ClientLocation(3, connections: ["c": 1]), isWanted: true)
        #expect(locations[1] != nil)
        locations.told(.listEnds, isWanted: true)
        #expect(locations[1] == nil && locations[2] != nil && locations[3] != nil)
    }
}
