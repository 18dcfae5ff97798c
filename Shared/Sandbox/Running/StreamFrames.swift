/// Takes the engine's framing off what a container writes (Docker Engine API, "attach"): eight bytes, of which the first
/// is the stream and the last four the length, then as many bytes.
struct StreamFrames: Sendable {
    /// A part of a stream; frames that span chunks come in parts.
    struct Part: Sendable, Hashable {
        let isStdout: Bool
        let bytes: [UInt8]
    }

    private var header: [UInt8] = []
    private var remaining = 0
    private var isStdout = false

    /// Whether all bytes so far are whole frames.
    var isAtBoundary: Bool { remaining == 0 && header.isEmpty }

    mutating func feed(_ chunk: [UInt8]) -> [Part] {
        var parts: [Part] = []
        var bytes = chunk[...]
        while !bytes.isEmpty {
            if remaining == 0 {
                let take = bytes.prefix(8 - header.count)
                header += take
                bytes = bytes.dropFirst(take.count)
                guard header.count == 8 else { break }
                isStdout = header[0] == 1
                remaining = header[4...7].reduce(0) { $0 << 8 | Int($1) }
                header = []
            } else {
                let take = bytes.prefix(remaining)
                remaining -= take.count
                bytes = bytes.dropFirst(take.count)
                parts.append(Part(isStdout: isStdout, bytes: Array(take)))
            }
        }
        return parts
    }
}
