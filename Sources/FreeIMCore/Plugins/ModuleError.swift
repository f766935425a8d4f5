/// A mistake in a manifest, or a module that cannot be built as told.
public struct ModuleError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        public static let invalidManifest = Code(description: "invalid_manifest")
        public static let unknownModule = Code(description: "unknown_module")
        public static let unknownKey = Code(description: "unknown_key")
        public static let missingValue = Code(description: "missing_value")
        public static let invalidValue = Code(description: "invalid_value")
        public static let duplicateKey = Code(description: "duplicate_key")
        public static let duplicateModule = Code(description: "duplicate_module")
        public static let missingModule = Code(description: "missing_module")
        public static let conflict = Code(description: "conflict")
    }

    public var code: Code
    /// Names the thing and the remedy.
    public var message: String
    /// Where in the manifest; nil for a module built by hand.
    public var location: SourceLocation?

    public init(_ code: Code, _ message: String, at location: SourceLocation? = nil) {
        self.code = code
        self.message = message
        self.location = location
    }

    /// `file:line:column: message`.
    public var description: String {
        location.map { "\($0): \(message)" } ?? message
    }
}

/// Something in a manifest that works, and will not for ever.
public struct ModuleWarning: Sendable, Equatable, CustomStringConvertible {
    /// Names the thing and the remedy.
    public var message: String
    public var location: SourceLocation

    public init(message: String, location: SourceLocation) {
        self.message = message
        self.location = location
    }

    /// `file:line:column: warning: message`.
    public var description: String { "\(location): warning: \(message)" }
}

/// Where a value stands in a manifest, for messages that an editor can jump to.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
    public var file: String
    /// From 1.
    public var line: Int
    /// From 1.
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}
