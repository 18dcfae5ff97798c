#pragma once

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>

// What librabbitmq offers only as macros or variadic functions, in a form that Swift can call.

static const uint32_t parity_method_connection_close = AMQP_CONNECTION_CLOSE_METHOD;
static const uint32_t parity_method_connection_blocked = AMQP_CONNECTION_BLOCKED_METHOD;
static const uint32_t parity_method_connection_unblocked = AMQP_CONNECTION_UNBLOCKED_METHOD;
static const uint32_t parity_method_channel_close = AMQP_CHANNEL_CLOSE_METHOD;
static const uint32_t parity_method_basic_ack = AMQP_BASIC_ACK_METHOD;
static const uint32_t parity_method_basic_nack = AMQP_BASIC_NACK_METHOD;
static const uint32_t parity_method_basic_cancel = AMQP_BASIC_CANCEL_METHOD;
static const uint32_t parity_method_basic_cancel_ok = AMQP_BASIC_CANCEL_OK_METHOD;
static const uint32_t parity_method_basic_deliver = AMQP_BASIC_DELIVER_METHOD;
static const uint32_t parity_method_basic_return = AMQP_BASIC_RETURN_METHOD;
static const uint8_t parity_frame_method = AMQP_FRAME_METHOD;
static const uint8_t parity_frame_header = AMQP_FRAME_HEADER;
static const uint8_t parity_frame_body = AMQP_FRAME_BODY;

static const uint32_t parity_property_content_type = AMQP_BASIC_CONTENT_TYPE_FLAG;
static const uint32_t parity_property_content_encoding = AMQP_BASIC_CONTENT_ENCODING_FLAG;
static const uint32_t parity_property_headers = AMQP_BASIC_HEADERS_FLAG;
static const uint32_t parity_property_delivery_mode = AMQP_BASIC_DELIVERY_MODE_FLAG;
static const uint32_t parity_property_priority = AMQP_BASIC_PRIORITY_FLAG;
static const uint32_t parity_property_correlation_id = AMQP_BASIC_CORRELATION_ID_FLAG;
static const uint32_t parity_property_reply_to = AMQP_BASIC_REPLY_TO_FLAG;
static const uint32_t parity_property_expiration = AMQP_BASIC_EXPIRATION_FLAG;
static const uint32_t parity_property_message_id = AMQP_BASIC_MESSAGE_ID_FLAG;
static const uint32_t parity_property_timestamp = AMQP_BASIC_TIMESTAMP_FLAG;
static const uint32_t parity_property_type = AMQP_BASIC_TYPE_FLAG;
static const uint32_t parity_property_user_id = AMQP_BASIC_USER_ID_FLAG;
static const uint32_t parity_property_app_id = AMQP_BASIC_APP_ID_FLAG;

/// amqp_login_with_properties with PLAIN, and with the capabilities that librabbitmq leaves out: without them the
/// broker stays silent when it cancels a consumer, blocks a publisher or refuses a password.
amqp_rpc_reply_t parity_amqp_login(amqp_connection_state_t connection, const char *vhost, int heartbeat_seconds,
                                   const char *connection_name, const char *user, const char *password);

static const uint32_t parity_method_channel_close_ok = AMQP_CHANNEL_CLOSE_OK_METHOD;
static const uint32_t parity_method_connection_close_ok = AMQP_CONNECTION_CLOSE_OK_METHOD;
static const uint32_t parity_method_basic_get_ok = AMQP_BASIC_GET_OK_METHOD;

/// eventfd(2), non-blocking and closed on exec; Swift's Glibc module leaves it out.
int parity_eventfd(void);
