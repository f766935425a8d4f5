public struct Section: ~Copyable {
    public mutating func read<V: SectionValue>(_ key: String, into target: inout V, _ constraint: Constraint<V> = .any, _ meaning: String) {}
    public mutating func read<V: SectionValue>(_ key: String, into target: inout V?, _ constraint: Constraint<V> = .any, _ meaning: String) {}
    public mutating func read<V: SectionValue>(_ key: String, into target: inout [V], _ constraint: Constraint<V> = .any, _ meaning: String) {}
    public mutating func read<V: SectionValue>(_ key: String, into target: inout V,  _ meaning: String) {}
    public mutating func read<V: SectionValue>(_ key: String, into target: inout V?, _ meaning: String) {}
    public mutating func read<V: SectionValue>(_ key: String, into target: inout [V],  _ meaning: String) {}
}
public protocol SectionValue: Sendable { static var typeName: String { get }; init?(sectionText: String); var sectionText: String { get } }
extension SectionValue where Self: RawRepresentable, RawValue == String {
    public static var typeName: String { "enum" }
    public init?(sectionText: String) { self.init(rawValue: sectionText) }
    public var sectionText: String { rawValue }
}
extension Int: SectionValue { public static var typeName: String { "int" }; public init?(sectionText: String) { self.init(sectionText) }; public var sectionText: String { "" } }
extension Bool: SectionValue { public static var typeName: String { "int" }; public init?(sectionText: String) { self.init(sectionText) }; public var sectionText: String { "" } }
extension String: SectionValue { public static var typeName: String { "int" }; public init?(sectionText: String) { self.init(sectionText) }; public var sectionText: String { "" } }
extension Duration: SectionValue { public static var typeName: String { "int" }; public init?(sectionText: String) { return nil }; public var sectionText: String { "" } }
public struct ByteCount: SectionValue, Comparable { public static func < (a: Self, b: Self) -> Bool { a.bytes < b.bytes }; public var bytes: Int; public init(_ bytes: Int) { self.bytes = bytes }; public static var typeName: String { "int" }; public init?(sectionText: String) { return nil }; public var sectionText: String { "" } }
public struct ListenAddress: SectionValue, CustomStringConvertible { public var host: String; public var port: Int; public init(host: String, port: Int) { self.host = host; self.port = port }; public var isLoopback: Bool { true }; public var description: String { "" }; public static var typeName: String { "int" }; public init?(sectionText: String) { return nil }; public var sectionText: String { "" } }
public struct Constraint<V: SectionValue>: Sendable {
    public static var any: Self { Self() }
    public static func range(_ r: ClosedRange<V>) -> Self where V: Comparable { Self() }
    public static func custom(_ d: String, _ c: @escaping @Sendable (V) -> Bool) -> Self { Self() }
}
