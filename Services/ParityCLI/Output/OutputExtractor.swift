import Glibc
import NIOCore

/// Unpacks an output below one folder and nowhere else.
///
/// Every path is walked with `openat` and `O_NOFOLLOW` from the folder's descriptor; files are made new (`O_EXCL`);
/// links come last, so that nothing is written through them, and only where they stay inside.
final class OutputExtractor {
    /// What was left out, in words.
    private(set) var warnings: [String] = []
    private(set) var files = 0
    private let root: Int32
    private var links: [(path: [String], target: String)] = []

    /// `folder` must exist; it should be new and nobody else's.
    init(folder: String) throws {
        root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard root >= 0 else { throw CommandFailure(.failure, "\(folder): \(systemError())") }
    }

    deinit { close(root) }

    func extract<Source: AsyncIteratorProtocol>(_ reader: inout TarReader<Source>) async throws
    where Source.Element == ByteBuffer {
        while let entry = try await reader.next() {
            guard let path = OutputPath.components(entry.path) else {
                throw CommandFailure(.failure, "the archive names a path outside of itself: \(entry.path)")
            }
            switch entry.kind {
            case .directory: close(try directory(path))
            case .file(let isExecutable): try await file(path, isExecutable, &reader)
            case .symlink(let target): links.append((path, target))
            case .other(let type):
                throw CommandFailure(.failure, "the archive holds \(entry.path) of kind \(type), which no output has")
            }
        }
        for link in links { try make(link.path, target: link.target) }
    }

    private func file<Source: AsyncIteratorProtocol>(
        _ path: [String], _ isExecutable: Bool, _ reader: inout TarReader<Source>
    ) async throws where Source.Element == ByteBuffer {
        guard let name = path.last else { throw CommandFailure(.failure, "the archive holds a file without a name") }
        let parent = try directory(Array(path.dropLast()))
        defer { close(parent) }
        let mode: mode_t = isExecutable ? 0o755 : 0o644
        let descriptor = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        while let piece = try await reader.read(upTo: 1 << 20) {
            guard piece.withUnsafeReadableBytes({ PrivateFile.writeAll($0, to: descriptor) }) else {
                throw failure(path)
            }
        }
        files += 1
    }

    private func make(_ path: [String], target: String) throws {
        guard let name = path.last, OutputPath.staysInside(link: path, target: target) else {
            warnings.append("left out the link \(path.joined(separator: "/")): it points outside, to \(target)")
            return
        }
        let parent = try directory(Array(path.dropLast()))
        defer { close(parent) }
        guard symlinkat(target, parent, name) == 0 else { throw failure(path) }
    }

    /// A descriptor of the folder at `path`, made where it is missing; the caller closes it.
    private func directory(_ path: [String]) throws -> Int32 {
        var current = fcntl(root, F_DUPFD_CLOEXEC, 0)
        guard current >= 0 else { throw failure(path) }
        for name in path {
            if mkdirat(current, name, 0o755) != 0, errno != EEXIST {
                defer { close(current) }
                throw failure(path)
            }
            let next = openat(current, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let reason = errno
            close(current)
            errno = reason
            guard next >= 0 else { throw failure(path) }
            current = next
        }
        return current
    }

    private func failure(_ path: [String]) -> CommandFailure {
        CommandFailure(.failure, "cannot write \(path.joined(separator: "/")): \(systemError())")
    }
}
