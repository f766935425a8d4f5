public import ServiceLifecycle

/// An auth or message hook with something to run beside the node, such as a connection of its own.
///
/// A hook is no service itself; a hook that adopts this is asked once, and what it returns is started and stopped with
/// the node: stopped behind it.
public protocol RunsServices {
    var services: [any Service] { get }
}
