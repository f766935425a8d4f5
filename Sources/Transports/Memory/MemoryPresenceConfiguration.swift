public import FreeIMCore

/// What `presence.memory` can be told.
public struct MemoryPresenceConfiguration: ModuleConfiguration {
    /// How many connections one client may have.
    public var devices = DevicePolicy()

    public init() {}

    public mutating func read(from section: inout Section) {
        devices.read(from: &section)
    }
}
