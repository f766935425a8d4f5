import FreeIMCore
import FreeIMRedis
import FreeIMTestSupport
import NIOPosix
import RedisTestSupport
import Testing

@Suite("The Redis transport keeps the transport's contract")
struct RedisTransportContractTests {
    /// Of a node and of a business service.
    static let nodes = [Bus.node, nil]

    private func withMake(
        _ node: NodeIdentity? = Bus.node, _ contract: (@escaping TransportContract.Make) async throws -> Void
    ) async throws {
        try await withServer { server in
            let url = server.url
            try await contract { try Bus(url, node: node).transport }
        }
    }

    @Test("messages of one publisher arrive in its order", arguments: [true, false])
    func order(awaiting: Bool) async throws {
        try await withMake { try await TransportContract.keepsThePublishersOrder(awaiting: awaiting, $0) }
    }

    @Test("messages of one call arrive in its order", arguments: nodes)
    func orderWithinACall(node: NodeIdentity?) async throws {
        try await withMake(node) { try await TransportContract.keepsTheOrderWithinACall($0) }
    }

    @Test("each of several publishers finds its order kept")
    func orderOfSeveral() async throws {
        try await withMake { try await TransportContract.keepsTheOrderOfSeveralPublishers($0) }
    }

    @Test("all subscribers get a message, on their loops")
    func allSubscribers() async throws {
        try await withMake { try await TransportContract.deliversToAllSubscribers($0) }
    }

    @Test("subjects match exactly")
    func exactSubjects() async throws { try await withMake { try await TransportContract.matchesSubjectsExactly($0) } }

    @Test("bodies arrive unchanged")
    func bodies() async throws { try await withMake { try await TransportContract.carriesBodiesUnchanged($0) } }

    @Test("a subscription is active when it returns")
    func activeAtOnce() async throws {
        try await withMake { try await TransportContract.subscriptionIsActiveWhenItReturns($0) }
    }

    @Test("a second subscription adds subjects")
    func addedSubjects() async throws {
        try await withMake { try await TransportContract.addsSubjectsToASubscription($0) }
    }

    @Test("nothing arrives after unsubscribing")
    func unsubscribed() async throws {
        try await withMake { try await TransportContract.deliversNothingAfterUnsubscribe($0) }
    }

    @Test("an inbox can subscribe again with messages under way")
    func again() async throws { try await withMake { try await TransportContract.canSubscribeAgain($0) } }

    @Test("a message for nobody is fine", arguments: nodes)
    func nobody(node: NodeIdentity?) async throws {
        try await withMake(node) { try await TransportContract.takesMessagesForNobody($0) }
    }

    @Test("it becomes ready")
    func ready() async throws { try await withMake { try await TransportContract.becomesReady($0) } }

    @Test("it stops")
    func stop() async throws { try await withMake { try await TransportContract.stops($0) } }

    @Test("messages for a busy subscriber come in few bursts")
    func bursts() async throws { try await withMake { try await TransportContract.deliversInBursts($0) } }

    @Test("every message is followed by the end of a burst")
    func burstEnds() async throws { try await withMake { try await TransportContract.endsEachBurst($0) } }
}
