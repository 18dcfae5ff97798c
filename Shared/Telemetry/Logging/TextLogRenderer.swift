import Logging

/// Lines for people: `09:08:01.123 info    scheduler  Task queued  task=0190… replica=1`.
///
/// Control characters are escaped, so that nothing that is logged can drive the terminal or forge a second line.
struct TextLogRenderer: LogRenderer {
    let service: String
    let isColoured: Bool

    func line(_ entry: LogEntry) -> String {
        let name = entry.label == service || entry.label.isEmpty ? service : "\(service)/\(entry.label)"
        var line = paint(entry.time.timeOfDay, .dim)
        line += " " + paint(entry.level.rawValue.padded(to: 8), entry.level.colour)
        line += " " + name.padded(to: 12) + " " + entry.message.escapingControls()
        for field in entry.fields {
            line += " " + paint(field.key.escapingControls() + "=", .dim) + quoted(field.value)
        }
        return line + "\n"
    }

    private func paint(_ text: String, _ colour: TerminalColour?) -> String {
        guard isColoured, let colour else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    private func quoted(_ value: String) -> String {
        let isPlain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" }
        let escaped = value.escapingControls()
        return isPlain ? escaped : "\"" + escaped.replacing("\"", with: "\\\"") + "\""
    }
}

/// SGR codes (ECMA-48 8.3.117) that log lines use.
enum TerminalColour: Int {
    case dim = 2
    case red = 31
    case green = 32
    case yellow = 33
    case boldRed = 91
}

extension Logger.Level {
    fileprivate var colour: TerminalColour? {
        switch self {
        case .trace, .debug: .dim
        case .info, .notice: .green
        case .warning: .yellow
        case .error: .red
        case .critical: .boldRed
        }
    }
}

extension String {
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }

    /// The text with C0, DEL and C1 characters as `\u{…}`, line feeds and tabs as `\n` and `\t`.
    func escapingControls() -> String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.isControl {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
