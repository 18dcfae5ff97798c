/// Paths inside an output, which may be hostile. They are bytes: file systems know no encoding.
enum OutputPath {
    static let maximumDepth = 64
    static let maximumBytes = 4096

    /// The parts of `path`; nil when it is absolute, climbs, or is absurdly long. An empty array is the root.
    static func components(_ path: some Collection<UInt8>) -> [[UInt8]]? {
        guard path.count <= maximumBytes, path.first != slash, !path.contains(0) else { return nil }
        let parts = path.split(separator: slash).filter { !$0.elementsEqual(".".utf8) }.map { Array($0) }
        guard parts.count <= maximumDepth, parts.allSatisfy({ !$0.elementsEqual("..".utf8) && $0.count <= 255 })
        else { return nil }
        return parts
    }

    /// Whether a link at `link` that points to `target` stays inside the output, whatever other links there are: it may
    /// climb at its beginning, where only folders are above it, but not from where a link could have led.
    static func staysInside(link: [[UInt8]], target: [UInt8]) -> Bool {
        guard !target.isEmpty, target.first != slash, target.count <= maximumBytes, !target.contains(0) else {
            return false
        }
        var depth = link.count - 1
        var hasDescended = false
        for part in target.split(separator: slash) where !part.elementsEqual(".".utf8) {
            guard part.elementsEqual("..".utf8) else {
                hasDescended = true
                continue
            }
            depth -= 1
            if hasDescended || depth < 0 { return false }
        }
        return true
    }

    /// For people.
    static func text(_ path: [[UInt8]]) -> String {
        String(decoding: Array(path.joined(separator: [slash])), as: UTF8.self)
    }

    private static let slash = UInt8(ascii: "/")
}
