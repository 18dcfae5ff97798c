import ParityProtocol

/// The image of the keeper: a tar with one program, see ``KeeperProgram``. Its tag says what is in it, so that an engine
/// that has it has the right one.
struct KeeperImage: Sendable, Hashable {
    static let repository = "parity-keeper"
    static let program = "/keep"

    private let executable: [UInt8]
    let tag: String

    /// Throws ``EnvironmentRejected`` for an architecture that there is no program for.
    init(architecture: String) throws {
        guard let executable = KeeperProgram.executable(architecture) else {
            throw EnvironmentRejected("the engine's architecture, \(architecture), is not supported")
        }
        self.executable = executable
        tag = String(Digest.sha256(of: executable).hex.prefix(16))
    }

    var name: String { "\(Self.repository):\(tag)" }

    /// The files of the image.
    var archive: [UInt8] {
        let entry = TarEntry(
            path: Array(Self.program.utf8.dropFirst()), kind: .file, mode: 0o555, size: Int64(executable.count))
        return entry.headerBytes() + executable + TarEntry.padding(after: entry.size) + TarEntry.trailer
    }

    /// Makes the image unless the engine has it.
    func ensure(on engine: DockerEngine) async throws {
        if try await engine.image(name) != nil { return }
        try await engine.importImage(archive, repository: Self.repository, tag: tag)
    }
}
