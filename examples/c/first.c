/*
 * A first program: opens a pool on two SQLite files, writes in a transaction, reads back.
 *
 *   cc -std=c99 first.c -ltwinpool -o first && ./first a.db b.db
 *
 * The files are made if they are missing. Afterwards both hold the same rows.
 */
#include <inttypes.h>
#include <stdio.h>
#include <twinpool.h>

/* Prints an error with all that the drivers had to say, and frees it. */
static int fail(const char *doing, twin_error *error)
{
    int32_t i;
    fprintf(stderr, "%s: %s: %s\n", doing, twin_status_name(twin_error_status(error)), twin_error_message(error));
    for (i = 0; i < twin_error_record_count(error); i++)
        fprintf(stderr, "    %s from the %s: [%s] %s\n", twin_error_record_function(error, i),
                twin_error_record_side(error, i) == TWIN_SIDE_MIRROR ? "mirror" : "master",
                twin_error_record_sqlstate(error, i), twin_error_record_message(error, i));
    twin_error_free(error);
    return 1;
}

static int set_file(twin_options *options, const char *side, const char *file)
{
    twin_error *error = NULL;
    char text[1024];
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s", file);
    if (TWIN_FAILED(twin_options_set(options, side, TWIN_NTS, text, TWIN_NTS, &error)))
        return fail(side, error);
    return 0;
}

/* One transaction: two items, bound to the parameters of one statement. */
static int write_items(twin_conn *conn)
{
    twin_error *error = NULL;
    twin_stmt *insert = NULL;
    twin_status s = twin_conn_execute(
        conn, "CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(10,2))",
        TWIN_NTS, NULL, NULL, &error);
    if (!TWIN_FAILED(s))
        s = twin_conn_execute(conn, "DELETE FROM item", TWIN_NTS, NULL, NULL, &error);
    if (!TWIN_FAILED(s))
        s = twin_conn_prepare(conn, "INSERT INTO item(id, name, price) VALUES (?, ?, ?)", TWIN_NTS, &insert, &error);
    if (!TWIN_FAILED(s))
        s = twin_conn_begin(conn, &error);

    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_int64(insert, 1, 1, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_text(insert, 2, "bolt", TWIN_NTS, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_decimal(insert, 3, "0.35", TWIN_NTS, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_execute(insert, NULL, NULL, &error);

    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_int64(insert, 1, 2, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_text(insert, 2, "nut", TWIN_NTS, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_bind_null(insert, 3, &error);
    if (!TWIN_FAILED(s))
        s = twin_stmt_execute(insert, NULL, NULL, &error);

    if (!TWIN_FAILED(s))
        s = twin_conn_commit(conn, &error);
    twin_stmt_free(insert);
    if (TWIN_FAILED(s))
        return fail("write", error);
    puts(s == TWIN_QUEUED ? "committed; the mirror gets its share later" : "committed on both databases");
    return 0;
}

/* Prints a result row by row. */
static int print_items(twin_conn *conn)
{
    twin_error *error = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    size_t row;
    twin_status s = twin_conn_execute(conn, "SELECT id, name, price FROM item ORDER BY id", TWIN_NTS, NULL, &rows, &error);
    while (!TWIN_FAILED(s) && (s = twin_rows_next(rows, 0, &block, &error)) == TWIN_OK) {
        for (row = 0; row < block->row_count && !TWIN_FAILED(s); row++) {
            int64_t id = 0;
            const char *name = NULL, *price = NULL;
            s = twin_rows_get_int64(rows, row, 0, &id, &error);
            if (!TWIN_FAILED(s))
                s = twin_rows_get_text(rows, row, 1, &name, NULL, &error);
            if (!TWIN_FAILED(s))
                s = twin_rows_get_text(rows, row, 2, &price, NULL, &error);
            if (!TWIN_FAILED(s))
                printf("%" PRId64 "  %-6s %s\n", id, name, block->columns[2]->nulls[row] ? "no price" : price);
        }
    }
    twin_rows_free(rows);
    return TWIN_FAILED(s) ? fail("read", error) : 0;
}

static int print_status(twin_pool *pool)
{
    twin_error *error = NULL;
    twin_pool_info info;
    info.struct_size = sizeof info;
    if (TWIN_FAILED(twin_pool_status(pool, &info, &error)))
        return fail("status", error);
    printf("mirror %s, %" PRIu64 " entries in the queue, %" PRIu64 " transactions direct, %" PRIu64 " queued\n",
           info.mirror_state == TWIN_MIRROR_IN_SYNC ? "in sync" : "behind", info.queue_entries, info.direct, info.queued);
    return 0;
}

int main(int argc, char **argv)
{
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    twin_conn *conn = NULL;
    twin_error *error = NULL;
    int failed;

    if (argc != 3) {
        fprintf(stderr, "usage: first MASTER-FILE MIRROR-FILE\n");
        return 2;
    }
    if (TWIN_FAILED(twin_options_new(&options, &error)))
        return fail("options", error);
    failed = set_file(options, "master", argv[1]) || set_file(options, "mirror", argv[2]);
    if (!failed && TWIN_FAILED(twin_pool_open(options, &pool, &error)))
        failed = fail("open", error);
    if (!failed && TWIN_FAILED(twin_pool_acquire(pool, TWIN_ACCESS_WRITE, TWIN_WAIT_DEFAULT, &conn, &error)))
        failed = fail("acquire", error);
    failed = failed || write_items(conn) || print_items(conn) || print_status(pool);
    if (conn && TWIN_FAILED(twin_conn_release(conn, &error)))
        failed = fail("release", error);
    if (pool && TWIN_FAILED(twin_pool_close(pool, TWIN_WAIT_DEFAULT, &error)))
        failed = fail("close", error);
    twin_conn_free(conn);
    twin_pool_free(pool);
    twin_options_free(options);
    return failed;
}
