/// The same things in another order: lines of a file, or words of a line.
enum OrderClues {
    typealias Clue = Classification.Clue

    private static let threadWords: Set = [
        "worker", "workers", "thread", "threads", "task", "tasks", "job", "jobs", "proc", "process", "rank", "done",
        "finished", "started", "child", "goroutine", "consumer", "producer",
    ]

    static func clues(in evidence: DivergenceEvidence) -> [Clue] {
        if evidence.hasSameLines { return [lines(evidence)] }
        return [within(evidence), inodes(evidence)].compactMap { $0 }
    }

    /// Names of files in one order with other numbers before them, as `ls -i` writes them.
    private static func inodes(_ evidence: DivergenceEvidence) -> Clue? {
        let pairs = zip(evidence.changedLines.left, evidence.changedLines.right).map {
            (TextWords.tokens(in: $0), TextWords.tokens(in: $1))
        }
        let isListed = pairs.allSatisfy { one, other in
            guard let first = one.first, let second = other.first, one.count > 1 else { return false }
            return TextWords.isInteger(first) && TextWords.isInteger(second) && one.dropFirst() == other.dropFirst()
        }
        guard pairs.count > 1, isListed, self.isListing(evidence.changedLines.left) else { return nil }
        return clue(.fileIdentity, 80, "files have the same names, with other numbers before them")
    }

    private static func clue(_ cause: DivergenceCause, _ weight: Int, _ what: String) -> Clue {
        Clue(cause: cause, weight: weight, evidence: what)
    }

    private static func lines(_ evidence: DivergenceEvidence) -> Clue {
        let what = "both have the same lines, in another order"
        if isInterleaving(evidence.lines.left, evidence.lines.right) {
            return clue(.threadOrder, 88, what + "; each writer's own lines keep theirs")
        }
        let all = evidence.changedLines.left + evidence.changedLines.right
        let words = all.reduce(into: Set<String>()) { $0.formUnion(TextWords.words(in: $1)) }
        if !words.isDisjoint(with: threadWords) { return clue(.threadOrder, 78, what) }
        if isListing(all) { return clue(.directoryOrder, 76, what + "; they look like names of files") }
        if all.allSatisfy(TextWords.isInteger) { return clue(.threadOrder, 60, what) }
        return clue(.hashOrder, 70, what)
    }

    /// Whether both are merges of the same sequences, told apart by the first word of their lines or the first two:
    /// `A 1` is A's, `worker 3: step 1` is of worker 3.
    static func isInterleaving(_ left: [String], _ right: [String]) -> Bool {
        func sequences(_ lines: [String], _ words: Int) -> [String: [String]] {
            Dictionary(grouping: lines) { TextWords.tokens(in: $0).prefix(words).joined(separator: " ") }
        }
        return [1, 2].contains { words in
            let (one, other) = (sequences(left, words), sequences(right, words))
            return one.count > 1 && one == other && one.values.allSatisfy { $0.count > 1 }
        }
    }

    /// Paths, names with an extension, or lines of `ls -l`.
    static func isListing(_ lines: [String]) -> Bool {
        func isName(_ line: String) -> Bool {
            guard let last = TextWords.tokens(in: line).last else { return false }
            let name = last.split(separator: "/").last ?? ""
            let dot = name.lastIndex(of: ".").map { name[$0...].dropFirst() } ?? ""
            let isExtension = (1...5).contains(dot.utf8.count) && !dot.utf8.allSatisfy(TextWords.isDigit)
            return last.contains("/") || isExtension || line.hasPrefix("drwx") || line.hasPrefix("-rw")
        }
        return !lines.isEmpty && lines.count(where: isName) * 5 >= lines.count * 3
    }

    /// The words of one line in another order.
    private static func within(_ evidence: DivergenceEvidence) -> Clue? {
        for (left, right) in zip(evidence.changedLines.left, evidence.changedLines.right) {
            let (one, other) = (TextWords.tokens(in: left), TextWords.tokens(in: right))
            guard one.count > 2, one != other, one.sorted() == other.sorted() else { continue }
            let what =
                "a line has the same words in another order: "
                + "\"\(VisibleText.escape(left.utf8, limit: 60))\", \"\(VisibleText.escape(right.utf8, limit: 60))\""
            let moved = zip(one, other).filter { $0 != $1 }.map(\.0)
            if !TextWords.words(in: left).isDisjoint(with: threadWords) { return clue(.threadOrder, 78, what) }
            if isListing(moved) { return clue(.directoryOrder, 80, what) }
            if moved.allSatisfy(TextWords.isInteger) { return clue(.threadOrder, 72, what) }
            return clue(.hashOrder, 86, what)
        }
        return nil
    }
}
