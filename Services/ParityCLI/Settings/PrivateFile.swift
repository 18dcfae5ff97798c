import FoundationEssentials
import Glibc

/// Files that only their owner may read.
enum PrivateFile {
    /// Writes a new file beside `path` and renames it into place; makes missing folders.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "cannot write \(path): \(systemError())") }
        let isWritten = bytes.withUnsafeBytes { Self.writeAll($0, to: descriptor) }
        close(descriptor)
        guard isWritten, rename(temporary, path) == 0 else {
            let reason = systemError()
            unlink(temporary)
            throw CommandFailure(.failure, "cannot write \(path): \(reason)")
        }
    }

    static func writeAll(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = buffer[...]
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno != EINTR {
                return false
            }
        }
        return true
    }
}

/// What the last system call that failed says of itself.
func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }
