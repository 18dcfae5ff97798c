import ParityProtocol

/// Shows a task while it is followed: drawn over on a terminal, line by line in a pipe, event by event as JSON.
struct WatchView {
    enum Style: Sendable, Equatable {
        case live, lines, json, silent
    }

    let style: Style
    let terminal: Terminal
    private var progress: TaskProgress
    private var drawnLines = 0

    init(id: TaskID, style: Style, terminal: Terminal) {
        self.style = style
        self.terminal = terminal
        progress = TaskProgress(id: id)
    }

    /// The style for this output.
    static func style(json: Bool, terminal: Terminal) -> Style {
        if json { return .json }
        return terminal.isInteractive ? .live : .lines
    }

    mutating func show(_ event: WatchEvent) {
        progress.apply(event)
        switch style {
        case .silent: break
        case .json: Console.line(event.json)
        case .lines: for line in ProgressText.lines(event) { Console.line(line.render(terminal)) }
        case .live: draw(note: nil)
        }
    }

    mutating func show(interruption failure: GatewayFailure) {
        guard let line = failure.commandFailure.lines.first else { return }
        switch style {
        case .silent: break
        case .live: draw(note: "\(line); trying again")
        case .lines, .json: Console.error("parity: \(line); trying again")
        }
    }

    /// The last word: the task as the gateway keeps it.
    mutating func finish(_ task: GatewayClient.Answer<TaskObject>) {
        switch style {
        case .json: Console.line(task.json.trimmingNewlines)
        case .silent: break
        case .live: draw(note: nil)
        case .lines: for line in ProgressText.verdict(progress) { Console.line(line.render(terminal)) }
        }
    }

    /// Goes back over what was drawn, clears it (ECMA-48 CUU, ED) and draws anew.
    private mutating func draw(note: String?) {
        var lines = ProgressText.block(progress)
        if let note { lines.append(StyledLine(note, .yellow)) }
        let back = drawnLines > 0 ? "\u{1B}[\(drawnLines)A\r\u{1B}[J" : ""
        Console.write(back + lines.map { $0.render(terminal) + "\n" }.joined())
        drawnLines = lines.count
    }
}

extension String {
    var trimmingNewlines: String {
        var text = self[...]
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
