import FreeIMCore
import FreeIMRedisPresence
import FreeIMTestSupport
import RedisTestSupport
import Testing

/// A rule of the presence's contract.
struct Rule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: @Sendable (@escaping PresenceContract.Make) async throws -> Void

    init(_ text: String, _ check: @escaping @Sendable (@escaping PresenceContract.Make) async throws -> Void) {
        testDescription = text
        self.check = check
    }

    static let all = [
        Rule("first and last connection", { try await PresenceContract.announcesFirstAndLast($0) }),
        Rule("several nodes count together", { try await PresenceContract.countsAcrossNodes($0) }),
        Rule("metadata", { try await PresenceContract.carriesTheMetadata($0) }),
        Rule("a batch in its order", { try await PresenceContract.storesABatchInOrder($0) }),
        Rule("many at once", { try await PresenceContract.announcesOnceUnderConcurrency($0) }),
        Rule("unknown connections", { try await PresenceContract.ignoresUnknownConnections($0) }),
        Rule("counts", { try await PresenceContract.countsConnections($0) }),
        Rule("ids are kept apart", { try await PresenceContract.keepsIDsApart($0) }),
        Rule("join returns what changed", { try await PresenceContract.joinReturnsWhatChanged($0) }),
        Rule("leave returns what changed", { try await PresenceContract.leaveReturnsWhatChanged($0) }),
        Rule("remove returns what changed", { try await PresenceContract.removeReturnsWhatChanged($0) }),
        Rule("offline members can be removed", { try await PresenceContract.pruneTakesOutTheOffline($0) }),
        Rule("channels with counts", { try await PresenceContract.listsChannelsWithCounts($0) }),
        Rule("names are kept apart", { try await PresenceContract.keepsNamesApart($0) }),
        Rule("the last connection leaves", { try await PresenceContract.lastConnectionLeavesChannels($0) }),
        Rule("offline membership lasts", { try await PresenceContract.offlineMembershipLasts($0) }),
        Rule("pages", { try await PresenceContract.pagesShowWhatStays(repeats: true, $0) }),
        Rule("pages of members and channels", { try await PresenceContract.pagesMembersAndChannels($0) }),
        Rule("empty lists", { try await PresenceContract.emptyListsEnd($0) }),
        Rule("invalid cursors", { try await PresenceContract.refusesInvalidCursors($0) }),
        Rule("the client's node is told", { try await PresenceContract.tellsTheClientsNode($0) }),
        Rule("the home node is told", { try await PresenceContract.tellsTheHomeNode($0) }),
        Rule("one node announces", { try await PresenceContract.oneNodeAnnounces($0) }),
        Rule("repeated calls", { try await PresenceContract.tellsRepeatedCalls($0) }),
        Rule("nothing of nothing", { try await PresenceContract.tellsNothingOfNothing($0) }),
        Rule("who is present", { try await PresenceContract.tellsWhoIsPresent($0) }),
        Rule("who went offline", { try await PresenceContract.tellsWhoWentOffline($0) }),
        Rule("before it returns", { try await PresenceContract.tellsBeforeItReturns($0) }),
        Rule("in the order of storing", { try await PresenceContract.tellsInTheOrderOfStoring($0) }),
        Rule("bans", { try await PresenceContract.bans($0) }),
        Rule("bans end", { try await PresenceContract.bansEnd($0) }),
    ]
}

/// A rule of the contract for a presence with a policy.
struct LimitRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: @Sendable (@escaping PresenceContract.MakeLimited) async throws -> Void

    static let all = [
        LimitRule(testDescription: "the oldest is closed") { try await PresenceContract.closesTheOldest($0) },
        LimitRule(testDescription: "the new one is denied") { try await PresenceContract.deniesTheNew($0) },
        LimitRule(testDescription: "classes") { try await PresenceContract.limitsClasses($0) },
        LimitRule(testDescription: "classes and the client's limit") { try await PresenceContract.combinesLimits($0) },
        LimitRule(testDescription: "many at once") { try await PresenceContract.limitsUnderConcurrency($0) },
    ]
}

@Suite("The Redis presence keeps the presence's contract")
struct ContractTests {
    @Test("on the transport's Redis", arguments: Rule.all)
    func shared(_ rule: Rule) async throws {
        try await withServer { server in
            let url = server.url
            try await rule.check { try makePresence(url) }
        }
    }

    @Test("on a Redis of its own, told over the transport", arguments: Rule.all)
    func ownLink(_ rule: Rule) async throws {
        try await withServer { server in
            let url = server.url
            try await rule.check { try makePresence(url, keyPrefix: "app:", ownLink: true) }
        }
    }

    @Test("limits, on the transport's Redis", arguments: LimitRule.all)
    func limits(_ rule: LimitRule) async throws {
        try await withServer { server in
            let url = server.url
            try await rule.check { policy in
                // Reactions are tried one after the other.
                let name = "\(policy.reaction.rawValue):"
                return try makePresence(url, keyPrefix: name) { $0.devices = policy }
            }
        }
    }
}
