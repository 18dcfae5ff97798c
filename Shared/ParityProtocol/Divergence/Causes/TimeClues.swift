/// Times of day, dates, counts of seconds, durations.
enum TimeClues {
    typealias Clue = Classification.Clue

    static func clues(in pair: Substitution, _ clocks: [ClosedRange<Int64>?]) -> [Clue] {
        [zone(pair), calendar(pair), duration(pair), moment(pair, clocks), passage(pair, clocks)].compactMap { $0 }
    }

    private static func clue(_ cause: DivergenceCause, _ weight: Int, _ pair: Substitution) -> Clue {
        Clue(cause: cause, weight: weight, evidence: pair.text)
    }

    /// Offsets from UTC, or names of zones: UTC, PST, MEST.
    static func zone(_ pair: Substitution) -> Clue? {
        func isOffset(_ text: String) -> Bool {
            ["+9999", "-9999", "+99:99", "-99:99", "+99", "-99"].contains(TextWords.shape(of: text))
        }
        func isName(_ text: String) -> Bool {
            let isAbbreviation = (3...5).contains(text.utf8.count) && text.utf8.allSatisfy(TextWords.isCapital)
            return text == "UTC" || text == "GMT" || isOffset(text) || isAbbreviation && text.hasSuffix("T")
        }
        if isOffset(pair.left), isOffset(pair.right) { return clue(.timeZone, 85, pair) }
        if isName(pair.left), isName(pair.right) { return clue(.timeZone, 82, pair) }
        guard pair.mentions(["timezone", "tz", "zone"]), TextWords.number(pair.left) == nil else { return nil }
        return clue(.timeZone, 76, pair)
    }

    /// A date or a time of day as people write them.
    static func calendar(_ pair: Substitution) -> Clue? {
        guard isCalendar(pair.left), isCalendar(pair.right) else { return nil }
        return clue(.timeStamp, 92, pair)
    }

    static func isCalendar(_ text: String) -> Bool {
        let shape = TextWords.shape(of: text)
        if shape.contains("99:99:99") || shape.contains("9999-99-99") || shape.contains("99/99/9999") { return true }
        if shape == "99:99" || shape == "9:99" || shape == "9:99:99" { return true }
        // Compact forms, as in file names and PDFs: 20260131, 20260131T235959, 20260131235959.
        return isCompactDate(text)
    }

    private static func isCompactDate(_ text: String) -> Bool {
        let runs = text.utf8.split { !TextWords.isDigit($0) }
        guard let run = runs.first(where: { [8, 12, 14].contains($0.count) }) else { return false }
        let digits = String(decoding: run, as: UTF8.self)
        guard digits.hasPrefix("19") || digits.hasPrefix("20"), let month = Int(digits.dropFirst(4).prefix(2)),
            let day = Int(digits.dropFirst(6).prefix(2))
        else { return false }
        return (1...12).contains(month) && (1...31).contains(day)
    }

    private static let durationWords: Set = [
        "elapsed", "took", "seconds", "second", "secs", "sec", "ms", "us", "ns", "duration", "real", "sys", "runtime",
        "uptime", "wall", "speed", "rate", "throughput", "latency", "msec", "usec", "millis", "milliseconds",
        "microseconds", "nanoseconds", "perf", "timing", "timings", "bench", "benchmark",
    ]

    /// A number that was measured: `0.0123 s`, `1m2.5s`, `12ms`.
    static func duration(_ pair: Substitution) -> Clue? {
        func isTimed(_ text: String) -> Bool {
            let unit = text.reversed().prefix { $0.isLetter }
            let head = text.dropLast(unit.count)
            guard ["s", "sm", "su", "sn", "ces", "m", "h"].contains(String(unit)), let last = head.utf8.last else {
                return false
            }
            return TextWords.isDigit(last) && head.utf8.first.map(TextWords.isDigit) == true
        }
        if isTimed(pair.left), isTimed(pair.right) { return clue(.elapsedTime, 82, pair) }
        guard TextWords.number(pair.left) != nil, TextWords.number(pair.right) != nil,
            pair.mentions(durationWords) || pair.mentions(["time", "took"]) && pair.left.contains(".")
        else { return nil }
        return clue(.elapsedTime, 78, pair)
    }

    /// A count of seconds (or thousandths, millionths, billionths) since 1970.
    static func moment(_ pair: Substitution, _ clocks: [ClosedRange<Int64>?]) -> Clue? {
        guard let left = milliseconds(pair.cores.left) ?? milliseconds(pair.left),
            let right = milliseconds(pair.cores.right) ?? milliseconds(pair.right)
        else { return nil }
        let known = zip([left, right], clocks).compactMap { value, clock in clock.map { isNear(value, $0) } }
        if known.contains(false) { return nil }
        return clue(.timeStamp, known.isEmpty ? 80 : 96, pair)
    }

    /// Beyond this, a runner's clock and a container's cannot be apart.
    private static let toleranceMilliseconds: Int64 = 120_000

    private static func isNear(_ value: Int64, _ clock: ClosedRange<Int64>) -> Bool {
        value >= clock.lowerBound - toleranceMilliseconds && value <= clock.upperBound + toleranceMilliseconds
    }

    /// Since 2001, until 2096; nil for what is no such count.
    private static func milliseconds(_ text: String) -> Int64? {
        let whole = text.split(separator: ".", maxSplits: 1).first.map(String.init) ?? ""
        guard TextWords.isInteger(whole), TextWords.number(text) != nil, let value = Int64(whole) else { return nil }
        let scaled: Int64? =
            switch whole.utf8.count {
            case 10: value * 1000
            case 13: value
            case 16: value / 1000
            case 19: value / 1_000_000
            default: nil
            }
        return scaled.flatMap { (1_000_000_000_000...4_000_000_000_000).contains($0) ? $0 : nil }
    }

    /// Two numbers that are as far apart as the runs were: a clock that counts from some other moment, such as uptime.
    static func passage(_ pair: Substitution, _ clocks: [ClosedRange<Int64>?]) -> Clue? {
        guard clocks.count == 2, let first = clocks[0], let second = clocks[1],
            let left = TextWords.number(pair.left), let right = TextWords.number(pair.right)
        else { return nil }
        let apart = Double(second.lowerBound - first.lowerBound) / 1000
        guard abs(apart) >= 1 else { return nil }
        for (unit, least) in [(1.0, 100.0), (1e3, 1e6), (1e6, 1e9), (1e9, 1e12)] where abs(left) >= least {
            // Seconds must come with a fraction: small whole numbers are near each other by chance.
            guard unit > 1 || pair.left.contains(".") else { continue }
            if abs((right - left) / unit - apart) < max(0.7, abs(apart) / 4) { return clue(.elapsedTime, 72, pair) }
        }
        return nil
    }
}
