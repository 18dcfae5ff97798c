import AMQPClient
import Foundation
import Logging
import Messaging
import ParityProtocol

extension AMQPPublisher {
    private static let inboundRetryDelay: Duration = .milliseconds(300)

    /// Sends what an agent has to say until the broker confirms or the agent stops; the same message id each time, so
    /// that it counts once. With `once` one try is enough: the next message is as good as this one.
    func sendInbound(
        _ body: some MessageBody, routingKey: String, once: Bool = false, logger: Logger
    ) async {
        let id = MessageID(UUID.v7())
        while true {
            do {
                let message = try Envelope.message(body, exchange: Topology.inbound, routingKey: routingKey, id: id)
                return try await publish(message)
            } catch {
                if once || status == .closed { return }
                logger.debug("A message could not be sent yet", metadata: ["error": "\(error)"])
                do { try await Task.sleep(for: Self.inboundRetryDelay) } catch { return }
            }
        }
    }
}
