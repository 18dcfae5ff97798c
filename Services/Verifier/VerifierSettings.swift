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

    static let failuresInARow = Setting<Int>.integer(
        "PARITY_FAILURES_IN_A_ROW", default: 3, in: 1...10_000,
        help: "Time-outs, rejections and errors in a row, at work that others could do, that pause a runner")
    static let firstPause = Setting<Duration>.duration(
        "PARITY_PAUSE", default: .seconds(60), in: .seconds(1)...(.seconds(86_400)),
        help: "How long the first pause is; each further failure in a row doubles it, up to an hour")

    package static let descriptions =
        ServiceSettings.descriptions + [
            strikeWindow.description, strikeLimit.description, strikesInARow.description, maximumLost.description,
            maximumTimedOut.description, maximumRejected.description, failuresInARow.description,
            firstPause.description,
        ]

    package var service: ServiceSettings
    package var policy: VerifierPolicy

    package init(_ reader: SettingsReader) throws {
        service = try ServiceSettings(reader)
        policy = VerifierPolicy(
            strikes: StrikeRule(
                window: try reader.value(Self.strikeWindow), limit: try reader.value(Self.strikeLimit),
                inARow: try reader.value(Self.strikesInARow)),
            pauses: PauseRule(
                inARow: try reader.value(Self.failuresInARow), first: try reader.value(Self.firstPause),
                longest: max(.seconds(3600), try reader.value(Self.firstPause))),
            tolerance: Consensus.Tolerance(
                lost: try reader.value(Self.maximumLost), timedOut: try reader.value(Self.maximumTimedOut),
                rejected: try reader.value(Self.maximumRejected)))
    }
}

/// The verifier's rules in numbers.
package struct VerifierPolicy: Sendable {
    package var strikes: StrikeRule
    package var pauses: PauseRule
    package var tolerance: Consensus.Tolerance

    package init(
        strikes: StrikeRule = .init(), pauses: PauseRule = .init(), tolerance: Consensus.Tolerance = .init()
    ) {
        self.strikes = strikes
        self.pauses = pauses
        self.tolerance = tolerance
    }
}
