import Foundation
import ParityProtocol

/// Writes contents into a folder under the name of their digest, in constant memory.
final class ContentSpool {
    private let folder: String
    private let maximumBytes: Int64
    private var total: Int64 = 0
    private(set) var files: [Digest: String] = [:]

    init(folder: String, maximumBytes: Int64) {
        self.folder = folder
        self.maximumBytes = maximumBytes
    }

    func begin() throws -> SpooledFile {
        let path = "\(folder)/\(UUID().uuidString)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DockerError(.refused, "spool", "the scratch folder cannot be written") }
        return SpooledFile(path: path, descriptor: descriptor)
    }

    func append(_ bytes: UnsafeRawBufferPointer, to file: SpooledFile) throws {
        total += Int64(bytes.count)
        guard total <= maximumBytes else { throw OutputLimitExceeded.bytes }
        try file.append(bytes)
    }

    func finish(_ file: SpooledFile) throws -> OutputManifest.Content {
        let content = file.finish()
        let path = "\(folder)/\(content.digest.hex)"
        guard rename(file.path, path) == 0 else {
            throw DockerError(.refused, "spool", "the scratch folder cannot be written")
        }
        files[content.digest] = path
        return content
    }
}

/// A file that is being written and hashed.
final class SpooledFile {
    let path: String
    private let descriptor: Int32
    private var hasher = DigestHasher()

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bytes)
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw DockerError(.refused, "spool", "the scratch folder is full") }
            rest = rest.dropFirst(written)
        }
    }

    func finish() -> OutputManifest.Content {
        let count = hasher.count
        return OutputManifest.Content(digest: hasher.finalize(), size: count)
    }
}
