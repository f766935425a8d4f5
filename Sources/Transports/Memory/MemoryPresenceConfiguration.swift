public import FreeIMCore

/// What `presence.memory` can be told.
public struct MemoryPresenceConfiguration: ModuleConfiguration {
    /// How many connections one client may have.
    public var devices = DevicePolicy()
    /// In how many channels one client may be, and how many members a channel may have.
    public var channels = ChannelLimits()

    public init() {}

    public mutating func read(from section: inout Section) {
        devices.read(from: &section)
        channels.read(from: &section)
    }
}
