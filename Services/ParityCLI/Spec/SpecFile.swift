import ParityProtocol

/// The spec file that a command is given: a path, `-` for standard input, or none.
struct SpecFile {
    let path: String?

    /// Its content; nil when there is none. Throws ``CommandFailure`` where it cannot be read.
    func document() throws -> JSONValue? {
        guard let path else { return nil }
        let bytes =
            path == "-" ? StandardInput.readAll(limit: SpecDocument.maximumBytes + 1) : try LocalFile.contents(path)
        return try SpecDocument.parse(bytes, name: path == "-" ? "standard input" : path)
    }

    /// Paths in a spec file are relative to it.
    var folder: String {
        guard let path, path != "-", let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
