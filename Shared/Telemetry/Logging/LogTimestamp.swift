import Glibc

/// A moment in UTC, to the millisecond.
struct LogTimestamp: Sendable, Equatable {
    var secondsSince1970: Int
    var milliseconds: Int

    static var now: LogTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogTimestamp(secondsSince1970: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// `2026-01-31T09:08:01.123Z` (RFC 3339).
    var rfc3339: String {
        let parts = utc
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(timeOfDay)Z"
    }

    /// `09:08:01.123`
    var timeOfDay: String {
        let parts = utc
        let fraction = String(milliseconds)
        let padding = String(repeating: "0", count: max(0, 3 - fraction.count))
        return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(padding)\(fraction)"
    }

    private var utc: tm {
        var seconds: time_t = secondsSince1970
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }

    private func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
