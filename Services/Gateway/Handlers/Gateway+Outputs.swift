import BlobStore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ParityProtocol
import PostgresClient
import Store

extension Gateway {
    private func manifest(_ request: Request, _ context: BasicRequestContext) async throws -> OutputManifest {
        let task = try await task(request, context)
        guard let verdict = task.verdict, verdict.kind == .verified, let digest = verdict.outputDigest else {
            throw Problem(
                status: 409, code: "no_output", title: "Conflict",
                detail: "the task is \(task.state.rawValue); only a verified task has an output")
        }
        guard verdict.outcome == .completed else {
            throw Problem(
                status: 409, code: "no_output", title: "Conflict",
                detail: "the runners agree that the task goes over its limits; there is no output")
        }
        return try await manifests.pass {
            guard let bytes = try await blobs.load(digest, limit: OutputManifest.maximumBytes),
                let manifest = OutputManifest(canonical: bytes)
            else { throw Problem.notFound("stored output for this task") }
            return manifest
        }
    }

    /// `GET /v1/tasks/{id}/output`: the accepted output as a tar of what was under /output.
    @Sendable func downloadOutput(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let manifest = try await manifest(request, context)
        let blobs = blobs
        let body = ResponseBody { writer in
            for entry in manifest.files {
                guard case .file(let content, _) = entry.kind else {
                    try await writer.write(ByteBuffer(bytes: Self.tarEntry(entry).headerBytes()))
                    continue
                }
                // A manifest may state any size: what is longer than its header says would be read as further entries.
                guard blobs.size(of: content.digest) == content.size else {
                    throw BlobError(
                        .notFound, "blob \(content.digest) is not there with the size that the output states")
                }
                try await writer.write(ByteBuffer(bytes: Self.tarEntry(entry).headerBytes()))
                for try await chunk in blobs.chunks(of: content.digest) { try await writer.write(chunk) }
                try await writer.write(ByteBuffer(bytes: TarEntry.padding(after: content.size)))
            }
            try await writer.write(ByteBuffer(bytes: TarEntry.trailer))
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-tar"], body: body)
    }

    private static func tarEntry(_ entry: OutputManifest.Entry) -> TarEntry {
        switch entry.kind {
        case .directory: TarEntry(path: entry.path.bytes + [UInt8(ascii: "/")], kind: .directory, mode: 0o755)
        case .symlink(let target): TarEntry(path: entry.path.bytes, kind: .symlink, mode: 0o777, link: target.bytes)
        case .file(let content, let isExecutable):
            TarEntry(path: entry.path.bytes, kind: .file, mode: isExecutable ? 0o755 : 0o644, size: content.size)
        }
    }

    /// `GET /v1/tasks/{id}/output/{path}`
    @Sendable func downloadFile(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let manifest = try await manifest(request, context)
        let path = OutputManifest.Path(context.parameters.getCatchAll().joined(separator: "/"))
        let decoded = path.text?.removingPercentEncoding.map { OutputManifest.Path($0) } ?? path
        for entry in manifest.files where entry.path == decoded || entry.path == path {
            if case .file(let content, _) = entry.kind { return try contentResponse(content) }
        }
        throw Problem.notFound("such file in the output")
    }

    /// `GET /v1/tasks/{id}/output-stdout`
    @Sendable func downloadStdout(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        try contentResponse(try await manifest(request, context).stdout)
    }

    /// A manifest may state any size: what is longer than announced would be read as the next answer.
    private func contentResponse(_ content: OutputManifest.Content) throws -> Response {
        guard blobs.size(of: content.digest) == content.size else {
            throw Problem.notFound("content of the size that the output states")
        }
        return blobResponse(content.digest, size: content.size)
    }

    /// `GET /v1/tasks/{id}/build-log`: the whole log of the build that made the task's image, or did not.
    @Sendable func downloadBuildLog(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let task = try await task(request, context)
        guard let log = task.build?.logDigest, let size = blobs.size(of: log) else {
            throw Problem.notFound("build log of this task; while it builds, its events tell")
        }
        return blobResponse(log, size: size)
    }

    private func digest(_ context: BasicRequestContext) throws -> Digest {
        guard let digest = context.parameters.get("digest").flatMap({ Digest($0) }) else {
            throw Problem.badRequest("digest", "a blob's address is sha256: and 64 lower-case hex digits")
        }
        return digest
    }

    private func blobResponse(_ digest: Digest, size: Int64) -> Response {
        let blobs = blobs
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(contentLength: Int(size)) { writer in
                for try await chunk in blobs.chunks(of: digest) { try await writer.write(chunk) }
                try await writer.finish(nil)
            })
    }

    /// `GET /v1/blobs/{digest}`
    @Sendable func downloadBlob(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticate(request)
        let digest = try digest(context)
        guard let size = blobs.size(of: digest) else { throw Problem.notFound("such blob") }
        return blobResponse(digest, size: size)
    }

    /// `HEAD /v1/blobs/{digest}`
    @Sendable func checkBlob(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticate(request)
        let digest = try digest(context)
        // A blob whose upload ended before it was booked has to be uploaded again, or no task could use it.
        guard let size = blobs.size(of: digest),
            try await pool.withConnection({ try await Accounts.missingBlobs([digest], in: $0) }).isEmpty
        else { throw Problem.notFound("such blob") }
        return Response(status: .ok, headers: [.contentLength: String(size)])
    }

    private func roomForUploads(of account: AccountID) async throws -> Int64 {
        let used = try await pool.withConnection {
            try await Accounts.uploadedBytes(by: account, within: .seconds(86_400), in: $0)
        }
        return settings.dailyUploadBytes - used
    }

    /// `PUT /v1/blobs/{digest}`: streamed, and kept only if the bytes have this digest. Repeating it changes nothing.
    @Sendable func uploadBlob(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        let digest = try digest(context)
        let announced = request.headers[.contentLength].flatMap { Int64($0) } ?? 0
        // What is on its way counts as well, whatever of it arrives in the end.
        let place = uploads.reserve(
            announced > 0 ? min(announced, settings.maximumBlobBytes) : settings.maximumBlobBytes, for: account.id)
        defer { place.free() }
        let room = try await roomForUploads(of: account.id) - place.others
        // Who may upload without end could fill the disk that everybody's outputs are on.
        guard room > 0, announced <= room else {
            throw Problem(
                status: 429, code: "upload_quota", title: "Too Many Requests",
                detail: "an account may upload \(settings.dailyUploadBytes) bytes in 24 hours; \(max(0, room)) are left"
            )
        }
        let most = min(room, settings.maximumBlobBytes)
        let size = try await blobs.put(digest, maximumBytes: most, chunks: request.body)
        try await pool.withConnection { try await Accounts.noteBlob(digest, size: size, by: account.id, in: $0) }
        return Response(status: .created)
    }
}
