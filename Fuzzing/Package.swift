// swift-tools-version: 6.2
import PackageDescription

// Built by `run`, whose flags instrument all that is linked; in the package above the same targets read the corpora as tests.
let package = Package(
    name: "freeim-fuzzing",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "freeim", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        .systemLibrary(name: "CLibFuzzer", path: "CLibFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CLibFuzzer",
                .product(name: "FreeIMAPI", package: "freeim"),
                .product(name: "FreeIMCore", package: "freeim"),
                .product(name: "FreeIMDaemon", package: "freeim"),
                .product(name: "FreeIMJWTAuth", package: "freeim"),
                .product(name: "FreeIMTokenAuth", package: "freeim"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "RedisClient", package: "freeim"),
            ],
            path: ".",
            exclude: ["CLibFuzzer", "Dictionaries", "Tests/Corpora", "Tests/CorpusTests.swift", "run"],
            sources: ["Main", "Tests/Targets"]),
    ]
)
