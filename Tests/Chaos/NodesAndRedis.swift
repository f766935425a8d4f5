import DaemonTestSupport
import Foundation
import FreeIMTestSupport
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport
import Synchronization

/// The nodes, each behind a proxy of its own, and Redis; one task does things to them.
final class NodesAndRedis: Sendable {
    let names: [String]
    private let proxies: [Proxy]
    private let redisPorts: [Int]
    private let nodes: Mutex<[Daemon]>
    private let everStarted = Mutex<[Int32]>([])
    /// Of the first node's log; the other nodes' go into pipes.
    private let disk: Disk?

    private init(names: [String], proxies: [Proxy], redisPorts: [Int], disk: Disk?) {
        self.names = names
        self.proxies = proxies
        self.redisPorts = redisPorts
        self.disk = disk
        nodes = Mutex([])
    }

    /// - Parameter directory: where a small file system is mounted, where that is allowed.
    static func start(
        nodes count: Int, redis: Int, directory: String, on eventLoop: any EventLoop
    ) async throws -> NodesAndRedis {
        var names: [String] = []
        var proxies: [Proxy] = []
        var ports: [Int] = []
        for _ in 0..<count {
            names.append("127.0.0.1:\(try await RedisServer.freePort())")
            let proxy = Proxy(to: redis, on: eventLoop)
            ports.append(try await proxy.start())
            proxies.append(proxy)
        }
        let disk = Disk(at: directory + "/logs")
        if disk == nil { say("no full disk: only root may mount one; a pipe that nobody reads instead") }
        let cluster = NodesAndRedis(names: names, proxies: proxies, redisPorts: ports, disk: disk)
        for node in names.indices { try await cluster.start(node) }
        for node in names.indices {
            do {
                try await eventually(within: .seconds(20)) { await cluster.isReady(node) }
            } catch {
                throw NotReady(description: await cluster.state(node))
            }
        }
        return cluster
    }

    struct NotReady: Error, CustomStringConvertible {
        let description: String
    }

    /// On its name, the first time or after a kill.
    func start(_ index: Int) async throws {
        let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
        let node = try await Daemon.start(
            Manifest(
                gateway: ["listen": "\"\(names[index])\""], auth: ["auth.token"],
                node: ["name": "\"\(names[index])\"", "servers": "[\(list)]", "threads": "1"],
                bus: [
                    "transport.redis": [
                        "url": "\"redis://127.0.0.1:\(redisPorts[index])\"", "client_name": Self.clientName,
                    ]
                ],
                presence: ["presence.redis": ["lease": "\(Int(Fault.lease.seconds))s", "renewal": "500ms"]]),
            logFile: logFile(of: index))
        everStarted.withLock { $0.append(node.id) }
        nodes.withLock { if index < $0.count { $0[index] = node } else { $0.append(node) } }
    }

    static let clientName = "chaos-node"

    func proxy(_ index: Int) -> Proxy { proxies[index] }
    func node(_ index: Int) -> Daemon { nodes.withLock { $0[index] } }
    func usage(_ index: Int) -> Usage? { Usage(of: node(index).id) }
    func apiPort(_ index: Int) -> Int { node(index).apiPort }

    func isReady(_ index: Int) async -> Bool {
        (try? await API(port: apiPort(index), timeout: 2)("GET", "/health/ready"))?.status == 200
    }

    private func logFile(of index: Int) -> String? { index == 0 ? disk?.logFile : nil }

    /// Leaves a node's log no room, or gives it room again.
    func fillLog(of index: Int, _ isFull: Bool) {
        if index == 0, let disk {
            disk.fill(isFull)
        } else if isFull {
            node(index).log.stall()
        } else {
            node(index).log.goOn()
        }
    }

    private func log(of index: Int) -> String {
        guard let file = logFile(of: index) else { return node(index).logText }
        return (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    }

    func state(_ index: Int) async -> String {
        let answer = try? await API(port: apiPort(index), timeout: 2)("GET", "/health/ready")
        let text = answer.map { "\($0.status) \($0.text)" } ?? "silent"
        return "node \(index): \(text); \(log(of: index).suffix(2_000))"
    }

    /// All clients that are online, by a node's API; nil where it does not answer.
    func online(_ index: Int) async -> Set<Int>? {
        let api = API(port: apiPort(index), timeout: 5)
        var clients: Set<Int> = []
        var cursor: String?
        repeat {
            let rest = cursor.map { "&cursor=\($0)" } ?? ""
            guard let page = try? await api("GET", "/v1/clients?limit=1000\(rest)"), page.status == 200,
                let body = try? page.json(), let part = body["clients"] as? [Int]
            else { return nil }
            clients.formUnion(part)
            cursor = body["next"] as? String
        } while cursor != nil
        return clients
    }

    /// SIGTERM to all; returns what is wrong with their ends.
    func end() async -> [String] {
        let nodes = nodes.withLock { $0 }
        for node in nodes { node.signal(SIGTERM) }
        var wrong: [String] = []
        for (index, node) in nodes.enumerated() {
            let status = await node.end()
            if status != 0 { wrong.append("node \(index) ended with \(status): \(log(of: index).suffix(2_000))") }
        }
        for id in everStarted.withLock({ $0 }) where kill(id, 0) == 0 {
            wrong.append("process \(id) of a node is still there")
        }
        return wrong
    }

    func killAll() {
        for node in nodes.withLock({ $0 }) { node.signal(SIGKILL) }
        disk?.unmount()
    }
}

/// What a process holds.
struct Usage: CustomStringConvertible {
    let descriptors: Int
    let residentKB: Int

    init?(of id: Int32) {
        guard let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd"),
            let status = try? String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let resident = Int(line.filter(\.isNumber))
        else { return nil }
        descriptors = files.count
        residentKB = resident
    }

    var description: String { "\(descriptors) descriptors, \(residentKB / 1_024) MB" }
}
