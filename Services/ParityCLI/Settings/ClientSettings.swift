import FoundationEssentials
import Telemetry

/// Which gateway `parity` talks to and as whom.
///
/// A flag wins over a variable, a variable over the file that `parity login` or `parity dev` wrote. The file's key
/// goes only to the file's gateway: a key must not leak to another because one variable was set.
struct ClientSettings: Sendable, Equatable {
    static let gatewayURL = Setting<String>.url(
        "PARITY_GATEWAY_URL", flag: "--gateway", schemes: ["http", "https"], default: "http://127.0.0.1:8080",
        help: "Where the gateway is.")
    static let apiKey = Setting<String>.secret(
        "PARITY_API_KEY", flag: "--api-key", help: "The key of the account to act as.")
    static let adminKey = Setting<String>.secret(
        "PARITY_ADMIN_KEY", help: "The key for what only administrators may do, when it is not that of the account.")
    static let descriptions = [gatewayURL.description, apiKey.description, adminKey.description]

    var gatewayURL: String
    var apiKey: String?
    /// The key for what only administrators may do, when it is not `apiKey` itself.
    var adminKey: String?

    init(gatewayURL: String, apiKey: String?, adminKey: String? = nil) {
        self.gatewayURL = gatewayURL
        self.apiKey = apiKey
        self.adminKey = adminKey
    }

    /// The same gateway, as its administrator where we have that key.
    var asAdministrator: ClientSettings { ClientSettings(gatewayURL: gatewayURL, apiKey: adminKey ?? apiKey) }

    /// Throws ``SettingsError``.
    init(
        overrides: [String: String], environment: [String: String], file: ClientConfiguration?
    ) throws {
        let reader = try SettingsReader(overrides: overrides, environment: environment, known: Self.descriptions)
        let names = [Self.gatewayURL.name, Self.gatewayURL.name + "_FILE"]
        let isGiven = overrides[Self.gatewayURL.name] != nil || names.contains { environment[$0]?.isEmpty == false }
        gatewayURL = Self.trimmed(isGiven ? try reader.value(Self.gatewayURL) : file?.gatewayURL)
        if gatewayURL.isEmpty { gatewayURL = Self.trimmed(try reader.value(Self.gatewayURL)) }
        apiKey = try reader.optional(Self.apiKey)
        adminKey = try reader.optional(Self.adminKey)
        // A key that was given is meant for everything.
        guard apiKey == nil, let file, Self.trimmed(file.gatewayURL) == gatewayURL else { return }
        apiKey = file.apiKey
        adminKey = adminKey ?? file.adminKey
    }

    private static func trimmed(_ url: String?) -> String {
        var url = url ?? ""
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }
}
