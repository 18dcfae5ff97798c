import FoundationEssentials
import Logging
import NIOCore
import ParityProtocol
import Sandbox
import Synchronization

/// Makes trials in containers of a Docker Engine, each as a runner would make it.
final class ContainerLaboratory: Laboratory {
    /// What all trials share.
    struct Subject: Sendable {
        var spec: TaskSpec
        /// By which the engine runs it.
        var image: Digest
        var inputs = CheckInputs()
        /// For what trials produce; removed by whoever made it.
        var folder: String
        var label: (name: String, value: String)
    }

    let variations: [Variation]
    private let subject: Subject
    private let sandbox: Sandbox
    private let cpus: Int
    private let facts: [Witness]
    private let gate: Gate
    private let pacer = Pacer()
    /// Where each content lies that a trial produced; equal ones are kept once.
    private let contents = Mutex<[Digest: String]>([:])

    /// More inputs than this are not put into memory, which is how the order of directories is varied.
    private static let memoryInputBytes: Int64 = 1 << 30
    /// Outputs are searched this far for what they should not repeat.
    private static let searchedBytes: Int64 = 64 << 20

    init(_ subject: Subject, sandbox: Sandbox, machine: DockerEngine.Information, facts: [Witness]) {
        self.subject = subject
        self.sandbox = sandbox
        self.facts = facts
        cpus = machine.cpuCount
        let isSmall = subject.inputs.bytes <= Self.memoryInputBytes
        variations = Variation.possible(for: subject.spec, cpus: cpus, memoryBytes: machine.memoryBytes).filter {
            $0 != .directoryOrder || isSmall
        }
        // Runs side by side are what a busy machine is like.
        gate = Gate(min(4, max(2, cpus)))
    }

    func run(_ trial: Trial) async throws -> TrialResult {
        try await gate.enter()
        do {
            let result = try await perform(trial)
            await gate.leave()
            return result
        } catch {
            await gate.leave()
            throw error
        }
    }

    private func perform(_ trial: Trial) async throws -> TrialResult {
        let name = "parity-check-\(UUID().uuidString.lowercased())"
        let scratch = "\(subject.folder)/\(name)"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        let job = SandboxJob(
            name: name, image: subject.image.description, spec: subject.spec, inputs: subject.inputs.files,
            trees: subject.inputs.trees, stdin: subject.inputs.stdin, labels: [subject.label.name: subject.label.value],
            scratch: scratch,
            surroundings: trial.surroundings(for: subject.spec, cpus: cpus))
        do {
            let prepared = try await sandbox.prepare(job)
            do {
                if trial.isPaced { try await pacer.turn() }
            } catch {
                await prepared.discard()
                throw error
            }
            let started = Self.now()
            let result = try await prepared.execute()
            return keep(result, of: trial, started: started)
        } catch let error as EnvironmentRejected {
            return TrialResult(trial: trial, outcome: .rejected, detail: error.description)
        }
    }

    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    private func keep(_ result: SandboxResult, of trial: Trial, started: Int64) -> TrialResult {
        contents.withLock { contents in
            for (digest, path) in result.contents {
                if contents[digest] == nil {
                    contents[digest] = path
                } else {
                    try? FileManager.default.removeItem(atPath: path)
                }
            }
        }
        return TrialResult(
            trial: trial, outcome: result.outcome, outputDigest: result.outputDigest, exitCode: result.exitCode,
            manifest: result.manifest, detail: result.detail, clock: started...max(started, Self.now()))
    }

    // MARK: - Looking at outputs

    func compare(_ left: OutputManifest.Content, _ right: OutputManifest.Content) async throws -> ContentComparison? {
        guard let left = path(of: left), let right = path(of: right) else { return nil }
        var comparison = ContentComparison()
        let (one, other) = (FileChunks(path: left).makeAsyncIterator(), FileChunks(path: right).makeAsyncIterator())
        while let side = comparison.next {
            if let chunk = try await (side == .left ? one : other).next() {
                comparison.feed(Array(chunk.readableBytesView), to: side)
            } else {
                comparison.end(side)
            }
        }
        return comparison
    }

    /// What of the spec's expectations the output of a trial does not meet.
    func unmet(by result: TrialResult) throws -> [ExpectationFailure] {
        guard let ballot = result.ballot else { return [] }
        let stdout = try result.manifest.flatMap(subject.spec.expect.stdoutToRead).flatMap(path(of:))
            .map(LocalFile.contents)
        return subject.spec.expect.failures(of: JudgedOutput(ballot: ballot, manifest: result.manifest, stdout: stdout))
    }

    private func path(of content: OutputManifest.Content) -> String? { contents.withLock { $0[content.digest] } }

    /// What stands in the spec or in the inputs may stand in the output.
    func witnesses(in result: TrialResult) async throws -> [Witness] {
        var suspects = facts
        var excused = Witness.search(suspects, in: subject.spec.json.canonicalBytes())
        for content in subject.inputs.contents {
            excused.formUnion(Witness.search(suspects, in: try await bytes(content)))
        }
        suspects.removeAll(where: excused.contains)
        var found: Set<Witness> = []
        for entry in result.manifest?.files ?? [] {
            found.formUnion(Witness.search(suspects, in: entry.path.bytes))
            if case .symlink(let target) = entry.kind { found.formUnion(Witness.search(suspects, in: target.bytes)) }
        }
        for content in result.manifest?.contents(within: Self.searchedBytes) ?? [] {
            guard let path = path(of: content) else { continue }
            found.formUnion(Witness.search(suspects, in: try LocalFile.contents(path)))
        }
        return suspects.filter(found.contains)
    }

    /// As far as it is searched.
    private func bytes(_ content: SandboxJob.Input.Content) async throws -> [UInt8] {
        switch content {
        case .bytes(let bytes): return bytes
        case .file(let path, _):
            var bytes: [UInt8] = []
            let chunks = FileChunks(path: path).makeAsyncIterator()
            while bytes.count < Self.searchedBytes, let chunk = try await chunks.next() {
                bytes += Array(chunk.readableBytesView)
            }
            return bytes
        }
    }
}

/// Lets so many in at once, in order of arrival. Who is cancelled while waiting goes away.
private actor Gate {
    private var free: Int
    private var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var count = 0

    init(_ places: Int) { free = places }

    func enter() async throws {
        try Task.checkCancellation()
        if free > 0 {
            free -= 1
            return
        }
        count += 1
        let id = count
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiting.append((id, $0)) }
        } onCancel: {
            Task { await self.giveUp(id) }
        }
    }

    private func giveUp(_ id: Int) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().continuation.resume() }
    }
}

/// Keeps the starts of runs so far apart that a clock which shows seconds shows another one.
private actor Pacer {
    private var next = ContinuousClock.now
    private static let distance: Duration = .milliseconds(1100)

    func turn() async throws {
        let start = max(next, .now)
        next = start.advanced(by: Self.distance)
        try await Task.sleep(until: start, clock: .continuous)
    }
}
