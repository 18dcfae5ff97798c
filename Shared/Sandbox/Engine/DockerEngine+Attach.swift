import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

extension DockerEngine {
    /// Attaches to a container that does not run yet, standard input included, and calls `body` with what the container
    /// writes, to its end.
    ///
    /// `stdin` is written as fast as the container reads and then closed, so that the container sees its end. A
    /// container that does not read it all is no error. Throws `.unreachable` after `timeout`.
    func withAttached<Stdin: AsyncSequence & Sendable, Result: Sendable>(
        _ container: String, stdin: Stdin, timeout: Duration,
        _ body: @escaping @Sendable (AttachedStream) async throws -> Result
    ) async throws -> Result where Stdin.Element == ByteBuffer {
        let channel = try await hijack("/containers/\(container)/attach?stream=1&stdin=1&stdout=1&stderr=1")
        return try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Result?.self) { group in
                group.addTask { try await body(AttachedStream(inbound: inbound, channel: channel.channel)) }
                group.addTask {
                    for try await chunk in stdin {
                        // The container may have ended, or closed its end.
                        do { try await outbound.write(chunk) } catch { return nil }
                    }
                    outbound.finish()
                    return nil
                }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw DockerError(.unreachable, "attach", "the engine did not end the stream of a container")
                }
                defer { group.cancelAll() }
                while let result = try await group.next() { if let result { return result } }
                throw CancellationError()
            }
        }
    }

    /// A connection that has been taken out of HTTP, as the engine does it for attached streams (Docker Engine API,
    /// "Stream attach": `Upgrade: tcp`).
    private func hijack(_ path: String) async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(.seconds(30))
        let upgraded: EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>?>
        do {
            if let socketPath {
                upgraded = try await bootstrap.connect(unixDomainSocketPath: socketPath) { channel in
                    Self.upgrade(channel, path: path, host: "docker")
                }
            } else {
                guard let url = URL(string: base), let host = url.host else {
                    throw DockerError(.malformed, "attach", "the engine's address is not tcp://host:port")
                }
                upgraded = try await bootstrap.connect(host: host, port: url.port ?? 2375) { channel in
                    Self.upgrade(channel, path: path, host: host)
                }
            }
        } catch let error as DockerError {
            throw error
        } catch {
            throw DockerError(.unreachable, "attach", "\(error)")
        }
        guard let channel = try await upgraded.get() else {
            throw DockerError(.refused, "attach", "the engine does not attach to the container")
        }
        return channel
    }

    private static func upgrade(
        _ channel: any Channel, path: String, host: String
    ) -> EventLoopFuture<EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>?>> {
        channel.eventLoop.makeCompletedFuture {
            let head = HTTPRequestHead(
                version: .http1_1, method: .POST, uri: path, headers: ["Host": host, "Content-Length": "0"])
            var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
                upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                    upgradeRequestHead: head, upgraders: [RawStreamUpgrader()],
                    notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededFuture(nil) }))
            configuration.leftOverBytesStrategy = .forwardBytes
            return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                configuration: configuration)
        }
    }
}

/// What comes out of an attached container, as the engine frames it. To be read by one; who stops reading closes the
/// connection, because an engine that cannot get rid of a container's output does not end the container either.
struct AttachedStream: AsyncSequence, Sendable {
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        let closing: Closing

        mutating func next() async throws -> ByteBuffer? {
            try await base.next(isolation: #isolation)
        }
    }

    final class Closing: Sendable {
        private let channel: any Channel
        init(_ channel: any Channel) { self.channel = channel }
        deinit { channel.close(promise: nil) }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: inbound.makeAsyncIterator(), closing: Closing(channel))
    }
}

/// Takes the channel as plain bytes once the engine has agreed.
private struct RawStreamUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    let supportedProtocol = "tcp"
    let requiredUpgradeHeaders: [String] = []

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {}

    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool { true }

    func upgrade(
        channel: any Channel, upgradeResponse: HTTPResponseHead
    ) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>?> {
        channel.eventLoop.makeCompletedFuture {
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }
}
