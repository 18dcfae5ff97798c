/// What the outputs of camps differ in, as far as their manifests tell: pure, and in the order of
/// ``DivergenceReport/Place``.
struct ManifestDifferences {
    /// One difference, with the content that stands there in each camp that has one.
    struct Found {
        var place: DivergenceReport.Place
        var aspect: DivergenceReport.Aspect
        /// What it is in each camp that was looked at, as a sentence would name it.
        var texts: [(camp: Int, text: String)]
        var contents: [(camp: Int, content: OutputManifest.Content)] = []

        /// Camps that say the same stand together, in the order of their first.
        var values: [DivergenceReport.Value] {
            var values: [DivergenceReport.Value] = []
            for (camp, text) in texts {
                if let index = values.firstIndex(where: { $0.text == text }) {
                    values[index].camps.append(camp)
                } else {
                    values.append(.init(text: text, camps: [camp]))
                }
            }
            return values
        }
    }

    private(set) var found: [Found] = []
    /// How many there are, those that were too many to keep included.
    private(set) var total = 0
    /// Paths that only one of the first two camps has, in order: names that hold a time or a number pair up here.
    private(set) var lonePaths: (left: [OutputManifest.Path], right: [OutputManifest.Path]) = ([], [])

    static let maximumKept = 50

    /// `outputs` are the camps' manifests, by position of the camp.
    init(_ outputs: [(camp: Int, manifest: OutputManifest)]) {
        guard outputs.count > 1 else { return }
        let codes = outputs.map { ($0.camp, "\($0.manifest.exitCode)") }
        if Set(codes.map(\.1)).count > 1 {
            keep(Found(place: .exitCode, aspect: .exitCode, texts: codes))
        }
        compareContents(outputs.map { ($0.camp, $0.manifest.stdout) }, at: .stdout)
        compareFiles(outputs)
    }

    private mutating func keep(_ difference: Found) {
        total += 1
        if found.count < Self.maximumKept { found.append(difference) }
    }

    private mutating func compareContents(
        _ contents: [(camp: Int, content: OutputManifest.Content)], at place: DivergenceReport.Place
    ) {
        guard Set(contents.map(\.content)).count > 1 else { return }
        keep(
            Found(
                place: place, aspect: .content, texts: contents.map { ($0.camp, Self.text($0.content)) },
                contents: contents))
    }

    /// Walks the sorted lists side by side.
    private mutating func compareFiles(_ outputs: [(camp: Int, manifest: OutputManifest)]) {
        var positions = [Int](repeating: 0, count: outputs.count)
        while true {
            var first: OutputManifest.Path?
            for (index, output) in outputs.enumerated() where positions[index] < output.manifest.files.count {
                let path = output.manifest.files[positions[index]].path
                if first.map({ path < $0 }) ?? true { first = path }
            }
            guard let path = first else { return }
            var kinds: [(camp: Int, kind: OutputManifest.Kind?)] = []
            for (index, output) in outputs.enumerated() {
                let files = output.manifest.files
                let isHere = positions[index] < files.count && files[positions[index]].path == path
                kinds.append((output.camp, isHere ? files[positions[index]].kind : nil))
                if isHere { positions[index] += 1 }
            }
            if Set(kinds.map(\.kind)).count > 1 { compare(kinds, at: path) }
        }
    }

    private mutating func compare(_ kinds: [(camp: Int, kind: OutputManifest.Kind?)], at path: OutputManifest.Path) {
        let aspect = Self.aspect(of: kinds.map(\.kind))
        if aspect == .presence, kinds.count > 1 {
            if kinds[1].kind == nil, lonePaths.left.count < Self.maximumKept { lonePaths.left.append(path) }
            if kinds[0].kind == nil, lonePaths.right.count < Self.maximumKept { lonePaths.right.append(path) }
        }
        let contents = kinds.compactMap { camp, kind -> (camp: Int, content: OutputManifest.Content)? in
            guard aspect == .content, case .file(let content, _)? = kind else { return nil }
            return (camp, content)
        }
        keep(
            Found(
                place: .file(path), aspect: aspect, texts: kinds.map { ($0.camp, Self.text($0.kind, aspect)) },
                contents: contents))
    }

    private static func aspect(of kinds: [OutputManifest.Kind?]) -> DivergenceReport.Aspect {
        let present = kinds.compactMap { $0 }
        if present.count < kinds.count { return .presence }
        var contents: Set<OutputManifest.Content> = []
        var names: Set<String> = []
        for kind in present {
            names.insert(name(kind))
            if case .file(let content, _) = kind { contents.insert(content) }
        }
        if names.count > 1 { return .kind }
        if contents.count > 1 { return .content }
        return contents.isEmpty ? .target : .mode
    }

    private static func name(_ kind: OutputManifest.Kind) -> String {
        switch kind {
        case .directory: "directory"
        case .file: "file"
        case .symlink: "symlink"
        }
    }

    private static func text(_ kind: OutputManifest.Kind?, _ aspect: DivergenceReport.Aspect) -> String {
        guard let kind else { return "missing" }
        switch (kind, aspect) {
        case (.file(let content, _), .content): return text(content)
        case (.file(_, let isExecutable), .mode): return isExecutable ? "0755" : "0644"
        case (.symlink(let target), .target): return VisibleText.escape(target.bytes, limit: 100)
        default: return name(kind)
        }
    }

    private static func text(_ content: OutputManifest.Content) -> String {
        "\(content.size) bytes, \(content.digest)"
    }
}
