import ParityProtocol

/// What is known of a task from its events: a pure value that each event moves on.
struct TaskProgress: Sendable, Equatable {
    struct Replica: Sendable, Equatable {
        var state: String
        var lane: Int64?
        var attempt: Int64?
        var runner: String?
        var outcome: String?
        var digest: String?
        var exitCode: Int64?
        var note: String?
        var matched: Bool?
        var paid: Amount?
    }

    let id: TaskID
    private(set) var state = TaskState.queued.rawValue
    private(set) var reward: Amount?
    private(set) var replicas: [Int: Replica] = [:]
    private(set) var outputDigest: String?
    private(set) var reason: String?
    private(set) var expectationFailed = false
    /// In words, where the gateway says it.
    private(set) var expectationFailures: [String] = []
    private(set) var paid: Amount?
    private(set) var refunded: Amount?
    private(set) var divergence: Divergence?

    /// What results differ in, in words.
    struct Divergence: Sendable, Equatable {
        var summary: String
        var remedy: String?
    }
    /// The last lines of the build's log, while it builds or when it failed.
    private(set) var buildLog: [String] = []
    private static let shownLogLines = 8

    init(id: TaskID) { self.id = id }

    /// Takes one event in. Unknown types and missing members change nothing.
    mutating func apply(_ event: WatchEvent) {
        switch event.known {
        case .taskSubmitted: reward = Self.amount(event.data["reward"])
        case .taskDecided: decide(event.data)
        case .taskCancelled: state = TaskState.cancelled.rawValue
        case .taskSettled: settle(event.data)
        case .taskExpectation: expect(event.data)
        case .taskDiverged:
            divergence = event.data["summary"]?.string.map {
                Divergence(summary: $0, remedy: event.data["remedy"]?.string)
            }
        case .buildStarted, .buildLog, .buildFinished, .buildFailed: applyToBuild(event)
        case nil: break
        default: if let number = event.replica { applyToReplica(number, event) }
        }
    }

    private mutating func applyToBuild(_ event: WatchEvent) {
        switch event.known {
        case .buildStarted:
            state = TaskState.building.rawValue
            buildLog = []
        case .buildLog:
            state = TaskState.building.rawValue
            let text = (buildLog.popLast() ?? "") + (event.data["text"]?.string ?? "")
            let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
            buildLog = Array((buildLog + lines).suffix(Self.shownLogLines + 1))
        case .buildFinished:
            state = TaskState.queued.rawValue
            buildLog = []
        case .buildFailed: reason = event.data["reason"]?.string ?? reason
        default: break
        }
    }

    private mutating func applyToReplica(_ number: Int, _ event: WatchEvent) {
        var replica = replicas[number] ?? Replica(state: ReplicaState.waiting.rawValue)
        replica.attempt = event.data["attempt"]?.integer ?? replica.attempt
        replica.runner = event.data["runner"]?.string ?? replica.runner
        switch event.known {
        case .replicaOffered:
            replica.state = ReplicaState.offered.rawValue
            replica.lane = event.data["lane"]?.integer
            replica.runner = nil
        case .replicaWaiting: replica.state = ReplicaState.waiting.rawValue
        case .replicaGranted:
            replica.state = "running"
            if state == TaskState.queued.rawValue { state = TaskState.running.rawValue }
        case .replicaResult:
            replica.state = ReplicaState.completed.rawValue
            replica.outcome = event.data["outcome"]?.string
            replica.digest = event.data["output_digest"]?.string
            replica.exitCode = event.data["exit_code"]?.integer
        case .replicaReoffered:
            replica.state = ReplicaState.waiting.rawValue
            replica.runner = nil
        case .replicaLost: replica.state = ReplicaState.lost.rawValue
        case .replicaCancelled: replica.state = ReplicaState.cancelled.rawValue
        default: return
        }
        replica.note = event.data["reason"]?.string
        replica.matched = Self.matches(replica, outputDigest)
        replicas[number] = replica
    }

    private mutating func decide(_ data: JSONValue) {
        state = data["verdict"]?.string ?? state
        outputDigest = data["output_digest"]?.string
        reason = data["reason"]?.string
        expect(data)
        let accepted = outputDigest
        for (number, var replica) in replicas {
            replica.matched = Self.matches(replica, accepted)
            replicas[number] = replica
        }
    }

    private mutating func expect(_ data: JSONValue) {
        expectationFailed = data["expectation_failed"] == .bool(true)
        expectationFailures = (data["expectation_failures"]?.array ?? []).map {
            "\($0["pointer"]?.string ?? "/expect"): \($0["message"]?.string ?? "not met")"
        }
    }

    private mutating func settle(_ data: JSONValue) {
        paid = Self.amount(data["paid"])
        refunded = Self.amount(data["refunded"])
        for share in data["shares"]?.array ?? [] {
            guard let number = share["replica"]?.integer.flatMap({ Int(exactly: $0) }) else { continue }
            replicas[number]?.paid = Self.amount(share["amount"])
            replicas[number]?.matched = true
        }
    }

    /// nil before there is an accepted output, and for what brought none.
    private static func matches(_ replica: Replica, _ accepted: String?) -> Bool? {
        guard let accepted, let digest = replica.digest else { return nil }
        return digest == accepted
    }

    private static func amount(_ value: JSONValue?) -> Amount? { value?.integer.flatMap { Amount(units: $0) } }
}
