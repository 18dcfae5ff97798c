import Glibc
import NIOCore
import ParityProtocol

/// A folder as a tar whose bytes follow from names and contents alone: sorted, without times and owners, and of the
/// modes only whether a file may be executed. Equal folders have equal digests, on every machine.
struct FolderArchive {
    /// More than this is a mistake rather than an input.
    static let maximumEntries = 200_000

    private enum Kind {
        case folder
        case file(size: Int64, isExecutable: Bool)
        case link(target: [UInt8])
    }

    private struct Entry {
        /// Relative to the folder.
        let path: [UInt8]
        let kind: Kind
    }

    private let root: [UInt8]
    private var entries: [Entry] = []

    /// Lists the folder at `path`. `includes` decides on each relative path; a folder that it leaves out is looked into
    /// only where `descends` says so. Links are taken as links. Throws ``CommandFailure`` for what no archive can hold.
    init(
        _ path: String, includes: (String) -> Bool = { _ in true }, descends: (String) -> Bool = { _ in false }
    ) throws {
        root = Array(path.utf8)
        try list([], includes, descends)
        entries.sort { $0.path.lexicographicallyPrecedes($1.path) }
    }

    /// Writes the archive into a file that is gone when nobody needs it any more.
    func write() throws -> (file: LocalFile, scratch: ScratchFile) {
        let scratch = try ScratchFile()
        for entry in entries {
            switch entry.kind {
            case .folder:
                try scratch.write(
                    TarEntry(path: entry.path + [UInt8(ascii: "/")], kind: .directory, mode: 0o755).headerBytes())
            case .link(let target):
                try scratch.write(
                    TarEntry(path: entry.path, kind: .symlink, mode: 0o777, link: target).headerBytes())
            case .file(let size, let isExecutable):
                try scratch.write(
                    TarEntry(path: entry.path, kind: .file, mode: isExecutable ? 0o755 : 0o644, size: size)
                        .headerBytes())
                try copy(entry.path, size, to: scratch)
                try scratch.write(TarEntry.padding(after: size))
            }
        }
        try scratch.write(TarEntry.trailer)
        return (try LocalFile(scratch.path), scratch)
    }

    private func copy(_ path: [UInt8], _ size: Int64, to scratch: ScratchFile) throws {
        let descriptor = open(full(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure(path, systemError()) }
        defer { close(descriptor) }
        var copied: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: FileChunks.chunkBytes)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, systemError()) }
            if count == 0 { break }
            copied += Int64(count)
            guard copied <= size else { break }
            try scratch.write(buffer[..<count])
        }
        guard copied == size else { throw failure(path, "changed while it was read") }
    }

    // MARK: - Listing

    private mutating func list(_ folder: [UInt8], _ includes: (String) -> Bool, _ descends: (String) -> Bool) throws {
        guard let handle = opendir(full(folder)) else { throw failure(folder, systemError()) }
        defer { closedir(handle) }
        while let item = readdir(handle) {
            let name = Self.name(item)
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
            let text = String(decoding: path, as: UTF8.self)
            let isIncluded = includes(text)
            var status = stat()
            guard lstat(full(path), &status) == 0 else { throw failure(path, systemError()) }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            if isIncluded {
                guard entries.count < Self.maximumEntries else {
                    throw failure([], "holds more than \(Self.maximumEntries) files")
                }
                entries.append(Entry(path: path, kind: try kind(path, status)))
            }
            if isFolder, isIncluded || descends(text) { try list(path, includes, descends) }
        }
    }

    private func kind(_ path: [UInt8], _ status: stat) throws -> Kind {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return .folder
        case S_IFREG: return .file(size: Int64(status.st_size), isExecutable: status.st_mode & 0o111 != 0)
        case S_IFLNK:
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(full(path), &buffer, buffer.count)
            guard count >= 0 else { throw failure(path, systemError()) }
            return .link(target: buffer.prefix(count).map { UInt8(bitPattern: $0) })
        default: throw failure(path, "is no file, folder or link")
        }
    }

    private static func name(_ item: UnsafeMutablePointer<dirent>) -> [UInt8] {
        withUnsafeBytes(of: &item.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    }

    private func full(_ path: [UInt8]) -> [CChar] {
        ((path.isEmpty ? root : root + [UInt8(ascii: "/")] + path) + [0]).map { CChar(bitPattern: $0) }
    }

    private func failure(_ path: [UInt8], _ what: String) -> CommandFailure {
        let place = path.isEmpty ? root : root + [UInt8(ascii: "/")] + path
        return CommandFailure(.refused, "\(Console.clean(String(decoding: place, as: UTF8.self))): \(what)")
    }
}

/// A file for a while: removed with its last user.
final class ScratchFile: Sendable {
    let path: String
    private let descriptor: Int32

    init() throws {
        var template = Array("\(Self.folder)/parity-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "\(Self.folder): \(systemError())") }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    private static var folder: String {
        getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    func write(_ bytes: some Collection<UInt8>) throws {
        let array = Array(bytes)
        var offset = 0
        while offset < array.count {
            let written = array[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw CommandFailure(.failure, "\(path): \(systemError())") }
            offset += written
        }
    }
}
