/// One execution that the scheduler offers or granted: which replica, and which try at it.
package struct AttemptID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let task: TaskID
    package let replica: Int
    package let attempt: Int

    package init(task: TaskID, replica: Int, attempt: Int) {
        self.task = task
        self.replica = replica
        self.attempt = attempt
    }

    package var description: String { "\(task)/\(replica)#\(attempt)" }

    /// Far above what the network makes, and well within what its columns hold.
    package static let maximumNumber = 1_000_000
}

extension AttemptID {
    private enum CodingKeys: String, CodingKey { case task, replica, attempt }

    /// Strangers send these: numbers that the network never makes are refused here, once for every message.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Int {
            let value = try container.decode(Int.self, forKey: key)
            guard (0...Self.maximumNumber).contains(value) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "expected 0 to \(Self.maximumNumber)")
            }
            return value
        }
        self.init(
            task: try container.decode(TaskID.self, forKey: .task), replica: try number(.replica),
            attempt: try number(.attempt))
    }
}

/// scheduler → lane: whoever takes this may claim the attempt. Ids and digests only; the spec is fetched by digest.
package struct Offer: MessageBody, Equatable {
    package static let schema = "parity.offer/v1"
    package let id: AttemptID
    package let specDigest: Digest
    /// The archive that a builder made of the spec's Dockerfile; nil for a task that brought its image.
    package let imageDigest: Digest?

    package init(id: AttemptID, specDigest: Digest, imageDigest: Digest? = nil) {
        self.id = id
        self.specDigest = specDigest
        self.imageDigest = imageDigest
    }

    enum CodingKeys: String, CodingKey {
        case id
        case specDigest = "spec_digest"
        case imageDigest = "image_digest"
    }
}

/// runner → scheduler (`claim.<runner>`): I took this offer; may I run it?
package struct Claim: MessageBody, Equatable {
    package static let schema = "parity.claim/v1"
    package let id: AttemptID
    package let runner: RunnerID

    package init(id: AttemptID, runner: RunnerID) {
        self.id = id
        self.runner = runner
    }
}

/// scheduler → runner: start the container. The lease is a duration, never a time: a runner's clock is its own.
package struct Grant: MessageBody, Equatable {
    package static let schema = "parity.grant/v1"
    package let id: AttemptID
    package let token: String
    package let leaseMilliseconds: Int64

    package init(id: AttemptID, token: String, leaseMilliseconds: Int64) {
        self.id = id
        self.token = token
        self.leaseMilliseconds = leaseMilliseconds
    }

    enum CodingKeys: String, CodingKey {
        case id, token
        case leaseMilliseconds = "lease_ms"
    }
}

/// scheduler → runner: do not run this offer; drop it.
package struct Refusal: MessageBody, Equatable {
    package static let schema = "parity.refusal/v1"

    package enum Reason: String, Sendable, Codable {
        case stale, cancelled, taken, disqualified
        /// It failed too often in a row, and rests (``PauseRule``).
        case paused
        /// The owner already holds another replica of the task.
        case ownerConflict = "owner_conflict"
    }

    package let id: AttemptID
    package let reason: Reason

    package init(id: AttemptID, reason: Reason) {
        self.id = id
        self.reason = reason
    }
}

/// scheduler → runner: stop this attempt if it runs.
package struct Cancel: MessageBody, Equatable {
    package static let schema = "parity.cancel/v1"
    package let id: AttemptID
    package init(id: AttemptID) { self.id = id }
}

/// verifier → runner: the task is verified. Who still runs it may finish, and is paid for the same output; of another one
/// only so much is wanted as explains the difference. It does not say with which output: who knew could sign it unworked.
package struct Decided: MessageBody, Equatable {
    package static let schema = "parity.decided/v1"
    package let id: AttemptID
    package init(id: AttemptID) { self.id = id }
}

/// runner → scheduler (`heartbeat.<runner>`): I live, I have this much room, and I hold these attempts.
package struct Heartbeat: MessageBody, Equatable {
    package static let schema = "parity.heartbeat/v1"

    package struct Held: Sendable, Hashable, Codable {
        package let id: AttemptID
        package let token: String
        package init(id: AttemptID, token: String) {
            self.id = id
            self.token = token
        }
    }

    package let runner: RunnerID
    /// Counts up by one a heartbeat, from where the registration said; the renewal repeats it, so that the runner knows
    /// from which moment its lease counts. One that is not above all that were heard before it says nothing.
    package let sequence: Int64
    package let slots: Int
    package let held: [Held]
    /// The runner goes: what it holds may be offered again at once.
    package let leaving: Bool

    /// Far above what counting reaches, and exact in every JSON reader.
    package static let maximumSequence: Int64 = 1 << 53

    package init(runner: RunnerID, sequence: Int64, slots: Int, held: [Held], leaving: Bool = false) {
        self.runner = runner
        self.sequence = sequence
        self.slots = slots
        self.held = held
        self.leaving = leaving
    }
}

/// scheduler → runner: these leases were renewed, counted from when the heartbeat of this sequence was *sent*; what
/// it named and is not here is lost and must stop.
package struct Renewal: MessageBody, Equatable {
    package static let schema = "parity.renewal/v1"
    package let sequence: Int64
    package let leaseMilliseconds: Int64
    package let renewed: [AttemptID]

    package init(sequence: Int64, leaseMilliseconds: Int64, renewed: [AttemptID]) {
        self.sequence = sequence
        self.leaseMilliseconds = leaseMilliseconds
        self.renewed = renewed
    }

    enum CodingKeys: String, CodingKey {
        case sequence, renewed
        case leaseMilliseconds = "lease_ms"
    }
}

/// runner → verifier (`result.<runner>`): the signed statement of one execution, with what helps a person to
/// understand it. Only the envelope counts.
package struct ResultMessage: MessageBody, Equatable {
    package static let schema = "parity.result-message/v1"
    package let runner: RunnerID
    package let id: AttemptID
    package let envelope: SignedEnvelope
    /// The last of stderr, or why the environment could not be prepared; at most `maximumDetailBytes`.
    package let detail: String

    package static let maximumDetailBytes = 4096

    package init(runner: RunnerID, id: AttemptID, envelope: SignedEnvelope, detail: String) {
        self.runner = runner
        self.id = id
        self.envelope = envelope
        self.detail = detail
    }
}
