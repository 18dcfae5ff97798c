import Testing

@testable import ParityProtocol

/// What two runs wrote, and what it should be taken for.
@Suite struct DivergenceCauseTests {
    private static let texts: [(DivergenceCause, String, String)] = [
        (.timeStamp, "built 2026-01-31T12:00:00Z\n", "built 2026-01-31T12:00:03Z\n"),
        (.timeStamp, "Sat Jan 31 12:00:00 UTC 2026\n", "Sat Jan 31 12:00:03 UTC 2026\n"),
        (.timeStamp, "-rw-r--r-- 1 0 0 5 Jan 31 11:59 a\n", "-rw-r--r-- 1 0 0 5 Jan 31 12:00 a\n"),
        (.timeStamp, "ts=1769860800\n", "ts=1769860803\n"),
        (.timeStamp, "{\"t\": 1769860800123}\n", "{\"t\": 1769860803140}\n"),
        (.timeStamp, "1769860800.123456\n", "1769860803.223456\n"),
        (.timeStamp, "/CreationDate (D:20260131120000Z)\n", "/CreationDate (D:20260131120003Z)\n"),
        (.elapsedTime, "done in 0.0213 seconds\n", "done in 0.0187 seconds\n"),
        (.elapsedTime, "real\t0m0.012s\n", "real\t0m0.015s\n"),
        (.elapsedTime, "step 1: 12ms\n", "step 1: 15ms\n"),
        (.elapsedTime, "8123.45 15000.12\n", "8126.51 15006.20\n"),
        (.timeZone, "12:00 +0000\n", "12:00 +1400\n"),
        (.timeZone, "zone UTC\n", "zone PST\n"),
        (.uuid, "id 0f8fad5b-d9cb-469f-a165-70867728950e\n", "id 7c9e6679-7425-40de-944b-e07fc1f90ae7\n"),
        (.random, "key 9f86d081884c7d659a2feaa0c55ad015\n", "key 60303ae22b998861bce3b28f33eec1be\n"),
        (.random, "0.8444218515250481\n", "0.13436424411240122\n"),
        (.random, "sample 731\n", "sample 82\n"),
        (.temporaryPath, "wrote /tmp/tmp.hGx7Qa/out\n", "wrote /tmp/tmp.k3JwPz/out\n"),
        (.temporaryPath, "open('/tmp/tmpq8x2k1j_.txt')\n", "open('/tmp/tmpz0aa4bgd.txt')\n"),
        (.hashOrder, "{'b': 1, 'a': 2, 'c': 3}\n", "{'c': 3, 'b': 1, 'a': 2}\n"),
        (.hashOrder, "beta=2\nalpha=1\ngamma=3\n", "gamma=3\nbeta=2\nalpha=1\n"),
        (.directoryOrder, "a.txt\nc.txt\nb.txt\n", "b.txt\na.txt\nc.txt\n"),
        (.directoryOrder, "['x/a.csv', 'x/b.csv', 'x/c.csv']\n", "['x/c.csv', 'x/a.csv', 'x/b.csv']\n"),
        (.threadOrder, "A 1\nA 2\nB 1\nB 2\n", "A 1\nB 1\nA 2\nB 2\n"),
        (
            .threadOrder, "worker 2 done\nworker 1 done\nworker 3 done\n",
            "worker 1 done\nworker 3 done\nworker 2 done\n"
        ),
        (.threadOrder, "counter 199834\n", "counter 187211\n"),
        (.floatRounding, "sum 0.30000000000000004\n", "sum 0.30000000000000010\n"),
        (.floatRounding, "1.2345678e-05\n", "1.2345671e-05\n"),
        (.memoryAddress, "<object at 0x7f3a5c0b9d30>\n", "<object at 0x7fb1c40b9d30>\n"),
        (.memoryAddress, "id 139637976727552\n", "id 140234711205888\n"),
        (.memoryAddress, "55d0c8a4e2a0\n", "5611b3f2b2a0\n"),
        (.processID, "pid 4711\n", "pid 4713\n"),
        (.processID, "process 12 started\n", "process 17 started\n"),
        (.hostName, "host: runner-a\n", "host: runner-b\n"),
        (.userID, "uid=1000 gid=1000\n", "uid=1001 gid=1001\n"),
        (.cpuCount, "using 4 threads\n", "using 8 threads\n"),
        (.cpuCount, "cpus: 2\n", "cpus: 16\n"),
        (.memorySize, "MemTotal:       24684084 kB\n", "MemTotal:       8048572 kB\n"),
        (.locale, "encoding UTF-8\n", "encoding ANSI_X3.4-1968\n"),
        (.machine, "cpu MHz : 2199.998\n", "cpu MHz : 2904.002\n"),
        (.machine, "Linux version 6.1.0-37-amd64\n", "Linux version 5.15.0-91-generic\n"),
        (.machineState, "MemFree: 18391748 kB\n", "MemFree: 17391748 kB\n"),
        (.machineState, "load average: 1.86, 2.18\n", "load average: 1.90, 2.10\n"),
        (.fileIdentity, "  Inode: 793217\n", "  Inode: 801234\n"),
        (.fileIdentity, "793217 a.txt\n793218 b.csv\n", "796217 a.txt\n796218 b.csv\n"),
        (.environment, "environment BUILD_NUMBER_12\n", "environment BUILD_NUMBER_47x\n"),
    ]

    @Test(arguments: texts)
    func `The words that differ tell the cause`(cause: DivergenceCause, left: String, right: String) {
        let report = DivergenceSamples.report(left, right)
        #expect(report.causes.first?.cause == cause, "\(report.causes)")
        #expect(report.summary.contains("stdout differs from byte"))
    }

    private static func gzip(_ time: UInt8) -> [UInt8] {
        [0x1F, 0x8B, 8, 0, time, 0x10, 0x70, 0x69, 0, 3] + [UInt8](repeating: 0, count: 20)
    }

    private static func zip(_ time: UInt8) -> [UInt8] {
        [0x50, 0x4B, 3, 4, 20, 0, 0, 0, 8, 0, time, 0x60, 0x3F, 0x5C] + [UInt8](repeating: 0, count: 40)
    }

    private static func tar(_ time: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 1024)
        block.replaceSubrange(257..<263, with: Array("ustar\0".utf8))
        block[146] = time
        return block
    }

    private static func elf(_ id: UInt8) -> [UInt8] {
        [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 100) + [
            4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0,
        ]
            + Array("GNU\0".utf8) + [UInt8](repeating: id, count: 20) + [UInt8](repeating: 0, count: 100)
    }

    private static func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static let noise: [[UInt8]] = [1, 2].map { seed in
        var state = UInt64(seed)
        return (0..<64).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    private static var binaries: [(DivergenceCause, [UInt8], [UInt8])] {
        let seconds = UInt64(DivergenceSamples.startedSeconds)
        let zeros = [UInt8](repeating: 0, count: 16)
        return [
            (.archiveTime, gzip(1), gzip(4)), (.archiveTime, zip(1), zip(2)), (.archiveTime, tar(0x31), tar(0x34)),
            (.buildID, elf(0x61), elf(0x62)),
            (.memoryAddress, zeros + littleEndian(0x7F12_3456_7890), zeros + littleEndian(0x7FAB_CDEF_0890)),
            (.timeStamp, zeros + littleEndian(seconds), zeros + littleEndian(seconds + 3)),
            (
                .timeStamp, zeros + littleEndian(Double(seconds).bitPattern + 77),
                zeros + littleEndian(Double(seconds + 3).bitPattern + 99)
            ),
            (.random, zeros + noise[0], zeros + noise[1]),
            (.timeStamp, zeros + Array("at 12:00:01".utf8) + zeros, zeros + Array("at 12:00:04".utf8) + zeros),
        ]
    }

    @Test(arguments: binaries.indices) func `Formats and bytes tell the cause`(index: Int) {
        let (cause, left, right) = Self.binaries[index]
        let report = DivergenceSamples.report(left, right, file: "out.bin")
        #expect(report.differences.first?.comparison?.form == .hex)
        #expect(report.causes.first?.cause == cause, "\(report.causes)")
    }

    @Test func `Names of files tell the cause too`() {
        func cause(_ left: String, _ right: String) -> DivergenceCause? {
            let votes = [(0, left), (1, right)].map { DivergenceSamples.vote($0, files: [$1: [1]]) }
            return DivergenceSamples.report(votes, contents: [[1]]).causes.first?.cause
        }
        #expect(cause("log-20260131T120000.txt", "log-20260131T120003.txt") == .timeStamp)
        #expect(cause("pid-17.out", "pid-21.out") == .processID)
        #expect(cause("tmp.hGx7Qa", "tmp.k3JwPz") == .temporaryPath)
        #expect(cause("0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7") == .uuid)
    }

    @Test func `A link that points elsewhere tells the cause`() {
        let votes = [(0, "tmp.hGx7Qa"), (1, "tmp.k3JwPz")].map { number, target in
            DivergenceSamples.vote(
                number,
                OutputManifest(
                    exitCode: 0, stdout: DivergenceSamples.content([]),
                    files: [.init(path: .init("latest"), kind: .symlink(target: .init(target)))]))
        }
        #expect(DivergenceSamples.report(votes, contents: []).causes.first?.cause == .temporaryPath)
    }

    @Test func `Words without a cause get none that is sure`() {
        let report = DivergenceSamples.report("the quick fox\n", "the slow fox\n")
        #expect(report.causes.allSatisfy { $0.confidence == .low })
    }

    @Test func `A clock that was far away speaks against a time`() {
        let report = DivergenceSamples.report("value 1234567890\n", "value 1234567893\n")
        #expect(report.causes.first?.cause != .timeStamp)
    }

    @Test func `Every cause has words and a remedy`() {
        for cause in DivergenceCause.allCases {
            #expect(!cause.title.isEmpty && cause.remedy.hasSuffix("."))
        }
    }

    @Test(arguments: ["total \(Int.max)", "sum 1\(String(repeating: "0", count: 30))", "hits -\(Int.max)"])
    func `Numbers of any size are compared`(line: String) {
        for other in ["total 100", "sum 1234567", "hits 100", "total \(Int.max - 1)"] {
            #expect(!DivergenceSamples.report(line + "\n", other + "\n").differences.isEmpty)
            #expect(!DivergenceSamples.report(other + "\n", line + "\n").differences.isEmpty)
        }
    }

    @Test func `Hostile texts cannot make the analysis slow`() {
        let wide = String(repeating: "a=1,", count: 200_000)
        let deep = String(repeating: "x\n", count: 200_000)
        let started = ContinuousClock.now
        _ = DivergenceSamples.report(wide, wide + "2")
        _ = DivergenceSamples.report("1," + wide, "2," + wide)
        _ = DivergenceSamples.report("1\n" + deep, deep + "2\n")
        // Work that grew with the square of it would take hours.
        #expect(started.duration(to: .now) < .seconds(300))
    }
}
