/// When a runner that mismatches gets no more work (design, section 5).
package struct StrikeRule: Sendable, Hashable {
    /// Only this many of a runner's latest decided results count.
    package var window: Int
    /// Strikes within the window that disqualify.
    package var limit: Int
    /// Strikes in a row that disqualify.
    package var inARow: Int

    package init(window: Int = 50, limit: Int = 5, inARow: Int = 3) {
        self.window = window
        self.limit = limit
        self.inARow = inARow
    }

    /// Whether a runner is out; `mismatches` are its decided results, newest first, true for a strike.
    package func disqualifies(_ mismatches: some Sequence<Bool>) -> Bool {
        let recent = Array(mismatches.prefix(window))
        return recent.count { $0 } >= limit || recent.prefix(inARow).count { $0 } >= inARow
    }
}
