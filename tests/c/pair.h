/* What the tests on a pair share: arguments, opening, running one statement. */
#ifndef TWIN_TESTS_PAIR_H
#define TWIN_TESTS_PAIR_H

#include "check.h"

/* Prints what an unexpected error says. */
static inline void tell(twin_error *error)
{
    if (error) {
        printf("    %s: %s\n", twin_status_name(twin_error_status(error)), twin_error_message(error));
        twin_error_free(error);
    }
}

/* A call that must succeed. `e` is the caller's error. */
#define GOOD(call)           \
    do {                     \
        e = NULL;            \
        STATUS(TWIN_OK, call); \
        tell(e);             \
        e = NULL;            \
    } while (0)

/* A call that must fail, with a message that holds `part`. */
#define FAILS(status, part, call)                                   \
    do {                                                            \
        e = NULL;                                                   \
        STATUS(status, call);                                       \
        CHECK(e != NULL && strstr(twin_error_message(e), part) != NULL); \
        if (e && !strstr(twin_error_message(e), part))              \
            printf("    says: %s\n", twin_error_message(e));        \
        twin_error_free(e);                                         \
        e = NULL;                                                   \
    } while (0)

static inline twin_pool *open_pair(const char *master, const char *mirror, const char *more)
{
    twin_error *e = NULL;
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    GOOD(twin_options_new(&options, &e));
    GOOD(twin_options_set(options, "master", TWIN_NTS, master, TWIN_NTS, &e));
    GOOD(twin_options_set(options, "mirror", TWIN_NTS, mirror, TWIN_NTS, &e));
    GOOD(twin_options_parse(options, more, TWIN_NTS, &e));
    /* Patience for valgrind. */
    GOOD(twin_options_parse(options, "pool.connect_timeout_ms=60000;mirror.timeout_ms=30000", TWIN_NTS, &e));
    GOOD(twin_pool_open(options, &pool, &e));
    twin_options_free(options);
    return pool;
}

static inline twin_conn *acquire(twin_pool *pool)
{
    twin_error *e = NULL;
    twin_conn *conn = NULL;
    GOOD(twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 60000, &conn, &e));
    return conn;
}

/* Waits until the pair is in step: after DDL it is not, where an engine commits DDL by itself. */
static inline void settle(twin_pool *pool)
{
    twin_error *e = NULL;
    GOOD(twin_pool_replay(pool, 60000, NULL, NULL, &e));
}

/* Runs a statement and gives the rows written. */
static inline int64_t run(twin_conn *conn, const char *sql)
{
    twin_error *e = NULL;
    int64_t affected = -2;
    twin_status s = twin_conn_execute(conn, sql, TWIN_NTS, &affected, NULL, &e);
    CHECK(!TWIN_FAILED(s));
    if (TWIN_FAILED(s))
        printf("    %s\n", sql);
    tell(e);
    return affected;
}

/* The one number that a query gives. */
static inline int64_t number(twin_conn *conn, const char *sql)
{
    twin_error *e = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    int64_t n = -99;
    GOOD(twin_conn_execute(conn, sql, TWIN_NTS, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    GOOD(twin_rows_get_int64(rows, 0, 0, &n, &e));
    twin_rows_free(rows);
    return n;
}

#endif
