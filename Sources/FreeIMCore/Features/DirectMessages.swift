/// `feature.direct`: point to point messages, with receipts and FreeIM's echo rule.
public struct DirectMessages: Feature, ModuleConfiguration {
    /// The `receipt` text of a message whose bytes were written to at least one of the receiver's sockets.
    public var deliveredText = "发送成功"
    /// The `receipt` text of a message whose receiver has no connection.
    public var offlineText = "用户不在线"

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read("receipt_delivered", into: &deliveredText, "Receipt text of a message that was delivered.")
        section.read("receipt_offline", into: &offlineText, "Receipt text of a message whose receiver is offline.")
    }

    public func configure(_ node: inout NodeConfiguration) {
        node.direct = self
    }
}

extension ModuleFactory where Product == any Feature {
    /// `feature.direct`
    public static var direct: Self {
        Self("direct", "Point to point messages with receipts", configuration: DirectMessages.self) { feature, _ in
            feature
        }
    }
}
