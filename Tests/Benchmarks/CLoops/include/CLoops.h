#pragma once

#include <stddef.h>

// The same work as the Swift clients do, as a C program would do it over the same libraries: the yardstick of the
// benchmarks. Each returns the seconds that its loop took, without connecting, or less than 0 on any error.

/// Where the broker is.
typedef struct {
    const char *host;
    int port;
    const char *user;
    const char *password;
    const char *vhost;
} c_loop_broker;

/// Publishes `count` persistent messages of `size` bytes with confirms, `window` in flight, to the queue `queue`.
double c_loop_publish(c_loop_broker broker, const char *queue, int count, size_t size, int window);

/// Consumes `count` messages from the queue `queue` with `prefetch`, acknowledging every `batch` of them at once.
double c_loop_consume(c_loop_broker broker, const char *queue, int count, int prefetch, int batch);

/// Runs `count` times the prepared statement `sql` with the numbers 1, 2 … as its one int8 parameter, `batch` of them
/// in one pipeline and one transaction each.
double c_loop_pipeline(const char *url, const char *sql, int count, int batch);
