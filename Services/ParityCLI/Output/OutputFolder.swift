import FoundationEssentials
import Glibc

/// Where an output is unpacked: beside its destination first, then moved there.
struct OutputFolder {
    let destination: String
    let isForced: Bool

    /// Runs `fill` with a new empty folder; its content becomes the destination's. An existing destination that is
    /// not empty is refused with ``CommandExit/exists``; when forced, entries of the same name are replaced in it.
    func filled(_ fill: (String) async throws -> Void) async throws {
        let isPresent = try check()
        let partial = "\(destination).\(getpid()).partial"
        guard mkdir(partial, 0o755) == 0 else { throw CommandFailure(.failure, "\(partial): \(systemError())") }
        do {
            try await fill(partial)
            if isPresent {
                try moveEntries(from: partial)
            } else {
                guard rename(partial, destination) == 0 else {
                    throw CommandFailure(.failure, "\(destination): \(systemError())")
                }
            }
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
    }

    /// Whether the destination exists and may be written into.
    private func check() throws -> Bool {
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: destination, isDirectory: &isDirectory) else { return false }
        guard isDirectory else { throw CommandFailure(.exists, "\(destination) is in the way and no folder") }
        let isEmpty = try FileManager.default.contentsOfDirectory(atPath: destination).isEmpty
        guard isEmpty || isForced else {
            throw CommandFailure(.exists, "\(destination) is not empty; --force replaces what has the same names")
        }
        return true
    }

    private func moveEntries(from partial: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: partial) {
            let target = "\(destination)/\(name)"
            if rename("\(partial)/\(name)", target) == 0 { continue }
            try FileManager.default.removeItem(atPath: target)
            guard rename("\(partial)/\(name)", target) == 0 else {
                throw CommandFailure(.failure, "\(target): \(systemError())")
            }
        }
        rmdir(partial)
    }
}
