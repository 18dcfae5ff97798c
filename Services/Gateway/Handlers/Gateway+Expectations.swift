import BlobStore
import Logging
import ParityProtocol
import PostgresClient
import Store

extension Gateway {
    /// Looks into the verified output of a task for what its spec expects. Any number of gateways may do it at once: it
    /// comes to the same for the same output, and is kept and told once.
    ///
    /// Throws, so that it is tried again, when the blob store does not give what a gateway has taken in: what is kept
    /// never changes, and must not say that an output is missing because a disk was.
    func checkExpectations(of task: TaskID) async throws {
        guard let due = try await pool.withConnection({ try await Expectations.due(task, in: $0) }) else { return }
        let failures = due.expectation.failures(of: try await output(of: due))
        try await pool.transaction { transaction in
            guard try await Tasks.lock(task, in: transaction) != nil,
                try await Expectations.store(failures, of: task, in: transaction)
            else { return }
            let data: JSONValue = .object(failures.eventData)
            try await TaskEvents.append([.init(.taskExpectation, data)], to: task, in: transaction)
            logger.info("Expectations", metadata: ["task": "\(task)", "failures": "\(failures.count)"])
        }
    }

    private func output(of due: Expectations.Due) async throws -> JudgedOutput {
        let manifest = try await load(due.ballot.digest, limit: OutputManifest.maximumBytes)
            .flatMap { OutputManifest(canonical: $0) }
        var stdout: [UInt8]?
        if let content = manifest.flatMap(due.expectation.stdoutToRead) {
            stdout = try await load(content.digest, limit: OutputPattern.maximumTextBytes)
        }
        return JudgedOutput(ballot: due.ballot, manifest: manifest, stdout: stdout)
    }

    /// The blob's bytes; nil if nobody uploaded it, or it is larger than `limit`.
    private func load(_ digest: Digest, limit: Int) async throws -> [UInt8]? {
        let missing = try await pool.withConnection { try await Accounts.missingBlobs([digest], in: $0) }
        guard missing.isEmpty else { return nil }
        guard let size = blobs.size(of: digest) else {
            throw BlobError(.storage, "blob \(digest) was taken in, but the blob folder does not have it")
        }
        return size <= Int64(limit) ? try await blobs.load(digest, limit: limit) : nil
    }
}
