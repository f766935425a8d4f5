/// A cursor over one mapping of a manifest, read key by key.
///
/// Each call of a `read` makes a key known, overwrites the property where the manifest has the key, and leaves the
/// property's default where it has not. Mistakes are gathered, not thrown, so that one look finds them all;
/// ``finish()`` adds the keys that nobody read.
public struct Section: ~Copyable {
    /// A value of a manifest and where it stands.
    public struct Node: Sendable {
        public indirect enum Value: Sendable {
            case null
            case scalar(String)
            case list([Node])
            case mapping([(key: String, keyLocation: SourceLocation, value: Node)])
        }

        public var value: Value
        public var location: SourceLocation

        public init(_ value: Value, at location: SourceLocation) {
            self.value = value
            self.location = location
        }
    }

    /// A key that was read: what `freeimd modules` tells of it.
    public struct Key: Sendable, Equatable {
        public let name: String
        /// What its value must be.
        public let expectation: String
        /// The default's text; nil where there is none.
        public let standard: String?
        public let isRequired: Bool
        public let meaning: String
    }

    /// What the section belongs to, for messages: `transport.redis`, `node`.
    public let owner: String
    /// Where the section begins.
    public let location: SourceLocation
    /// The keys read so far, in order.
    public private(set) var keys: [Key] = []
    private var unread: [(key: String, location: SourceLocation, value: Node)] = []
    private var locations: [String: SourceLocation] = [:]
    private var problems: [ModuleError] = []
    /// What is not a mistake and should be changed all the same.
    public private(set) var warnings: [ModuleWarning] = []
    /// Whether there is no manifest behind it: then nothing is missing.
    private let isRecording: Bool

    /// A section of a manifest.
    ///
    /// - Parameter mapping: nil or null for a section that the manifest does not have.
    public init(owner: String, mapping: Node?, at location: SourceLocation) {
        self.owner = owner
        self.location = location
        self.isRecording = false
        switch mapping?.value {
        case nil, .null: break
        case .mapping(let pairs): fill(pairs)
        case .scalar, .list:
            problems.append(
                ModuleError(
                    .invalidValue, "\(owner) is told by a mapping of keys to values", at: mapping?.location ?? location)
            )
        }
    }

    /// A section that only records which keys are read.
    public init(recordingFor owner: String) {
        self.owner = owner
        self.location = SourceLocation(file: owner, line: 1, column: 1)
        self.isRecording = true
    }

    private mutating func fill(_ pairs: [(key: String, keyLocation: SourceLocation, value: Node)]) {
        for (key, location, value) in pairs {
            if let first = locations[key] {
                problems.append(
                    ModuleError(
                        .duplicateKey, "key '\(key)' stands twice, first in line \(first.line); keep one", at: location)
                )
                continue
            }
            locations[key] = location
            unread.append((key, location, value))
        }
    }

    /// A problem that reading single keys does not find.
    ///
    /// - Parameter key: where it stands; the section itself where the manifest does not have the key.
    public mutating func problem(_ message: String, at key: String? = nil) {
        guard !isRecording else { return }
        problems.append(ModuleError(.invalidValue, message, at: place(of: key)))
    }

    /// Tells what is not a mistake, and should be changed all the same.
    ///
    /// - Parameter key: where it stands; the section itself where the manifest does not have the key.
    public mutating func warn(_ message: String, at key: String? = nil) {
        guard !isRecording else { return }
        warnings.append(ModuleWarning(message: message, location: place(of: key)))
    }

    private func place(of key: String?) -> SourceLocation {
        key.flatMap { locations[$0] } ?? location
    }

    /// Mistakes so far.
    var problemCount: Int { problems.count }

    /// All mistakes, unknown keys among them.
    public consuming func finish() -> [ModuleError] {
        var all = problems
        let known = keys.map(\.name)
        for (key, location, _) in unread {
            var message = "unknown key '\(key)' of \(owner)"
            if let near = Spelling.nearest(to: key, of: known) {
                message += "; did you mean '\(near)'?"
            } else {
                message += known.isEmpty ? "; it has no keys" : "; it reads " + known.joined(separator: ", ")
            }
            all.append(ModuleError(.unknownKey, message, at: location))
        }
        return all
    }

    mutating func know(_ key: Key) {
        keys.append(key)
    }

    /// The value of a key, once. nil where the manifest does not have it, or has it without a value.
    mutating func take(_ key: String) -> Node? {
        guard let index = unread.firstIndex(where: { $0.key == key }) else { return nil }
        let node = unread.remove(at: index).value
        if case .null = node.value { return nil }
        return node
    }

    mutating func report(_ code: ModuleError.Code, _ message: String, at location: SourceLocation? = nil) {
        guard !isRecording else { return }
        problems.append(ModuleError(code, message, at: location ?? self.location))
    }
}
