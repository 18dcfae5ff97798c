/// One setting: its description and how its text is read.
package struct Setting<Value: Sendable>: Sendable {
    package let description: SettingDescription
    let defaultValue: Value?
    /// nil when the text is not allowed.
    let parse: @Sendable (String) -> Value?

    package var name: String { description.name }

    init(
        _ name: String, flag: String?, type: String, default defaultValue: Value?, shown: String?,
        allowed: String? = nil, isSecret: Bool = false, help: String, parse: @escaping @Sendable (String) -> Value?
    ) {
        description = SettingDescription(
            name: name, flag: flag, type: type, defaultValue: shown, allowed: allowed, isSecret: isSecret, help: help)
        self.defaultValue = defaultValue
        self.parse = parse
    }
}

extension Setting where Value == String {
    /// Any text.
    package static func text(
        _ name: String, flag: String? = nil, default value: String? = nil, help: String
    ) -> Setting {
        Setting(name, flag: flag, type: "text", default: value, shown: value, help: help) { $0 }
    }

    /// Text that is never shown; also from the file that `<name>_FILE` names.
    package static func secret(
        _ name: String, flag: String? = nil, default value: String? = nil, help: String
    ) -> Setting {
        Setting(name, flag: flag, type: "secret", default: value, shown: nil, isSecret: true, help: help) { $0 }
    }

    /// A URL of one of these schemes.
    package static func url(
        _ name: String, flag: String? = nil, schemes: [String], default value: String? = nil, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "URL", default: value, shown: value, allowed: allowed(schemes), help: help
        ) { isURL($0, of: schemes) ? $0 : nil }
    }

    /// A URL that may hold a password: treated as a secret.
    package static func secretURL(
        _ name: String, flag: String? = nil, schemes: [String], default value: String? = nil, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "URL", default: value, shown: nil, allowed: allowed(schemes), isSecret: true,
            help: help
        ) { isURL($0, of: schemes) ? $0 : nil }
    }

    private static func allowed(_ schemes: [String]) -> String {
        "a URL that starts with " + schemes.map { "\($0)://" }.joined(separator: " or ")
    }

    private static func isURL(_ text: String, of schemes: [String]) -> Bool {
        guard let scheme = schemes.first(where: { text.hasPrefix("\($0)://") }) else { return false }
        return text.utf8.count > scheme.utf8.count + 3 && !text.contains { $0.isWhitespace }
    }
}

extension Setting where Value == Int {
    package static func integer(
        _ name: String, flag: String? = nil, default value: Int? = nil, in range: ClosedRange<Int>, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "integer", default: value, shown: value.map(String.init),
            allowed: "an integer from \(range.lowerBound) to \(range.upperBound)", help: help
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value == Bool {
    package static func boolean(
        _ name: String, flag: String? = nil, default value: Bool? = nil, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "boolean", default: value, shown: value.map(String.init),
            allowed: "true or false", help: help
        ) { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }
}

extension Setting where Value == [String] {
    /// Comma-separated texts, trimmed; empty ones are left out.
    package static func list(
        _ name: String, flag: String? = nil, default value: [String]? = nil, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "list", default: value, shown: value?.joined(separator: ","),
            allowed: "texts separated by commas", help: help
        ) { text in text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty } }
    }
}

extension Setting where Value == Duration {
    /// `250ms`, `15s`, `5m`, `24h`, `7d`; a bare number is seconds.
    package static func duration(
        _ name: String, flag: String? = nil, default value: Duration? = nil, in range: ClosedRange<Duration>,
        help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "duration", default: value, shown: value.map(DurationText.text),
            allowed: "\(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
                + " (units: ms s m h d)",
            help: help
        ) { text in DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the cases of an enum, by raw value.
    package static func choice(
        _ name: String, flag: String? = nil, default value: Value? = nil, help: String
    ) -> Setting {
        Setting(
            name, flag: flag, type: "choice", default: value, shown: value?.rawValue,
            allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "), help: help
        ) { Value(rawValue: $0) }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var rest = self
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
