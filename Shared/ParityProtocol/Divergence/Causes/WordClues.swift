/// What a pair of words is by its looks and by the words around it.
enum WordClues {
    typealias Clue = Classification.Clue
    private typealias Classifier = (Substitution) -> (cause: DivergenceCause, weight: Int)?

    private static var classifiers: [Classifier] {
        [
            uuid, temporaryPath, address, floatRounding, processID, userID, cpuCount, memory, locale, hostName, machine,
            machineState, fileIdentity, environment, buildID, race, random,
        ]
    }

    static func clues(in pair: Substitution) -> [Clue] {
        classifiers.compactMap { $0(pair) }.map { Clue(cause: $0.cause, weight: $0.weight, evidence: pair.text) }
    }

    /// RFC 9562.
    static func uuid(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        containsUUID(pair.left) && containsUUID(pair.right) ? (.uuid, 95) : nil
    }

    static func containsUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= 36 else { return false }
        return (0...bytes.count - 36).contains { start in
            (0..<36).allSatisfy { index in
                let byte = bytes[start + index]
                return [8, 13, 18, 23].contains(index) ? byte == UInt8(ascii: "-") : TextWords.isHex(byte)
            }
        }
    }

    static func temporaryPath(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        func isTemporary(_ text: String, _ core: String) -> Bool {
            let parts = text.split(separator: "/").filter { $0.contains(core) }
            let isBelow = text.contains("/tmp/") || text.contains("/var/tmp/")
            return !core.isEmpty && (isBelow || parts.contains { $0.lowercased().hasPrefix("tmp") })
        }
        let cores = pair.cores
        guard isTemporary(pair.left, cores.left), isTemporary(pair.right, cores.right) else { return nil }
        return (.temporaryPath, 88)
    }

    /// A pointer in hex, or as the decimal number that CPython's id() gives.
    static func address(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        func isHexAddress(_ text: String) -> Bool {
            guard let mark = text.firstRange(of: "0x") else { return false }
            return (6...16).contains(text[mark.upperBound...].utf8.prefix { TextWords.isHex($0) }.count)
        }
        if isHexAddress(pair.left), isHexAddress(pair.right) { return (.memoryAddress, 90) }
        // Where x86-64 Linux puts programs, heaps, libraries and stacks.
        let spaces = [0x5500_0000_0000...0x5700_0000_0000, 0x7E00_0000_0000...0x7FFF_FFFF_FFFF]
        func isAddress(_ value: Int?) -> Bool { value.map { value in spaces.contains { $0.contains(value) } } ?? false }
        let cores = pair.cores
        if isAddress(Int(cores.left)), isAddress(Int(cores.right)) { return (.memoryAddress, 84) }
        let isBare = [cores.left, cores.right].allSatisfy { $0.utf8.count == 12 && isAddress(Int($0, radix: 16)) }
        return isBare ? (.memoryAddress, 84) : nil
    }

    /// Two numbers that are the same but for their last digits.
    static func floatRounding(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        guard let left = TextWords.number(pair.left), let right = TextWords.number(pair.right), left != right,
            pair.left.contains(".") || pair.left.lowercased().contains("e")
        else { return nil }
        let digits = pair.left.utf8.count(where: TextWords.isDigit)
        guard digits >= 7, abs(left - right) <= 1e-5 * max(abs(left), abs(right)) else { return nil }
        return (.floatRounding, 86)
    }

    static func processID(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let cores = pair.cores
        // The largest that Linux gives.
        guard let left = Int(cores.left), let right = Int(cores.right), max(left, right) <= 4_194_304 else {
            return nil
        }
        if pair.mentions(["pid", "ppid", "pgid", "tid", "process", "getpid"]) { return (.processID, 82) }
        return nil
    }

    static func userID(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        pair.mentions(["uid", "gid", "euid", "user", "owner", "group", "groups", "home", "login", "logname", "whoami"])
            ? (.userID, 66) : nil
    }

    static func cpuCount(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        guard let left = Int(pair.cores.left), let right = Int(pair.cores.right), max(left, right) <= 4096,
            pair.mentions([
                "cpu", "cpus", "core", "cores", "nproc", "processor", "processors", "threads", "workers", "parallel",
                "jobs", "parallelism", "concurrency",
            ])
        else { return nil }
        return (.cpuCount, 70)
    }

    static func memory(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        guard pair.mentions(["memtotal", "memory", "mem", "ram", "heap", "physmem"]), hasDigits(pair) else {
            return nil
        }
        return (.memorySize, 68)
    }

    static func locale(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let names: Set = [
            "utf-8", "utf8", "ascii", "us-ascii", "ansi_x3.4-1968", "c.utf-8", "posix", "latin-1", "iso-8859-1",
        ]
        if names.contains(pair.left.lowercased()), names.contains(pair.right.lowercased()) { return (.locale, 84) }
        if pair.mentions(["lang", "locale", "encoding", "charset", "lc", "codeset"]) { return (.locale, 72) }
        return nil
    }

    static func hostName(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        pair.mentions(["host", "hostname", "nodename", "node", "fqdn"]) && !TextWords.isInteger(pair.left)
            ? (.hostName, 74) : nil
    }

    static func machine(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        if pair.mentions(["mhz", "bogomips", "stepping", "microcode"]) { return (.machine, 84) }
        let hasModel =
            pair.mentions(["model", "cpu", "processor"]) && pair.mentions(["name", "ghz", "intel", "amd", "xeon"])
        if hasModel { return (.machine, 74) }
        return pair.mentions(["kernel", "uname", "linux", "release"]) && hasDigits(pair) ? (.machine, 64) : nil
    }

    static func machineState(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let words: Set = [
            "memfree", "memavailable", "free", "available", "buffers", "cached", "load", "loadavg", "average", "avail",
            "used", "usage", "statvfs", "disk", "rss", "vmrss", "swapfree", "interrupts", "ctxt",
        ]
        guard pair.mentions(words), hasDigits(pair) else { return nil }
        return (.machineState, 78)
    }

    static func fileIdentity(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let isMount = [pair.left, pair.right].allSatisfy { $0.contains("/overlay2/") || $0.contains("/containers/") }
        if isMount { return (.fileIdentity, 80) }
        guard pair.mentions(["inode", "inodes", "ino", "dev", "device", "mount", "mountinfo", "cgroup"]),
            hasDigits(pair)
        else { return nil }
        return (.fileIdentity, 76)
    }

    /// What says of itself that it is a list of variables.
    static func environment(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        pair.mentions(["environ", "environment", "env", "printenv"]) ? (.environment, 60) : nil
    }

    static func buildID(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let words: Set = ["buildid", "build"]
        guard pair.mentions(words), pair.mentions(["id", "buildid", "sha", "hash"]) else { return nil }
        return (.buildID, 70)
    }

    /// Two counts that should be equal and nearly are: updates that were lost.
    static func race(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        guard let left = Int(pair.cores.left), let right = Int(pair.cores.right), min(left, right) >= 100,
            pair.mentions(["count", "counter", "total", "sum", "increments", "hits", "thread", "threads", "race"])
        else { return nil }
        let (low, high) = (min(left, right), max(left, right))
        return (.threadOrder, high - low <= high / 2 ? 62 : 48)
    }

    private static let randomWords: Set = [
        "random", "rand", "seed", "salt", "nonce", "token", "secret", "key", "iv", "sample", "shuffle", "noise",
        "lottery", "dice", "session", "boundary",
    ]

    /// Words of chance: hex or base64 that differs nearly everywhere, numbers that have nothing in common.
    static func random(_ pair: Substitution) -> (cause: DivergenceCause, weight: Int)? {
        let bonus = pair.mentions(randomWords) ? 20 : 0
        let (left, right) = (Array(pair.left.utf8), Array(pair.right.utf8))
        let isWord = (left + right).allSatisfy { TextWords.isWordByte($0) || "+/-".utf8.contains($0) }
        if isWord, left.count == right.count, left.count >= 8 {
            let changed = zip(left, right).count { $0 != $1 }
            let isHashLike = [32, 40, 56, 64, 96, 128].contains(left.count) && left.allSatisfy(TextWords.isHex)
            if changed * 10 >= left.count * 7 { return (.random, min(92, (isHashLike ? 62 : 70) + bonus)) }
        }
        if let one = TextWords.number(pair.left), let other = TextWords.number(pair.right) {
            let isFraction = pair.left.contains(".")
            let isFar = abs(one - other) > 1e-3 * max(abs(one), abs(other))
            if isFar, isFraction || left.count >= 2 { return (.random, (isFraction ? 58 : 44) + bonus) }
        }
        return bonus > 0 ? (.random, 50) : nil
    }

    private static func hasDigits(_ pair: Substitution) -> Bool {
        [pair.left, pair.right].allSatisfy { $0.utf8.contains(where: TextWords.isDigit) }
    }
}
