import ParityProtocol

/// One line of a task's history as `parity` reads it: a type that it does not know is shown, not refused.
struct WatchEvent: Sendable, Equatable {
    var seq: Int64
    var type: String
    var at: String
    var data: JSONValue
    /// As it came, for `--json`.
    var json: String

    /// nil when `event` does not carry an object with `seq` and `type`.
    init?(_ event: ServerSentEvent) {
        guard let value = try? JSONValue.parse(Array(event.data.utf8)), let seq = value["seq"]?.integer,
            let type = value["type"]?.string
        else { return nil }
        self.init(seq: seq, type: type, at: value["at"]?.string ?? "", data: value["data"] ?? [:], json: event.data)
    }

    init(seq: Int64, type: String, at: String, data: JSONValue, json: String = "") {
        self.seq = seq
        self.type = type
        self.at = at
        self.data = data
        self.json = json
    }

    var known: EventType? { EventType(rawValue: type) }
    var replica: Int? { data["replica"]?.integer.flatMap { Int(exactly: $0) } }
}
