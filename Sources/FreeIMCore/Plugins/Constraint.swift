/// What a value must be beyond its type.
public struct Constraint<Value: SectionValue>: Sendable {
    /// For error messages and documentation: `1 to 65535`; empty where anything goes.
    public let expectation: String
    /// Whether the value is nobody else's business: no message then quotes it.
    public private(set) var isSecret = false
    let holds: @Sendable (Value) -> Bool

    public static var any: Constraint { Constraint(expectation: "") { _ in true } }

    /// As ``any``, for passwords, keys and what may hold them.
    public static var secret: Constraint { Constraint.any.secret }

    /// The same for a value that no message may quote: a password, a key, or what may hold one.
    public var secret: Constraint {
        var secret = self
        secret.isSecret = true
        return secret
    }

    /// - Parameter expectation: completes "expected ...".
    public static func custom(
        _ expectation: String, _ holds: @escaping @Sendable (Value) -> Bool
    ) -> Constraint {
        Constraint(expectation: expectation, holds: holds)
    }

    init(expectation: String, holds: @escaping @Sendable (Value) -> Bool) {
        self.expectation = expectation
        self.holds = holds
    }
}

extension Constraint where Value: Comparable {
    public static func range(_ range: ClosedRange<Value>) -> Constraint {
        Constraint(expectation: "\(range.lowerBound.sectionText) to \(range.upperBound.sectionText)") {
            range.contains($0)
        }
    }

    public static func atLeast(_ minimum: Value) -> Constraint {
        Constraint(expectation: "at least \(minimum.sectionText)") { $0 >= minimum }
    }
}
