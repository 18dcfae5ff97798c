import ParityProtocol

/// Which attempts this runner holds and until when it may believe so: a pure state machine on the monotonic clock. A
/// lease counts from when its request was *sent*, less a margin, so that the runner stops before the network's database
/// can have given the work to another.
struct LeaseBook {
    struct Lease {
        let token: String
        var believedUntil: ContinuousClock.Instant
    }

    private(set) var leases: [AttemptID: Lease] = [:]
    private var sent: [Int64: (at: ContinuousClock.Instant, held: [AttemptID])] = [:]
    private var sequence: Int64

    /// A share of each lease that is never used: the time that stopping a container takes.
    private static let marginDivisor: Int64 = 8
    private static let rememberedHeartbeats: Int64 = 16

    /// Heartbeats count from `sequence`, which must not be below that of any earlier life.
    init(sequence: Int64) { self.sequence = sequence }

    private static func trusted(_ milliseconds: Int64) -> Duration {
        .milliseconds(milliseconds - milliseconds / marginDivisor)
    }

    mutating func granted(
        _ id: AttemptID, token: String, leaseMilliseconds: Int64, claimedAt: ContinuousClock.Instant
    ) {
        leases[id] = Lease(
            token: token, believedUntil: claimedAt.advanced(by: Self.trusted(leaseMilliseconds)))
    }

    mutating func release(_ id: AttemptID) { leases[id] = nil }

    /// The heartbeat to send now.
    mutating func heartbeat(at now: ContinuousClock.Instant) -> (sequence: Int64, held: [Heartbeat.Held]) {
        sequence += 1
        sent[sequence] = (now, Array(leases.keys))
        sent[sequence - Self.rememberedHeartbeats] = nil
        return (sequence, leases.map { Heartbeat.Held(id: $0.key, token: $0.value.token) })
    }

    /// Takes a renewal in; returns the attempts that the network no longer leaves to this runner.
    mutating func renewed(_ renewal: Renewal) -> [AttemptID] {
        guard let heartbeat = sent[renewal.sequence] else { return [] }
        let until = heartbeat.at.advanced(by: Self.trusted(renewal.leaseMilliseconds))
        for id in renewal.renewed {
            if let lease = leases[id] { leases[id]?.believedUntil = max(lease.believedUntil, until) }
        }
        return heartbeat.held.filter { leases[$0] != nil && !renewal.renewed.contains($0) }
    }

    /// Attempts whose lease can no longer be believed.
    func expired(at now: ContinuousClock.Instant) -> [AttemptID] {
        leases.filter { $0.value.believedUntil <= now }.map(\.key)
    }
}
