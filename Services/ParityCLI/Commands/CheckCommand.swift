import ArgumentParser
import FoundationEssentials
import ParityProtocol
import UnixSignals

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Run a task here, again and again in varied surroundings, and say whether it is deterministic.",
        discussion: """
            Takes what `parity submit` takes, and sends nothing. Half of the runs are as on the network; the others have \
            another host name, user id, time zone, locale, environment, hash seed, number of CPUs, size of memory and \
            order of directories; all are seconds apart, and side by side. Where runs differ, it says in what, and most \
            likely why. Then each thing that was varied is varied alone, to name the one that makes the difference.

              deterministic     all runs agree
              fragile           the output depends on what the network fixes for every run: runners will agree
              suspect           all runs agree, but the output repeats today's date or a fact of this machine
              nondeterministic  runners will not agree

              parity check task.yaml
              parity check --image-archive tool.tar --input data.csv -- sort /input/data.csv
            """)

    static let standardRuns = 6

    @Argument(help: ArgumentHelp("The spec; - is standard input.", valueName: "spec-file"))
    var file: String?

    @OptionGroup(title: "Spec options") var spec: SpecOptions

    @Option(help: "How many runs, before those that look for a cause.")
    var runs = standardRuns

    @Flag(help: "Let a fragile task fail too.")
    var strict = false

    @Flag(help: "Run an image that says USER root, as runners with PARITY_ALLOW_ROOT do.")
    var allowRoot = false

    @OptionGroup var client: ClientOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The command to run, after --.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        guard (2...40).contains(runs) else { throw ValidationError("--runs \(runs): 2 to 40 is expected") }
    }

    func run() async throws {
        try await client.run { gateway in
            let source = SpecFile(path: file)
            let submission = try await SpecBuilder.build(
                document: try Self.withReward(try source.document(), isGiven: spec.reward != nil),
                folder: source.folder, options: spec, command: command)
            let environment = ProcessInfo.processInfo.environment
            try await LocalEngine.check(environment)
            let report = try await Interruption.guarding {
                try await check(submission, LocalEngine.address(environment), gateway)
            }
            show(report)
            let status = status(report)
            if status != .success { throw ExitCode(status.rawValue) }
        }
    }

    /// Nothing is paid here, so a spec may still be without a reward.
    private static func withReward(_ document: JSONValue?, isGiven: Bool) throws -> JSONValue? {
        let document = document ?? ["schema": .string(TaskSpec.schema)]
        guard case .object(var members) = document, members["reward"] == nil, !isGiven else { return document }
        members["reward"] = 1
        return .object(members)
    }

    private func check(
        _ submission: SpecBuilder.Submission, _ endpoint: String, _ gateway: GatewayClient
    ) async throws -> CheckReport {
        let owner = CheckOwner.current()
        try FileManager.default.createDirectory(
            atPath: owner.folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: owner.folder) }
        defer { withExtendedLifetime(submission.scratch) {} }
        let preparation = CheckPreparation(
            submission: submission, endpoint: endpoint, allowsRoot: allowRoot, gateway: gateway, owner: owner,
            log: { Console.error($0.trimmingNewlines) })
        let isQuiet = client.json
        let runs = runs
        return try await preparation.with { laboratory in
            let checker = Checker(lab: laboratory) { result in
                if !isQuiet { Console.line(CheckText.line(result).render(.standardOutput)) }
            }
            var report = try await checker.check(runs: runs)
            report.unmet = try report.agreed.map(laboratory.unmet) ?? []
            return report
        }
    }

    private func show(_ report: CheckReport) {
        if client.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            if let data = try? encoder.encode(report) { Console.line(String(decoding: data, as: UTF8.self)) }
            return
        }
        Console.line("")
        for line in CheckText.lines(report) { Console.line(line.render(.standardOutput)) }
    }

    private func status(_ report: CheckReport) -> CommandExit {
        switch report.verdict {
        case .failed: .failed
        case .suspect, .nondeterministic: .nondeterministic
        case .fragile where strict: .nondeterministic
        case .deterministic, .fragile: report.unmet.isEmpty ? .success : .expectationFailed
        }
    }
}

/// Runs something that leaves things behind unless it is cancelled in good order.
enum Interruption {
    /// What `body` returns. The first Ctrl-C cancels it and waits until it has cleaned up; then the command ends as one
    /// that was interrupted.
    static func guarding<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm, .sighup])
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { return nil }
                return nil
            }
            defer { group.cancelAll() }
            if let value = try await group.next() ?? nil { return value }
            group.cancelAll()
            while (try? await group.next()) != nil {}
            throw CommandFailure(.interrupted, "interrupted")
        }
    }
}
