import Logging
import Messaging
package import ParityProtocol
import PostgresClient
import Store

extension Scheduler {
    /// Moves a task that waits for its image as far as it goes: lets it wait for a build, tells the news of that build
    /// in the task's events, and makes it `queued` with replicas once there is an image. Level triggered: it reads the
    /// rows, so it may run at any time and any number of times.
    func advance(_ task: Tasks.Row, in transaction: PostgresTransaction) async throws -> [OutboxMessage] {
        var messages: [OutboxMessage] = []
        guard let (build, waiting) = try await build(of: task, sending: &messages, in: transaction) else {
            return messages
        }
        try await tell(build, to: task, waiting, in: transaction)
        switch build.state {
        case .offered, .granted, .cancelled: return messages
        // Told once; the verifier is reminded with all that waits for it.
        case .failed: return waiting.isTold ? messages : messages + [try Routing.evaluate(task.id)]
        case .built: return try await messages + queue(task, build, in: transaction)
        }
    }

    /// As ``advance(_:in:)`` for the first tasks that wait for a build, each in a transaction of its own. Others, of which
    /// there may be any number, hear of it from the tick: the builders' messages must not wait for them.
    func advanceTasks(waitingFor build: BuildID) async throws {
        let tasks = try await pool.withConnection {
            try await Builds.tasks(waitingFor: build, limit: Self.toldAtOnce, in: $0)
        }
        for task in tasks { try await place(task, total: nil) }
    }

    private static let toldAtOnce = 8

    /// The build that a task waits for: the one that it has, or another when that was given up for want of tasks.
    private func build(
        of task: Tasks.Row, sending messages: inout [OutboxMessage], in transaction: PostgresTransaction
    ) async throws -> (Builds.Row, Builds.Waiting)? {
        if let waiting = try await Builds.waiting(task.id, in: transaction),
            let build = try await Builds.find(waiting.build, in: transaction), build.state != .cancelled
        {
            return (build, waiting)
        }
        guard let recipe = try await Tasks.recipe(of: task.id, in: transaction),
            let (build, isNew) = try await Builds.open(
                recipe, platform: TaskClass.platform(of: task.taskClass), claimWithin: policy.buildClaimWithin,
                in: transaction)
        else { return nil }
        try await Builds.attach(task.id, to: build.id, in: transaction)
        if isNew {
            messages.append(
                try Routing.build(
                    BuildOffer(id: build.attemptID, recipe: build.recipe, platform: build.platform)))
            logger.info("A build was asked for", metadata: ["build": "\(build.id)", "task": "\(task.id)"])
        }
        return (build, Builds.Waiting(build: build.id))
    }

    /// Puts into the task's events what they do not tell yet.
    private func tell(
        _ build: Builds.Row, to task: Tasks.Row, _ waiting: Builds.Waiting, in transaction: PostgresTransaction
    ) async throws {
        var events: [TaskEvents.Entry] = []
        if build.state == .granted, build.attempt > waiting.attempt {
            events.append(.init(.buildStarted, Self.data(build, "builder", build.builder?.description)))
        }
        let pieces = try await Builds.log(
            of: build.id, after: waiting.logBytes, limit: BuildProgress.maximumPieces * policy.maximumGrants,
            in: transaction)
        events += pieces.map { .init(.buildLog, ["text": .string($0.text)]) }
        if build.state == .failed, !waiting.isTold {
            events.append(.init(.buildFailed, Self.data(build, "reason", build.detail)))
        }
        guard !events.isEmpty else { return }
        try await TaskEvents.append(events, to: task.id, in: transaction)
        try await Builds.note(
            Builds.Waiting(
                build: build.id, attempt: build.state == .granted ? build.attempt : waiting.attempt,
                logBytes: pieces.last?.end ?? waiting.logBytes, isTold: build.state == .failed),
            of: task.id, in: transaction)
    }

    private static func data(_ build: Builds.Row, _ name: String, _ value: String?) -> JSONValue {
        var data: [String: JSONValue] = [
            "build": .string(build.id.description), "attempt": .integer(Int64(build.attempt)),
        ]
        data[name] = value.map(JSONValue.string)
        return .object(data)
    }

    private func queue(
        _ task: Tasks.Row, _ build: Builds.Row, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        guard let image = build.image else { return [] }
        try await Tasks.markBuilt(task.id, image: image.archive, in: transaction)
        var data: [String: JSONValue] = [
            "build": .string(build.id.description), "image_digest": .string(image.archive.description),
            "image_id": .string(image.id.description),
        ]
        data["reused"] = build.reused.map { .string($0.description) }
        try await TaskEvents.append([.init(.buildFinished, .object(data))], to: task.id, in: transaction)
        guard let queued = try await Tasks.lock(task.id, in: transaction) else { return [] }
        let new = try await Replicas.ensure(Int(task.rules.replicas), of: task.id, in: transaction)
        return try await placeWaiting(queued, announcing: Set(new), in: transaction)
    }

    // MARK: - What goes wrong

    /// Gives up an open build that no task waits for.
    package func abandon(_ id: BuildID) async throws {
        try await withBuild(id) { build, transaction in
            guard build.state.isOpen, try await Builds.tasks(waitingFor: id, limit: 1, in: transaction).isEmpty else {
                return []
            }
            try await Builds.endAttempt(build.attemptID, reason: "abandoned", in: transaction)
            try await Builds.close(id, as: .cancelled, detail: nil, in: transaction)
            logger.info("A build was given up: no task waits for it", metadata: ["build": "\(id)"])
            return try cancellation(of: build)
        }
    }

    /// Offers a build again whose builder was lost, or that nobody claimed in time.
    package func restart(_ id: BuildID) async throws {
        try await withBuild(id) { build, transaction in
            guard build.state.isOpen, build.isOverdue else { return [] }
            return try await offerAgain(
                build, reason: build.state == .granted ? "lease_ended" : "unclaimed", in: transaction)
        }
        try await advanceTasks(waitingFor: id)
    }

    /// Offers again what a builder that goes holds.
    func restartBuilds(of builder: RunnerID) async throws {
        for id in try await pool.withConnection({ try await Builds.granted(to: builder, in: $0) }) {
            try await withBuild(id) { build, transaction in
                guard build.state == .granted, build.builder == builder else { return [] }
                return try await offerAgain(build, reason: "builder_left", in: transaction)
            }
            try await advanceTasks(waitingFor: id)
        }
    }

    /// The next attempt at an open build, or its end after too many.
    func offerAgain(
        _ build: Builds.Row, reason: String, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        var messages = try cancellation(of: build)
        try await Builds.endAttempt(build.attemptID, reason: reason, in: transaction)
        if build.grants >= policy.maximumGrants {
            try await Builds.close(
                build.id, as: .failed, detail: "\(build.grants) builders took it and none finished: \(reason)",
                in: transaction)
        } else if let attempt = try await Builds.offer(
            build.id, claimWithin: policy.buildClaimWithin, in: transaction)
        {
            let id = BuildAttemptID(build: build.id, attempt: attempt)
            messages.append(
                try Routing.build(BuildOffer(id: id, recipe: build.recipe, platform: build.platform)))
        }
        logger.info("A build's attempt ended", metadata: ["build": "\(build.id)", "reason": "\(reason)"])
        return messages
    }

    private func cancellation(of build: Builds.Row) throws -> [OutboxMessage] {
        guard build.state == .granted, let builder = build.builder else { return [] }
        return [try Routing.toRunner(BuildRefusal(id: build.attemptID, reason: .cancelled), builder)]
    }

    /// Runs `body` with the build locked and sends what it returns; nothing happens for one that is not there.
    func withBuild(
        _ id: BuildID, message: MessageID? = nil,
        _ body: (Builds.Row, PostgresTransaction) async throws -> [OutboxMessage]
    ) async throws {
        try await pool.transaction { transaction in
            if let message, try await !Inbox.accept(message, by: "scheduler", in: transaction) { return }
            guard let build = try await Builds.lock(id, in: transaction) else { return }
            try await Outbox.insert(try await body(build, transaction), in: transaction)
        }
        relay.wake()
    }
}
