import AsyncHTTPClient
import Foundation
import NIOCore
import ParityProtocol

/// A container that is ready to start, and the keeper of its output.
package struct PreparedRun: Sendable {
    let job: SandboxJob
    let engine: DockerEngine
    let janitor: Janitor
    let remains: RunRemains

    /// How long the engine's word that memory ran out may come after the exit that it caused.
    private static let oomNoticeDelay: Duration = .seconds(2)
    /// 128 and SIGKILL, as shells and init say that a process was killed.
    private static let killed: Int64 = 137

    /// Removes it, whether it was started or not.
    package func discard() async {
        let (janitor, remains) = (janitor, remains)
        await Sandbox.shielded { await janitor.remove(remains) }
    }

    /// Starts it, watches it within its limits, collects its output, and removes it. Cancelling kills it.
    package func execute() async throws -> SandboxResult {
        do {
            let result = try await run()
            await discard()
            return result
        } catch {
            await discard()
            throw error
        }
    }

    private func run() async throws -> SandboxResult {
        let wall = Duration.seconds(job.limits.wallSeconds)
        guard let stdin = job.stdin else {
            return try await watch(try await engine.attach(job.name, timeout: wall))
        }
        return try await engine.withAttached(job.name, stdin: InputArchive(stdin), timeout: wall + .seconds(60)) {
            try await watch($0)
        }
    }

    /// Starts the container and reads what it writes, `attached`, to its end.
    private func watch<Attached: AsyncSequence>(_ attached: Attached) async throws -> SandboxResult
    where Attached.Element == ByteBuffer {
        let spool = ContentSpool(folder: job.scratch, maximumBytes: job.limits.outputBytes)
        let wall = Duration.seconds(job.limits.wallSeconds)
        do {
            try await engine.start(job.name)
        } catch let error as DockerError where error.code != .unreachable {
            // The image has no such program, or the like: the same on every machine.
            return SandboxResult(outcome: .rejected, detail: error.description)
        }
        let alarm = wallClock(wall)
        defer { alarm.cancel() }
        let output = try AttachedOutput(spool: spool)
        do {
            for try await chunk in attached { try output.feed(Array(chunk.readableBytesView)) }
        } catch let limit as OutputLimitExceeded {
            try await engine.kill(job.name)
            return .exceeded("output", detail: limit.detail)
        }
        let exitCode = try await engine.wait(job.name, timeout: wall)
        alarm.cancel()
        if await alarm.value {
            return SandboxResult(outcome: .timedOut, detail: "ran longer than limits.wall_seconds")
        }
        let result = try await collect(exitCode: exitCode, output: output, spool: spool)
        // Asked last, so that the notice has had time to come.
        if try await ranOutOfMemory(exitCode: exitCode) {
            return .exceeded("memory", detail: "used more than limits.memory_bytes and its storage")
        }
        return result
    }

    /// Kills the container after `wall`, from outside and without a warning; its value says whether it came to that.
    private func wallClock(_ wall: Duration) -> Task<Bool, Never> {
        let (engine, container) = (engine, job.name)
        return Task {
            do { try await Task.sleep(for: wall) } catch { return false }
            while !Task.isCancelled {
                do {
                    try await engine.kill(container)
                    break
                } catch {
                    // A busy engine is asked again; the run's own time is over in any case.
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
            return true
        }
    }

    private func collect(
        exitCode: Int64, output: AttachedOutput, spool: ContentSpool
    ) async throws -> SandboxResult {
        let stdout = try output.finish()
        let files: [OutputManifest.Entry]
        do {
            let collector = OutputCollector(spool: spool, maximumFiles: job.limits.outputFiles)
            for try await chunk in try await engine.getArchive(job.keeperName, path: "/output") {
                try collector.feed(Array(chunk.readableBytesView))
            }
            files = try collector.finish()
        } catch let limit as OutputLimitExceeded {
            return .exceeded("output", detail: limit.detail)
        }
        // Had the keeper died, the engine would have shown an empty folder in the place of the output.
        guard try await engine.state(job.keeperName).isRunning else {
            throw DockerError(.refused, "collect", "the output was lost: its keeper has ended")
        }
        let manifest = OutputManifest(exitCode: exitCode, stdout: stdout, files: files)
        var result = SandboxResult(outcome: .completed, detail: output.detail)
        result.exitCode = exitCode
        result.manifest = manifest
        result.outputDigest = manifest.digest
        result.contents = spool.files
        return result
    }

    /// Whether the kernel killed a process of the container for lack of memory. The engine hears of it and of the exit by
    /// different ways; where the exit looks like such a killing, the notice is waited for.
    private func ranOutOfMemory(exitCode: Int64) async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: Self.oomNoticeDelay)
        while true {
            if try await engine.state(job.name).oomKilled { return true }
            guard exitCode == Self.killed, ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
