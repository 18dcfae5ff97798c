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
import Testing

/// Where replicas stand and when they move. On rows alone: nothing here needs a broker.
@Suite(.serialized) struct SchedulerTests {
    private static let lease: Duration = .seconds(60)

    /// A scheduler on a database of its own, where the past is written by hand.
    private struct Stage {
        let pool: PostgresPool
        let scheduler: Scheduler
        let tick: SchedulerTick
        let account = AccountID(UUID.v7())

        static func set(_ body: (Stage) async throws -> Void) async throws {
            try await PostgresTestDatabase.withPool(Migrations.all) { pool in
                let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                // It finds no broker, so every publish fails soon.
                let publisher = AMQPPublisher(
                    configuration: try AMQPConfiguration(url: "amqp://nobody:at-all@127.0.0.1:1"),
                    publishTimeout: .milliseconds(100), logger: logger)
                let scheduler = Scheduler(
                    pool: pool, relay: OutboxRelay(pool: pool, publisher: publisher, logger: logger),
                    publisher: publisher, policy: SchedulerPolicy(lease: lease), logger: logger)
                let stage = Stage(
                    pool: pool, scheduler: scheduler,
                    tick: SchedulerTick(scheduler: scheduler, interval: .seconds(1), logger: logger))
                try await pool.transaction { transaction in
                    try await Accounts.insert(stage.account, name: "a", isAdmin: false, in: transaction)
                    try await Ledger.openAccount(stage.account, in: transaction)
                }
                try await withThrowingTaskGroup { group in
                    group.addTask { try await publisher.run() }
                    try await body(stage)
                    group.cancelAll()
                }
            }
        }

        /// A live runner on a lane of its own.
        func runner(_ name: String) async throws -> (id: RunnerID, lane: Int) {
            let key = RunnerKey(Curve25519.Signing.PrivateKey().publicKey)
            let runner = try await pool.transaction { transaction in
                let runner = try await register(name, key, sequence: 0, in: transaction).id
                let lane = try await Runners.pinLane(
                    runner, owner: name, taskClass: TaskSpec.Defaults.taskClass, lanes: 16, in: transaction)
                return (id: runner, lane: lane)
            }
            try await beat(runner.id)
            return runner
        }

        func register(
            _ name: String, _ key: RunnerKey, sequence: Int64, in transaction: PostgresTransaction
        ) async throws -> (id: RunnerID, sequence: Int64) {
            let registered = try await Runners.register(
                id: RunnerID(UUID.v7()), key: key, account: account, owner: name, name: name, slots: 2,
                version: "test", sequence: sequence, in: transaction)
            return try #require(registered)
        }

        func runners(_ count: Int) async throws -> [(id: RunnerID, lane: Int)] {
            var runners: [(id: RunnerID, lane: Int)] = []
            for index in 0..<count { runners.append(try await runner("runner\(index)")) }
            return runners
        }

        /// A heartbeat that is taken in: later than those before it.
        func beat(_ runner: RunnerID, leaving: Bool = false) async throws {
            let last: Int64 =
                try await pool.query("SELECT heartbeat_sequence AS n FROM runners WHERE id = $1", runner)
                .first?.decode("n") ?? 0
            let heartbeat = Heartbeat(runner: runner, sequence: last + 1, slots: 2, held: [], leaving: leaving)
            #expect(try await pool.transaction { try await Runners.seen(heartbeat, lease: lease, in: $0) } == .heard)
        }

        /// A task of three replicas, placed.
        func task(of taskClass: String = TaskSpec.Defaults.taskClass) async throws -> TaskID {
            let spec = TaskSpec(
                environment: .imageID(Digest.sha256(of: [])), command: ["true"], taskClass: taskClass,
                reward: try #require(Amount(units: 9)))
            let id = TaskID(UUID.v7())
            try await pool.transaction { transaction in
                try await Tasks.insert(id, account: account, spec: spec, traceparent: nil, in: transaction)
            }
            try await scheduler.place(id, total: nil)
            return id
        }

        func replicas(of task: TaskID) async throws -> [Replicas.Row] {
            try await pool.withConnection { try await Replicas.all(of: task, in: $0) }
        }

        /// Claims what stands on the runner's lane.
        func claim(_ task: TaskID, _ runner: (id: RunnerID, lane: Int)) async throws {
            let replica = try #require(try await replicas(of: task).first { $0.lane == runner.lane })
            try await scheduler.answer(
                Claim(id: AttemptID(task: task, replica: replica.replica, attempt: replica.attempt), runner: runner.id),
                message: MessageID(UUID.v7()))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A claim from another lane is refused, and the offer stays where it is`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(4)
            let task = try await stage.task()
            let before = try await stage.replicas(of: task)
            let stranger = try #require(runners.first { runner in !before.contains { $0.lane == runner.lane } })
            try await stage.scheduler.answer(
                Claim(id: AttemptID(task: task, replica: 0, attempt: before[0].attempt), runner: stranger.id),
                message: MessageID(UUID.v7()))
            let after = try await stage.replicas(of: task)[0]
            #expect(after.state == .offered && after.lane == before[0].lane && after.attempt == before[0].attempt)
            let owners = try await stage.pool.query("SELECT owner_key FROM task_owners")
            #expect(owners.isEmpty, "a stranger's claim binds nothing")
            try await stage.claim(task, try #require(runners.first { $0.lane == before[0].lane }))
            #expect(try await stage.replicas(of: task)[0].state == .granted)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A claim that is repeated by who holds the replica is answered as the first was`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(3)
            let task = try await stage.task()
            let lane = try await stage.replicas(of: task)[0].lane
            let holder = try #require(runners.first { $0.lane == lane })
            for _ in 0..<2 { try await stage.claim(task, holder) }
            let grants = try await stage.pool.query("SELECT body FROM outbox WHERE type = 'parity.grant/v1'")
            let bodies = try grants.map { try $0.decode("body", as: String.self) }
            #expect(bodies.count == 2 && Set(bodies).count == 1)
            #expect(try await stage.replicas(of: task)[0].grants == 1)
            // Once the lease is over it is held no more.
            try await stage.pool.query("UPDATE replicas SET lease_expires_at = now() WHERE state = 'granted'")
            try await stage.claim(task, holder)
            let after = try await stage.pool.query("SELECT body FROM outbox WHERE type = 'parity.grant/v1'")
            #expect(after.count == 2)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Tasks of a class without runners do not stand before the others`() async throws {
        try await Stage.set { stage in
            for _ in 0..<120 { _ = try await stage.task(of: "linux-arm64.small") }
            let task = try await stage.task()
            _ = try await stage.runners(3)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).allSatisfy { $0.state == .offered })
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `One step that fails holds up no other`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(4)
            let tasks = [try await stage.task(), try await stage.task()]
            for task in tasks {
                let lane = try await stage.replicas(of: task)[0].lane
                try await stage.claim(task, try #require(runners.first { $0.lane == lane }))
            }
            try await stage.pool.query(
                "UPDATE replicas SET lease_expires_at = now() - interval '1 second' WHERE state = 'granted'")
            try await stage.pool.query(
                "UPDATE replicas SET lease_expires_at = now() - interval '1 minute' WHERE task_id = $1 AND replica = 0",
                tasks[0])
            try await stage.pool.query("UPDATE attempts SET token = 'stuck' WHERE task_id = $1", tasks[0])
            try await stage.pool.query(
                "ALTER TABLE attempts ADD CONSTRAINT stuck CHECK (ended_at IS NULL OR token <> 'stuck')")
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: tasks[0])[0].state == .granted, "the first is stuck")
            #expect(try await stage.replicas(of: tasks[1])[0].state == .offered, "and the second is not")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What a disqualified runner holds is offered to others at once`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(6)
            let task = try await stage.task()
            let lane = try await stage.replicas(of: task)[0].lane
            let cheat = try #require(runners.first { $0.lane == lane })
            try await stage.claim(task, cheat)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task)[0].state == .granted)
            try await stage.pool.withConnection { try await Runners.disqualify(cheat.id, in: $0) }
            await stage.tick.tick(reminding: false)
            let replica = try await stage.replicas(of: task)[0]
            #expect(replica.state == .offered && replica.lane != lane)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Reminders of one task go out at growing distances`() async throws {
        try await Stage.set { stage in
            let task = try await stage.task()
            try await stage.pool.query("UPDATE replicas SET state = 'lost', closed_at = now() - interval '1 minute'")
            func reminders() async throws -> Int {
                await stage.tick.tick(reminding: true)
                return try await stage.pool.query("SELECT id FROM outbox WHERE routing_key = 'task.evaluate'").count
            }
            func wait(_ seconds: Double) async throws {
                try await stage.pool.query(
                    "UPDATE tasks SET reminded_at = now() - $1 * interval '1 second'", seconds)
            }
            #expect(try await reminders() == 1)
            #expect(try await reminders() == 1, "not again at once")
            try await wait(6)
            #expect(try await reminders() == 2)
            try await wait(6)
            #expect(try await reminders() == 2, "the distance has doubled")
            try await wait(11)
            #expect(try await reminders() == 3)
            // A decision is another thing to be reminded of.
            _ = try await stage.pool.transaction { try await Tasks.decide(task, state: .failed, in: $0) }
            try await stage.pool.query("ALTER TABLE tasks DISABLE TRIGGER tasks_final")
            try await stage.pool.query("UPDATE tasks SET decided_at = now() - interval '1 minute'")
            await stage.tick.tick(reminding: true)
            #expect(try await stage.pool.query("SELECT id FROM outbox WHERE routing_key = 'payout.due'").count == 1)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A lane that was only passed through is free for the other replicas`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(4)
            let task = try await stage.task()
            let first = try #require(try await stage.replicas(of: task).first?.lane)
            try await stage.pool.query("UPDATE replicas SET claim_by = now() WHERE replica = 0")
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).first?.lane != first, "nobody claimed it: it moved")
            // Another runner leaves; of four lanes only the one passed through is left for its replica.
            let second = try #require(try await stage.replicas(of: task)[1].lane)
            let leaver = try #require(runners.first { $0.lane == second })
            try await stage.beat(leaver.id, leaving: true)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task)[1].lane == first)
            #expect(try await stage.replicas(of: task).allSatisfy { $0.state == .offered })
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A lane whose owner was granted a replica stays closed to the others`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(3)
            let task = try await stage.task()
            for runner in runners { try await stage.claim(task, runner) }
            #expect(try await stage.replicas(of: task).allSatisfy { $0.state == .granted })
            // One loses its lease and its lane, and waits: the two others' owners have had a replica of this task.
            try await stage.beat(runners[0].id, leaving: true)
            try await stage.pool.query(
                "UPDATE replicas SET lease_expires_at = now() WHERE runner_id = $1", runners[0].id)
            await stage.tick.tick(reminding: false)
            await stage.tick.tick(reminding: false)
            let lost = try #require(try await stage.replicas(of: task).first { $0.lane == runners[0].lane })
            #expect(lost.state == .waiting)
            // Back again, it is preferred to a newcomer, whose lane another replica might need.
            _ = try await stage.runner("newcomer")
            try await stage.beat(runners[0].id)
            await stage.tick.tick(reminding: false)
            let again = try await stage.replicas(of: task)[lost.replica]
            #expect(again.state == .offered)
            #expect(again.lane == runners[0].lane)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A silence of all runners moves nothing, and that of one moves its offers`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(4)
            let task = try await stage.task()
            let before = try await stage.replicas(of: task).map(\.lane)
            func pass(_ leases: Double) async throws {
                let seconds = 60 * leases
                try await stage.pool.query(
                    """
                    UPDATE hearing SET heard_at = heard_at - $1 * interval '1 second',
                        silent_from = silent_from - $1 * interval '1 second',
                        silent_until = silent_until - $1 * interval '1 second'
                    """, seconds)
                try await stage.pool.query(
                    "UPDATE runners SET last_seen_at = last_seen_at - $1 * interval '1 second'",
                    seconds)
            }
            try await pass(3)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).map(\.lane) == before, "during an outage")
            let idle = try #require(runners.first { !before.contains($0.lane) })
            try await stage.beat(idle.id)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).map(\.lane) == before, "the first is heard again, not yet all")
            for _ in 0..<2 {
                try await pass(0.4)
                try await stage.beat(idle.id)
            }
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).map(\.lane) == before, "within a lease of being heard again")
            try await pass(0.4)
            try await stage.beat(idle.id)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).contains { $0.lane == idle.lane }, "the others stayed away")
            #expect(try await stage.replicas(of: task).count { $0.state == .waiting } == 2)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A silence of more than ten leases is believed`() async throws {
        try await Stage.set { stage in
            _ = try await stage.runners(3)
            let task = try await stage.task()
            try await stage.pool.query("UPDATE hearing SET heard_at = now() - interval '1 day'")
            try await stage.pool.query("UPDATE runners SET last_seen_at = now() - interval '1 day'")
            await stage.tick.tick(reminding: false)
            #expect(try await stage.replicas(of: task).allSatisfy { $0.state == .waiting })
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A heartbeat that comes late, or a second time, changes nothing`() async throws {
        try await Stage.set { stage in
            let runners = try await stage.runners(3)
            let task = try await stage.task()
            for runner in runners { try await stage.claim(task, runner) }
            let (runner, lane) = runners[0]
            func replica() async throws -> Replicas.Row {
                try #require(try await stage.replicas(of: task).first { $0.lane == lane })
            }
            let held = try await replica()
            let token: String? = try await stage.pool.query(
                "SELECT token FROM attempts WHERE runner_id = $1", runner
            ).first?.decode("token")
            let id = AttemptID(task: task, replica: held.replica, attempt: held.attempt)
            func take(_ sequence: Int64, leaving: Bool) async throws {
                let held = [Heartbeat.Held(id: id, token: token ?? "")]
                try await stage.scheduler.take(
                    Heartbeat(runner: runner, sequence: sequence, slots: 7, held: held, leaving: leaving))
            }
            func row() async throws -> PostgresRow {
                try #require(
                    try await stage.pool.query(
                        """
                        SELECT heartbeat_sequence AS sequence, slots, last_seen_at IS NOT NULL AS online,
                            (SELECT lease_expires_at < now() + interval '20 seconds' FROM replicas
                                WHERE runner_id = r.id) AS is_ending
                        FROM runners r WHERE id = $1
                        """, runner
                    ).first)
            }
            for _ in 0..<9 { try await stage.beat(runner) }
            try await stage.pool.query(
                "UPDATE replicas SET lease_expires_at = now() + interval '10 seconds' WHERE runner_id = $1", runner)
            // Ten were heard. A goodbye of before, and an ordinary one that comes again.
            try await take(9, leaving: true)
            try await take(10, leaving: true)
            try await take(10, leaving: false)
            #expect(try await replica().state == .granted)
            let after = try await row()
            #expect(try after.decode("sequence", as: Int64.self) == 10 && after.decode("slots", as: Int.self) == 2)
            #expect(try after.decode("online", as: Bool.self))
            #expect(try after.decode("is_ending", as: Bool.self), "no late heartbeat renews a lease")
            // One that is due ends the lease, also if the scheduler died between hearing it and doing that.
            let goodbye = Heartbeat(runner: runner, sequence: 11, slots: 2, held: [], leaving: true)
            _ = try await stage.pool.transaction {
                try await Runners.seen(goodbye, lease: Self.lease, in: $0)
            }
            try await stage.scheduler.take(goodbye)
            #expect(try await stage.replicas(of: task)[held.replica].state == .waiting)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A runner that registers again is not ended by the goodbye of its earlier life`() async throws {
        try await Stage.set { stage in
            let key = RunnerKey(Curve25519.Signing.PrivateKey().publicKey)
            let (runner, first) = try await stage.pool.transaction {
                try await stage.register("again", key, sequence: 1000, in: $0)
            }
            #expect(first == 1000)
            try await stage.beat(runner)
            let second = try await stage.pool.transaction {
                try await stage.register("again", key, sequence: 2000, in: $0)
            }
            #expect(second.id == runner && second.sequence == 2000)
            let goodbye = Heartbeat(runner: runner, sequence: 1002, slots: 2, held: [], leaving: true)
            let late = try await stage.pool.transaction { try await Runners.seen(goodbye, lease: Self.lease, in: $0) }
            #expect(late == .stale)
            // A clock that was set back: its sequence goes on from where it was.
            let third = try await stage.pool.transaction {
                try await stage.register("again", key, sequence: 500, in: $0)
            }
            #expect(third.sequence == 2000)
            try await stage.beat(runner)
        }
    }
}
