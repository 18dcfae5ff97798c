import Foundation
import Testing

@testable import ParityProtocol

@Suite struct DivergenceReportTests {
    private typealias Samples = DivergenceSamples
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `Camps are the accepted one, then the larger, each with its members in order`() {
        let votes = [
            Samples.vote(3, stdout: bytes("b")), Samples.vote(0, stdout: bytes("a")),
            Samples.vote(2, stdout: bytes("b")),
            Samples.vote(1, stdout: bytes("c")),
        ]
        let contents = ["a", "b", "c"].map { bytes($0) }
        let report = Samples.report(votes, contents: contents)
        #expect(report.camps.map { $0.members.map(\.number) } == [[2, 3], [0], [1]])
        #expect(report.camps.allSatisfy { !$0.isAccepted && $0.isCompared })
        let accepted = Samples.report(votes, contents: contents, accepted: votes[3].ballot)
        #expect(accepted.camps.map { $0.members.map(\.number) } == [[1], [2, 3], [0]])
        #expect(accepted.camps.map(\.isAccepted) == [true, false, false])
        #expect(accepted.differences.first?.comparison?.camps == [0, 1])
        #expect(Samples.report(votes.reversed(), contents: contents) == report, "the order of votes says nothing")
    }

    @Test func `Differences stand in one order: exit code, stdout, files by path`() {
        let left = OutputManifest(
            exitCode: 0, stdout: Samples.content(bytes("a")),
            files: [
                .init(path: .init("z"), kind: .directory),
                .init(path: .init("same"), kind: .directory),
                .init(path: .init("run"), kind: .file(Samples.content(bytes("x")), isExecutable: true)),
                .init(path: .init("link"), kind: .symlink(target: .init("one"))),
                .init(path: .init("data"), kind: .file(Samples.content(bytes("12")), isExecutable: false)),
                .init(path: .init("alone"), kind: .directory),
            ])
        let right = OutputManifest(
            exitCode: 2, stdout: Samples.content(bytes("b")),
            files: [
                .init(path: .init("z"), kind: .symlink(target: .init("y"))),
                .init(path: .init("same"), kind: .directory),
                .init(path: .init("run"), kind: .file(Samples.content(bytes("x")), isExecutable: false)),
                .init(path: .init("link"), kind: .symlink(target: .init("two"))),
                .init(path: .init("data"), kind: .file(Samples.content(bytes("1234")), isExecutable: true)),
            ])
        let report = Samples.report(
            [Samples.vote(0, left), Samples.vote(1, right)], contents: ["a", "b", "12", "1234"].map { bytes($0) })
        #expect(
            report.differences.map(\.place)
                == [.exitCode, .stdout] + ["alone", "data", "link", "run", "z"].map { .file(.init($0)) })
        #expect(
            report.differences.map(\.aspect) == [.exitCode, .content, .presence, .content, .target, .mode, .kind])
        let values = report.differences.map { $0.values.map(\.text) }
        #expect(values[0] == ["0", "2"])
        #expect(values[2] == ["directory", "missing"])
        #expect(values[3].first == "2 bytes, \(Digest.sha256(of: bytes("12")))")
        #expect(values[4] == ["one", "two"])
        #expect(values[5] == ["0755", "0644"])
        #expect(values[6] == ["directory", "symlink"])
        #expect(report.differencesTotal == 7)
        #expect(report.differences[3].comparison?.firstByte == 2)
        #expect(report.summary.hasPrefix("the exit code differs, and 6 more, between 2 camps"))
    }

    @Test func `A report is bounded, whatever the outputs hold`() throws {
        let files = (0..<600).map { "\(String(repeating: "d", count: 200))/\($0)" }
        func vote(_ number: Int) -> DivergenceVote {
            Samples.vote(number, files: Dictionary(uniqueKeysWithValues: files.map { ($0, bytes("\($0) \(number)")) }))
        }
        let votes = (0..<12).map(vote)
        let analysis = DivergenceAnalysis(votes: votes)
        #expect(analysis.questions.count == DivergenceAnalysis.maximumQuestions)
        let report = analysis.report()
        #expect(report.differencesTotal == 600)
        #expect(report.differences.count == ManifestDifferences.maximumKept)
        #expect(report.camps.count == 12)
        #expect(report.camps.count { $0.isCompared } == DivergenceAnalysis.maximumCompared)
        #expect(report.notes == ["only 4 of 12 camps were compared file by file"])
        #expect(try JSONEncoder().encode(report).count < 100_000)
    }

    @Test func `Outputs that are not there are said to be missing, and the rest is compared`() {
        var gone = Samples.vote(1, stdout: bytes("b"))
        gone.manifest = nil
        let report = Samples.report([Samples.vote(0, stdout: bytes("a")), gone], contents: [])
        #expect(report.differences.isEmpty)
        #expect(report.notes == ["the output of camp 2 was not kept, or is too large to be compared"])
        #expect(report.summary == "2 camps")
        let lost = Samples.report(
            [Samples.vote(0, stdout: bytes("a")), Samples.vote(1, stdout: bytes("b"))], contents: [])
        #expect(lost.notes == ["stdout could not be compared: a content is missing"])
        #expect(lost.differences.first?.comparison == nil)
    }

    @Test func `A limit that only some went over is the first difference`() {
        let over = DivergenceVote(
            member: .replica(1, runner: RunnerID(UUID())),
            ballot: Ballot(outcome: .limitExceeded, digest: OutputManifest.limitDigest("memory")))
        let report = Samples.report([Samples.vote(0, stdout: bytes("a")), over], contents: [])
        #expect(report.differences.first?.place == .outcome)
        #expect(report.differences.first?.values.map(\.text) == ["completed", "limit_exceeded"])
        #expect(report.causes.first?.cause == .nearLimit)
        #expect(report.notes.isEmpty)
    }

    @Test func `A report reads back as it was written, and a newer cause is no fault`() throws {
        let path = OutputManifest.Path(bytes: [0x66, 0xFF])
        func vote(_ number: Int, _ text: String) -> DivergenceVote {
            let kind = OutputManifest.Kind.file(Samples.content(bytes(text)), isExecutable: false)
            var vote = Samples.vote(
                number, OutputManifest(exitCode: 0, stdout: Samples.content([]), files: [.init(path: path, kind: kind)])
            )
            if number == 1 { vote.member = .replica(1, runner: RunnerID(UUID())) }
            return vote
        }
        let report = Samples.report(
            [vote(0, "at 12:00:01\n"), vote(1, "at 12:00:04\n")],
            contents: ["at 12:00:01\n", "at 12:00:04\n"].map { bytes($0) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = try encoder.encode(report)
        #expect(try JSONDecoder().decode(DivergenceReport.self, from: data) == report)
        let json = try JSONValue.parse(Array(data))
        #expect(json["schema"]?.string == "parity.divergence/v1")
        #expect(json["differences"]?.array?.first?["path_base64"]?.string == "Zv8=")
        #expect(json["causes"]?.array?.first?["remedy"]?.string == DivergenceCause.timeStamp.remedy)
        let newer = String(decoding: data, as: UTF8.self).replacing("\"time_stamp\"", with: "\"cosmic_rays\"")
        let read = try JSONDecoder().decode(DivergenceReport.self, from: Data(newer.utf8))
        #expect(read.causes.first?.cause == .unknown)
    }
}
