/// `POST /v1/runners`: a runner shows its key and says what it offers. Registering again with the same key answers
/// the same id and lanes, and begins a new life of the runner: heartbeats of an earlier one that are still under way say
/// nothing any more.
package struct NewRunner: Codable, Sendable, Equatable {
    package var runnerKey: RunnerKey
    /// Base64 of the Ed25519 signature over ``RegistrationProof``.
    package var proof: String
    package var name: String
    package var slots: Int
    package var classes: [String]
    package var agentVersion: String
    /// It builds images for these classes instead of running replicas; its account must have the right to.
    package var builder: Bool?
    /// Above that of every heartbeat sent so far, as far as the runner knows: its clock's milliseconds, for example.
    package var heartbeatSequence: Int64?

    enum CodingKeys: String, CodingKey {
        case proof, name, slots, classes, builder
        case runnerKey = "runner_key"
        case agentVersion = "agent_version"
        case heartbeatSequence = "heartbeat_sequence"
    }

    package init(
        runnerKey: RunnerKey, proof: String, name: String, slots: Int, classes: [String], agentVersion: String,
        builder: Bool? = nil, heartbeatSequence: Int64? = nil
    ) {
        self.runnerKey = runnerKey
        self.proof = proof
        self.name = name
        self.slots = slots
        self.classes = classes
        self.agentVersion = agentVersion
        self.builder = builder
        self.heartbeatSequence = heartbeatSequence
    }
}

/// What a registered runner needs to take part.
package struct RunnerRegistration: Codable, Sendable, Equatable {
    package struct Lane: Codable, Sendable, Equatable {
        package var taskClass: String
        package var lane: Int
        /// The queue to consume; for a builder the one of builds, whose number is 0.
        package var queue: String

        enum CodingKeys: String, CodingKey {
            case lane, queue
            case taskClass = "class"
        }

        package init(taskClass: String, lane: Int, queue: String) {
            self.taskClass = taskClass
            self.lane = lane
            self.queue = queue
        }
    }

    package var id: RunnerID
    package var lanes: [Lane]
    package var controlQueue: String
    /// How often to send a heartbeat.
    package var heartbeatMilliseconds: Int64
    /// From where to count them: the first has a greater sequence.
    package var heartbeatSequence: Int64
    /// Where the broker is, with what the runner logs in by.
    package var brokerURL: String

    enum CodingKeys: String, CodingKey {
        case id, lanes
        case controlQueue = "control_queue"
        case heartbeatMilliseconds = "heartbeat_ms"
        case heartbeatSequence = "heartbeat_sequence"
        case brokerURL = "broker_url"
    }

    package init(
        id: RunnerID, lanes: [Lane], controlQueue: String, heartbeatMilliseconds: Int64, heartbeatSequence: Int64,
        brokerURL: String
    ) {
        self.id = id
        self.lanes = lanes
        self.controlQueue = controlQueue
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.heartbeatSequence = heartbeatSequence
        self.brokerURL = brokerURL
    }
}

/// A runner as the API shows it to everybody.
package struct RunnerObject: Codable, Sendable, Equatable {
    package var id: RunnerID
    package var runnerKey: RunnerKey
    package var name: String
    package var classes: [String]
    package var slots: Int
    package var online: Bool
    package var disqualified: Bool
    package var matched: Int
    package var mismatched: Int
    package var earned: Amount
    package var lastSeenAt: String?
    /// It failed at work that others could do, and gets none until then.
    package var pausedUntil: String?

    enum CodingKeys: String, CodingKey {
        case id, name, classes, slots, online, disqualified, matched, mismatched, earned
        case pausedUntil = "paused_until"
        case runnerKey = "runner_key"
        case lastSeenAt = "last_seen_at"
    }

    package init(
        id: RunnerID, runnerKey: RunnerKey, name: String, classes: [String], slots: Int, online: Bool,
        disqualified: Bool, matched: Int, mismatched: Int, earned: Amount, lastSeenAt: String?,
        pausedUntil: String? = nil
    ) {
        self.id = id
        self.runnerKey = runnerKey
        self.name = name
        self.classes = classes
        self.slots = slots
        self.online = online
        self.disqualified = disqualified
        self.matched = matched
        self.mismatched = mismatched
        self.earned = earned
        self.lastSeenAt = lastSeenAt
        self.pausedUntil = pausedUntil
    }
}
