import Foundation
import ParityProtocol

/// A tree of inputs, read from a tar on this machine and given as the tar that the engine unpacks.
package struct InputTree {
    private let handle: FileHandle
    private var archive: TreeArchive
    private static let chunkBytes = 262_144

    /// `path` is where it stands in the new tar.
    init(_ file: String, at path: String) throws {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw DockerError(.refused, "put archive", "an input file is gone")
        }
        self.handle = handle
        archive = TreeArchive(at: path)
    }

    /// The next bytes, never empty; nil at the end.
    mutating func next() throws -> [UInt8]? {
        while let data = try handle.read(upToCount: Self.chunkBytes), !data.isEmpty {
            let bytes = try archive.feed(Array(data))
            if !bytes.isEmpty { return bytes }
        }
        try archive.finish()
        return nil
    }

    /// Throws ``TarError`` unless the file is a tar that may be unpacked.
    package static func check(_ file: String) throws {
        var tree = try InputTree(file, at: "input")
        while try tree.next() != nil {}
    }
}
