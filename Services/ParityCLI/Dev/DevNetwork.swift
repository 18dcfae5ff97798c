import FoundationEssentials
import ParityProtocol

/// The whole network on one machine.
struct DevNetwork: Sendable {
    let folder: DevFolder
    let runners: Int
    let logLevel: String
    let environment: [String: String]
    let log: MergedLog
    let processes: DevProcesses
    /// Set when a person asks us to stop.
    let stopRequest = OneShot<Void>()

    init(folder: DevFolder, runners: Int, logLevel: String, environment: [String: String], log: MergedLog) {
        self.folder = folder
        self.runners = runners
        self.logLevel = logLevel
        self.environment = environment
        self.log = log
        processes = DevProcesses(
            spawner: ProcessSpawner(log: log), log: log, recordPath: folder.processes)
    }

    /// Runs until asked to stop; then stops everything in order and returns. Throws what made it impossible.
    func run() async throws {
        let ended = await Leftovers.read(folder.processes).end()
        if !ended.isEmpty { log.say("Ended what an earlier run had left: \(ended.joined(separator: ", "))", .yellow) }
        let result: Result<Void, any Error>
        do {
            try await untilStopped { try await bringUp() }
            result = .success(())
        } catch {
            result = .failure(error)
            log.say("Stopping, because \(CommandRun.describe(error).lines.first ?? "of an error")", .red)
        }
        await stop()
        try result.get()
    }

    /// Runs `body` until it throws, or a person wants to stop.
    private func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await stopRequest.wait() }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Starts everything in order of dependence, then keeps it running.
    private func bringUp() async throws {
        var state = try DevState.read(folder.state)
        let names = ["postgres"] + RabbitMQNode.portNames + DevServices.portNames(runners: runners)
        let ports = try FreePorts.take(
            names, remembered: state.ports, preferred: [DevServices.gateway: 8080])
        state.ports.merge(ports) { _, new in new }
        try state.write(folder.state)
        let postgres = try PostgresCluster(
            folder: folder, port: ports["postgres", default: 0], password: state.postgresPassword)
        let broker = try RabbitMQNode(folder: folder, state: state, ports: ports)
        let services = DevServices(
            folder: folder, state: state, ports: ports, postgresURL: postgres.url, amqpURL: broker.url,
            logLevel: logLevel, environment: environment)
        let core = try DevServices.core.map { try services.service($0) } + [try services.service(DevServices.gateway)]
        _ = try Executables.sibling("runner-agent")
        try await startServers(postgres, broker)
        try await keeping([postgres.process, broker.mapper, broker.process] + core) {
            for spec in core { try await ready(spec.name, ports) }
            let services = try await withAccounts(services)
            // Without runners there may be no engine to build on either.
            let agents =
                try (0..<runners).map { try services.runner($0 + 1) } + (runners > 0 ? [try services.builder()] : [])
            try await keeping(agents) {
                for agent in agents { try await ready(agent.name, ports) }
                try announce(services)
                try await stopRequest.wait()
            }
        }
    }

    private func startServers(_ postgres: PostgresCluster, _ broker: RabbitMQNode) async throws {
        log.say(
            "Starting PostgreSQL \(postgres.tools.majorVersion) on port \(postgres.port), RabbitMQ on port \(broker.port)"
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await postgres.initialize(processes)
                try await processes.start(postgres.process)
                try await postgres.awaitReady(processes)
            }
            group.addTask {
                try broker.prepare()
                try await processes.start(broker.mapper)
                try await processes.start(broker.process)
                try await broker.awaitReady()
            }
            try await group.waitForAll()
        }
        log.say("Starting \((DevServices.core + [DevServices.gateway]).joined(separator: ", "))")
    }

    /// Keeps `specs` running while `body` runs; throws when one does not stay up.
    private func keeping(_ specs: [ProcessSpec], _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for spec in specs { group.addTask { try await processes.keepRunning(spec) } }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func ready(_ name: String, _ ports: [String: Int]) async throws {
        try await Readiness.service(name, port: ports["\(name)-health", default: 0])
    }

    /// `services` with the keys of their accounts, which are made when there are none.
    private func withAccounts(_ services: DevServices) async throws -> DevServices {
        var state = services.state
        let (url, adminKey) = (services.gatewayURL, state.adminKey)
        func isKnown(_ key: String?) async throws -> Bool {
            guard let key else { return false }
            return try await DevAccount.isKnown(key, gatewayURL: url)
        }
        if try await !isKnown(state.apiKey) {
            state.apiKey = try await DevAccount.make(gatewayURL: url, adminKey: adminKey)
            try state.write(folder.state)
            log.say("Made the account dev with \(DevAccount.balance) tokens")
        }
        if try await !isKnown(state.builderKey) {
            state.builderKey = try await DevAccount.makeBuilder(gatewayURL: url, adminKey: adminKey)
            try state.write(folder.state)
        }
        return DevServices(
            folder: folder, state: state, ports: services.ports, postgresURL: services.postgresURL,
            amqpURL: services.amqpURL, logLevel: logLevel, environment: environment)
    }

    private func announce(_ services: DevServices) throws {
        let configuration = ClientConfiguration(
            gatewayURL: services.gatewayURL, apiKey: services.state.apiKey ?? "", adminKey: services.state.adminKey)
        try configuration.write(folder.client)
        log.say("The network is up: \(services.gatewayURL), \(runners) runner\(runners == 1 ? "" : "s")", .bold)
        let path = ClientConfiguration.path(environment)
        if try DevClient.mayReplace(path) {
            try configuration.write(path)
            log.say(
                "In another terminal `parity submit` works now. Ctrl-C stops the network; \(folder.path) keeps its state"
            )
        } else {
            log.say(
                "\(path) belongs to another gateway and stays. In another terminal: export PARITY_CONFIG=\(folder.client)"
            )
        }
    }

    /// Users of a thing first, then the thing.
    private func stop() async {
        log.say("Stopping the network")
        await processes.stop((0..<runners).map { DevServices.runnerName($0 + 1) } + [DevServices.builder])
        await processes.stop([DevServices.gateway])
        await processes.stop(DevServices.core)
        await processes.stop([RabbitMQNode.name])
        await processes.stop([RabbitMQNode.mapperName, PostgresCluster.name])
        await processes.finish()
        log.say("Stopped; the state is kept in \(folder.path)")
    }
}

/// The client configuration that `parity dev` leaves for a second terminal.
enum DevClient {
    /// Not when it holds the key of a gateway elsewhere: that key may exist nowhere else.
    static func mayReplace(_ path: String) throws -> Bool {
        guard let present = try? ClientConfiguration.read(path) else {
            return !FileManager.default.fileExists(atPath: path)
        }
        return ["http://127.0.0.1:", "http://localhost:"].contains { present.gatewayURL.hasPrefix($0) }
    }
}
