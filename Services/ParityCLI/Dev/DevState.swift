import FoundationEssentials
import ParityProtocol

/// What `parity dev` remembers between starts: `state.json` in its folder.
struct DevState: Codable, Sendable, Equatable {
    var schema = "parity.dev/v1"
    var ports: [String: Int] = [:]
    var postgresPassword = Self.secret()
    var amqpPassword = Self.secret()
    var adminKey = Self.secret()
    /// RabbitMQ's data belongs to the name of its node.
    var nodeName = "parity-\(Self.secret().prefix(8))@localhost"
    /// The key of the account `dev`; nil until it was made.
    var apiKey: String?
    /// The key of the account that the builder acts for; nil until it was made.
    var builderKey: String?

    static func read(_ path: String) throws -> DevState {
        guard let data = FileManager.default.contents(atPath: path) else { return DevState() }
        do {
            return try JSONDecoder().decode(DevState.self, from: data)
        } catch {
            throw CommandFailure(.failure, "\(path) is not understood; remove its folder to start anew")
        }
    }

    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try PrivateFile.write(Array(try encoder.encode(self)), to: path)
    }

    /// 128 bits from the system's generator, in hex: fit for URLs and files.
    private static func secret() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let hex = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - hex.count) + hex
        }.joined()
    }
}
