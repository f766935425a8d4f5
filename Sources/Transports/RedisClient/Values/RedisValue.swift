public import NIOCore

/// A reply of Redis, as RESP2 carries it.
///
/// Redis documentation: "RESP protocol description".
public enum RedisValue: Sendable, Hashable {
    /// A status such as `OK`.
    case simple(ByteBuffer)
    /// A string of any bytes.
    case bulk(ByteBuffer)
    case integer(Int64)
    case array([RedisValue])
    /// "There is none": a missing key, an empty pop.
    case null
    /// An error that stands in the place of a value, as in an array or a pipeline.
    indirect case error(RedisError)
}

extension RedisValue {
    /// The bytes of a string or status; nil for anything else.
    public var bytes: ByteBuffer? {
        switch self {
        case .simple(let bytes), .bulk(let bytes): bytes
        default: nil
        }
    }

    /// The text of a string or status, invalid UTF-8 repaired; nil for anything else.
    public var string: String? { bytes.map { String(buffer: $0) } }

    /// An integer, also where Redis sends it as text; nil for anything else.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .simple, .bulk: string.flatMap { Int64($0) }
        default: nil
        }
    }

    /// The elements of an array; nil for anything else.
    public var array: [RedisValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var isNull: Bool { self == .null }

    /// The error that stands here; nil for anything else.
    public var error: RedisError? {
        guard case .error(let error) = self else { return nil }
        return error
    }
}
