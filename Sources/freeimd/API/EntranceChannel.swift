import FreeIMCore
import HummingbirdCore
import Logging
import NIOCore

/// A connection of the API, in clear or over TLS.
struct EntranceChannel: ServerChildChannel {
    let entrance: Entrance
    /// For the TLS handshake.
    let deadline: TimeAmount
    let addresses: Addresses
    let http: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        do {
            try entrance.prepare(channel, deadline: deadline)
            if addresses.policy.connectionsPerAddress > 0 {
                try channel.pipeline.syncOperations.addHandler(AddressGuard(addresses))
            }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return http.setup(channel: channel, logger: logger)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}
