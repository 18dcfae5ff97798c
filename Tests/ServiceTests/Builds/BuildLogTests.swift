import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import RunnerAgent

@Suite struct BuildLogTests {
    private func with(_ maximumBytes: Int64 = BuildLog.maximumBytes, _ body: (BuildLog) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(try BuildLog(path: path, maximumBytes: maximumBytes))
    }

    private func drain(_ log: BuildLog, isLast: Bool = true) -> [(number: Int, text: String)] {
        var pieces: [(Int, String)] = []
        while let piece = log.next(isLast: isLast) { pieces.append(piece) }
        return pieces
    }

    @Test func `Pieces are bounded, numbered, and together the log`() throws {
        try with { log in
            let text = (0..<5000).map { "line \($0) äöü €\n" }.joined()
            try log.append(text)
            let pieces = drain(log)
            #expect(pieces.map(\.number) == Array(0..<pieces.count))
            #expect(pieces.allSatisfy { $0.text.utf8.count <= BuildProgress.maximumTextBytes })
            #expect(pieces.map(\.text).joined() == text, "and no character is cut in two")
            #expect(log.finish() == Digest.sha256(of: Array(text.utf8)))
        }
    }

    @Test func `An endless log is told to a limit, with how it ends, and the file is bounded too`() throws {
        try with(1 << 20) { log in
            for number in 0..<40_000 {
                try log.append("the line number \(number) of very many lines, é and more of the same é\n")
                if number % 50 == 0 { while log.next() != nil {} }
            }
            try log.append("the end\n")
            let last = drain(log)
            #expect(last.last?.text.hasSuffix("the end\n") == true)
            #expect(last.last.map { $0.number < BuildProgress.maximumPieces } == true)
            #expect(last.contains { $0.text.contains("bytes left out") })
            #expect(last.allSatisfy { $0.text.utf8.count <= BuildProgress.maximumTextBytes })
            let size = try FileManager.default.attributesOfItem(atPath: log.path)[.size] as? NSNumber
            #expect((size?.int64Value ?? 0) < (1 << 20) + 200)
        }
    }

    @Test func `What nobody takes in time is bounded as well`() throws {
        try with { log in
            let line = String(repeating: "x", count: 8191) + "\n"
            for _ in 0..<2000 { try log.append(line) }
            try log.append("the end\n")
            let told = drain(log)
            let most = BuildProgress.maximumTextBytes * BuildProgress.maximumPieces
            #expect(told.reduce(0) { $0 + $1.text.utf8.count } <= most)
            #expect(told.first?.text.contains("bytes left out") == true)
            #expect(told.last?.text.hasSuffix("the end\n") == true)
        }
    }

    @Test func `What could move a cursor ends a line`() throws {
        try with { log in
            try log.append("\u{1B}[91m10%\u{1B}[0m\r20%\r\ndone\n\0")
            #expect(drain(log).map(\.text) == ["10%\n20%\ndone\n"])
        }
    }
}
