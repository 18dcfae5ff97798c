#include "CRabbitMQ.h"

#include <stddef.h>
#include <sys/eventfd.h>

enum { channel_max = 2047, frame_max = 131072 };

static amqp_table_entry_t enabled(const char *name) {
  amqp_table_entry_t entry;
  entry.key = amqp_cstring_bytes(name);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

amqp_rpc_reply_t parity_amqp_login(amqp_connection_state_t connection, const char *vhost, int heartbeat_seconds,
                                   const char *connection_name, const char *user, const char *password) {
  amqp_table_entry_t capabilities[] = {
      enabled("authentication_failure_close"), enabled("basic.nack"),         enabled("connection.blocked"),
      enabled("consumer_cancel_notify"),       enabled("publisher_confirms"), enabled("exchange_exchange_bindings"),
  };
  amqp_table_entry_t properties[2];
  properties[0].key = amqp_cstring_bytes("capabilities");
  properties[0].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[0].value.value.table.num_entries = sizeof capabilities / sizeof capabilities[0];
  properties[0].value.value.table.entries = capabilities;
  properties[1].key = amqp_cstring_bytes("connection_name");
  properties[1].value.kind = AMQP_FIELD_KIND_UTF8;
  properties[1].value.value.bytes = amqp_cstring_bytes(connection_name);
  amqp_table_t table = {.num_entries = 2, .entries = properties};
  return amqp_login_with_properties(connection, vhost, channel_max, frame_max, heartbeat_seconds, &table,
                                    AMQP_SASL_METHOD_PLAIN, user, password);
}

int parity_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
