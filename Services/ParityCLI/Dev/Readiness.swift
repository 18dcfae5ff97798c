import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import ParityProtocol

/// Waiting for what was started.
enum Readiness {
    static let interval = Duration.milliseconds(200)

    /// Asks `missing` until it answers nil; throws ``CommandFailure`` with its last answer, and the end of the log
    /// file, when that takes too long.
    static func poll(
        _ what: String, seconds: Int, logFile: String? = nil, _ missing: () async throws -> String?
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while let reason = try await missing() {
            guard ContinuousClock.now < deadline else {
                let lines = logFile.map { ["the end of \($0):"] + lastLines(of: $0) } ?? []
                throw CommandFailure(
                    .failure, lines: ["\(what) was not ready within \(seconds) s: \(reason)"] + lines)
            }
            try await Task.sleep(for: interval)
        }
    }

    /// Waits for 200 on a service's /readyz.
    static func service(_ name: String, port: Int, seconds: Int = 90) async throws {
        try await poll(name, seconds: seconds) {
            guard
                let response = try? await HTTPClient.shared.execute(
                    HTTPClientRequest(url: "http://127.0.0.1:\(port)/readyz"), timeout: .seconds(5))
            else { return "its probe does not answer" }
            guard response.status.code != 200 else { return nil }
            let body = (try? await response.body.collect(upTo: 65_536)).map { Array(buffer: $0) } ?? []
            let missing = (try? JSONValue.parse(body))?["missing"]?.array?.compactMap(\.string) ?? []
            return missing.isEmpty ? "it says \(response.status.code)" : "it misses \(missing.joined(separator: ", "))"
        }
    }

    static func lastLines(of path: String, count: Int = 15) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data.suffix(16 << 10), as: UTF8.self).split(separator: "\n").suffix(count).map(
            String.init)
    }
}
