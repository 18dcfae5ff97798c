/// Where a piece of work stands in its trace: the value of the `traceparent` header.
///
/// Source: W3C Trace Context, level 1, section 3.2. Carried in HTTP and AMQP headers of that name.
package struct TraceContext: Sendable, Hashable {
    package static let headerName = "traceparent"

    /// The context of the running task; logs carry its trace id.
    @TaskLocal package static var current: TraceContext?

    private let traceHigh: UInt64
    private let traceLow: UInt64
    private let span: UInt64
    private let flags: UInt8

    /// A new trace, sampled.
    package init() {
        // One of them is forced to be non-zero: all zeros is invalid.
        traceHigh = UInt64.random(in: 1 ... .max)
        traceLow = UInt64.random(in: 0 ... .max)
        span = UInt64.random(in: 1 ... .max)
        flags = 1
    }

    private init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, flags: UInt8) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.flags = flags
    }

    /// The context that `header` spells; nil when it is not exactly what the standard allows.
    ///
    /// Version `00` must be 55 characters of lower-case hex and dashes; a later version may have more after a
    /// further dash; version `ff`, a zero trace id and a zero span id are invalid.
    package init?(header: String) {
        let bytes = Array(header.utf8)
        guard bytes.count >= Self.headerLength, bytes.count <= Self.maximumHeaderLength,
            bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
            let version = Self.hex(bytes[0..<2]), version != 0xFF,
            let high = Self.hex(bytes[3..<19]), let low = Self.hex(bytes[19..<35]),
            let span = Self.hex(bytes[36..<52]), let flags = Self.hex(bytes[53..<55]),
            high != 0 || low != 0, span != 0
        else { return nil }
        if bytes.count > Self.headerLength {
            guard version != 0, bytes[Self.headerLength] == Self.dash else { return nil }
        }
        self.init(traceHigh: high, traceLow: low, span: span, flags: UInt8(truncatingIfNeeded: flags) & 1)
    }

    /// The next step of the same trace: same trace id, new span id.
    package func child() -> TraceContext {
        TraceContext(traceHigh: traceHigh, traceLow: traceLow, span: .random(in: 1 ... .max), flags: flags)
    }

    /// A child of what `header` spells, or a new trace when there is none or it is malformed.
    package static func continuing(_ header: String?) -> TraceContext {
        header.flatMap { TraceContext(header: $0) }?.child() ?? TraceContext()
    }

    /// 32 lower-case hex digits.
    package var traceID: String { Self.text(traceHigh, digits: 16) + Self.text(traceLow, digits: 16) }
    /// 16 lower-case hex digits.
    package var spanID: String { Self.text(span, digits: 16) }
    /// The value of a `traceparent` header.
    package var header: String { "00-\(traceID)-\(spanID)-\(Self.text(UInt64(flags), digits: 2))" }

    private static let dash = UInt8(ascii: "-")
    private static let headerLength = 55
    /// Later versions may be longer; nothing sane is longer than this.
    private static let maximumHeaderLength = 512

    private static func text(_ value: UInt64, digits: Int) -> String {
        let hex = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - hex.count)) + hex
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
