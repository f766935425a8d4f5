#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif
import NIOCore

/// Why a listener could not be opened.
public struct ListenError: Error, Sendable, CustomStringConvertible {
    public let address: ListenAddress
    /// The manifest's key that says otherwise.
    public let setting: String
    public let cause: any Error

    package init(_ address: ListenAddress, setting: String, cause: any Error) {
        self.address = address
        self.setting = setting
        self.cause = cause
    }

    /// Names the address, the reason and the remedy.
    public var description: String { "cannot listen on \(address): \(reason); choose another \(setting)" }

    private var reason: String {
        switch (cause as? IOError)?.errnoCode {
        case EADDRINUSE: "the address is in use"
        case EACCES: "no permission to use this port"
        case EADDRNOTAVAIL: "this machine has no such address"
        default: "\(cause)"
        }
    }
}
