import AMQPClient
import ArgumentParser
import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import Messaging
import ParityProtocol
import Sandbox
import ServiceLifecycle
import Telemetry

/// Offers this machine's containers to the network.
@main
struct RunnerAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runner-agent", abstract: "Runs replicas in containers and signs their results.",
        discussion: SettingsTable.help(descriptions))

    private static let descriptions = RunnerSettings.descriptions + BuilderSettings.descriptions

    static let version = "0.1"

    @Flag(help: "Build images of Dockerfiles instead; the account must have the right to.")
    var builder = false

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await ServiceRunner.command("runner-agent") {
            let reader = try common.reader(for: Self.descriptions)
            var settings = try RunnerSettings(reader)
            let limits = try BuilderSettings(reader).limits
            Telemetry.bootstrap(service: builder ? "builder" : "runner-agent", settings: settings.common.telemetry)
            let folder = try StateFolder(pattern: settings.stateFolder)
            defer { withExtendedLifetime(folder) {} }
            settings.stateFolder = folder.path
            settings.name = folder.numbered(settings.name)
            let client = HTTPClient(eventLoopGroupProvider: .singleton)
            do {
                try await serve(
                    settings, limits, client: client, logger: Logger(label: builder ? "builder" : "runner-agent"))
            } catch {
                try? await client.shutdown()
                throw error
            }
            try await client.shutdown()
        }
    }

    private func serve(
        _ settings: RunnerSettings, _ limits: BuildLimits, client: HTTPClient, logger: Logger
    ) async throws {
        let key = try KeyFile.load(folder: settings.stateFolder)
        let gateway = GatewayLink(
            client: client, base: settings.gatewayURL, apiKey: settings.apiKey, logger: logger)
        let engine = try DockerEngine(endpoint: settings.dockerHost, client: client)
        let images = ImageCache(
            engine: engine, owner: "\(RunnerKey(key.publicKey))", folder: settings.stateFolder, limits: settings.images,
            logger: logger)
        let work: Work
        if builder {
            let building = ImageBuilding(
                engine: engine, images: images, limits: limits, folder: settings.stateFolder + "/builds",
                logger: logger)
            work = .builds(EngineBuilder(building: building, gateway: gateway))
            try await Self.waiting(for: "the Docker Engine", at: settings.dockerHost, logger) {
                try await building.start()
            }
        } else {
            let executor = SandboxExecutor(
                sandbox: Sandbox(engine: engine, settings: settings.sandbox, logger: logger), images: images,
                gateway: gateway,
                folder: settings.stateFolder + "/scratch", runner: RunnerKey(key.publicKey))
            work = .replicas(executor)
            try await Self.waiting(for: "the Docker Engine", at: settings.dockerHost, logger) {
                try await executor.removeLeftovers()
            }
        }
        let registration = try await Self.waiting(for: "the gateway", at: settings.gatewayURL, logger) {
            try await Self.register(settings, isBuilder: builder, key: key, gateway: gateway)
        }
        var broker = try AMQPConfiguration(url: settings.brokerURL ?? registration.brokerURL)
        broker.connectionName = "parity-\(builder ? "builder" : "runner")-\(settings.name)"
        let publisher = AMQPPublisher(configuration: broker, logger: logger)
        let consumer = AMQPConsumer(configuration: broker, logger: logger)
        let agent: any Service =
            switch work {
            case .replicas(let executor):
                RunnerAgent(
                    registration: registration, key: key, slots: settings.slots, publisher: publisher,
                    consumer: consumer, gateway: gateway, executor: executor,
                    evidenceBytes: settings.evidenceBytes, logger: logger)
            case .builds(let builder):
                BuilderAgent(
                    registration: registration, key: key, slots: settings.slots, publisher: publisher,
                    consumer: consumer, gateway: gateway, builder: builder, folder: settings.stateFolder + "/builds",
                    logger: logger)
            }
        let admin = AdminServer(
            settings: settings.common.admin,
            checks: [ReadinessCheck("amqp") { publisher.status == .connected && consumer.status == .connected }],
            logger: logger)
        logger.info("Registered", metadata: ["runner": "\(registration.id)", "name": "\(settings.name)"])
        try await ServiceRunner.run(services: [publisher, consumer, agent, admin], logger: logger)
    }

    /// What this agent does for the network.
    private enum Work {
        case replicas(SandboxExecutor)
        case builds(EngineBuilder)
    }

    private static func register(
        _ settings: RunnerSettings, isBuilder: Bool, key: Curve25519.Signing.PrivateKey, gateway: GatewayLink
    ) async throws -> RunnerRegistration {
        let account = try await gateway.account()
        let message = RegistrationProof.message(key: RunnerKey(key.publicKey), account: account.id)
        return try await gateway.register(
            NewRunner(
                runnerKey: RunnerKey(key.publicKey),
                proof: Data(try key.signature(for: message)).base64EncodedString(), name: settings.name,
                slots: settings.slots, classes: settings.classes, agentVersion: version,
                builder: isBuilder ? true : nil, heartbeatSequence: Int64(Date().timeIntervalSince1970 * 1000)))
    }

    /// Tries until the other side is there. What it refuses for good ends the agent.
    private static func waiting<T: Sendable>(
        for what: String, at place: String, _ logger: Logger, _ body: () async throws -> T
    ) async throws -> T {
        var failures = 0
        while true {
            do {
                return try await body()
            } catch let problem as Problem where !problem.mayPass {
                throw AgentError("\(what) refuses: \(problem.detail)")
            } catch let error as AgentError {
                throw error
            } catch {
                if failures == 0 {
                    logger.warning("Waiting for \(what)", metadata: ["address": "\(place)", "error": "\(error)"])
                }
                failures += 1
                try await Task.sleep(for: .milliseconds(300 * min(failures, 10)))
            }
        }
    }
}
