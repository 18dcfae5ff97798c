/// Why a command cannot go on: lines for a person, and the code to end with.
struct CommandFailure: Error, Sendable, Equatable, CustomStringConvertible {
    let status: ExitStatus
    let lines: [String]

    init(_ status: ExitStatus, _ lines: String...) {
        self.init(status, lines: lines)
    }

    init(_ status: ExitStatus, lines: [String]) {
        self.status = status
        self.lines = lines
    }

    var description: String { lines.joined(separator: "\n") }
}
