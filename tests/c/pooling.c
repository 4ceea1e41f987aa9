/*
 * The pool around the connections: suspension, live options, figures, events, log, cancelling, limits, settings that
 * end with a release, keys, further results, validation, worn-out connections.
 *
 *   pooling ENGINE MASTER MIRROR     (sqlite, postgres or mariadb; connection strings)
 */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "pair.h"

static twin_error *e;
static int engine;
static const char *master, *mirror;

static twin_conn *acquired(twin_pool *pool, int32_t access)
{
    twin_conn *conn = NULL;
    GOOD(twin_pool_acquire(pool, access, 60000, &conn, &e));
    return conn;
}

static twin_metrics figures(twin_pool *pool)
{
    twin_metrics m;
    memset(&m, 0, sizeof m);
    m.struct_size = sizeof m;
    GOOD(twin_pool_metrics(pool, &m, &e));
    CHECK(m.struct_size == sizeof m);
    return m;
}

/* The value of a line of the Prometheus text, or -1. */
static double line(const char *text, const char *name)
{
    const char *at = text;
    size_t length = strlen(name);
    while ((at = strstr(at, name)) != NULL) {
        if ((at == text || at[-1] == '\n') && at[length] == '{')
            return atof(strchr(at, '}') + 1);
        at += length;
    }
    return -1;
}

static void metrics(twin_pool *pool)
{
    twin_metrics before = figures(pool), after;
    twin_conn *conn = acquired(pool, TWIN_ACCESS_WRITE), *none = NULL;
    char *text;
    size_t length = 0;
    struct { twin_metrics m; char canary[8]; } more;
    CHECK(figures(pool).active == before.active + 1);
    run(conn, "INSERT INTO p VALUES (1)");
    GOOD(twin_pool_set(pool, "pool.max", TWIN_NTS, "1", TWIN_NTS, &e));
    STATUS(TWIN_ERR_ACQUIRE_TIMEOUT, twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 20, &none, NULL));
    GOOD(twin_pool_set(pool, "pool.max", TWIN_NTS, "2", TWIN_NTS, &e));
    GOOD(twin_conn_release(conn, &e));
    after = figures(pool);
    CHECK(after.acquires == before.acquires + 1);
    CHECK(after.acquire_timeouts == before.acquire_timeouts + 1);
    CHECK(after.usage_count == before.usage_count + 1 && after.usage_p99_us >= 20000);
    CHECK(after.usage_p50_us <= after.usage_p99_us && after.usage_sum_us >= after.usage_p50_us);
    CHECK(after.connects >= 1 && after.connect_p50_us > 0 && after.connect_sum_us >= after.connect_p50_us / 2);
    CHECK(after.direct == before.direct + 1);
    CHECK(after.master_calls > before.master_calls && after.mirror_calls > before.mirror_calls);
    CHECK(after.master_sum_us > 0 && after.mirror_sum_us > 0);
    CHECK(after.mirror_state == TWIN_MIRROR_IN_SYNC && after.max == 2 && after.active == 0 && after.queue_entries == 0);

    STATUS(TWIN_ERR_BUFFER, twin_pool_metrics_text(pool, NULL, 0, &length, NULL));
    CHECK(length > 4000);
    length += 1000;
    text = malloc(length);
    GOOD(twin_pool_metrics_text(pool, text, length, &length, &e));
    CHECK(strlen(text) == length);
    CHECK(line(text, "twinpool_acquires_total") == (double)after.acquires);
    CHECK(line(text, "twinpool_acquire_timeouts_total") == (double)after.acquire_timeouts);
    CHECK(line(text, "twinpool_usage_seconds_count") == (double)after.usage_count);
    CHECK(line(text, "twinpool_sessions_max") == 2);
    CHECK(line(text, "twinpool_direct_total") == (double)after.direct);
    CHECK(strstr(text, "# TYPE twinpool_acquire_seconds histogram") != NULL);
    CHECK(strstr(text, "state=\"in_sync\"} 1\n") != NULL && strstr(text, "state=\"diverged\"} 0\n") != NULL);
    free(text);

    /* A program built with a later header has a longer structure, which is filled as far as it is known. */
    memset(&more, 7, sizeof more);
    more.m.struct_size = sizeof more;
    GOOD(twin_pool_metrics(pool, &more.m, &e));
    CHECK(more.m.struct_size == sizeof more.m && more.canary[0] == 7);
    more.m.struct_size = 16;
    FAILS(TWIN_ERR_ARGUMENT, "struct_size", twin_pool_metrics(pool, &more.m, &e));
}

struct waiter {
    twin_pool *pool;
    twin_status status;
    volatile int done;
};

static void *waits(void *arg)
{
    struct waiter *w = arg;
    twin_conn *conn = NULL;
    w->status = twin_pool_acquire(w->pool, TWIN_ACCESS_WRITE, 60000, &conn, NULL);
    twin_conn_free(conn);
    w->done = 1;
    return NULL;
}

static void suspension(void)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=2;pool.min=1;pool.suspension=on");
    twin_conn *conn = acquire(pool), *none = NULL;
    struct waiter w;
    pthread_t thread;
    GOOD(twin_pool_suspend(pool, 1, &e));
    FAILS(TWIN_ERR_POOL_SUSPENDED, "suspended", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 60000, &none, &e));
    /* What is out goes on. */
    CHECK(number(conn, "SELECT 7") == 7);
    GOOD(twin_pool_resume(pool, &e));
    GOOD(twin_conn_release(conn, &e));
    conn = acquire(pool);
    GOOD(twin_conn_release(conn, &e));

    GOOD(twin_pool_suspend(pool, 0, &e));
    FAILS(TWIN_ERR_ACQUIRE_TIMEOUT, "is suspended", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 30, &none, &e));
    w.pool = pool, w.done = 0, w.status = 77;
    pthread_create(&thread, NULL, waits, &w);
    while (figures(pool).waiting == 0)
        usleep(1000);
    CHECK(!w.done);
    GOOD(twin_pool_resume(pool, &e));
    pthread_join(thread, NULL);
    CHECK(w.status == TWIN_OK);
    GOOD(twin_pool_close(pool, 30000, &e));
    FAILS(TWIN_ERR_POOL_CLOSED, "closed", twin_pool_suspend(pool, 0, &e));
    twin_pool_free(pool);

    pool = open_pair(master, mirror, "pool.max=1;pool.suspension=off");
    FAILS(TWIN_ERR_STATE, "pool.suspension", twin_pool_suspend(pool, 0, &e));
    twin_pool_free(pool);
}

static void live_options(twin_pool *pool)
{
    char value[300];
    size_t length = 0;
    twin_conn *a, *b, *none = NULL;
    GOOD(twin_pool_get(pool, "pool.max", TWIN_NTS, value, sizeof value, &length, &e));
    CHECK(strcmp(value, "2") == 0 && length == 1);
    GOOD(twin_pool_set(pool, "pool.max", TWIN_NTS, "1", TWIN_NTS, &e));
    a = acquire(pool);
    FAILS(TWIN_ERR_ACQUIRE_TIMEOUT, "max 1", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 20, &none, &e));
    GOOD(twin_pool_set(pool, "pool.max", TWIN_NTS, "2", TWIN_NTS, &e));
    b = acquire(pool);
    twin_conn_free(a);
    twin_conn_free(b);
    FAILS(TWIN_ERR_OPTION, "pool.max", twin_pool_set(pool, "pool.max", TWIN_NTS, "many", TWIN_NTS, &e));
    FAILS(TWIN_ERR_OPTION, "pool.max", twin_pool_set(pool, "pool.mux", TWIN_NTS, "2", TWIN_NTS, &e));
    FAILS(TWIN_ERR_OPTION, "master", twin_pool_set(pool, "master", TWIN_NTS, "DSN=x", TWIN_NTS, &e));
    STATUS(TWIN_ERR_BUFFER, twin_pool_get(pool, "pool.max", TWIN_NTS, value, 1, &length, NULL));
    CHECK(length == 1);
    GOOD(twin_pool_evict(pool, &e));
}

/* What a connection is set to ends with its release. */
static void settings_end_with_a_release(void)
{
    twin_pool *pool = open_pair(master, mirror, "pool.max=1;pool.min=1");
    twin_conn *conn = acquire(pool);
    int32_t n = -1;
    char before[100], name[100];
    size_t length = 0;
    GOOD(twin_conn_get_schema(conn, before, sizeof before, &length, &e));
    CHECK(strlen(before) == length && length > 0);
    if (engine == 0) {
        FAILS(TWIN_ERR_UNSUPPORTED, "schema", twin_conn_set_schema(conn, "x", TWIN_NTS, &e));
    } else {
        const char *other = engine == 1 ? "pg_catalog" : "information_schema";
        GOOD(twin_conn_set_schema(conn, other, TWIN_NTS, &e));
        GOOD(twin_conn_get_schema(conn, name, sizeof name, NULL, &e));
        CHECK(strcmp(name, other) == 0);
        GOOD(twin_conn_begin(conn, &e));
        CHECK(number(conn, "SELECT 1") == 1);
        FAILS(TWIN_ERR_STATE, "set_schema", twin_conn_set_schema(conn, other, TWIN_NTS, &e));
        GOOD(twin_conn_rollback(conn, &e));
    }
    GOOD(twin_conn_set_isolation(conn, TWIN_ISOLATION_SERIALIZABLE, &e));
    GOOD(twin_conn_set_autocommit(conn, 0, &e));
    GOOD(twin_conn_set_read_only(conn, 1, &e));
    GOOD(twin_conn_set_network_timeout(conn, 5000, &e));
    GOOD(twin_conn_release(conn, &e));
    conn = acquire(pool);
    GOOD(twin_conn_get_schema(conn, name, sizeof name, NULL, &e));
    CHECK(strcmp(name, before) == 0);
    GOOD(twin_conn_get_isolation(conn, &n, &e));
    CHECK(n == TWIN_ISOLATION_READ_COMMITTED);
    GOOD(twin_conn_get_autocommit(conn, &n, &e));
    CHECK(n == 1);
    GOOD(twin_conn_get_read_only(conn, &n, &e));
    CHECK(n == 0);
    GOOD(twin_conn_get_network_timeout(conn, &n, &e));
    CHECK(n == TWIN_WAIT_FOREVER);
    run(conn, "INSERT INTO p VALUES (200)");
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "DELETE FROM p WHERE id = 200");
    GOOD(twin_conn_release(conn, &e));
    conn = acquired(pool, TWIN_ACCESS_READ);
    CHECK(number(conn, "SELECT count(*) FROM p WHERE id = 200") == 1);
    FAILS(TWIN_ERR_STATE, "read-only", twin_conn_execute(conn, "DELETE FROM p", TWIN_NTS, NULL, NULL, &e));
    twin_conn_free(conn);
    twin_pool_free(pool);
}

static void isolation(twin_pool *pool)
{
    static const int32_t levels[] = {TWIN_ISOLATION_SERIALIZABLE, TWIN_ISOLATION_REPEATABLE_READ,
                                     TWIN_ISOLATION_READ_COMMITTED};
    twin_conn *conn = acquire(pool);
    int32_t n = -1;
    char sql[60];
    int i;
    for (i = 0; i < 3; i++) {
        GOOD(twin_conn_set_isolation(conn, levels[i], &e));
        GOOD(twin_conn_get_isolation(conn, &n, &e));
        CHECK(n == levels[i]);
        GOOD(twin_conn_begin(conn, &e));
        sprintf(sql, "INSERT INTO p VALUES (%d)", 300 + i);
        run(conn, sql);
        FAILS(TWIN_ERR_STATE, "set_isolation", twin_conn_set_isolation(conn, levels[i], &e));
        GOOD(twin_conn_commit(conn, &e));
    }
    CHECK(number(conn, "SELECT count(*) FROM p WHERE id BETWEEN 300 AND 302") == 3);
    twin_conn_free(conn);
}

/* A statement that takes its time, on each engine. */
static const char *const slow[] = {
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000000) SELECT count(*) FROM c",
    "SELECT pg_sleep(600)",
    "SELECT SLEEP(600)",
};

struct victim {
    twin_conn *conn;
    twin_status status;
    twin_error *error;
    volatile int done;
};

static void *runs_long(void *arg)
{
    struct victim *v = arg;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    v->status = twin_conn_execute(v->conn, slow[engine], TWIN_NTS, NULL, &rows, &v->error);
    /* SQLite and MariaDB may do the work at the fetch. */
    if (v->status == TWIN_OK)
        v->status = twin_rows_next(rows, 0, &block, &v->error);
    twin_rows_free(rows);
    v->done = 1;
    return NULL;
}

static void cancelling(twin_pool *pool)
{
    struct victim v;
    twin_cancel *token = NULL;
    twin_error *none = NULL;
    pthread_t thread;
    int32_t n = 0;
    v.conn = acquire(pool), v.status = 77, v.error = NULL, v.done = 0;
    GOOD(twin_conn_cancel_token(v.conn, &token, &e));
    /* Nothing runs: nothing happens, now or later. */
    GOOD(twin_cancel_request(token, &e));
    CHECK(number(v.conn, "SELECT 7") == 7);
    pthread_create(&thread, NULL, runs_long, &v);
    while (!v.done) {
        /* Once is enough when the statement runs; each is a connection to the server. */
        GOOD(twin_cancel_request(token, &e));
        usleep(500000);
    }
    pthread_join(thread, NULL);
    /* MariaDB's SLEEP says 1 when it is cut short; no error. */
    CHECK(v.status == TWIN_ERR_CANCELLED || (engine == 2 && v.status == TWIN_OK));
    if (v.status != TWIN_ERR_CANCELLED)
        printf("    engine %d: a cancelled statement gave %s\n", engine, twin_status_name(v.status));
    tell(v.error);
    CHECK(number(v.conn, "SELECT 8") == 8);

    /* A second thread is told busy while the first is inside; status calls are not. */
    v.status = 77, v.error = NULL, v.done = 0;
    pthread_create(&thread, NULL, runs_long, &v);
    while (!v.done && twin_conn_in_transaction(v.conn, &n, &none) != TWIN_ERR_BUSY)
        usleep(1000);
    CHECK(none != NULL && twin_error_status(none) == TWIN_ERR_BUSY);
    twin_error_free(none);
    GOOD(twin_conn_mirror_state(v.conn, &n, &e));
    GOOD(twin_conn_last_outcome(v.conn, &n, &e));
    /* And an abort brings it back. */
    while (!v.done) {
        GOOD(twin_conn_abort(v.conn, &e));
        GOOD(twin_cancel_request(token, &e));
        usleep(20000);
    }
    pthread_join(thread, NULL);
    CHECK(TWIN_FAILED(v.status) || engine == 2);
    twin_error_free(v.error);
    FAILS(TWIN_ERR_STATE, "released", twin_conn_begin(v.conn, &e));
    twin_conn_free(v.conn);
    GOOD(twin_cancel_request(token, &e));
    twin_cancel_free(token);
}

static void network_timeout(twin_pool *pool)
{
    struct victim v;
    twin_cancel *token = NULL;
    pthread_t thread;
    v.conn = acquire(pool), v.status = 77, v.error = NULL, v.done = 0;
    GOOD(twin_conn_cancel_token(v.conn, &token, &e));
    GOOD(twin_conn_set_network_timeout(v.conn, 300, &e));
    runs_long(&v);
    STATUS(TWIN_ERR_TIMEOUT, v.status);
    CHECK(v.error && strstr(twin_error_message(v.error), "300 ms") != NULL && !twin_error_retryable(v.error));
    twin_error_free(v.error);
    /* Outside a transaction the connection is made anew where it was lost, with the same limit. */
    CHECK(number(v.conn, "SELECT 9") == 9);
    v.error = NULL;
    runs_long(&v);
    STATUS(TWIN_ERR_TIMEOUT, v.status);
    twin_error_free(v.error);
    GOOD(twin_conn_set_network_timeout(v.conn, TWIN_WAIT_FOREVER, &e));
    CHECK(number(v.conn, "SELECT 10") == 10);
    /* A token made before the loss leads to the new connection. */
    v.status = 77, v.error = NULL, v.done = 0;
    pthread_create(&thread, NULL, runs_long, &v);
    while (!v.done) {
        /* Once is enough when the statement runs; each is a connection to the server. */
        GOOD(twin_cancel_request(token, &e));
        usleep(500000);
    }
    pthread_join(thread, NULL);
    CHECK(v.status == TWIN_ERR_CANCELLED || (engine == 2 && v.status == TWIN_OK));
    tell(v.error);
    twin_cancel_free(token);
    twin_conn_free(v.conn);
}

static void keys(twin_pool *pool)
{
    static const char *const ddl[] = {
        "CREATE TABLE k(id INTEGER PRIMARY KEY AUTOINCREMENT, v INT)",
        "CREATE TABLE k(id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v INT)",
        "CREATE TABLE k(id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)",
    };
    twin_conn *conn = acquire(pool);
    int64_t key = -7;
    run(conn, ddl[engine]);
    settle(pool);
    FAILS(TWIN_ERR_STATE, "generated keys", twin_conn_generated_key(conn, &key, &e));
    if (engine == 1) {
        twin_rows *rows = NULL;
        const twin_block *block = NULL;
        GOOD(twin_conn_execute(conn, "INSERT /*twin:write*/ INTO k(v) VALUES (1) RETURNING id", TWIN_NTS, NULL, &rows, &e));
        GOOD(twin_rows_next(rows, 0, &block, &e));
        GOOD(twin_rows_get_int64(rows, 0, 0, &key, &e));
        CHECK(key == 1);
        twin_rows_free(rows);
        GOOD(twin_conn_set_generated_keys(conn, 1, &e));
        run(conn, "INSERT INTO k(v) VALUES (2)");
        GOOD(twin_conn_generated_key(conn, &key, &e));
        CHECK(key == 2);
        twin_conn_free(conn);
        return;
    }
    GOOD(twin_conn_set_generated_keys(conn, 1, &e));
    STATUS(TWIN_DONE, twin_conn_generated_key(conn, &key, &e));
    CHECK(key == 0);
    run(conn, "INSERT /*twin:write*/ INTO k(v) VALUES (1)");
    GOOD(twin_conn_generated_key(conn, &key, &e));
    CHECK(key == 1);
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "INSERT /*twin:write*/ INTO k(v) VALUES (2)");
    GOOD(twin_conn_generated_key(conn, &key, &e));
    CHECK(key == 2);
    run(conn, "UPDATE k SET v = 3 WHERE id = 2");
    GOOD(twin_conn_generated_key(conn, &key, &e));
    CHECK(key == 2);
    GOOD(twin_conn_commit(conn, &e));
    /* The entries that the library itself writes have keys too. */
    GOOD(twin_pool_detach(pool, &e));
    STATUS(TWIN_QUEUED, twin_conn_execute(conn, "INSERT /*twin:write*/ INTO k(v) VALUES (4)", TWIN_NTS, NULL, NULL, &e));
    STATUS(TWIN_OK, twin_conn_generated_key(conn, &key, &e));
    CHECK(key == 3);
    STATUS(TWIN_QUEUED, twin_conn_execute(conn, "INSERT INTO p VALUES (900)", TWIN_NTS, NULL, NULL, &e));
    if (engine == 2) {
        STATUS(TWIN_DONE, twin_conn_generated_key(conn, &key, &e));
        CHECK(key == 0);
    }
    GOOD(twin_pool_attach(pool, &e));
    settle(pool);
    twin_conn_free(conn);
}

/* A query with several results comes one result at a time. */
static void further_results(twin_pool *pool)
{
    twin_conn *conn = acquire(pool);
    twin_rows *rows = NULL;
    twin_stmt *stmt = NULL;
    const twin_block *block = NULL;
    twin_column_info info;
    int32_t columns = 0, parameters = 0;
    int64_t n = 0;
    info.struct_size = sizeof info;
    GOOD(twin_conn_execute(conn, "SELECT 1 AS a, 'x' AS b", TWIN_NTS, &n, &rows, &e));
    GOOD(twin_rows_affected(rows, &n, &e));
    GOOD(twin_rows_column(rows, 1, &info, &e));
    CHECK(strcmp(info.name, "b") == 0 && info.name_len == 1);
    STATUS(TWIN_DONE, twin_rows_more(rows, &e));
    twin_rows_free(rows);
    FAILS(TWIN_ERR_UNSUPPORTED, "more than one statement",
          twin_conn_execute(conn, "SELECT 1; SELECT 2", TWIN_NTS, NULL, &rows, &e));
    if (engine == 2) {
        run(conn, "CREATE PROCEDURE two() BEGIN SELECT 5 AS a; SELECT 6 AS b, 7 AS c; END");
        settle(pool);
        GOOD(twin_conn_execute(conn, "/*twin:read*/ CALL two()", TWIN_NTS, NULL, &rows, &e));
        GOOD(twin_rows_next(rows, 0, &block, &e));
        GOOD(twin_rows_get_int64(rows, 0, 0, &n, &e));
        CHECK(n == 5);
        GOOD(twin_rows_more(rows, &e));
        GOOD(twin_rows_column_count(rows, &columns, &e));
        CHECK(columns == 2);
        GOOD(twin_rows_next(rows, 0, &block, &e));
        GOOD(twin_rows_get_int64(rows, 0, 1, &n, &e));
        CHECK(n == 7);
        twin_rows_free(rows);
        run(conn, "DROP PROCEDURE two");
        settle(pool);
    }
    GOOD(twin_conn_prepare(conn, "SELECT id AS first, id + 1 AS second FROM p WHERE id = ? OR id = ?", TWIN_NTS, &stmt, &e));
    GOOD(twin_stmt_describe(stmt, &parameters, &columns, &e));
    CHECK(parameters == 2 && columns == 2);
    GOOD(twin_stmt_column(stmt, 1, &info, &e));
    CHECK(strcmp(info.name, "second") == 0);
    FAILS(TWIN_ERR_ARGUMENT, "2 columns", twin_stmt_column(stmt, 2, &info, &e));
    GOOD(twin_stmt_bind_int64(stmt, 1, 1, &e));
    FAILS(TWIN_ERR_ARGUMENT, "", twin_stmt_execute(stmt, NULL, NULL, &e));
    twin_stmt_free(stmt);
    twin_conn_free(conn);
}

static volatile int leaks, logged, secret_logged;
static char leak[1000];

static void on_event(const twin_event *event, void *user)
{
    (void)user;
    if (event->kind == TWIN_EVENT_LEAK_SUSPECTED) {
        snprintf(leak, sizeof leak, "%s", event->text);
        leaks++;
    }
}

static void on_log(int32_t level, const char *target, size_t target_len, const char *text, size_t text_len, void *user)
{
    size_t i;
    (void)user, (void)target;
    CHECK(level >= TWIN_LOG_ERROR && level <= TWIN_LOG_DEBUG && target_len > 0);
    for (i = 0; i + 6 <= text_len; i++)
        if (memcmp(text + i, "PWD=tw", 6) == 0)
            secret_logged++;
    logged++;
}

static unsigned told, left_out;

static void on_flood(int32_t level, const char *target, size_t target_len, const char *text, size_t text_len, void *user)
{
    char line[400];
    const char *more;
    unsigned n;
    (void)level, (void)target, (void)target_len, (void)user;
    snprintf(line, sizeof line, "%.*s", (int)text_len, text);
    if (!strstr(line, "although unsafe"))
        return;
    told++;
    if ((more = strstr(line, " (")) && sscanf(more, " (%u more of these were left out)", &n) == 1)
        left_out += n;
}

/* 500 statements that are each worth a line of the log: some lines, which account for all of them. */
static void a_flood_of_records_is_cut_short_and_told(void)
{
    const char *sql = engine == 2 ? "DELETE FROM nokey WHERE n > 5 + rand()" : "DELETE FROM nokey WHERE n > 5 + abs(random())";
    twin_pool *pool;
    twin_conn *conn;
    int i;
    pool = open_pair(master, mirror, "pool.max=1;on_unsafe=warn");
    conn = acquire(pool);
    run(conn, "CREATE TABLE nokey (n INTEGER)");
    run(conn, "INSERT INTO nokey VALUES (1)");
    GOOD(twin_log_listen(TWIN_LOG_WARN, on_flood, NULL, &e));
    for (i = 0; i < 500; i++)
        run(conn, sql);
    CHECK(told >= 10 && told < 250);
    usleep(1100000);
    run(conn, sql);
    CHECK(told + left_out == 501);
    GOOD(twin_log_listen(TWIN_LOG_OFF, NULL, NULL, &e));
    GOOD(twin_conn_release(conn, &e));
    twin_pool_free(pool);
}

static void events_and_log(void)
{
    twin_pool *pool;
    twin_conn *conn;
    int before, i;
    GOOD(twin_log_listen(TWIN_LOG_DEBUG, on_log, NULL, &e));
    pool = open_pair(master, mirror, "pool.max=1;pool.leak_threshold_ms=100;pool.keeper_period_ms=50");
    GOOD(twin_pool_listen(pool, on_event, pool, &e));
    conn = acquire(pool);
    GOOD(twin_conn_set_label(conn, "nightly\nreport", TWIN_NTS, &e));
    run(conn, "DELETE FROM p WHERE id = 4711");
    for (i = 0; i < 3000 && !leaks; i++)
        usleep(10000);
    CHECK(leaks == 1);
    CHECK(figures(pool).leaks == 1);
    CHECK(strstr(leak, " for nightly report has not been released; last statement: DELETE FROM p WHERE id = ?") != NULL);
    CHECK(strstr(leak, "4711") == NULL);
    GOOD(twin_conn_release(conn, &e));
    /* Nothing of it is told of the next one who has the connection. */
    conn = acquire(pool);
    for (i = 0; i < 3000 && leaks < 2; i++)
        usleep(10000);
    CHECK(leaks == 2 && strstr(leak, "nightly") == NULL && strstr(leak, "DELETE") == NULL);
    GOOD(twin_conn_set_label(conn, "", 0, &e));
    FAILS(TWIN_ERR_ARGUMENT, "label", twin_conn_set_label(conn, NULL, 3, &e));
    FAILS(TWIN_ERR_UTF8, "label", twin_conn_set_label(conn, "\xff", TWIN_NTS, &e));
    twin_conn_free(conn);
    GOOD(twin_pool_detach(pool, &e));
    GOOD(twin_pool_attach(pool, &e));
    settle(pool);
    twin_pool_free(pool);
    GOOD(twin_log_listen(TWIN_LOG_OFF, NULL, NULL, &e));
    before = logged;
    CHECK(before > 0 && secret_logged == 0);
    pool = open_pair(master, mirror, "pool.max=1");
    twin_pool_free(pool);
    CHECK(logged == before);
}

/* The options that decide whether a connection stays. */
static void what_stays(void)
{
    static const char *const wrong[] = {"SELECT * FROM nowhere", "SELECT * FROM nowhere", "SELECT * FROM nowhere"};
    twin_pool *pool = open_pair(master, mirror, "pool.max=1;pool.min=0");
    twin_conn *conn = acquire(pool);
    twin_rows *rows = NULL;
    twin_metrics m;
    char options[200], state[6], why[1000];
    FAILS(TWIN_ERR_DATABASE, "", twin_conn_execute(conn, wrong[engine], TWIN_NTS, NULL, &rows, &e));
    STATUS(TWIN_ERR_DATABASE, twin_conn_execute(conn, wrong[engine], TWIN_NTS, NULL, NULL, &e));
    strcpy(state, twin_error_record_sqlstate(e, 0));
    twin_error_free(e);
    GOOD(twin_conn_release(conn, &e));
    m = figures(pool);
    CHECK(m.total == 1 && m.evictions == 0);
    twin_pool_free(pool);

    /* The same error, named: the connection is thrown away when it comes back, and the next one is a new one. */
    sprintf(options, "pool.max=1;pool.min=0;pool.evict_sqlstates=%s", state);
    pool = open_pair(master, mirror, options);
    conn = acquire(pool);
    CHECK(TWIN_FAILED(twin_conn_execute(conn, wrong[engine], TWIN_NTS, NULL, NULL, NULL)));
    CHECK(number(conn, "SELECT 3") == 3);
    GOOD(twin_conn_release(conn, &e));
    conn = acquire(pool);
    CHECK(number(conn, "SELECT 4") == 4);
    m = figures(pool);
    CHECK(m.connects == 2);
    twin_conn_free(conn);
    CHECK(figures(pool).idle == 1);
    twin_pool_free(pool);

    /* A class, and one of it excepted. */
    sprintf(options, "pool.max=1;pool.min=0;pool.evict_sqlstates='%.2s,!%s'", state, state);
    pool = open_pair(master, mirror, options);
    conn = acquire(pool);
    CHECK(TWIN_FAILED(twin_conn_execute(conn, wrong[engine], TWIN_NTS, NULL, NULL, NULL)));
    GOOD(twin_conn_release(conn, &e));
    CHECK(figures(pool).idle == 1);
    twin_pool_free(pool);

    /* A validation query that the master refuses: no connection passes. */
    pool = open_pair(master, mirror, "pool.max=1;pool.min=0;pool.alive_bypass_ms=0;master.validation_query=SELECT 1 FROM p");
    conn = acquire(pool);
    GOOD(twin_conn_release(conn, &e));
    conn = acquire(pool);
    CHECK(figures(pool).dead == 0);
    run(conn, "ALTER TABLE p RENAME TO hidden");
    GOOD(twin_conn_release(conn, &e));
    FAILS(TWIN_ERR_ACQUIRE_TIMEOUT, "the master's validation query 'SELECT ? FROM p' (option validation_query): ",
          twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 1000, &conn, &e));
    CHECK(figures(pool).dead >= 1);
    twin_pool_free(pool);
    /* The mirror is asked by its own query before anything is replayed. */
    pool = open_pair(master, mirror, "pool.max=1;pool.min=0;mirror.validation_query=SELECT 1 FROM p_on_the_moon");
    GOOD(twin_pool_detach(pool, &e));
    GOOD(twin_pool_attach(pool, &e));
    FAILS(TWIN_ERR_MIRROR_DOWN, "validation query", twin_pool_replay(pool, 2000, NULL, NULL, &e));
    GOOD(twin_pool_last_error(pool, why, sizeof why, NULL, &e));
    CHECK(strstr(why, "p_on_the_moon") != NULL);
    twin_pool_free(pool);
    pool = open_pair(master, mirror, "pool.max=1;pool.min=0");
    settle(pool);
    conn = acquire(pool);
    run(conn, "ALTER TABLE hidden RENAME TO p");
    GOOD(twin_conn_release(conn, &e));
    settle(pool);
    twin_pool_free(pool);
}

int main(int argc, char **argv)
{
    twin_pool *pool;
    twin_conn *conn;
    if (argc != 4)
        return 2;
    engine = strcmp(argv[1], "sqlite") == 0 ? 0 : strcmp(argv[1], "postgres") == 0 ? 1 : 2;
    master = argv[2], mirror = argv[3];
    pool = open_pair(master, mirror, "pool.max=2;pool.min=1");
    conn = acquire(pool);
    run(conn, "CREATE TABLE p(id BIGINT PRIMARY KEY)");
    settle(pool);
    GOOD(twin_conn_release(conn, &e));
    metrics(pool);
    live_options(pool);
    isolation(pool);
    cancelling(pool);
    network_timeout(pool);
    keys(pool);
    further_results(pool);
    GOOD(twin_pool_close(pool, 30000, &e));
    twin_pool_free(pool);
    suspension();
    settings_end_with_a_release();
    events_and_log();
    a_flood_of_records_is_cut_short_and_told();
    what_stays();
    CHECK(twin_debug_live_handles() == 0);
    return finish("pooling");
}
