/// Compares two contents as they are read, in constant memory: where they part, what stands around that place, and
/// whether they hold the same lines in another order.
///
/// Feed the side that ``next`` asks for until it asks for none.
package struct ContentComparison: Sendable {
    package enum Side: Sendable { case left, right }

    /// Contents that are equal for this long are not read any further.
    package static let maximumBytes: Int64 = 64 << 20
    /// Lines are counted this far.
    static let tallyBytes: Int64 = 8 << 20
    /// What is kept of each side from the first difference on.
    static let windowBytes = 16 << 10
    /// What is kept of both sides before it.
    static let leadBytes = 2 << 10
    /// What is kept of each side's beginning, where formats show.
    static let headerBytes = 512

    /// One of the contents, as far as it was read.
    struct Half: Sendable {
        fileprivate var pending: [UInt8] = []
        fileprivate(set) var bytesRead: Int64 = 0
        fileprivate(set) var isAtEnd = false
        fileprivate(set) var header: [UInt8] = []
        /// From the first difference on.
        fileprivate(set) var window: [UInt8] = []
        fileprivate(set) var lines = LineTally()

        fileprivate var isWindowFull: Bool { isAtEnd || window.count >= ContentComparison.windowBytes }

        fileprivate mutating func end() {
            isAtEnd = true
            lines.end()
        }
    }

    private(set) var left = Half()
    private(set) var right = Half()
    /// Nil as long as none was found.
    package private(set) var firstDifference: Int64?
    /// The last bytes before the first difference.
    private(set) var lead: [UInt8] = []
    /// Line feeds before the first difference.
    private(set) var linesBefore: Int64 = 0
    private var equalBytes: Int64 = 0

    package init() {}

    /// Which side to feed or to end; nil when there is nothing more to learn.
    package var next: Side? {
        let isFound = firstDifference != nil
        if isFound, left.isWindowFull, right.isWindowFull, isTallied(left), isTallied(right) { return nil }
        if !isFound, equalBytes >= Self.maximumBytes { return nil }
        if left.isAtEnd { return right.isAtEnd ? nil : .right }
        return right.isAtEnd || left.bytesRead <= right.bytesRead ? .left : .right
    }

    private func isTallied(_ half: Half) -> Bool { half.isAtEnd || half.bytesRead >= Self.tallyBytes }

    /// Whether both were read to their ends and hold the same lines, at least two, each as often.
    package var hasSameLines: Bool {
        left.isAtEnd && right.isAtEnd && left.bytesRead == right.bytesRead && left.bytesRead <= Self.tallyBytes
            && left.lines == right.lines && left.lines.count > 1
    }

    package mutating func feed(_ bytes: [UInt8], to side: Side) {
        switch side {
        case .left: Self.take(bytes, into: &left, isFound: firstDifference != nil)
        case .right: Self.take(bytes, into: &right, isFound: firstDifference != nil)
        }
        if firstDifference == nil { match() }
    }

    /// There is no more of `side`.
    package mutating func end(_ side: Side) {
        switch side {
        case .left: left.end()
        case .right: right.end()
        }
        if firstDifference == nil { match() }
    }

    private static func take(_ bytes: [UInt8], into half: inout Half, isFound: Bool) {
        if half.bytesRead < tallyBytes { half.lines.feed(bytes) }
        half.bytesRead += Int64(bytes.count)
        if half.header.count < headerBytes { half.header += bytes.prefix(headerBytes - half.header.count) }
        if isFound {
            half.window += bytes.prefix(max(0, windowBytes - half.window.count))
        } else {
            half.pending += bytes
        }
    }

    /// Takes what both sides have in common off them, and looks whether they part.
    private mutating func match() {
        let length = min(left.pending.count, right.pending.count)
        let common = Self.commonPrefix(left.pending, right.pending, length)
        advance(common)
        let isOver =
            left.pending.isEmpty && left.isAtEnd && !right.pending.isEmpty
            || right.pending.isEmpty && right.isAtEnd && !left.pending.isEmpty
        guard common < length || isOver else { return }
        firstDifference = equalBytes
        left.window = Array(left.pending.prefix(Self.windowBytes))
        right.window = Array(right.pending.prefix(Self.windowBytes))
        left.pending = []
        right.pending = []
    }

    private mutating func advance(_ count: Int) {
        guard count > 0 else { return }
        let common = left.pending[..<count]
        for byte in common where byte == UInt8(ascii: "\n") { linesBefore += 1 }
        lead = (lead + common.suffix(Self.leadBytes)).suffix(Self.leadBytes)
        equalBytes += Int64(count)
        left.pending.removeFirst(count)
        right.pending.removeFirst(count)
    }

    private static func commonPrefix(_ left: [UInt8], _ right: [UInt8], _ length: Int) -> Int {
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                var index = 0
                while index < length, left[index] == right[index] { index += 1 }
                return index
            }
        }
    }
}

/// Counts lines so that two contents with the same lines in any order have equal tallies.
struct LineTally: Sendable, Hashable {
    private(set) var count = 0
    private var sum: UInt64 = 0
    private var current = LineTally.basis

    /// FNV-1a (64 bits).
    private static let basis: UInt64 = 0xCBF2_9CE4_8422_2325
    private static let prime: UInt64 = 0x100_0000_01B3

    /// A last line without its line feed is a line too.
    mutating func end() {
        if current != Self.basis { feed([UInt8(ascii: "\n")]) }
    }

    mutating func feed(_ bytes: [UInt8]) {
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                current = (current ^ UInt64(byte)) &* Self.prime
                continue
            }
            count += 1
            // Multiplied once more: a sum of plain FNV values would let bytes move between lines unnoticed.
            sum &+= (current ^ current >> 32) &* 0x9E37_79B9_7F4A_7C15
            current = Self.basis
        }
    }
}
