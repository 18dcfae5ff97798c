import AsyncHTTPClient
import Foundation
package import NIOCore
import NIOHTTP1
import ParityProtocol

extension DockerEngine {
    /// How to build.
    package struct BuildOptions: Sendable {
        package var dockerfile: String
        package var arguments: [String: String]
        package var tag: String
        package var memoryBytes: Int64
        package var cpuMilli: Int64
        /// The network of `RUN` steps: `default`, `none`, or one of the engine's.
        package var network: String
        package var timeout: Duration

        package init(
            dockerfile: String, arguments: [String: String], tag: String, memoryBytes: Int64, cpuMilli: Int64,
            network: String, timeout: Duration
        ) {
            self.dockerfile = dockerfile
            self.arguments = arguments
            self.tag = tag
            self.memoryBytes = memoryBytes
            self.cpuMilli = cpuMilli
            self.network = network
            self.timeout = timeout
        }

        /// The classic builder, which every engine has, from nothing that an earlier build left: what another submitter's
        /// build put into a cache is not this one's.
        fileprivate var query: String {
            let arguments = JSONValue.object(arguments.mapValues(JSONValue.string)).canonicalString
            let period: Int64 = 100_000
            return [
                "version=1", "nocache=1", "rm=1", "forcerm=1", "pull=0", "t=\(DockerEngine.escape(tag))",
                "dockerfile=\(DockerEngine.escape(dockerfile))",
                "buildargs=\(DockerEngine.escape(arguments))", "networkmode=\(DockerEngine.escape(network))",
                "memory=\(memoryBytes)", "memswap=\(memoryBytes)", "cpuperiod=\(period)",
                "cpuquota=\(cpuMilli * period / 1000)",
            ].joined(separator: "&")
        }
    }

    /// Builds an image of a context, telling the log as it comes, and the id of each step's image, which stays on the
    /// engine; returns the image's id. Cancelling stops the build and removes its containers. Throws ``BuildFailure`` for
    /// what cannot be built.
    package func build<Bytes: AsyncSequence & Sendable>(
        _ context: Bytes, _ options: BuildOptions, log: (String) throws -> Void, onStep: (String) -> Void
    ) async throws -> String where Bytes.Element == ByteBuffer {
        var request = try request(.POST, "/build?\(options.query)")
        request.headers.add(name: "Content-Type", value: "application/x-tar")
        request.body = .stream(context, length: .unknown)
        let limit = TimeAmount.seconds(options.timeout.components.seconds + 60)
        let response: HTTPClientResponse
        do {
            response = try await send(request, "build", timeout: limit)
        } catch let error as DockerError where error.code == .refused || error.code == .denied {
            // A Dockerfile that cannot be read, and the like.
            throw BuildFailure(error.message)
        }
        var reader = BuildOutput()
        do {
            for try await chunk in response.body {
                for text in try reader.feed(Array(chunk.readableBytesView)) {
                    if let image = BuildOutput.stepImage(text) { onStep(image) }
                    try log(text)
                }
            }
        } catch let error as HTTPClientError {
            try Task.checkCancellation()
            throw DockerError(.unreachable, "build", "\(error)")
        }
        if let failure = reader.failure { throw BuildFailure(failure) }
        guard let image = reader.image else { throw DockerError(.malformed, "build", "the engine named no image") }
        return image
    }
}

/// Reads the engine's stream of JSON objects, one a line.
struct BuildOutput {
    private(set) var image: String?
    private(set) var failure: String?
    private var line: [UInt8] = []
    /// A step that writes a longer line without an end gets it cut.
    private static let maximumLineBytes = 1 << 20

    private struct Message: Decodable {
        struct Auxiliary: Decodable {
            let id: String?
            enum CodingKeys: String, CodingKey { case id = "ID" }
        }
        let stream: String?
        let error: String?
        let aux: Auxiliary?
    }

    /// Takes bytes in and returns what they add to the log.
    mutating func feed(_ bytes: [UInt8]) throws -> [String] {
        var texts: [String] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                guard line.count <= Self.maximumLineBytes else {
                    throw DockerError(.malformed, "build", "the engine writes a line without end")
                }
                continue
            }
            if let text = take(line) { texts.append(text) }
            line.removeAll(keepingCapacity: true)
        }
        return texts
    }

    /// The id in ` ---> 0123456789ab`, which the builder writes after each step.
    static func stepImage(_ text: String) -> String? {
        let mark = " ---> "
        guard text.hasPrefix(mark) else { return nil }
        let id = text.dropFirst(mark.count).prefix { $0 != "\n" }
        guard id.utf8.count == 12, [UInt8](lowercaseHex: id) != nil else { return nil }
        return String(id)
    }

    private mutating func take(_ line: [UInt8]) -> String? {
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(line)) else { return nil }
        image = message.aux?.id ?? image
        if let error = message.error {
            failure = error
            return error + "\n"
        }
        return message.stream
    }
}
