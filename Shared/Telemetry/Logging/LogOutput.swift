import Glibc

/// Where log lines go.
struct LogOutput: Sendable {
    let isTerminal: Bool
    let write: @Sendable (String) -> Void

    /// Standard error, one `write(2)` a line, so that lines of several processes on one pipe do not mix
    /// (POSIX keeps writes up to `PIPE_BUF` whole).
    static let standardError = LogOutput(isTerminal: isatty(STDERR_FILENO) == 1) { line in
        var line = line
        line.withUTF8 { bytes in writeAll(UnsafeRawBufferPointer(bytes), to: STDERR_FILENO) }
    }

    /// Writes everything, or gives up on the line when the reader is gone or stuck for a second.
    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, 1000) > 0 else { return }
            } else if count < 0, errno == EINTR {
                continue
            } else {
                return
            }
        }
    }
}
