// swift-tools-version: 6.2
import PackageDescription

// A target imports only what stands above it; see docs/architecture.md. `dev/check-imports` and the build flag
// --explicit-target-dependency-import-check error hold the rule.

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let posix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let locks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let embedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let yaml: Target.Dependency = .product(name: "Yams", package: "Yams")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

// FAREBOX_FUZZ=1 builds the fuzzer as well, with everything of ours instrumented: dev/run-fuzz, in a scratch folder of its own.
let isFuzzing = Context.environment["FAREBOX_FUZZ"] == "1"
let instrumentation: [SwiftSetting] = isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer,address"])] : []

func unit(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings + instrumentation)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: [.copy("Resources")], swiftSettings: settings)
}

let package = Package(
    name: "farebox",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "farebox", targets: ["farebox"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),

        .target(name: "CEpoll"),

        unit("Primitives", ["COpenSSL"]),
        unit("X402", ["Primitives"]),
        unit("EVM", ["Primitives", "CSecp256k1"]),
        unit("Transport", ["Primitives", "CEpoll", "COpenSSL", "CNGHTTP2", nio, posix]),
        unit("Pricing", ["Primitives", "X402"]),
        unit("Ledger", ["Primitives", "X402"]),
        unit("LedgerSQLite", ["Primitives", "X402", "Ledger", grdb, sqlite]),
        unit("Facilitator", ["Primitives", "X402", "EVM", "Ledger", "Transport", nio, logging]),
        unit(
            "Proxy",
            ["Primitives", "X402", "EVM", "Pricing", "Ledger", "Facilitator", "Transport", nio, posix, locks, logging]),
        unit(
            "RouteFile",
            ["Primitives", "X402", "EVM", "Pricing", "Ledger", "Facilitator", "Transport", "Proxy", nio, toml, yaml]),
        .executableTarget(
            name: "farebox",
            dependencies: [
                "Primitives", "X402", "EVM", "Transport", "Pricing", "Ledger", "LedgerSQLite", "Facilitator", "Proxy",
                "RouteFile", nio, posix, logging, arguments, signals,
            ],
            swiftSettings: settings),

        .executableTarget(
            name: "farebox-micro",
            dependencies: ["Primitives", "X402", "EVM", "Pricing", "Facilitator", "Ledger", "LedgerSQLite"],
            path: "bench/micro",
            swiftSettings: settings),

        tests("PrimitivesTests", ["Primitives"]),
        tests("X402Tests", ["Primitives", "X402"]),
        tests("EVMTests", ["Primitives", "EVM"]),
        tests("TransportTests", ["Primitives", "Transport", "CNGHTTP2", nio, posix, embedded]),
        tests("PricingTests", ["Primitives", "X402", "Pricing"]),
        tests("LedgerTests", ["Primitives", "X402", "Ledger", "LedgerSQLite"]),
        tests(
            "FacilitatorTests",
            ["Primitives", "X402", "EVM", "Ledger", "Transport", "Facilitator", nio, posix, logging]),
        tests(
            "ProxyTests",
            [
                "Primitives", "X402", "EVM", "Pricing", "Ledger", "LedgerSQLite", "Facilitator", "Transport", "Proxy",
                nio, posix, embedded, logging,
            ]),
        tests(
            "FareboxTests",
            [
                "Primitives", "X402", "EVM", "Transport", "Pricing", "Ledger", "LedgerSQLite", "Facilitator", "Proxy",
                "RouteFile", "farebox", nio, posix, logging,
            ]),
        tests(
            "RouteFileTests",
            ["Primitives", "X402", "EVM", "Pricing", "Ledger", "Facilitator", "Transport", "Proxy", "RouteFile", nio]),

        unit(
            "FuzzBodies",
            ["Primitives", "X402", "EVM", "Pricing", "Facilitator", "Transport", "RouteFile", nio, embedded],
            path: "Fuzz/Bodies"),
        tests("FuzzTests", ["FuzzBodies"]),
    ],
    swiftLanguageModes: [.v6]
)

// FAREBOX_TESTS=TransportTests,ProxyTests leaves the other test targets out, so that a change is tried sooner.
if let chosen = Context.environment["FAREBOX_TESTS"]?.split(separator: ",") {
    package.targets.removeAll { target in target.isTest && !chosen.contains { $0 == target.name } }
}

if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzBodies"], path: "Fuzz/Runner", swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]))
}
