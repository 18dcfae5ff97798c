import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

/// An engine with the images of a hostile submitter on it, and runs of their containers as an agent would make them.
struct HostileStage: Sendable {
    @TaskLocal static var current: HostileStage?

    let engine: DockerEngine
    let targets: HostTargets
    /// By which everything of this stage is known on the engine.
    let owner: String
    /// The ids of the images.
    let images: [HostileImage: String]
    private let gate = Gate(places: 3)

    static let labelName = "network.parity.runner"
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)

    var label: String { "\(Self.labelName)=\(owner)" }

    static func stage() throws -> HostileStage {
        guard let current else { throw TestEnvironment.Missing(description: "the suite has no hostile stage") }
        return current
    }

    /// Makes the images, and removes them at the end. Nothing that carries the label may be left by then.
    static func with(_ body: (HostileStage) async throws -> Void) async throws {
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: client)
        let owner = TestEnvironment.uniqueName()
        let programs = try HostileImage.Programs()
        var images: [HostileImage: String] = [:]
        for image in HostileImage.allCases {
            try await engine.importImage(
                image.archive(programs), repository: owner, tag: image.rawValue,
                changes: image.changes)
            images[image] = try await engine.image("\(owner):\(image.rawValue)")?.id
        }
        let stage = HostileStage(engine: engine, targets: try HostTargets(), owner: owner, images: images)
        let result: Result<Void, any Error>
        do { result = .success(try await body(stage)) } catch { result = .failure(error) }
        for image in HostileImage.allCases { try await engine.removeImage("\(owner):\(image.rawValue)") }
        try result.get()
    }

    func sandbox(_ settings: SandboxSettings = .init()) -> Sandbox {
        Sandbox(engine: engine, settings: settings, logger: Self.quiet)
    }

    /// A job for `script`, with one input, `/input/data`.
    func job(
        _ script: String, image: HostileImage = .plain, limits: TaskLimits = HostileCase.limits,
        determinism: DeterminismProfile = .standard, command: [String]? = nil, scratch: String = "/nowhere"
    ) throws -> SandboxJob {
        let id = try #require(images[image])
        let reward = try #require(Amount(units: 1))
        let environment = try #require(Digest(id))
        let spec = TaskSpec(
            environment: .imageID(environment), command: command ?? ["/bin/sh", "-c", script],
            env: ["PATH": "/bin"], limits: limits, reward: reward, determinism: determinism)
        return SandboxJob(
            name: "parity-test-\(UUID().uuidString.lowercased())", image: id, spec: spec,
            inputs: [.init(path: "data", content: .bytes(Array("input\n".utf8)))], labels: [Self.labelName: owner],
            scratch: scratch)
    }

    /// Runs `attempt` to its end. Few at a time: each may take a CPU of its own.
    func run(_ attempt: HostileCase, command: [String]? = nil) async throws -> HostileRun {
        try await gate.pass {
            let scratch = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
            try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let script = attempt.script.replacing("$LOOPBACK_PORT", with: "\(targets.loopbackPort)")
                .replacing("$OPEN_PORT", with: "\(targets.openPort)").replacing("$ABSTRACT", with: targets.abstractName)
                .replacing("$ADDRESSES", with: targets.addresses.joined(separator: " "))
            let job = try job(
                script, image: attempt.image, limits: attempt.limits, determinism: attempt.determinism,
                command: command, scratch: scratch)
            let result = try await sandbox(attempt.settings).prepare(job).execute()
            for name in [job.name, job.keeperName] {
                await #expect(throws: DockerError.self, "\(name) is left") { try await engine.state(name) }
            }
            return try Self.read(result)
        }
    }

    /// Takes what a run left into memory.
    private static func read(_ result: SandboxResult) throws -> HostileRun {
        func text(_ content: OutputManifest.Content) -> String? {
            result.contents[content.digest].flatMap { FileManager.default.contents(atPath: $0) }
                .flatMap { String(data: $0, encoding: .utf8) }
        }
        var texts: [String: String] = [:]
        for entry in result.manifest?.files ?? [] {
            if case .file(let content, _) = entry.kind, let path = entry.path.text { texts[path] = text(content) }
        }
        return HostileRun(
            result: result, stdout: result.manifest.flatMap { text($0.stdout) } ?? "", texts: texts)
    }
}

/// Lets so many through at once.
actor Gate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { free = places }

    nonisolated func pass<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        await enter()
        do {
            let value = try await body()
            await leave()
            return value
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Sets the stage for a suite. After all of it the runner must go on, and nothing may be left.
struct HostileStageTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await HostileStage.with { stage in
            try await HostileStage.$current.withValue(stage) { try await function() }
            let after = try await stage.run(HostileCase("nothing", "cat /input/data"))
            #expect(after.result.outcome == .completed && after.stdout == "input\n", "the runner goes on")
            #expect(try await stage.engine.containers(label: stage.label).isEmpty, "no container is left")
            #expect(try await stage.engine.volumes(label: stage.label).isEmpty, "no volume is left")
        }
    }
}

extension Trait where Self == HostileStageTrait {
    static var hostileStage: Self { Self() }
}
