import ParityProtocol
import TestSupport
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(25))) struct CLIGatewayTests {
    @Test func `a call carries key, trace and a fresh idempotency key`() async throws {
        try await FakeGateway.run { _, _ in
            .json(Samples.task(), status: 201)
        } _: { gateway, url in
            try await GatewayClient.with(Samples.client(url)) { client in
                _ = try await client.submit(["a": 1])
                let answer = try await client.submit(["a": 1])
                #expect(answer.json.contains("\"new_field\":\"kept\""))
            }
            let keys = gateway.requests.compactMap { $0.headers["idempotency-key"] }
            #expect(Set(keys).count == 2)
            #expect(gateway.requests.first?.headers["authorization"] == "Bearer secret-key")
            #expect(gateway.requests.first?.body == "{\"a\":1}")
        }
    }

    @Test func `a busy gateway is asked again with the same idempotency key`() async throws {
        try await FakeGateway.run { _, before in
            before < 2 ? .problem(503, "busy") : .json(Samples.task(), status: 201)
        } _: { gateway, url in
            try await GatewayClient.with(Samples.client(url)) { client in _ = try await client.submit([:]) }
            let keys = gateway.requests.compactMap { $0.headers["idempotency-key"] }
            #expect(keys.count == 3)
            #expect(Set(keys).count == 1)
        }
    }

    @Test(arguments: [
        (400, CommandExit.refused), (401, .unauthorized), (402, .insufficientBalance), (403, .unauthorized),
        (404, .notFound), (409, .refused), (413, .refused), (415, .refused), (422, .refused), (500, .failure),
    ]) func `an error answer gives its exit code and its words`(status: Int, expected: CommandExit) async throws {
        try await FakeGateway.run { _, _ in
            .problem(
                status, "code-\(status)",
                faults: "[{\"pointer\":\"/reward\",\"code\":\"range\",\"message\":\"too low\"}]")
        } _: { gateway, url in
            let error = await #expect(throws: GatewayFailure.self) {
                try await GatewayClient.with(Samples.client(url)) { _ = try await $0.account() }
            }
            let failure = try #require(error).commandFailure
            #expect(failure.status == expected)
            #expect(failure.lines[0] == "detail of code-\(status)")
            #expect(failure.lines[1] == "/reward: too low (range)")
            #expect(gateway.requests.count == 1)
        }
    }

    @Test func `something else than a gateway is told apart`() async throws {
        try await FakeGateway.run { _, before in
            before == 0 ? ScriptedAnswer(status: 418, type: "text/plain", chunks: []) : .json("[]")
        } _: { _, url in
            try await GatewayClient.with(Samples.client(url)) { client in
                for _ in 0..<2 {
                    let error = await #expect(throws: GatewayFailure.self) { try await client.account() }
                    #expect(error?.commandFailure.lines.first?.hasPrefix("the gateway answered") == true)
                }
            }
        }
    }

    @Test func `a gateway that is not there is unreachable`() async throws {
        let nobody = try UnservedPort()
        let error = await #expect(throws: GatewayFailure.self) {
            let settings = Samples.client("http://127.0.0.1:\(nobody.port)")
            try await GatewayClient.with(settings) { _ = try await $0.account() }
        }
        #expect(error?.commandFailure.status == .unreachable)
        #expect(error?.commandFailure.lines.first?.hasSuffix("connection refused") == true)
    }

    @Test func `a blob is sent once, whole and with its length`() async throws {
        try await TemporaryFolder.with { folder in
            let content = String(repeating: "0123456789", count: 100_000)
            let file = try LocalFile(try folder.write("blob", content))
            try await FakeGateway.run { request, before in
                request.method == "HEAD"
                    ? ScriptedAnswer(status: before == 0 ? 404 : 200, chunks: []) : .json("{}", status: 201)
            } _: { gateway, url in
                try await GatewayClient.with(Samples.client(url)) { client in
                    let isSent = try await client.upload(file)
                    let isSentAgain = try await client.upload(file)
                    #expect(isSent && !isSentAgain)
                }
                let puts = gateway.requests.filter { $0.method == "PUT" }
                #expect(puts.map(\.path) == ["/v1/blobs/\(file.digest)"])
                #expect(puts.first?.headers["content-length"] == "1000000")
                #expect(puts.first?.body == content)
            }
        }
    }

    @Test func `what stands in a path or query is escaped`() {
        #expect(GatewayClient.escape("a b/ü%") == "a%20b%2F%C3%BC%25")
        #expect(GatewayClient.escape("A-z.0_~") == "A-z.0_~")
    }
}
