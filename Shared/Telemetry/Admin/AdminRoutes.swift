import HTTPTypes
package import Hummingbird
import NIOCore

/// The three routes that every service answers.
package enum AdminRoutes {
    package static let paths: [RouterPath] = ["/healthz", "/readyz", "/metrics"]

    /// Adds `GET /healthz` (200 while the process lives), `GET /readyz` (200 when all `checks` hold, else 503 with the
    /// names of those that do not) and `GET /metrics` (Prometheus text 0.0.4).
    package static func add<Context: RequestContext>(
        to router: Router<Context>, checks: [ReadinessCheck], metrics: MetricsRegistry = Telemetry.metrics
    ) {
        router.get("/healthz") { _, _ in json("{\"alive\":true}\n") }
        router.get("/readyz") { _, _ in
            let missing = checks.filter { !$0.isReady() }.map(\.name)
            return json(readiness(missing: missing), status: missing.isEmpty ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            response(metrics.exposition(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    static func readiness(missing: [String]) -> String {
        guard !missing.isEmpty else { return "{\"ready\":true}\n" }
        var text = "{\"missing\":["
        for (index, name) in missing.enumerated() {
            if index > 0 { text += "," }
            JSONText.append(name, to: &text)
        }
        return text + "],\"ready\":false}\n"
    }

    private static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        response(text, type: "application/json", status: status)
    }

    private static func response(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
