// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "embed-core",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "freeim", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "EmbedCore",
            dependencies: [
                .product(name: "FreeIMCore", package: "freeim"),
                .product(name: "FreeIMMemory", package: "freeim"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ])
    ]
)
