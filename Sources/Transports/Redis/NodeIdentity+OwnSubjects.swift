import FreeIMCore

extension NodeIdentity {
    /// The subjects at which this node alone is subscribed.
    var ownSubjects: [String] { allSubjects.map { $0.server(name) } }
}
