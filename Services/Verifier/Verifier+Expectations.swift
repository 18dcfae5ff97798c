import ParityProtocol
import PostgresClient
import Store

extension Verifier {
    /// Notes what a verified output fails of its task's expectations, as far as the rows tell: nil where the output itself
    /// has to be looked into, which is the gateway's part.
    func noteExpectations(
        of task: TaskID, for ballot: Ballot, in transaction: PostgresTransaction
    ) async throws -> [ExpectationFailure]? {
        let expectation = try await Tasks.expectation(of: task, in: transaction)
        let isEnough = ballot.outcome != .completed || !expectation.readsManifest
        let failures = isEnough ? expectation.failures(of: JudgedOutput(ballot: ballot)) : nil
        try await Expectations.note(task, failures: failures, in: transaction)
        return failures
    }
}
