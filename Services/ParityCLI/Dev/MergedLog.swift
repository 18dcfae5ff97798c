import FoundationEssentials
import Glibc
import ParityProtocol
import Synchronization

/// The log of all processes as one, each line led by who said it.
final class MergedLog: Sendable {
    /// Lines of one process that are kept to show why it ended.
    static let keptLines = 20

    private let terminal: Terminal
    private let recent = Mutex<[String: [String]]>([:])
    private let output: @Sendable (String) -> Void

    init(terminal: Terminal, output: @escaping @Sendable (String) -> Void = { Console.line($0) }) {
        self.terminal = terminal
        self.output = output
    }

    /// A line of our own.
    func say(_ text: String, _ colour: Terminal.Colour? = nil) {
        var line = StyledLine()
        line.column(Self.timeOfDay, 13, .dim)
        line.column("info", 8, .green)
        line.column("parity", Self.nameWidth, .bold)
        line.add(text, colour)
        output(line.render(uncut))
    }

    /// A line that a child wrote: JSON as services log, or anything.
    func add(child name: String, line text: String) {
        recent.withLock { recent in
            var lines = recent[name] ?? []
            if lines.count == Self.keptLines { lines.removeFirst() }
            lines.append(text)
            recent[name] = lines
        }
        output(Self.line(child: name, text: text).render(uncut))
    }

    /// The last that a child said.
    func lastLines(of name: String) -> [String] { recent.withLock { $0[name] ?? [] } }

    /// Long lines are for the terminal to wrap: a log that is cut is of no use.
    private var uncut: Terminal { Terminal(isInteractive: false, isColoured: terminal.isColoured, columns: 0) }

    private static let nameWidth = 12

    static func line(child name: String, text: String) -> StyledLine {
        var line = StyledLine()
        guard case .object(var members)? = try? JSONValue.parse(Array(text.utf8)),
            let message = members["message"]?.string
        else {
            line.column("", 13)
            line.column("", 8)
            line.column(name, nameWidth, colour(of: name))
            line.add(text)
            return line
        }
        let level = members["level"]?.string ?? "info"
        line.column(members["time"]?.string.map { String($0.dropFirst(11).prefix(12)) } ?? "", 13, .dim)
        line.column(level, 8, colour(ofLevel: level))
        line.column(name, nameWidth, colour(of: name))
        line.add(message)
        for known in ["time", "level", "service", "logger", "message"] { members[known] = nil }
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            line.add(" \(key)=", .dim)
            line.add(value.string ?? value.canonicalString)
        }
        return line
    }

    private static func colour(ofLevel level: String) -> Terminal.Colour? {
        switch level {
        case "warning": .yellow
        case "error", "critical": .red
        case "debug", "trace": .dim
        default: .green
        }
    }

    /// The same name has the same colour in every run.
    private static func colour(of name: String) -> Terminal.Colour {
        let palette: [Terminal.Colour] = [.cyan, .magenta, .blue, .green, .yellow]
        return palette[name.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % palette.count]
    }

    /// UTC, as the services log.
    private static var timeOfDay: String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var seconds = now.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { digits(Int($0), 2) }.joined(separator: ":")
            + "." + digits(now.tv_nsec / 1_000_000, 3)
    }
}
