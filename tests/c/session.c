/*
 * What a program does with a connection: values in and out, transactions, batches, errors, the queue.
 *
 *   session ENGINE MASTER MIRROR     (sqlite, postgres or mariadb; connection strings)
 */
#include <stdlib.h>

#include "pair.h"

static twin_error *e;
static const char *engine;

/* The value of (row, column) as text. */
static const char *cell(twin_rows *rows, size_t row, int32_t column)
{
    const char *text = NULL;
    GOOD(twin_rows_get_text(rows, row, column, &text, NULL, &e));
    return text ? text : "";
}

static void values(twin_pool *pool, twin_conn *conn)
{
    twin_stmt *in = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    twin_column_info info;
    int64_t n = 0, affected = 0;
    double d = 0;
    int32_t count = 0, null = 7;
    size_t length = 0, i, read = 0;
    const void *data = NULL;
    unsigned char bytes[3] = {0, 255, 0}, piece[1000];
    size_t big_size = 300000;
    unsigned char *big = malloc(big_size);
    char sql[300];
    twin_date date = {2024, 2, 29, {0, 0}}, got_date;
    twin_timestamp stamp = {2024, 2, 29, 23, 59, 58, {0, 0, 0}, 0}, got_stamp;

    sprintf(sql, "CREATE TABLE thing(id BIGINT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2), "
                 "weight DOUBLE PRECISION, raw %s, day DATE, at %s)",
            strcmp(engine, "postgres") == 0 ? "BYTEA" : "LONGBLOB", strcmp(engine, "mariadb") == 0 ? "DATETIME" : "TIMESTAMP");
    run(conn, sql);
    settle(pool);
    GOOD(twin_conn_prepare(conn, "INSERT INTO thing VALUES (?, ?, ?, ?, ?, ?, ?)", TWIN_NTS, &in, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`index` is 0", twin_stmt_bind_null(in, 0, &e));
    FAILS(TWIN_ERR_ARGUMENT, "65535", twin_stmt_bind_null(in, 65536, &e));
    FAILS(TWIN_ERR_ARGUMENT, "-12.50", twin_stmt_bind_decimal(in, 3, "1e5", TWIN_NTS, &e));
    FAILS(TWIN_ERR_UTF8, "`text`", twin_stmt_bind_text(in, 2, "\xC0\x80", 2, &e));

    GOOD(twin_stmt_bind_int64(in, 1, INT64_MAX, &e));
    GOOD(twin_stmt_bind_text(in, 2, "S\xC3\xA4ge \xF0\x9F\x98\x80", TWIN_NTS, &e));
    GOOD(twin_stmt_bind_int64(in, 7, 1, &e));
    FAILS(TWIN_ERR_ARGUMENT, "parameter 3", twin_stmt_execute(in, NULL, NULL, &e));
    GOOD(twin_stmt_bind_decimal(in, 3, "-12.50", TWIN_NTS, &e));
    GOOD(twin_stmt_bind_double(in, 4, 0.1, &e));
    GOOD(twin_stmt_bind_bytes(in, 5, bytes, sizeof bytes, &e));
    GOOD(twin_stmt_bind_date(in, 6, &date, &e));
    GOOD(twin_stmt_bind_timestamp(in, 7, &stamp, &e));
    GOOD(twin_stmt_execute(in, &affected, NULL, &e));
    CHECK(affected == 1);

    for (i = 0; i < big_size; i++)
        big[i] = (unsigned char)(i * 7);
    GOOD(twin_stmt_clear(in, &e));
    GOOD(twin_stmt_bind_int64(in, 1, 2, &e));
    GOOD(twin_stmt_bind_text(in, 2, "", 0, &e));
    for (i = 3; i <= 7; i++)
        GOOD(twin_stmt_bind_null(in, (int32_t)i, &e));
    GOOD(twin_stmt_bind_bytes(in, 5, big, big_size, &e));
    GOOD(twin_stmt_execute(in, NULL, &rows, &e));
    CHECK(rows == NULL);
    twin_stmt_free(in);

    GOOD(twin_conn_execute(conn, "SELECT id, name, price, weight, raw, day, at FROM thing ORDER BY id DESC", TWIN_NTS,
                           &affected, &rows, &e));
    GOOD(twin_rows_column_count(rows, &count, &e));
    CHECK(count == 7);
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    GOOD(twin_rows_column(rows, 1, &info, &e));
    CHECK(info.name && strcmp(info.name, "name") == 0 && info.name_len == 4 && info.kind == TWIN_TYPE_TEXT);
    FAILS(TWIN_ERR_ARGUMENT, "7 columns", twin_rows_column(rows, 7, &info, &e));
    info.struct_size = 4;
    FAILS(TWIN_ERR_ARGUMENT, "struct_size", twin_rows_column(rows, 0, &info, &e));
    FAILS(TWIN_ERR_ARGUMENT, "0 rows", twin_rows_get_int64(rows, 0, 0, &n, &e));

    GOOD(twin_rows_next(rows, 1, &block, &e));
    CHECK(block && block->row_count == 1 && block->column_count == 7 && block->struct_size == sizeof *block);
    CHECK(block && block->columns[0]->kind == TWIN_TYPE_INT64 && ((const int64_t *)block->columns[0]->data)[0] == INT64_MAX);
    CHECK(block && block->columns[1]->offsets[1] - block->columns[1]->offsets[0] == 10);
    GOOD(twin_rows_get_int64(rows, 0, 0, &n, &e));
    CHECK(n == INT64_MAX);
    CHECK(strcmp(cell(rows, 0, 1), "S\xC3\xA4ge \xF0\x9F\x98\x80") == 0);
    CHECK(atof(cell(rows, 0, 2)) == -12.5);
    GOOD(twin_rows_get_double(rows, 0, 3, &d, &e));
    CHECK(d == 0.1);
    GOOD(twin_rows_get_bytes(rows, 0, 4, &data, &length, &e));
    CHECK(data && length == 3 && memcmp(data, bytes, 3) == 0);
    CHECK(strcmp(cell(rows, 0, 4), "00ff00") == 0);
    GOOD(twin_rows_get_date(rows, 0, 5, &got_date, &e));
    CHECK(memcmp(&got_date, &date, sizeof date) == 0);
    GOOD(twin_rows_get_timestamp(rows, 0, 6, &got_stamp, &e));
    CHECK(memcmp(&got_stamp, &stamp, sizeof stamp) == 0);
    FAILS(TWIN_ERR_ARGUMENT, "no uuid", twin_rows_get_uuid(rows, 0, 0, piece, &e));
    FAILS(TWIN_ERR_ARGUMENT, "1 rows", twin_rows_is_null(rows, 1, 0, &null, &e));
    FAILS(TWIN_ERR_ARGUMENT, "7 columns", twin_rows_is_null(rows, 0, -1, &null, &e));

    GOOD(twin_rows_next(rows, 0, &block, &e));
    GOOD(twin_rows_is_null(rows, 0, 1, &null, &e));
    CHECK(null == 0 && strcmp(cell(rows, 0, 1), "") == 0);
    for (i = 2; i < 7; i++) {
        GOOD(twin_rows_is_null(rows, 0, (int32_t)i, &null, &e));
        CHECK(null == (i != 4));
    }
    GOOD(twin_rows_get_double(rows, 0, 3, &d, &e));
    CHECK(d == 0 && strcmp(cell(rows, 0, 2), "") == 0);
    for (read = 0; twin_rows_read(rows, 0, 4, read, piece, sizeof piece, &length, NULL) == TWIN_OK; read += length)
        CHECK(memcmp(piece, big + read, length) == 0);
    CHECK(read == big_size && length == 0);
    STATUS(TWIN_DONE, twin_rows_next(rows, 0, &block, NULL));
    CHECK(block == NULL);
    STATUS(TWIN_DONE, twin_rows_more(rows, NULL));
    twin_rows_free(rows);
    free(big);
}

static void transactions(twin_pool *pool, twin_conn *conn)
{
    int32_t on = -1;
    run(conn, "CREATE TABLE t(id BIGINT PRIMARY KEY)");
    settle(pool);
    GOOD(twin_conn_begin(conn, &e));
    FAILS(TWIN_ERR_STATE, "transaction", twin_conn_begin(conn, &e));
    run(conn, "INSERT INTO t VALUES (1)");
    GOOD(twin_conn_in_transaction(conn, &on, &e));
    CHECK(on == 1);
    GOOD(twin_conn_savepoint(conn, "s", TWIN_NTS, &e));
    run(conn, "INSERT INTO t VALUES (2)");
    GOOD(twin_conn_rollback_to(conn, "s", TWIN_NTS, &e));
    run(conn, "INSERT INTO t VALUES (3)");
    GOOD(twin_conn_release_savepoint(conn, "s", TWIN_NTS, &e));
    GOOD(twin_conn_commit(conn, &e));
    CHECK(number(conn, "SELECT sum(id) FROM t") == 4);

    GOOD(twin_conn_begin(conn, &e));
    run(conn, "DELETE FROM t");
    GOOD(twin_conn_rollback(conn, &e));
    CHECK(number(conn, "SELECT count(*) FROM t") == 2);

    GOOD(twin_conn_get_autocommit(conn, &on, &e));
    CHECK(on == 1);
    GOOD(twin_conn_set_autocommit(conn, 0, &e));
    run(conn, "INSERT INTO t VALUES (4)");
    FAILS(TWIN_ERR_STATE, "transaction", twin_conn_set_autocommit(conn, 1, &e));
    GOOD(twin_conn_rollback(conn, &e));
    GOOD(twin_conn_set_autocommit(conn, 1, &e));
    CHECK(number(conn, "SELECT count(*) FROM t") == 2);
}

static void errors(twin_conn *conn)
{
    twin_rows *rows = (twin_rows *)(void *)&rows;
    int64_t affected = 77;
    STATUS(TWIN_ERR_DATABASE, twin_conn_execute(conn, "INSERT INTO t VALUES (1)", TWIN_NTS, &affected, &rows, &e));
    CHECK(affected == 77 && rows == NULL);
    CHECK(twin_error_status(e) == TWIN_ERR_DATABASE && twin_error_side(e) == TWIN_SIDE_MASTER);
    CHECK(twin_error_record_count(e) >= 1 && strlen(twin_error_record_sqlstate(e, 0)) == 5);
    CHECK(*twin_error_record_message(e, 0) && strncmp(twin_error_record_function(e, 0), "SQL", 3) == 0);
    CHECK(twin_error_record_side(e, 0) == TWIN_SIDE_MASTER);
    CHECK(!twin_error_retryable(e) && !twin_error_outcome_unknown(e));
    CHECK(*twin_error_record_message(e, 99) == 0 && *twin_error_record_sqlstate(e, -1) == 0);
    twin_error_free(e);
    FAILS(TWIN_ERR_DATABASE, "", twin_conn_execute(conn, "SELECT * FROM no_such_table", TWIN_NTS, NULL, NULL, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`sql` is empty", twin_conn_execute(conn, "", 0, NULL, NULL, &e));
    FAILS(TWIN_ERR_ARGUMENT, "NUL", twin_conn_execute(conn, "SELECT 1\0", 9, NULL, NULL, &e));
    FAILS(TWIN_ERR_UTF8, "`sql`", twin_conn_execute(conn, "SELECT '\xFF'", TWIN_NTS, NULL, NULL, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`out`", twin_conn_prepare(conn, "SELECT 1", TWIN_NTS, NULL, &e));
    FAILS(TWIN_ERR_ARGUMENT, "TWIN_ISOLATION", twin_conn_set_isolation(conn, 99, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`name` is empty", twin_conn_savepoint(conn, "", 0, &e));
}

/* Says why the pair is not in step, where the tests expect it to be. */
static void in_step(twin_pool *pool)
{
    twin_pool_info info;
    char why[500];
    info.struct_size = sizeof info;
    GOOD(twin_pool_status(pool, &info, &e));
    CHECK(info.mirror_state == TWIN_MIRROR_IN_SYNC);
    if (info.mirror_state != TWIN_MIRROR_IN_SYNC) {
        if (twin_pool_reason(pool, why, sizeof why, NULL, NULL) == TWIN_OK)
            printf("    reason: %s\n", why);
        if (twin_pool_last_error(pool, why, sizeof why, NULL, NULL) == TWIN_OK)
            printf("    last error: %s\n", why);
    }
}

static void settings(twin_conn *conn)
{
    int32_t value = -1;
    size_t length = 0;
    char buffer[200];
    GOOD(twin_conn_set_isolation(conn, TWIN_ISOLATION_SERIALIZABLE, &e));
    GOOD(twin_conn_get_isolation(conn, &value, &e));
    CHECK(value == TWIN_ISOLATION_SERIALIZABLE);
    GOOD(twin_conn_set_read_only(conn, 1, &e));
    GOOD(twin_conn_get_read_only(conn, &value, &e));
    CHECK(value == 1);
    CHECK(TWIN_FAILED(twin_conn_execute(conn, "INSERT INTO t VALUES (99)", TWIN_NTS, NULL, NULL, NULL)));
    GOOD(twin_conn_set_read_only(conn, 0, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`timeout_ms` is 0", twin_conn_set_network_timeout(conn, 0, &e));
    GOOD(twin_conn_set_network_timeout(conn, 1234, &e));
    GOOD(twin_conn_get_network_timeout(conn, &value, &e));
    CHECK(value == 1234);
    GOOD(twin_conn_set_network_timeout(conn, TWIN_WAIT_FOREVER, &e));
    GOOD(twin_conn_get_network_timeout(conn, &value, &e));
    CHECK(value == TWIN_WAIT_FOREVER);
    GOOD(twin_conn_set_network_timeout(conn, TWIN_WAIT_DEFAULT, &e));
    GOOD(twin_conn_is_valid(conn, TWIN_WAIT_DEFAULT, &value, &e));
    CHECK(value == 1);
    GOOD(twin_conn_is_direct(conn, &value, &e));
    CHECK(value == 1);
    GOOD(twin_conn_mirror_state(conn, &value, &e));
    CHECK(value == TWIN_MIRROR_IN_SYNC);
    CHECK(!TWIN_FAILED(twin_conn_get_schema(conn, buffer, sizeof buffer, &length, NULL)));
}

static void batches(twin_conn *conn)
{
    int64_t ids[4] = {10, 11, 1, 12};
    uint8_t nulls[4] = {0, 0, 0, 0};
    twin_column column = {sizeof column, TWIN_TYPE_INT64, NULL, NULL, NULL};
    const twin_column *columns[1];
    twin_block block = {sizeof block, 1, 4, NULL};
    twin_status statuses[4] = {77, 77, 77, 77};
    int64_t affected[4] = {77, 77, 77, 77};
    size_t failed = 77;
    twin_stmt *in = NULL;
    twin_error *row = NULL;
    int32_t parameters = 0, count = 0;
    twin_status s;

    column.nulls = nulls;
    column.data = ids;
    columns[0] = &column;
    block.columns = columns;
    GOOD(twin_conn_prepare(conn, "INSERT INTO t VALUES (?)", TWIN_NTS, &in, &e));
    GOOD(twin_stmt_bind_columns(in, &block, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`failed`", twin_stmt_execute_batch(in, statuses, affected, 4, NULL, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`capacity` is 3", twin_stmt_execute_batch(in, statuses, affected, 3, &failed, &e));
    s = twin_stmt_execute_batch(in, statuses, affected, 4, &failed, &e);
    CHECK(s == TWIN_OK || s == TWIN_QUEUED);
    if (TWIN_FAILED(s))
        tell(e);
    CHECK(failed == 1);
    CHECK(statuses[0] == TWIN_OK && statuses[1] == TWIN_OK && statuses[2] == TWIN_ERR_DATABASE && statuses[3] == TWIN_OK);
    CHECK(affected[0] == 1 && affected[2] == -1);
    GOOD(twin_stmt_batch_error(in, 0, &row, &e));
    CHECK(row == NULL);
    GOOD(twin_stmt_batch_error(in, 2, &row, &e));
    CHECK(row != NULL && twin_error_record_count(row) >= 1);
    twin_error_free(row);
    CHECK(number(conn, "SELECT count(*) FROM t") == 5);
    GOOD(twin_stmt_describe(in, &parameters, &count, &e));
    CHECK(parameters == 1 && count == 0);
    twin_stmt_free(in);
}

static int progressed;

static void progress(uint64_t done, uint64_t left, void *user)
{
    twin_pool_info info;
    (void)done, (void)left;
    progressed++;
    info.struct_size = sizeof info;
    STATUS(TWIN_OK, twin_pool_status(user, &info, NULL));
    STATUS(TWIN_ERR_STATE, twin_pool_evict(user, NULL));
}

static volatile int back;

static void event(const twin_event *event, void *user)
{
    twin_pool_info info;
    info.struct_size = sizeof info;
    CHECK(event->struct_size >= sizeof *event && event->text && strlen(event->text) == event->text_len);
    STATUS(TWIN_OK, twin_pool_status(user, &info, NULL));
    STATUS(TWIN_ERR_STATE, twin_pool_close(user, 0, NULL));
    if (event->kind == TWIN_EVENT_MIRROR_BACK)
        back = 1;
}

static void queue(twin_pool *pool, twin_conn *conn)
{
    twin_pool_info info;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    twin_status outcome = 77;
    int64_t id = 0, different = -1;
    size_t i;
    char reason[200];

    info.struct_size = sizeof info;
    GOOD(twin_pool_status(pool, &info, &e));
    CHECK(info.mirror_state == TWIN_MIRROR_IN_SYNC && info.struct_size == sizeof info && info.active == 1);
    info.struct_size = 8;
    FAILS(TWIN_ERR_ARGUMENT, "struct_size", twin_pool_status(pool, &info, &e));

    GOOD(twin_pool_listen(pool, event, pool, &e));
    GOOD(twin_pool_detach(pool, &e));
    STATUS(TWIN_QUEUED, twin_conn_execute(conn, "INSERT INTO t VALUES (500)", TWIN_NTS, NULL, NULL, NULL));
    GOOD(twin_conn_last_outcome(conn, &outcome, &e));
    CHECK(outcome == TWIN_QUEUED);
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "INSERT INTO t VALUES (501)");
    STATUS(TWIN_QUEUED, twin_conn_commit(conn, NULL));
    STATUS(TWIN_OK, twin_pool_reason(pool, reason, sizeof reason, NULL, NULL));
    CHECK(*reason != 0);

    GOOD(twin_pool_queue_list(pool, 10, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    CHECK(block && block->row_count == 2 && block->column_count == 9);
    GOOD(twin_rows_get_int64(rows, 0, 0, &id, &e));
    twin_rows_free(rows);
    GOOD(twin_pool_queue_show(pool, id, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    CHECK(strstr(cell(rows, 0, 0), "500") != NULL);
    STATUS(TWIN_DONE, twin_rows_next(rows, 0, &block, NULL));
    twin_rows_free(rows);

    GOOD(twin_pool_attach(pool, &e));
    GOOD(twin_pool_replay(pool, 30000, progress, pool, &e));
    /* The news may come a moment after the fact. */
    for (i = 0; i < 1000 && !back; i++)
        GOOD(twin_pool_refresh(pool, &e));
    /* The callback that a NULL replaces has returned by then. */
    GOOD(twin_pool_listen(pool, NULL, NULL, &e));
    CHECK(back == 1);
    GOOD(twin_pool_verify(pool, NULL, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    for (i = 0; block && i < block->row_count; i++) {
        GOOD(twin_rows_get_int64(rows, i, 3, &different, &e));
        CHECK(different == 0);
    }
    CHECK(different == 0);
    twin_rows_free(rows);
}

int main(int argc, char **argv)
{
    twin_pool *pool;
    twin_conn *conn, *second = NULL;
    twin_rows *rows = NULL;
    twin_stmt *stmt = NULL;
    const twin_block *block = NULL;
    twin_cancel *cancel = NULL;
    if (argc != 4)
        return 2;
    engine = argv[1];
    pool = open_pair(argv[2], argv[3], "pool.max=1;pool.min=1");
    if (!pool)
        return finish("session");
    conn = acquire(pool);
    FAILS(TWIN_ERR_ACQUIRE_TIMEOUT, "active", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 50, &second, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`access` is 9", twin_pool_acquire(pool, 9, 50, &second, &e));
    FAILS(TWIN_ERR_ARGUMENT, "`timeout_ms` is -3", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, -3, &second, &e));
    values(pool, conn);
    in_step(pool);
    transactions(pool, conn);
    in_step(pool);
    errors(conn);
    settings(conn);
    batches(conn);
    in_step(pool);
    queue(pool, conn);

    /* A release ends what hangs on the connection; the handles of it still want to be freed. */
    GOOD(twin_conn_cancel_token(conn, &cancel, &e));
    GOOD(twin_cancel_request(cancel, &e));
    GOOD(twin_conn_prepare(conn, "SELECT id FROM t", TWIN_NTS, &stmt, &e));
    GOOD(twin_stmt_execute(stmt, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 1, &block, &e));
    GOOD(twin_conn_release(conn, &e));
    FAILS(TWIN_ERR_STATE, "released", twin_rows_next(rows, 1, &block, &e));
    FAILS(TWIN_ERR_STATE, "released", twin_stmt_execute(stmt, NULL, NULL, &e));
    FAILS(TWIN_ERR_HANDLE, "freed", twin_conn_release(conn, &e));
    GOOD(twin_cancel_request(cancel, &e));

    /* What it left is undone: the next one writes, in autocommit, at the usual isolation. */
    GOOD(twin_pool_acquire(pool, TWIN_ACCESS_READ, 5000, &second, &e));
    CHECK(number(second, "SELECT count(*) FROM t WHERE id >= 500") == 2);
    CHECK(TWIN_FAILED(twin_conn_execute(second, "DELETE FROM t", TWIN_NTS, NULL, NULL, NULL)));
    GOOD(twin_conn_abort(second, &e));
    FAILS(TWIN_ERR_STATE, "released", twin_conn_begin(second, &e));
    twin_conn_free(second);
    twin_rows_free(rows);
    twin_stmt_free(stmt);
    twin_cancel_free(cancel);
    GOOD(twin_pool_close(pool, 5000, &e));
    FAILS(TWIN_ERR_POOL_CLOSED, "", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 50, &second, &e));
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    return finish("session");
}
