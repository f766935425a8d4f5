/// `feature.event_bus`: publishes who came online and went offline, who joined and left channels.
public struct EventBus: Feature, ModuleConfiguration {
    /// What leads to online and offline events.
    public enum Announce: String, Sendable, CaseIterable {
        /// A client's first and last connection.
        case firstAndLast = "first_and_last"
        /// Each connection, as FreeIM does.
        case everyConnection = "every_connection"
    }

    public var announce = Announce.firstAndLast
    /// Whether joined and left events are published.
    public var membership = true

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read("announce", into: &announce, "Which connections lead to online and offline events.")
        section.read("membership", into: &membership, "Whether joined and left events are published.")
    }

    public func configure(_ node: inout NodeConfiguration) {
        node.eventBus = self
    }
}

extension EventBus.Announce: SectionValue {}

extension ModuleFactory where Product == any Feature {
    /// `feature.event_bus`
    public static var eventBus: Self {
        Self(
            "event_bus", "Online, offline, joined and left events", needs: [.role(.presence)],
            configuration: EventBus.self
        ) { feature, _ in feature }
    }
}
