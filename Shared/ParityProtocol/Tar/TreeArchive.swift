/// Reads a stranger's tar as a folder and writes it anew as what a container may be given, piece by piece.
///
/// What comes out depends on the names, contents, links and execute bits of what went in, and on their order, alone:
/// folders are 0755, files 0644 or 0755, everything is root's, times are zero, and each folder stands before what it
/// holds. Refused are names that are absolute, climb, are too long or stand twice, links that lead out of the tree,
/// devices, pipes and sockets, and more entries or bytes than a tree may have. Nothing is ever written through a link:
/// what has an entry below it is a folder.
///
/// As a validation the output is thrown away; ``finish()`` says whether all was in order. A tree that is unpacked was
/// validated to its end before.
package struct TreeArchive: Sendable {
    package static let maximumEntries = 100_000
    package static let maximumBytes: Int64 = 64 << 30
    /// Hops that a system follows before it calls links a loop.
    private static let maximumHops = 40
    /// Parts of paths that are walked to follow all links, a few seconds' work. Hundreds for each of as many links as a
    /// tree may have entries.
    private static let maximumSteps = 5_000_000

    private enum Kind: Sendable {
        case directory, file
        case symlink(target: [UInt8])
    }

    private let prefix: [UInt8]
    private let mostEntries: Int
    private var parser = TarParser()
    private var kinds: [[UInt8]: Kind] = [:]
    private var bytes: Int64 = 0
    /// Size of the file whose content comes next.
    private var fileSize: Int64 = 0

    /// The tree, to be written as what is below the folder `path`; that folder itself is the caller's.
    package init(at path: String, maximumEntries: Int = maximumEntries) {
        prefix = Array("\(path)/".utf8)
        mostEntries = maximumEntries
    }

    /// Takes the next bytes of the archive in and gives those of the new one.
    package mutating func feed(_ chunk: [UInt8]) throws(TarError) -> [UInt8] {
        var output: [UInt8] = []
        for event in try parser.feed(chunk) {
            switch event {
            case .entry(let entry): try begin(entry, &output)
            case .content(let content): output += content
            case .endOfEntry:
                output += TarEntry.padding(after: fileSize)
                fileSize = 0
            }
        }
        return output
    }

    /// To be called after the last bytes: whether the archive was whole and its links stay inside.
    package func finish() throws(TarError) {
        guard parser.isAtEnd else { throw TarError("it ends too early") }
        var steps = 0
        for (path, kind) in kinds {
            guard case .symlink = kind else { continue }
            if leadsOut(path, &steps) { throw TarError("the link \(Self.text(path)) leads out of it") }
            guard steps <= Self.maximumSteps else { throw TarError("its links lead too far about") }
        }
    }

    private mutating func begin(_ entry: TarEntry, _ output: inout [UInt8]) throws(TarError) {
        let path = try Self.path(entry.path)
        if path.isEmpty {
            guard entry.kind == .directory else { throw TarError("an entry has no name") }
            return
        }
        try makeParents(of: path, &output)
        if case .directory? = kinds[path], entry.kind == .directory { return }
        guard kinds[path] == nil else { throw TarError("\(Self.text(path)) stands in it twice") }
        switch entry.kind {
        case .directory: try add(path, .directory, &output)
        case .file:
            guard entry.path.last != Self.slash else {
                throw TarError("\(Self.text(path)) is a file with a folder's name")
            }
            bytes += entry.size
            guard bytes <= Self.maximumBytes else {
                throw TarError("its files have more than \(Self.maximumBytes) bytes")
            }
            fileSize = entry.size
            try add(path, .file, mode: entry.mode & 0o111 == 0 ? 0o644 : 0o755, size: entry.size, &output)
        case .symlink:
            guard !entry.link.isEmpty, entry.link.count <= 1024, !entry.link.contains(0) else {
                throw TarError("the link \(Self.text(path)) has a target that no system takes")
            }
            try add(path, .symlink(target: entry.link), link: entry.link, &output)
        case .hardlink:
            let target = try Self.path(entry.link)
            guard case .file? = kinds[target] else {
                throw TarError("the hard link \(Self.text(path)) names no file that stands before it")
            }
            try add(path, .file, isHardLink: true, link: prefix + target, &output)
        case .other: throw TarError("\(Self.text(path)) is neither file, folder nor link")
        }
    }

    private mutating func makeParents(of path: [UInt8], _ output: inout [UInt8]) throws(TarError) {
        for (index, byte) in path.enumerated() where byte == Self.slash {
            let parent = Array(path[..<index])
            switch kinds[parent] {
            case .directory: continue
            case nil: try add(parent, .directory, &output)
            default: throw TarError("\(Self.text(parent)) is no folder, yet something stands in it")
            }
        }
    }

    private mutating func add(
        _ path: [UInt8], _ kind: Kind, isHardLink: Bool = false, mode: Int = 0o755, size: Int64 = 0,
        link: [UInt8] = [], _ output: inout [UInt8]
    ) throws(TarError) {
        guard kinds.count < mostEntries else { throw TarError("it has more than \(mostEntries) entries") }
        kinds[path] = kind
        let name = prefix + path
        switch kind {
        case .directory: output += TarEntry(path: name + [Self.slash], kind: .directory, mode: 0o755).headerBytes()
        case .symlink: output += TarEntry(path: name, kind: .symlink, mode: 0o777, link: link).headerBytes()
        case .file:
            output += TarEntry(
                path: name, kind: isHardLink ? .hardlink : .file, mode: mode, size: size, link: link
            ).headerBytes()
        }
    }
}

extension TreeArchive {
    private static let slash = UInt8(ascii: "/")
    private static let dot = [UInt8(ascii: ".")]
    private static let dots = [UInt8(ascii: "."), UInt8(ascii: ".")]

    /// `bytes` without empty parts and `.`; empty for the tree's own folder.
    private static func path(_ bytes: [UInt8]) throws(TarError) -> [UInt8] {
        let parts = bytes.split(separator: slash).map(Array.init).filter { $0 != dot }
        guard bytes.first != slash, !bytes.contains(0), !parts.contains(dots) else {
            throw TarError("it names a path outside of itself: \(text(bytes))")
        }
        let path = Array(parts.joined(separator: [slash]))
        guard path.count <= TaskInput.maximumPathBytes, parts.count <= TaskInput.maximumDepth,
            parts.allSatisfy({ $0.count <= 255 })
        else { throw TarError("the path \(text(bytes)) is too long or too deep") }
        return path
    }

    /// Follows the link at `path` as a system would, as far as the tree goes, and counts its steps.
    private func leadsOut(_ path: [UInt8], _ steps: inout Int) -> Bool {
        var place = path.split(separator: Self.slash).map(Array.init)
        // The parts still to be walked, the next one last.
        var rest: [[UInt8]] = [place.removeLast()]
        var hops = 0
        while let part = rest.popLast(), steps <= Self.maximumSteps {
            steps += 1
            if part == Self.dot || part.isEmpty { continue }
            if part == Self.dots {
                if place.isEmpty { return true }
                place.removeLast()
                continue
            }
            place.append(part)
            let kind = kinds[Array(place.joined(separator: [Self.slash]))]
            if case .directory? = kind { continue }
            // Nothing is below what is not there, or is a file.
            guard case .symlink(let target)? = kind else { return false }
            if target.first == Self.slash { return true }
            hops += 1
            // A loop leads nowhere.
            if hops > Self.maximumHops { return false }
            place.removeLast()
            rest += target.split(separator: Self.slash).map(Array.init).reversed()
        }
        return false
    }

    /// For people, who may be shown a hostile name.
    private static func text(_ path: [UInt8]) -> String {
        String(decoding: path.prefix(200).map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
