import HTTPTypes
import Hummingbird
import NIOCore
import ParityProtocol

extension Gateway {
    /// `GET /v1/schemas/task.json`: the JSON Schema of task specs, for anybody's editor.
    @Sendable func showTaskSchema(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/schema+json"],
            body: .init(byteBuffer: ByteBuffer(bytes: TaskSchema.bytes)))
    }

    /// `GET /openapi.yaml`: what this API takes and answers, as OpenAPI 3.1.
    @Sendable func showDescription(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/yaml"],
            body: .init(byteBuffer: ByteBuffer(bytes: Self.apiDescription)))
    }

    static var apiDescription: [UInt8] { PackageResources.openapi_yaml }
}
