/// Which publishes wait for the broker's word: a pure state machine. Sequence numbers start at 1 with each channel; an
/// ack or nack may cover many, and may come out of order.
struct ConfirmWindow<Ticket> {
    private struct Entry {
        let ticket: Ticket
        let deadline: ContinuousClock.Instant
        let messageKey: String?
        var isReturned = false
    }

    private var entries: [UInt64: Entry] = [:]
    private var lowest: UInt64 = 1
    private var next: UInt64 = 1

    var count: Int { entries.count }

    /// Notes a publish; returns its sequence number.
    mutating func add(_ ticket: Ticket, deadline: ContinuousClock.Instant, messageKey: String?) -> UInt64 {
        defer { next += 1 }
        entries[next] = Entry(ticket: ticket, deadline: deadline, messageKey: messageKey)
        return next
    }

    /// The broker sent this message back; the ack that follows at once confirms nothing. Brokers return in the order
    /// of publishing and before the ack, so the first open entry with the same key is the one.
    mutating func markReturned(messageKey: String?) {
        let open = entries.filter { !$0.value.isReturned && $0.value.messageKey == messageKey }.keys.min()
        if let open { entries[open]?.isReturned = true }
    }

    /// The tickets that a confirm settles, in order of publishing, each with whether it had been returned.
    mutating func settle(_ sequence: UInt64, multiple: Bool) -> [(ticket: Ticket, isReturned: Bool)] {
        var settled: [(ticket: Ticket, isReturned: Bool)] = []
        if multiple {
            let upTo = min(sequence, next - 1)
            while lowest <= upTo {
                if let entry = entries.removeValue(forKey: lowest) { settled.append((entry.ticket, entry.isReturned)) }
                lowest += 1
            }
        } else if let entry = entries.removeValue(forKey: sequence) {
            settled.append((entry.ticket, entry.isReturned))
        }
        while lowest < next, entries[lowest] == nil { lowest += 1 }
        return settled
    }

    /// Whether the oldest entry has waited too long.
    func isOverdue(at now: ContinuousClock.Instant) -> Bool { entries[lowest].map { $0.deadline <= now } ?? false }

    /// Gives up those that have waited too long; a confirm that comes later settles nothing.
    mutating func expire(at now: ContinuousClock.Instant) -> [Ticket] {
        var expired: [Ticket] = []
        while isOverdue(at: now) {
            expired += settle(lowest, multiple: false).map(\.ticket)
        }
        return expired
    }

    /// Empties the window for a new channel; the outcome of what is returned is unknown.
    mutating func reset() -> [Ticket] {
        defer { self = ConfirmWindow() }
        return entries.sorted { $0.key < $1.key }.map(\.value.ticket)
    }
}
