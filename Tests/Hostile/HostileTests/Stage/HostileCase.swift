import ParityProtocol
import Testing

@testable import Sandbox

/// One thing that a hostile container tries, and what must come of it.
struct HostileCase: Sendable, CustomTestStringConvertible {
    /// What it tries, to be read after "A container that tries to".
    let attempt: String
    /// For `sh` in the container. It prints a line that begins with `reached` when it got what it wanted.
    let script: String
    var image = HostileImage.plain
    var settings = SandboxSettings()
    var determinism = DeterminismProfile.standard
    var limits = HostileCase.limits
    /// The outcome that the design says.
    var outcome = Outcome.completed
    /// Where the kernel's settings decide, as they may differ between hosts.
    var otherwise: Outcome?
    /// Looks at what came out, beside the outcome and that nothing was `reached`.
    var check: @Sendable (HostileRun) throws -> Void

    /// Small, so that going beyond them is quick; only the wall clock is generous, for a busy machine.
    static let limits = TaskLimits(
        memoryBytes: 32 << 20, scratchBytes: 8 << 20, pids: 64, wallSeconds: 120, outputBytes: 1 << 20, outputFiles: 50)

    static func limits(_ change: (inout TaskLimits) -> Void) -> TaskLimits {
        var limits = limits
        change(&limits)
        return limits
    }

    init(
        _ attempt: String, _ script: String, image: HostileImage = .plain, settings: SandboxSettings = .init(),
        determinism: DeterminismProfile = .standard, limits: TaskLimits = limits, outcome: Outcome = .completed,
        otherwise: Outcome? = nil,
        check: @escaping @Sendable (HostileRun) throws -> Void = { _ in }
    ) {
        self.attempt = attempt
        self.script = script
        self.image = image
        self.settings = settings
        self.determinism = determinism
        self.limits = limits
        self.outcome = outcome
        self.otherwise = otherwise
        self.check = check
    }

    var testDescription: String { attempt }
}

/// What came of a case.
struct HostileRun: Sendable {
    let result: SandboxResult
    /// Up to a few megabytes of it.
    let stdout: String
    /// Contents of the output by path, those that are text.
    let texts: [String: String]

    var files: [OutputManifest.Entry] { result.manifest?.files ?? [] }
    var lines: [String] { stdout.split(separator: "\n").map(String.init) }

    func kind(_ path: String) -> OutputManifest.Kind? { files.first { $0.path.text == path }?.kind }
}
