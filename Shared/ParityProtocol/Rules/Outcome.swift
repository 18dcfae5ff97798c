/// How one execution ended, typed so that only what says something about the work ever votes.
package enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
    /// The command ran to its end, whatever its exit code; votes with its output digest.
    case completed
    /// Memory or output size ran over; votes as that outcome.
    case limitExceeded = "limit_exceeded"
    /// The wall-clock limit ran over; never votes, since it depends on the machine.
    case timedOut = "timed_out"
    /// Image or inputs could not be prepared; never votes.
    case rejected
    /// The runner's own fault; never votes.
    case runnerError = "runner_error"

    package var votes: Bool { self == .completed || self == .limitExceeded }
}
