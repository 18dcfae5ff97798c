import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// What a gateway was asked.
struct RecordedRequest: Sendable {
    var method: String
    var path: String
    var headers: [String: String]
    var body: String
}

/// What a fake gateway answers; several chunks are sent one by one, as an event stream is.
struct ScriptedAnswer: Sendable {
    var status = 200
    var type = "application/json"
    var chunks: [[UInt8]]

    static func json(_ text: String, status: Int = 200) -> ScriptedAnswer {
        ScriptedAnswer(status: status, chunks: [Array(text.utf8)])
    }

    static func bytes(_ bytes: [UInt8]) -> ScriptedAnswer {
        ScriptedAnswer(type: "application/octet-stream", chunks: [bytes])
    }

    static func events(_ text: String...) -> ScriptedAnswer {
        ScriptedAnswer(type: "text/event-stream", chunks: text.map { Array($0.utf8) })
    }

    static func problem(_ status: Int, _ code: String, faults: String = "null") -> ScriptedAnswer {
        let body =
            "{\"type\":\"about:blank\",\"title\":\"\(code)\",\"status\":\(status),\"code\":\"\(code)\","
            + "\"detail\":\"detail of \(code)\",\"faults\":\(faults)}"
        return ScriptedAnswer(status: status, type: "application/problem+json", chunks: [Array(body.utf8)])
    }
}

/// An HTTP server, on a free port unless told otherwise, that answers as told and remembers what it was asked.
final class FakeGateway: Sendable {
    private let recorded = Mutex<[RecordedRequest]>([])
    let answer: @Sendable (RecordedRequest, Int) -> ScriptedAnswer

    /// `answer` is given the request and how many were made before to the same method and path.
    private init(_ answer: @escaping @Sendable (RecordedRequest, Int) -> ScriptedAnswer) { self.answer = answer }

    var requests: [RecordedRequest] { recorded.withLock { $0 } }

    static func run(
        port: Int = 0, _ answer: @escaping @Sendable (RecordedRequest, Int) -> ScriptedAnswer,
        _ body: (FakeGateway, String) async throws -> Void
    ) async throws {
        let gateway = FakeGateway(answer)
        let logger = Logger(label: "fake-gateway") { _ in SwiftLogNoOpLogHandler() }
        let (ports, ready) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                try await gateway.respond(request)
            },
            configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { ready.yield($0.localAddress?.port ?? 0) }, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [.init(service: application)], logger: logger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            let result: Result<Void, any Error>
            do { result = .success(try await body(gateway, "http://127.0.0.1:\(port)")) } catch {
                result = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    private func respond(_ request: Request) async throws -> Response {
        let body = String(buffer: try await request.body.collect(upTo: 16 << 20))
        let headers = Dictionary(request.headers.map { ($0.name.canonicalName, $0.value) }) { first, _ in first }
        let asked = RecordedRequest(
            method: request.method.rawValue, path: request.uri.string, headers: headers, body: body)
        let before = recorded.withLock { recorded in
            defer { recorded.append(asked) }
            return recorded.count { $0.method == asked.method && $0.path == asked.path }
        }
        let scripted = answer(asked, before)
        let answerHeaders: HTTPFields = [.contentType: scripted.type]
        guard !scripted.chunks.isEmpty else {
            return Response(status: .init(code: scripted.status), headers: answerHeaders)
        }
        return Response(
            status: .init(code: scripted.status), headers: answerHeaders,
            body: ResponseBody { writer in
                for chunk in scripted.chunks { try await writer.write(ByteBuffer(bytes: chunk)) }
                try await writer.finish(nil)
            })
    }
}

/// A folder of a test, removed afterwards.
struct TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "parity-cli-\(UUID().uuidString)").path

    static func with(_ body: (TemporaryFolder) async throws -> Void) async throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try await body(folder)
    }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        let parent = URL(filePath: file).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }
    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}
