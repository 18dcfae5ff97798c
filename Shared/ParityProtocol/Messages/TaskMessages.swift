/// gateway → scheduler: a task was recorded and its reward locked.
package struct TaskSubmitted: MessageBody, Equatable {
    package static let schema = "parity.task.submitted/v1"
    package let task: TaskID
    package init(task: TaskID) { self.task = task }
}

/// verifier → scheduler and whoever listens: a verdict stands; replicas not yet granted are void.
package struct TaskDecided: MessageBody, Equatable {
    package static let schema = "parity.task.decided/v1"
    package let task: TaskID
    package let verdict: String
    package init(task: TaskID, verdict: String) {
        self.task = task
        self.verdict = verdict
    }
}

/// verifier → scheduler: the task needs replicas up to this many in all. A total, not a difference, so that a second
/// delivery changes nothing.
package struct ReplicaNeeded: MessageBody, Equatable {
    package static let schema = "parity.replica.needed/v1"
    package let task: TaskID
    package let total: Int
    package init(task: TaskID, total: Int) {
        self.task = task
        self.total = total
    }
}

/// scheduler, gateway → verifier: look at this task's rows again (a replica ended without result, a deadline passed).
package struct TaskEvaluate: MessageBody, Equatable {
    package static let schema = "parity.task.evaluate/v1"
    package let task: TaskID
    package init(task: TaskID) { self.task = task }
}

/// verifier, scheduler → gateway: the results of this decided task differ; say in what.
package struct TaskDiverged: MessageBody, Equatable {
    package static let schema = "parity.task.diverged/v1"
    package let task: TaskID
    package init(task: TaskID) { self.task = task }
}

/// verifier, scheduler → gateway: the output of this verified task is to be looked into for what its spec expects.
package struct ExpectationDue: MessageBody, Equatable {
    package static let schema = "parity.expectation.due/v1"
    package let task: TaskID
    package init(task: TaskID) { self.task = task }
}

/// verifier, gateway, scheduler → payout: the escrow of this task can be settled.
package struct PayoutDue: MessageBody, Equatable {
    package static let schema = "parity.payout.due/v1"
    package let task: TaskID
    package init(task: TaskID) { self.task = task }
}

/// payout → whoever listens: shares and refund are booked.
package struct PayoutSettled: MessageBody, Equatable {
    package static let schema = "parity.payout.settled/v1"
    package let task: TaskID
    package let paid: Amount
    package let refunded: Amount
    package init(task: TaskID, paid: Amount, refunded: Amount) {
        self.task = task
        self.paid = paid
        self.refunded = refunded
    }
}
