/// What the broker said, in whole: content arrives as three kinds of frames, and here as one event.
enum WireEvent {
    case confirmed(sequence: UInt64, multiple: Bool, isAck: Bool)
    case returned(WireContent)
    case delivered(WireContent)
    case consumerCancelled(channel: UInt16)
    case blocked(reason: String)
    case unblocked
    case channelClosed(channel: UInt16, AMQPError)
    case connectionClosed(AMQPError)
}

/// A delivered or returned message. A class, since it is wide and goes through several hands: only a reference moves.
final class WireContent: Sendable {
    let envelope: WireEnvelope
    let properties: AMQPProperties
    let body: [UInt8]

    init(envelope: WireEnvelope, properties: AMQPProperties, body: [UInt8]) {
        self.envelope = envelope
        self.properties = properties
        self.body = body
    }
}

/// What the broker says of a message before it sends it.
struct WireEnvelope: Sendable {
    var channel: UInt16
    var deliveryTag: UInt64 = 0
    var redelivered = false
    var exchange: String
    var routingKey: String
    var isReturn = false
}

/// Puts content together from method, header and body frames. Pure: knows no socket. Content of one channel is never
/// interleaved, that of several channels may be.
struct ContentAssembler {
    /// A class: each frame adds to it in place. One serves a channel for its life. Only the connection's thread sees it.
    private final class Partial {
        let channel: UInt16
        @exclusivity(unchecked) var envelope: WireEnvelope?
        @exclusivity(unchecked) var properties = AMQPProperties()
        @exclusivity(unchecked) var body: [UInt8] = []
        @exclusivity(unchecked) var remaining: UInt64?

        init(channel: UInt16) { self.channel = channel }
    }

    private var partials: [UInt16: Partial] = [:]
    /// The one that the last frame was for, as the next mostly is.
    private var last: Partial?

    private mutating func partial(_ channel: UInt16) -> Partial? {
        if let last, last.channel == channel { return last }
        last = partials[channel]
        return last
    }

    mutating func begin(_ envelope: WireEnvelope) {
        let partial = partial(envelope.channel) ?? Partial(channel: envelope.channel)
        if last == nil {
            partials[envelope.channel] = partial
            last = partial
        }
        partial.envelope = envelope
        partial.remaining = nil
        partial.body = []
    }

    /// The header; an empty body is complete with it.
    mutating func header(channel: UInt16, size: UInt64, properties: AMQPProperties) -> WireEvent? {
        guard let partial = partial(channel), partial.envelope != nil else { return nil }
        partial.properties = properties
        partial.remaining = size
        return finish(partial)
    }

    mutating func body(channel: UInt16, bytes: UnsafeRawBufferPointer) -> WireEvent? {
        guard let partial = partial(channel), let remaining = partial.remaining else { return nil }
        if partial.body.isEmpty {
            // The size is the broker's word; memory is given as bytes arrive.
            partial.body.reserveCapacity(Int(min(remaining, 1 << 20)))
        }
        partial.body.append(contentsOf: bytes)
        partial.remaining = remaining - min(remaining, UInt64(bytes.count))
        return finish(partial)
    }

    mutating func drop(channel: UInt16) {
        partials[channel] = nil
        last = nil
    }

    private func finish(_ partial: Partial) -> WireEvent? {
        guard partial.remaining == 0, let envelope = partial.envelope else { return nil }
        let content = WireContent(envelope: envelope, properties: partial.properties, body: partial.body)
        partial.envelope = nil
        partial.remaining = nil
        partial.body = []
        return envelope.isReturn ? .returned(content) : .delivered(content)
    }
}
