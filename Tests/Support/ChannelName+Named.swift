public import FreeIMCore

extension ChannelName {
    /// A name that the test knows to be one.
    public static func named(_ text: String) -> ChannelName {
        guard let name = ChannelName(text) else { preconditionFailure("'\(text)' cannot be a channel's name") }
        return name
    }
}
