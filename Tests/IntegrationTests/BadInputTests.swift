import Foundation
import Logging
import ParityProtocol
import PostgresClient
import TestSupport
import Testing

@testable import Gateway

@Suite(.serialized) struct BadInputTests {
    @Test(.timeLimit(.minutes(25)))
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
            let schema = try await api.send("GET", "/v1/schemas/task.json")
            #expect(schema.status == 200 && schema.body == Data(TaskSchema.bytes))
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

    @Test(.timeLimit(.minutes(25)))
    func `An idempotency key books one task, also for twenty requests at once`() async throws {
        try await TestNetwork.run { network in
            // Just enough for one: a request that did not wait for the first would find nothing to pay with.
            let account = try await network.api.makeAccount("submitter", units: 100)
            let spec = TestAPI.spec("agree", reward: 100)
            let key = ("Idempotency-Key", "once")
            let ids = try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let (status, body) = try await network.api.sendUntilTaken(
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

    @Test(.timeLimit(.minutes(25)))
    func `Making an account again with the same idempotency key gives the same account and key`() async throws {
        try await TestNetwork.run { network in
            func create(_ name: String, _ key: String) async throws -> (status: Int, body: Data) {
                try await network.api.send(
                    "POST", "/v1/accounts", key: TestAPI.adminKey, json: "{\"name\":\"\(name)\"}",
                    headers: [("Idempotency-Key", key)])
            }
            let first = try network.api.decode(AccountObject.self, try await create("a", "once").body)
            let second = try network.api.decode(AccountObject.self, try await create("a", "once").body)
            #expect(first == second && first.apiKey != nil)
            #expect(try await network.api.send("GET", "/v1/accounts/me", key: first.apiKey).status == 200)
            #expect(try await create("b", "once").status == 422)
            let other = try network.api.decode(AccountObject.self, try await create("a", "twice").body)
            #expect(other.id != first.id && other.apiKey != first.apiKey)
            let kept = try await network.pool.query("SELECT response FROM idempotency_keys")
            for row in kept { #expect(!(try row.decode("response", as: String.self).contains("parity_"))) }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A page of large specs is cut short and goes on`() async throws {
        try await TestNetwork.run { network in
            let account = try await network.api.makeAccount("submitter", units: 100)
            let words = Array(repeating: "\"\(String(repeating: "x", count: 60_000))\"", count: 14).joined(
                separator: ",")
            let spec = TestAPI.spec("agree", reward: 1, extra: ",\"entrypoint\":[\(words)]")
            for _ in 0..<7 { _ = try await network.api.submit(spec, key: account.key) }
            var seen: [TaskID] = []
            var cursor: String?
            var pages = 0
            repeat {
                let query = cursor.map { "?cursor=\($0)" } ?? ""
                let page = try network.api.decode(
                    Page<TaskObject>.self,
                    try await network.api.send("GET", "/v1/tasks\(query)", key: account.key).body)
                seen += page.items.map(\.id)
                cursor = page.nextCursor
                pages += 1
            } while cursor != nil && pages < 10
            #expect(Set(seen).count == 7 && seen.count == 7)
            #expect(pages == 2)
        }
    }

    @Test func `An account has so many event streams and no more`() throws {
        let logger = Logger(label: "test")
        let pool = PostgresPool(
            configuration: try PostgresConfiguration(url: "postgres://nobody@127.0.0.1:1/x"), logger: logger)
        let watch = EventWatch(pool: pool, logger: logger)
        let (account, other) = (AccountID(UUID.v7()), AccountID(UUID.v7()))
        var places = (0..<EventWatch.maximumStreams).map { _ in watch.admit(account) }
        #expect(!places.contains { $0 == nil })
        #expect(watch.admit(account) == nil)
        #expect(watch.admit(other) != nil)
        places.removeLast()
        #expect(watch.admit(account) != nil)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Forty tasks at once cannot overspend`() async throws {
        try await TestNetwork.run { network in
            let account = try await network.api.makeAccount("submitter", units: 1000)
            let statuses = try await withThrowingTaskGroup { group in
                for number in 0..<40 {
                    group.addTask {
                        try await network.api.sendUntilTaken(
                            "POST", "/v1/tasks", key: account.key, json: TestAPI.spec("agree", reward: 100),
                            headers: [("Idempotency-Key", "\(number)")]
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
