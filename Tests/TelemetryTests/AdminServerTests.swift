import AsyncHTTPClient
import CoreMetrics
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing

@testable import Telemetry

@Suite(.timeLimit(.minutes(25))) struct AdminServerTests {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `probes and metrics are answered`() async throws {
        let isReady = Mutex(false)
        let metrics = MetricsRegistry()
        metrics.makeCounter(label: "seen_total", dimensions: []).increment(by: 4)
        let checks = [
            ReadinessCheck("postgres") { true }, ReadinessCheck("the \"broker\"") { isReady.withLock { $0 } },
        ]
        try await withServer(checks: checks, metrics: metrics) { base in
            #expect(try await get(base + "/healthz").status == 200)
            let waiting = try await get(base + "/readyz")
            #expect(waiting.status == 503)
            #expect(waiting.body == "{\"missing\":[\"the \\\"broker\\\"\"],\"ready\":false}\n")
            isReady.withLock { $0 = true }
            let ready = try await get(base + "/readyz")
            #expect(ready.status == 200)
            #expect(ready.body == "{\"ready\":true}\n")
            let exposed = try await get(base + "/metrics")
            #expect(exposed.body.contains("seen_total 4\n"))
            #expect(exposed.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try await get(base + "/nothing").status == 404)
        }
    }

    @Test func `a port that is taken is told by address`() async throws {
        try await withServer(checks: [], metrics: MetricsRegistry()) { base in
            let port = try #require(Int(base.split(separator: ":").last ?? ""))
            let second = AdminServer(settings: AdminSettings(host: "127.0.0.1", port: port), checks: [], logger: logger)
            let error = await #expect(throws: AdminServerError.self) { try await second.run() }
            #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        }
    }

    private func withServer(
        checks: [ReadinessCheck], metrics: MetricsRegistry, _ body: (String) async throws -> Void
    ) async throws {
        let (ports, ready) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(
            settings: AdminSettings(host: "127.0.0.1", port: 0), checks: checks, metrics: metrics, logger: logger
        ) { port in ready.yield(port) }
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body("http://127.0.0.1:\(port)")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func get(_ url: String) async throws -> (status: Int, type: String?, body: String) {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 1 << 20)
        return (Int(response.status.code), response.headers.first(name: "content-type"), String(buffer: body))
    }
}
