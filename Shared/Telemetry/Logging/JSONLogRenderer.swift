import Logging

/// Lines for machines: one JSON object each, with `time` (RFC 3339, UTC, milliseconds), `level`, `service`,
/// `message`, then the metadata, flat. Metadata that would hide one of those names stands as `metadata.<name>`.
struct JSONLogRenderer: LogRenderer {
    private static let reserved: Set<String> = ["time", "level", "service", "logger", "message"]

    let service: String

    func line(_ entry: LogEntry) -> String {
        var line = "{\"time\":\"\(entry.time.rfc3339)\",\"level\":\"\(entry.level.rawValue)\""
        append("service", service, to: &line)
        if entry.label != service, !entry.label.isEmpty { append("logger", entry.label, to: &line) }
        append("message", entry.message, to: &line)
        for field in entry.fields {
            append(Self.reserved.contains(field.key) ? "metadata.\(field.key)" : field.key, field.value, to: &line)
        }
        return line + "}\n"
    }

    private func append(_ key: String, _ value: String, to line: inout String) {
        line += ","
        JSONText.append(key, to: &line)
        line += ":"
        JSONText.append(value, to: &line)
    }
}

/// The little JSON that log lines and probes need.
enum JSONText {
    /// Appends `text` as a JSON string (RFC 8259 section 7).
    static func append(_ text: String, to line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            default:
                if scalar.value < 0x20 {
                    let hex = String(scalar.value, radix: 16)
                    line += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    line.unicodeScalars.append(scalar)
                }
            }
        }
        line += "\""
    }
}
