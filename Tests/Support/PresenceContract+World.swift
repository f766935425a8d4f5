import FreeIMCore
import NIOCore
import NIOPosix

extension PresenceContract {
    /// A presence, and what it tells the nodes.
    struct World {
        let presence: any PresenceHook
        let bus: any Transport
        private let subjects: Subjects
        private let inboxes: [String: RecordingInbox]

        init(_ fixture: PresenceFixture) async throws {
            presence = fixture.presence
            bus = fixture.bus
            subjects = fixture.identity.subjects
            var inboxes: [String: RecordingInbox] = [:]
            for node in nodes {
                let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())
                try await bus.subscribe(inbox, to: [subjects.server(node)])
                inboxes[node] = inbox
            }
            self.inboxes = inboxes
        }

        @discardableResult
        func open(_ client: ClientID, on node: String = "a") async throws -> [PresenceTransition.Kind] {
            try await presence.update([.init(.opened, Identity(client: client))], on: node).map(\.kind)
        }

        @discardableResult
        func close(_ client: ClientID, on node: String = "a") async throws -> [PresenceTransition.Kind] {
            try await presence.update([.init(.closed, Identity(client: client))], on: node).map(\.kind)
        }

        /// The changes of channels that a node has been told since the last time this was asked, in order.
        func told(_ node: String) async throws -> [MembershipChange] {
            try await envelopes(node).compactMap { envelope in
                if case .membership(let change) = envelope { change } else { nil }
            }
        }

        /// All that a node has been told since the last time this was asked, in order.
        func envelopes(_ node: String) async throws -> [Envelope] {
            guard let inbox = inboxes[node] else { return [] }
            let end = Envelope.broadcast(sender: nil, payload: ByteBuffer(string: "end"))
            let body = EnvelopeCodec.encode(end)
            try await bus.publish([BusMessage(subject: subjects.server(node), body: body)]).get()
            try await eventually { inbox.bodies.last == body }
            defer { inbox.clear() }
            return try inbox.envelopes
        }

        /// What has been told to both nodes.
        func toldAll() async throws -> [MembershipChange] {
            var changes: [MembershipChange] = []
            for node in nodes { changes += try await told(node) }
            return changes
        }

        func allOnline(limit: Int = 3) async throws -> [ClientID] {
            try await all(limit) { try await presence.onlineClients($0) }
        }

        func allMembers(of channel: ChannelName, limit: Int = 3) async throws -> [ClientID] {
            try await all(limit) { try await presence.members(of: channel, $0) }
        }

        func allChannels(limit: Int = 3) async throws -> [ChannelCount] {
            try await all(limit) { try await presence.channels($0) }
        }

        /// Page after page; `between` runs after each.
        func all<Item>(
            _ limit: Int, between: () async throws -> Void = {}, _ page: (PageRequest) async throws -> Page<Item>
        ) async throws -> [Item] {
            var items: [Item] = []
            var request = PageRequest(limit: limit)
            repeat {
                let page = try await page(request)
                items += page.items
                request.cursor = page.next
                try await between()
            } while request.cursor != nil
            return items
        }
    }
}
