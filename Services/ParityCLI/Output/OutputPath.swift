/// Paths inside an output, from an archive that may be hostile.
enum OutputPath {
    static let maximumDepth = 64
    static let maximumBytes = 4096

    /// The parts of `path`; nil when it is absolute, climbs, or is absurdly long. An empty array is the root.
    static func components(_ path: String) -> [String]? {
        guard path.utf8.count <= maximumBytes, !path.hasPrefix("/"), !path.utf8.contains(0) else { return nil }
        let parts = path.split(separator: "/").filter { $0 != "." }.map(String.init)
        guard parts.count <= maximumDepth, parts.allSatisfy({ $0 != ".." && $0.utf8.count <= 255 }) else { return nil }
        return parts
    }

    /// Whether a link at `link` that points to `target` stays inside the output.
    static func staysInside(link: [String], target: String) -> Bool {
        guard !target.isEmpty, !target.hasPrefix("/"), target.utf8.count <= maximumBytes, !target.utf8.contains(0)
        else {
            return false
        }
        var depth = link.count - 1
        for part in target.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { return false }
        }
        return true
    }
}
