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

/// The agent's core: takes offers off its lanes, claims them, runs what it is granted, and publishes signed results.
package actor RunnerAgent: Service {
    private let registration: RunnerRegistration
    private let key: Curve25519.Signing.PrivateKey
    private let slots: Int
    private let publisher: AMQPPublisher
    private let consumer: AMQPConsumer
    private let gateway: GatewayLink
    private let executor: any Executor
    /// How much is uploaded of an output that is known to have lost.
    private let evidenceBytes: Int64
    private let logger: Logger

    private var leases: LeaseBook
    private let claims = PendingClaims<AttemptID, Grant, Refusal.Reason>()
    private var attempts: [AttemptID: Attempt] = [:]
    /// Preparations that nobody waits for any more, until nothing is left of them.
    private var endings: [UUID: AbandonableTask<Void>] = [:]
    private var specs: [Digest: TaskSpec] = [:]
    /// What the tasks of leases that are held were verified with, where they were.
    private var decided: Set<AttemptID> = []
    /// The latest attempts whose result is with the broker, the oldest first.
    private var reported: [AttemptID] = []
    private static let rememberedReports = 256

    /// An offer that was taken, until its slot is free again.
    private struct Attempt {
        /// What is acknowledged then: that is the flow control. The lease is the truth.
        var delivery: AMQPDelivery
        let work: AbandonableTask<Void>
    }

    /// How long a slot rests when the scheduler gives this runner no work.
    private static let restTime: Duration = .seconds(15)
    private static let rememberedSpecs = 64
    /// How many preparations may still be ending before no new one is begun.
    private static let maximumEndings = 16
    /// How long an agent that has left waits for what is still ending.
    private static let partingTime: Duration = .seconds(10)

    package init(
        registration: RunnerRegistration, key: Curve25519.Signing.PrivateKey, slots: Int, publisher: AMQPPublisher,
        consumer: AMQPConsumer, gateway: GatewayLink, executor: any Executor, evidenceBytes: Int64 = 16 << 20,
        logger: Logger
    ) {
        self.registration = registration
        self.key = key
        self.slots = slots
        self.publisher = publisher
        self.consumer = consumer
        self.gateway = gateway
        self.executor = executor
        self.evidenceBytes = evidenceBytes
        leases = LeaseBook(sequence: registration.heartbeatSequence)
        var logger = logger
        logger[metadataKey: "runner"] = "\(registration.id)"
        self.logger = logger
    }

    /// Works until shutdown; then gives back what it holds.
    package func run() async throws {
        let control = consumer.subscribe(queue: registration.controlQueue, prefetch: 100)
        // One prefetch over all lanes would be the exact number of slots; the broker counts by channel, so the slots
        // are guarded here as well.
        let gate = SlotGate(slots)
        let lanes = registration.lanes.map { consumer.subscribe(queue: $0.queue, prefetch: UInt16(clamping: slots)) }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { for await delivery in control { await self.hear(delivery) } }
                group.addTask { await self.beat() }
                group.addTask { await self.watchLeases() }
                for lane in lanes {
                    group.addTask {
                        await withDiscardingTaskGroup { work in
                            for await delivery in lane {
                                guard let offer = await self.offer(in: delivery) else { continue }
                                await gate.enter()
                                let attempt = await self.begin(offer, delivery)
                                work.addTask {
                                    if let attempt { await self.see(attempt, through: offer.id) }
                                    await gate.leave()
                                }
                            }
                        }
                    }
                }
            }
        }
        // Others get what was not begun, and what was not granted.
        for lane in lanes { lane.cancel() }
        await leave()
    }

    // MARK: - Heartbeats and leases

    private func beat() async {
        while !Task.isCancelled {
            await sendHeartbeat()
            try? await Task.sleep(for: .milliseconds(registration.heartbeatMilliseconds))
        }
    }

    private func sendHeartbeat(leaving: Bool = false) async {
        let (sequence, held) = leases.heartbeat(at: .now)
        await publish(
            Heartbeat(runner: registration.id, sequence: sequence, slots: slots, held: held, leaving: leaving),
            routingKey: "heartbeat.\(registration.id)")
    }

    private func watchLeases() async {
        while !Task.isCancelled {
            for id in leases.expired(at: .now) { stop(id, "its lease can no longer be believed") }
            try? await Task.sleep(for: .milliseconds(max(50, registration.heartbeatMilliseconds / 10)))
        }
    }

    private func stop(_ id: AttemptID, _ why: String) {
        leases.release(id)
        guard let attempt = attempts[id] else { return }
        attempt.work.cancel()
        logger.warning("Stopped an attempt", metadata: ["attempt": "\(id)", "reason": "\(why)"])
    }

    /// Says goodbye, so that what this runner held is offered again at once. Only then waits for what is still ending;
    /// what takes too long, the next start removes.
    private func leave() async {
        await sendHeartbeat(leaving: true)
        logger.info("Left the network")
        await withTaskGroup { group in
            group.addTask { await self.waitForEndings() }
            group.addTask { try? await Task.sleep(for: Self.partingTime) }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForEndings() async {
        for attempt in attempts.values { try? await attempt.work.value() }
        for ending in endings.values { try? await ending.value() }
    }

    // MARK: - What the scheduler says

    private func hear(_ delivery: AMQPDelivery) {
        defer { delivery.ack() }
        do {
            if let grant = try Envelope.decode(Grant.self, from: delivery) {
                claims.hear(.granted(grant), to: grant.id)
            } else if let refusal = try Envelope.decode(Refusal.self, from: delivery) {
                claims.hear(.refused(refusal.reason), to: refusal.id)
            } else if let renewal = try Envelope.decode(Renewal.self, from: delivery) {
                for id in leases.renewed(renewal) { stop(id, "the network gave it to another") }
            } else if let cancel = try Envelope.decode(Cancel.self, from: delivery) {
                stop(cancel.id, "cancelled")
            } else if let verdict = try Envelope.decode(Decided.self, from: delivery), leases.leases[verdict.id] != nil
            {
                decided.insert(verdict.id)
            }
        } catch {
            logger.warning("A message could not be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Offers

    /// What a delivery offers; nil if there is nothing more to do about it.
    private func offer(in delivery: AMQPDelivery) -> Offer? {
        do {
            guard let offer = try Envelope.decode(Offer.self, from: delivery) else {
                delivery.ack()
                return nil
            }
            if reported.contains(offer.id) {
                // Its acknowledgement went with a connection.
                delivery.ack()
                return nil
            }
            guard let attempt = attempts[offer.id] else { return offer }
            // Under way already: it came again over a new connection, or was sent twice. The attempt keeps one delivery,
            // so that the broker goes on counting its slot as taken.
            attempts[offer.id]?.delivery = delivery
            attempt.delivery.ack()
        } catch {
            logger.warning("An offer could not be read", metadata: ["error": "\(error)"])
            delivery.ack()
        }
        return nil
    }

    /// Begins an attempt, now that there is a slot for it.
    private func begin(_ offer: Offer, _ delivery: AMQPDelivery) -> AbandonableTask<Void>? {
        // It waited for the slot. What came on a channel that is gone will come again.
        guard !Task.isCancelled, delivery.isCurrent else { return nil }
        let trace = delivery.properties.headers[TraceContext.headerName]?.string
        let work = AbandonableTask {
            await TraceContext.$current.withValue(.continuing(trace)) { await self.work(on: offer) }
        }
        attempts[offer.id] = Attempt(delivery: delivery, work: work)
        return work
    }

    /// Waits for an attempt's end; on shutdown leaves it to end by itself.
    private func see(_ work: AbandonableTask<Void>, through id: AttemptID) async {
        do {
            try await work.value()
            attempts.removeValue(forKey: id)?.delivery.ack()
        } catch {
            work.cancel()
        }
    }

    /// Claims an offer and meanwhile prepares it; runs and reports what is granted. Cancelled when the attempt is stopped.
    private func work(on offer: Offer) async {
        while !Task.isCancelled, endings.count >= Self.maximumEndings, let ending = endings.values.first {
            try? await ending.value()
        }
        let preparation = AbandonableTask { try await self.prepare(offer) }
        let claimedAt = ContinuousClock.now
        guard let grant = await claim(offer.id) else { return abandon(preparation) }
        leases.granted(
            offer.id, token: grant.token, leaseMilliseconds: grant.leaseMilliseconds, claimedAt: claimedAt)
        defer {
            leases.release(offer.id)
            decided.remove(offer.id)
        }
        let started = Date()
        let prepared: any PreparedExecution
        do {
            prepared = try await preparation.value()
        } catch {
            abandon(preparation)
            return await report(error, offer, grant, started: started)
        }
        do {
            try await execute(prepared, offer, grant, started: started)
        } catch {
            await report(error, offer, grant, started: started)
        }
        await prepared.discard()
    }

    /// Gives up a preparation without waiting for it; what it makes all the same is discarded.
    private func abandon(_ preparation: AbandonableTask<any PreparedExecution>) {
        preparation.cancel()
        let id = UUID()
        endings[id] = AbandonableTask {
            if let prepared = try? await preparation.end() { await prepared.discard() }
            await self.ended(id)
        }
    }

    private func ended(_ id: UUID) { endings[id] = nil }

    /// Runs what was granted, brings its output to the gateway, and reports it.
    private func execute(
        _ prepared: any PreparedExecution, _ offer: Offer, _ grant: Grant, started: Date
    ) async throws {
        try Task.checkCancellation()
        logger.info("Running", metadata: ["attempt": "\(offer.id)"])
        let result = try await prepared.run()
        try await upload(result, of: offer.id)
        // Once stopped it has no right to a result, even if it was just done.
        try Task.checkCancellation()
        await report(result, image: prepared.image, offer, grant, started: started)
    }

    private func prepare(_ offer: Offer) async throws -> any PreparedExecution {
        var spec = try await spec(offer.specDigest)
        if spec.environment.recipe != nil {
            guard let image = offer.imageDigest else {
                throw EnvironmentRejected("the offer names no image for the task's Dockerfile")
            }
            spec.environment = .archive(image)
        }
        return try await executor.prepare(spec, offer.id)
    }

    private func spec(_ digest: Digest) async throws -> TaskSpec {
        if let spec = specs[digest] { return spec }
        let spec = try await gateway.spec(digest)
        if specs.count >= Self.rememberedSpecs { specs.removeAll() }
        specs[digest] = spec
        return spec
    }

    /// Asks for the offer; nil if it is refused, or never answered.
    private func claim(_ id: AttemptID) async -> Grant? {
        let answer = await claims.answer(to: id) {
            await publish(Claim(id: id, runner: registration.id), routingKey: "claim.\(registration.id)")
        }
        if case .granted(let grant) = answer { return grant }
        if case .refused(let reason) = answer {
            logger.log(
                level: reason == .paused ? .warning : .debug, "Refused",
                metadata: ["attempt": "\(id)", "reason": "\(reason.rawValue)"])
            // The slot stays taken for a moment: who asks on would take offers off its lane that others could have.
            if reason == .paused { try? await Task.sleep(for: Self.restTime) }
        }
        return nil
    }

    // MARK: - Results

    /// Outputs are where the manifest says before anybody reads of them. One that has lost already serves to explain why
    /// it differs: of it, only what is small is sent.
    private func upload(_ result: SandboxResult, of id: AttemptID) async throws {
        guard let manifest = result.manifest else { return }
        // Those that were accepted brought their manifest, last of all.
        let hasLost = decided.contains(id) ? try await !gateway.holds(manifest.digest) : false
        for content in manifest.contents(within: hasLost ? evidenceBytes : .max) {
            if let path = result.contents[content.digest] { try await gateway.upload(content.digest, from: path) }
        }
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(manifest.canonicalBytes).write(to: URL(filePath: path))
        try await gateway.upload(manifest.digest, from: path)
    }

    /// A run that failed here says so, unless it was stopped.
    private func report(_ error: any Error, _ offer: Offer, _ grant: Grant, started: Date) async {
        if Task.isCancelled || error is CancellationError { return }
        let isRejected = error is EnvironmentRejected
        if !isRejected {
            logger.error("A run failed on this machine", metadata: ["attempt": "\(offer.id)", "error": "\(error)"])
        }
        let result = SandboxResult(outcome: isRejected ? .rejected : .runnerError, detail: "\(error)")
        await report(result, image: nil, offer, grant, started: started)
    }

    private func report(
        _ result: SandboxResult, image: Digest?, _ offer: Offer, _ grant: Grant, started: Date
    ) async {
        func milliseconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970 * 1000) }
        let statement = ResultStatement(
            task: offer.id.task, specDigest: offer.specDigest, replica: offer.id.replica, attempt: offer.id.attempt,
            attemptToken: grant.token, runnerKey: RunnerKey(key.publicKey), imageDigest: image,
            outcome: result.outcome, outputDigest: result.outputDigest, exitCode: result.exitCode,
            startedMilliseconds: milliseconds(started), finishedMilliseconds: milliseconds(Date()))
        do {
            let envelope = try SignedEnvelope.sign(statement.payload(), with: key)
            let detail = String(decoding: result.detail.utf8.suffix(ResultMessage.maximumDetailBytes), as: UTF8.self)
            let message = ResultMessage(runner: registration.id, id: offer.id, envelope: envelope, detail: detail)
            // Not stopped any more: also a result whose lease has ended since may close its replica.
            await Task { await publish(message, routingKey: "result.\(registration.id)") }.value
            reported.append(offer.id)
            reported.removeFirst(max(0, reported.count - Self.rememberedReports))
        } catch {
            logger.error("A result could not be signed", metadata: ["error": "\(error)"])
        }
        Counter(label: "parity_runs_total", dimensions: [("outcome", result.outcome.rawValue)]).increment()
        logger.info(
            "Finished",
            metadata: [
                "attempt": "\(offer.id)", "outcome": "\(result.outcome.rawValue)",
                "digest": "\(result.outputDigest?.description ?? "-")",
            ])
    }

    private func publish(_ body: some MessageBody, routingKey: String) async {
        await publisher.sendInbound(body, routingKey: routingKey, once: body is Heartbeat, logger: logger)
    }
}
