import Logging

/// Turns one log entry into one line that ends in a line feed and contains no other.
protocol LogRenderer: Sendable {
    func line(_ entry: LogEntry) -> String
}

/// What a renderer is given.
struct LogEntry: Sendable {
    var time: LogTimestamp
    var level: Logger.Level
    /// The logger's label; shown where it is not the service's name.
    var label: String
    var message: String
    /// Flat, sorted by key.
    var fields: [LogField]
}

/// One piece of metadata with its nested names joined by dots.
struct LogField: Sendable, Equatable {
    /// A value longer than this is cut: one line must not fill a disk.
    static let maximumValueCharacters = 4096

    var key: String
    var value: String

    init(_ key: String, _ value: String) {
        self.key = key
        self.value =
            value.utf8.count > Self.maximumValueCharacters ? value.prefix(Self.maximumValueCharacters) + "…" : value
    }

    /// `metadata` with dictionaries flattened to `outer.inner`, sorted by key. Arrays become `[a, b]`.
    static func flatten(_ metadata: Logger.Metadata) -> [LogField] {
        var fields: [LogField] = []
        for (key, value) in metadata { append(key, value, to: &fields) }
        return fields.sorted { $0.key < $1.key }
    }

    private static func append(_ key: String, _ value: Logger.MetadataValue, to fields: inout [LogField]) {
        switch value {
        case .dictionary(let inner):
            for (name, innerValue) in inner { append("\(key).\(name)", innerValue, to: &fields) }
        case .string(let text): fields.append(LogField(key, text))
        case .stringConvertible(let convertible): fields.append(LogField(key, convertible.description))
        case .array: fields.append(LogField(key, value.description))
        }
    }
}
