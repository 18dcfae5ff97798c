import Foundation
import ParityProtocol
import PostgresClient
import Store
import TestSupport
import Testing

@Suite(.serialized) struct PipelineTests {
    /// The invariants 1 to 5 and 8 of the design, as the operator's own audit asks for them, and that all work ended.
    static func check(_ network: TestNetwork) async throws {
        let pool = network.pool
        for (name, sql): (String, SQL) in [
            ("every task has ended", "SELECT id FROM tasks WHERE settled_at IS NULL"),
            ("no message waits", "SELECT id FROM outbox"),
        ] {
            // A message whose relay lost its database is held for half a minute before another may take it.
            let clean = try await TestEnvironment.eventually { try await pool.query(sql).isEmpty }
            #expect(clean, "\(name)")
        }
        #expect(try await PostgresTestDatabase.audit(network.database) == "")
    }

    @Test(.timeLimit(.minutes(25)))
    func `Fifty tasks with a liar, disagreement, a killed runner and both servers restarted end right`() async throws {
        try await TestNetwork.runOnPrivateServers { network, postgres, rabbitMQ in
            let submitter = try await network.api.makeAccount("submitter", units: 100_000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            try await withThrowingTaskGroup { agents in
                for index in 0..<4 {
                    let executor = ScriptedExecutor(name: "runner\(index)", lies: index == 3)
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                let doomed = Task {
                    try await network.runAgent(
                        "doomed", operator: operators, executor: ScriptedExecutor(name: "doomed"))
                }
                try await online(5, network, operators)
                var tasks: [(TaskID, String)] = []
                for index in 0..<50 {
                    let kind = index % 5 == 1 ? "differ" : index % 10 == 3 ? "slow" : "agree"
                    let spec = TestAPI.spec(kind, extra: TestAPI.mark(index))
                    let task = try await network.api.submit(spec, key: submitter.key)
                    tasks.append((task.id, kind))
                    if index == 15 { doomed.cancel() }
                    if index == 30 { try await rabbitMQ.call("restart") }
                    if index == 40 {
                        try await postgres.call("crash")
                        try await postgres.call("start")
                    }
                }
                let settled = try await TestEnvironment.eventually(within: .seconds(400)) {
                    try await network.pool.query("SELECT id FROM tasks WHERE settled_at IS NULL").isEmpty
                }
                #expect(settled, "every task is settled")
                for (id, kind) in tasks {
                    let task = try await network.api.task(id, key: submitter.key)
                    #expect(task.state == (kind == "differ" ? .noConsensus : .verified), "\(kind) \(task.state)")
                }
                try await Self.check(network)
                try await expectNoFailure(network)
                let liar = try await network.pool.query(
                    "SELECT disqualified_at IS NOT NULL AS out FROM runners WHERE name = 'runner3'")
                #expect(try liar.first?.decode("out", as: Bool.self) == true, "the liar gets no more work")
                let honest = try await network.pool.query(
                    "SELECT name FROM runners WHERE disqualified_at IS NOT NULL AND name <> 'runner3'")
                #expect(honest.isEmpty, "nobody else is disqualified")
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
                _ = try? await doomed.value
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Finished work outlives an outage of the database, which is one of the gateway`() async throws {
        // Longer than the outage: whoever holds a lease may finish.
        try await TestNetwork.runOnPrivateServers(overrides: ["PARITY_LEASE": "180s"]) { network, postgres, _ in
            let submitter = try await network.api.makeAccount("submitter", units: 100_000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    let executor = ScriptedExecutor(name: "runner\(index)")
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                try await online(3, network, operators)
                for index in 0..<6 {
                    let spec = TestAPI.spec("slow", extra: TestAPI.mark(index))
                    _ = try await network.api.submit(spec, key: submitter.key)
                }
                let isRunning = try await TestEnvironment.eventually {
                    try await network.pool.query("SELECT FROM replicas WHERE state = 'granted'").count >= 1
                }
                #expect(isRunning)
                try await postgres.call("crash")
                // All that runs now ends meanwhile.
                try await Task.sleep(for: .seconds(6))
                try await postgres.call("start")
                let settled = try await TestEnvironment.eventually(within: .seconds(400)) {
                    (try? await network.pool.query("SELECT id FROM tasks WHERE settled_at IS NULL").isEmpty) ?? false
                }
                #expect(settled, "every task is settled")
                let unverified = try await network.pool.query("SELECT FROM tasks WHERE state <> 'verified'")
                #expect(unverified.isEmpty)
                try await Self.check(network)
                try await expectNoFailure(network)
                let unfinished = try await network.pool.query("SELECT FROM attempts WHERE end_reason <> 'result'")
                #expect(unfinished.isEmpty, "what was granted was finished")
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    /// Runs that could not bring what they had done.
    private func expectNoFailure(_ network: TestNetwork) async throws {
        let failures = try await network.pool.query("SELECT detail FROM results WHERE outcome = 'runner_error'")
        #expect(try failures.map { try $0.decode("detail", as: String.self) } == [])
    }

    @Test(.timeLimit(.minutes(25)))
    func `A cancelled task is refunded and pays nobody`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let task = try await network.api.submit(TestAPI.spec("agree"), key: submitter.key)
            let (status, _) = try await network.api.send("POST", "/v1/tasks/\(task.id)/cancel", key: submitter.key)
            #expect(status == 200)
            let settled = try await TestEnvironment.eventually {
                try await network.api.task(task.id, key: submitter.key).settled
            }
            #expect(settled)
            let account = try network.api.decode(
                AccountObject.self, try await network.api.send("GET", "/v1/accounts/me", key: submitter.key).body)
            #expect(account.balance.units == 5000)
            try await Self.check(network)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A task that cannot be prepared anywhere fails and is refunded`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    agents.addTask {
                        try await network.runAgent(
                            "runner\(index)", operator: operators, executor: ScriptedExecutor(name: "r\(index)"))
                    }
                }
                try await online(3, network, operators)
                let task = try await network.api.submit(TestAPI.spec("reject"), key: submitter.key)
                let settled = try await TestEnvironment.eventually {
                    try await network.api.task(task.id, key: submitter.key).settled
                }
                #expect(settled)
                let ended = try await network.api.task(task.id, key: submitter.key)
                #expect(ended.state == .failed)
                #expect(ended.verdict?.reason == "too_many_rejected")
                try await Self.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func
        `Who states another exit code beside the right digest has mismatched, and an administrator's runners are paid`()
        async throws
    {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let me = try await network.api.send("GET", "/v1/accounts/me", key: TestAPI.adminKey).body
            let admin = TestAPI.Account(id: try network.api.decode(AccountObject.self, me).id, key: TestAPI.adminKey)
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    let executor = ScriptedExecutor(name: "r\(index)", misstatesExitCode: index == 0)
                    agents.addTask { try await network.runAgent("runner\(index)", operator: admin, executor: executor) }
                }
                try await online(3, network, admin)
                // All three must have voted before one is decided for, so the liar cannot be cancelled.
                let task = try await network.api.submit(
                    TestAPI.spec("slow", reward: 1001), key: submitter.key)
                let events = try await network.api.events(of: task.id, key: submitter.key)
                #expect(events.map(\.seq) == Array(1...Int64(events.count)))
                #expect(events.suffix(2).map(\.type) == [.taskSettled, .taskDiverged])
                let ended = try await network.api.task(task.id, key: submitter.key)
                #expect(ended.state == .verified && ended.verdict?.exitCode == 0 && ended.expectationFailed == false)
                let liar = ended.replicas.filter { $0.exitCode == 1 }
                #expect(liar.map(\.matched) == [false] && liar.map(\.paid) == [nil])
                #expect(ended.replicas.compactMap(\.paid).map(\.units).sorted() == [500, 501])
                // Resumed behind its last event, a stream ends as well.
                let rest = try await network.api.events(of: task.id, after: events.last?.seq, key: submitter.key)
                #expect(rest.isEmpty)
                try await Self.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A runner that fails at what others can do rests, and is not disqualified`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 100_000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            func runner() async throws -> RunnerObject? {
                let (_, body) = try await network.api.send("GET", "/v1/runners", key: submitter.key)
                return try network.api.decode(Page<RunnerObject>.self, body).items.first { $0.name == "runner0" }
            }
            func verify() async throws {
                let task = try await network.api.submit(TestAPI.spec("agree"), key: submitter.key)
                let settled = try await TestEnvironment.eventually {
                    try await network.api.task(task.id, key: submitter.key).settled
                }
                #expect(settled)
                #expect(try await network.api.task(task.id, key: submitter.key).state == .verified)
            }
            try await withThrowingTaskGroup { agents in
                for index in 0..<4 {
                    let executor = ScriptedExecutor(name: "r\(index)", rejects: index == 0)
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                try await online(4, network, operators)
                var tasks = 0
                while try await runner()?.pausedUntil == nil, tasks < 40 {
                    try await verify()
                    tasks += 1
                }
                let resting = try #require(try await runner())
                #expect(resting.pausedUntil != nil && !resting.disqualified && resting.mismatched == 0)
                func offers() async throws -> Int {
                    try await network.pool.query(
                        """
                        SELECT FROM replicas p JOIN runner_classes c ON c.lane = p.lane JOIN runners r ON r.id = c.runner_id
                        WHERE r.name = 'runner0'
                        """
                    ).count
                }
                let before = try await offers()
                for _ in 0..<5 { try await verify() }
                #expect(try await offers() == before, "who rests is offered nothing")
                try await Self.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    private func online(_ count: Int, _ network: TestNetwork, _ account: TestAPI.Account) async throws {
        let ready = try await TestEnvironment.eventually {
            try await network.pool.query("SELECT id FROM runners WHERE last_seen_at IS NOT NULL").count == count
        }
        #expect(ready, "\(count) runners are online")
    }
}
