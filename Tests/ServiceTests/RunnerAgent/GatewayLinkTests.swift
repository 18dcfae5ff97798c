import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import TestSupport
import Testing

@testable import RunnerAgent

/// What the agent asks of a gateway that has a bad day.
@Suite(.serialized) struct GatewayLinkTests {
    private static let bytes = "what a run left"
    private let digest = Digest.sha256(of: Array(Self.bytes.utf8))

    private func link(_ base: String) -> GatewayLink {
        GatewayLink(
            client: .shared, base: base, apiKey: "key", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func withOutput(_ body: (String) async throws -> Void) async throws {
        try await TemporaryFolder.with { try await body(try $0.write("output", Self.bytes)) }
    }

    /// An answer to HEAD has no body.
    private static func refusal(_ request: RecordedRequest, _ status: Int) -> ScriptedAnswer {
        request.method == "HEAD" ? ScriptedAnswer(status: status, chunks: []) : .problem(status, "trouble")
    }

    @Test(.timeLimit(.minutes(25)), arguments: [429, 500, 502, 503, 507])
    func `An upload outlives refusals that pass`(status: Int) async throws {
        try await withOutput { path in
            try await FakeGateway.run({ request, before in
                if before < 2 { return Self.refusal(request, status) }
                return request.method == "HEAD" ? Self.refusal(request, 404) : .json("{}", status: 201)
            }) { gateway, base in
                try await link(base).upload(digest, from: path)
                let puts = gateway.requests.filter { $0.method == "PUT" }
                #expect(puts.count == 3 && puts.allSatisfy { $0.body == Self.bytes })
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An upload outlives a gateway that is not there for some seconds`() async throws {
        try await withOutput { path in
            let reserved = try UnservedPort()
            let port = reserved.port
            let upload = Task { try await link("http://127.0.0.1:\(port)").upload(digest, from: path) }
            // How long the outage lasts.
            try await Task.sleep(for: .seconds(6))
            try await FakeGateway.run(
                port: port,
                { request, _ in request.method == "HEAD" ? Self.refusal(request, 404) : .json("{}", status: 201) }
            ) { gateway, _ in
                try await upload.value
                #expect(gateway.requests.last?.body == Self.bytes)
            }
            withExtendedLifetime(reserved) {}
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Who is cancelled stops asking, and an answer for good is taken at once`() async throws {
        try await withOutput { path in
            let nobody = try UnservedPort()
            let upload = Task { try await link("http://127.0.0.1:\(nobody.port)").upload(digest, from: path) }
            upload.cancel()
            await #expect(throws: (any Error).self) { try await upload.value }
            try await FakeGateway.run({ request, _ in
                request.method == "HEAD" ? Self.refusal(request, 404) : .problem(413, "too_large")
            }) { gateway, base in
                let refused = await #expect(throws: Problem.self) { try await link(base).upload(digest, from: path) }
                #expect(refused?.code == "too_large" && gateway.requests.count == 2)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A file that cannot be read or written is this machine's fault, and not waited for`() async throws {
        let answer: @Sendable (RecordedRequest, Int) -> ScriptedAnswer = { request, _ in
            request.method == "HEAD" ? Self.refusal(request, 404) : .bytes(Array(Self.bytes.utf8))
        }
        try await FakeGateway.run(answer) { _, base in
            await #expect(throws: (any Error).self) { try await link(base).upload(digest, from: "/nowhere") }
            await #expect(throws: (any Error).self) { try await link(base).download(digest, to: "/nowhere/at/all") }
            await #expect(throws: (any Error).self) { try await link(base).download(digest, to: "/dev/full") }
        }
    }
}
