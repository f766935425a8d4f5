// swift-tools-version: 6.2
import PackageDescription

/// `make check` and `make test` set this; a user's build does not fail on a warning of a newer compiler.
let warnings: [SwiftSetting] =
    Context.environment["FREEIM_WARNINGS"] == "error" ? [.treatAllWarnings(as: .error)] : []

let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + warnings

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let inMemoryLogging = Target.Dependency.product(name: "InMemoryLogging", package: "swift-log")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let swiftASN1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "freeim",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "FreeIMCore", targets: ["FreeIMCore"]),
        .library(name: "FreeIMMemory", targets: ["FreeIMMemory"]),
        .library(name: "FreeIMRedis", targets: ["FreeIMRedis"]),
        .library(name: "RedisClient", targets: ["RedisClient"]),
        .library(name: "FreeIMRedisPresence", targets: ["FreeIMRedisPresence"]),
        .library(name: "FreeIMRedisMessenger", targets: ["FreeIMRedisMessenger"]),
        .library(name: "FreeIMTokenAuth", targets: ["FreeIMTokenAuth"]),
        .library(name: "FreeIMJWTAuth", targets: ["FreeIMJWTAuth"]),
        .library(name: "FreeIMAnonymousAuth", targets: ["FreeIMAnonymousAuth"]),
        .library(name: "FreeIMAPI", targets: ["FreeIMAPI"]),
        .library(name: "FreeIMDaemon", targets: ["FreeIMDaemon"]),
        .executable(name: "freeimd", targets: ["freeimd"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(
            name: "CZlib",
            path: "Sources/CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
        ),
        .target(name: "Deflate", dependencies: ["CZlib", nioCore], swiftSettings: strict),
        .target(
            name: "FreeIMCore",
            dependencies: [
                "Deflate", logging, metrics, nioCore, nioHTTP1, nioPosix, nioSSL, nioTLS, nioWebSocket,
                serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMMemory",
            dependencies: ["FreeIMCore", logging, metrics, nioCore, serviceLifecycle],
            path: "Sources/Transports/Memory",
            swiftSettings: strict
        ),
        .systemLibrary(
            name: "CHiredis",
            path: "Sources/Transports/CHiredis",
            pkgConfig: "hiredis",
            providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]
        ),
        .target(
            name: "RedisClient",
            dependencies: ["CHiredis", crypto, logging, metrics, nioCore, nioPosix, nioSSL],
            path: "Sources/Transports/RedisClient",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMRedis",
            dependencies: ["FreeIMCore", "RedisClient", logging, metrics, nioCore, serviceLifecycle],
            path: "Sources/Transports/Redis",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMTokenAuth",
            dependencies: [
                "FreeIMCore", "FreeIMRedis", "RedisClient", logging, metrics, nioCore, serviceLifecycle,
            ],
            path: "Sources/Hooks/TokenAuth",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMRedisPresence",
            dependencies: ["FreeIMCore", "FreeIMRedis", "RedisClient", logging, metrics, nioCore, serviceLifecycle],
            path: "Sources/Hooks/RedisPresence",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMRedisMessenger",
            dependencies: [
                "FreeIMCore", "FreeIMRedis", "FreeIMRedisPresence", "FreeIMTokenAuth", logging, nioCore, nioPosix,
                serviceLifecycle,
            ],
            path: "Sources/FreeIMRedisMessenger",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMJWTAuth",
            dependencies: ["FreeIMCore", jwtKit, metrics, swiftASN1],
            path: "Sources/Hooks/JWTAuth",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMAnonymousAuth",
            dependencies: ["FreeIMCore", logging],
            path: "Sources/Hooks/AnonymousAuth",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMAPI",
            dependencies: [
                "FreeIMCore", coreMetrics, crypto, hummingbird, hummingbirdCore, logging, metrics, nioCore, nioHTTP1,
                serviceLifecycle,
            ],
            path: "Sources/freeimd/API",
            resources: ["index.html", "chat.css", "chat.js", "connection.js", "state.js", "view.js"].map {
                .embedInCode("Demo/\($0)")
            },
            swiftSettings: strict
        ),
        .systemLibrary(name: "CMalloc", path: "Sources/freeimd/CMalloc"),
        .target(
            name: "FreeIMDaemon",
            dependencies: [
                .target(name: "CMalloc", condition: .when(platforms: [.linux])),
                "FreeIMCore", "FreeIMMemory", "FreeIMRedis", "FreeIMRedisPresence", "FreeIMTokenAuth",
                "FreeIMJWTAuth", "FreeIMAnonymousAuth", "FreeIMAPI",
                argumentParser, coreMetrics, logging, nioCore, nioPosix, serviceLifecycle, unixSignals, yams,
            ],
            path: "Sources/freeimd/Daemon",
            resources: [.embedInCode("Resources/plugins.yaml")],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "freeimd",
            dependencies: ["FreeIMDaemon"],
            path: "Sources/freeimd/Main",
            swiftSettings: strict
        ),
        .target(
            name: "FreeIMTestSupport",
            dependencies: ["FreeIMCore", logging, nioConcurrency, nioCore, nioPosix, serviceLifecycle],
            path: "Tests/Support",
            swiftSettings: strict
        ),
        .target(name: "CertificateTestSupport", path: "Tests/CertificateSupport", swiftSettings: strict),
        .testTarget(
            name: "FreeIMCoreTests",
            dependencies: [
                "CertificateTestSupport", "Deflate", "FreeIMCore", "FreeIMMemory", "FreeIMTestSupport", inMemoryLogging,
                logging, metrics, metricsTestKit, nioCore, nioEmbedded, nioHTTP1, nioPosix, serviceLifecycle,
            ],
            resources: [.copy("Vectors")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMMemoryTests",
            dependencies: ["FreeIMCore", "FreeIMMemory", "FreeIMTestSupport", nioCore, nioEmbedded, nioPosix],
            swiftSettings: strict
        ),
        .target(
            name: "RedisTestSupport",
            dependencies: ["CertificateTestSupport", "RedisClient", nioCore, nioPosix],
            path: "Tests/RedisSupport",
            swiftSettings: strict
        ),
        .testTarget(
            name: "RedisClientTests",
            dependencies: ["FreeIMTestSupport", "RedisClient", "RedisTestSupport", nioCore, nioEmbedded, nioPosix],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMRedisTests",
            dependencies: [
                "FreeIMCore", "FreeIMRedis", "FreeIMTestSupport", "RedisClient", "RedisTestSupport", inMemoryLogging,
                logging, metrics, metricsTestKit, nioCore, nioPosix, serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMRedisPresenceTests",
            dependencies: [
                "FreeIMCore", "FreeIMRedis", "FreeIMRedisMessenger", "FreeIMRedisPresence", "FreeIMTestSupport",
                "FreeIMTokenAuth", "RedisClient", "RedisTestSupport", logging, nioCore, nioPosix, serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMTokenAuthTests",
            dependencies: [
                "FreeIMCore", "FreeIMMemory", "FreeIMRedis", "FreeIMTokenAuth", "FreeIMTestSupport", "RedisClient",
                "RedisTestSupport", inMemoryLogging, logging, metrics, metricsTestKit, nioCore, nioEmbedded, nioPosix,
                serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMJWTAuthTests",
            dependencies: ["FreeIMCore", "FreeIMJWTAuth", jwtKit],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMAnonymousAuthTests",
            dependencies: ["FreeIMCore", "FreeIMAnonymousAuth"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMAPITests",
            dependencies: [
                "CertificateTestSupport", "FreeIMAPI", "FreeIMCore", "FreeIMMemory", "FreeIMTestSupport",
                "FreeIMTokenAuth", coreMetrics, inMemoryLogging, logging, nioCore, nioEmbedded, nioHTTP1, nioPosix,
                nioSSL, serviceLifecycle,
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FreeIMDaemonTests",
            dependencies: [
                "CertificateTestSupport", "FreeIMCore", "FreeIMDaemon", "FreeIMTestSupport", inMemoryLogging, logging,
                nioCore, nioPosix,
            ],
            resources: [.copy("Fixtures")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "FreeIMAPI", "FreeIMCore", "FreeIMDaemon", "FreeIMJWTAuth", "FreeIMTokenAuth", "RedisClient",
                hummingbird, nioCore, nioEmbedded, nioHTTP1,
            ],
            path: "Fuzzing/Tests",
            resources: [.copy("Corpora")],
            swiftSettings: strict
        ),
        .target(
            name: "DaemonTestSupport",
            dependencies: ["FreeIMTestSupport", "RedisTestSupport"],
            path: "Tests/DaemonSupport",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "chaos",
            dependencies: [
                .target(name: "CMalloc", condition: .when(platforms: [.linux])), "DaemonTestSupport", "freeimd",
                "FreeIMCore", "FreeIMRedisMessenger", "FreeIMTestSupport",
                "RedisClient", "RedisTestSupport", argumentParser, nioCore, nioHTTP1, nioPosix, nioWebSocket,
            ],
            path: "Tests/Chaos",
            swiftSettings: strict
        ),
        .testTarget(name: "ChaosTests", dependencies: ["chaos"], swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "CertificateTestSupport", "DaemonTestSupport", "freeimd", "FreeIMCore", "FreeIMTestSupport",
                "RedisClient", "RedisTestSupport", jwtKit, nioConcurrency, nioCore, nioPosix, nioSSL, nioWebSocket,
            ],
            resources: [.copy("Clients")],
            swiftSettings: strict
        ),
    ]
)
