import HTTPTypes
package import Hummingbird
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import ParityProtocol
import PostgresClient
package import Telemetry

extension Gateway {
    typealias Handler = @Sendable (Request, BasicRequestContext) async throws -> Response

    /// Every path of the API with its methods. A known path with another method answers 405.
    var routes: [(path: RouterPath, methods: [(HTTPRequest.Method, Handler)])] {
        [
            ("/v1/tasks", [(.get, listTasks), (.post, submitTask)]),
            ("/v1/tasks/{id}", [(.get, showTask)]),
            ("/v1/tasks/{id}/cancel", [(.post, cancelTask)]),
            ("/v1/tasks/{id}/events", [(.get, streamEvents)]),
            ("/v1/tasks/{id}/divergence", [(.get, showDivergence)]),
            ("/v1/tasks/{id}/output", [(.get, downloadOutput)]),
            ("/v1/tasks/{id}/output/**", [(.get, downloadFile)]),
            ("/v1/tasks/{id}/output-stdout", [(.get, downloadStdout)]),
            ("/v1/tasks/{id}/build-log", [(.get, downloadBuildLog)]),
            ("/v1/specs/{digest}", [(.get, showSpec)]),
            ("/v1/schemas/task.json", [(.get, showTaskSchema)]),
            ("/v1/blobs/{digest}", [(.get, downloadBlob), (.head, checkBlob), (.put, uploadBlob)]),
            ("/v1/runners", [(.get, listRunners), (.post, registerRunner)]),
            ("/v1/runners/{id}", [(.get, showRunner)]),
            ("/v1/accounts", [(.post, createAccount)]),
            ("/v1/accounts/me", [(.get, showAccount)]),
            ("/v1/deposits", [(.post, deposit)]),
            ("/openapi.yaml", [(.get, showDescription)]),
        ]
    }

    /// The whole HTTP surface.
    package func router(checks: [ReadinessCheck]) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        let routes = routes
        let known = routes.map { ($0.path, $0.methods.map(\.0)) } + AdminRoutes.paths.map { ($0, [.get]) }
        router.add(middleware: ErrorMiddleware(known: known, logger: logger))
        AdminRoutes.add(to: router, checks: checks)
        for (path, methods) in routes {
            for (method, handler) in methods { router.on(path, method: method, use: traced(handler)) }
        }
        return router
    }

    private func traced(_ handler: @escaping Handler) -> Handler {
        { request, context in
            let header = HTTPField.Name(TraceContext.headerName).flatMap { request.headers[$0] }
            return try await TraceContext.$current.withValue(.continuing(header)) {
                try await handler(request, context)
            }
        }
    }

    /// The JSON body of a request.
    func body(of request: Request) async throws -> [UInt8] {
        let type = request.headers[.contentType]?.split(separator: ";").first ?? ""
        guard type.lowercased() == "application/json" else {
            throw Problem(
                status: 415, code: "unsupported_media_type", title: "Unsupported Media Type",
                detail: "send the body as application/json")
        }
        do {
            let buffer = try await request.body.collect(upTo: Self.maximumBodyBytes)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem(
                status: 413, code: "too_large", title: "Content Too Large",
                detail: "the body is larger than \(Self.maximumBodyBytes) bytes; upload large inputs as blobs")
        }
    }

    func taskID(_ context: BasicRequestContext) throws -> TaskID {
        guard let id = context.parameters.get("id").flatMap({ TaskID($0) }) else { throw Problem.notFound("such task") }
        return id
    }
}

/// Outermost: every error leaves as a problem document, and what is our own fault is logged with the request.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = BasicRequestContext
    /// The paths that there are, with their methods.
    let known: [(path: RouterPath, methods: [HTTPRequest.Method])]
    let logger: Logger

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as HTTPParserError {
            // The caller went away, or sent what is no HTTP: nobody's answer to wait for, and no fault of ours.
            logger.debug("A request broke off", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            throw error
        } catch {
            response = answer(error, request, context)
        }
        // An answer to HEAD has no body; one that had would be read as the start of the next answer.
        if request.method == .head { response.body = ResponseBody() }
        Counter(
            label: "parity_http_requests_total",
            dimensions: [("method", request.method.rawValue), ("status", String(response.status.code))]
        ).increment()
        return response
    }

    private func answer(_ error: any Error, _ request: Request, _ context: Context) -> Response {
        // Handlers say what they did not find as a problem: this is the router's, which tells no method from no path.
        if let error = error as? HTTPError, error.status == .notFound, let methods = methods(of: request.uri.path) {
            return Self.methodNotAllowed(methods)
        }
        if let problem = Problem(error) { return problem.response }
        // Not `context.id`, which ends the process where the log handler keeps no metadata.
        let id = context.logger[metadataKey: "hb.request.id"].map { "\($0)" } ?? "a request without an id"
        logger.error(
            "A request failed",
            metadata: ["request": "\(id)", "path": "\(request.uri.path)", "error": "\(error)"])
        return Problem(
            status: 500, code: "internal", title: "Internal Server Error",
            detail: "this is our fault; it is logged as \(id)"
        ).response
    }

    private func methods(of path: String) -> [HTTPRequest.Method]? {
        let parts = path.split(separator: "/")
        return known.first { entry in
            let pattern = entry.path.description.split(separator: "/")
            guard pattern.last == "**" ? parts.count >= pattern.count : parts.count == pattern.count else {
                return false
            }
            return zip(pattern, parts).allSatisfy { $0 == $1 || $0 == "**" || $0.hasPrefix("{") }
        }?.methods
    }

    private static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Response {
        let list = allowed.map(\.rawValue).joined(separator: ", ")
        var response = Problem(
            status: 405, code: "method_not_allowed", title: "Method Not Allowed", detail: "this path takes \(list)"
        ).response
        response.headers[.allow] = list
        return response
    }
}
