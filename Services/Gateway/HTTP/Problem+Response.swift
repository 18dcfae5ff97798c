import AMQPClient
import BlobStore
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import ParityProtocol
import PostgresClient

extension Problem {
    static var unauthorized: Problem {
        Problem(
            status: 401, code: "unauthorized", title: "Unauthorized",
            detail: "send a valid API key as Authorization: Bearer <key>")
    }

    static var foreignCursor: Problem {
        badRequest("cursor", "the cursor is not the next_cursor of a page")
    }

    static func notFound(_ what: String) -> Problem {
        Problem(status: 404, code: "not_found", title: "Not Found", detail: "there is no \(what)")
    }

    static func badRequest(_ code: String, _ detail: String) -> Problem {
        Problem(status: 400, code: code, title: "Bad Request", detail: detail)
    }

    static func invalidSpec(_ faults: [SpecFault]) -> Problem {
        Problem(
            status: 422, code: "invalid_spec", title: "Unprocessable Content",
            detail: "the task spec has \(faults.count) fault\(faults.count == 1 ? "" : "s")", faults: faults)
    }

    static func unavailable(_ server: String) -> Problem {
        Problem(
            status: 503, code: "unavailable", title: "Service Unavailable",
            detail: "\(server) cannot be reached or is too busy right now; try again")
    }

    /// What an error of any kind means to the caller; nil for one that is our own fault.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let faults as SpecFaults: self = .invalidSpec(faults.faults)
        case let error as JSONError:
            self = .badRequest("malformed_json", "the body is not acceptable JSON: \(error)")
        case let error as BlobError: self = Self.problem(error)
        case let error as PostgresError where Ledger.isInsufficientFunds(error):
            self = Problem(
                status: 402, code: "insufficient_balance", title: "Payment Required",
                detail: "the account's balance does not cover the reward; deposit first")
        case let error as PostgresError where error.isTransient: self = .unavailable("the database")
        case let error as AMQPError where error.isTransient: self = .unavailable("the message broker")
        case let error as HTTPError:
            self = Problem(
                status: error.status.code, code: "http_\(error.status.code)", title: error.status.reasonPhrase,
                detail: error.body ?? error.status.reasonPhrase)
        default: return nil
        }
    }

    private static func problem(_ error: BlobError) -> Problem {
        switch error.code {
        case .notFound: .notFound("such blob")
        case .tooLarge:
            Problem(status: 413, code: "too_large", title: "Content Too Large", detail: error.description)
        case .digestMismatch: .badRequest("digest_mismatch", error.description)
        case .storage:
            Problem(status: 507, code: "storage", title: "Insufficient Storage", detail: error.description)
        }
    }

    var response: Response {
        var headers: HTTPFields = [.contentType: "application/problem+json"]
        if status == 401 { headers[.wwwAuthenticate] = "Bearer" }
        if status == 503 { headers[.retryAfter] = "1" }
        return Response(
            status: .init(code: status, reasonPhrase: title), headers: headers, body: .init(byteBuffer: Self.json(self))
        )
    }

    private static func json(_ problem: Problem) -> ByteBuffer {
        (try? JSONText.encode(problem)).map { ByteBuffer(string: $0) } ?? ByteBuffer()
    }
}

enum JSONText {
    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        raw(try encode(value), status: status)
    }

    static func raw(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
