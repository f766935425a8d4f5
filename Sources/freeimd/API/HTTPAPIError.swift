import FreeIMCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why the API could not be served.
public struct HTTPAPIError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The address is taken, is not this machine's, or may not be bound.
        public static let cannotListen = Code(description: "cannot_listen")
    }

    public var code: Code
    /// Names the thing and the remedy.
    public var message: String
    public var underlying: (any Error)?

    public var description: String { message }

    static func cannotListen(on address: ListenAddress, _ error: any Error) -> HTTPAPIError {
        HTTPAPIError(
            code: .cannotListen,
            message: "cannot listen on \(address): \(reason(error)); choose another 'listen' of api.http",
            underlying: error)
    }

    private static func reason(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "address already in use"
        case EADDRNOTAVAIL: "this machine has no such address"
        case EACCES: "the port needs privileges"
        default: "\(error)"
        }
    }
}
