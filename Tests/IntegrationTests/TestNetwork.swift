import AMQPClient
import AsyncHTTPClient
import BlobStore
import Crypto
import Foundation
import Hummingbird
import Logging
import Messaging
import NIOCore
import ParityProtocol
import Payout
import PostgresClient
import RunnerAgent
import Sandbox
import Scheduler
import ServiceLifecycle
import Store
import Telemetry
import TestSupport
import Verifier

@testable import Gateway

/// The whole network in this process: real Postgres, real RabbitMQ, the real gateway over HTTP, and agents whose
/// containers are replaced by a script.
struct TestNetwork: Sendable {
    /// Its database's address.
    let database: String
    let pool: PostgresPool
    let brokerURL: String
    let api: TestAPI
    let settings: GatewaySettings
    let logger: Logger

    /// `overrides` are settings of the gateway, and the lease also of the scheduler. It is short unless they say otherwise,
    /// so that a lost runner is noticed within a test.
    static func run(
        overrides: [String: String] = [:], _ body: @escaping @Sendable (TestNetwork) async throws -> Void
    ) async throws {
        try await PostgresTestDatabase.withDatabase { database in
            try await RabbitMQTestBroker.withVirtualHost { broker in
                try await start(database: database, brokerURL: broker.url, overrides: overrides, body)
            }
        }
    }

    /// As ``run(_:)``, on servers of the test's own that it may disturb.
    static func runOnPrivateServers(
        overrides: [String: String] = [:],
        _ body:
            @escaping @Sendable (TestNetwork, _ postgres: PrivateServer, _ rabbitMQ: PrivateServer) async throws -> Void
    ) async throws {
        try await PrivateServer.withPostgres { postgres in
            try await PrivateServer.withRabbitMQ { rabbitMQ in
                try await start(
                    database: try postgres.address("url"), brokerURL: try rabbitMQ.address("url"), overrides: overrides
                ) { try await body($0, postgres, rabbitMQ) }
            }
        }
    }

    private static func start(
        database: String, brokerURL: String, overrides: [String: String] = [:],
        _ body: @escaping @Sendable (TestNetwork) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let reader = try SettingsReader(
            overrides: [
                "PARITY_POSTGRES_URL": database, "PARITY_AMQP_URL": brokerURL, "PARITY_BLOB_DIR": folder,
                "PARITY_ADMIN_KEY": TestAPI.adminKey, "PARITY_DISTINCT_BY": "runner", "PARITY_LISTEN_PORT": "0",
                "PARITY_LEASE": "15s", "PARITY_LANES": "8",
            ].merging(overrides) { $1 }, environment: [:])
        let settings = try GatewaySettings(reader)
        let core = try await NetworkService.connect("test", settings.service, logger: logger)
        let scheduler = Scheduler(
            pool: core.pool, relay: core.relay, publisher: core.publisher,
            policy: SchedulerPolicy(lease: settings.lease, claimWithin: .seconds(10)), logger: logger)
        let verifier = Verifier(pool: core.pool, relay: core.relay, policy: VerifierPolicy(), logger: logger)
        let payout = Payout(pool: core.pool, relay: core.relay, logger: logger)
        let gateway = Gateway(
            pool: core.pool, relay: core.relay, blobs: try DiskBlobStore(root: folder), broker: core.broker,
            settings: settings, logger: logger)
        let setup = GatewaySetup(gateway: gateway)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: gateway.router(checks: core.checks + [setup.check]),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.yield(channel.localAddress?.port ?? 0) }, logger: logger)
        let loops =
            scheduler.loops(on: core.consumer) + verifier.loops(on: core.consumer) + payout.loops(on: core.consumer)
            + gateway.loops(on: core.consumer)
        let tick = SchedulerTick(scheduler: scheduler, interval: .milliseconds(300), logger: logger)
        let group = ServiceGroup(
            services: core.services(consuming: loops, [setup, tick, gateway.watch, application]),
            gracefulShutdownSignals: [],
            logger: logger)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let api = TestAPI(base: "http://127.0.0.1:\(await iterator.next() ?? 0)")
            guard try await TestEnvironment.eventually({ try await api.isReady() }) else {
                throw TestEnvironment.Missing(description: "the network did not become ready")
            }
            try await body(
                TestNetwork(
                    database: database, pool: core.pool, brokerURL: brokerURL, api: api, settings: settings,
                    logger: logger))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try await api.log.judge()
        }
    }

    /// Runs an agent until the task is cancelled, which is as sudden for the network as a crash.
    func runAgent(
        _ name: String, operator account: TestAPI.Account, executor: any Executor, evidenceBytes: Int64 = 16 << 20
    ) async throws {
        try await runAgent(name, account, isBuilder: false) { registration, key, link, publisher, consumer in
            RunnerAgent(
                registration: registration, key: key, slots: 2, publisher: publisher, consumer: consumer,
                gateway: link, executor: executor, evidenceBytes: evidenceBytes, logger: logger)
        }
    }

    /// As ``runAgent(_:operator:executor:)``, for a builder. `folder` must be there.
    func runBuilder(
        _ name: String, operator account: TestAPI.Account, folder: String,
        builder: @escaping @Sendable (GatewayLink) async throws -> any ImageBuilder
    ) async throws {
        try await runAgent(name, account, isBuilder: true) { registration, key, link, publisher, consumer in
            BuilderAgent(
                registration: registration, key: key, slots: 1, publisher: publisher, consumer: consumer,
                gateway: link, builder: try await builder(link), folder: folder, logger: logger)
        }
    }

    private func runAgent(
        _ name: String, _ account: TestAPI.Account, isBuilder: Bool,
        make: (
            RunnerRegistration, Curve25519.Signing.PrivateKey, GatewayLink, AMQPPublisher, AMQPConsumer
        ) async throws -> any Service
    ) async throws {
        let key = Curve25519.Signing.PrivateKey()
        let link = GatewayLink(client: .shared, base: api.base, apiKey: account.key, logger: logger)
        let proof = try key.signature(
            for: RegistrationProof.message(key: RunnerKey(key.publicKey), account: account.id))
        let registration = try await link.register(
            NewRunner(
                runnerKey: RunnerKey(key.publicKey), proof: Data(proof).base64EncodedString(), name: name, slots: 2,
                classes: ["linux-amd64.small"], agentVersion: "test", builder: isBuilder ? true : nil))
        let configuration = try AMQPConfiguration(url: brokerURL)
        let publisher = AMQPPublisher(configuration: configuration, logger: logger)
        let consumer = AMQPConsumer(configuration: configuration, logger: logger)
        let agent = try await make(registration, key, link, publisher, consumer)
        try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            group.addTask { try await consumer.run() }
            group.addTask { try await agent.run() }
            try await group.waitForAll()
        }
    }
}

/// Stands where containers would run. What it prints follows from the task's command and the runner's character.
struct ScriptedExecutor: Executor {
    let name: String
    var lies = false
    /// States another exit code beside the right digest.
    var misstatesExitCode = false
    /// Can prepare no environment.
    var rejects = false
    /// Brings its output to the gateway, as a good runner does.
    var uploads = true

    struct Run: PreparedExecution {
        let image = Digest.sha256(of: Array("image".utf8))
        let text: String
        let delay: Duration
        let exitCode: Int64
        /// Where an output is written that is really there; nil for one of which there is only a digest.
        var folder: String?

        func run() async throws -> SandboxResult {
            try await Task.sleep(for: delay)
            var result = SandboxResult(outcome: .completed, detail: "")
            result.exitCode = exitCode
            result.outputDigest = Digest.sha256(of: Array(text.utf8))
            if let folder { try write(&result, to: folder) }
            return result
        }

        /// `ready` and the text on stdout, the text in a file.
        private func write(_ result: inout SandboxResult, to folder: String) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var contents: [OutputManifest.Content] = []
            for (index, text) in ["ready\n\(text)\n", text].enumerated() {
                let content = OutputManifest.Content(
                    digest: Digest.sha256(of: Array(text.utf8)), size: Int64(text.utf8.count))
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(index)"))
                result.contents[content.digest] = "\(folder)/\(index)"
                contents.append(content)
            }
            let file = OutputManifest.Entry(path: .init("a.txt"), kind: .file(contents[1], isExecutable: false))
            let manifest = OutputManifest(exitCode: 0, stdout: contents[0], files: [file])
            result.manifest = manifest
            result.outputDigest = manifest.digest
        }

        func discard() async { if let folder { try? FileManager.default.removeItem(atPath: folder) } }
    }

    func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution {
        let kind = spec.command.first ?? "agree"
        if kind == "reject" || rejects { throw EnvironmentRejected("there is no such image") }
        var text = "\(id.task)"
        if kind == "differ" || lies { text += name }
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        return Run(
            text: text, delay: kind == "slow" ? .seconds(2) : .milliseconds(20), exitCode: misstatesExitCode ? 1 : 0,
            folder: kind == "write" || uploads ? folder : nil)
    }
}
