import Glibc
import ParityProtocol

/// Unpacks an output below one folder and nowhere else.
///
/// Every path is walked with `openat` and `O_NOFOLLOW` from the folder's descriptor; files are made new (`O_EXCL`);
/// links come last, so that nothing is written through them, and only where they stay inside.
final class OutputExtractor {
    /// What was left out, in words.
    private(set) var warnings: [String] = []
    private(set) var files = 0
    private let root: Int32
    private var current: (descriptor: Int32, path: [[UInt8]])?
    private var links: [(path: [[UInt8]], target: [UInt8])] = []

    /// `folder` must exist; it should be new and nobody else's.
    init(folder: String) throws {
        root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard root >= 0 else { throw CommandFailure(.failure, "\(folder): \(systemError())") }
    }

    deinit {
        if let current { close(current.descriptor) }
        close(root)
    }

    func take(_ event: TarParser.Event) throws {
        switch event {
        case .entry(let entry): try begin(entry)
        case .content(let bytes):
            guard let current else { return }
            guard bytes.withUnsafeBytes({ PrivateFile.writeAll($0, to: current.descriptor) }) else {
                throw failure(current.path)
            }
        case .endOfEntry:
            guard let current else { return }
            close(current.descriptor)
            self.current = nil
            files += 1
        }
    }

    /// Makes the links.
    func finish() throws {
        for link in links { try make(link.path, target: link.target) }
    }

    private func begin(_ entry: TarEntry) throws {
        let name = String(decoding: entry.path, as: UTF8.self)
        guard let path = OutputPath.components(entry.path) else {
            throw CommandFailure(.failure, "the archive names a path outside of itself: \(name)")
        }
        switch entry.kind {
        case .directory: close(try directory(path))
        case .file: current = (try file(path, isExecutable: entry.mode & 0o111 != 0), path)
        case .symlink: links.append((path, entry.link))
        case .hardlink, .other:
            throw CommandFailure(.failure, "the archive holds \(name), which is of a kind that no output has")
        }
    }

    private func file(_ path: [[UInt8]], isExecutable: Bool) throws -> Int32 {
        guard let name = path.last else { throw CommandFailure(.failure, "the archive holds a file without a name") }
        let parent = try directory(Array(path.dropLast()))
        defer { close(parent) }
        let mode: mode_t = isExecutable ? 0o755 : 0o644
        let descriptor = openat(
            parent, Self.cString(name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path) }
        return descriptor
    }

    private func make(_ path: [[UInt8]], target: [UInt8]) throws {
        guard let name = path.last, OutputPath.staysInside(link: path, target: target) else {
            let to = String(decoding: target, as: UTF8.self)
            warnings.append("left out the link \(OutputPath.text(path)): it points outside, to \(to)")
            return
        }
        let parent = try directory(Array(path.dropLast()))
        defer { close(parent) }
        guard symlinkat(Self.cString(target), parent, Self.cString(name)) == 0 else { throw failure(path) }
    }

    /// A descriptor of the folder at `path`, made where it is missing; the caller closes it.
    private func directory(_ path: [[UInt8]]) throws -> Int32 {
        var current = fcntl(root, F_DUPFD_CLOEXEC, 0)
        guard current >= 0 else { throw failure(path) }
        for name in path.map(Self.cString) {
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

    private static func cString(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }

    private func failure(_ path: [[UInt8]]) -> CommandFailure {
        CommandFailure(.failure, "cannot write \(OutputPath.text(path)): \(systemError())")
    }
}
