import Glibc
import NIOCore

/// One file that a download ends in: written beside its place, then moved there whole.
enum OutputFile {
    /// Writes `body` to `path`, or to standard output for `-`. An existing file is refused with
    /// ``CommandExit/exists`` unless forced.
    static func write<Body: AsyncSequence>(_ body: Body, to path: String, isForced: Bool) async throws
    where Body.Element == ByteBuffer {
        if path == "-" {
            for try await chunk in body { Console.write(bytes: Array(chunk.readableBytesView)) }
            return
        }
        if !isForced, access(path, F_OK) == 0 { throw exists(path) }
        let partial = "\(path).\(getpid()).partial"
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "\(path): \(systemError())") }
        defer {
            close(descriptor)
            unlink(partial)
        }
        for try await chunk in body {
            guard chunk.withUnsafeReadableBytes({ PrivateFile.writeAll($0, to: descriptor) }) else {
                throw CommandFailure(.failure, "\(path): \(systemError())")
            }
        }
        // A link refuses to replace what has appeared meanwhile; a rename would not.
        if isForced ? rename(partial, path) != 0 : link(partial, path) != 0 {
            throw errno == EEXIST ? exists(path) : CommandFailure(.failure, "\(path): \(systemError())")
        }
    }

    private static func exists(_ path: String) -> CommandFailure {
        CommandFailure(.exists, "\(path) is in the way; --force overwrites it")
    }
}
