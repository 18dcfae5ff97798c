import BlobStore
import FoundationEssentials
import NIOCore
import ParityProtocol
import PostgresClient
import Store

/// Reads what a divergence report is made of: results from the rows, outputs from the blob store.
struct DivergenceReporter {
    let pool: PostgresPool
    let blobs: DiskBlobStore

    /// The report on a task, and how many results it covers.
    func report(on task: TaskID) async throws -> (report: DivergenceReport, votes: Int) {
        let (results, accepted) = try await pool.withConnection { connection in
            (
                try await Divergences.results(of: task, in: connection),
                try await Results.verifiedBallot(of: task, in: connection)
            )
        }
        var votes = results.map(Self.vote)
        for digest in DivergenceAnalysis.manifestsToRead(of: votes, accepted: accepted) {
            let bytes = try await blobs.load(digest, limit: DivergenceAnalysis.maximumManifestBytes)
            let manifest = bytes.flatMap { OutputManifest(canonical: $0) }
            for index in votes.indices where votes[index].ballot.digest == digest { votes[index].manifest = manifest }
        }
        var analysis = DivergenceAnalysis(votes: votes, accepted: accepted)
        for question in analysis.questions {
            do {
                analysis.answer(question, with: try await compare(question))
            } catch let error as BlobError where error.code == .notFound {
                // Whoever lost uploads only what is small, and a liar nothing at all.
                analysis.leaveOut(question, because: "its content was not uploaded")
            }
        }
        return (analysis.report(), results.count)
    }

    private static func vote(_ result: Divergences.Result) -> DivergenceVote {
        DivergenceVote(
            member: .replica(result.replica, runner: result.runner), ballot: result.ballot,
            exitCode: result.exitCode.map(Int64.init), clock: clock(result.envelope))
    }

    /// When the runner says that it ran; its signature was checked when the result was taken in.
    private static func clock(_ envelope: String) -> ClosedRange<Int64>? {
        guard let envelope = try? JSONDecoder().decode(SignedEnvelope.self, from: Data(envelope.utf8)),
            let payload = Data(base64Encoded: envelope.payload),
            let statement = ResultStatement(payload: Array(payload)),
            statement.startedMilliseconds <= statement.finishedMilliseconds
        else { return nil }
        return statement.startedMilliseconds...statement.finishedMilliseconds
    }

    private func compare(_ question: DivergenceAnalysis.Question) async throws -> ContentComparison {
        var comparison = ContentComparison()
        var left = blobs.chunks(of: question.left.digest).makeAsyncIterator()
        var right = blobs.chunks(of: question.right.digest).makeAsyncIterator()
        while let side = comparison.next {
            let chunk = side == .left ? try await left.next() : try await right.next()
            if let chunk {
                comparison.feed(Array(chunk.readableBytesView), to: side)
            } else {
                comparison.end(side)
            }
        }
        return comparison
    }
}
