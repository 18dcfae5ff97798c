/// One event of a stream (WHATWG HTML, section 9.2).
struct ServerSentEvent: Sendable, Equatable {
    var id: String?
    var type: String
    var data: String
}

/// Turns the bytes of a `text/event-stream` into events, however they are cut.
struct ServerSentEventParser: Sendable {
    /// Longer than any event of a gateway; beyond it the stream is not what it claims to be.
    static let maximumEventBytes = 1 << 20

    struct TooLong: Error {}

    private var line: [UInt8] = []
    private var endedInCarriageReturn = false
    private var dataLines: [String] = []
    private var dataBytes = 0
    private var type = ""
    private var lastID: String?

    init() {}

    /// The events that `bytes` complete. A comment or `retry` completes none.
    mutating func consume(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            let followsCarriageReturn = endedInCarriageReturn
            endedInCarriageReturn = byte == UInt8(ascii: "\r")
            if byte == UInt8(ascii: "\n"), followsCarriageReturn { continue }
            guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
                line.append(byte)
                if line.count + dataBytes > Self.maximumEventBytes { throw TooLong() }
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        guard !text.isEmpty else { return dispatch() }
        let colon = text.firstIndex(of: ":")
        let field = colon.map { text[..<$0] } ?? Substring(text)
        var value = colon.map { text[text.index(after: $0)...] } ?? ""
        if value.hasPrefix(" ") { value = value.dropFirst() }
        switch field {
        case "data":
            dataLines.append(String(value))
            dataBytes += value.utf8.count
        case "event": type = String(value)
        case "id" where !value.contains("\0"): lastID = String(value)
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            dataLines.removeAll()
            dataBytes = 0
            type = ""
        }
        guard !dataLines.isEmpty else { return nil }
        return ServerSentEvent(
            id: lastID, type: type.isEmpty ? "message" : type, data: dataLines.joined(separator: "\n"))
    }
}
