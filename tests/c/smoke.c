/* What needs no database: versions, options, errors, and every function with a handle that is none. */
#include "check.h"

static char junk[64];

/* NULL, an address of ours, a token of the wrong kind, a freed token, numbers that could be tokens. */
static void *bad[8];
static size_t bad_count;

static void versions(void)
{
    char text[32];
    CHECK(twin_abi_version() == TWIN_ABI_VERSION);
    CHECK(twin_version_number() == TWIN_VERSION_NUMBER);
    CHECK(TWIN_VERSION_NUMBER == TWIN_VERSION_MAJOR * 1000000 + TWIN_VERSION_MINOR * 1000 + TWIN_VERSION_PATCH);
    sprintf(text, "%d.%d.%d", TWIN_VERSION_MAJOR, TWIN_VERSION_MINOR, TWIN_VERSION_PATCH);
    CHECK(strcmp(twin_version(), text) == 0);
    CHECK(strcmp(twin_status_name(TWIN_QUEUED), "TWIN_QUEUED") == 0);
    CHECK(strcmp(twin_status_name(TWIN_ERR_BUSY), "TWIN_ERR_BUSY") == 0);
    CHECK(strcmp(twin_status_name(12345), "") == 0);
    CHECK(!TWIN_FAILED(TWIN_OK) && !TWIN_FAILED(TWIN_QUEUED) && TWIN_FAILED(TWIN_ERR_HANDLE));
}

static void every_function_with_a_bad_handle(void *h)
{
    twin_error *e = NULL;
    int32_t i32 = 77;
    int64_t i64 = 77;
    size_t size = 77;
    double d = 77;
    char buffer[16] = "as it was";
    const char *text = junk;
    const void *data = junk;
    const twin_block *block = (const twin_block *)(void *)junk;
    twin_date date = {2024, 2, 29, {0, 0}};
    twin_time time = {12, 0, 0, 0, {0, 0, 0}, 0};
    twin_timestamp stamp = {2024, 2, 29, 12, 0, 0, {0, 0, 0}, 0};
    unsigned char uuid[16] = {0};
    twin_pool_info info;
    twin_metrics metrics;
    twin_column_info column;
    twin_options *options = (twin_options *)(void *)junk;
    twin_pool *pool = (twin_pool *)(void *)junk;
    twin_conn *conn = (twin_conn *)(void *)junk;
    twin_stmt *stmt = (twin_stmt *)(void *)junk;
    twin_rows *rows = (twin_rows *)(void *)junk;
    twin_cancel *cancel = (twin_cancel *)(void *)junk;
    (void)options;

    info.struct_size = sizeof info;
    metrics.struct_size = sizeof metrics;
    column.struct_size = sizeof column;

#define BAD(call)                               \
    do {                                        \
        STATUS(TWIN_ERR_HANDLE, call);          \
        CHECK(e != NULL);                       \
        CHECK(twin_error_status(e) == TWIN_ERR_HANDLE); \
        CHECK(*twin_error_message(e) != 0);     \
        twin_error_free(e);                     \
        e = NULL;                               \
    } while (0)

    BAD(twin_options_set(h, "pool.max", TWIN_NTS, "4", TWIN_NTS, &e));
    BAD(twin_options_get(h, "pool.max", TWIN_NTS, buffer, sizeof buffer, &size, &e));
    BAD(twin_options_parse(h, "pool.max=4", TWIN_NTS, &e));
    BAD(twin_options_load(h, "twinpool.toml", TWIN_NTS, &e));
    BAD(twin_options_load_env(h, &e));
    BAD(twin_pool_open(h, &pool, &e));
    CHECK(pool == NULL);

    BAD(twin_pool_close(h, 0, &e));
    BAD(twin_pool_acquire(h, TWIN_ACCESS_WRITE, 0, &conn, &e));
    CHECK(conn == NULL);
    BAD(twin_pool_suspend(h, 0, &e));
    BAD(twin_pool_resume(h, &e));
    BAD(twin_pool_status(h, &info, &e));
    BAD(twin_pool_metrics(h, &metrics, &e));
    BAD(twin_pool_metrics_text(h, buffer, sizeof buffer, &size, &e));
    BAD(twin_pool_reason(h, buffer, sizeof buffer, &size, &e));
    BAD(twin_pool_last_error(h, buffer, sizeof buffer, &size, &e));
    BAD(twin_pool_refresh(h, &e));
    BAD(twin_pool_set(h, "pool.max", TWIN_NTS, "4", TWIN_NTS, &e));
    BAD(twin_pool_get(h, "pool.max", TWIN_NTS, buffer, sizeof buffer, &size, &e));
    BAD(twin_pool_evict(h, &e));
    BAD(twin_pool_detach(h, &e));
    BAD(twin_pool_attach(h, &e));
    BAD(twin_pool_replay(h, 0, NULL, NULL, &e));
    rows = (twin_rows *)(void *)junk;
    BAD(twin_pool_verify(h, NULL, NULL, &rows, &e));
    CHECK(rows == NULL);
    BAD(twin_pool_queue_list(h, 10, &rows, &e));
    BAD(twin_pool_queue_show(h, 1, &rows, &e));
    BAD(twin_pool_queue_skip(h, 1, &e));
    BAD(twin_pool_listen(h, NULL, NULL, &e));

    BAD(twin_conn_release(h, &e));
    BAD(twin_conn_abort(h, &e));
    rows = (twin_rows *)(void *)junk;
    BAD(twin_conn_execute(h, "SELECT 1", TWIN_NTS, &i64, &rows, &e));
    CHECK(rows == NULL);
    BAD(twin_conn_prepare(h, "SELECT 1", TWIN_NTS, &stmt, &e));
    CHECK(stmt == NULL);
    BAD(twin_conn_begin(h, &e));
    BAD(twin_conn_commit(h, &e));
    BAD(twin_conn_rollback(h, &e));
    BAD(twin_conn_savepoint(h, "s", TWIN_NTS, &e));
    BAD(twin_conn_rollback_to(h, "s", TWIN_NTS, &e));
    BAD(twin_conn_release_savepoint(h, "s", TWIN_NTS, &e));
    BAD(twin_conn_in_transaction(h, &i32, &e));
    BAD(twin_conn_set_autocommit(h, 0, &e));
    BAD(twin_conn_get_autocommit(h, &i32, &e));
    BAD(twin_conn_set_isolation(h, TWIN_ISOLATION_SERIALIZABLE, &e));
    BAD(twin_conn_get_isolation(h, &i32, &e));
    BAD(twin_conn_set_read_only(h, 1, &e));
    BAD(twin_conn_get_read_only(h, &i32, &e));
    BAD(twin_conn_set_schema(h, "s", TWIN_NTS, &e));
    BAD(twin_conn_set_label(h, "s", TWIN_NTS, &e));
    BAD(twin_conn_get_schema(h, buffer, sizeof buffer, &size, &e));
    BAD(twin_conn_set_network_timeout(h, 100, &e));
    BAD(twin_conn_get_network_timeout(h, &i32, &e));
    BAD(twin_conn_is_valid(h, 0, &i32, &e));
    BAD(twin_conn_cancel_token(h, &cancel, &e));
    CHECK(cancel == NULL);
    BAD(twin_conn_is_direct(h, &i32, &e));
    BAD(twin_conn_mirror_state(h, &i32, &e));
    BAD(twin_conn_set_generated_keys(h, 1, &e));
    BAD(twin_conn_generated_key(h, &i64, &e));
    BAD(twin_conn_last_outcome(h, &i32, &e));
    BAD(twin_cancel_request(h, &e));

    BAD(twin_stmt_bind_null(h, 1, &e));
    BAD(twin_stmt_bind_bool(h, 1, 1, &e));
    BAD(twin_stmt_bind_int64(h, 1, 1, &e));
    BAD(twin_stmt_bind_double(h, 1, 1, &e));
    BAD(twin_stmt_bind_decimal(h, 1, "1.5", TWIN_NTS, &e));
    BAD(twin_stmt_bind_text(h, 1, "t", TWIN_NTS, &e));
    BAD(twin_stmt_bind_bytes(h, 1, uuid, 3, &e));
    BAD(twin_stmt_bind_date(h, 1, &date, &e));
    BAD(twin_stmt_bind_time(h, 1, &time, &e));
    BAD(twin_stmt_bind_timestamp(h, 1, &stamp, &e));
    BAD(twin_stmt_bind_uuid(h, 1, uuid, &e));
    BAD(twin_stmt_put(h, 1, TWIN_TYPE_BYTES, (const uint8_t *)junk, 4, &e));
    BAD(twin_stmt_bind_stream(h, 1, TWIN_TYPE_BYTES, NULL, NULL, &e));
    BAD(twin_stmt_bind_columns(h, NULL, &e));
    BAD(twin_stmt_clear(h, &e));
    BAD(twin_stmt_execute(h, &i64, &rows, &e));
    BAD(twin_stmt_execute_batch(h, &i32, &i64, 1, &size, &e));
    BAD(twin_stmt_batch_error(h, 0, NULL, &e));
    BAD(twin_stmt_describe(h, &i32, &i32, &e));
    BAD(twin_stmt_column(h, 0, &column, &e));

    BAD(twin_rows_next(h, 10, &block, &e));
    CHECK(block == NULL);
    BAD(twin_rows_column_count(h, &i32, &e));
    BAD(twin_rows_column(h, 0, &column, &e));
    BAD(twin_rows_affected(h, &i64, &e));
    BAD(twin_rows_more(h, &e));
    BAD(twin_rows_is_null(h, 0, 0, &i32, &e));
    BAD(twin_rows_get_int64(h, 0, 0, &i64, &e));
    BAD(twin_rows_get_double(h, 0, 0, &d, &e));
    BAD(twin_rows_get_text(h, 0, 0, &text, &size, &e));
    CHECK(text == NULL);
    BAD(twin_rows_get_bytes(h, 0, 0, &data, &size, &e));
    BAD(twin_rows_read(h, 0, 0, 0, buffer, sizeof buffer, &size, &e));
    BAD(twin_rows_get_date(h, 0, 0, &date, &e));
    BAD(twin_rows_get_time(h, 0, 0, &time, &e));
    BAD(twin_rows_get_timestamp(h, 0, 0, &stamp, &e));
    BAD(twin_rows_get_uuid(h, 0, 0, uuid, &e));
#undef BAD

    CHECK(i32 == 77 && i64 == 77 && size == 77 && d == 77);
    CHECK(strcmp(buffer, "as it was") == 0);

    CHECK(twin_error_status(h) == TWIN_ERR_HANDLE);
    CHECK(strcmp(twin_error_message(h), "") == 0);
    CHECK(twin_error_retryable(h) == 0 && twin_error_outcome_unknown(h) == 0 && twin_error_side(h) == 0);
    CHECK(twin_error_record_count(h) == 0 && twin_error_record_native(h, 0) == 0);
    CHECK(strcmp(twin_error_record_sqlstate(h, 0), "") == 0 && strcmp(twin_error_record_message(h, -1), "") == 0);
    CHECK(twin_error_record_side(h, 0) == 0 && strcmp(twin_error_record_function(h, 0), "") == 0);

    twin_options_free(h);
    twin_pool_free(h);
    twin_conn_free(h);
    twin_stmt_free(h);
    twin_rows_free(h);
    twin_cancel_free(h);
    twin_error_free(h);
}

static void options(void)
{
    twin_options *o = NULL, *freed;
    twin_error *e = NULL;
    char buffer[256];
    size_t length = 0;

    STATUS(TWIN_ERR_ARGUMENT, twin_options_new(NULL, &e));
    CHECK(strstr(twin_error_message(e), "`out`") != NULL);
    twin_error_free(e);
    e = NULL;

    STATUS(TWIN_OK, twin_options_new(&o, NULL));
    CHECK(o != NULL);
    STATUS(TWIN_OK, twin_options_set(o, "pool.max", TWIN_NTS, "16", TWIN_NTS, NULL));
    STATUS(TWIN_OK, twin_options_set(o, "pool.maxXX", 8, "17XX", 2, NULL));
    STATUS(TWIN_OK, twin_options_get(o, "pool.max", TWIN_NTS, buffer, sizeof buffer, &length, NULL));
    CHECK(length == 2 && strcmp(buffer, "17") == 0);
    STATUS(TWIN_ERR_BUFFER, twin_options_get(o, "pool.max", TWIN_NTS, buffer, 2, &length, NULL));
    CHECK(length == 2 && strcmp(buffer, "17") == 0);
    length = 0;
    STATUS(TWIN_ERR_BUFFER, twin_options_get(o, "pool.max", TWIN_NTS, NULL, 0, &length, NULL));
    CHECK(length == 2);
    STATUS(TWIN_OK, twin_options_get(o, "pool.max", TWIN_NTS, buffer, 3, NULL, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_get(o, "pool.max", TWIN_NTS, NULL, 5, &length, NULL));

    STATUS(TWIN_ERR_OPTION, twin_options_set(o, "pool.maximum", TWIN_NTS, "16", TWIN_NTS, &e));
    CHECK(strstr(twin_error_message(e), "pool.max") != NULL);
    twin_error_free(e);
    e = NULL;
    STATUS(TWIN_ERR_OPTION, twin_options_set(o, "pool.max", TWIN_NTS, "many", TWIN_NTS, NULL));
    STATUS(TWIN_ERR_UTF8, twin_options_set(o, "name", TWIN_NTS, "\xC3\x28", 2, NULL));
    STATUS(TWIN_ERR_UTF8, twin_options_set(o, "\xFF", TWIN_NTS, "x", TWIN_NTS, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_set(o, "name", TWIN_NTS, "a\0b", 3, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_set(o, NULL, 4, "x", TWIN_NTS, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_set(o, NULL, 0, "x", TWIN_NTS, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_set(o, NULL, TWIN_NTS, "x", TWIN_NTS, NULL));
    STATUS(TWIN_ERR_ARGUMENT, twin_options_set(o, "name", TWIN_NTS, "x", (size_t)-2, NULL));

    STATUS(TWIN_OK, twin_options_parse(o, "pool.max=9;mirror={Driver=SQLite3;Database=b.db}", TWIN_NTS, NULL));
    STATUS(TWIN_OK, twin_options_get(o, "mirror", TWIN_NTS, buffer, sizeof buffer, &length, NULL));
    CHECK(strcmp(buffer, "Driver=SQLite3;Database=b.db") == 0);
    STATUS(TWIN_OK, twin_options_set(o, "master", TWIN_NTS, "Driver=X;UID=u;PWD=very secret", TWIN_NTS, NULL));
    STATUS(TWIN_OK, twin_options_get(o, "master", TWIN_NTS, buffer, sizeof buffer, &length, NULL));
    CHECK(strstr(buffer, "secret") == NULL && strstr(buffer, "UID=u") != NULL);
    STATUS(TWIN_ERR_OPTION, twin_options_load(o, "/no/such/file.toml", TWIN_NTS, &e));
    CHECK(strstr(twin_error_message(e), "/no/such/file.toml") != NULL);
    twin_error_free(e);

    STATUS(TWIN_ERR_ARGUMENT, twin_pool_open(o, NULL, NULL));
    freed = o;
    twin_options_free(o);
    twin_options_free(freed);
    STATUS(TWIN_ERR_HANDLE, twin_options_load_env(freed, NULL));
}

static int logged;

static void log_line(int32_t level, const char *target, size_t target_len, const char *text, size_t text_len, void *user)
{
    (void)target, (void)target_len, (void)text, (void)text_len, (void)level;
    ++*(int *)user;
}

static void logging(void)
{
    STATUS(TWIN_ERR_ARGUMENT, twin_log_listen(99, log_line, &logged, NULL));
    STATUS(TWIN_OK, twin_log_listen(TWIN_LOG_TRACE, log_line, &logged, NULL));
    STATUS(TWIN_OK, twin_log_listen(TWIN_LOG_OFF, NULL, NULL, NULL));
}

int main(void)
{
    size_t i;
    twin_options *live = NULL, *freed = NULL;
    twin_error *error = NULL;
    int64_t handles = twin_debug_live_handles();
    CHECK(handles == 0);

    versions();
    options();
    logging();
    CHECK(twin_debug_live_handles() == 0);

    STATUS(TWIN_OK, twin_options_new(&freed, NULL));
    twin_options_free(freed);
    bad[bad_count++] = NULL;
    bad[bad_count++] = junk;
    bad[bad_count++] = freed;
    bad[bad_count++] = (void *)(uintptr_t)1;
    bad[bad_count++] = (void *)(uintptr_t)-1;
    bad[bad_count++] = (void *)((uintptr_t)freed ^ (uintptr_t)1 << 40);
    bad[bad_count++] = (void *)((uintptr_t)freed + 1);
    bad[bad_count++] = (void *)((uintptr_t)freed ^ (uintptr_t)7 << 56);
    for (i = 0; i < bad_count; i++)
        every_function_with_a_bad_handle(bad[i]);
    CHECK(twin_debug_live_handles() == 0);

    /* The right slot and generation, but of another kind. */
    STATUS(TWIN_OK, twin_options_new(&live, NULL));
    STATUS(TWIN_ERR_HANDLE, twin_pool_close((twin_pool *)(void *)live, 0, &error));
    STATUS(TWIN_ERR_HANDLE, twin_rows_more((twin_rows *)(void *)live, NULL));
    STATUS(TWIN_ERR_HANDLE, twin_conn_begin((twin_conn *)(void *)error, NULL));
    twin_error_free((twin_error *)(void *)live);
    twin_error_free(error);
    twin_options_free(live);
    CHECK(twin_debug_live_handles() == 0);
    return finish("smoke");
}
