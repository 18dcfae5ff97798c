import FoundationEssentials
import Glibc

/// What `parity login` and `parity dev` leave for later commands: `~/.config/parity/config.json`, readable by its
/// owner only.
struct ClientConfiguration: Codable, Sendable, Equatable {
    var gatewayURL: String
    var apiKey: String
    /// For deposits and accounts; only `parity dev` writes one, as its network is its user's own.
    var adminKey: String?

    enum CodingKeys: String, CodingKey {
        case gatewayURL = "gateway_url"
        case apiKey = "api_key"
        case adminKey = "admin_key"
    }

    init(gatewayURL: String, apiKey: String, adminKey: String? = nil) {
        self.gatewayURL = gatewayURL
        self.apiKey = apiKey
        self.adminKey = adminKey
    }

    /// `PARITY_CONFIG`, else in `XDG_CONFIG_HOME`, else in `~/.config`.
    static func path(_ environment: [String: String]) -> String {
        if let path = environment["PARITY_CONFIG"], !path.isEmpty { return path }
        if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") { return "\(folder)/parity/config.json" }
        return "\(environment["HOME"] ?? "/root")/.config/parity/config.json"
    }

    /// nil when there is no file; throws ``CommandFailure`` when it cannot be understood.
    static func read(_ path: String) throws -> ClientConfiguration? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(ClientConfiguration.self, from: data)
        } catch {
            throw CommandFailure(.settings, "\(path) is not understood; remove it or run `parity login` again")
        }
    }

    /// Replaces the file at once, so that a reader never sees half of it.
    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(self) + Data("\n".utf8)
        try PrivateFile.write(Array(bytes), to: path)
    }
}
