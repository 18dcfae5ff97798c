extension String {
    /// The parts of a path between its slashes, empty ones included. By bytes, as kernels read paths: to `Character`, a
    /// slash before a combining mark is another character than a slash, and `../́x` would have one part.
    package var pathParts: [Substring] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Whether its first byte is a slash.
    package var isAbsolutePath: Bool { utf8.first == UInt8(ascii: "/") }
}
