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

/// A delivered or returned message.
struct WireContent {
    var channel: UInt16
    var deliveryTag: UInt64 = 0
    var redelivered = false
    var exchange: String
    var routingKey: String
    var replyText = ""
    var replyCode = 0
    var properties = AMQPProperties()
    var body: [UInt8] = []
}

/// Puts content together from method, header and body frames. Pure: knows no socket. Content of one channel is never
/// interleaved, that of several channels may be.
struct ContentAssembler {
    /// A class: each frame adds to it in place.
    private final class Partial {
        var content: WireContent
        let isReturn: Bool
        var remaining: UInt64?

        init(content: WireContent, isReturn: Bool) {
            self.content = content
            self.isReturn = isReturn
        }
    }

    private var partials: [UInt16: Partial] = [:]

    mutating func begin(_ content: WireContent, isReturn: Bool) {
        partials[content.channel] = Partial(content: content, isReturn: isReturn)
    }

    /// The header; an empty body is complete with it.
    mutating func header(channel: UInt16, size: UInt64, properties: AMQPProperties) -> WireEvent? {
        guard let partial = partials[channel] else { return nil }
        partial.content.properties = properties
        partial.remaining = size
        // The size is the broker's word; memory is given as bytes arrive.
        partial.content.body.reserveCapacity(Int(min(size, 1 << 20)))
        return finish(partial, channel: channel)
    }

    mutating func body(channel: UInt16, bytes: UnsafeRawBufferPointer) -> WireEvent? {
        guard let partial = partials[channel], let remaining = partial.remaining else { return nil }
        partial.content.body.append(contentsOf: bytes)
        partial.remaining = remaining - min(remaining, UInt64(bytes.count))
        return finish(partial, channel: channel)
    }

    mutating func drop(channel: UInt16) { partials[channel] = nil }

    private mutating func finish(_ partial: Partial, channel: UInt16) -> WireEvent? {
        guard partial.remaining == 0 else { return nil }
        partials[channel] = nil
        return partial.isReturn ? .returned(partial.content) : .delivered(partial.content)
    }
}
