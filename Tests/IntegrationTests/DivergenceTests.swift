import Foundation
import ParityProtocol
import PostgresClient
import RunnerAgent
import Sandbox
import TestSupport
import Testing

@Suite(.serialized) struct DivergenceTests {
    /// The task that was submitted, once it is settled and what differs in it is explained.
    private func explained(
        _ id: TaskID, _ network: TestNetwork, _ account: TestAPI.Account
    ) async throws -> TaskObject {
        let isDone = try await TestEnvironment.eventually {
            let task = try await network.api.task(id, key: account.key)
            return task.settled && task.divergence != nil
        }
        #expect(isDone, "the task is settled and explained")
        return try await network.api.task(id, key: account.key)
    }

    private func report(
        on id: TaskID, _ network: TestNetwork, _ account: TestAPI.Account
    ) async throws -> DivergenceReport {
        let (status, body) = try await network.api.send("GET", "/v1/tasks/\(id)/divergence", key: account.key)
        #expect(status == 200)
        return try network.api.decode(DivergenceReport.self, body)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Results that all differ are explained, to their submitter alone`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let stranger = try await network.api.makeAccount("stranger", units: 5000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    let executor = PrintingExecutor { _ in ["": "same\nbuilt at 12:00:0\(index)\n", "data": "equal"] }
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                let id = try await network.api.submit(TestAPI.spec("print"), key: submitter.key).id
                let task = try await explained(id, network, submitter)
                #expect(task.state == .noConsensus)
                #expect(task.divergence?.camps == 3)
                #expect(task.divergence?.cause == .timeStamp)
                let report = try await report(on: id, network, submitter)
                #expect(DivergenceSummary(report) == task.divergence)
                #expect(report.differences.map(\.place) == [.stdout])
                #expect(report.differences.first?.comparison?.firstByte == 21)
                #expect(report.differences.first?.comparison?.line == 2)
                let members = report.camps.flatMap(\.members)
                #expect(
                    Set(members) == Set(task.replicas.map { .replica($0.replica, runner: $0.runner ?? .init(UUID())) }))

                let foreign = try await network.api.send("GET", "/v1/tasks/\(id)/divergence", key: stranger.key)
                #expect(foreign.status == 404)
                #expect(try await network.api.send("GET", "/v1/tasks/\(id)/divergence").status == 401)
                try await checkEvents(of: id, network, submitter)
                try await PipelineTests.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    /// The stream ends by itself, with the explanation in it.
    private func checkEvents(of id: TaskID, _ network: TestNetwork, _ account: TestAPI.Account) async throws {
        let (_, body) = try await network.api.send("GET", "/v1/tasks/\(id)/events", key: account.key)
        let events = try String(decoding: body, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("data: ") }
            .map { try network.api.decode(EventObject.self, Data($0.dropFirst(6).utf8)) }
        let decided = events.first { $0.type == .taskDecided }
        #expect(decided?.data["camps"]?.array?.count == 3)
        #expect(decided?.data["camps"]?.array?.first?["replicas"] == [0])
        let told = events.filter { $0.type == .taskDiverged }
        #expect(!told.isEmpty)
        #expect(told.first?.data["cause"] == "time_stamp")
        #expect(events.contains { $0.type == .taskSettled })
    }

    @Test(.timeLimit(.minutes(25)))
    func `A late liar is compared with the accepted output, and uploads only what is small`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            let liarStarted = Signal()
            let big = String(repeating: "x", count: 5000)
            let honest = PrintingExecutor { _ in
                await liarStarted.wait()
                return ["": "right\n", "big": "1" + big]
            }
            let liar = PrintingExecutor { id in
                await liarStarted.fire()
                // Its runner hears of the verdict while it still runs.
                _ = try await TestEnvironment.eventually {
                    try await network.api.task(id.task, key: submitter.key).state == .verified
                }
                _ = try await TestEnvironment.eventually {
                    try await network.pool.query("SELECT FROM outbox").isEmpty
                }
                // What has left is with its runner soon.
                try await Task.sleep(for: .seconds(3))
                return ["": "wrong\n", "big": "2" + big]
            }
            try await withThrowingTaskGroup { agents in
                for (index, executor) in [honest, honest, liar].enumerated() {
                    agents.addTask {
                        try await network.runAgent(
                            "runner\(index)", operator: operators, executor: executor, evidenceBytes: 1000)
                    }
                }
                let id = try await network.api.submit(TestAPI.spec("print"), key: submitter.key).id
                let task = try await explained(id, network, submitter)
                #expect(task.state == .verified)
                let report = try await report(on: id, network, submitter)
                #expect(report.camps.map(\.isAccepted) == [true, false])
                #expect(report.camps.first?.outputDigest == task.verdict?.outputDigest)
                #expect(report.camps.map(\.members.count) == [2, 1])
                #expect(report.differences.map(\.place) == [.stdout, .file(.init("big"))])
                #expect(report.differences.first?.comparison?.lines == ["-right", "+wrong"])
                #expect(report.differences.last?.comparison == nil)
                #expect(report.notes == ["big could not be compared: its content was not uploaded"])
                for (text, status) in [("1" + big, 200), ("2" + big, 404), ("wrong\n", 200)] {
                    let blob = "/v1/blobs/\(Digest.sha256(of: Array(text.utf8)))"
                    #expect(try await network.api.send("GET", blob, key: submitter.key).status == status)
                }
                try await PipelineTests.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Equal results have no report, and a lost message only delays one`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            let waiting = try await network.api.submit(TestAPI.spec("agree"), key: submitter.key).id
            func status(_ id: TaskID) async throws -> (Int, String) {
                let (status, body) = try await network.api.send("GET", "/v1/tasks/\(id)/divergence", key: submitter.key)
                return (status, try network.api.decode(Problem.self, body).code)
            }
            #expect(try await status(waiting) == (409, "not_decided"))
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    let executor = ScriptedExecutor(name: "r\(index)", uploads: false)
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                let settled = try await TestEnvironment.eventually {
                    try await network.api.task(waiting, key: submitter.key).settled
                }
                #expect(settled)
                #expect(try await status(waiting) == (404, "no_divergence"))

                let id = try await network.api.submit(TestAPI.spec("differ"), key: submitter.key).id
                let first = try await explained(id, network, submitter)
                #expect(try await report(on: id, network, submitter).notes.count == 3, "no output was uploaded")
                // As if the message had never come.
                try await network.pool.query(
                    """
                    UPDATE divergences SET report = NULL, summary = NULL, reported_votes = 0,
                        noted_at = now() - interval '1 minute'
                    """)
                #expect(try await explained(id, network, submitter).divergence == first.divergence)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An account cannot upload without end`() async throws {
        try await TestNetwork.run(overrides: ["PARITY_DAILY_UPLOAD_BYTES": "1000"]) { network in
            let one = try await network.api.makeAccount("one", units: 0)
            let other = try await network.api.makeAccount("other", units: 0)
            func upload(_ text: String, by account: TestAPI.Account) async throws -> Int {
                let path = "/v1/blobs/\(Digest.sha256(of: Array(text.utf8)))"
                return try await network.api.send("PUT", path, key: account.key, json: text).status
            }
            let large = String(repeating: "x", count: 1001)
            #expect(try await upload(large, by: one) == 429)
            let fitting = String(repeating: "y", count: 1000)
            #expect(try await upload(fitting, by: one) == 201)
            #expect(try await upload("z", by: one) == 429)
            #expect(try await upload("z", by: other) == 201)
        }
    }
}

/// Produces what a closure says: stdout under the empty name, files under theirs.
struct PrintingExecutor: Executor {
    let output: @Sendable (AttemptID) async throws -> [String: String]

    init(_ output: @escaping @Sendable (AttemptID) async throws -> [String: String]) { self.output = output }

    struct Run: PreparedExecution {
        let image = Digest.sha256(of: Array("image".utf8))
        let id: AttemptID
        let folder: String
        let output: @Sendable (AttemptID) async throws -> [String: String]

        func run() async throws -> SandboxResult {
            var contents: [Digest: String] = [:]
            var stored: [String: OutputManifest.Content] = ["": try store("", &contents)]
            for (name, text) in try await output(id) { stored[name] = try store(text, &contents) }
            let files = stored.filter { !$0.key.isEmpty }.map { name, content in
                OutputManifest.Entry(path: .init(name), kind: .file(content, isExecutable: false))
            }
            let stdout = stored[""] ?? OutputManifest.Content(digest: Digest.sha256(of: [UInt8]()), size: 0)
            let manifest = OutputManifest(exitCode: 0, stdout: stdout, files: files)
            var result = SandboxResult(outcome: .completed, detail: "")
            result.exitCode = 0
            result.manifest = manifest
            result.outputDigest = manifest.digest
            result.contents = contents
            return result
        }

        private func store(_ text: String, _ contents: inout [Digest: String]) throws -> OutputManifest.Content {
            let digest = Digest.sha256(of: Array(text.utf8))
            contents[digest] = "\(folder)/\(digest.hex)"
            try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(digest.hex)"))
            return .init(digest: digest, size: Int64(text.utf8.count))
        }

        func discard() async { try? FileManager.default.removeItem(atPath: folder) }
    }

    func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return Run(id: id, folder: folder, output: output)
    }
}

/// Something that happens once, for any number of waiters.
actor Signal {
    private var isFired = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func fire() {
        isFired = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if isFired { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
