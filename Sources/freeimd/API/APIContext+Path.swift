import FreeIMCore
import Hummingbird

extension APIContext {
    /// The client that the path names.
    func clientInPath() throws -> ClientID {
        guard let client = try pathParameter("id").flatMap({ ClientID($0) }) else {
            throw APIFault.invalidArgument(
                """
                the client in the path must be 1 to \(ClientID.maximumBytes) bytes of percent-encoded UTF-8 without \
                control characters
                """)
        }
        return client
    }

    /// The channel that the path names; `%2F` is a part of the name.
    func channelInPath() throws -> ChannelName {
        guard let channel = try pathParameter("name").flatMap({ ChannelName($0) }) else {
            throw APIFault.invalidArgument(
                """
                the channel in the path must be 1 to \(ChannelName.maximumBytes) bytes of percent-encoded UTF-8 \
                without control characters
                """)
        }
        return channel
    }

    private func pathParameter(_ name: String) throws -> String? {
        // The router splits the path before it is decoded, and does not decode.
        PercentEncoding.decode(Substring(try parameters.require(name)), plusIsBlank: false)
    }
}
