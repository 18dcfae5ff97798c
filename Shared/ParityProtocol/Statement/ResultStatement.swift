import FoundationEssentials

/// What a runner signs about one execution: `parity.result/v1` as the predicate of an in-toto Statement v1.
package struct ResultStatement: Sendable, Hashable {
    package static let schema = "parity.result/v1"
    static let statementType = "https://in-toto.io/Statement/v1"

    package var task: TaskID
    package var specDigest: Digest
    package var replica: Int
    package var attempt: Int
    /// The token of the grant: proof that the scheduler let this runner start.
    package var attemptToken: String
    package var runnerKey: RunnerKey
    /// The image that actually ran; nil when none did.
    package var imageDigest: Digest?
    package var outcome: Outcome
    /// What is voted on; nil for outcomes that do not vote.
    package var outputDigest: Digest?
    package var exitCode: Int64?
    /// By the runner's clock, which nobody trusts: for people only. Milliseconds since 1970.
    package var startedMilliseconds: Int64
    package var finishedMilliseconds: Int64

    package init(
        task: TaskID, specDigest: Digest, replica: Int, attempt: Int, attemptToken: String, runnerKey: RunnerKey,
        imageDigest: Digest?, outcome: Outcome, outputDigest: Digest?, exitCode: Int64?, startedMilliseconds: Int64,
        finishedMilliseconds: Int64
    ) {
        self.task = task
        self.specDigest = specDigest
        self.replica = replica
        self.attempt = attempt
        self.attemptToken = attemptToken
        self.runnerKey = runnerKey
        self.imageDigest = imageDigest
        self.outcome = outcome
        self.outputDigest = outputDigest
        self.exitCode = exitCode
        self.startedMilliseconds = startedMilliseconds
        self.finishedMilliseconds = finishedMilliseconds
    }

    /// The canonical bytes that are signed. The subject is the output, or the spec where there is no output.
    package func payload() -> [UInt8] {
        let statement: JSONValue = [
            "_type": .string(Self.statementType),
            "subject": [
                [
                    "name": .string("\(task)/\(replica)"),
                    "digest": ["sha256": .string((outputDigest ?? specDigest).hex)],
                ]
            ],
            "predicateType": .string(Self.schema),
            "predicate": predicate,
        ]
        return statement.canonicalBytes()
    }

    private var predicate: JSONValue {
        [
            "task_id": .string(task.description), "spec_digest": .string(specDigest.description),
            "replica": .integer(Int64(replica)), "attempt": .integer(Int64(attempt)),
            "attempt_token": .string(attemptToken), "runner_key": .string(runnerKey.description),
            "image_digest": imageDigest.map { .string($0.description) } ?? .null,
            "outcome": .string(outcome.rawValue),
            "output_digest": outputDigest.map { .string($0.description) } ?? .null,
            "exit_code": exitCode.map(JSONValue.integer) ?? .null,
            "started_ms": .integer(startedMilliseconds), "finished_ms": .integer(finishedMilliseconds),
        ]
    }

    /// What a process can leave with.
    private static let exitCodes: ClosedRange<Int64> = 0...255

    /// The statement that `payload` holds; nil unless it is one, well-formed, whose outcome, output digest and exit code
    /// fit together and whose subject repeats what is voted on.
    package init?(payload: [UInt8]) {
        guard let json = try? JSONValue.parse(payload), json["_type"]?.string == Self.statementType,
            json["predicateType"]?.string == Self.schema, let predicate = json["predicate"],
            let task = predicate["task_id"]?.string.flatMap({ TaskID($0) }),
            let specDigest = predicate["spec_digest"]?.string.flatMap({ Digest($0) }),
            let replica = predicate["replica"]?.integer, (0...1000).contains(replica),
            let attempt = predicate["attempt"]?.integer, (0...1_000_000).contains(attempt),
            let token = predicate["attempt_token"]?.string,
            let runnerKey = predicate["runner_key"]?.string.flatMap({ RunnerKey($0) }),
            let outcome = predicate["outcome"]?.string.flatMap(Outcome.init),
            let started = predicate["started_ms"]?.integer, let finished = predicate["finished_ms"]?.integer
        else { return nil }
        self.init(
            task: task, specDigest: specDigest, replica: Int(replica), attempt: Int(attempt), attemptToken: token,
            runnerKey: runnerKey, imageDigest: predicate["image_digest"]?.string.flatMap { Digest($0) },
            outcome: outcome, outputDigest: predicate["output_digest"]?.string.flatMap { Digest($0) },
            exitCode: predicate["exit_code"]?.integer, startedMilliseconds: started, finishedMilliseconds: finished)
        // Canonical bytes must come out the same: nothing unread may hide in what was signed.
        guard outcome.votes == (outputDigest != nil), (outcome == .completed) == (exitCode != nil),
            Self.exitCodes.contains(exitCode ?? 0), self.payload() == payload
        else { return nil }
    }
}
