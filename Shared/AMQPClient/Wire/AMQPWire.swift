import CRabbitMQ
import Glibc

/// One connection of librabbitmq. Belongs to the thread that made it; only the socket's number may leave, for the
/// emergency brake.
final class AMQPWire {
    private let connection: amqp_connection_state_t
    private let configuration: AMQPConfiguration
    @exclusivity(unchecked) private var assembler = ContentAssembler()
    @exclusivity(unchecked) private var lastExchange = LastName()
    @exclusivity(unchecked) private var lastRoutingKey = LastName()
    private let arena = Arena()
    /// The socket; stays what it was when the library has closed it.
    let socket: Int32

    init(_ configuration: AMQPConfiguration) throws(AMQPError) {
        self.configuration = configuration
        guard let connection = amqp_new_connection() else {
            throw AMQPError(code: .connectionFailed, message: "out of memory")
        }
        do {
            socket = try Self.open(connection, configuration)
            try Self.logIn(connection, configuration)
        } catch {
            amqp_destroy_connection(connection)
            throw error
        }
        self.connection = connection
    }

    deinit { amqp_destroy_connection(connection) }

    private static func open(
        _ connection: amqp_connection_state_t, _ configuration: AMQPConfiguration
    ) throws(AMQPError) -> Int32 {
        let transport = configuration.tls == nil ? amqp_tcp_socket_new(connection) : amqp_ssl_socket_new(connection)
        guard let transport else { throw AMQPError(code: .connectionFailed, message: "no socket can be made") }
        if let tls = configuration.tls {
            amqp_ssl_socket_set_verify_peer(transport, tls.verifiesPeer ? 1 : 0)
            amqp_ssl_socket_set_verify_hostname(transport, tls.verifiesPeer ? 1 : 0)
            let authorities = tls.authorityFile ?? "/etc/ssl/certs/ca-certificates.crt"
            if tls.verifiesPeer, amqp_ssl_socket_set_cacert(transport, authorities) != AMQP_STATUS_OK.rawValue {
                throw AMQPError(code: .connectionFailed, message: "the authorities in \(authorities) cannot be read")
            }
        }
        var timeout = timeval(configuration.connectTimeout)
        let status = amqp_socket_open_noblock(transport, configuration.host, Int32(configuration.port), &timeout)
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(
                code: .connectionFailed,
                message: "\(configuration.host):\(configuration.port): \(String(cString: amqp_error_string2(status)))")
        }
        let socket = amqp_get_sockfd(connection)
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
        return socket
    }

    private static func logIn(
        _ connection: amqp_connection_state_t, _ configuration: AMQPConfiguration
    ) throws(AMQPError) {
        var handshake = timeval(configuration.connectTimeout)
        amqp_set_handshake_timeout(connection, &handshake)
        var rpc = timeval(configuration.rpcTimeout)
        amqp_set_rpc_timeout(connection, &rpc)
        let reply = parity_amqp_login(
            connection, configuration.virtualHost, Int32(max(1, configuration.heartbeat.components.seconds)),
            configuration.connectionName, configuration.username, configuration.password)
        if let error = failure(reply) {
            // 403 is a refused password; 530 a virtual host that is not there or not open to the user.
            let isFinal = error.replyCode == 403 || error.replyCode == 530
            throw AMQPError(
                code: isFinal ? .authenticationFailed : .connectionFailed,
                message: "\(configuration): \(error.message)",
                replyCode: error.replyCode)
        }
    }

    // MARK: - Commands

    /// The error in a reply to a command, if it is one.
    private static func failure(_ reply: amqp_rpc_reply_t) -> AMQPError? {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return nil
        case AMQP_RESPONSE_SERVER_EXCEPTION: return serverError(reply.reply)
        default:
            let text = String(cString: amqp_error_string2(reply.library_error))
            return AMQPError(code: .closed, message: text)
        }
    }

    private static func serverError(_ method: amqp_method_t) -> AMQPError {
        if method.id == parity_method_channel_close, let decoded = method.decoded {
            let close = decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return AMQPError(
                code: .reply(Int(close.reply_code)), message: String(close.reply_text),
                replyCode: Int(close.reply_code))
        }
        if method.id == parity_method_connection_close, let decoded = method.decoded {
            let close = decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return AMQPError(code: .closed, message: String(close.reply_text), replyCode: Int(close.reply_code))
        }
        return AMQPError(code: .closed, message: "unexpected answer of the broker")
    }

    /// Checks the command just given; a channel that the broker closed for it is acknowledged and gone.
    private func check(channel: UInt16) throws(AMQPError) {
        let reply = amqp_get_rpc_reply(connection)
        guard let error = Self.failure(reply) else { return }
        if reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION, reply.reply.id == parity_method_channel_close {
            acknowledgeClose(of: channel)
        }
        throw error
    }

    private func acknowledgeClose(of channel: UInt16) {
        var ok = amqp_channel_close_ok_t()
        amqp_send_method(connection, channel, parity_method_channel_close_ok, &ok)
        assembler.drop(channel: channel)
        amqp_maybe_release_buffers_on_channel(connection, channel)
    }

    func openChannel(_ channel: UInt16) throws(AMQPError) {
        amqp_channel_open(connection, channel)
        try check(channel: channel)
    }

    func closeChannel(_ channel: UInt16) throws(AMQPError) {
        if let error = Self.failure(amqp_channel_close(connection, channel, 200)) { throw error }
        assembler.drop(channel: channel)
    }

    func selectConfirms(_ channel: UInt16) throws(AMQPError) {
        amqp_confirm_select(connection, channel)
        try check(channel: channel)
    }

    func setPrefetch(_ count: UInt16, channel: UInt16) throws(AMQPError) {
        amqp_basic_qos(connection, channel, 0, count, 0)
        try check(channel: channel)
    }

    func declareExchange(
        _ name: String, type: String, durable: Bool, passive: Bool, channel: UInt16
    ) throws(AMQPError) {
        defer { arena.reset() }
        amqp_exchange_declare(
            connection, channel, arena.bytes(name), arena.bytes(type), passive ? 1 : 0, durable ? 1 : 0, 0, 0,
            amqp_empty_table)
        try check(channel: channel)
    }

    /// How many messages wait in the queue, and how many consumers it has.
    func declareQueue(
        _ queue: AMQPQueue, passive: Bool, channel: UInt16
    ) throws(AMQPError) -> (messages: Int, consumers: Int) {
        defer { arena.reset() }
        let ok = amqp_queue_declare(
            connection, channel, arena.bytes(queue.name), passive ? 1 : 0, queue.durable ? 1 : 0,
            queue.exclusive ? 1 : 0, queue.autoDelete ? 1 : 0, arena.table(queue.arguments))
        let counts = ok.map { (Int($0.pointee.message_count), Int($0.pointee.consumer_count)) }
        try check(channel: channel)
        return counts ?? (0, 0)
    }

    func bind(
        queue: String, to exchange: String, routingKey: String, arguments: AMQPTable = [:], channel: UInt16
    ) throws(AMQPError) {
        defer { arena.reset() }
        amqp_queue_bind(
            connection, channel, arena.bytes(queue), arena.bytes(exchange), arena.bytes(routingKey),
            arena.table(arguments))
        try check(channel: channel)
    }

    func deleteQueue(_ name: String, channel: UInt16) throws(AMQPError) {
        defer { arena.reset() }
        amqp_queue_delete(connection, channel, arena.bytes(name), 0, 0)
        try check(channel: channel)
    }

    func consume(
        queue: String, exclusive: Bool, arguments: AMQPTable, channel: UInt16
    ) throws(AMQPError) {
        defer { arena.reset() }
        amqp_basic_consume(
            connection, channel, arena.bytes(queue), amqp_empty_bytes, 0, 0, exclusive ? 1 : 0, arena.table(arguments))
        try check(channel: channel)
    }

    /// Takes one message without a consumer; nil if the queue is empty. The channel must have no consumer.
    func get(queue: String, channel: UInt16) throws(AMQPError) -> WireContent? {
        defer { arena.reset() }
        let reply = amqp_basic_get(connection, channel, arena.bytes(queue), 0)
        if let error = Self.failure(reply) {
            if reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION { acknowledgeClose(of: channel) }
            throw error
        }
        guard reply.reply.id == parity_method_basic_get_ok, let decoded = reply.reply.decoded else { return nil }
        let ok = decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
        assembler.begin(
            WireEnvelope(
                channel: channel, deliveryTag: ok.delivery_tag, redelivered: ok.redelivered != 0,
                exchange: String(ok.exchange), routingKey: String(ok.routing_key)))
        let deadline = ContinuousClock.now.advanced(by: configuration.rpcTimeout)
        while ContinuousClock.now < deadline {
            switch try nextEvent(waitingFor: .milliseconds(100)) {
            case .delivered(let content): return content
            case .connectionClosed(let error), .channelClosed(_, let error): throw error
            default: continue
            }
        }
        throw AMQPError(code: .timedOut, message: "the broker did not send the message")
    }

    // MARK: - Messages

    /// Sends; the broker's confirm comes later as an event. Blocks as long as the broker does not read.
    func publish(_ message: AMQPMessage, channel: UInt16) throws(AMQPError) {
        defer { arena.reset() }
        var properties = message.properties.wire(in: arena)
        let (exchange, key) = (arena.bytes(message.exchange), arena.bytes(message.routingKey))
        let status = message.body.withUnsafeBytes { body in
            amqp_basic_publish(
                connection, channel, exchange, key, message.mandatory ? 1 : 0, 0, &properties,
                amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
        }
        try checkSend(status)
    }

    func ack(_ tag: UInt64, multiple: Bool, channel: UInt16) throws(AMQPError) {
        try checkSend(amqp_basic_ack(connection, channel, tag, multiple ? 1 : 0))
    }

    func reject(_ tag: UInt64, requeue: Bool, channel: UInt16) throws(AMQPError) {
        try checkSend(amqp_basic_reject(connection, channel, tag, requeue ? 1 : 0))
    }

    private func checkSend(_ status: Int32) throws(AMQPError) {
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError(code: .closed, message: String(cString: amqp_error_string2(status)))
        }
    }

    // MARK: - Events

    /// The next event, if its first frame comes within `wait`. Heartbeats are served here, so call it often.
    func nextEvent(waitingFor wait: Duration) throws(AMQPError) -> WireEvent? {
        var timeout = timeval(wait)
        while true {
            var frame = amqp_frame_t()
            let status = amqp_simple_wait_frame_noblock(connection, &frame, &timeout)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            try checkSend(status)
            let event = interpret(frame)
            amqp_maybe_release_buffers_on_channel(connection, frame.channel)
            // A frame that only begins or continues content is not an event yet.
            if let event { return event }
        }
    }

    /// Bytes that poll() would not see: frames that a command left queued, or that TLS holds decrypted.
    var hasBufferedFrames: Bool { amqp_frames_enqueued(connection) != 0 || amqp_data_in_buffer(connection) != 0 }

    private func interpret(_ frame: amqp_frame_t) -> WireEvent? {
        switch frame.frame_type {
        case parity_frame_method: return interpret(frame.payload.method, channel: frame.channel)
        case parity_frame_header:
            guard let decoded = frame.payload.properties.decoded else { return nil }
            let wire = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
            return assembler.header(
                channel: frame.channel, size: frame.payload.properties.body_size, properties: AMQPProperties(wire))
        case parity_frame_body:
            let fragment = frame.payload.body_fragment
            return assembler.body(
                channel: frame.channel, bytes: UnsafeRawBufferPointer(start: fragment.bytes, count: fragment.len))
        default: return nil
        }
    }

    private func interpret(_ method: amqp_method_t, channel: UInt16) -> WireEvent? {
        guard let decoded = method.decoded else { return nil }
        switch method.id {
        case parity_method_basic_ack:
            let ack = decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            return .confirmed(sequence: ack.delivery_tag, multiple: ack.multiple != 0, isAck: true)
        case parity_method_basic_nack:
            let nack = decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            return .confirmed(sequence: nack.delivery_tag, multiple: nack.multiple != 0, isAck: false)
        case parity_method_basic_deliver:
            let deliver = decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
            assembler.begin(
                WireEnvelope(
                    channel: channel, deliveryTag: deliver.delivery_tag, redelivered: deliver.redelivered != 0,
                    exchange: lastExchange.read(deliver.exchange),
                    routingKey: lastRoutingKey.read(deliver.routing_key)))
            return nil
        case parity_method_basic_return:
            let back = decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            assembler.begin(
                WireEnvelope(
                    channel: channel, exchange: String(back.exchange), routingKey: String(back.routing_key),
                    isReturn: true))
            return nil
        case parity_method_basic_cancel: return .consumerCancelled(channel: channel)
        case parity_method_connection_blocked:
            let blocked = decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee
            return .blocked(reason: String(blocked.reason))
        case parity_method_connection_unblocked: return .unblocked
        case parity_method_channel_close:
            let error = Self.serverError(method)
            acknowledgeClose(of: channel)
            return .channelClosed(channel: channel, error)
        case parity_method_connection_close:
            let error = Self.serverError(method)
            var ok = amqp_connection_close_ok_t()
            amqp_send_method(connection, 0, parity_method_connection_close_ok, &ok)
            return .connectionClosed(error)
        default: return nil
        }
    }

    /// Says goodbye and waits shortly for the answer.
    func close() {
        var timeout = timeval(tv_sec: 1, tv_usec: 0)
        amqp_set_rpc_timeout(connection, &timeout)
        _ = amqp_connection_close(connection, 200)
    }
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    }
}
