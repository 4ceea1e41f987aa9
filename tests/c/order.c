/*
 * Calls in the wrong order: each says what is wrong, changes nothing, and what comes after it works.
 *
 *   order ENGINE MASTER MIRROR     (sqlite, postgres or mariadb; connection strings)
 */
#include "pair.h"

static twin_error *e;

static void transactions(twin_conn *conn)
{
    int32_t open = -1;
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_commit(conn, &e));
    GOOD(twin_conn_rollback(conn, &e));
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_savepoint(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_rollback_to(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_release_savepoint(conn, "a", TWIN_NTS, &e));
    GOOD(twin_conn_begin(conn, &e));
    FAILS(TWIN_ERR_STATE, "open already", twin_conn_begin(conn, &e));
    FAILS(TWIN_ERR_STATE, "no savepoint a", twin_conn_rollback_to(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_STATE, "no savepoint a", twin_conn_release_savepoint(conn, "a", TWIN_NTS, &e));
    run(conn, "INSERT INTO o VALUES (1)");
    GOOD(twin_conn_savepoint(conn, "a", TWIN_NTS, &e));
    run(conn, "INSERT INTO o VALUES (2)");
    GOOD(twin_conn_savepoint(conn, "b", TWIN_NTS, &e));
    run(conn, "INSERT INTO o VALUES (3)");
    /* Back over b: it is gone, a stays. */
    GOOD(twin_conn_rollback_to(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_STATE, "no savepoint b", twin_conn_rollback_to(conn, "b", TWIN_NTS, &e));
    GOOD(twin_conn_rollback_to(conn, "a", TWIN_NTS, &e));
    run(conn, "INSERT INTO o VALUES (4)");
    GOOD(twin_conn_release_savepoint(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_STATE, "no savepoint a", twin_conn_release_savepoint(conn, "a", TWIN_NTS, &e));
    GOOD(twin_conn_commit(conn, &e));
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_commit(conn, &e));
    GOOD(twin_conn_in_transaction(conn, &open, &e));
    CHECK(open == 0);
    CHECK(number(conn, "SELECT sum(id) FROM o") == 5);

    /* As statements they are the same calls. */
    run(conn, "BEGIN");
    run(conn, "INSERT INTO o VALUES (6)");
    FAILS(TWIN_ERR_STATE, "open already", twin_conn_execute(conn, "BEGIN", TWIN_NTS, NULL, NULL, &e));
    run(conn, "ROLLBACK");
    FAILS(TWIN_ERR_STATE, "no transaction", twin_conn_execute(conn, "COMMIT", TWIN_NTS, NULL, NULL, &e));
    CHECK(number(conn, "SELECT count(*) FROM o") == 2);
}

/* After an error inside a transaction the engines differ: a savepoint, or a rollback, goes on everywhere. */
static void a_failed_statement(twin_conn *conn)
{
    twin_status s;
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "INSERT INTO o VALUES (10)");
    GOOD(twin_conn_savepoint(conn, "a", TWIN_NTS, &e));
    FAILS(TWIN_ERR_DATABASE, "", twin_conn_execute(conn, "INSERT INTO o VALUES (10)", TWIN_NTS, NULL, NULL, &e));
    GOOD(twin_conn_rollback_to(conn, "a", TWIN_NTS, &e));
    run(conn, "INSERT INTO o VALUES (11)");
    GOOD(twin_conn_commit(conn, &e));
    GOOD(twin_conn_begin(conn, &e));
    run(conn, "INSERT INTO o VALUES (12)");
    FAILS(TWIN_ERR_DATABASE, "", twin_conn_execute(conn, "INSERT INTO o VALUES (12)", TWIN_NTS, NULL, NULL, &e));
    s = twin_conn_execute(conn, "INSERT INTO o VALUES (13)", TWIN_NTS, NULL, NULL, NULL);
    CHECK(s == TWIN_OK || s == TWIN_ERR_TX_FAILED);
    GOOD(twin_conn_rollback(conn, &e));
    CHECK(number(conn, "SELECT count(*) FROM o WHERE id IN (12, 13)") == 0);
    CHECK(number(conn, "SELECT count(*) FROM o WHERE id IN (10, 11)") == 2);
}

static void statements_and_rows(twin_conn *conn)
{
    twin_stmt *stmt = NULL;
    twin_rows *rows = NULL, *second = NULL;
    const twin_block *block = NULL;
    twin_column_info info;
    twin_error *row = (twin_error *)(void *)&row;
    size_t failed = 77;
    int64_t n = 77;
    info.struct_size = sizeof info;
    GOOD(twin_conn_prepare(conn, "SELECT id FROM o WHERE id > ? ORDER BY id", TWIN_NTS, &stmt, &e));
    FAILS(TWIN_ERR_ARGUMENT, "0 columns", twin_stmt_column(stmt, 0, &info, &e));
    GOOD(twin_stmt_batch_error(stmt, 0, &row, &e));
    CHECK(row == NULL);
    GOOD(twin_stmt_bind_int64(stmt, 2, 1, &e));
    FAILS(TWIN_ERR_ARGUMENT, "parameter 1 is not bound", twin_stmt_execute(stmt, NULL, NULL, &e));
    GOOD(twin_stmt_clear(stmt, &e));
    FAILS(TWIN_ERR_ARGUMENT, "marker", twin_stmt_execute(stmt, NULL, NULL, &e));
    GOOD(twin_stmt_bind_int64(stmt, 1, 0, &e));
    GOOD(twin_stmt_execute(stmt, NULL, &rows, &e));
    FAILS(TWIN_ERR_ARGUMENT, "0 rows", twin_rows_get_int64(rows, 0, 0, &n, &e));
    GOOD(twin_rows_next(rows, 1, &block, &e));
    /* The same statement again while its rows are open: both go on. */
    GOOD(twin_stmt_execute(stmt, NULL, &second, &e));
    GOOD(twin_rows_next(second, 1, &block, &e));
    GOOD(twin_rows_get_int64(second, 0, 0, &n, &e));
    CHECK(n == 1);
    GOOD(twin_rows_next(rows, 1, &block, &e));
    GOOD(twin_rows_get_int64(rows, 0, 0, &n, &e));
    CHECK(n == 4);
    twin_rows_free(second);
    while (twin_rows_next(rows, 1, &block, &e) == TWIN_OK)
        continue;
    STATUS(TWIN_DONE, twin_rows_next(rows, 1, &block, &e));
    CHECK(block == NULL);
    FAILS(TWIN_ERR_ARGUMENT, "0 rows", twin_rows_get_int64(rows, 0, 0, &n, &e));
    STATUS(TWIN_DONE, twin_rows_more(rows, &e));
    twin_rows_free(rows);
    /* A batch of nothing. */
    GOOD(twin_stmt_clear(stmt, &e));
    GOOD(twin_stmt_execute_batch(stmt, NULL, NULL, 0, &failed, &e));
    CHECK(failed == 0);
    twin_stmt_free(stmt);
}

static void pools(twin_pool *pool)
{
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    GOOD(twin_pool_resume(pool, &e));
    FAILS(TWIN_ERR_STATE, "not detached", twin_pool_attach(pool, &e));
    GOOD(twin_pool_queue_list(pool, 10, &rows, &e));
    STATUS(TWIN_DONE, twin_rows_next(rows, 0, &block, &e));
    STATUS(TWIN_DONE, twin_rows_more(rows, &e));
    twin_rows_free(rows);
    FAILS(TWIN_ERR_ARGUMENT, "4711", twin_pool_queue_show(pool, 4711, &rows, &e));
    FAILS(TWIN_ERR_STATE, "in_sync", twin_pool_queue_skip(pool, 4711, &e));
    GOOD(twin_pool_detach(pool, &e));
    FAILS(TWIN_ERR_ARGUMENT, "4711", twin_pool_queue_skip(pool, 4711, &e));
    GOOD(twin_pool_detach(pool, &e));
    FAILS(TWIN_ERR_STATE, "detached", twin_pool_replay(pool, 1000, NULL, NULL, &e));
    GOOD(twin_pool_attach(pool, &e));
    settle(pool);
}

int main(int argc, char **argv)
{
    twin_pool *pool;
    twin_conn *conn, *none = NULL;
    if (argc != 4)
        return 2;
    pool = open_pair(argv[2], argv[3], "pool.max=1;pool.min=1");
    conn = acquire(pool);
    run(conn, "CREATE TABLE o(id BIGINT PRIMARY KEY)");
    settle(pool);
    transactions(conn);
    a_failed_statement(conn);
    statements_and_rows(conn);
    pools(pool);
    /* Closing while a connection is out says so; closing again when it is back succeeds, and once more. */
    FAILS(TWIN_ERR_TIMEOUT, "1 sessions in use", twin_pool_close(pool, 20, &e));
    FAILS(TWIN_ERR_POOL_CLOSED, "closed", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 20, &none, &e));
    CHECK(number(conn, "SELECT count(*) FROM o") == 4);
    GOOD(twin_conn_release(conn, &e));
    GOOD(twin_pool_close(pool, 30000, &e));
    GOOD(twin_pool_close(pool, 30000, &e));
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    return finish("order");
}
