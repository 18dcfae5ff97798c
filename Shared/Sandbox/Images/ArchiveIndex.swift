import Foundation
import ParityProtocol

/// Where each file of a tar archive lies, and what it holds. Names are looked up, never followed onto this machine.
struct ArchiveIndex {
    struct File: Sendable, Hashable {
        let offset: Int64
        let size: Int64
        let digest: Digest
    }

    /// An image has at most 127 layers, each with a few entries.
    static let maximumEntries = 10_000

    private(set) var files: [String: File] = [:]
    private var links: [String: String] = [:]
    private var names: Set<String> = []

    /// Reads the whole archive once, in constant memory. Throws ``EnvironmentRejected`` when it is none, or holds what
    /// no image archive needs.
    init(_ file: ArchiveFile) throws {
        var position: Int64 = 0
        while let (entry, start) = try Self.entry(of: file, at: position) {
            position = start + (entry.kind == .file ? entry.size + Self.padding(entry.size) : 0)
            guard position <= file.size else { throw EnvironmentRejected("the image archive ends too early") }
            try add(entry, start, file)
        }
    }

    /// The file at `path`, reached by one link at most: `docker save` writes a repeated layer as a link to the first.
    func file(at path: String) -> File? { files[path] ?? links[path].flatMap { files[$0] } }

    private mutating func add(_ entry: TarEntry, _ start: Int64, _ file: ArchiveFile) throws {
        guard names.count < Self.maximumEntries else {
            throw EnvironmentRejected("the image archive has more than \(Self.maximumEntries) entries")
        }
        let name = try Self.name(entry.path, from: "")
        // Two readers could take either.
        guard names.insert(name).inserted || entry.kind == .directory else {
            throw EnvironmentRejected("the image archive holds a name twice")
        }
        switch entry.kind {
        case .directory: break
        case .file:
            files[name] = File(offset: start, size: entry.size, digest: try file.digest(start, entry.size))
        case .symlink:
            let folder = name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
            links[name] = try Self.name(entry.link, from: folder)
        case .hardlink: links[name] = try Self.name(entry.link, from: "")
        case .other: throw EnvironmentRejected("the image archive holds a device or the like")
        }
    }

    /// The next entry and where its content starts; nil at the archive's end.
    private static func entry(of file: ArchiveFile, at position: Int64) throws -> (TarEntry, Int64)? {
        // A parser of its own for each entry: contents are not fed to it.
        var parser = TarParser()
        var position = position
        do {
            while true {
                let block = try file.read(position, 512)
                guard block.count == 512 else { throw EnvironmentRejected("the image archive ends too early") }
                position += 512
                for event in try parser.feed(block) {
                    if case .entry(let entry) = event { return (entry, position) }
                }
                if parser.isAtEnd { return nil }
            }
        } catch let error as TarError {
            throw EnvironmentRejected("the image archive is no readable tar: \(error)")
        }
    }

    private static func padding(_ size: Int64) -> Int64 { Int64(TarEntry.padding(after: size).count) }

    /// The plain form of a name inside the archive.
    private static func name(_ bytes: [UInt8], from folder: String) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self), !text.isAbsolutePath, !text.utf8.contains(0) else {
            throw EnvironmentRejected("the image archive holds a name that no image has")
        }
        var parts = folder.pathParts.filter { !$0.isEmpty }
        for part in text.pathParts where !part.isEmpty && part != "." {
            guard part == ".." else {
                parts.append(part)
                continue
            }
            guard parts.popLast() != nil else {
                throw EnvironmentRejected("the image archive holds a name outside of it")
            }
        }
        return parts.joined(separator: "/")
    }
}

/// A file that is read at any place. Closed when the last user is gone.
package final class ArchiveFile: Sendable {
    package let size: Int64
    private let descriptor: Int32
    static let chunkBytes = 262_144

    /// Throws ``EnvironmentRejected`` when there is no such file.
    package init(path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw EnvironmentRejected("the image archive is gone")
        }
        size = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Up to `count` bytes from `offset` on; fewer only at the end.
    func read(_ offset: Int64, _ count: Int) throws -> [UInt8] {
        var filled = 0
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while filled < count {
                let target = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                let got = pread(descriptor, target.baseAddress, target.count, off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else { throw DockerError(.malformed, "image archive", "a file cannot be read") }
                if got == 0 { break }
                filled += got
            }
            initialized = filled
        }
        return bytes
    }

    /// The digest of a part.
    func digest(_ offset: Int64, _ size: Int64) throws -> Digest {
        var hasher = DigestHasher()
        while hasher.count < size {
            try Task.checkCancellation()
            let chunk = try read(offset + hasher.count, Int(min(size - hasher.count, Int64(Self.chunkBytes))))
            guard !chunk.isEmpty else { throw EnvironmentRejected("the image archive ends too early") }
            hasher.update(chunk)
        }
        return hasher.finalize()
    }
}
