#include "CLoops.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <time.h>

static int is_ok(PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

double c_loop_pipeline(const char *url, const char *sql, int count, int batch) {
    PGconn *c = PQconnectdb(url);
    double seconds = -1;
    const Oid types[] = {20};
    if (PQstatus(c) != CONNECTION_OK || !is_ok(PQprepare(c, "s", sql, 1, types))) goto end;
    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t next = 1; next <= count;) {
        if (!is_ok(PQexec(c, "BEGIN")) || PQenterPipelineMode(c) != 1) goto end;
        int sent = 0;
        for (; sent < batch && next <= count; sent++, next++) {
            int64_t value = (int64_t)htobe64((uint64_t)next);
            const char *values[] = {(const char *)&value};
            const int lengths[] = {8}, formats[] = {1};
            if (PQsendQueryPrepared(c, "s", 1, values, lengths, formats, 1) != 1) goto end;
        }
        if (PQpipelineSync(c) != 1) goto end;
        for (int read = 0; read < sent; read++) {
            if (!is_ok(PQgetResult(c))) goto end;
            if (PQgetResult(c) != NULL) goto end;
        }
        PQclear(PQgetResult(c));
        if (PQexitPipelineMode(c) != 1 || !is_ok(PQexec(c, "COMMIT"))) goto end;
    }
    clock_gettime(CLOCK_MONOTONIC, &stop);
    seconds = (double)(stop.tv_sec - start.tv_sec) + (double)(stop.tv_nsec - start.tv_nsec) / 1e9;
end:
    PQfinish(c);
    return seconds;
}
