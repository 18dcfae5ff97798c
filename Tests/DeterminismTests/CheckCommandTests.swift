import AsyncHTTPClient
import Foundation
import ParityProtocol
import Sandbox
import TestSupport
import Testing

@testable import ParityCLI

/// `parity check` as a person runs it, on a real engine, without any network.
@Suite(.serialized) struct CheckCommandTests {
    private struct Run {
        var status: Int32
        var output: String
        var errors: String
        /// Under which `parity check` of this process has its containers.
        var process: Int32
    }

    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)

    private func engine() throws -> DockerEngine {
        try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
    }

    /// Runs `parity check` on a script for busybox; `meanwhile` may disturb it.
    private func check(
        _ arguments: [String], script: String, meanwhile: (Process) async throws -> Void = { _ in }
    ) async throws -> Run {
        let image = try #require(
            try await engine().image("parity-test/busybox"), "parity-test/busybox is missing: deploy/test makes it")
        return try await run(["--image", image.id] + arguments + ["--", "sh", "-c", script], meanwhile: meanwhile)
    }

    private func run(
        _ arguments: [String], meanwhile: (Process) async throws -> Void = { _ in }
    ) async throws -> Run {
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "parity")
        process.arguments = ["check"] + arguments
        process.environment = [
            "HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "PARITY_DOCKER_HOST": try TestEnvironment.docker,
        ]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        try await meanwhile(process)
        let ended = try await TestEnvironment.eventually(within: .seconds(600)) { !process.isRunning }
        #expect(ended)
        if !ended { process.terminate() }
        func text(_ pipe: Pipe) throws -> String {
            String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: FileManager.default.temporaryDirectory.path())
        let isTidy = !left.contains { $0.hasPrefix("parity-check-") && $0.contains("-\(process.processIdentifier)-") }
        #expect(isTidy || process.terminationReason == .uncaughtSignal, "no files are left")
        return Run(
            status: process.terminationStatus, output: try text(output), errors: try text(errors),
            process: process.processIdentifier)
    }

    private func leftovers(of process: Int32) async throws -> [String] {
        try await engine().containerLabels(CheckOwner.label).filter { $0.contains("-\(process)-") }
    }

    @Test(
        .timeLimit(.minutes(25)),
        arguments: [
            ("echo hello", [], CommandExit.success, "deterministic"),
            ("date +%s", [], .nondeterministic, "nondeterministic"),
            ("hostname", [], .success, "fragile"), ("hostname", ["--strict"], .nondeterministic, "fragile"),
            ("uname -r", [], .nondeterministic, "suspect"), ("exit 4", [], .expectationFailed, "deterministic"),
            ("exit 4", ["--expect-exit", "4"], .success, "deterministic"),
            ("sleep 30", ["--wall", "1"], .failed, "failed"),
        ])
    func `The verdict is the exit code`(
        script: String, arguments: [String], status: CommandExit, verdict: String
    ) async throws {
        let run = try await check(["--runs", "2", "--json"] + arguments, script: script)
        #expect(run.status == status.rawValue, "\(run.output) \(run.errors)")
        let json = try JSONValue.parse(Array(run.output.utf8))
        #expect(json["schema"]?.string == CheckReport.schema)
        #expect(json["verdict"]?.string == verdict)
        #expect(try await leftovers(of: run.process).isEmpty)
    }

    @Test(.timeLimit(.minutes(25)))
    func `A person sees what differs, why, and what to do`() async throws {
        let run = try await check([], script: "echo built at; date")
        #expect(run.output.contains("run 1  sha256:"))
        #expect(run.output.contains("stdout differs from byte "))
        #expect(run.output.contains("cause   a time stamp (high): "))
        #expect(run.output.contains("remedy  Write no time, or a fixed one"))
    }

    @Test(.timeLimit(.minutes(25)))
    func `A Dockerfile is built here, and its image goes again`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName())
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let mark = UUID().uuidString
        try Data("FROM parity-test/busybox\nRUN echo \(mark) > /mark\nCMD [\"cat\", \"/mark\"]\n".utf8)
            .write(to: folder.appending(path: "Dockerfile"))
        let run = try await run(["--dockerfile", folder.path(), "--runs", "2", "--json"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("RUN echo \(mark)"), "the build is shown")
        let stdout = OutputManifest.Content(
            digest: .sha256(of: Array("\(mark)\n".utf8)), size: Int64(mark.utf8.count + 1))
        let expected = OutputManifest(exitCode: 0, stdout: stdout, files: []).digest
        #expect(try JSONValue.parse(Array(run.output.utf8))["output_digest"]?.string == "\(expected)")
        let bad = try await self.run(["--dockerfile", folder.path(), "--runs", "2", "--", "false"])
        #expect(bad.status == CommandExit.expectationFailed.rawValue)
        try Data("FROM parity-test/busybox\nRUN false\n".utf8).write(to: folder.appending(path: "Dockerfile"))
        let failed = try await self.run(["--dockerfile", folder.path()])
        #expect(failed.status == CommandExit.failed.rawValue)
        #expect(failed.errors.contains("the image cannot be built"))
    }

    @Test(.timeLimit(.minutes(25)))
    func `What is interrupted cleans up, and what is killed is cleaned up by the next`() async throws {
        func started(_ process: Process) async throws {
            let label = process.processIdentifier
            let isThere = try await TestEnvironment.eventually(within: .seconds(240)) {
                try await !leftovers(of: label).isEmpty
            }
            #expect(isThere)
        }
        let interrupted = try await check([], script: "sleep 100") { process in
            try await started(process)
            process.interrupt()
        }
        #expect(interrupted.status == CommandExit.interrupted.rawValue, "\(interrupted.errors)")
        #expect(try await leftovers(of: interrupted.process).isEmpty)
        let killed = try await check([], script: "sleep 100") { process in
            try await started(process)
            kill(process.processIdentifier, SIGKILL)
        }
        #expect(try await !leftovers(of: killed.process).isEmpty)
        // What it had asked the engine for when it was killed may come to be after the next has looked.
        let isClean = try await TestEnvironment.eventually {
            let next = try await check(["--runs", "2"], script: "true")
            let left = try await leftovers(of: killed.process)
            return next.status == 0 && left.isEmpty
        }
        #expect(isClean)
    }
}
