import AMQPClient
import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import Messaging
import ParityProtocol
import Sandbox
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import RunnerAgent

/// An agent with a broker, and the test in the place of the scheduler: it offers, hears claims, and answers.
struct AgentStage: Sendable {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let taskClass = "linux-amd64.small"
    /// One to consume and one to publish, on either side.
    private static let connections = 4
    private static let lane = Topology.laneQueue(taskClass: taskClass, lane: 0)

    let runner: RunnerID
    let executor: HeldExecutor
    let virtualHost: RabbitMQTestBroker
    let spec: TaskSpec
    private let agent: ServiceGroup
    private let broker: AMQPConfiguration
    private let publisher: AMQPPublisher
    private let heard: Heard

    /// Runs an agent with so many slots. Its gateway knows one spec, and answers of blobs what `blobs` says;
    /// unless told otherwise, it has them all.
    static func set(
        slots: Int,
        blobs: @escaping @Sendable (RecordedRequest) -> ScriptedAnswer = { _ in ScriptedAnswer(chunks: []) },
        _ body: @escaping @Sendable (AgentStage) async throws -> Void
    ) async throws {
        let reward = try #require(Amount(units: 9))
        let spec = TaskSpec(environment: .imageID(Digest.sha256(of: [])), command: ["true"], reward: reward)
        try await RabbitMQTestBroker.withVirtualHost { virtualHost in
            let answer: @Sendable (RecordedRequest, Int) -> ScriptedAnswer = { request, _ in
                request.path.hasPrefix("/v1/specs/") ? .bytes(spec.json.canonicalBytes()) : blobs(request)
            }
            try await FakeGateway.run(answer) { _, base in
                let stage = try await make(slots: slots, spec: spec, virtualHost, gateway: base)
                try await stage.play(body)
            }
        }
    }

    private static func make(
        slots: Int, spec: TaskSpec, _ virtualHost: RabbitMQTestBroker, gateway: String
    ) async throws -> AgentStage {
        let broker = try virtualHost.configuration()
        let runner = RunnerID(UUID.v7())
        try await Topology.declare(on: broker, classes: [taskClass], lanes: 1)
        try await Topology.declareControlQueue(of: runner.description, on: broker)
        let registration = RunnerRegistration(
            id: runner, lanes: [.init(taskClass: taskClass, lane: 0, queue: lane)],
            controlQueue: Topology.controlQueue(of: runner.description), heartbeatMilliseconds: 100,
            heartbeatSequence: 0, brokerURL: virtualHost.url)
        let publisher = AMQPPublisher(configuration: broker, logger: quiet)
        let consumer = AMQPConsumer(configuration: broker, logger: quiet)
        let executor = HeldExecutor()
        let agent = RunnerAgent(
            registration: registration, key: .init(), slots: slots, publisher: publisher, consumer: consumer,
            gateway: GatewayLink(client: .shared, base: gateway, apiKey: "key", logger: quiet), executor: executor,
            logger: quiet)
        let group = ServiceGroup(
            services: [publisher, consumer, agent], gracefulShutdownSignals: [], logger: quiet)
        return AgentStage(
            runner: runner, executor: executor, virtualHost: virtualHost, spec: spec, agent: group, broker: broker,
            publisher: AMQPPublisher(configuration: broker, logger: quiet), heard: Heard())
    }

    private func play(_ body: @escaping @Sendable (AgentStage) async throws -> Void) async throws {
        let consumer = AMQPConsumer(configuration: broker, logger: Self.quiet)
        let queues: [Topology.ServiceQueue] = [.schedulerClaims, .schedulerHeartbeats, .verifierResults]
        let inbound = queues.map { consumer.subscribe(queue: $0.rawValue, prefetch: 100) }
        try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            group.addTask { try await consumer.run() }
            for deliveries in inbound {
                group.addTask {
                    for await delivery in deliveries {
                        try await heard.take(delivery)
                        delivery.ack()
                    }
                }
            }
            let running = Task { try await agent.run() }
            let result: Result<Void, any Error>
            do { result = .success(try await body(self)) } catch { result = .failure(error) }
            executor.releaseAll()
            await stopAgent()
            try await running.value
            group.cancelAll()
            try result.get()
        }
    }

    /// Asks the agent to stop, as a signal does.
    func stopAgent() async { await agent.triggerGracefulShutdown() }

    /// Breaks the connections of the agent, and of the scheduler, and waits until they are there again.
    func breakConnections() async throws {
        var old: Set<String> = []
        try await expectEventually("all are connected") {
            old = try await virtualHost.connectionNames()
            return old.count >= Self.connections
        }
        try await virtualHost.closeConnections()
        try await expectEventually("all are connected again") {
            // The old ones may still be listed for a while.
            try await virtualHost.connectionNames().subtracting(old).count >= Self.connections
        }
    }

    // MARK: - The scheduler's part

    func attempt() -> AttemptID { AttemptID(task: TaskID(UUID.v7()), replica: 0, attempt: 1) }

    func offer(_ id: AttemptID) async throws {
        try await send(Offer(id: id, specDigest: spec.digest), to: Self.lane)
    }

    func grant(_ id: AttemptID) async throws {
        try await answer(Grant(id: id, token: "token", leaseMilliseconds: 600_000))
    }

    func refuse(_ id: AttemptID) async throws { try await answer(Refusal(id: id, reason: .stale)) }

    func cancel(_ id: AttemptID) async throws { try await answer(Cancel(id: id)) }

    private func answer(_ body: some MessageBody) async throws {
        try await send(body, to: Topology.controlQueue(of: runner.description))
    }

    private func send(_ body: some MessageBody, to queue: String) async throws {
        let message = try Envelope.message(body, exchange: Topology.work, routingKey: queue)
        // A test may have just broken this connection as well.
        let isSent = try await TestEnvironment.eventually { (try? await publisher.publish(message)) != nil }
        #expect(isSent)
    }

    func expectClaim(_ id: AttemptID, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await expectEventually("it is claimed", sourceLocation: sourceLocation) { await heard.claims.contains(id) }
    }

    /// The agent has noted its grant and says in its heartbeats that it holds the attempt.
    func expectHeld(_ id: AttemptID, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await expectEventually("it is held", sourceLocation: sourceLocation) { await heard.held.contains(id) }
    }

    func expectEventually(
        _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
    ) async throws {
        let isMet = try await TestEnvironment.eventually(condition)
        #expect(isMet, what, sourceLocation: sourceLocation)
    }

    var hasLeft: Bool { get async { await heard.hasLeft } }
    var results: Set<AttemptID> { get async { await heard.results } }

    /// How many offers the lane holds that no runner has.
    func waitingOffers() async throws -> Int {
        try await AMQPAdmin.withConnection(broker) { try $0.checkQueue(Self.lane).messages }
    }
}

/// What the agent said.
private actor Heard {
    var claims: Set<AttemptID> = []
    var held: Set<AttemptID> = []
    var results: Set<AttemptID> = []
    var hasLeft = false

    func take(_ delivery: AMQPDelivery) throws {
        if let claim = try Envelope.decode(Claim.self, from: delivery) {
            claims.insert(claim.id)
        } else if let heartbeat = try Envelope.decode(Heartbeat.self, from: delivery) {
            held.formUnion(heartbeat.held.map(\.id))
            hasLeft = hasLeft || heartbeat.leaving
        } else if let result = try Envelope.decode(ResultMessage.self, from: delivery) {
            results.insert(result.id)
        }
    }
}

/// An executor whose preparations hang, whoever cancels them, for as long as a test holds them.
final class HeldExecutor: Executor {
    private struct State {
        var prepared: [AttemptID: Int] = [:]
        var held: Set<AttemptID> = []
        var discarded: Set<AttemptID> = []
    }

    private let state = Mutex(State())

    func hold(_ id: AttemptID) { state.withLock { _ = $0.held.insert(id) } }
    func release(_ id: AttemptID) { state.withLock { _ = $0.held.remove(id) } }
    func releaseAll() { state.withLock { $0.held = [] } }

    /// How often a preparation was begun.
    func preparations(of id: AttemptID) -> Int { state.withLock { $0.prepared[id] ?? 0 } }
    func isDiscarded(_ id: AttemptID) -> Bool { state.withLock { $0.discarded.contains(id) } }
    private func isHeld(_ id: AttemptID) -> Bool { state.withLock { $0.held.contains(id) } }

    func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution {
        state.withLock { $0.prepared[id, default: 0] += 1 }
        await Task.detached {
            while self.isHeld(id) { try? await Task.sleep(for: .milliseconds(10)) }
        }.value
        return Run(id: id, executor: self)
    }

    private struct Run: PreparedExecution {
        let image = Digest.sha256(of: Array("image".utf8))
        let id: AttemptID
        let executor: HeldExecutor

        /// Leaves nothing but the exit code and an empty stdout.
        func run() async throws -> SandboxResult {
            let manifest = OutputManifest(
                exitCode: 0, stdout: .init(digest: Digest.sha256(of: []), size: 0), files: [])
            var result = SandboxResult(outcome: .completed, detail: "")
            result.exitCode = 0
            result.manifest = manifest
            result.outputDigest = manifest.digest
            return result
        }

        func discard() async { executor.state.withLock { _ = $0.discarded.insert(id) } }
    }
}
