@testable import ParityProtocol

/// Results made of texts, and their reports.
enum DivergenceSamples {
    static func content(_ bytes: [UInt8]) -> OutputManifest.Content {
        .init(digest: Digest.sha256(of: bytes), size: Int64(bytes.count))
    }

    static func vote(
        _ number: Int, stdout: [UInt8] = [], files: [String: [UInt8]] = [:], exitCode: Int64 = 0,
        startedSeconds: Int64? = nil
    ) -> DivergenceVote {
        let entries = files.map { name, bytes in
            OutputManifest.Entry(path: .init(name), kind: .file(content(bytes), isExecutable: false))
        }
        return vote(
            number, OutputManifest(exitCode: exitCode, stdout: content(stdout), files: entries),
            startedSeconds: startedSeconds)
    }

    static func vote(_ number: Int, _ manifest: OutputManifest, startedSeconds: Int64? = nil) -> DivergenceVote {
        DivergenceVote(
            member: .run(number, surroundings: ""), ballot: Ballot(outcome: .completed, digest: manifest.digest),
            exitCode: manifest.exitCode, manifest: manifest,
            clock: startedSeconds.map { $0 * 1000...$0 * 1000 + 800 })
    }

    static func compare(_ left: [UInt8], _ right: [UInt8], chunk: Int = 1000) -> ContentComparison {
        var comparison = ContentComparison()
        var rest = [left[...], right[...]]
        while let side = comparison.next {
            let index = side == .left ? 0 : 1
            if rest[index].isEmpty {
                comparison.end(side)
            } else {
                comparison.feed(Array(rest[index].prefix(chunk)), to: side)
                rest[index] = rest[index].dropFirst(chunk)
            }
        }
        return comparison
    }

    /// The report of `votes`, whose contents are all in `contents`.
    static func report(
        _ votes: [DivergenceVote], contents: [[UInt8]], accepted: Ballot? = nil
    ) -> DivergenceReport {
        let stored = Dictionary(contents.map { (Digest.sha256(of: $0), $0) }) { first, _ in first }
        var analysis = DivergenceAnalysis(votes: votes, accepted: accepted)
        for question in analysis.questions {
            if let left = stored[question.left.digest], let right = stored[question.right.digest] {
                analysis.answer(question, with: compare(left, right))
            } else {
                analysis.leaveOut(question, because: "a content is missing")
            }
        }
        return analysis.report()
    }

    /// Two runs, three seconds apart, that wrote these to a file of this name, or to stdout.
    static func report(_ left: [UInt8], _ right: [UInt8], file: String? = nil) -> DivergenceReport {
        let runs = [(0, left, startedSeconds), (1, right, startedSeconds + 3)]
        let votes = runs.map { number, bytes, started in
            file.map { vote(number, files: [$0: bytes], startedSeconds: started) }
                ?? vote(number, stdout: bytes, startedSeconds: started)
        }
        return report(votes, contents: [left, right])
    }

    static func report(_ left: String, _ right: String, file: String? = nil) -> DivergenceReport {
        report(Array(left.utf8), Array(right.utf8), file: file)
    }

    /// 2026-01-31T12:00:00Z
    static let startedSeconds: Int64 = 1_769_860_800
}
