import Testing

@testable import ParityProtocol

@Suite struct ConsensusTests {
    private func vote(_ replica: Int, _ output: String, owner: String? = nil) -> ReplicaStanding {
        ReplicaStanding(
            replica: replica, owner: owner ?? "owner\(replica)",
            standing: .voted(Ballot(outcome: .completed, digest: Digest.sha256(of: Array(output.utf8)))))
    }

    private func ended(_ replica: Int, _ reason: ReplicaStanding.EndReason) -> ReplicaStanding {
        ReplicaStanding(replica: replica, owner: nil, standing: .ended(reason))
    }

    private func open(_ replica: Int) -> ReplicaStanding {
        ReplicaStanding(replica: replica, owner: nil, standing: .open)
    }

    private func ballot(_ output: String) -> Ballot {
        Ballot(outcome: .completed, digest: Digest.sha256(of: Array(output.utf8)))
    }

    private let three = VerificationRules(replicas: 3, quorum: 2, maxReplicas: 7)

    @Test func `A quorum of equal digests verifies at once`() {
        let decision = Consensus.decide([vote(0, "a"), vote(2, "a"), open(1)], rules: three)
        #expect(decision == .verified(ballot("a"), winners: [0, 2]))
    }

    @Test func `Another exit code beside the same digest is another vote`() {
        func vote(_ replica: Int, exitCode: Int) -> ReplicaStanding {
            ReplicaStanding(
                replica: replica, owner: "owner\(replica)",
                standing: .voted(Ballot(outcome: .completed, digest: ballot("a").digest, exitCode: exitCode)))
        }
        let right = Ballot(outcome: .completed, digest: ballot("a").digest, exitCode: 0)
        #expect(
            Consensus.decide([vote(0, exitCode: 1), vote(1, exitCode: 0), vote(2, exitCode: 0)], rules: three)
                == .verified(right, winners: [1, 2]))
    }

    @Test func `Total disagreement is not retried`() {
        #expect(Consensus.decide([vote(0, "a"), vote(1, "b"), vote(2, "c")], rules: three) == .noConsensus)
    }

    @Test func `A tie cannot decide`() {
        let rules = VerificationRules(replicas: 4, quorum: 3, maxReplicas: 7)
        let votes = [vote(0, "a"), vote(1, "a"), vote(2, "b"), vote(3, "b")]
        #expect(Consensus.decide(votes, rules: rules) == .noConsensus)
    }

    @Test func `One owner has one vote`() {
        let votes = [vote(0, "a", owner: "x"), vote(1, "a", owner: "x"), open(2)]
        #expect(Consensus.decide(votes, rules: three) == .undecided(replicas: 4))
    }

    @Test func `A lost replica is replaced`() {
        let standings = [vote(0, "a"), ended(1, .lost), open(2)]
        #expect(Consensus.decide(standings, rules: three) == .undecided(replicas: 4))
    }

    @Test func `Each way of ending without a vote has its own limit`() {
        let rejected = (0..<3).map { ended($0, .rejected) }
        #expect(Consensus.decide(rejected, rules: three) == .failed(.tooManyRejected))
        let lost = (0..<5).map { ended($0, .lost) }
        #expect(Consensus.decide(lost, rules: three) == .failed(.tooManyLost))
        #expect(Consensus.decide(Array(lost.prefix(4)), rules: three) == .undecided(replicas: 7))
    }

    @Test func `When no replica may be added any more, a quorum out of reach fails`() {
        let rules = VerificationRules(replicas: 3, quorum: 2, maxReplicas: 3)
        let standings = [vote(0, "a"), ended(1, .lost), ended(2, .lost)]
        #expect(Consensus.decide(standings, rules: rules) == .failed(.replicasExhausted))
    }

    @Test func `The same votes in any order give the same verdict`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let standings = (0..<Int.random(in: 1...7)).map { replica in
                switch Int.random(in: 0..<6) {
                case 0: open(replica)
                case 1: ended(replica, .lost)
                default: vote(replica, ["a", "b", "c"].randomElement() ?? "a", owner: "o\(Int.random(in: 0..<9))")
                }
            }
            let decision = Consensus.decide(standings, rules: three)
            #expect(Consensus.decide(standings.shuffled(using: &generator), rules: three) == decision)
        }
    }

    @Test func `The upstream project's undecidable cases stay undecided`() {
        // Two of two and two of four that differ: its code takes either, by the order of a hash map.
        let two = VerificationRules(replicas: 2, quorum: 2, maxReplicas: 2)
        #expect(Consensus.decide([vote(0, "a"), vote(1, "b")], rules: two) == .noConsensus)
    }
}

@Suite struct RuleTests {
    static let splits: [(Int64, [Int], [Int64])] = [
        (10, [0, 1, 2], [4, 3, 3]), (2, [4, 1, 9], [1, 1, 0]), (9, [5], [9]),
    ]

    @Test(arguments: splits)
    func `Shares are whole, sum to the reward, and favour low replicas`(reward: Int64, winners: [Int], shares: [Int64])
        throws
    {
        let amount = try #require(Amount(units: reward))
        let split = RewardSplit.shares(of: amount, among: winners)
        #expect(winners.sorted().map { split[$0]?.units } == shares)
        #expect(split.values.reduce(0) { $0 + $1.units } == reward)
    }

    @Test func `Three strikes in a row or five of fifty disqualify`() {
        let rule = StrikeRule()
        #expect(rule.disqualifies([true, true, true]))
        #expect(!rule.disqualifies([true, true, false, true, true]))
        #expect(rule.disqualifies([true, true, false, true, true, false, true]))
        #expect(!rule.disqualifies(Array(repeating: false, count: 50) + Array(repeating: true, count: 50)))
    }

    @Test(
        arguments: [
            ("", nil), ("ff", nil), ("fff", 60), ("ffff", 120), ("fffff", 240), ("offf", nil), ("ffofff", nil),
            ("fffoff", 60), (String(repeating: "f", count: 9), 3600), (String(repeating: "f", count: 200), 3600),
        ] as [(String, Int?)])
    func `Failures in a row pause, each one longer, and a vote ends the row`(newestFirst: String, seconds: Int?) {
        let rest = PauseRule().rest(after: newestFirst.map { $0 == "f" })
        #expect(rest == seconds.map { Duration.seconds($0) })
    }

    @Test func `Lanes are drawn by their room, and a full one now and then`() {
        var generator = SystemRandomNumberGenerator()
        let lanes = [(0, -3), (1, 4), (2, 1)].map { LaneLoad(lane: $0.0, freeSlots: $0.1) }
        var counts: [Int: Int] = [:]
        for _ in 0..<20_000 {
            guard let lane = LaneDraw.draw(from: lanes, using: &generator) else { continue }
            counts[lane, default: 0] += 1
        }
        // In 20,000 draws of weights 1, 80 and 20 each count is, but for one run in a million, this near to its mean.
        #expect(abs((counts[0] ?? 0) - 198) < 75)
        #expect(abs((counts[1] ?? 0) - 15_842) < 300)
        #expect(abs((counts[2] ?? 0) - 3960) < 300)
        #expect(LaneDraw.draw(from: [], using: &generator) == nil)
        #expect(LaneDraw.draw(from: [LaneLoad(lane: 7, freeSlots: .max)], using: &generator) == 7)
    }

    @Test(arguments: [
        // A replica that nobody held takes any lane that is new to the task.
        (LaneClaims(others: [1], unheld: 2), nil, [0, 2, 3]),
        (LaneClaims(others: [1], unheld: 2), 2, [0, 3]),
        // One that was held takes a new lane only if the others can spare it, and when it waits, its own before.
        (LaneClaims(others: [1], own: [0], unheld: 1), 0, [2, 3]),
        (LaneClaims(others: [1], own: [0], unheld: 2), 0, []),
        (LaneClaims(others: [1], own: [0, 2], unheld: 2), 0, [2]),
        (LaneClaims(others: [1], own: [0], unheld: 0), nil, [0]),
        (LaneClaims(others: [1], own: [9], unheld: 0), nil, [0, 2, 3]),
        (LaneClaims(others: [1], own: [9], unheld: 3), nil, []),
        (LaneClaims(others: [0, 1, 2, 3], own: [0]), nil, []),
    ])
    func `A replica stands where its task's other replicas leave it a lane`(
        claims: LaneClaims, leaving: Int?, lanes: [Int]
    ) {
        let staffed = (0..<4).map { LaneLoad(lane: $0, freeSlots: 1) }
        #expect(claims.candidates(from: staffed, leaving: leaving).map(\.lane) == lanes)
    }

    @Test(arguments: [("1.5", 1_500_000), ("0.000001", 1), ("7", 7_000_000)])
    func `Amounts read decimals exactly`(text: String, units: Int64) throws {
        let amount = try #require(Amount(decimal: text))
        #expect(amount.units == units && amount.decimal == text)
    }

    @Test(arguments: ["", "-1", "1.", ".5", "1e3", "0.0000001", "1,5", "99999999999"])
    func `Amounts refuse what is not exact`(text: String) { #expect(Amount(decimal: text) == nil) }
}
