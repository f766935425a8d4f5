/// `feature.channels`: join, leave, send to a channel's members, and broadcasts.
public struct Channels: Feature, ModuleConfiguration {
    public init() {}

    public func read(from section: inout Section) {}

    public func configure(_ node: inout NodeConfiguration) {
        node.channels = self
    }
}

extension ModuleFactory where Product == any Feature {
    /// `feature.channels`
    public static var channels: Self {
        Self(
            "channels", "Channels: join, leave, send to members, broadcast", needs: [.role(.presence)],
            configuration: Channels.self
        ) { feature, _ in feature }
    }
}
