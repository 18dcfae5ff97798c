package import ArgumentParser

/// The flags of the two servers in ``ServiceSettings``.
///
/// Other users of a machine can read a process's arguments: where that matters, use the variables.
package struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp(ServiceSettings.postgresURL.description.help, valueName: "url"))
    package var postgresURL: String?

    @Option(help: ArgumentHelp(ServiceSettings.amqpURL.description.help, valueName: "url"))
    package var amqpURL: String?

    package init() {}

    /// What the flags say, by the names of the variables they override.
    package var overrides: [String: String] {
        var overrides: [String: String] = [:]
        overrides[ServiceSettings.postgresURL.name] = postgresURL
        overrides[ServiceSettings.amqpURL.name] = amqpURL
        return overrides
    }
}
