// swift-tools-version: 6.2
import PackageDescription

// Built with `-Xswiftc -enable-testing`, by which the benchmarks see what FreeIMCore keeps to itself; see README.md.
let package = Package(
    name: "freeim-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "freeim", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CAllocations"),
        .executableTarget(
            name: "micro",
            dependencies: [
                "CAllocations",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "FreeIMCore", package: "freeim"),
                .product(name: "FreeIMMemory", package: "freeim"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            path: "Sources/Micro"),
    ]
)
