import Foundation
package import NIOCore
import ParityProtocol

/// The tar that fills `/input`, made as it is read.
package struct InputArchive: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    private let steps: [Step]
    private static let chunkBytes = 262_144

    fileprivate enum Step: Sendable {
        case bytes([UInt8])
        case file(path: String, size: Int64)
        case tree(SandboxJob.Tree)
    }

    package init(_ inputs: [SandboxJob.Input], trees: [SandboxJob.Tree] = []) {
        func folder(_ path: String) -> Step {
            .bytes(TarEntry(path: Array("\(path)/".utf8), kind: .directory, mode: 0o755).headerBytes())
        }
        var steps = [folder("input")]
        var folders: Set<String> = []
        func addFolders(_ parts: some Collection<Substring>) {
            for count in 0..<parts.count {
                let path = "input/" + parts.prefix(count + 1).joined(separator: "/")
                if folders.insert(path).inserted { steps.append(folder(path)) }
            }
        }
        for tree in trees.sorted(by: { $0.path < $1.path }) {
            addFolders(tree.path.pathParts)
            steps.append(.tree(tree))
        }
        for input in inputs.sorted(by: { $0.path < $1.path }) {
            addFolders(input.path.pathParts.dropLast())
            let size: Int64
            let content: Step
            switch input.content {
            case .bytes(let bytes):
                size = Int64(bytes.count)
                content = .bytes(bytes)
            case .file(let path, let bytes):
                size = bytes
                content = .file(path: path, size: bytes)
            }
            let header = TarEntry(path: Array("input/\(input.path)".utf8), kind: .file, mode: 0o644, size: size)
            steps += [.bytes(header.headerBytes()), content, .bytes(TarEntry.padding(after: size))]
        }
        self.steps = steps + [.bytes(TarEntry.trailer)]
    }

    /// An archive that is there.
    init(bytes: [UInt8]) { steps = [.bytes(bytes)] }

    /// A file of this machine as it is, for an image archive.
    package init(file path: String, size: Int64) { steps = [.file(path: path, size: size)] }

    /// One content as it is, for standard input.
    init(_ content: SandboxJob.Input.Content) {
        switch content {
        case .bytes(let bytes): steps = [.bytes(bytes)]
        case .file(let path, let size): steps = [.file(path: path, size: size)]
        }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(steps: steps[...]) }

    package struct Iterator: AsyncIteratorProtocol {
        private var steps: ArraySlice<Step>
        private var open: (handle: FileHandle, remaining: Int64)?
        private var tree: InputTree?

        fileprivate init(steps: ArraySlice<Step>) { self.steps = steps }

        package mutating func next() async throws -> ByteBuffer? {
            while true {
                if let (handle, remaining) = open {
                    if remaining > 0 {
                        let want = Int(Swift.min(remaining, Int64(InputArchive.chunkBytes)))
                        guard let data = try handle.read(upToCount: want), !data.isEmpty else {
                            throw DockerError(.refused, "put archive", "an input file became shorter")
                        }
                        open = (handle, remaining - Int64(data.count))
                        return ByteBuffer(bytes: data)
                    }
                    open = nil
                }
                if let bytes = try tree?.next() { return ByteBuffer(bytes: bytes) }
                tree = nil
                guard let step = steps.popFirst() else { return nil }
                switch step {
                case .bytes(let bytes): if !bytes.isEmpty { return ByteBuffer(bytes: bytes) }
                case .file(let path, let size):
                    guard let handle = FileHandle(forReadingAtPath: path) else {
                        throw DockerError(.refused, "put archive", "an input file is gone")
                    }
                    open = (handle, size)
                case .tree(let tree):
                    self.tree = try InputTree(tree.archive, at: "input/\(tree.path)")
                }
            }
        }
    }
}
