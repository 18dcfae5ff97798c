/// What a person needs to know of one setting.
package struct SettingDescription: Sendable, Hashable {
    /// The environment variable.
    package let name: String
    /// The flag that overrides the variable, where it has one of its own; `--set NAME=VALUE` always works.
    package let flag: String?
    package let type: String
    /// As it would be written; nil when the setting is required or simply absent.
    package let defaultValue: String?
    /// What values are allowed, in words; nil when any is.
    package let allowed: String?
    /// Never shown in logs and errors; may also come from the file that `<name>_FILE` names.
    package let isSecret: Bool
    package let help: String

    package var fileName: String { name + "_FILE" }
}
