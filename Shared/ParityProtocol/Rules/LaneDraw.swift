/// One lane as the scheduler sees it when it places replicas.
package struct LaneLoad: Sendable, Hashable {
    package let lane: Int
    /// Slots of the lane's live runners less what is already offered or running there; may be negative.
    package let freeSlots: Int

    package init(lane: Int, freeSlots: Int) {
        self.lane = lane
        self.freeSlots = freeSlots
    }
}

/// Which lanes of a class may take one replica of a task, as far as the task is concerned.
package struct LaneClaims: Sendable, Hashable {
    /// Closed: another replica stands there, or an owner there has held another.
    package var others: Set<Int>
    /// Where an owner has held this replica.
    package var own: Set<Int>
    /// Open replicas of the task that no owner has held yet.
    package var unheld: Int

    package init(others: Set<Int> = [], own: Set<Int> = [], unheld: Int = 0) {
        self.others = others
        self.own = own
        self.unheld = unheld
    }

    /// The staffed lanes that the replica may stand on when it has to leave `lane` (nil: it stands nowhere).
    ///
    /// An owner who held a replica is lost to the task's other replicas. So a replica that was held already takes a
    /// lane that is new to the task only while one remains for each that was not: else the last of them would wait
    /// for ever in a network of few owners.
    package func candidates(from lanes: [LaneLoad], leaving lane: Int? = nil) -> [LaneLoad] {
        let allowed = lanes.filter { !others.contains($0.lane) && $0.lane != lane }
        let held = allowed.filter { own.contains($0.lane) }
        let new = allowed.filter { !own.contains($0.lane) }
        guard !own.isEmpty else { return new }
        let spare = new.count > unheld ? new : []
        // One that waits goes back where it was held; one that is not claimed there tries another first.
        let (first, second) = lane == nil ? (held, spare) : (spare, held)
        return first.isEmpty ? second : first
    }
}

/// The draw of a lane for a replica: random, weighted by free capacity.
package enum LaneDraw {
    /// One of `lanes`; nil if there is none. A lane with no free slot still has a small weight: work must queue somewhere
    /// when every runner is busy, and a fixed choice would be a target for collusion.
    package static func draw(from lanes: [LaneLoad], using generator: inout some RandomNumberGenerator) -> Int? {
        let lanes = lanes.sorted { $0.lane < $1.lane }
        let weights = lanes.map { $0.freeSlots < 1 ? 1 : min($0.freeSlots, mostSlots) * busyWeight }
        guard !lanes.isEmpty else { return nil }
        var ticket = Int.random(in: 0..<weights.reduce(0, +), using: &generator)
        for (lane, weight) in zip(lanes, weights) {
            guard ticket >= weight else { return lane.lane }
            ticket -= weight
        }
        return nil
    }

    /// One free slot weighs this many times as much as a full lane.
    private static let busyWeight = 20
    private static let mostSlots = 1 << 20
}
