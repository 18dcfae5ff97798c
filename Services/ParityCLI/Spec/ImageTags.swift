import AsyncHTTPClient
import FoundationEssentials
import ParityProtocol
import Sandbox

/// Pins images that a person names by a tag. A task never names one by a tag, which may be another image tomorrow, or on
/// another runner.
enum ImageTags {
    /// `repository@sha256:…` for `repository:tag`, as its registry has it now. The engine of this machine asks, with its
    /// own logins. Throws ``CommandFailure`` with what to do where there is no answer.
    static func pin(_ reference: String) async throws -> String {
        let environment = ProcessInfo.processInfo.environment
        do {
            try await LocalEngine.check(environment)
        } catch let failure as CommandFailure {
            throw CommandFailure(
                .refused,
                lines: [
                    "\(reference) names an image by its tag, and a task pins it by its digest",
                    "a Docker Engine would ask the registry for that, but: \(failure.lines.first ?? "none answers")",
                    "write --image \(repository(of: reference))@sha256:… yourself",
                ])
        }
        // The shared client would ask for compressed archives, and outlive the command.
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let answer: Result<Digest?, any Error>
        do {
            let engine = try DockerEngine(endpoint: LocalEngine.address(environment), client: client)
            answer = .success(try await engine.registryDigest(tagged(reference)))
        } catch {
            answer = .failure(error)
        }
        try? await client.shutdown()
        switch answer {
        case .success(let digest?): return "\(repository(of: reference))@\(digest)"
        case .success(nil):
            throw CommandFailure(
                .notFound, "no registry shows an image \(tagged(reference))", sendAlong(reference))
        case .failure(let error as DockerError):
            throw CommandFailure(
                .failure, "the registry of \(tagged(reference)) could not be asked: \(error.message)",
                sendAlong(reference))
        case .failure(let error): throw error
        }
    }

    private static func sendAlong(_ reference: String) -> String {
        "send an image that is only here along with the task: docker save -o image.tar \(reference), "
            + "then --image-archive image.tar"
    }

    /// Whether it is to be pinned: neither a digest stands in it, nor is it an image's id.
    static func isTag(_ reference: String) -> Bool {
        !reference.isEmpty && !reference.utf8.contains(UInt8(ascii: "@")) && Digest(reference) == nil
    }

    /// A colon after the last slash begins the tag; one before belongs to the registry's port.
    static func repository(of reference: String) -> String {
        let start = reference.lastIndex(of: "/") ?? reference.startIndex
        guard let colon = reference[start...].lastIndex(of: ":") else { return reference }
        return String(reference[..<colon])
    }

    /// What a name without a tag means, everywhere.
    static func tagged(_ reference: String) -> String {
        repository(of: reference) == reference ? "\(reference):latest" : reference
    }
}
