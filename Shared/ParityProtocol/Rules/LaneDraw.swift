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

/// The draw of lanes for the replicas of one task: distinct, random, weighted by free capacity.
package enum LaneDraw {
    /// Up to `count` of the staffed `lanes` that are not in `used`. A lane with no free slot still has a small weight:
    /// work must queue somewhere when every runner is busy, and a fixed choice would be a target for collusion.
    package static func draw(
        _ count: Int, from lanes: [LaneLoad], excluding used: Set<Int>,
        using generator: inout some RandomNumberGenerator
    ) -> [Int] {
        var candidates = lanes.filter { !used.contains($0.lane) }.sorted { $0.lane < $1.lane }
        var drawn: [Int] = []
        while drawn.count < count, !candidates.isEmpty {
            let weights = candidates.map { max(1, $0.freeSlots * busyWeight) }
            var ticket = Int.random(in: 0..<weights.reduce(0, +), using: &generator)
            var index = 0
            while ticket >= weights[index] {
                ticket -= weights[index]
                index += 1
            }
            drawn.append(candidates.remove(at: index).lane)
        }
        return drawn
    }

    /// One free slot weighs this many times as much as a full lane.
    private static let busyWeight = 20
}
