import FreeIMCore
import NIOCore
import RedisClient

/// The names of presence's keys, as FreeIM builds them, and what scripts are told of them.
struct PresenceKeys: Sendable {
    let identity: NodeIdentity
    let keyPrefix: String
    private let version2: Subjects
    private let version1: Subjects
    private let partition: Partition

    init(identity: NodeIdentity, keyPrefix: String) {
        self.identity = identity
        self.keyPrefix = keyPrefix
        version2 = Subjects(path: identity.path, dialect: .v2)
        version1 = Subjects(path: identity.path, dialect: .v1)
        partition = identity.partition
    }

    private func subjects(_ dialect: Dialect) -> Subjects {
        switch dialect {
        case .v2: version2
        case .v1: version1
        }
    }

    /// Id to number of connections.
    func online(_ dialect: Dialect) -> RedisArgument { "\(keyPrefix)\(subjects(dialect).prefix)Online" }
    /// Id to `0`: the members of a channel.
    func members(_ dialect: Dialect, _ channel: ChannelName) -> RedisArgument {
        "\(keyPrefix)\(subjects(dialect).prefix)Chan\(channel.text)"
    }
    /// Channel to `0`: the channels of a client.
    func channels(of client: ClientID) -> RedisArgument {
        "\(clientPrefix(identity.dialect(of: client)))\(client.description)"
    }
    /// Channel to number of members.
    func channelList(_ dialect: Dialect) -> RedisArgument { "\(keyPrefix)\(subjects(dialect).prefix)ListChan" }
    /// Where a business service leaves its list of servers when it differs from the nodes'.
    var differingServers: RedisArgument { "\(base)ServersDiffering" }
    /// Incarnation to list of servers.
    var servers: RedisArgument { "\(base)Servers" }

    func clientPrefix(_ dialect: Dialect) -> String { "\(keyPrefix)\(subjects(dialect).prefix)Client" }

    /// Before the keys that belong to no dialect.
    private var base: String { keyPrefix + identity.subjects.prefix }

    /// The arguments with which every script begins.
    ///
    /// - Parameter isDirect: whether the script publishes itself, on the server on which it runs; it returns the
    ///   publications otherwise.
    func header(isDirect: Bool) -> [RedisArgument] {
        let (two, one) = (subjects(.v2).prefix, subjects(.v1).prefix)
        return [
            isDirect ? "1" : "0", .string(base), .string(identity.subjects.server("")), .string(keyPrefix + two),
            .string(keyPrefix + one), .string(two), .string(one),
        ]
    }

    func home(of client: ClientID) -> RedisArgument {
        .string(partition.server(for: client) ?? identity.name)
    }

    func dialect(of client: ClientID) -> RedisArgument { .string(identity.dialect(of: client).rawValue) }
}

extension ClientID {
    /// The id's text: the field of hashes.
    var field: RedisArgument { .string(description) }

    /// The id as it stands in bodies.
    var json: RedisArgument {
        if case .number(let number) = kind { return .integer(Int(number)) }
        var text = ByteBuffer()
        JSONText.write(description, into: &text)
        return .bytes(text)
    }
}
