/*
 * What twinpool adds to a statement that reads on the master: the same prepared SELECT of one row by its key, bare through
 * ODBC and through the library, in turns in one run. SQLite, so that no network hides it.
 *
 *   read FOLDER
 *
 * SECONDS_EACH (default 2): how long each of the two is measured.
 */
#define _GNU_SOURCE
#include <sql.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <twinpool.h>

#define ROUNDS 20
#define QUERY "SELECT v FROM t WHERE id = ?"

static void must(twin_status status, twin_error *error)
{
    if (!TWIN_FAILED(status))
        return;
    fprintf(stderr, "read: %s\n", twin_error_message(error));
    exit(1);
}

static void odbc(SQLRETURN r, const char *what)
{
    if (SQL_SUCCEEDED(r))
        return;
    fprintf(stderr, "read: %s failed\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static SQLHSTMT bare;
static SQLBIGINT bare_id;
static SQLLEN bare_length;

static void open_bare(const char *folder)
{
    SQLHENV env;
    SQLHDBC dbc;
    char text[4096];
    odbc(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &env), "SQLAllocHandle");
    odbc(SQLSetEnvAttr(env, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0), "SQLSetEnvAttr");
    odbc(SQLAllocHandle(SQL_HANDLE_DBC, env, &dbc), "SQLAllocHandle");
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s/a.db", folder);
    odbc(SQLDriverConnect(dbc, NULL, (SQLCHAR *)text, SQL_NTS, NULL, 0, NULL, SQL_DRIVER_NOPROMPT), "SQLDriverConnect");
    odbc(SQLAllocHandle(SQL_HANDLE_STMT, dbc, &bare), "SQLAllocHandle");
    odbc(SQLPrepare(bare, (SQLCHAR *)QUERY, SQL_NTS), "SQLPrepare");
    odbc(SQLBindParameter(bare, 1, SQL_PARAM_INPUT, SQL_C_SBIGINT, SQL_BIGINT, 0, 0, &bare_id, 0, &bare_length),
         "SQLBindParameter");
}

static void read_bare(int id)
{
    SQLBIGINT v = 0;
    SQLLEN length = 0;
    bare_id = id;
    bare_length = 0;
    odbc(SQLExecute(bare), "SQLExecute");
    odbc(SQLFetch(bare), "SQLFetch");
    odbc(SQLGetData(bare, 1, SQL_C_SBIGINT, &v, 0, &length), "SQLGetData");
    odbc(SQLFreeStmt(bare, SQL_CLOSE), "SQLFreeStmt");
    if (v != id * 2)
        exit(2);
}

static twin_conn *conn;
static twin_stmt *stmt;

static void open_twin(const char *folder)
{
    twin_error *error = NULL;
    twin_options *options = NULL;
    twin_pool *pool = NULL;
    char text[4096];
    must(twin_options_new(&options, &error), error);
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s/a.db", folder);
    must(twin_options_set(options, "master", TWIN_NTS, text, TWIN_NTS, &error), error);
    snprintf(text, sizeof text, "Driver=SQLite3;Database=%s/b.db", folder);
    must(twin_options_set(options, "mirror", TWIN_NTS, text, TWIN_NTS, &error), error);
    must(twin_pool_open(options, &pool, &error), error);
    must(twin_pool_acquire(pool, TWIN_ACCESS_WRITE, 60000, &conn, &error), error);
    must(twin_conn_execute(conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, v BIGINT)", TWIN_NTS, NULL, NULL, &error),
         error);
    must(twin_conn_execute(conn,
                           "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                           "SELECT i, i * 2 FROM n",
                           TWIN_NTS, NULL, NULL, &error),
         error);
    must(twin_conn_prepare(conn, QUERY, TWIN_NTS, &stmt, &error), error);
}

static void read_twin(int id)
{
    twin_error *error = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    int64_t v = 0;
    must(twin_stmt_bind_int64(stmt, 1, id, &error), error);
    must(twin_stmt_execute(stmt, NULL, &rows, &error), error);
    must(twin_rows_next(rows, 1, &block, &error), error);
    must(twin_rows_get_int64(rows, 0, 0, &v, &error), error);
    twin_rows_free(rows);
    if (v != id * 2)
        exit(2);
}

/* Seconds for one read, for about `seconds`. */
static double measure(void (*one)(int), double seconds)
{
    double start = now(), elapsed;
    long n = 0;
    do {
        int i;
        for (i = 0; i < 500; i++)
            one(1 + (int)(n++ % 1000));
    } while ((elapsed = now() - start) < seconds);
    return elapsed / n;
}

int main(int argc, char **argv)
{
    const char *each = getenv("SECONDS_EACH");
    double seconds = (each ? atof(each) : 2) / ROUNDS, bare_best = 1, twin_best = 1;
    int i;
    if (argc != 2) {
        fprintf(stderr, "usage: read FOLDER\n");
        return 2;
    }
    open_twin(argv[1]);
    open_bare(argv[1]);
    /* In turns, and the best of each: what others do on the machine only takes away. */
    for (i = 0; i < ROUNDS; i++) {
        double t = measure(read_bare, seconds);
        if (t < bare_best)
            bare_best = t;
        t = measure(read_twin, seconds);
        if (t < twin_best)
            twin_best = t;
    }
    printf("figure read_ns_bare_odbc %.0f\n", bare_best * 1e9);
    printf("figure read_ns_twinpool %.0f\n", twin_best * 1e9);
    printf("figure read_overhead_ns %.0f goal <= 1000\n", (twin_best - bare_best) * 1e9);
    return 0;
}
