import Foundation
import Testing

@testable import ParityProtocol

@Suite struct OutputPatternTests {
    private func occurs(_ pattern: String, _ text: String) throws -> Bool {
        try OutputPattern(pattern).occurs(in: Array(text.utf8))
    }

    @Test(arguments: [
        ("", ""), ("abc", "xabcx"), ("^ok$", "first\nok\n"), (#"\Aok\n\z"#, "ok\n"), ("a.c", "abc"), ("a|b|", "x"),
        ("^(?:ab)+$", "ababab"), ("^a{2,3}$", "aaa"), ("^a{2}$", "aa"), ("^a{2,}$", "aaaaa"), ("^x?y$", "y"),
        ("^[^a-c]+$", "xyz\nd"), ("^[]a]+$", "]a"), ("^[a-]+$", "a-a"), (#"^[\d.]+$"#, "1.25"),
        (#"^\w+\s\S+$"#, "a_1 é"),
        (#"\bcat\b"#, "a cat."), (#"^\x41\x{1F600}$"#, "A😀"), (#"^\.\*\[$"#, ".*["), ("^é+$", "éé"), ("^[à-ÿ]$", "é"),
        (#"^[^\W\d]+$"#, "ab_"), (#"^[\D]$"#, "x"), ("a*?b", "aab"), ("^(a|ab)(c|bcd)$", "abcd"), ("^(|a)+$", "aaa"),
        ("(a*)*", ""), ("^$", "x\n\ny"),
    ])
    func `What a pattern describes is found`(pattern: String, text: String) throws {
        #expect(try occurs(pattern, text))
    }

    @Test(arguments: [
        ("abc", "abx"), ("^ok$", "not ok"), (#"\Aok\z"#, "ok\n"), ("a.c", "a\nc"), ("^a{2,3}$", "aaaa"),
        ("^a{0}$", "a"), ("^[^a]$", "a"), (#"\bcat\b"#, "concatenate"), (#"\Bcat"#, "cat"), ("^[a-c]$", "d"),
        (#"^\d$"#, "٣"), (#"^\s$"#, "\u{0B}"), ("^e$", "é"), ("^.$", "e\u{301}"),
    ])
    func `What it does not describe is not found`(pattern: String, text: String) throws {
        #expect(try !occurs(pattern, text))
    }

    @Test(arguments: [
        "(", ")", "[", "[b-a]", "[[:alpha:]]", "*", "a**", "a{2}{3}", "a{3,2}", "a{1001}", "a{", "a{,3}", "{1}", "^*",
        #"\"#, #"\1"#, #"\pL"#, #"\Q"#, "(?i)a", "(?=a)", "(?<n>a)", #"\xZZ"#, #"\x{110000}"#, #"\x{D800}"#, #"[\d-z]"#,
        String(repeating: "(", count: 51) + String(repeating: ")", count: 51), "(a{1000}){1000}",
        String(repeating: "a", count: OutputPattern.maximumSourceBytes + 1),
    ])
    func `What is not understood is refused, not guessed`(pattern: String) {
        #expect(throws: PatternError.self) { try OutputPattern(pattern) }
    }

    @Test func `The longest pattern and the deepest one are taken`() throws {
        _ = try OutputPattern(String(repeating: "a", count: 999))
        _ = try OutputPattern(String(repeating: "(", count: 50) + String(repeating: ")", count: 50))
    }

    @Test func `What is not UTF-8 or too long matches nothing`() throws {
        let any = try OutputPattern("")
        #expect(any.occurs(in: []) && !any.occurs(in: [0xFF]))
        let most = [UInt8](repeating: 10, count: OutputPattern.maximumTextBytes)
        #expect(any.occurs(in: most) && !any.occurs(in: most + [10]))
    }

    /// Each takes a backtracking engine longer than anyone waits.
    @Test(
        .timeLimit(.minutes(25)),
        arguments: [
            "^(a*)*b", "(a|aa)+$b", "(a|a)*b", #"^(\w+\s?)+!"#, "(.*)(.*)(.*)(.*)(.*)z",
            "((((((){1000}){1000}){1000}){1000})*)b",
            "(x+x+)+y|a{0,200}a{0,200}b", "[^\(String(repeating: "\\W", count: 480))]{990}\\x00",
        ])
    func `Hostile patterns end in time that grows with the text alone`(pattern: String) throws {
        #expect(try !occurs(pattern, String(repeating: "a", count: 20_000)))
    }

    @Test func `Sets are the same however they are written`() throws {
        for (pattern, members, others) in [
            (#"[\W\W_]"#, "_ -ä\u{10FFFF}", "a0Z"), (#"[^\W_]"#, "a0Z", "_ -ä"), ("[c-eb-da]", "abcde", "f`"),
            (#"[\x{100}-\x{1FF}\x{180}-\x{300}]"#, "\u{100}\u{1FF}\u{200}\u{300}", "\u{FF}\u{301}a"),
            (#"[^\x00-\x7F]"#, "\u{80}ä", "a\u{7F}"),
        ] {
            func isIn(_ scalar: Unicode.Scalar) throws -> Bool { try occurs(pattern, String(scalar)) }
            #expect(try members.unicodeScalars.allSatisfy(isIn), "\(pattern)")
            #expect(try !others.unicodeScalars.contains(where: isIn), "\(pattern)")
        }
    }

    /// Without `\b`, of which Swift's engine has another idea.
    @Test(.timeLimit(.minutes(25)))
    func `Random patterns find what another engine finds`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let pattern = Self.pattern(depth: 3, using: &random)
            let other = try Regex(pattern).anchorsMatchLineEndings().matchingSemantics(.unicodeScalar)
            let own = try OutputPattern(pattern)
            for _ in 0..<4 {
                let text = String((0..<Int.random(in: 0...7, using: &random)).map { _ in Self.pick("ab1\n", &random) })
                let found = try other.firstMatch(in: text) != nil
                #expect(own.occurs(in: Array(text.utf8)) == found, "\(pattern) in \(text.debugDescription)")
            }
        }
    }

    private static func pick(_ characters: String, _ random: inout SeededGenerator) -> Character {
        let all = Array(characters)
        return all[Int.random(in: 0..<all.count, using: &random)]
    }

    private static func pattern(depth: Int, using random: inout SeededGenerator) -> String {
        guard depth > 0 else {
            let atoms = ["a", "b", ".", "[ab]", "[^a]", "\\d", "\\n", "^", "$", "\\W"]
            return atoms[Int.random(in: 0..<atoms.count, using: &random)]
        }
        let parts = (0..<Int.random(in: 1...3, using: &random)).map { _ in pattern(depth: depth - 1, using: &random) }
        let text = parts.joined(separator: Bool.random(using: &random) ? "" : "|")
        let repetitions = ["", "", "?", "*", "+", "{2}", "{0,2}", "*?"]
        return "(?:\(text))" + repetitions[Int.random(in: 0..<repetitions.count, using: &random)]
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
