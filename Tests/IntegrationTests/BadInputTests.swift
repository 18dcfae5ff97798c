import Foundation
import ParityProtocol
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct BadInputTests {
    @Test(.timeLimit(.minutes(1)))
    func `Bad input gets an error that names the fault`() async throws {
        try await TestNetwork.run { network in
            let api = network.api
            let account = try await api.makeAccount("poor", units: 100)
            func problem(_ answer: (status: Int, body: Data)) throws -> Problem {
                try api.decode(Problem.self, answer.body)
            }

            #expect(try await api.send("GET", "/v1/tasks").status == 401)
            #expect(try await api.send("GET", "/v1/tasks", key: "wrong").status == 401)
            #expect(try await api.send("GET", "/v1/nothing", key: account.key).status == 404)
            #expect(try await api.send("GET", "/v1/tasks/\(UUID())", key: account.key).status == 404)
            #expect(try await api.send("DELETE", "/v1/tasks", key: account.key).status == 405)
            let text = try await api.send(
                "POST", "/v1/tasks", key: account.key, json: "x", headers: [("Content-Type", "text/plain")])
            #expect(text.status == 415)
            let large = try await api.send(
                "POST", "/v1/tasks", key: account.key, json: String(repeating: " ", count: (1 << 20) + 1))
            #expect(large.status == 413)
            #expect(try await api.send("POST", "/v1/tasks", key: account.key, json: "{").status == 400)
            let invalid = try await api.send(
                "POST", "/v1/tasks", key: account.key,
                json: #"{"schema":"parity.task/v1","environment":{"image":"busybox:latest"},"reward":0,"colour":1}"#)
            #expect(invalid.status == 422)
            #expect(
                Set(try problem(invalid).faults?.map(\.pointer) ?? []) == ["/colour", "/environment/image", "/reward"])
            let poor = try await api.send(
                "POST", "/v1/tasks", key: account.key, json: TestAPI.spec("agree", reward: 101))
            #expect(poor.status == 402)
            #expect(try problem(poor).code == "insufficient_balance")
            #expect(try await network.pool.query("SELECT id FROM tasks").isEmpty, "nothing was recorded")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `An idempotency key books one task, also for twenty requests at once`() async throws {
        try await TestNetwork.run { network in
            let account = try await network.api.makeAccount("submitter", units: 10_000)
            let spec = TestAPI.spec("agree", reward: 100)
            let key = ("Idempotency-Key", "once")
            let ids = try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let (status, body) = try await network.api.send(
                            "POST", "/v1/tasks", key: account.key, json: spec, headers: [key])
                        return status == 201 ? try network.api.decode(TaskObject.self, body).id : nil
                    }
                }
                return try await group.reduce(into: Set<TaskID?>()) { $0.insert($1) }
            }
            #expect(ids.count == 1 && !ids.contains(nil))
            let other = try await network.api.send(
                "POST", "/v1/tasks", key: account.key, json: TestAPI.spec("agree", reward: 101), headers: [key])
            #expect(other.status == 422)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `Forty tasks at once cannot overspend`() async throws {
        try await TestNetwork.run { network in
            let account = try await network.api.makeAccount("submitter", units: 1000)
            let statuses = try await withThrowingTaskGroup { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await network.api.send(
                            "POST", "/v1/tasks", key: account.key, json: TestAPI.spec("agree", reward: 100)
                        ).status
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.count { $0 == 201 } == 10)
            #expect(statuses.allSatisfy { $0 == 201 || $0 == 402 })
        }
    }
}
