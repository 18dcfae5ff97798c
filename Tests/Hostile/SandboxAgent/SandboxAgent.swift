import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import Sandbox

/// Runs one job in the sandbox as an agent would, in a process of its own that a test may kill or measure:
///
///     sandbox-agent ENGINE LABEL-VALUE IMAGE-ID OUTPUT-BYTES SCRIPT
///
/// At the end it prints the outcome, and the most memory that the process ever had, in KiB.
@main
struct SandboxAgent {
    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count == 6, let image = Digest(words[3]), let outputBytes = Int64(words[4]),
            let reward = Amount(units: 1)
        else { throw ArgumentsDoNotFit() }
        let scratch = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let spec = TaskSpec(
            environment: .imageID(image), command: ["sh", "-c", words[5]],
            limits: TaskLimits(wallSeconds: 600, outputBytes: outputBytes), reward: reward)
        let job = SandboxJob(
            name: "parity-test-\(UUID().uuidString.lowercased())", image: words[3], spec: spec, inputs: [],
            labels: ["network.parity.runner": words[2]], scratch: scratch)
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let sandbox = Sandbox(
            engine: try DockerEngine(endpoint: words[1], client: client), logger: Logger(label: "sandbox-agent"))
        let result = try await sandbox.prepare(job).execute()
        print(result.outcome.rawValue, result.manifest?.contents.map(\.size).max() ?? 0, peakKibibytes())
        try await client.shutdown()
    }

    /// `VmHWM` of this process.
    private static func peakKibibytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return line.split(separator: " ").compactMap { Int($0.filter(\.isNumber)) }.first { $0 > 0 } ?? 0
    }
}

struct ArgumentsDoNotFit: Error {}
