import Foundation
import ParityProtocol
import PostgresClient
import TestSupport
import Testing

/// Tasks that bring a Dockerfile, through the whole network with real builds and real containers.
@Suite(.serialized) struct DockerfileTaskTests {
    private struct Stage {
        let network: TestNetwork
        let agents: RealAgents
        let submitter: TestAPI.Account

        /// Uploads a context and submits a task of it.
        func submit(_ dockerfile: String, files: [(String, String)] = [], args: String = "{}") async throws -> TaskID {
            var tar: [UInt8] = []
            for (name, content) in [("Dockerfile", dockerfile)] + files {
                let entry = TarEntry(path: Array(name.utf8), kind: .file, size: Int64(content.utf8.count))
                tar += entry.headerBytes() + Array(content.utf8) + TarEntry.padding(after: entry.size)
            }
            let context = try await network.api.upload(tar + TarEntry.trailer, key: submitter.key)
            let spec = """
                {"schema":"parity.task/v1","reward":1000,"environment":{"dockerfile":{"context":"\(context)","args":\(args)}}}
                """
            let task = try await network.api.submit(spec, key: submitter.key)
            #expect(task.state == .building)
            return task.id
        }

        func task(_ id: TaskID) async throws -> TaskObject { try await network.api.task(id, key: submitter.key) }

        func settled(_ id: TaskID) async throws -> TaskObject {
            let settled = try await TestEnvironment.eventually(within: .seconds(240)) { try await task(id).settled }
            #expect(settled)
            return try await task(id)
        }

        /// The task's whole history, once it is settled.
        func events(_ id: TaskID) async throws -> String { try await network.api.events(id, key: submitter.key) }

        func balance() async throws -> Int64 {
            let (_, body) = try await network.api.send("GET", "/v1/accounts/me", key: submitter.key)
            return try network.api.decode(AccountObject.self, body).balance.units
        }

        /// Containers of a step that runs `marker`.
        func isRunning(_ marker: String) async throws -> Bool {
            let text = try await TestCommand.run(
                "docker", ["-H", try TestEnvironment.docker, "ps", "-a", "--no-trunc", "--format", "{{.Command}}"])
            return text.contains(marker)
        }
    }

    private func stage(_ body: @escaping @Sendable (Stage) async throws -> Void) async throws {
        // Containers take their time on a busy machine.
        try await TestNetwork.run(overrides: ["PARITY_LEASE": "30s"]) { network in
            try await RealAgents.with(network) { agents in
                let submitter = try await network.api.makeAccount("submitter", units: 10_000)
                try await body(Stage(network: network, agents: agents, submitter: submitter))
                try await PipelineTests.check(network)
            }
        }
    }

    /// Runs three runners and as many builders while `body` runs.
    private func running(
        _ stage: Stage, builders: Int = 1, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup { group in
            for index in 0..<3 { group.addTask { try await stage.agents.runRunner("runner\(index)") } }
            for index in 0..<builders { group.addTask { try await stage.agents.runBuilder("builder\(index)") } }
            try await body()
            group.cancelAll()
            while let result = await group.nextResult() { if case .failure(let error) = result { _ = error } }
        }
    }

    private static let base = "ARG BASE=debian:bookworm-slim\nFROM ${BASE}\n"
    private static let args = #"{"BASE":"parity-test/busybox"}"#

    @Test(.timeLimit(.minutes(25)))
    func `A Dockerfile is built once, run by three, and the task names what was built of what`() async throws {
        try await stage { stage in
            try await running(stage, builders: 2) {
                let dockerfile =
                    Self.base + "RUN echo a step of the build\nCOPY run /run.sh\nCMD [\"sh\", \"/run.sh\"]\n"
                let files = [("run", "cat /proc/self/attr/none 2>/dev/null; echo built and run > /output/answer\n")]
                let first = try await stage.submit(dockerfile, files: files, args: Self.args)
                let second = try await stage.submit(dockerfile, files: files, args: Self.args)
                let tasks = [try await stage.settled(first), try await stage.settled(second)]
                let third = try await stage.submit(dockerfile, files: files, args: Self.args)
                for task in tasks + [try await stage.settled(third)] {
                    #expect(task.state == .verified, "\(task.verdict?.reason ?? "")")
                    #expect(task.build?.state == .built)
                    #expect(task.build?.imageDigest == tasks[0].build?.imageDigest)
                    #expect(task.build?.bases?.map(\.reference) == ["parity-test/busybox"])
                    #expect(
                        task.replicas.filter { $0.state == .completed }.allSatisfy { $0.matched == true })
                }
                let grants = try await stage.network.pool.query("SELECT build_id FROM build_attempts")
                #expect(grants.count == 1, "equal contexts are built once")
                #expect(try await stage.events(third).contains("\"reused\""))
                #expect(try await stage.events(first).contains("a step of the build"))
                let log = try await stage.network.api.send(
                    "GET", "/v1/tasks/\(first)/build-log", key: stage.submitter.key)
                #expect(String(decoding: log.body, as: UTF8.self).contains("a step of the build\n"))
                let answer = try await stage.network.api.send(
                    "GET", "/v1/tasks/\(first)/output/answer", key: stage.submitter.key)
                #expect(String(decoding: answer.body, as: UTF8.self) == "built and run\n")
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A build that fails ends its task with its log and a full refund`() async throws {
        try await stage { stage in
            try await running(stage) {
                let id = try await stage.submit(
                    Self.base + "RUN echo this goes well\nRUN echo this does not >&2; exit 7\n", args: Self.args)
                let task = try await stage.settled(id)
                #expect(task.state == .failed)
                #expect(task.verdict?.reason == "build_failed")
                #expect(task.build?.detail?.contains("non-zero code: 7") == true)
                #expect(task.replicas.isEmpty)
                #expect(try await stage.balance() == 10_000)
                let events = try await stage.events(id)
                #expect(events.contains("this goes well"))
                #expect(events.contains("this does not"))
                #expect(events.contains("build.failed"))
                let log = try await stage.network.api.send(
                    "GET", "/v1/tasks/\(id)/build-log", key: stage.submitter.key)
                #expect(String(decoding: log.body, as: UTF8.self).contains("this does not"))
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Cancelling a task stops its build and refunds it`() async throws {
        try await stage { stage in
            try await running(stage) {
                let marker = "sleep 7\(Int.random(in: 1000...9999))"
                let id = try await stage.submit(Self.base + "RUN echo begun; \(marker)\n", args: Self.args)
                let begun = try await TestEnvironment.eventually(within: .seconds(240)) {
                    try await stage.isRunning(marker)
                }
                #expect(begun)
                let (status, _) = try await stage.network.api.send(
                    "POST", "/v1/tasks/\(id)/cancel", key: stage.submitter.key)
                #expect(status == 200)
                #expect(try await stage.settled(id).state == .cancelled)
                let gone = try await TestEnvironment.eventually(within: .seconds(240)) {
                    try await !stage.isRunning(marker)
                }
                #expect(gone)
                #expect(try await stage.balance() == 10_000)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A builder that dies is replaced, and the task is verified all the same`() async throws {
        try await stage { stage in
            try await running(stage, builders: 0) {
                let marker = "sleep 20.0\(Int.random(in: 1000...9999))"
                let doomed = Task { try await stage.agents.runBuilder("doomed") }
                let id = try await stage.submit(
                    Self.base + "RUN \(marker)\nCMD [\"sh\", \"-c\", \"echo done\"]\n", args: Self.args)
                let begun = try await TestEnvironment.eventually(within: .seconds(240)) {
                    try await stage.isRunning(marker)
                }
                #expect(begun)
                doomed.cancel()
                _ = await doomed.result
                let heir = Task { try await stage.agents.runBuilder("heir") }
                let task = try await stage.settled(id)
                #expect(task.state == .verified)
                #expect(try await stage.events(id).contains(#""attempt":2"#))
                heir.cancel()
                _ = await heir.result
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Only an account with the right registers builders`() async throws {
        try await stage { stage in
            for (account, isAllowed) in [(stage.agents.operators, false), (stage.agents.builders, true)] {
                let error = await #expect(throws: (any Error).self) {
                    try await withThrowingTaskGroup { group in
                        group.addTask {
                            try await stage.network.runBuilder("b", operator: account, folder: "/nowhere") { _ in
                                throw CancellationError()
                            }
                        }
                        try await group.next()
                    }
                }
                #expect((error is CancellationError) == isAllowed)
                if !isAllowed { #expect((error as? Problem)?.status == 403) }
            }
        }
    }
}
