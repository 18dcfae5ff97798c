import Foundation
import ParityProtocol
import Sandbox
import Synchronization

/// The log of one build: whole in a file up to a limit, and in bounded pieces for who watches.
final class BuildLog: Sendable {
    private struct State {
        let file: FileWriter
        var pending: [UInt8] = []
        var piece = 0
        /// What nobody who watches was told.
        var untold: Int64 = 0
        var isFull = false

        /// What the pieces that are left can hold: more is never told, and a build could print without end.
        var room: Int {
            let reserved = BuildLog.reservedPieces
            let pieces = max(0, BuildProgress.maximumPieces - reserved - piece) + reserved - 1
            return BuildProgress.maximumTextBytes * pieces - BuildLog.noticeBytes
        }

        /// Leaves the beginning out, and no character cut in two.
        mutating func trim() {
            guard pending.count > room else { return }
            let surplus = pending.count - room
            let cut = surplus + pending.dropFirst(surplus).prefix { $0 & 0xC0 == 0x80 }.count
            untold += Int64(cut)
            pending.removeFirst(cut)
        }
    }

    private let state: Mutex<State>
    let path: String
    private let maximumBytes: Int64
    /// Room for the words that end a log that was cut.
    static let maximumBytes: Int64 = 16 << 20
    /// The last pieces are kept free for how it ends.
    private static let reservedPieces = 4
    private static let slack = 262_144
    /// Of the line that says how much was left out.
    private static let noticeBytes = 100

    init(path: String, maximumBytes: Int64 = BuildLog.maximumBytes) throws {
        self.path = path
        self.maximumBytes = maximumBytes
        state = Mutex(State(file: try FileWriter(path)))
    }

    func append(_ text: String) throws {
        // Colours are for the builder's terminal, which there is none; a carriage return overwrites, so it ends a line.
        let clean = text.replacing(#/\u{1B}\[[0-9;]*[A-Za-z]/#, with: "").replacing("\0", with: "")
            .replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        try state.withLock { state in
            state.pending += Array(clean.utf8)
            // Not byte by byte: what is behind moves up.
            if state.pending.count > state.room + Self.slack { state.trim() }
            guard !state.isFull else { return }
            if state.file.count + Int64(clean.utf8.count) > maximumBytes {
                state.isFull = true
                try state.file.write("\n(the log is longer than the \(maximumBytes) bytes that are kept)\n")
            } else {
                try state.file.write(clean)
            }
        }
    }

    /// The next piece, if there is news; with `isLast` also the pieces that were kept free.
    func next(isLast: Bool = false) -> (number: Int, text: String)? {
        state.withLock { state in
            let limit = BuildProgress.maximumPieces - (isLast ? 0 : Self.reservedPieces)
            guard !state.pending.isEmpty, state.piece < limit else { return nil }
            state.trim()
            var text = ""
            if state.untold > 0 {
                text = "\n(\(state.untold) bytes left out here; the whole log has them)\n"
                state.untold = 0
            }
            let room = BuildProgress.maximumTextBytes - text.utf8.count
            let count = Self.cut(state.pending, at: room)
            text += String(decoding: state.pending.prefix(count), as: UTF8.self)
            state.pending.removeFirst(count)
            state.piece += 1
            return (state.piece - 1, text)
        }
    }

    /// The number of the next piece, for a message that brings none.
    var number: Int { state.withLock { min($0.piece, BuildProgress.maximumPieces - 1) } }

    /// The digest of the file.
    func finish() -> Digest { state.withLock { $0.file.finish() } }

    /// At most `limit` bytes, and no character cut in two.
    private static func cut(_ bytes: [UInt8], at limit: Int) -> Int {
        guard bytes.count > limit else { return bytes.count }
        var count = limit
        while count > limit - 4, bytes[count] & 0xC0 == 0x80 { count -= 1 }
        return count
    }
}
