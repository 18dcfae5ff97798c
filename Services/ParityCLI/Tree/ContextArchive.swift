import FoundationEssentials
import ParityProtocol

/// What `--dockerfile` names: a folder with a Dockerfile, as a builder gets it.
struct ContextArchive {
    let folder: String
    let recipe: BuildRecipe
    let file: LocalFile
    let scratch: ScratchFile

    /// `path` is the context's folder, or the Dockerfile in it. Throws ``CommandFailure`` when there is none.
    init(_ path: String, arguments: [String: String]) throws {
        var isFolder = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CommandFailure(.notFound, "\(path): there is no such folder or Dockerfile")
        }
        let (folder, name) = isFolder ? (path, BuildRecipe.defaultPath) : Self.split(path)
        try self.init(folder: folder, dockerfile: name, arguments: arguments)
    }

    /// The Dockerfile's path is relative to the context's folder.
    init(folder: String, dockerfile name: String, arguments: [String: String]) throws {
        self.folder = folder
        guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else {
            throw CommandFailure(.notFound, "\(folder) has no \(name)")
        }
        let ignored = try Self.ignored(folder: folder, dockerfile: name)
        // The builder needs both, whatever the rules say; it keeps from COPY what they exclude.
        let always: Set = [name, ".dockerignore"]
        let archive = try FolderArchive(
            folder, includes: { always.contains($0) || ignored?.excludes($0) != true },
            descends: { _ in ignored?.hasExceptions == true })
        (file, scratch) = try archive.write()
        recipe = BuildRecipe(context: file.digest, path: name, arguments: arguments)
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }

    /// A Dockerfile's own rules come before those of the folder.
    private static func ignored(folder: String, dockerfile: String) throws -> DockerIgnore? {
        for name in ["\(dockerfile).dockerignore", ".dockerignore"] {
            let path = "\(folder)/\(name)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let bytes = try LocalFile.contents(path)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw CommandFailure(.refused, "\(path): not UTF-8")
            }
            return try DockerIgnore(text, name: path)
        }
        return nil
    }
}
