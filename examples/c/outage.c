/*
 * A transaction goes on while the mirror is away, and the mirror catches up when it is back.
 *
 *   cc -std=c99 outage.c $(pkg-config --cflags --libs twinpool) -o outage && ./outage a.db b.db
 *
 * The mirror is a file here, and away means: moved away.
 */
#include <inttypes.h>
#include <stdio.h>
#include <twinpool.h>

static twin_error *error;

/* Prints what failed; gives whether it did. */
static int failed(const char *doing, twin_status status)
{
    if (!TWIN_FAILED(status))
        return 0;
    fprintf(stderr, "%s: %s: %s\n", doing, twin_status_name(status), twin_error_message(error));
    twin_error_free(error);
    error = NULL;
    return 1;
}

static twin_pool *open_pool(const char *master, const char *mirror)
{
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    char text[2048];
    snprintf(text, sizeof text,
             "master={Driver=SQLite3;Database=%s};mirror={Driver=SQLite3;Database=%s};mirror.timeout_ms=500", master, mirror);
    if (!failed("options", twin_options_new(&options, &error)) &&
        !failed("options", twin_options_parse(options, text, TWIN_NTS, &error)))
        failed("open", twin_pool_open(options, &pool, &error));
    twin_options_free(options);
    return pool;
}

/*
 * Moves money in one transaction. Tries again when the database says that this may help; whatever else it says, the
 * work is either done or not done, and the status tells which.
 */
static int transfer(twin_conn *conn, int64_t cents)
{
    twin_stmt *stmt = NULL;
    twin_status s = TWIN_ERR_RETRY;
    int attempt;
    if (failed("prepare", twin_conn_prepare(conn, "UPDATE account SET cents = cents + ? WHERE id = ?", TWIN_NTS, &stmt, &error)))
        return 1;
    for (attempt = 0; attempt < 5 && s == TWIN_ERR_RETRY; attempt++) {
        int64_t id;
        twin_error_free(error);
        error = NULL;
        s = twin_conn_begin(conn, &error);
        for (id = 1; id <= 2 && !TWIN_FAILED(s); id++) {
            s = twin_stmt_bind_int64(stmt, 1, id == 1 ? -cents : cents, &error);
            if (!TWIN_FAILED(s))
                s = twin_stmt_bind_int64(stmt, 2, id, &error);
            if (!TWIN_FAILED(s))
                s = twin_stmt_execute(stmt, NULL, NULL, &error);
        }
        if (!TWIN_FAILED(s))
            s = twin_conn_commit(conn, &error);
        if (TWIN_FAILED(s))
            twin_conn_rollback(conn, NULL);
    }
    twin_stmt_free(stmt);
    if (failed("transfer", s))
        return 1;
    puts(s == TWIN_QUEUED ? "transfer: committed; the mirror's share waits in the queue" : "transfer: committed on both");
    return 0;
}

static int show(twin_pool *pool)
{
    twin_pool_info info;
    char why[400];
    info.struct_size = sizeof info;
    if (failed("refresh", twin_pool_refresh(pool, &error)) || failed("status", twin_pool_status(pool, &info, &error)) ||
        failed("reason", twin_pool_reason(pool, why, sizeof why, NULL, &error)))
        return 1;
    printf("mirror: %s, %" PRIu64 " in the queue%s%s\n", info.mirror_state == TWIN_MIRROR_IN_SYNC ? "in step" : "behind",
           info.queue_entries, *why ? ": " : "", why);
    return 0;
}

static int make_accounts(twin_conn *conn)
{
    static const char *const sql[] = {
        "CREATE TABLE IF NOT EXISTS account(id INTEGER PRIMARY KEY, cents BIGINT NOT NULL)",
        "DELETE FROM account",
        "INSERT INTO account(id, cents) VALUES (1, 10000), (2, 0)",
    };
    size_t i;
    for (i = 0; i < 3; i++)
        if (failed(sql[i], twin_conn_execute(conn, sql[i], TWIN_NTS, NULL, NULL, &error)))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    char away[1024];
    twin_pool *pool;
    twin_conn *conn = NULL;
    int bad;
    if (argc != 3) {
        fprintf(stderr, "usage: outage MASTER-FILE MIRROR-FILE\n");
        return 2;
    }
    snprintf(away, sizeof away, "%s.away", argv[2]);
    pool = open_pool(argv[1], argv[2]);
    bad = !pool || failed("acquire", twin_pool_acquire(pool, TWIN_ACCESS_WRITE, TWIN_WAIT_DEFAULT, &conn, &error));
    bad = bad || make_accounts(conn) || transfer(conn, 100) || show(pool);
    if (!bad && rename(argv[2], away) == 0) {
        puts("-- the mirror goes away");
        bad = transfer(conn, 200) || transfer(conn, 300) || show(pool);
        bad = rename(away, argv[2]) != 0 || bad;
        puts("-- the mirror is back");
        /* It comes back by itself; this waits for it. */
        bad = bad || failed("replay", twin_pool_replay(pool, 30000, NULL, NULL, &error)) || show(pool);
        bad = bad || transfer(conn, 400);
    }
    twin_conn_free(conn);
    if (pool)
        bad = failed("close", twin_pool_close(pool, TWIN_WAIT_DEFAULT, &error)) || bad;
    twin_pool_free(pool);
    return bad;
}
