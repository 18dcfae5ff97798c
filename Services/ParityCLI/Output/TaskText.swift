import ParityProtocol

/// Objects of the API in words.
enum TaskText {
    static func status(_ task: TaskObject) -> [StyledLine] {
        var head = StyledLine("task      ", .dim)
        head.add("\(task.id)", .bold)
        var state = StyledLine("state     ", .dim)
        state.add(ProgressText.stateName(task.state.rawValue), ProgressText.stateColour(task.state.rawValue))
        if task.expectationFailed == true { state.add(", but not what the spec expects", .yellow) }
        if let reason = task.verdict?.reason { state.add(": \(ProgressText.words(reason))") }
        var lines = [
            head, state, field("class", task.taskClass), field("reward", task.reward.decimal),
            field("spec", "\(task.specDigest)"), field("submitted", task.createdAt),
        ]
        if let decided = task.decidedAt { lines.append(field("decided", decided)) }
        if let build = task.build { lines += self.build(build) }
        if let digest = task.verdict?.outputDigest { lines.append(field("output", "\(digest)")) }
        if let code = task.verdict?.exitCode { lines.append(field("exit code", "\(code)")) }
        for failure in task.expectationFailures ?? [] {
            lines.append(field("expected", "\(failure.pointer): \(failure.message)"))
        }
        if task.settled {
            let paid = task.paid ?? .zero
            let refunded = task.refunded ?? .zero
            lines.append(field("settled", "\(paid.decimal) paid, \(refunded.decimal) refunded"))
        }
        lines += task.replicas.sorted { $0.replica < $1.replica }.map(replica)
        guard let divergence = task.divergence else { return lines }
        return lines + DivergenceText.short(divergence.summary, remedy: divergence.remedy, task: task.id)
    }

    private static func build(_ build: BuildObject) -> [StyledLine] {
        var lines = [field("context", "\(build.contextDigest)")]
        for base in build.bases ?? [] { lines.append(field("based on", "\(base.reference) \(base.image)")) }
        if let image = build.imageDigest { lines.append(field("image", "\(image)")) }
        if build.state != .built { lines.append(field("build", build.state.rawValue)) }
        if let detail = build.detail { lines.append(field("build", detail)) }
        return lines
    }

    private static func field(_ name: String, _ value: String) -> StyledLine {
        var line = StyledLine()
        line.column(name, 10, .dim)
        line.add(value)
        return line
    }

    private static func replica(_ replica: ReplicaObject) -> StyledLine {
        var line = StyledLine("  \(replica.replica)  ", .dim)
        line.column(replica.state.rawValue, 10)
        line.column(replica.lane.map { "lane \($0)" } ?? "", 8, .dim)
        line.column(replica.runner.map { "runner \(ProgressText.shortID("\($0)"))" } ?? "", 17, .dim)
        if let digest = replica.outputDigest {
            line.add(ProgressText.shortDigest("\(digest)"))
        } else if let outcome = replica.outcome {
            line.add(ProgressText.words(outcome.rawValue), .yellow)
        }
        if let code = replica.exitCode, code != 0 { line.add("  exit \(code)", .yellow) }
        if let matched = replica.matched { line.add(matched ? "  match" : "  mismatch", matched ? .green : .red) }
        if let paid = replica.paid, paid > .zero { line.add("  +\(paid.decimal)", .green) }
        if let detail = replica.detail, !detail.isEmpty { line.add("  \(detail.prefix(200))", .dim) }
        return line
    }
}
