import Foundation
import ParityProtocol
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(25))) struct CLIDivergenceTests {
    private static func content(_ text: String) -> OutputManifest.Content { Samples.content(text) }

    /// Three results: two agree, one wrote another time and one file more.
    static let report: DivergenceReport = {
        let texts = ["at 12:00:01\n", "at 12:00:01\n", "at 12:00:04\n"]
        let votes = texts.enumerated().map { index, text in
            let extra = OutputManifest.Entry(path: .init("evil\u{1B}[2J"), kind: .directory)
            let manifest = OutputManifest(exitCode: 0, stdout: content(text), files: index == 2 ? [extra] : [])
            return DivergenceVote(
                member: .replica(index, runner: RunnerID(Samples.runner) ?? RunnerID(UUID())),
                ballot: Ballot(outcome: .completed, digest: manifest.digest), exitCode: 0, manifest: manifest)
        }
        var analysis = DivergenceAnalysis(votes: votes, accepted: votes[0].ballot)
        for question in analysis.questions {
            var comparison = ContentComparison()
            comparison.feed(Array(texts[0].utf8), to: .left)
            comparison.end(.left)
            comparison.feed(Array(texts[2].utf8), to: .right)
            comparison.end(.right)
            analysis.answer(question, with: comparison)
        }
        return analysis.report()
    }()

    private static func json(_ value: some Encodable) -> String {
        (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private let plain = Terminal(isInteractive: false, isColoured: false, columns: 80)

    @Test func `a report is shown with camps, lines, cause and remedy`() {
        let text = DivergenceText.lines(Self.report).map { $0.render(plain) }.joined(separator: "\n")
        #expect(text.contains("…  accepted  replica 0 by runner 099a8058, replica 1 by runner 099a8058\n"))
        #expect(text.contains("stdout differs from byte 10, line 1"))
        #expect(text.contains("\n  -at 12:00:01\n  +at 12:00:04\n"))
        #expect(text.contains("evil\\u{1b}[2J is not in every camp"))
        #expect(!text.contains("\u{1B}"))
        #expect(text.contains("cause   a time stamp (high)"))
        #expect(text.contains("remedy  Write no time"))
    }

    @Test func `the command prints the report or its JSON`() async throws {
        let sent = Self.json(Self.report)
        try await FakeGateway.run { request, _ in
            request.path.hasSuffix("/divergence") ? .json(sent) : .problem(404, "not_found")
        } _: { _, url in
            let text = try await ParityExecutable.run(["divergence", Samples.task, "--gateway", url])
            #expect(text.status == 0, "\(text.errors)")
            #expect(text.output.contains("stdout differs from byte 10"))
            let json = try await ParityExecutable.run(["divergence", Samples.task, "--json", "--gateway", url])
            #expect(json.output == sent + "\n")
        }
        try await FakeGateway.run { _, _ in
            .problem(404, "no_divergence")
        } _: { _, url in
            let none = try await ParityExecutable.run(["divergence", Samples.task, "--gateway", url])
            #expect(none.status == CommandExit.notFound.rawValue)
            #expect(none.errors.contains("detail of no_divergence"))
        }
    }

    @Test func `status and watch say what differs, also when the word comes after the settlement`() async throws {
        let summary = Self.json(DivergenceSummary(Self.report))
        let task = Samples.task(state: "no_consensus").replacing(
            "\"new_field\"", with: "\"divergence\":\(summary),\"new_field\"")
        try await FakeGateway.run { request, _ in
            guard request.path.hasSuffix("/events") else { return .json(task) }
            return .events(
                Samples.event(1, "task.decided", "{\"verdict\":\"no_consensus\"}"),
                Samples.event(2, "task.settled", "{\"paid\":0}"), Samples.event(3, "task.diverged", summary))
        } _: { _, url in
            for command in ["status", "watch"] {
                let run = try await ParityExecutable.run([command, Samples.task, "--gateway", url])
                #expect(run.output.contains("results differ: stdout differs from byte 10 (line 1)"), "\(command)")
                #expect(run.output.contains("remedy  Write no time"), "\(command)")
                #expect(run.output.contains("`parity divergence \(Samples.task)`"), "\(command)")
            }
        }
    }
}
