import Foundation
import ParityProtocol
import Sandbox
import Synchronization
import Testing

@testable import ParityCLI

/// The procedure of `parity check`, with functions in the place of containers.
@Suite(.timeLimit(.minutes(25))) struct CLICheckTests {
    /// A program as a function of the trial.
    private final class FakeLab: Laboratory {
        let variations: [Variation]
        private let program: @Sendable (Trial) -> String?
        private let facts: [Witness]
        private let texts = Mutex<[Digest: [UInt8]]>([:])
        private let made = Mutex<[Trial]>([])

        init(
            _ variations: [Variation] = Variation.allCases, facts: [Witness] = [],
            _ program: @escaping @Sendable (Trial) -> String?
        ) {
            self.variations = variations
            self.program = program
            self.facts = facts
        }

        var trials: [Trial] { made.withLock { $0 }.sorted { $0.number < $1.number } }

        func run(_ trial: Trial) async throws -> TrialResult {
            made.withLock { $0.append(trial) }
            guard let text = program(trial) else {
                return TrialResult(trial: trial, outcome: .timedOut, detail: "slow")
            }
            let content = Samples.content(text)
            texts.withLock { $0[content.digest] = Array(text.utf8) }
            let manifest = OutputManifest(exitCode: 0, stdout: content, files: [])
            return TrialResult(
                trial: trial, outcome: .completed, outputDigest: manifest.digest, exitCode: 0, manifest: manifest)
        }

        func compare(
            _ left: OutputManifest.Content, _ right: OutputManifest.Content
        ) async throws -> ContentComparison? {
            let (one, other) = texts.withLock { ($0[left.digest], $0[right.digest]) }
            guard let one, let other else { return nil }
            var comparison = ContentComparison()
            comparison.feed(one, to: .left)
            comparison.end(.left)
            comparison.feed(other, to: .right)
            comparison.end(.right)
            return comparison
        }

        func witnesses(in result: TrialResult) async throws -> [Witness] {
            let digest = result.manifest?.stdout.digest
            return Array(Witness.search(facts, in: digest.flatMap { digest in texts.withLock { $0[digest] } } ?? []))
        }
    }

    private func check(_ lab: FakeLab, runs: Int = 6) async throws -> CheckReport {
        try await Checker(lab: lab).check(runs: runs)
    }

    @Test func `equal runs are deterministic, and nothing more is run`() async throws {
        let lab = FakeLab { _ in "same\n" }
        let report = try await check(lab)
        #expect(report.verdict == .deterministic)
        #expect(report.runs.map(\.trial.number) == [1, 2, 3, 4, 5, 6])
        #expect(report.runs.map(\.trial.isBase) == [true, false, true, false, true, false])
        #expect(Set(lab.trials.filter { !$0.isBase }.map(\.variant)).count == 3, "each is varied in its own way")
        #expect(report.agreed?.outputDigest == report.runs.first?.outputDigest)
    }

    @Test func `runs that differ as on the network are enough to know`() async throws {
        let lab = FakeLab { "at 12:00:0\($0.number)\n" }
        let report = try await check(lab)
        #expect(report.verdict == .nondeterministic)
        #expect(lab.trials.count == 6)
        #expect(report.divergence?.camps.count == 3, "only runs in the same surroundings are compared")
        #expect(report.divergence?.causes.first?.cause == .timeStamp)
        #expect(report.dependencies.isEmpty)
    }

    @Test(arguments: Variation.allCases) func `what makes the difference is found`(guilty: Variation) async throws {
        let lab = FakeLab { $0.variations.contains(guilty) ? "other \($0.variant)\n" : "same\n" }
        let report = try await check(lab)
        #expect(report.verdict == (guilty.isFixedOnTheNetwork ? .fragile : .nondeterministic))
        #expect(report.dependencies == [guilty])
        #expect(report.divergence?.causes.first?.cause == guilty.cause)
        #expect(report.divergence?.causes.first?.confidence == .certain)
        #expect(report.agreed != nil || !guilty.isFixedOnTheNetwork)
    }

    @Test func `several things that make a difference are all named`() async throws {
        let lab = FakeLab { trial in
            trial.variations.filter { [.hostName, .locale].contains($0) }.map(\.rawValue).joined() + "\n"
        }
        #expect(try await check(lab).dependencies == [.hostName, .locale])
        let everything = FakeLab { $0.variations.map(\.rawValue).joined() + "\n" }
        #expect(try await check(everything).dependencies.first == .environment)
    }

    @Test func `what only several things together change is told without a name`() async throws {
        let pair: Set<Variation> = [.hostName, .userID]
        let report = try await check(FakeLab { pair.isSubset(of: $0.variations) ? "other\n" : "same\n" })
        #expect(report.verdict == .fragile)
        #expect(report.dependencies.isEmpty)
        #expect(report.divergence?.camps.count == 2)
    }

    @Test(arguments: [7, 11, 16, 17]) func `chance is not taken for a cause`(odd: Int) async throws {
        // Run 2 differs by chance, and later another one does or none.
        let lab = FakeLab { $0.number == 2 || $0.number == odd ? "chance \($0.number)\n" : "same\n" }
        let report = try await check(lab)
        #expect(report.verdict == .nondeterministic)
        #expect(report.dependencies.isEmpty)
        #expect(report.divergence?.camps.count == 2)
    }

    @Test func `a task that does not end fails, one that cannot be varied so is checked all the same`() async throws {
        let report = try await check(FakeLab { $0.isBase ? nil : "same\n" })
        #expect(report.verdict == .failed)
        #expect(report.detail == "timed_out: slow")
        #expect(try await check(FakeLab { $0.isBase ? "same\n" : nil }).verdict == .deterministic)
        let fixed = FakeLab([]) { _ in "same\n" }
        #expect(try await check(fixed).runs.allSatisfy(\.trial.isBase))
    }

    @Test func `a fact of this machine in the output is suspect, also where something varied shows`() async throws {
        let fact = Witness(text: "6.1.0-37-amd64", cause: .machine, what: "the kernel")
        let report = try await check(FakeLab(facts: [fact]) { _ in "Linux 6.1.0-37-amd64\n" })
        #expect(report.verdict == .suspect)
        #expect(report.witnesses == [fact])
        let both = try await check(
            FakeLab(facts: [fact]) { "6.1.0-37-amd64 \($0.variations.contains(.hostName))\n" })
        #expect(both.verdict == .suspect)
        #expect(both.dependencies == [.hostName])
    }

    @Test func `facts are found as words of their own`() {
        let facts = Witness.facts(
            kernelRelease: "6.1.0-37-amd64", memoryBytes: 25_276_502_016, cpuModels: ["AMD EPYC 7B13"],
            date: (2026, 1, 5))
        func found(_ text: String) -> Set<String> { Set(Witness.search(facts, in: Array(text.utf8)).map(\.text)) }
        #expect(found("on 2026-01-05 at") == ["2026-01-05"])
        #expect(found("Jan 5 2026") == ["Jan 5 2026"])
        #expect(found("log-20260105.txt") == ["20260105"])
        #expect(found("x20260105 1202601057") == [])
        #expect(found("MemTotal: 24684084 kB") == ["24684084"])
        #expect(found("Linux 6.1.0-37-amd64 AMD EPYC 7B13") == ["6.1.0-37-amd64", "AMD EPYC 7B13"])
        #expect(found("2026-01-06 6.1.0-38-amd64") == [])
    }

    private func spec(env: [String: String] = [:], inputs: Int = 0, limits: TaskLimits = .init()) throws -> TaskSpec {
        TaskSpec(
            environment: .imageID(try #require(Digest(Samples.digest))), env: env,
            inputs: (0..<inputs).map { TaskInput(path: "\($0)", content: .inline([])) }, limits: limits,
            reward: try #require(Amount(units: 1)))
    }

    @Test func `only what the spec leaves open and the machine has is varied`() throws {
        let large: Int64 = 64 << 30
        let all = Variation.possible(for: try spec(inputs: 2), cpus: 8, memoryBytes: large)
        #expect(all == Variation.allCases)
        let own = try spec(env: ["TZ": "Europe/Rome", "LC_ALL": "C", "PYTHONHASHSEED": "7"])
        let rest = Variation.possible(for: own, cpus: 1, memoryBytes: 1 << 20)
        #expect(rest == [.hostName, .userID, .date, .environment])
        var sealed = try spec(inputs: 2)
        sealed.determinism = .sealed
        let fixed = Variation.possible(for: sealed, cpus: 8, memoryBytes: large)
        #expect(fixed == Variation.allCases.filter { $0 != .date })
    }

    @Test func `every variation changes the surroundings, and each variant of one that has several`() throws {
        let spec = try spec(inputs: 2)
        for variation in Variation.allCases {
            func surroundings(_ variant: Int) -> Surroundings {
                Trial(number: 1, variations: [variation], variant: variant).surroundings(for: spec, cpus: 4)
            }
            #expect(surroundings(0) != .standard, "\(variation)")
            #expect(surroundings(0) == surroundings(0))
            let hasOne: Set<Variation> = [.cpuCount, .memorySize, .directoryOrder]
            #expect((surroundings(0) == surroundings(1)) == hasOne.contains(variation), "\(variation)")
        }
    }

    @Test func `verdicts are told with what to do`() async throws {
        let plain = Terminal(isInteractive: false, isColoured: false, columns: 80)
        func text(_ lab: FakeLab) async throws -> String {
            CheckText.lines(try await check(lab)).map { $0.render(plain) }.joined(separator: "\n")
        }
        #expect(
            try await text(FakeLab { _ in "same\n" }).hasPrefix("deterministic in 6 runs, 3 of them varied  sha256:"))
        let fragile = try await text(FakeLab { $0.variations.contains(.userID) ? "b\n" : "a\n" })
        #expect(fragile.hasPrefix("fragile: the output depends on the user id\n"))
        #expect(fragile.contains("remedy  Leave user, group"))
        let open = try await text(FakeLab { $0.variations.contains(.directoryOrder) ? "b\n" : "a\n" })
        #expect(open.hasPrefix("nondeterministic: the output depends on the directory order, which is not the same"))
        let chance = try await text(FakeLab { "\($0.number)\n" })
        #expect(chance.hasPrefix("nondeterministic: runs in the same surroundings came out in 3 ways\n"))
    }
}
