import Glibc

enum StandardInput {
    /// Everything on standard input, or its first `limit` bytes.
    static func readAll(limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < limit {
            let count = read(STDIN_FILENO, &chunk, min(chunk.count, limit - bytes.count))
            if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
            if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        return bytes
    }
}
