package import ArgumentParser

/// The flags of ``CommonSettings``, and `--set` for every setting that has no flag of its own.
package struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp(CommonSettings.healthHost.description.help, valueName: "host"))
    package var healthHost: String?

    @Option(help: ArgumentHelp(CommonSettings.healthPort.description.help, valueName: "port"))
    package var healthPort: String?

    @Option(help: ArgumentHelp(CommonSettings.logLevel.description.help, valueName: "level"))
    package var logLevel: String?

    @Option(help: ArgumentHelp(CommonSettings.logFormat.description.help, valueName: "format"))
    package var logFormat: String?

    @Option(help: ArgumentHelp("Any setting below; may be given several times.", valueName: "NAME=VALUE"))
    package var set: [String] = []

    package init() {}

    package func validate() throws {
        for assignment in set where !assignment.contains("=") {
            throw ValidationError("--set \(assignment): NAME=VALUE is expected")
        }
    }

    /// What the flags say, by the names of the variables they override.
    package var overrides: [String: String] {
        var overrides: [String: String] = [:]
        for assignment in set {
            guard let equals = assignment.firstIndex(of: "=") else { continue }
            overrides[String(assignment[..<equals])] = String(assignment[assignment.index(after: equals)...])
        }
        overrides[CommonSettings.healthHost.name] = healthHost ?? overrides[CommonSettings.healthHost.name]
        overrides[CommonSettings.healthPort.name] = healthPort ?? overrides[CommonSettings.healthPort.name]
        overrides[CommonSettings.logLevel.name] = logLevel ?? overrides[CommonSettings.logLevel.name]
        overrides[CommonSettings.logFormat.name] = logFormat ?? overrides[CommonSettings.logFormat.name]
        return overrides
    }

    /// A reader of the settings in `descriptions`: these flags and `more`, then the environment.
    package func reader(
        _ more: [String: String]..., for descriptions: [SettingDescription]
    ) throws(SettingsError) -> SettingsReader {
        var all = overrides
        for overrides in more { all.merge(overrides) { _, new in new } }
        return try SettingsReader(overrides: all, known: descriptions)
    }
}
