/// Which deliveries of a channel are unsettled: a pure state machine. Acks that close the gap from the oldest on become
/// one `multiple` ack; a tag is settled once, since a second ack would close the channel.
struct AckWindow {
    enum Command: Hashable {
        case ack(UInt64, multiple: Bool)
        case reject(UInt64, requeue: Bool)
    }

    private enum State: UInt8 { case unsettled, acked, settled }

    /// States from tag `lowest` on; what stands before `head` is over. Tags of a channel count up without gaps.
    private var states: [State] = []
    private var head = 0
    private var lowest: UInt64 = 1
    private(set) var count = 0

    mutating func deliver(_ tag: UInt64) {
        let next = lowest + UInt64(states.count - head)
        guard tag >= next else { return }
        for _ in next..<tag { states.append(.settled) }
        states.append(.unsettled)
        count += 1
    }

    /// What to send for these settlements, in any order; nothing for tags that are settled already.
    mutating func settle(acks: [UInt64], rejects: [(tag: UInt64, requeue: Bool)]) -> [Command] {
        var commands: [Command] = []
        // Rejects first: a multiple ack must not cover them.
        for reject in rejects where take(reject.tag, .settled) {
            commands.append(.reject(reject.tag, requeue: reject.requeue))
        }
        let acks = acks.filter { take($0, .acked) }
        var covered: UInt64?
        while head < states.count, states[head] != .unsettled {
            if states[head] == .acked { covered = lowest }
            head += 1
            lowest += 1
        }
        if head > 1024, head > states.count / 2 {
            states.removeFirst(head)
            head = 0
        }
        if let covered { commands.append(.ack(covered, multiple: true)) }
        for tag in acks.filter({ $0 >= lowest }).sorted() {
            states[head + Int(tag - lowest)] = .settled
            commands.append(.ack(tag, multiple: false))
        }
        return commands
    }

    /// False if it was not unsettled.
    private mutating func take(_ tag: UInt64, _ state: State) -> Bool {
        guard tag >= lowest, tag - lowest < UInt64(states.count - head) else { return false }
        let index = head + Int(tag - lowest)
        guard states[index] == .unsettled else { return false }
        states[index] = state
        count -= 1
        return true
    }
}
