// A FreeIM node inside another program: members of a club connect with a password of their own,
// and this program greets everyone who comes online.
//
//     swift run EmbedCore          then, in a browser's console:
//     new WebSocket("ws://127.0.0.1:6001/ws?member=alice&password=open-sesame").onmessage = m => console.log(m.data)
import FreeIMCore
import FreeIMMemory
import Logging
import NIOPosix
import ServiceLifecycle

/// Decides who may connect: the business's own rule.
struct ClubDoor: AuthHook {
    func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
        guard let name = request.parameter("member"), let member = ClientID(name) else { return .abstain }
        guard request.parameter("password") == "open-sesame" else {
            return .deny(Denial(.forbidden, code: "wrong_password", message: "ask the club for the password"))
        }
        return .allow(Identity(client: member, metadata: request.header("User-Agent")))
    }
}

/// Business code: holds a messenger and no socket.
struct Greeter: Service {
    let messenger: Messenger

    func run() async throws {
        for await event in try await messenger.events().cancelOnGracefulShutdown() {
            guard case .online(let identity) = event else { continue }
            try await messenger.send(["greeting": "welcome, \(identity.client)"], to: [identity.client])
        }
    }
}

let loops = MultiThreadedEventLoopGroup.singleton
let logger = Logger(label: "club")
let identity = NodeIdentity(name: "127.0.0.1:6001")
let bus = MemoryTransport(eventLoopGroup: loops)
let node = try Node(
    NodeConfiguration(
        identity: identity, transport: bus, presence: MemoryPresence(identity: identity, transport: bus),
        authHooks: [ClubDoor()], features: [DirectMessages(), Channels(), EventBus()], eventLoopGroup: loops,
        logger: logger))

var edge = WebSocketConfiguration()
edge.listen = ListenAddress(host: "127.0.0.1", port: CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 6001)

let services = node.services() + [Greeter(messenger: node.messenger), try WebSocketGateway(edge).service(on: node)]
try await ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
