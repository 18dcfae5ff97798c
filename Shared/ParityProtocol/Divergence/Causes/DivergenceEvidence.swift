/// What a classifier looks at: one place where two runs came out different.
struct DivergenceEvidence: Sendable {
    let place: DivergenceReport.Place
    let aspect: DivergenceReport.Aspect
    /// The words that took each other's place.
    var substitutions: [Substitution] = []
    /// The lines around the first difference.
    var lines: (left: [String], right: [String]) = ([], [])
    /// Those of them that only one side has, where it has them.
    var changedLines: (left: [String], right: [String]) = ([], [])
    /// Whether both hold the same lines in another order.
    var hasSameLines = false
    /// Bytes around the first difference, where the content is no text.
    var binary: BinaryEvidence?
    /// When either side's run was under way, in milliseconds since 1970.
    var clocks: [ClosedRange<Int64>?] = [nil, nil]

    /// More than this says nothing new.
    static let maximumSubstitutions = 100

    /// Two contents that were compared.
    init(_ comparison: ContentComparison, at place: DivergenceReport.Place, clocks: [ClosedRange<Int64>?]) {
        self.place = place
        aspect = .content
        self.clocks = clocks
        hasSameLines = comparison.hasSameLines
        guard comparison.firstDifference != nil else { return }
        guard let text = ComparedText(comparison) else {
            let binary = BinaryEvidence(comparison)
            self.binary = binary
            if let (left, right) = binary.texts {
                add(Substitution.between(left, right, words: TextWords.words(in: Self.name(of: place))))
            }
            return
        }
        var words = TextWords.words(in: Self.name(of: place))
        // A table says in its first line what its columns are.
        if let first = comparison.left.header.split(separator: UInt8(ascii: "\n")).first {
            words.formUnion(TextWords.words(in: String(decoding: first, as: UTF8.self)))
        }
        compareLines(of: text, words: words)
    }

    /// A difference that the manifests tell by themselves.
    init(_ found: ManifestDifferences.Found) {
        place = found.place
        aspect = found.aspect
        guard aspect == .target, let left = found.values.first, let right = found.values.dropFirst().first else {
            return
        }
        let words = TextWords.words(in: Self.name(of: place))
        substitutions = Substitution.between(left.text, right.text, words: words)
    }

    /// Files that have one name here and another there.
    init(names left: [OutputManifest.Path], _ right: [OutputManifest.Path]) {
        place = .file(left[0])
        aspect = .presence
        for (one, other) in zip(left, right) {
            let (one, other) = (
                String(decoding: one.bytes, as: UTF8.self), String(decoding: other.bytes, as: UTF8.self)
            )
            add(Substitution.between(one, other, words: TextWords.words(in: one)))
        }
    }

    private mutating func add(_ more: [Substitution]) {
        substitutions += more.prefix(max(0, Self.maximumSubstitutions - substitutions.count))
    }

    private mutating func compareLines(of text: ComparedText, words: Set<String>) {
        let left = text.left.map { String(decoding: $0, as: UTF8.self) }
        let right = text.right.map { String(decoding: $0, as: UTF8.self) }
        let before = text.before.map { String(decoding: $0, as: UTF8.self) }
        lines = (before + left, before + right)
        let edits = LineEdit.script(text.left, text.right)
        for hunk in LineEdit.hunks(edits) {
            let removed = hunk.removed.map { left[edits[$0].line] }
            let inserted = hunk.inserted.map { right[edits[$0].line] }
            changedLines.left += removed
            changedLines.right += inserted
            for (one, other) in zip(removed, inserted) {
                add(Substitution.between(one, other, words: words))
            }
        }
    }

    static func name(of place: DivergenceReport.Place) -> String {
        if case .file(let path) = place { String(decoding: path.bytes, as: UTF8.self) } else { "" }
    }
}

extension LineEdit {
    /// The line that is kept, removed or inserted, on its own side.
    var line: Int {
        switch self {
        case .keep(let line, _), .remove(let line), .insert(let line): line
        }
    }
}

/// Bytes that are no text, around the place where they part.
struct BinaryEvidence: Sendable {
    let offset: Int64
    /// The beginning of the content, the same on both sides for most formats.
    let header: [UInt8]
    /// Both sides' last bytes before the place.
    let lead: [UInt8]
    let left: [UInt8]
    let right: [UInt8]

    init(_ comparison: ContentComparison) {
        offset = comparison.firstDifference ?? 0
        header = comparison.left.header
        lead = comparison.lead
        left = comparison.left.window
        right = comparison.right.window
    }

    /// What reads as text around the place, on either side; nil unless both do.
    var texts: (left: String, right: String)? {
        func isPrintable(_ byte: UInt8) -> Bool { (0x20..<0x7F).contains(byte) }
        let before = lead.suffix(Self.textBytes).reversed().prefix(while: isPrintable).reversed()
        let sides = [left, right].map { before + $0.prefix(Self.textBytes).prefix(while: isPrintable) }
        guard sides.allSatisfy({ $0.count >= Self.leastTextBytes }), sides[0] != sides[1] else { return nil }
        return (String(decoding: sides[0], as: UTF8.self), String(decoding: sides[1], as: UTF8.self))
    }

    private static let textBytes = 120
    /// Shorter runs of printable bytes are chance.
    private static let leastTextBytes = 6

    /// The bytes of either side at `start`, counted from the place of the difference; nil where they were not kept.
    func bytes(_ side: KeyPath<BinaryEvidence, [UInt8]>, from start: Int, count: Int) -> [UInt8]? {
        let all = lead + self[keyPath: side]
        let first = lead.count + start
        guard first >= 0, first + count <= all.count else { return nil }
        return Array(all[first..<first + count])
    }
}
