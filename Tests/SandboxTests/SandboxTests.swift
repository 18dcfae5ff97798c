import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

@Suite(.serialized) struct SandboxTests {
    /// As the agent makes it; the shared client would ask for compressed archives.
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)
    private static let image = "parity-test/busybox"
    private let label = "network.parity.runner=test-\(UUID().uuidString)"

    private func engine() throws -> DockerEngine {
        try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
    }

    private func sandbox() throws -> Sandbox {
        Sandbox(engine: try engine(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Hands a job for `script` over, with a scratch folder that is gone afterwards.
    private func withJob<T>(
        _ script: String, inputs: [SandboxJob.Input] = [], limits: TaskLimits = TaskLimits(wallSeconds: 60),
        surroundings: Surroundings = .standard, _ body: (SandboxJob) async throws -> T
    ) async throws -> T {
        let found = try #require(
            try await engine().image(Self.image), "\(Self.image) is missing: deploy/test makes it")
        let scratch = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let reward = try #require(Amount(units: 1))
        let environment = try #require(Digest(found.id))
        let spec = TaskSpec(
            environment: .imageID(environment), command: ["sh", "-c", script], limits: limits, reward: reward)
        let parts = label.split(separator: "=")
        return try await body(
            SandboxJob(
                name: "parity-test-\(UUID().uuidString.lowercased())", image: found.id, spec: spec, inputs: inputs,
                labels: [String(parts[0]): String(parts[1])], scratch: scratch, surroundings: surroundings))
    }

    private func run(
        _ script: String, inputs: [SandboxJob.Input] = [], limits: TaskLimits = TaskLimits(wallSeconds: 60),
        surroundings: Surroundings = .standard
    ) async throws -> SandboxResult {
        let result = try await withJob(script, inputs: inputs, limits: limits, surroundings: surroundings) {
            try await sandbox().prepare($0).execute()
        }
        let left = try await engine().containers(label: label) + engine().volumes(label: label)
        #expect(left.isEmpty, "nothing is left")
        return result
    }

    @Test(.timeLimit(.minutes(25))) func `Everything can write to /tmp, also where the image's own /tmp is root's`()
        async throws
    {
        let result = try await run("echo x > /tmp/x && cat /tmp/x && cat $(mktemp) && echo written")
        #expect(result.manifest?.stdout.digest == Digest.sha256(of: Array("x\nwritten\n".utf8)), "\(result.detail)")
    }

    @Test(.timeLimit(.minutes(25)))
    func `Equal work gives equal digests, with files of every kind`() async throws {
        let script = """
            echo hello; mkdir /output/d; echo data > /output/d/file; ln -s file /output/d/link; ln /output/d/file /output/hard
            echo '#!/bin/sh' > /output/tool; chmod 755 /output/tool; cat /input/dir/in.txt >> /output/d/file; exit 3
            """
        let input = SandboxJob.Input(path: "dir/in.txt", content: .bytes(Array("in".utf8)))
        let first = try await run(script, inputs: [input])
        let second = try await run(script, inputs: [input])
        #expect(first.outcome == .completed && first.exitCode == 3)
        #expect(first.outputDigest == second.outputDigest)
        let paths = first.manifest?.files.compactMap(\.path.text)
        #expect(paths == ["d", "d/file", "d/link", "hard", "tool"])
        #expect(first.manifest?.stdout.digest == Digest.sha256(of: Array("hello\n".utf8)))
    }

    @Test(.timeLimit(.minutes(25)))
    func `Surroundings that vary are what the run sees`() async throws {
        var surroundings = Surroundings.standard
        surroundings.hostname = "elsewhere"
        surroundings.user = 1234
        surroundings.environment["TZ"] = "JST-9"
        surroundings.memoryBytes = 96 << 20
        let script =
            "hostname; hostname -i; id -u; id -g; date -d @0 +%H; grep MemTotal /proc/meminfo; touch /output/x /tmp/x"
        let result = try await run(script, surroundings: surroundings)
        let expected = "elsewhere\n127.0.0.1\n1234\n1234\n09\nMemTotal:          98304 kB\n"
        #expect(result.manifest?.stdout.digest == Digest.sha256(of: Array(expected.utf8)))
        #expect(result.exitCode == 0 && result.manifest?.files.count == 1)
    }

    @Test(.timeLimit(.minutes(25)))
    func `An output whose keeper has ended is lost, not empty`() async throws {
        let engine = try engine()
        try await withJob("echo x > /output/x; sleep 15") { job in
            let prepared = try await sandbox().prepare(job)
            let running = Task { try await prepared.execute() }
            let isRunning = try await TestEnvironment.eventually { try await engine.state(job.name).isRunning }
            #expect(isRunning)
            try await engine.kill(job.keeperName)
            await #expect(throws: DockerError.self) { try await running.value }
        }
        #expect(try await engine.containers(label: label).isEmpty)
    }

    @Test(.timeLimit(.minutes(25)))
    func `What cannot be removed while the engine is away is removed when it is back`() async throws {
        let socket = try #require(try TestEnvironment.docker.split(separator: "unix://").first.map(String.init))
        let away = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        defer { try? FileManager.default.removeItem(atPath: away) }
        let janitor = Janitor(
            engine: try DockerEngine(endpoint: "unix://\(away)", client: Self.client),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withJob("true") { job in
            let prepared = try await sandbox().prepare(job)
            await janitor.remove(prepared.remains)
            #expect(try await engine().containers(label: label).count == 2)
            try FileManager.default.createSymbolicLink(atPath: away, withDestinationPath: socket)
            await janitor.catchUp()
        }
        let left = try await engine().containers(label: label) + engine().volumes(label: label)
        #expect(left.isEmpty)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Cancelling removes the container`() async throws {
        let task = Task { try await run("sleep 60", limits: TaskLimits(wallSeconds: 100)) }
        let engine = try engine()
        let started = try await TestEnvironment.eventually { try await !engine.containers(label: label).isEmpty }
        #expect(started)
        task.cancel()
        _ = await task.result
        let gone = try await TestEnvironment.eventually { try await engine.containers(label: label).isEmpty }
        #expect(gone)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Cancelling at any moment of the preparation leaves nothing`() async throws {
        let engine = try engine()
        for step in 0..<12 {
            let task = Task { try await run("true") }
            try await Task.sleep(for: .milliseconds(step * 15))
            task.cancel()
            _ = await task.result
            let left = try await engine.containers(label: label) + engine.volumes(label: label)
            #expect(left.isEmpty, "cancelled after \(step * 15) ms")
        }
    }
}
