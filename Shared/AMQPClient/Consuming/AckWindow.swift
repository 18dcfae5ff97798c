/// Which deliveries of a channel are unsettled: a pure state machine. Acks that close the gap from the oldest on become
/// one `multiple` ack; a tag is settled once, since a second ack would close the channel.
struct AckWindow {
    enum Command: Hashable {
        case ack(UInt64, multiple: Bool)
        case reject(UInt64, requeue: Bool)
    }

    private var unsettled: Set<UInt64> = []
    private var lowest: UInt64 = 1
    private var highest: UInt64 = 0

    var count: Int { unsettled.count }

    mutating func deliver(_ tag: UInt64) {
        unsettled.insert(tag)
        highest = max(highest, tag)
    }

    /// What to send for these settlements, in any order; nothing for tags that are settled already.
    mutating func settle(acks: [UInt64], rejects: [(tag: UInt64, requeue: Bool)]) -> [Command] {
        var commands: [Command] = []
        // Rejects first: a multiple ack must not cover them.
        for reject in rejects where unsettled.remove(reject.tag) != nil {
            commands.append(.reject(reject.tag, requeue: reject.requeue))
        }
        var acked = Set(acks.filter { unsettled.remove($0) != nil })
        var covered: UInt64?
        while lowest <= highest, !unsettled.contains(lowest) {
            if acked.remove(lowest) != nil { covered = lowest }
            lowest += 1
        }
        if let covered { commands.append(.ack(covered, multiple: true)) }
        commands += acked.sorted().map { .ack($0, multiple: false) }
        return commands
    }
}
