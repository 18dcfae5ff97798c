import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import Sandbox
import TestSupport
import Testing

@testable import ParityCLI

/// What `parity check` makes of programs that are known to be nondeterministic, each in one way, and of clean ones.
///
/// Takes minutes: `deploy/test` says by `PARITY_TEST_CORPUS` that there is time.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["PARITY_TEST_CORPUS"] != nil))
struct CorpusTests {
    private struct Finding: Sendable {
        let program: CorpusProgram
        let verdict: CheckReport.Verdict
        let cause: DivergenceCause?
        let detail: String
        let exitCodes: Set<Int64>
    }

    @Test(.timeLimit(.minutes(60)))
    func `Of the corpus nearly all is caught, no clean program is blamed, and most causes are named`() async throws {
        let bench = try await CorpusBench()
        let findings = try await check(Corpus.nondeterministic + Corpus.clean, bench)
        try await bench.close()
        report(findings)
        let (dirty, clean) = (findings.filter { $0.program.cause != nil }, findings.filter { $0.program.cause == nil })
        #expect(dirty.count >= 30 && clean.count >= 10)
        let broken = findings.filter { $0.exitCodes != [0] && !$0.program.name.hasPrefix("fails") }.map(\.program.name)
        #expect(broken.isEmpty, "a program of the corpus does not work")
        let caught = dirty.count { $0.verdict != .deterministic && $0.verdict != .failed }
        #expect(caught * 100 >= dirty.count * 95, "\(caught) of \(dirty.count) caught")
        let blamed = clean.filter { $0.verdict != .deterministic }.map {
            "\($0.program.name): \($0.verdict) \($0.detail)"
        }
        #expect(blamed.isEmpty)
        let right = dirty.count { $0.cause == $0.program.cause }
        #expect(right * 100 >= dirty.count * 80, "the right cause for \(right) of \(dirty.count)")
    }

    /// Two at a time: each makes several runs at once.
    private func check(_ programs: [CorpusProgram], _ bench: CorpusBench) async throws -> [Finding] {
        try await withThrowingTaskGroup(of: (Int, Finding).self) { group in
            var waiting = Array(programs.enumerated())[...]
            func next() {
                guard let (index, program) = waiting.popFirst() else { return }
                group.addTask { (index, try await Self.check(program, bench)) }
            }
            next()
            next()
            var findings: [(Int, Finding)] = []
            while let finding = try await group.next() {
                findings.append(finding)
                next()
            }
            return findings.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func check(_ program: CorpusProgram, _ bench: CorpusBench) async throws -> Finding {
        let report = try await bench.check(program)
        return Finding(
            program: program, verdict: report.verdict,
            cause: report.witnesses.first?.cause ?? report.divergence?.causes.first?.cause,
            detail: report.divergence?.summary ?? report.detail ?? "",
            exitCodes: Set(report.runs.map { $0.exitCode ?? -1 }))
    }

    private func report(_ findings: [Finding]) {
        func column(_ text: String, _ width: Int) -> String {
            text.padding(toLength: width, withPad: " ", startingAt: 0)
        }
        print(column("program", 48) + column("expected", 18) + column("found", 18) + "verdict")
        for finding in findings {
            let expected = finding.program.cause?.rawValue ?? "-"
            let found = finding.cause?.rawValue ?? "-"
            print(
                column(finding.program.name, 48) + column(expected, 18) + column(found, 18) + finding.verdict.rawValue
                    + (expected == found ? "" : "   <- \(finding.detail)"))
        }
    }
}

/// Runs programs of the corpus through the procedure of `parity check`, in containers.
struct CorpusBench: Sendable {
    private let client: HTTPClient
    private let sandbox: Sandbox
    private let machine: DockerEngine.Information
    private let facts: [Witness]

    init() async throws {
        // The shared client would ask for compressed archives.
        client = HTTPClient(eventLoopGroupProvider: .singleton)
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: client)
        sandbox = Sandbox(engine: engine, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        machine = try await engine.information()
        facts = CheckPreparation.facts(of: machine, endpoint: try TestEnvironment.docker)
    }

    func close() async throws { try await client.shutdown() }

    func check(_ program: CorpusProgram, runs: Int = 4) async throws -> CheckReport {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let image = try #require(
            try await sandbox.engine.image(program.image.rawValue),
            "\(program.image.rawValue) is missing: deploy/test makes it")
        let (command, code) = try await Self.command(of: program, folder: folder)
        let inputs =
            Corpus.inputs.map { SandboxJob.Input(path: $0.key, content: .bytes(Array($0.value.utf8))) } + [code]
        let isParallel = program.isParallel && machine.cpuCount > 1
        let spec = TaskSpec(
            environment: .imageID(try #require(Digest(image.id))), command: command,
            // That there are inputs, for what depends on them.
            inputs: inputs.map { TaskInput(path: $0.path, content: .inline([])) },
            limits: TaskLimits(cpuMilli: isParallel ? 2000 : 1000, wallSeconds: 120),
            reward: try #require(Amount(units: 1)))
        let subject = ContainerLaboratory.Subject(
            spec: spec, image: try #require(Digest(image.id)), inputs: CheckInputs(files: inputs), folder: folder,
            label: (CheckOwner.label, "test-\(UUID().uuidString)"))
        return try await Checker(
            lab: ContainerLaboratory(subject, sandbox: sandbox, machine: machine, facts: facts)
        ).check(runs: runs)
    }

    private static func command(
        of program: CorpusProgram, folder: String
    ) async throws -> (command: [String], code: SandboxJob.Input) {
        func input(_ text: String) -> SandboxJob.Input { .init(path: "program", content: .bytes(Array(text.utf8))) }
        switch program.code {
        case .shell(let code): return (["sh", "/input/program"], input(code))
        case .python(let code): return (["python3", "/input/program"], input(code))
        case .perl(let code): return (["perl", "/input/program"], input(code))
        case .c(let code):
            let path = try compile(code, folder: folder)
            let size = try LocalFile.size(path)
            // Inputs are not executable, and engines mount /tmp so that nothing in it is.
            let program = "/output/program"
            let run = "cp /input/program \(program) && chmod 755 \(program) && \(program) && rm \(program)"
            return (["sh", "-c", run], .init(path: "program", content: .file(path: path, size: size)))
        }
    }

    private static func compile(_ code: String, folder: String) throws -> String {
        let source = "\(folder)/program.c"
        try Data(code.utf8).write(to: URL(filePath: source))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["cc", "-O1", "-static", "-pthread", "-o", "\(folder)/program", source]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestEnvironment.Missing(description: "no C compiler: deploy/test installs one")
        }
        return "\(folder)/program"
    }
}
