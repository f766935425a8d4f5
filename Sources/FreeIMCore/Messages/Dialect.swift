/// A generation of FreeIM's wire; they differ in the prefix of their names and in the form of client ids.
public enum Dialect: String, Sendable, CaseIterable {
    /// FreeIM 2.0: clients are `Int64`.
    case v2
    /// FreeIM 1.0 (ImCore): clients are GUIDs.
    case v1

    /// What names begin with, before the path.
    var root: String {
        switch self {
        case .v2: "im_v2"
        case .v1: "wsim"
        }
    }

    /// The id that stands for "no sender" in bodies.
    var system: ClientID {
        switch self {
        case .v2: ClientID(0)
        case .v1: .emptyGUID
        }
    }
}

extension Dialect: SectionValue {}
