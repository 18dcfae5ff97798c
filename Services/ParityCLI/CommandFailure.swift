/// Why a command cannot go on: lines for a person, and the code to end with.
struct CommandFailure: Error, Sendable, Equatable, CustomStringConvertible {
    let status: CommandExit
    let lines: [String]

    init(_ status: CommandExit, _ lines: String...) {
        self.init(status, lines: lines)
    }

    init(_ status: CommandExit, lines: [String]) {
        self.status = status
        self.lines = lines
    }

    var description: String { lines.joined(separator: "\n") }
}
