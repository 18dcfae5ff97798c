package import ParityProtocol
package import Telemetry

/// What the verifier can be told.
package struct VerifierSettings: SettingsGroup {
    static let strikeWindow = Setting<Int>.integer(
        "PARITY_STRIKE_WINDOW", default: 50, in: 1...10_000,
        help: "How many of a runner's latest decided results count")
    static let strikeLimit = Setting<Int>.integer(
        "PARITY_STRIKE_LIMIT", default: 5, in: 1...10_000, help: "Mismatches within the window that disqualify")
    static let strikesInARow = Setting<Int>.integer(
        "PARITY_STRIKES_IN_A_ROW", default: 3, in: 1...10_000, help: "Mismatches in a row that disqualify")
    static let maximumLost = Setting<Int>.integer(
        "PARITY_MAX_LOST", default: 4, in: 0...100, help: "Replicas of a task that may be lost before it fails")
    static let maximumTimedOut = Setting<Int>.integer(
        "PARITY_MAX_TIMED_OUT", default: 2, in: 0...100, help: "Replicas that may run over time before the task fails")
    static let maximumRejected = Setting<Int>.integer(
        "PARITY_MAX_REJECTED", default: 2, in: 0...100,
        help: "Replicas whose environment may be rejected before the task fails")

    package static let descriptions =
        ServiceSettings.descriptions + [
            strikeWindow.description, strikeLimit.description, strikesInARow.description, maximumLost.description,
            maximumTimedOut.description, maximumRejected.description,
        ]

    package var service: ServiceSettings
    package var policy: VerifierPolicy

    package init(_ reader: SettingsReader) throws {
        service = try ServiceSettings(reader)
        policy = VerifierPolicy(
            strikes: StrikeRule(
                window: try reader.value(Self.strikeWindow), limit: try reader.value(Self.strikeLimit),
                inARow: try reader.value(Self.strikesInARow)),
            tolerance: Consensus.Tolerance(
                lost: try reader.value(Self.maximumLost), timedOut: try reader.value(Self.maximumTimedOut),
                rejected: try reader.value(Self.maximumRejected)))
    }
}

/// The verifier's rules in numbers.
package struct VerifierPolicy: Sendable {
    package var strikes: StrikeRule
    package var tolerance: Consensus.Tolerance

    package init(strikes: StrikeRule = .init(), tolerance: Consensus.Tolerance = .init()) {
        self.strikes = strikes
        self.tolerance = tolerance
    }
}
