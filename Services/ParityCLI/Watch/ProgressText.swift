import ParityProtocol

/// A task's progress in words.
enum ProgressText {
    /// The whole of it, one line a replica, for a terminal that is drawn over and over.
    static func block(_ progress: TaskProgress) -> [StyledLine] {
        var head = StyledLine("task ")
        head.add("\(progress.id)", .bold)
        head.add("  ")
        head.add(stateName(progress.state), stateColour(progress.state))
        if let reward = progress.reward { head.add("  reward \(reward.decimal)", .dim) }
        var lines = [head]
        lines += progress.buildLog.filter { !$0.isEmpty }.map { StyledLine("  | \($0)", .dim) }
        for (number, replica) in progress.replicas.sorted(by: { $0.key < $1.key }) {
            lines.append(line(number, replica))
        }
        return lines + verdict(progress)
    }

    private static func line(_ number: Int, _ replica: TaskProgress.Replica) -> StyledLine {
        var line = StyledLine("  \(number)  ", .dim)
        line.column(replica.state, 10, replicaColour(replica))
        line.column(replica.lane.map { "lane \($0)" } ?? "", 8, .dim)
        line.column(replica.runner.map { "runner \(shortID($0))" } ?? "", 17, .dim)
        if let digest = replica.digest {
            line.add(shortDigest(digest), digestColour(replica))
        } else if let outcome = replica.outcome {
            line.add(words(outcome), .yellow)
        }
        if let code = replica.exitCode, code != 0 { line.add("  exit \(code)", .yellow) }
        if replica.matched == true { line.add("  match", .green) }
        if replica.matched == false { line.add("  mismatch", .red) }
        if let paid = replica.paid { line.add("  +\(paid.decimal)", .green) }
        if let note = replica.note { line.add("  (\(words(note)))", .dim) }
        return line
    }

    /// Verdict and payout; nothing before there is one.
    static func verdict(_ progress: TaskProgress) -> [StyledLine] {
        var lines: [StyledLine] = []
        if let digest = progress.outputDigest {
            var line = StyledLine("verified", .green)
            line.add("  \(digest)")
            lines.append(line)
            if progress.expectationFailed {
                lines.append(StyledLine("the output is not what the spec expects", .yellow))
                lines += progress.expectationFailures.map { StyledLine("  \($0)", .yellow) }
            }
        } else if progress.state == TaskState.noConsensus.rawValue {
            lines.append(StyledLine("no consensus: the runners did not agree", .red))
        } else if progress.state == TaskState.failed.rawValue {
            lines.append(StyledLine("failed\(progress.reason.map { ": \(words($0))" } ?? "")", .red))
        } else if progress.state == TaskState.cancelled.rawValue {
            lines.append(StyledLine("cancelled", .yellow))
        }
        if let paid = progress.paid {
            let shares = progress.replicas.values.filter { $0.paid != nil }.count
            var parts: [String] = []
            if paid > .zero { parts.append("\(paid.decimal) paid to \(shares) runner\(shares == 1 ? "" : "s")") }
            if let refunded = progress.refunded, refunded > .zero { parts.append("\(refunded.decimal) refunded") }
            lines.append(StyledLine("settled: \(parts.isEmpty ? "nothing to pay" : parts.joined(separator: ", "))"))
        }
        if let divergence = progress.divergence {
            lines += DivergenceText.short(divergence.summary, remedy: divergence.remedy, task: progress.id)
        }
        return lines
    }

    /// An event in lines, for logs and pipes.
    static func lines(_ event: WatchEvent) -> [StyledLine] {
        guard event.known == .buildLog, let text = event.data["text"]?.string else { return [line(event)] }
        return text.split(whereSeparator: \.isNewline).map { StyledLine("  | \($0)", .dim) }
    }

    /// One event as a line.
    static func line(_ event: WatchEvent) -> StyledLine {
        var line = StyledLine(event.at.isEmpty ? "" : "\(event.at)  ", .dim)
        line.add(event.known.map(name) ?? event.type)
        for key in [
            "replica", "lane", "attempt", "runner", "builder", "image_digest", "verdict", "outcome", "exit_code",
            "output_digest", "reason", "summary",
        ] {
            guard let value = event.data[key], value != .null else { continue }
            line.add(key == "summary" ? " \(value.string ?? "")" : "  \(words(key)) \(text(value))")
        }
        for key in ["reward", "paid", "refunded"] {
            guard let amount = event.data[key]?.integer.flatMap({ Amount(units: $0) }) else { continue }
            line.add("  \(key) \(amount.decimal)")
        }
        if event.data["expectation_failed"] == .bool(true) { line.add("  expectation failed", .yellow) }
        return line
    }

    private static func name(_ type: EventType) -> String {
        switch type {
        case .taskSubmitted: "submitted"
        case .buildStarted: "building"
        case .buildLog: "build log"
        case .buildFinished: "built"
        case .buildFailed: "not built"
        case .replicaOffered: "offered"
        case .replicaWaiting: "waiting for a lane"
        case .replicaGranted: "running"
        case .replicaResult: "result"
        case .replicaReoffered: "to be offered again"
        case .replicaLost: "lost"
        case .replicaCancelled: "not needed"
        case .taskDecided: "decided"
        case .taskCancelled: "cancelled"
        case .taskSettled: "settled"
        case .taskDiverged: "results differ:"
        case .taskExpectation: "compared with what is expected"
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): words(text)
        case .integer(let number): "\(number)"
        default: value.canonicalString
        }
    }

    static func words(_ code: String) -> String { code.replacing("_", with: " ") }
    /// The last of an id tells UUIDv7s apart; their beginnings are the time.
    static func shortID(_ id: String) -> String { String(id.suffix(8)) }
    static func shortDigest(_ digest: String) -> String {
        digest.hasPrefix("sha256:") ? String(digest.prefix(7 + 16)) + "…" : digest
    }

    static func stateName(_ state: String) -> String { words(state) }

    static func stateColour(_ state: String) -> Terminal.Colour? {
        switch TaskState(rawValue: state) {
        case .verified: .green
        case .noConsensus, .failed: .red
        case .cancelled: .yellow
        case .building, .running: .cyan
        case .queued, nil: nil
        }
    }

    private static func replicaColour(_ replica: TaskProgress.Replica) -> Terminal.Colour? {
        switch replica.state {
        case "running": .cyan
        case ReplicaState.completed.rawValue: .green
        case ReplicaState.lost.rawValue: .red
        default: .dim
        }
    }

    private static func digestColour(_ replica: TaskProgress.Replica) -> Terminal.Colour? {
        replica.matched.map { $0 ? .green : .red }
    }
}
