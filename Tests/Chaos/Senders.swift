import DaemonTestSupport
import FreeIMCore
import FreeIMTestSupport

/// Business services, each of which sends one numbered message after the other, and repeats none.
struct Senders {
    let messenger: Messenger
    let cluster: NodesAndRedis
    let ledger: Ledger
    let clients: Range<Int>
    /// Of each sender.
    let pause: Duration

    /// Of those that use Messenger.redis; one more for the HTTP API of each node.
    static let messengers = 3

    /// Until it is cancelled.
    func run(seed: UInt64) async {
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<Self.messengers + cluster.names.count {
                group.addTask { await send(sender, SeededGenerator(seed: seed &+ UInt64(1_000_000 + sender))) }
            }
            await group.waitForAll()
        }
    }

    private func send(_ sender: Int, _ generator: SeededGenerator) async {
        var generator = generator
        while !Task.isCancelled {
            await send(kind(&generator), by: sender)
            try? await Task.sleep(for: pause)
        }
    }

    private func kind(_ generator: inout SeededGenerator) -> Ledger.Message.Kind {
        func client() -> Int { Int.random(in: clients, using: &generator) }
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return .broadcast
        case 1..<5: return .channel(Int.random(in: 0..<Terminals.channelsOfAll, using: &generator))
        case 5..<10:
            let from = client()
            // Anyone but the sender.
            let distance = Int.random(in: 1..<clients.count, using: &generator)
            let to = clients.lowerBound + (from - clients.lowerBound + distance) % clients.count
            return .receipted(from: from, to: to)
        default: return .direct(Array(Set([client(), client(), client()])).sorted())
        }
    }

    func send(_ kind: Ledger.Message.Kind, by sender: Int) async {
        let number = ledger.send(kind, by: sender)
        do {
            if sender < Self.messengers {
                try await publish(kind, "m\(number)")
            } else {
                try await post(kind, "m\(number)", to: sender - Self.messengers)
            }
            ledger.settle(number)
        } catch {
            ledger.settle(number, failure: "\(error)")
        }
    }

    private func publish(_ kind: Ledger.Message.Kind, _ text: String) async throws {
        let payload = MessagePayload(text: text)
        switch kind {
        case .direct(let receivers):
            try await messenger.send(payload, to: receivers.map { ClientID(Int64($0)) })
        case .receipted(let from, let to):
            try await messenger.send(payload, from: ClientID(Int64(from)), to: [ClientID(Int64(to))], receipt: true)
        case .channel(let channel):
            guard let name = Terminals.name(of: channel) else { return }
            try await messenger.send(payload, toChannel: name)
        case .broadcast: try await messenger.broadcast(payload)
        }
    }

    private func post(_ kind: Ledger.Message.Kind, _ text: String, to node: Int) async throws {
        let (path, rest) =
            switch kind {
            case .direct(let receivers): ("/v1/messages", #","to":\#(receivers)"#)
            case .receipted(let from, let to): ("/v1/messages", #","from":\#(from),"to":[\#(to)],"receipt":true"#)
            case .channel(let channel): ("/v1/channels/r\(channel)/messages", "")
            case .broadcast: ("/v1/broadcast", "")
            }
        let api = API(port: cluster.apiPort(node), timeout: 10)
        let answer = try await api("POST", path, #"{"text":"\#(text)"\#(rest)}"#)
        guard answer.status == 200 else { throw Refused(status: answer.status, text: answer.text) }
    }

    struct Refused: Error {
        let status: Int
        let text: String
    }
}
