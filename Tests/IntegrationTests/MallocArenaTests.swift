#if canImport(Glibc)
    import Foundation
    import Testing

    @Suite struct MallocArenaTests {
        @Test(
            "A node with one event loop has no malloc arena but the first, unless the environment says otherwise",
            .disabled(
                if: ProcessInfo.processInfo.environment["FREEIM_SANITIZER"] != nil,
                "a sanitizer brings a malloc of its own"))
        func arenas() async throws {
            let manifest = Manifest(node: ["threads": "1"])
            let limited = try await Daemon.start(manifest)
            let free = try await Daemon.start(manifest, environment: ["MALLOC_ARENA_MAX": "8"])
            for daemon in [limited, free] {
                let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
                try await terminal.close()
            }
            #expect(try Self.arenas(of: limited) == 0)
            #expect(try Self.arenas(of: free) > 0)
        }

        /// Arenas beyond the first: glibc reserves 64 MiB for each, aligned to as much, of which the rest is not accessible yet.
        private static func arenas(of daemon: Daemon) throws -> Int {
            let reserved: UInt64 = 64 * 1_024 * 1_024
            let regions = try String(contentsOfFile: "/proc/\(daemon.id)/maps", encoding: .utf8)
                .split(separator: "\n").compactMap { line -> (from: UInt64, to: UInt64, isAccessible: Bool)? in
                    let fields = line.split(separator: " ")
                    let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
                    guard bounds.count == 2 else { return nil }
                    return (bounds[0], bounds[1], fields[1].hasPrefix("rw"))
                }
            return zip(regions, regions.dropFirst()).count { heap, rest in
                heap.isAccessible && !rest.isAccessible && heap.to == rest.from
                    && heap.from % reserved == 0 && rest.to - heap.from == reserved
            }
        }
    }
#endif
