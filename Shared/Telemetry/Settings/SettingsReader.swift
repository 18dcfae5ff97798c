import Configuration
import FoundationEssentials

/// Reads settings once at start: command-line flags first, then environment variables, then defaults.
package struct SettingsReader: Sendable {
    /// A secret's file may not be larger than this; it holds a password or a key.
    static let maximumFileBytes = 65_536

    private let configuration: ConfigReader

    /// `overrides` come from flags, by the variable's name. With `known`, an override that is none of those is
    /// refused, so that a misspelt `--set` does not go unnoticed.
    package init(
        overrides: [String: String] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        known: [SettingDescription] = []
    ) throws(SettingsError) {
        let names = Set(known.flatMap { $0.isSecret ? [$0.name, $0.fileName] : [$0.name] })
        if !known.isEmpty, let stranger = overrides.keys.sorted().first(where: { !names.contains($0) }) {
            throw SettingsError(
                name: stranger,
                message: "is not a setting here; there are \(known.map(\.name).sorted().joined(separator: ", "))")
        }
        var flags: [AbsoluteConfigKey: ConfigValue] = [:]
        for (name, value) in overrides {
            flags[AbsoluteConfigKey(Self.key(name))] = ConfigValue(.string(value), isSecret: true)
        }
        configuration = ConfigReader(providers: [
            InMemoryProvider(name: "flags", values: flags),
            EnvironmentVariablesProvider(environmentVariables: environment),
        ])
    }

    /// The setting's value or its default; throws ``SettingsError`` when it is missing or not allowed.
    package func value<Value>(_ setting: Setting<Value>) throws(SettingsError) -> Value {
        if let value = try optional(setting) { return value }
        let alternative = setting.description.isSecret ? " (or \(setting.description.fileName))" : ""
        let allowed = setting.description.allowed.map { ": \($0)" } ?? ""
        throw SettingsError(
            name: setting.name, message: "is not set\(alternative). \(setting.description.help)\(allowed)")
    }

    /// As ``value(_:)``, but nil when it is neither set nor has a default.
    package func optional<Value>(_ setting: Setting<Value>) throws(SettingsError) -> Value? {
        guard let text = try text(of: setting.description) else { return setting.defaultValue }
        guard let value = setting.parse(text) else {
            let shown = setting.description.isSecret ? "does not fit" : "is \(Self.quoted(text))"
            throw SettingsError(
                name: setting.name, message: "\(shown): \(setting.description.allowed ?? "another value") is allowed")
        }
        return value
    }

    /// An empty variable counts as unset: Compose and shells write `NAME=` for what is not given.
    private func text(of setting: SettingDescription) throws(SettingsError) -> String? {
        let direct = string(setting.name, isSecret: setting.isSecret)
        guard setting.isSecret, let path = string(setting.fileName, isSecret: false) else { return direct }
        guard direct == nil else {
            throw SettingsError(name: setting.name, message: "and \(setting.fileName) are both set: give one of them")
        }
        return try contents(of: path, name: setting.fileName)
    }

    private func string(_ name: String, isSecret: Bool) -> String? {
        let text = configuration.string(forKey: ConfigKey(Self.key(name)), isSecret: isSecret)
        return text?.isEmpty == true ? nil : text
    }

    private func contents(of path: String, name: String) throws(SettingsError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SettingsError(name: name, message: "is \(Self.quoted(path)): there is no readable file")
        }
        guard data.count <= Self.maximumFileBytes, var text = String(data: data, encoding: .utf8) else {
            throw SettingsError(
                name: name,
                message: "is \(Self.quoted(path)): text of at most \(Self.maximumFileBytes) bytes is allowed in it")
        }
        // Editors and `echo` end a file with a line feed that is no part of the secret.
        while text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else {
            throw SettingsError(name: name, message: "is \(Self.quoted(path)): the file is empty")
        }
        return text
    }

    /// One component, lower case: the environment provider makes `PARITY_X` of `parity_x`.
    private static func key(_ name: String) -> [String] { [name.lowercased()] }

    private static func quoted(_ text: String) -> String { "\"\(text.prefix(200).description.escapingControls())\"" }
}
