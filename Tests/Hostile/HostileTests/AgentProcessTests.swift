import AsyncHTTPClient
import Foundation
import Logging
import TestSupport
import Testing

@testable import Sandbox

/// An agent as a process of its own, see `SandboxAgent`: killed in the middle, or measured.
@Suite struct AgentProcessTests {
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)
    private let owner = TestEnvironment.uniqueName()
    private var label: String { "\(HostileStage.labelName)=\(owner)" }

    private func engine() throws -> DockerEngine {
        try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
    }

    /// Starts an agent that runs `script`, and sees to it that nothing of it is left at the end.
    private func withAgent(
        _ script: String, outputBytes: Int64 = 1 << 20, _ body: (Process, Pipe) async throws -> Void
    ) async throws {
        let engine = try engine()
        let image = try await engine.image("parity-test/busybox")
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: own).deletingLastPathComponent().appending(path: "SandboxAgent")
        process.arguments = [
            try TestEnvironment.docker, owner, try #require(image?.id, "parity-test/busybox is missing"),
            "\(outputBytes)", script,
        ]
        process.standardOutput = output
        try process.run()
        let result: Result<Void, any Error>
        do { result = .success(try await body(process, output)) } catch { result = .failure(error) }
        end(process)
        try await Sandbox(engine: engine, logger: HostileStage.quiet).removeLeftovers(label: label)
        try result.get()
    }

    private func end(_ process: Process) {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// How many containers of the agent run; one that is listed may be gone a moment later.
    private func runningCount(_ engine: DockerEngine) async throws -> Int {
        var count = 0
        for container in try await engine.containers(label: label)
        where (try? await engine.state(container))?.isRunning == true { count += 1 }
        return count
    }

    @Test(.timeLimit(.minutes(25)))
    func `An agent that is killed leaves a container, and the next start removes it with all that belongs to it`()
        async throws
    {
        let engine = try engine()
        try await withAgent("sleep 600; touch /output/x") { process, _ in
            let isRunning = try await TestEnvironment.eventually(within: .seconds(240)) {
                try await runningCount(engine) == 2
            }
            #expect(isRunning, "the task and its keeper")
            end(process)
            #expect(try await engine.containers(label: label).count == 2, "nobody is there to remove them")
            #expect(try await engine.volumes(label: label).count == 3)

            try await Sandbox(engine: engine, logger: HostileStage.quiet).removeLeftovers(label: label)
            #expect(try await engine.containers(label: label).isEmpty)
            #expect(try await engine.volumes(label: label).isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(25)), arguments: [50, 200, 400, 700])
    func `Killed at any moment of the preparation, it leaves nothing that the next start does not find`(
        milliseconds: Int
    ) async throws {
        let engine = try engine()
        try await withAgent("sleep 600") { process, _ in
            // Any moment will do: this is no waiting for something.
            try await Task.sleep(for: .milliseconds(milliseconds))
            end(process)
            let sandbox = Sandbox(engine: engine, logger: HostileStage.quiet)
            // What the engine was told before the kill it may only now begin to do.
            let isClean = try await TestEnvironment.eventually {
                try await sandbox.removeLeftovers(label: label)
                try await Task.sleep(for: .milliseconds(300))
                let left = try await engine.containers(label: label) + engine.volumes(label: label)
                return left.isEmpty
            }
            #expect(isClean)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An output of any size takes the same memory`() async throws {
        let megabytes: Int64 = 400
        try await withAgent(
            "head -c \(megabytes << 20) /dev/zero > /output/large", outputBytes: megabytes << 20
        ) { process, output in
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
            #expect(words.first == "completed" && words.count == 3)
            #expect(words.dropFirst().first == "\(megabytes << 20)")
            let peak = try #require(words.last.flatMap { Int($0) })
            #expect((1..<100 << 10).contains(peak), "\(peak) KiB for \(megabytes) MiB")
        }
    }
}
