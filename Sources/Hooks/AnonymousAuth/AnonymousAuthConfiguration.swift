public import FreeIMCore

/// What `auth.anonymous` can be told.
public struct AnonymousAuthConfiguration: ModuleConfiguration {
    /// The query parameter with the client's id.
    public var parameter = "client"
    /// Whether a gateway that listens beyond loopback may use this: anyone can then be anyone.
    public var allowRemote = false

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "parameter", into: &parameter,
            .custom("letters, digits, '_' or '-'") { name in
                !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
            }, "Query parameter with the client's id; without it the client gets a fresh id.")
        section.read(
            "allow_remote", into: &allowRemote,
            "Whether the gateway may listen beyond loopback: anyone can then be anyone.")
    }
}
