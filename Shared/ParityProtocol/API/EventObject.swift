/// One line of a task's history, as `GET /v1/tasks/{id}/events` streams it. `seq` counts from 1 without gaps and is
/// the SSE id.
package struct EventObject: Codable, Sendable, Equatable {
    package var seq: Int64
    package var type: EventType
    package var at: String
    package var data: JSONValue

    package init(seq: Int64, type: EventType, at: String, data: JSONValue) {
        self.seq = seq
        self.type = type
        self.at = at
        self.data = data
    }
}

/// What can happen to a task. The data of each is an object with the members named here.
package enum EventType: String, Codable, Sendable, CaseIterable {
    /// `spec_digest`, `reward`, `class`
    case taskSubmitted = "task.submitted"
    /// `build`, `attempt`, `builder`: above 1 when an earlier builder was lost.
    case buildStarted = "build.started"
    /// `text`: the next piece of the build's log.
    case buildLog = "build.log"
    /// `build`, `image_digest`, `image_id`, `reused`: the build that the image was taken over from, if any.
    case buildFinished = "build.finished"
    /// `build`, `attempt`, `reason`
    case buildFailed = "build.failed"
    /// `replica`, `lane`, `attempt`
    case replicaOffered = "replica.offered"
    /// `replica`: no lane is free for it yet.
    case replicaWaiting = "replica.waiting"
    /// `replica`, `attempt`, `runner`
    case replicaGranted = "replica.granted"
    /// `replica`, `attempt`, `runner`, `outcome`, `output_digest`?, `exit_code`?
    case replicaResult = "replica.result"
    /// `replica`, `attempt`, `reason`: `lease_ended`, `unclaimed`, `lane_left`, `runner_left`; it will be offered again.
    case replicaReoffered = "replica.reoffered"
    /// `replica`, `reason`
    case replicaLost = "replica.lost"
    /// `replica`
    case replicaCancelled = "replica.cancelled"
    /// `verdict`, `output_digest`?, `reason`?; of a verified task whose output need not be looked into, the members of
    /// ``taskExpectation``; where results differ, `camps` [{`outcome`, `output_digest`, `replicas`}].
    case taskDecided = "task.decided"
    case taskCancelled = "task.cancelled"
    /// `paid`, `refunded`, `shares` [{`replica`, `runner`, `amount`}]; the last event of a task, but for
    /// ``taskExpectation`` and ``taskDiverged``.
    case taskSettled = "task.settled"
    /// What results differ in, once it is known: the members of ``DivergenceSummary``. Again when late results changed it.
    case taskDiverged = "task.diverged"
    /// `expectation_failed`, `expectation_failures`? [{`pointer`, `code`, `message`}]: whether the verified output, which
    /// had to be looked into, is what the spec expects.
    case taskExpectation = "task.expectation"
}
