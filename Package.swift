// swift-tools-version: 6.2
import PackageDescription

/// For targets that read `struct stat` beside NIO. Glibc and NIO's own C module both bring it in, and which of them the
/// compiler takes for its home changes with the order in which it reads files: MemberImportVisibility fails by chance.
let strictButForMembers: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// One strictness for every other Swift target: Swift 6 concurrency, explicit existentials, imports that
/// stay internal, and no warning left standing.
let strict: [SwiftSetting] = strictButForMembers + [.enableUpcomingFeature("MemberImportVisibility")]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioFoundationCompat = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// What every service stands on.
let serviceCore: [Target.Dependency] = [
    "ParityProtocol", "Store", "Messaging", "PostgresClient", "AMQPClient", "Telemetry",
    argumentParser, configuration, lifecycle, logging, metrics,
]

func service(_ name: String, _ extra: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .executableTarget(
        name: name, dependencies: serviceCore + extra, path: "Services/\(name)", resources: resources,
        swiftSettings: strict)
}

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource] = [],
    settings: [SwiftSetting] = strict
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Shared/\(name)", exclude: exclude, resources: resources,
        swiftSettings: settings)
}

/// Data that tests read from the source tree stand in `exclude`.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: strict)
}

let package = Package(
    name: "parity",
    products: [
        .executable(name: "gateway", targets: ["Gateway"]),
        .executable(name: "scheduler", targets: ["Scheduler"]),
        .executable(name: "runner-agent", targets: ["RunnerAgent"]),
        .executable(name: "verifier", targets: ["Verifier"]),
        .executable(name: "payout", targets: ["Payout"]),
        .executable(name: "parity", targets: ["ParityCLI"]),
        .executable(name: "client-benchmarks", targets: ["ClientBenchmarks"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // C libraries.
        .target(name: "CRabbitMQ", path: "Shared/CRabbitMQ", linkerSettings: [.linkedLibrary("rabbitmq")]),
        .systemLibrary(
            name: "CPostgres", path: "Shared/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        // Clients and pure rules.
        module("AMQPClient", ["CRabbitMQ", lifecycle, logging]),
        module("PostgresClient", ["CPostgres", lifecycle, logging]),
        module("ParityProtocol", [crypto], exclude: ["Vectors"], resources: [.embedInCode("Schemas/task.schema.json")]),
        module(
            "Telemetry",
            [
                argumentParser, configuration, coreMetrics, httpTypes, hummingbird, lifecycle, logging, metrics,
                nioCore,
                unixSignals,
            ]),

        // What the services share.
        module("Store", ["PostgresClient", "ParityProtocol"]),
        module("Ledger", ["PostgresClient", "ParityProtocol", "Store"]),
        module(
            "Messaging",
            ["AMQPClient", "PostgresClient", "ParityProtocol", "Store", "Telemetry", lifecycle, logging, metrics]),
        module(
            "Sandbox",
            ["ParityProtocol", asyncHTTPClient, logging, nioCore, nioHTTP1, nioFoundationCompat, nioPosix],
            settings: strictButForMembers),
        module("BlobStore", ["ParityProtocol", nioCore, nioPosix]),

        // Services.
        service(
            "Gateway", ["BlobStore", "Ledger", crypto, hummingbird, httpTypes, nioCore, nioHTTP1],
            resources: [.embedInCode("HTTP/openapi.yaml")]),
        service("Scheduler"),
        service("Verifier", [crypto]),
        service("Payout", ["Ledger"]),
        .executableTarget(
            name: "RunnerAgent",
            dependencies: [
                "ParityProtocol", "Messaging", "AMQPClient", "Sandbox", "Telemetry", argumentParser, asyncHTTPClient,
                configuration, crypto, lifecycle, logging, metrics, nioCore, nioHTTP1, nioFoundationCompat,
            ], path: "Services/RunnerAgent", swiftSettings: strict),
        .executableTarget(
            name: "ParityCLI",
            dependencies: [
                "ParityProtocol", "Sandbox", "Telemetry", argumentParser, asyncHTTPClient, lifecycle, logging, nioCore,
                nioHTTP1, nioFoundationCompat, unixSignals, yams,
            ], path: "Services/ParityCLI", swiftSettings: strictButForMembers),

        // Tests, by cost: pure, against servers, the whole network.
        .target(
            name: "TestSupport", dependencies: ["AMQPClient", "ParityProtocol", "PostgresClient", logging],
            path: "Tests/Support", swiftSettings: strict),
        tests("ParityProtocolTests", ["ParityProtocol", "TestSupport", crypto], exclude: ["Python", "Specs"]),
        tests("AMQPClientTests", ["AMQPClient", "TestSupport", logging]),
        tests("PostgresClientTests", ["PostgresClient", "TestSupport", logging]),
        tests("StoreTests", ["Store", "Ledger", "ParityProtocol", "PostgresClient", "TestSupport", logging]),
        tests(
            "MessagingTests",
            ["Messaging", "AMQPClient", "ParityProtocol", "PostgresClient", "Store", "TestSupport", lifecycle, logging]),
        tests("BlobStoreTests", ["BlobStore", "ParityProtocol", "TestSupport", nioCore]),
        tests("SandboxTests", ["Sandbox", "ParityProtocol", "TestSupport", asyncHTTPClient, logging, nioCore]),
        // Hostile containers against a real engine, and an agent that may be killed.
        .testTarget(
            name: "HostileTests",
            dependencies: [
                "Sandbox", "SandboxAgent", "ParityProtocol", "TestSupport", asyncHTTPClient, logging, nioCore,
            ],
            path: "Tests/Hostile/HostileTests", resources: [.copy("Probe")], swiftSettings: strict),
        .executableTarget(
            name: "SandboxAgent", dependencies: ["Sandbox", "ParityProtocol", asyncHTTPClient, logging],
            path: "Tests/Hostile/SandboxAgent", swiftSettings: strict),
        tests(
            "TelemetryTests",
            ["Telemetry", argumentParser, asyncHTTPClient, coreMetrics, lifecycle, logging, metrics, nioCore, nioHTTP1]),
        tests(
            "ServiceTests",
            [
                "Gateway", "Scheduler", "Verifier", "Payout", "RunnerAgent", "ParityCLI", "Ledger", "TestSupport",
                asyncHTTPClient, crypto, httpTypes, hummingbird, nioCore, nioHTTP1, yams,
            ] + serviceCore),
        tests(
            "IntegrationTests",
            [
                "Gateway", "Scheduler", "Verifier", "Payout", "RunnerAgent", "BlobStore", "Sandbox", "TestSupport",
                asyncHTTPClient, crypto, hummingbird, nioCore, nioFoundationCompat, nioHTTP1,
            ] + serviceCore, exclude: ["Contract/Python", "Contract/schemathesis.toml"]),

        tests(
            "DeterminismTests",
            ["ParityCLI", "ParityProtocol", "Sandbox", "TestSupport", asyncHTTPClient, logging]),

        // Not tests: rates beside C programs and pgbench. `deploy/test --bench` builds and runs them.
        .target(
            name: "CLoops", dependencies: ["CPostgres"], path: "Tests/Benchmarks/CLoops",
            linkerSettings: [.linkedLibrary("rabbitmq")]),
        .executableTarget(
            name: "ClientBenchmarks",
            dependencies: ["CLoops", "AMQPClient", "PostgresClient", "TestSupport", lifecycle, logging],
            path: "Tests/Benchmarks/ClientBenchmarks", swiftSettings: strict),
    ]
)
