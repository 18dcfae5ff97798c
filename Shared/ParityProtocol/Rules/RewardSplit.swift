/// The split of a reward among the replicas that matched.
package enum RewardSplit {
    /// Equal shares in whole units; the remainder goes one unit each by ascending replica number. The shares sum to
    /// `reward` exactly. Without winners nothing is shared out.
    package static func shares(of reward: Amount, among replicas: some Collection<Int>) -> [Int: Amount] {
        let winners = Set(replicas).sorted()
        guard !winners.isEmpty else { return [:] }
        let share = reward.units / Int64(winners.count)
        let remainder = reward.units % Int64(winners.count)
        var shares: [Int: Amount] = [:]
        for (index, replica) in winners.enumerated() {
            shares[replica] = Amount(units: share + (Int64(index) < remainder ? 1 : 0))
        }
        return shares
    }
}
