import Testing

@testable import ParityProtocol

@Suite struct ContentComparisonTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [1, 2, 3, 7, 1000]) func `The first difference is found however the bytes are cut`(chunk: Int) {
        for (left, right, offset) in [
            ("abc", "abd", 2), ("", "a", 0), ("abc", "abcd", 3), ("abcd", "abc", 3), ("x", "y", 0),
        ] {
            let comparison = DivergenceSamples.compare(bytes(left), bytes(right), chunk: chunk)
            #expect(comparison.firstDifference == Int64(offset), "\(left) \(right)")
        }
        #expect(DivergenceSamples.compare(bytes("same"), bytes("same"), chunk: chunk).firstDifference == nil)
    }

    @Test func `What is kept is bounded, whatever the contents hold`() {
        let common = [UInt8](repeating: 7, count: 300_000)
        let left = common + [UInt8](repeating: 1, count: 300_000)
        let right = common + [UInt8](repeating: 2, count: 300_000)
        let comparison = DivergenceSamples.compare(left, right, chunk: 65_536)
        #expect(comparison.firstDifference == 300_000)
        #expect(comparison.lead.count == ContentComparison.leadBytes)
        #expect(comparison.left.window == [UInt8](repeating: 1, count: ContentComparison.windowBytes))
        #expect(comparison.right.window.count == ContentComparison.windowBytes)
        #expect(comparison.left.header.count == ContentComparison.headerBytes)
    }

    @Test func `Contents that are equal for too long are given up`() {
        var comparison = ContentComparison()
        let chunk = [UInt8](repeating: 0, count: 4 << 20)
        var fed = 0
        while let side = comparison.next {
            comparison.feed(chunk, to: side)
            fed += 1
        }
        #expect(fed == 2 * 16)
        #expect(comparison.firstDifference == nil)
    }

    @Test func `Lines in another order are the same lines, and only those`() {
        func hasSameLines(_ left: String, _ right: String) -> Bool {
            DivergenceSamples.compare(bytes(left), bytes(right), chunk: 3).hasSameLines
        }
        #expect(hasSameLines("a\nb\nc\n", "c\na\nb\n"))
        #expect(hasSameLines("a\nb\nc", "c\na\nb"))
        #expect(!hasSameLines("a\nb\nc\n", "c\na\na\n"))
        #expect(!hasSameLines("ab\nc\n", "a\nbc\n"))
        #expect(!hasSameLines("a\n", "b\n"))
    }

    @Test func `Lines are shown with what stands before them, and where the change is`() {
        let report = DivergenceSamples.report("one\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree!\nfour\nfive\n")
        let comparison = report.differences.first?.comparison
        #expect(comparison?.firstByte == 13)
        #expect(comparison?.line == 3)
        #expect(comparison?.lines == [" one", " two", "-three", "+three!", " four", " five"])
    }

    @Test func `A change far into a long line is in the part that is shown`() throws {
        let start = String(repeating: "x", count: 1500)
        let tail = String(repeating: "z", count: 5000)
        let report = DivergenceSamples.report(start + "LEFT" + tail, start + "RIGHT" + tail)
        let lines = try #require(report.differences.first?.comparison?.lines)
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("-…") && lines[0].contains("LEFT") && lines[1].contains("RIGHT"))
        #expect(lines.allSatisfy { $0.count <= ReadableDiff.maximumWidth + 3 })
    }

    @Test func `Many changes are cut`() {
        let left = (0..<3000).map { "left \($0)\n" }.joined()
        let right = (0..<3000).map { "right \($0)\n" }.joined()
        let lines = DivergenceSamples.report(left, right).differences.first?.comparison?.lines ?? []
        #expect(lines.count == ReadableDiff.maximumRows + 1)
        #expect(lines.last == " …")
    }

    @Test func `Bytes that are no text are shown in hex`() {
        let left = [UInt8](0..<40)
        var right = left
        right[20] = 0xFF
        let comparison = DivergenceSamples.report(left, right).differences.first?.comparison
        #expect(comparison?.form == .hex)
        #expect(comparison?.line == nil)
        #expect(
            comparison?.lines == [
                "-00000010  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f  |................|",
                "+00000010  10 11 12 13 ff 15 16 17 18 19 1a 1b 1c 1d 1e 1f  |................|",
                " 00000020  20 21 22 23 24 25 26 27                          | !\"#$%&'|",
            ])
    }

    @Test(arguments: [
        ("a\u{1B}[2Jb", "a\\u{1b}[2Jb"), ("\u{202E}evil", "\\u{202e}evil"), ("tab\tend", "tab\\tend"),
        ("zero\u{200B}width", "zero\\u{200b}width"), ("\u{9B}1m", "\\u{9b}1m"), ("é漢🙂", "é漢🙂"),
        ("back\\slash", "back\\\\slash"),
    ]) func `Shown text cannot drive a terminal or hide anything`(text: String, shown: String) {
        #expect(VisibleText.escape(text.utf8) == shown)
    }

    @Test func `What is no UTF-8 is shown byte by byte`() {
        #expect(VisibleText.escape([0x61, 0xFF, 0xC3, 0x28, 0xE2, 0x82]) == "a\\xff\\xc3(\\xe2\\x82")
        #expect(VisibleText.escape([UInt8](repeating: 0x61, count: 100), limit: 10) == "aaaaaaaaa…")
    }
}
