import FreeIMCore
import FreeIMMemory
import FreeIMTestSupport
import NIOPosix
import Testing

@Suite("The memory presence keeps the presence's contract")
struct MemoryPresenceContractTests {
    private let make: PresenceContract.Make = { try await Self.limited(DevicePolicy()) }
    private let makeLimited: PresenceContract.MakeLimited = { try await Self.limited($0) }

    private let makeWithChannels: PresenceContract.MakeWithChannels = { try await Self.limited(channels: $0) }

    private static func limited(
        _ devices: DevicePolicy = DevicePolicy(), channels: ChannelLimits = ChannelLimits()
    ) async throws -> PresenceFixture {
        let bus = MemoryTransport(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let identity = NodeIdentity(name: "a", servers: PresenceContract.nodes)
        return PresenceFixture(
            presence: MemoryPresence(identity: identity, transport: bus, devices: devices, channels: channels),
            bus: bus,
            identity: identity)
    }

    @Test("a client comes online with its first connection and goes offline with its last")
    func firstAndLast() async throws { try await PresenceContract.announcesFirstAndLast(make) }

    @Test("connections on several nodes count together")
    func severalNodes() async throws { try await PresenceContract.countsAcrossNodes(make) }

    @Test("a transition carries the metadata of the connection that made the difference")
    func metadata() async throws { try await PresenceContract.carriesTheMetadata(make) }

    @Test("a batch is stored in its order")
    func batches() async throws { try await PresenceContract.storesABatchInOrder(make) }

    @Test("of many connections at once one makes the difference")
    func concurrency() async throws { try await PresenceContract.announcesOnceUnderConcurrency(make) }

    @Test("the end of an unknown connection changes nothing")
    func unknown() async throws { try await PresenceContract.ignoresUnknownConnections(make) }

    @Test("connections are counted in the order asked")
    func counts() async throws { try await PresenceContract.countsConnections(make) }

    @Test("ids are kept apart byte for byte")
    func ids() async throws { try await PresenceContract.keepsIDsApart(make) }

    @Test("join returns what changed")
    func join() async throws { try await PresenceContract.joinReturnsWhatChanged(make) }

    @Test("leave returns what changed")
    func leave() async throws { try await PresenceContract.leaveReturnsWhatChanged(make) }

    @Test("remove returns what changed")
    func remove() async throws { try await PresenceContract.removeReturnsWhatChanged(make) }

    @Test("offline members can be removed")
    func prune() async throws { try await PresenceContract.pruneTakesOutTheOffline(make) }

    @Test("channels are listed with their counts")
    func channelCounts() async throws { try await PresenceContract.listsChannelsWithCounts(make) }

    @Test("channels' names are kept apart byte for byte")
    func names() async throws { try await PresenceContract.keepsNamesApart(make) }

    @Test("the last connection leaves the channels")
    func lastConnection() async throws { try await PresenceContract.lastConnectionLeavesChannels(make) }

    @Test("who joined offline is a member when it connects")
    func offlineMembership() async throws { try await PresenceContract.offlineMembershipLasts(make) }

    @Test("pages show what stays, once")
    func pages() async throws { try await PresenceContract.pagesShowWhatStays(repeats: false, make) }

    @Test("members and channels come in pages")
    func morePages() async throws { try await PresenceContract.pagesMembersAndChannels(make) }

    @Test("an empty list is one page")
    func emptyLists() async throws { try await PresenceContract.emptyListsEnd(make) }

    @Test("a cursor that is none is refused")
    func cursors() async throws { try await PresenceContract.refusesInvalidCursors(make) }

    @Test("a change is told to the client's node")
    func clientsNode() async throws { try await PresenceContract.tellsTheClientsNode(make) }

    @Test("a change of an offline client is told to its home node")
    func homeNode() async throws { try await PresenceContract.tellsTheHomeNode(make) }

    @Test("one of a client's nodes announces")
    func announcing() async throws { try await PresenceContract.oneNodeAnnounces(make) }

    @Test("a call that changes nothing is told again, and not announced")
    func repeatedCalls() async throws { try await PresenceContract.tellsRepeatedCalls(make) }

    @Test("nothing is told of nothing")
    func nothing() async throws { try await PresenceContract.tellsNothingOfNothing(make) }

    @Test("who connects as a member is told as present")
    func present() async throws { try await PresenceContract.tellsWhoIsPresent(make) }

    @Test("who leaves by going offline is told as left")
    func wentOffline() async throws { try await PresenceContract.tellsWhoWentOffline(make) }

    @Test("a change is told before the call returns")
    func toldInTime() async throws { try await PresenceContract.tellsBeforeItReturns(make) }

    @Test("changes are told in the order in which they were stored")
    func toldInOrder() async throws { try await PresenceContract.tellsInTheOrderOfStoring(make) }

    @Test("beyond the limit the oldest connections are closed")
    func oldest() async throws { try await PresenceContract.closesTheOldest(makeLimited) }

    @Test("where the new one is denied it is not stored")
    func denied() async throws { try await PresenceContract.deniesTheNew(makeLimited) }

    @Test("classes have limits of their own")
    func classes() async throws { try await PresenceContract.limitsClasses(makeLimited) }

    @Test("a class' limit makes room for the client's")
    func limits() async throws { try await PresenceContract.combinesLimits(makeLimited) }

    @Test("limits hold for many connections at once")
    func limitedAtOnce() async throws { try await PresenceContract.limitsUnderConcurrency(makeLimited) }

    @Test("a client is in as many channels as it may be")
    func channelsOfAClient() async throws { try await PresenceContract.limitsChannelsOfAClient(makeWithChannels) }

    @Test("a channel has as many members as it may")
    func membersOfAChannel() async throws { try await PresenceContract.limitsMembersOfAChannel(makeWithChannels) }

    @Test("limits hold for many joins at once")
    func joinsAtOnce() async throws { try await PresenceContract.limitsJoinsUnderConcurrency(makeWithChannels) }

    @Test("without limits there are none")
    func unlimited() async throws { try await PresenceContract.joinsWithoutLimits(makeWithChannels) }

    @Test("who is banned is not stored")
    func bans() async throws { try await PresenceContract.bans(make) }

    @Test("a ban ends when it is lifted, and by itself")
    func bansEnd() async throws { try await PresenceContract.bansEnd(make) }

    @Test("a clock that jumps ends a ban early or late, and concerns nobody who is connected")
    func clockJumps() async throws {
        let clock = ManualClock()
        let bus = MemoryTransport(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let presence: any PresenceHook = MemoryPresence(
            identity: NodeIdentity(name: "a"), transport: bus, now: { clock.now })
        func isLetIn(_ client: ClientID) async throws -> Bool {
            let kinds = try await presence.update([.init(.opened, Identity(client: client))], on: "a").map(\.kind)
            return kinds == [.online]
        }
        #expect(try await isLetIn(1))
        try await presence.ban(2, for: .seconds(60))
        try await presence.ban(3, for: .seconds(60))
        clock.advance(by: .seconds(-3_600))
        #expect(try await !isLetIn(2))
        clock.advance(by: .seconds(3_600))
        #expect(try await !isLetIn(2))
        clock.advance(by: .seconds(3_600))
        #expect(try await isLetIn(3))
        #expect(try await presence.onlineCount() == 2)
        #expect(try await presence.connectionCounts(of: [1]) == [1])
    }
}
