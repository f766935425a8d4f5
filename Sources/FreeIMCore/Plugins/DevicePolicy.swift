/// How many connections one client may hold in the whole cluster. Presence keeps to it where it stores connections; all
/// nodes of a cluster must be told the same.
public struct DevicePolicy: Sendable, Equatable {
    /// What becomes of a connection too many.
    public enum Reaction: String, Sendable, CaseIterable, SectionValue {
        /// The client's oldest connection is closed with ``CloseCode/replaced``.
        case closeOldest = "close_oldest"
        /// The handshake is refused with 403.
        case denyNew = "deny_new"
    }

    /// Connections of one client; 0: any number.
    public var connectionsPerClient = 0
    public var reaction = Reaction.closeOldest
    /// By class (``Identity/device``), how many connections of one client; beyond it the oldest of the class is closed
    /// with ``CloseCode/replaced``. Classes that are not named, and connections without one, count for
    /// ``connectionsPerClient`` alone.
    public var classes: [String: Int] = [:]

    public init() {}

    public var isActive: Bool { connectionsPerClient > 0 || !classes.isEmpty }

    private static let mostConnections = 1_000

    public mutating func read(from section: inout Section) {
        section.read(
            "connections_per_client", into: &connectionsPerClient, .range(0...Self.mostConnections),
            "Connections that one client may have in the whole cluster; 0: any number. The same on every node.")
        section.read(
            "beyond_connections", into: &reaction,
            "Beyond connections_per_client: the client's oldest connection is closed (4501), or the new one denied (403)."
        )
        section.read(
            "classes", into: &classes, .range(1...Self.mostConnections),
            "By class, the 'device' of tokens: a client's connections, beyond which the oldest of the class is closed.")
        for name in classes.keys.sorted() where !Identity.isDevice(name) {
            section.problem("'classes' names '\(name)', but a class has \(Identity.deviceExpectation)", at: "classes")
        }
    }

    /// Which of a client's connections are too many.
    ///
    /// - Parameter classes: of all its connections, in the order in which they were stored.
    package func excess(_ classes: [String?]) -> [Int] {
        var counts: [String: Int] = [:]
        var excess: [Int] = []
        var kept: [Int] = []
        for index in classes.indices.reversed() {
            if let name = classes[index], let limit = self.classes[name] {
                counts[name, default: 0] += 1
                guard counts[name, default: 0] <= limit else {
                    excess.append(index)
                    continue
                }
            }
            kept.append(index)
        }
        guard connectionsPerClient > 0, kept.count > connectionsPerClient else { return excess }
        // Newest first.
        switch reaction {
        case .closeOldest: return excess + kept.dropFirst(connectionsPerClient)
        case .denyNew: return excess + kept.dropLast(connectionsPerClient)
        }
    }
}

extension Identity {
    /// The longest class of a device, in bytes of UTF-8.
    public static let maximumDeviceBytes = 64
    package static let deviceExpectation = "1 to \(maximumDeviceBytes) bytes of UTF-8 without control characters"

    package static func isDevice(_ text: String) -> Bool {
        1...maximumDeviceBytes ~= text.utf8.count && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
