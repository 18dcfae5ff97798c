/// When a runner whose machine fails at work that others can do is given a rest (design, section 5). Time-outs and rejected
/// environments are no mismatches: they never count as strikes, and a rest is over by itself.
package struct PauseRule: Sendable, Hashable {
    /// Failures in a row that pause.
    package var inARow: Int
    /// The first rest; each further failure in a row doubles it.
    package var first: Duration
    package var longest: Duration

    package init(inARow: Int = 3, first: Duration = .seconds(60), longest: Duration = .seconds(3600)) {
        self.inARow = inARow
        self.first = first
        self.longest = longest
    }

    /// How many of a runner's latest results ``rest(after:)`` needs to see.
    package var window: Int { inARow + 16 }

    /// How long a runner rests; nil if it does not. `failures` are its results of verified tasks, newest first, true for
    /// one that did not vote.
    package func rest(after failures: some Sequence<Bool>) -> Duration? {
        let streak = failures.prefix { $0 }.count
        guard streak >= inARow else { return nil }
        return min(longest, first * (1 << min(streak - inARow, 16)))
    }
}
