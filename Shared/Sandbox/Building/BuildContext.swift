import Foundation
import ParityProtocol

/// Why a build has no image: the fault of what was to be built, or of nobody here.
package struct BuildFailure: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Looks into a context that a stranger made, without unpacking it.
package enum BuildContext {
    private static let maximumDockerfileBytes: Int64 = 1 << 20
    private static let chunkBytes = 262_144

    /// The text of the Dockerfile at `path` in the tar at `file`. Throws ``BuildFailure``.
    package static func dockerfile(at path: String, in file: String) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: file) else { throw BuildFailure("the context is gone") }
        defer { try? handle.close() }
        var parser = TarParser()
        var found: [UInt8]?
        var isIt = false
        do {
            while let data = try handle.read(upToCount: chunkBytes), !data.isEmpty {
                for event in try parser.feed(Array(data)) {
                    switch event {
                    case .entry(let entry):
                        // By bytes: to String, names that differ can be equal.
                        isIt = entry.kind == .file && name(entry.path).elementsEqual(path.utf8)
                        guard isIt else { continue }
                        guard entry.size <= maximumDockerfileBytes else { throw BuildFailure("\(path) is too large") }
                        found = []
                    case .content(let bytes): if isIt { found? += bytes }
                    case .endOfEntry: isIt = false
                    }
                }
            }
        } catch let error as TarError {
            throw BuildFailure("the context is no readable tar: \(error)")
        }
        guard parser.isAtEnd else { throw BuildFailure("the context ends too early, or is compressed") }
        guard let found else { throw BuildFailure("the context has no file \(path)") }
        guard let text = String(validating: found, as: UTF8.self) else { throw BuildFailure("\(path) is not UTF-8") }
        return text
    }

    private static func name(_ bytes: [UInt8]) -> some Sequence<UInt8> {
        bytes.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
            .joined(separator: [UInt8(ascii: "/")])
    }
}
