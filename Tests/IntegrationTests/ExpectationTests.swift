import Foundation
import ParityProtocol
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct ExpectationTests {
    /// What is expected of which output, and the fields that it fails.
    private static let cases: [(command: String, expect: String, failed: [String])] = [
        ("write", "{}", []),
        ("write", #"{"files":["a.txt"],"max_output_bytes":79,"stdout":{"pattern":"^ready$"}}"#, []),
        ("write", #"{"exit_code":1,"files":["b.txt"]}"#, ["/expect/exit_code", "/expect/files/0"]),
        (
            "write", #"{"max_output_bytes":78,"stdout":{"pattern":"^done$"}}"#,
            ["/expect/max_output_bytes", "/expect/stdout/pattern"]
        ),
        ("write", #"{"stdout":{"text":"ready\n"}}"#, ["/expect/stdout"]),
        ("agree", #"{"files":["a.txt"]}"#, ["/expect"]),
        ("agree", #"{"output_digest":"sha256:\#(String(repeating: "0", count: 64))"}"#, ["/expect/output_digest"]),
    ]

    @Test(.timeLimit(.minutes(25)))
    func `Runners are paid for agreeing, and the submitter is told what was not met`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 10_000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    let executor = ScriptedExecutor(name: "r\(index)", uploads: false)
                    agents.addTask {
                        try await network.runAgent("runner\(index)", operator: operators, executor: executor)
                    }
                }
                for (command, expect, failed) in Self.cases {
                    let task = try await network.api.submit(
                        TestAPI.spec(command, extra: ",\"expect\":\(expect)"), key: submitter.key)
                    let settled = try await TestEnvironment.eventually {
                        let seen = try await network.api.task(task.id, key: submitter.key)
                        return seen.settled && seen.expectationFailed != nil
                    }
                    #expect(settled, "\(expect)")
                    let ended = try await network.api.task(task.id, key: submitter.key)
                    #expect(ended.state == .verified && ended.paid == ended.reward, "\(expect)")
                    #expect(ended.expectationFailed == !failed.isEmpty, "\(expect)")
                    #expect((ended.expectationFailures ?? []).map(\.pointer) == failed, "\(expect)")
                    let (_, stream) = try await network.api.send(
                        "GET", "/v1/tasks/\(task.id)/events", key: submitter.key)
                    let text = String(decoding: stream, as: UTF8.self)
                    #expect(text.contains("\"expectation_failed\":\(!failed.isEmpty)"))
                    for pointer in failed { #expect(text.contains("\"pointer\":\"\(pointer)\""), "\(expect)") }
                }
                await #expect(throws: PostgresError.self, "what is known never changes") {
                    try await network.pool.query("UPDATE expectations SET failures = '[]'")
                }
                try await PipelineTests.check(network)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }
}
