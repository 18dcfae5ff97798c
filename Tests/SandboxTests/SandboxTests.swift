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

    private func run(
        _ script: String, inputs: [SandboxJob.Input] = [], limits: TaskLimits = TaskLimits(wallSeconds: 20)
    ) async throws -> SandboxResult {
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
        let found = try #require(
            try await engine.image(Self.image), "\(Self.image) is missing: deploy/test makes it")
        let scratch = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let reward = try #require(Amount(units: 1))
        let environment = try #require(Digest(found.id))
        let spec = TaskSpec(
            environment: .imageID(environment), command: ["sh", "-c", script], limits: limits, reward: reward)
        let parts = label.split(separator: "=")
        let job = SandboxJob(
            name: "parity-test-\(UUID().uuidString.lowercased())", image: found.id, spec: spec, inputs: inputs,
            labels: [String(parts[0]): String(parts[1])], scratch: scratch)
        let sandbox = Sandbox(engine: engine, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result = try await sandbox.prepare(job).execute()
        #expect(try await engine.containers(label: label).isEmpty, "no container is left")
        #expect(try await engine.volumes(label: label).isEmpty, "no volume is left")
        return result
    }

    @Test(.timeLimit(.minutes(1))) func `Everything can write to /tmp, also where the image's own /tmp is root's`()
        async throws
    {
        let result = try await run("echo x > /tmp/x && cat /tmp/x && cat $(mktemp) && echo written")
        #expect(result.manifest?.stdout.digest == Digest.sha256(of: Array("x\nwritten\n".utf8)), "\(result.detail)")
    }

    @Test(.timeLimit(.minutes(4)))
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

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "touch /x", "touch /input/x", "ip addr | grep -q eth", "id -u | grep -qx 0", "mount -t tmpfs none /mnt",
            "mknod /tmp/n c 1 1", "test -S /var/run/docker.sock", "test -n \"$(head -c 8 /dev/urandom)\"",
            "cat /proc/kcore | head -c 1 | grep -q .", "echo 1 > /proc/sys/kernel/panic", "chown 0 /tmp",
        ])
    func `What a container may not do fails inside`(attempt: String) async throws {
        let result = try await run("if \(attempt) 2>/dev/null; then echo reached; fi")
        #expect(result.outcome == .completed)
        #expect(result.manifest?.stdout.size == 0, "\(attempt)")
    }

    @Test(.timeLimit(.minutes(4)))
    func `Limits end a run with the outcome that they stand for`() async throws {
        let small = TaskLimits(memoryBytes: 32 << 20, pids: 32, wallSeconds: 10, outputBytes: 1 << 20, outputFiles: 10)
        #expect(try await run("yes | head -c 99000000 | sort", limits: small).outcome == .limitExceeded)
        #expect(try await run("yes", limits: small).outcome == .limitExceeded)
        #expect(try await run("for i in $(seq 20); do touch /output/$i; done", limits: small).outcome == .limitExceeded)
        #expect(
            try await run("head -c 900000 /dev/zero > /output/a; cp /output/a /output/b", limits: small).outcome
                == .limitExceeded)
        #expect(try await run("mkfifo /output/p", limits: small).outcome == .limitExceeded)
        let quick = TaskLimits(wallSeconds: 1)
        #expect(try await run("trap '' TERM; sleep 30", limits: quick).outcome == .timedOut)
        #expect(try await run("f() { f | f & }; f; sleep 1; exit 0", limits: small).outcome != .runnerError)
    }

    @Test(.timeLimit(.minutes(4)))
    func `Cancelling removes the container`() async throws {
        let task = Task { try await run("sleep 60", limits: TaskLimits(wallSeconds: 100)) }
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
        let started = try await TestEnvironment.eventually { try await !engine.containers(label: label).isEmpty }
        #expect(started)
        task.cancel()
        _ = await task.result
        let gone = try await TestEnvironment.eventually { try await engine.containers(label: label).isEmpty }
        #expect(gone)
    }

    @Test(.timeLimit(.minutes(4)))
    func `Cancelling at any moment of the preparation leaves nothing`() async throws {
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
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
