import AMQPClient
import Crypto
import Foundation
import Ledger
import Logging
import Messaging
import ParityProtocol
import PostgresClient
import Scheduler
import Store
import TestSupport
import Verifier

/// Scheduler and verifier on a database of their own, where the past is written by hand. Nothing here needs a broker.
struct BuildStage {
    let pool: PostgresPool
    let scheduler: Scheduler
    let verifier: Verifier
    let tick: SchedulerTick
    let account = AccountID(UUID.v7())
    static let lease: Duration = .seconds(60)

    struct Builder {
        let id: RunnerID
        let key: Curve25519.Signing.PrivateKey
    }

    static func set(_ body: (BuildStage) async throws -> Void) async throws {
        try await PostgresTestDatabase.withPool(Migrations.all) { pool in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let publisher = AMQPPublisher(
                configuration: try AMQPConfiguration(url: "amqp://nobody:at-all@127.0.0.1:1"), logger: logger)
            let relay = OutboxRelay(pool: pool, publisher: publisher, logger: logger)
            let scheduler = Scheduler(
                pool: pool, relay: relay, publisher: publisher, policy: SchedulerPolicy(lease: lease), logger: logger)
            let stage = BuildStage(
                pool: pool, scheduler: scheduler,
                verifier: Verifier(pool: pool, relay: relay, policy: VerifierPolicy(), logger: logger),
                tick: SchedulerTick(scheduler: scheduler, interval: .seconds(1), logger: logger))
            try await pool.transaction { transaction in
                try await Accounts.insert(stage.account, name: "a", isAdmin: false, in: transaction)
                try await Ledger.openAccount(stage.account, in: transaction)
            }
            try await body(stage)
        }
    }

    static let recipe = BuildRecipe(context: Digest.sha256(of: Array("context".utf8)))

    /// A task that waits for its image, as the gateway and one message leave it.
    func task(_ recipe: BuildRecipe = Self.recipe) async throws -> TaskID {
        guard let reward = Amount(units: 9) else { throw TestEnvironment.Missing(description: "an amount") }
        let spec = TaskSpec(environment: .dockerfile(recipe), command: ["true"], reward: reward)
        let id = TaskID(UUID.v7())
        try await pool.transaction { transaction in
            try await Tasks.insert(id, account: account, spec: spec, traceparent: nil, in: transaction)
        }
        try await scheduler.place(id, total: nil)
        return id
    }

    func builder(_ name: String = "builder", isBuilder: Bool = true) async throws -> Builder {
        let key = Curve25519.Signing.PrivateKey()
        let registered = try await pool.transaction { transaction in
            try await Runners.register(
                id: RunnerID(UUID.v7()), key: RunnerKey(key.publicKey), account: account, owner: name, name: name,
                slots: 1, version: "test", sequence: 0, isBuilder: isBuilder, in: transaction)
        }
        guard let id = registered?.id else { throw TestEnvironment.Missing(description: "a builder") }
        return Builder(id: id, key: key)
    }

    func state(_ task: TaskID) async throws -> TaskState {
        try await pool.query("SELECT state FROM tasks WHERE id = $1", task).first?.decode("state") ?? .cancelled
    }

    func builds() async throws -> [Builds.Row] {
        let ids: [BuildID] = try await pool.query("SELECT id FROM builds ORDER BY id").map { try $0.decode("id") }
        var rows: [Builds.Row] = []
        for id in ids {
            if let row = try await pool.withConnection({ try await Builds.find(id, in: $0) }) { rows.append(row) }
        }
        return rows
    }

    func build() async throws -> Builds.Row {
        guard let build = try await builds().last else { throw TestEnvironment.Missing(description: "a build") }
        return build
    }

    func events(_ task: TaskID) async throws -> [EventObject] {
        try await pool.withConnection { try await Views.events(of: task, after: 0, limit: 1000, in: $0) }
    }

    /// The bodies of waiting messages of a kind, oldest first.
    func messages<Body: MessageBody>(_: Body.Type) async throws -> [Body] {
        try await pool.query("SELECT body FROM outbox WHERE type = $1 ORDER BY id", Body.schema).map { row in
            try JSONDecoder().decode(Body.self, from: Data(try row.decode("body", as: String.self).utf8))
        }
    }

    // MARK: - What a builder does

    static let bases = [BuildBase(reference: "debian", image: Digest.sha256(of: Array("debian".utf8)))]

    func claim(_ builder: Builder, attempt: Int? = nil, bases: [BuildBase]? = Self.bases) async throws {
        let build = try await build()
        let id = BuildAttemptID(build: build.id, attempt: attempt ?? build.attempt)
        try await scheduler.answer(
            BuildClaim(id: id, builder: builder.id, bases: bases), message: MessageID(UUID.v7()))
    }

    /// The grant of the present attempt.
    func grant() async throws -> BuildGrant {
        let build = try await build()
        guard let token = build.token else { throw TestEnvironment.Missing(description: "a grant") }
        return BuildGrant(id: build.attemptID, token: token, leaseMilliseconds: Self.lease.milliseconds)
    }

    func log(_ text: String, piece: Int, _ grant: BuildGrant, _ builder: Builder) async throws {
        try await scheduler.take(
            BuildProgress(id: grant.id, builder: builder.id, token: grant.token, piece: piece, text: text))
    }

    static let image = BuildStatement.Image(
        archive: Digest.sha256(of: Array("archive".utf8)), id: Digest.sha256(of: Array("image".utf8)), bytes: 1000)

    func finish(
        _ grant: BuildGrant, _ builder: Builder, _ outcome: BuildStatement.Outcome = .built,
        isUploaded: Bool = true, change: (inout BuildStatement) -> Void = { _ in }
    ) async throws {
        if isUploaded {
            try await pool.transaction {
                try await Accounts.noteBlob(Self.image.archive, size: 1000, by: account, in: $0)
            }
        }
        let recipe = try await build().recipe
        var statement = BuildStatement(
            id: grant.id, token: grant.token, builderKey: RunnerKey(builder.key.publicKey),
            recipe: recipe.digest(platform: "linux-amd64"), context: recipe.context, bases: Self.bases,
            outcome: outcome, image: outcome == .built ? Self.image : nil, log: nil,
            detail: outcome == .built ? "" : "it does not build")
        change(&statement)
        let envelope = try SignedEnvelope.sign(statement.payload(), with: builder.key)
        try await scheduler.take(
            BuildResultMessage(id: grant.id, builder: builder.id, envelope: envelope), message: MessageID(UUID.v7()))
    }
}
