#include "CLoops.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static amqp_connection_state_t connect_to(c_loop_broker broker) {
    amqp_connection_state_t c = amqp_new_connection();
    amqp_socket_t *s = amqp_tcp_socket_new(c);
    if (s != NULL && amqp_socket_open(s, broker.host, broker.port) == AMQP_STATUS_OK) {
        int on = 1;
        setsockopt(amqp_get_sockfd(c), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        amqp_rpc_reply_t reply = amqp_login(c, broker.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, broker.user, broker.password);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL && amqp_channel_open(c, 1) != NULL) return c;
    }
    amqp_destroy_connection(c);
    return NULL;
}

static void disconnect(amqp_connection_state_t c) {
    amqp_connection_close(c, 200);
    amqp_destroy_connection(c);
}

double c_loop_publish(c_loop_broker broker, const char *queue, int count, size_t size, int window) {
    amqp_connection_state_t c = connect_to(broker);
    if (c == NULL) return -1;
    double seconds = -1;
    char *body = calloc(1, size);
    amqp_confirm_select(c, 1);
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    // Confirms come in any order: `open` says which are missing, `in_flight` how many.
    char *open = calloc((size_t)count + 1, 1);
    long oldest = 1, sent = 0, in_flight = 0;
    double start = now();
    while (sent < count || in_flight > 0) {
        while (sent < count && in_flight < window) {
            if (amqp_basic_publish(c, 1, amqp_empty_bytes, amqp_cstring_bytes(queue), 1, 0, &properties,
                                   (amqp_bytes_t){size, body}) != AMQP_STATUS_OK) goto end;
            open[++sent] = 1;
            in_flight++;
        }
        // One frame is waited for; what has come with it is taken along.
        struct timeval none = {0, 0}, *wait = NULL;
        for (;;) {
            amqp_frame_t frame;
            int status = amqp_simple_wait_frame_noblock(c, &frame, wait);
            if (status == AMQP_STATUS_TIMEOUT) break;
            if (status != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_METHOD ||
                frame.payload.method.id != AMQP_BASIC_ACK_METHOD) goto end;
            amqp_basic_ack_t *ack = frame.payload.method.decoded;
            if (ack->multiple) {
                for (; oldest <= (long)ack->delivery_tag; oldest++) {
                    in_flight -= open[oldest];
                    open[oldest] = 0;
                }
            } else if (open[ack->delivery_tag]) {
                open[ack->delivery_tag] = 0;
                in_flight--;
            }
            amqp_maybe_release_buffers_on_channel(c, 1);
            wait = &none;
        }
    }
    seconds = now() - start;
end:
    free(body);
    free(open);
    disconnect(c);
    return seconds;
}

double c_loop_consume(c_loop_broker broker, const char *queue, int count, int prefetch, int batch) {
    amqp_connection_state_t c = connect_to(broker);
    if (c == NULL) return -1;
    double seconds = -1, start = now();
    amqp_basic_qos(c, 1, 0, (uint16_t)prefetch, 0);
    amqp_basic_consume(c, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    if (amqp_get_rpc_reply(c).reply_type != AMQP_RESPONSE_NORMAL) goto end;
    for (int taken = 1; taken <= count; taken++) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers_on_channel(c, 1);
        if (amqp_consume_message(c, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL) goto end;
        uint64_t tag = envelope.delivery_tag;
        amqp_destroy_envelope(&envelope);
        if ((taken % batch == 0 || taken == count) && amqp_basic_ack(c, 1, tag, 1) != AMQP_STATUS_OK) goto end;
    }
    seconds = now() - start;
end:
    disconnect(c);
    return seconds;
}
