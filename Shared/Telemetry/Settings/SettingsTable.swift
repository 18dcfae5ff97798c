/// All settings of a service, for `--help` and for documents.
package enum SettingsTable {
    /// For the `discussion` of a command.
    package static func help(_ settings: [SettingDescription]) -> String {
        var text = "SETTINGS (environment variables; flags and --set NAME=VALUE override them):"
        for setting in settings.sorted(by: { $0.name < $1.name }) {
            text += "\n\n  \(setting.name)"
            if let flag = setting.flag { text += " (\(flag))" }
            text += "\n    \(setting.help)\n    \(facts(setting))"
        }
        return text
    }

    /// A Markdown table: setting, flag, type, default, what it does.
    package static func markdown(_ settings: [SettingDescription]) -> String {
        var text = "| setting | flag | value | default | what it is |\n|---|---|---|---|---|\n"
        for setting in settings.sorted(by: { $0.name < $1.name }) {
            let value = setting.allowed ?? setting.type
            let secret = setting.isSecret ? " (secret; or `\(setting.fileName)`)" : ""
            let fields = [
                "`\(setting.name)`\(secret)", setting.flag.map { "`\($0)`" } ?? "", value,
                setting.defaultValue.map { "`\($0)`" } ?? "", setting.help,
            ]
            text += "| " + fields.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        return text
    }

    private static func facts(_ setting: SettingDescription) -> String {
        var facts = [setting.allowed ?? setting.type]
        if let value = setting.defaultValue { facts.append("default: \(value.isEmpty ? "empty" : value)") }
        if setting.isSecret { facts.append("secret, also from the file that \(setting.fileName) names") }
        return facts.joined(separator: "; ")
    }
}
