package import AMQPClient
import Foundation
package import Logging
import Messaging
import Metrics
package import ParityProtocol
import Sandbox
import ServiceLifecycle
import Telemetry

package import enum Crypto.Curve25519

/// A builder's core: takes builds off its platforms' queues, claims them, builds what it is granted, and publishes
/// signed results.
///
/// It does not watch its own lease as a runner does: what two builders make of one recipe is taken from one of them
/// alone, so a builder that was thought lost does no harm.
package actor BuilderAgent: Service {
    private let registration: RunnerRegistration
    private let key: Curve25519.Signing.PrivateKey
    private let slots: Int
    private let publisher: AMQPPublisher
    private let consumer: AMQPConsumer
    private let gateway: GatewayLink
    private let builder: any ImageBuilder
    private let folder: String
    private let logger: Logger

    private let claims = PendingClaims<BuildAttemptID, BuildGrant, BuildRefusal.Reason>()
    /// Builds whose result nobody wants any more, until they have ended.
    private var stopped: Set<BuildAttemptID> = []
    private var running: [BuildAttemptID: Task<BuildStatement.Image, any Error>] = [:]

    /// How often who watches gets what is new.
    private static let newsInterval: Duration = .milliseconds(500)

    /// `folder` is the builder's own and holds logs.
    package init(
        registration: RunnerRegistration, key: Curve25519.Signing.PrivateKey, slots: Int, publisher: AMQPPublisher,
        consumer: AMQPConsumer, gateway: GatewayLink, builder: any ImageBuilder, folder: String, logger: Logger
    ) {
        self.registration = registration
        self.key = key
        self.slots = slots
        self.publisher = publisher
        self.consumer = consumer
        self.gateway = gateway
        self.builder = builder
        self.folder = folder
        var logger = logger
        logger[metadataKey: "builder"] = "\(registration.id)"
        self.logger = logger
    }

    /// Works until shutdown; then gives back what it holds.
    package func run() async throws {
        let control = consumer.subscribe(queue: registration.controlQueue, prefetch: 100)
        let gate = SlotGate(slots)
        let queues = registration.lanes.map { consumer.subscribe(queue: $0.queue, prefetch: UInt16(clamping: slots)) }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { for await delivery in control { await self.hear(delivery) } }
                group.addTask { await self.beat() }
                for queue in queues {
                    group.addTask {
                        await withDiscardingTaskGroup { work in
                            for await delivery in queue {
                                await gate.enter()
                                work.addTask {
                                    await self.take(delivery)
                                    await gate.leave()
                                }
                            }
                        }
                    }
                }
            }
        }
        for task in running.values { task.cancel() }
        await sendHeartbeat(leaving: true)
        logger.info("Left the network")
    }

    private func beat() async {
        while !Task.isCancelled {
            await sendHeartbeat(leaving: false)
            try? await Task.sleep(for: .milliseconds(registration.heartbeatMilliseconds))
        }
    }

    private func sendHeartbeat(leaving: Bool) async {
        let sequence = Int64(Date().timeIntervalSince1970 * 1000)
        await send(
            Heartbeat(runner: registration.id, sequence: sequence, slots: slots, held: [], leaving: leaving),
            routingKey: "heartbeat.\(registration.id)", once: true)
    }

    // MARK: - What the scheduler says

    private func hear(_ delivery: AMQPDelivery) {
        defer { delivery.ack() }
        do {
            if let grant = try Envelope.decode(BuildGrant.self, from: delivery) {
                claims.hear(.granted(grant), to: grant.id)
            } else if let refusal = try Envelope.decode(BuildRefusal.self, from: delivery) {
                hear(refusal)
            }
        } catch {
            logger.warning("A message could not be read", metadata: ["error": "\(error)"])
        }
    }

    private func hear(_ refusal: BuildRefusal) {
        if claims.hear(.refused(refusal.reason), to: refusal.id) { return }
        // That it is taken is said to a claim that was sent again, by one who has it.
        guard refusal.reason != .taken, let task = running[refusal.id] else { return }
        stopped.insert(refusal.id)
        task.cancel()
        logger.info("Stopped a build", metadata: ["build": "\(refusal.id)", "reason": "\(refusal.reason.rawValue)"])
    }

    // MARK: - Builds

    private func take(_ delivery: AMQPDelivery) async {
        // Acknowledged when the slot is free again, as a runner's offers are; what is broken off goes back to the queue.
        defer { if !Task.isCancelled { delivery.ack() } }
        let offer: BuildOffer
        do {
            guard let decoded = try Envelope.decode(BuildOffer.self, from: delivery) else { return }
            offer = decoded
        } catch {
            logger.warning("An offer could not be read", metadata: ["error": "\(error)"])
            return
        }
        let trace = delivery.properties.headers[TraceContext.headerName]?.string
        await TraceContext.$current.withValue(.continuing(trace)) { await work(on: offer) }
    }

    private func work(on offer: BuildOffer) async {
        let plan: Result<any PlannedBuild, any Error>
        do {
            plan = .success(try await builder.plan(offer.recipe))
        } catch is CancellationError {
            return
        } catch {
            plan = .failure(error)
        }
        if let grant = await claim(offer.id, bases: try? plan.get().bases) {
            await build(offer, grant, plan)
        }
        if case .success(let plan) = plan { await plan.discard() }
    }

    private func build(_ offer: BuildOffer, _ grant: BuildGrant, _ plan: Result<any PlannedBuild, any Error>) async {
        let path = "\(folder)/\(UUID().uuidString.lowercased()).log"
        defer {
            try? FileManager.default.removeItem(atPath: path)
            stopped.remove(offer.id)
        }
        do {
            let log = try BuildLog(path: path)
            logger.info("Building", metadata: ["build": "\(offer.id)", "context": "\(offer.recipe.context)"])
            let result = await Self.result { try await image(offer, grant, try plan.get(), log) }
            // Stopped by the scheduler, which knows why; or by the end of this agent, which hands it back.
            guard !stopped.contains(offer.id), !Task.isCancelled else { return }
            try await report(result, offer, grant, bases: (try? plan.get().bases) ?? [], log)
        } catch {
            // Without a result its lease ends, and another takes it.
            logger.error("A build could not be reported", metadata: ["build": "\(offer.id)", "error": "\(error)"])
        }
    }

    private static func result<T>(_ body: () async throws -> T) async -> Result<T, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    /// Builds, and meanwhile tells the log and keeps the lease.
    private func image(
        _ offer: BuildOffer, _ grant: BuildGrant, _ plan: any PlannedBuild, _ log: BuildLog
    ) async throws -> BuildStatement.Image {
        let task = Task { try await plan.build(offer.id) { try log.append($0) } }
        running[offer.id] = task
        defer { running[offer.id] = nil }
        let news = Task { await self.tell(offer.id, grant, log) }
        defer { news.cancel() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private func tell(_ id: BuildAttemptID, _ grant: BuildGrant, _ log: BuildLog) async {
        let renewal = Duration.milliseconds(grant.leaseMilliseconds / 4)
        var told = ContinuousClock.now
        while true {
            do { try await Task.sleep(for: min(Self.newsInterval, renewal)) } catch { return }
            if let piece = log.next() {
                await tell(id, grant, piece.number, piece.text)
            } else if told.duration(to: .now) >= renewal {
                await tell(id, grant, log.number, "")
            } else {
                continue
            }
            told = .now
        }
    }

    private func tell(_ id: BuildAttemptID, _ grant: BuildGrant, _ piece: Int, _ text: String) async {
        await send(
            BuildProgress(id: id, builder: registration.id, token: grant.token, piece: piece, text: text),
            routingKey: "build.\(registration.id)")
    }

    // MARK: - Results

    private func report(
        _ result: Result<BuildStatement.Image, any Error>, _ offer: BuildOffer, _ grant: BuildGrant,
        bases: [BuildBase], _ log: BuildLog
    ) async throws {
        let (outcome, image, detail) = Self.outcome(result)
        if !detail.isEmpty { try log.append("build failed: \(detail)\n") }
        while let piece = log.next(isLast: true) { await tell(offer.id, grant, piece.number, piece.text) }
        let digest = log.finish()
        try await gateway.upload(digest, from: log.path)
        let statement = BuildStatement(
            id: offer.id, token: grant.token, builderKey: RunnerKey(key.publicKey),
            recipe: offer.recipe.digest(platform: offer.platform), context: offer.recipe.context, bases: bases,
            outcome: outcome, image: image, log: digest,
            detail: String(
                decoding: detail.utf8.prefix(BuildStatement.maximumDetailBytes - 4), as: UTF8.self
            ).replacing("\0", with: ""))
        let envelope = try SignedEnvelope.sign(statement.payload(), with: key)
        await send(
            BuildResultMessage(id: offer.id, builder: registration.id, envelope: envelope),
            routingKey: "build.\(registration.id)")
        Counter(label: "parity_builds_total", dimensions: [("outcome", outcome.rawValue)]).increment()
        logger.info(
            "Built",
            metadata: [
                "build": "\(offer.id)", "outcome": "\(outcome.rawValue)",
                "image": "\(image?.archive.description ?? "-")",
            ])
    }

    private static func outcome(
        _ result: Result<BuildStatement.Image, any Error>
    ) -> (BuildStatement.Outcome, BuildStatement.Image?, String) {
        switch result {
        case .success(let image): (.built, image, "")
        case .failure(let failure as BuildFailure): (.failed, nil, failure.description)
        // Of a blob: nobody can fetch it.
        case .failure(let rejected as EnvironmentRejected): (.failed, nil, rejected.description)
        case .failure(let error): (.builderError, nil, "\(error)")
        }
    }

    // MARK: - Claims

    /// Asks for the build; nil if it is refused, or never answered.
    private func claim(_ id: BuildAttemptID, bases: [BuildBase]?) async -> BuildGrant? {
        let answer = await claims.answer(to: id) {
            await send(
                BuildClaim(id: id, builder: registration.id, bases: bases), routingKey: "build.\(registration.id)")
        }
        if case .granted(let grant) = answer { return grant }
        if case .refused(let reason) = answer {
            logger.debug("Refused", metadata: ["build": "\(id)", "reason": "\(reason.rawValue)"])
        }
        return nil
    }

    private func send(_ body: some MessageBody, routingKey: String, once: Bool = false) async {
        await publisher.sendInbound(body, routingKey: routingKey, once: once, logger: logger)
    }
}
