public import ServiceLifecycle

/// A part of a node that is neither transport, auth nor presence.
public protocol Feature: Sendable {
    /// Switches on what the feature brings, before the node is made. No effects outside.
    func configure(_ node: inout NodeConfiguration)

    /// What runs beside the node, started and stopped with it; an HTTP server for instance.
    func services(on node: Node) -> [any Service]
}

extension Feature {
    public func configure(_ node: inout NodeConfiguration) {}
    public func services(on node: Node) -> [any Service] { [] }
}
