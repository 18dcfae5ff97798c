import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

@Suite struct KeeperTests {
    @Test(arguments: [("amd64", 62, 50), ("arm64", 183, 72)])
    func `The program is an executable of one segment that holds its entry`(
        architecture: String, machine: Int, codeBytes: Int
    ) throws {
        let file = try #require(KeeperProgram.executable(architecture))
        func number(_ offset: Int, _ bytes: Int) -> Int {
            file[offset..<offset + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(file.prefix(4) == [0x7F, 0x45, 0x4C, 0x46])
        #expect(number(16, 2) == 2 && number(18, 2) == machine)
        let (entry, table) = (number(24, 8), number(32, 8))
        #expect(table == 64 && number(54, 2) == 56 && number(56, 2) == 1)
        let (address, size) = (number(table + 16, 8), number(table + 32, 8))
        #expect(number(table, 4) == 1 && number(table + 4, 4) == 5)
        #expect(size == file.count && number(table + 40, 8) == file.count)
        #expect(entry == address + table + 56)
        #expect(file.count == table + 56 + codeBytes)
    }

    @Test(arguments: ["amd64", "arm64"])
    func `The clock's symbols stand where the linker looks, each at its function`(architecture: String) throws {
        let file = try #require(ClockLibrary.file(architecture, seconds: 0x0102_0304_0506_0708))
        func number(_ offset: Int, _ bytes: Int = 8) -> Int {
            file[offset..<offset + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let dynamic = number(64 + 2 * 56 + 8)
        #expect(dynamic + number(64 + 2 * 56 + 32) == file.count)
        var table: [Int: Int] = [:]
        for entry in stride(from: dynamic, to: file.count, by: 16) { table[number(entry)] = number(entry + 8) }
        let (hash, names, symbols) = (try #require(table[4]), try #require(table[5]), try #require(table[6]))
        #expect(number(hash, 4) == 1 && number(hash + 4, 4) == 5)
        var found: [String: Int] = [:]
        var index = number(hash + 8, 4)
        while index != 0 {
            let name = names + number(symbols + index * 24, 4)
            found[String(decoding: file[name...].prefix { $0 != 0 }, as: UTF8.self)] = number(symbols + index * 24 + 8)
            index = number(hash + 12 + index * 4, 4)
        }
        #expect(Set(found.keys) == ["clock_gettime", "gettimeofday", "time", "timespec_get"])
        let code = try #require(found.values.min())
        #expect(number(code + 136) == 0x0102_0304_0506_0708 && code + 144 == dynamic)
        // Before each function but the first there is a return, or what fills up to it.
        let ends: Set = architecture == "amd64" ? [0xC3] : [0xD6]
        for start in found.values where start != code { #expect(ends.contains(Int(file[start - 1]))) }
    }

    /// Of this machine, as most programs in images are.
    @Test(.enabled(if: isAMD64), .timeLimit(.minutes(25)))
    func `A program of this machine reads the date off the library`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(TestEnvironment.uniqueName()).so")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(try #require(ClockLibrary.file("amd64", seconds: 951_782_400))).write(to: file)
        let date = try await TestCommand.run(
            "date", ["-u", "+%F %T.%N"], environment: ["LD_PRELOAD": file.path()])
        #expect(date == "2000-02-29 00:00:00.000000000\n")
    }

    private static var isAMD64: Bool {
        #if arch(x86_64)
            true
        #else
            false
        #endif
    }

    @Test
    func `There is no program for an architecture that nobody tested`() {
        #expect(KeeperProgram.executable("s390x") == nil)
        #expect(throws: EnvironmentRejected.self) { try KeeperImage(architecture: "s390x") }
    }

    @Test
    func `The image's tag says what is in it`() throws {
        let (one, other) = (try KeeperImage(architecture: "amd64"), try KeeperImage(architecture: "arm64"))
        #expect(one.tag != other.tag)
        #expect(one.tag == (try KeeperImage(architecture: "amd64")).tag)
        var parser = TarParser()
        let entries = try parser.feed(one.archive).compactMap { if case .entry(let entry) = $0 { entry } else { nil } }
        #expect(entries.map(\.path) == [Array("keep".utf8)] && entries.first?.mode == 0o555)
        #expect(parser.isAtEnd)
    }

    @Test
    func `A mask of CPUs is read bit by bit`() {
        #expect(Machine.cpus(in: [0b0000_0011, 0, 0b1000_0000]) == [0, 1, 23])
        #expect(Machine.cpus(in: []).isEmpty)
    }

    @Test
    func `The view shows as many CPUs in each place where programs count them`() throws {
        let view = MachineView(hostname: "h", cpuCount: 3, memoryBytes: 1 << 30, architecture: "amd64")
        #expect(view.files["devices/system/cpu/online"] == "0-2\n")
        #expect(view.files.keys.filter { $0.hasSuffix("cpu/cpu2/") || $0.hasSuffix("cpu/cpu3/") }.count == 1)
        #expect(view.files["cpuinfo"]?.split(separator: "\n").filter { $0.hasPrefix("processor") }.count == 3)
        #expect(view.files["stat"]?.split(separator: "\n").filter { $0.hasPrefix("cpu") }.count == 4)
        #expect(view.files["meminfo"]?.hasPrefix("MemTotal:") == true)
        #expect(view.files["meminfo"]?.contains(" 1048576 kB\n") == true)
        #expect(
            MachineView(hostname: "h", cpuCount: 1, memoryBytes: 0, architecture: "arm64")
                .files["devices/system/cpu/online"] == "0\n")
        #expect(view.files["hosts"]?.hasSuffix("\th\n") == true)
    }
}
