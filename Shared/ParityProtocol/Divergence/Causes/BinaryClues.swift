/// What bytes that are no text are, by the format around them and by their looks.
enum BinaryClues {
    typealias Clue = Classification.Clue

    static func clues(
        in binary: BinaryEvidence, name: String, _ clocks: [ClosedRange<Int64>?]
    ) -> [Clue] {
        [
            gzipHeader(binary, name), zipHeader(binary), tarHeader(binary), arHeader(binary), bytecode(binary),
            buildID(binary),
            moment(binary, clocks), address(binary), random(binary),
        ].compactMap { $0 }
    }

    private static func clue(_ cause: DivergenceCause, _ weight: Int, _ what: String) -> Clue {
        Clue(cause: cause, weight: weight, evidence: what)
    }

    /// RFC 1952: the time stands in bytes 4 to 7. What is compressed can only be guessed by the file's name.
    static func gzipHeader(_ binary: BinaryEvidence, _ name: String) -> Clue? {
        let isArchive = [".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2", ".crate", ".whl"].contains {
            name.hasSuffix($0)
        }
        if binary.header.starts(with: [0x1F, 0x8B]), (4..<8).contains(binary.offset) {
            return clue(.archiveTime, 94, "the time in a gzip header differs")
        }
        return isArchive ? clue(.archiveTime, 52, "a compressed archive differs inside") : nil
    }

    /// APPNOTE 4.3.7 and 4.3.12: times stand 10 bytes into a local header and 12 into a central one.
    static func zipHeader(_ binary: BinaryEvidence) -> Clue? {
        guard binary.header.starts(with: [0x50, 0x4B]) else { return nil }
        for (signature, first) in [([0x50, 0x4B, 3, 4] as [UInt8], 10), ([0x50, 0x4B, 1, 2], 12)] {
            for back in first..<first + 4 where binary.bytes(\.left, from: -back, count: 4) == signature {
                return clue(.archiveTime, 94, "a time in a zip header differs")
            }
        }
        // Extended time stamps ("UT") of Info-ZIP.
        for back in 4...16 where binary.bytes(\.left, from: -back, count: 2) == [0x55, 0x54] {
            return clue(.archiveTime, 92, "a time in a zip header differs")
        }
        return nil
    }

    /// POSIX ustar: a header's time stands at 136, its checksum, which covers the time, at 148.
    static func tarHeader(_ binary: BinaryEvidence) -> Clue? {
        let isTar = binary.header.count >= 262 && Array(binary.header[257..<262]) == Array("ustar".utf8)
        guard isTar, (136..<156).contains(binary.offset % 512) else { return nil }
        return clue(.archiveTime, 94, "the time in a tar header differs")
    }

    /// ar(5): the date stands 16 bytes into each member's header, as decimal text.
    static func arHeader(_ binary: BinaryEvidence) -> Clue? {
        guard binary.header.starts(with: Array("!<arch>\n".utf8)) else { return nil }
        return clue(.archiveTime, 70, "a header in a static library (ar) differs")
    }

    /// CPython's .pyc: magic that ends in CR LF, flags, then the time of the source.
    static func bytecode(_ binary: BinaryEvidence) -> Clue? {
        let isBytecode = binary.header.count >= 16 && Array(binary.header[2..<4]) == [0x0D, 0x0A]
        guard isBytecode, (8..<12).contains(binary.offset) else { return nil }
        return clue(.timeStamp, 84, "the time of the source in Python bytecode differs")
    }

    /// ELF: a note named GNU of type 3 holds the build id.
    static func buildID(_ binary: BinaryEvidence) -> Clue? {
        guard binary.header.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
        for back in 4...40 where binary.bytes(\.left, from: -back, count: 8) == [3, 0, 0, 0, 0x47, 0x4E, 0x55, 0] {
            return clue(.buildID, 90, "the build id of an executable differs")
        }
        return clue(.buildID, 55, "an executable differs")
    }

    /// A number of four or eight bytes that is the time at which its run was under way.
    static func moment(_ binary: BinaryEvidence, _ clocks: [ClosedRange<Int64>?]) -> Clue? {
        for back in 0..<8 {
            let sides = [\BinaryEvidence.left, \BinaryEvidence.right]
            let isTime = zip(sides, clocks).allSatisfy { side, clock in
                guard let clock, let bytes = binary.bytes(side, from: -back, count: 8) else { return false }
                return seconds(bytes, isShort: back < 4).contains { isNear($0, clock) }
            }
            if isTime { return clue(.timeStamp, 86, "a number in binary form is the time of the run") }
        }
        return nil
    }

    private static func isNear(_ seconds: Double, _ clock: ClosedRange<Int64>) -> Bool {
        seconds >= Double(clock.lowerBound) / 1000 - 60 && seconds <= Double(clock.upperBound) / 1000 + 60
    }

    /// What the bytes are as a count of seconds: integers of four and eight bytes in both orders, and a double.
    private static func seconds(_ bytes: [UInt8], isShort: Bool) -> [Double] {
        let little = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let big = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        var values = [Double(bitPattern: little), Double(bitPattern: big)]
        for value in [little, big] {
            for unit in [1.0, 1e3, 1e6, 1e9] { values.append(Double(value) / unit) }
        }
        if isShort {
            values += [Double(UInt32(truncatingIfNeeded: little)), Double(UInt32(truncatingIfNeeded: big >> 32))]
        }
        return values.filter { $0.isFinite }
    }

    /// Eight bytes, little-endian, that point where x86-64 Linux puts programs, heaps, libraries and stacks.
    static func address(_ binary: BinaryEvidence) -> Clue? {
        for back in 0..<8 {
            let isPointer = [\BinaryEvidence.left, \BinaryEvidence.right].allSatisfy { side in
                guard let bytes = binary.bytes(side, from: -back, count: 8) else { return false }
                return bytes[7] == 0 && bytes[6] == 0 && [0x55, 0x56, 0x7E, 0x7F].contains(bytes[5])
            }
            if isPointer { return clue(.memoryAddress, 82, "eight bytes that differ are an address in memory") }
        }
        return nil
    }

    private static let compressedFormats: [[UInt8]] = [
        [0x1F, 0x8B], [0x50, 0x4B], [0xFD, 0x37, 0x7A, 0x58], [0x28, 0xB5, 0x2F, 0xFD], [0x42, 0x5A, 0x68],
    ]

    /// Two stretches that agree no more often than chance has it.
    static func random(_ binary: BinaryEvidence) -> Clue? {
        let pairs = zip(binary.left, binary.right).prefix(256)
        let changed = pairs.count { $0 != $1 }
        let total = min(binary.left.count, binary.right.count, 256)
        guard total >= 8, changed * 10 >= total * 8 else { return nil }
        let isCompressed = compressedFormats.contains { binary.header.starts(with: $0) }
        return clue(.random, isCompressed ? 30 : 66, "the bytes have nothing in common from there on")
    }
}
