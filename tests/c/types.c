/*
 * Every type goes in and comes out as it was, at its limits, on the way of one row and on that of a block.
 *
 *   types ENGINE MASTER MIRROR     (sqlite, postgres or mariadb; connection strings)
 */
#include <float.h>
#include <stdlib.h>

#include "pair.h"

static twin_error *e;
static int engine;
static twin_pool *pool;
static twin_conn *conn;
static int tables;

/* What the three engines call a type. */
struct type {
    const char *names[3];
    int32_t kind;
};

/* A value of fixed size lies at `data`; one of variable length has `length` bytes. */
struct value {
    const void *data;
    size_t length;
};

static twin_status bind(twin_stmt *stmt, int32_t kind, const struct value *v)
{
    switch (kind) {
    case TWIN_TYPE_BOOL: return twin_stmt_bind_bool(stmt, 2, *(const uint8_t *)v->data, &e);
    case TWIN_TYPE_INT64: return twin_stmt_bind_int64(stmt, 2, *(const int64_t *)v->data, &e);
    case TWIN_TYPE_DOUBLE: return twin_stmt_bind_double(stmt, 2, *(const double *)v->data, &e);
    case TWIN_TYPE_DECIMAL: return twin_stmt_bind_decimal(stmt, 2, v->data, v->length, &e);
    case TWIN_TYPE_TEXT: return twin_stmt_bind_text(stmt, 2, v->data, v->length, &e);
    case TWIN_TYPE_BYTES: return twin_stmt_bind_bytes(stmt, 2, v->data, v->length, &e);
    case TWIN_TYPE_DATE: return twin_stmt_bind_date(stmt, 2, v->data, &e);
    case TWIN_TYPE_TIME: return twin_stmt_bind_time(stmt, 2, v->data, &e);
    case TWIN_TYPE_TIMESTAMP: return twin_stmt_bind_timestamp(stmt, 2, v->data, &e);
    default: return twin_stmt_bind_uuid(stmt, 2, v->data, &e);
    }
}

static int same_text(twin_rows *rows, size_t row, const struct value *v)
{
    const char *text = NULL;
    size_t length = 0;
    GOOD(twin_rows_get_text(rows, row, 0, &text, &length, &e));
    return text && length == v->length && memcmp(text, v->data, length) == 0 && text[length] == 0;
}

/* The value that was put in, by the getter of its type. */
static int same(twin_rows *rows, size_t row, int32_t kind, const struct value *v)
{
    int64_t n = 0;
    double d = 0;
    const void *bytes = NULL;
    size_t length = 0;
    twin_date date;
    twin_time time;
    twin_timestamp stamp;
    uint8_t uuid[16] = {0};
    char written[37];
    const char *text = NULL;
    int i, at = 0;
    switch (kind) {
    case TWIN_TYPE_BOOL: GOOD(twin_rows_get_int64(rows, row, 0, &n, &e)); return n == *(const uint8_t *)v->data;
    case TWIN_TYPE_INT64: GOOD(twin_rows_get_int64(rows, row, 0, &n, &e)); return n == *(const int64_t *)v->data;
    case TWIN_TYPE_DOUBLE: GOOD(twin_rows_get_double(rows, row, 0, &d, &e)); return d == *(const double *)v->data;
    case TWIN_TYPE_DECIMAL:
    case TWIN_TYPE_TEXT: return same_text(rows, row, v);
    case TWIN_TYPE_BYTES:
        GOOD(twin_rows_get_bytes(rows, row, 0, &bytes, &length, &e));
        return length == v->length && memcmp(bytes, v->data, length) == 0;
    case TWIN_TYPE_DATE: GOOD(twin_rows_get_date(rows, row, 0, &date, &e)); return !memcmp(&date, v->data, sizeof date);
    case TWIN_TYPE_TIME: GOOD(twin_rows_get_time(rows, row, 0, &time, &e)); return !memcmp(&time, v->data, sizeof time);
    case TWIN_TYPE_TIMESTAMP:
        GOOD(twin_rows_get_timestamp(rows, row, 0, &stamp, &e));
        return !memcmp(&stamp, v->data, sizeof stamp);
    default:
        for (i = 0; i < 16; i++) {
            at += sprintf(written + at, "%02x", ((const uint8_t *)v->data)[i]);
            if (i == 3 || i == 5 || i == 7 || i == 9)
                written[at++] = '-';
        }
        GOOD(twin_rows_get_text(rows, row, 0, &text, NULL, &e));
        /* MariaDB's driver calls its UUIDs text. */
        if (engine != 2) {
            GOOD(twin_rows_get_uuid(rows, row, 0, uuid, &e));
            return memcmp(uuid, v->data, 16) == 0 && strcmp(text, written) == 0;
        }
        return strcmp(text, written) == 0;
    }
}

/* Row i of the result is value i; behind the values stands one NULL. */
static void compare(const char *sql, int32_t kind, const struct value *values, size_t count, size_t block_rows)
{
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    size_t seen = 0, row;
    int32_t null = -1;
    twin_status s;
    twin_column_info info;
    GOOD(twin_conn_execute(conn, sql, TWIN_NTS, NULL, &rows, &e));
    info.struct_size = sizeof info;
    GOOD(twin_rows_column(rows, 0, &info, &e));
    while ((s = twin_rows_next(rows, block_rows, &block, &e)) == TWIN_OK) {
        CHECK(block->columns[0]->kind == info.kind);
        for (row = 0; row < block->row_count; row++, seen++) {
            GOOD(twin_rows_is_null(rows, row, 0, &null, &e));
            CHECK(null == (seen >= count) && block->columns[0]->nulls[row] == null);
            if (seen < count && !same(rows, row, kind, &values[seen])) {
                const char *text = NULL;
                twin_rows_get_text(rows, row, 0, &text, NULL, NULL);
                printf("    kind %d, value %u of %s: came back as '%.60s'\n", kind, (unsigned)seen, sql, text);
                CHECK(!"a value came back as it went in");
            }
        }
    }
    STATUS(TWIN_DONE, s);
    tell(e);
    e = NULL;
    CHECK(seen == count + 1);
    twin_rows_free(rows);
}

static void round_trip(const struct type *type, const struct value *values, size_t count)
{
    char sql[200], select[100];
    twin_stmt *in = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    size_t i, failed = 7;
    twin_status s;
    sprintf(sql, "CREATE TABLE v%d(id BIGINT PRIMARY KEY, v %s)", ++tables, type->names[engine]);
    run(conn, sql);
    sprintf(sql, "CREATE TABLE w%d(id BIGINT PRIMARY KEY, v %s)", tables, type->names[engine]);
    run(conn, sql);
    settle(pool);
    sprintf(sql, "INSERT INTO v%d(id, v) VALUES (?, ?)", tables);
    GOOD(twin_conn_prepare(conn, sql, TWIN_NTS, &in, &e));
    for (i = 0; i <= count; i++) {
        GOOD(twin_stmt_bind_int64(in, 1, (int64_t)i, &e));
        STATUS(TWIN_OK, i < count ? bind(in, type->kind, &values[i]) : twin_stmt_bind_null(in, 2, &e));
        s = twin_stmt_execute(in, NULL, NULL, &e);
        STATUS(TWIN_OK, s);
        if (s != TWIN_OK)
            printf("    kind %d, value %u\n", type->kind, (unsigned)i);
        tell(e);
        e = NULL;
    }
    twin_stmt_free(in);
    sprintf(select, "SELECT v FROM v%d ORDER BY id", tables);
    compare(select, type->kind, values, count, 0);
    compare(select, type->kind, values, count, 2);

    /* A block that came out goes in as a batch. */
    sprintf(sql, "SELECT id, v FROM v%d ORDER BY id", tables);
    GOOD(twin_conn_execute(conn, sql, TWIN_NTS, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    sprintf(sql, "INSERT INTO w%d(id, v) VALUES (?, ?)", tables);
    GOOD(twin_conn_prepare(conn, sql, TWIN_NTS, &in, &e));
    GOOD(twin_stmt_bind_columns(in, block, &e));
    twin_rows_free(rows);
    GOOD(twin_stmt_execute_batch(in, NULL, NULL, 0, &failed, &e));
    CHECK(failed == 0);
    twin_stmt_free(in);
    sprintf(select, "SELECT v FROM w%d ORDER BY id", tables);
    compare(select, type->kind, values, count, 0);
}

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TEXT(t) {t, sizeof(t) - 1}
#define AT(p) {&(p), sizeof(p)}

static void numbers(void)
{
    static const struct type ints = {{"BIGINT", "BIGINT", "BIGINT"}, TWIN_TYPE_INT64};
    static const struct type bools = {{"BOOLEAN", "BOOLEAN", "BIT(1)"}, TWIN_TYPE_BOOL};
    static const struct type doubles = {{"DOUBLE", "DOUBLE PRECISION", "DOUBLE"}, TWIN_TYPE_DOUBLE};
    static const struct type decimals = {{"NUMERIC", "NUMERIC(38,4)", "DECIMAL(38,4)"}, TWIN_TYPE_DECIMAL};
    static const int64_t n[] = {0, -1, 1, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    static const double d[] = {0.0, -1.5, 123456789.125, 1e300, -1e-300, 0.1, DBL_MIN, DBL_MAX, -DBL_MAX};
    static const uint8_t b[] = {0, 1};
    struct value v[16];
    static const struct value exact[] = {TEXT("0.0000"), TEXT("-0.0001"),
                                         TEXT("9999999999999999999999999999999999.9999"),
                                         TEXT("-9999999999999999999999999999999999.9999")};
    /* SQLite keeps a number of 8 bytes, whatever the column is called. */
    static const struct value short_ones[] = {TEXT("0"), TEXT("-12.5"), TEXT("1234567.25")};
    size_t i;
    for (i = 0; i < COUNT(n); i++)
        v[i].data = &n[i];
    round_trip(&ints, v, COUNT(n));
    /* libsqliteodbc gives 15 digits: its largest double is none any more. */
    for (i = 0; i < COUNT(d); i++)
        v[i].data = &d[i];
    round_trip(&doubles, v, engine == 0 ? 6 : COUNT(d));
    for (i = 0; i < COUNT(b); i++)
        v[i].data = &b[i];
    round_trip(&bools, v, COUNT(b));
    if (engine == 0)
        round_trip(&decimals, short_ones, COUNT(short_ones));
    else
        round_trip(&decimals, exact, COUNT(exact));
}

static void texts_and_bytes(void)
{
    static const struct type texts = {{"TEXT", "TEXT", "LONGTEXT"}, TWIN_TYPE_TEXT};
    static const struct type narrow = {{"VARCHAR(4)", "VARCHAR(4)", "VARCHAR(4)"}, TWIN_TYPE_TEXT};
    static const struct type bytes = {{"BLOB", "BYTEA", "LONGBLOB"}, TWIN_TYPE_BYTES};
    /* Two bytes, three, the last of the first plane, four, the very last character; a letter with its accent apart. */
    static const struct value four[] = {TEXT(""), TEXT("abcd"), TEXT("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F"),
                                        TEXT("\xE2\x82\xAC\xE6\xBC\xA2"), TEXT("\xEF\xBF\xBD"),
                                        TEXT("\xF0\x9F\x98\x80\xF0\x9D\x84\x9E"), TEXT("\xF4\x8F\xBF\xBD"),
                                        TEXT("e\xCC\x81"), TEXT(" a ")};
    struct value v[8];
    size_t i, size = 1 << 20;
    char *text = malloc(size), *blob = malloc(size);
    for (i = 0; i < size; i++) {
        text[i] = "twin \xE2\x82\xAC"[i % 8];
        blob[i] = (char)(i * 31 + (i >> 8));
    }
    round_trip(&narrow, four, COUNT(four));
    v[0].data = text, v[0].length = 0;
    v[1].data = text, v[1].length = 255;
    v[2].data = text, v[2].length = 256;
    v[3].data = text, v[3].length = 4096;
    v[4].data = text, v[4].length = size;
    v[5].data = "it's \\ \"q\" ` % _ ? \n\r\t {fn now()}", v[5].length = strlen(v[5].data);
    /* Cut where no character is cut: eight bytes are six characters, the last of three bytes. */
    v[1].length = 253;
    round_trip(&texts, v, 6);
    v[0].data = blob, v[0].length = 0;
    v[1].data = blob, v[1].length = 1;
    v[2].data = blob, v[2].length = 65536;
    v[3].data = blob, v[3].length = size;
    round_trip(&bytes, v, 4);
    free(text);
    free(blob);
}

static void times(void)
{
    static const struct type dates = {{"DATE", "DATE", "DATE"}, TWIN_TYPE_DATE};
    static const struct type clocks = {{"TIME", "TIME(6)", "TIME(6)"}, TWIN_TYPE_TIME};
    static const struct type stamps = {{"TIMESTAMP", "TIMESTAMP(6)", "DATETIME(6)"}, TWIN_TYPE_TIMESTAMP};
    static const struct type uuids = {{"UUID", "UUID", "UUID"}, TWIN_TYPE_UUID};
    static const twin_date d[] = {{1, 1, 1, {0}}, {1582, 10, 10, {0}}, {2024, 2, 29, {0}}, {9999, 12, 31, {0}}};
    static const twin_time c[] = {{0, 0, 0, 0, {0}, 0}, {12, 34, 56, 0, {0}, 1000}, {23, 59, 59, 0, {0}, 999999000}};
    static const twin_timestamp t[] = {{1, 1, 1, 0, 0, 0, {0}, 0},
                                       {1969, 12, 31, 23, 59, 59, {0}, 500000000},
                                       {2024, 2, 29, 12, 34, 56, {0}, 1000},
                                       {9999, 12, 31, 23, 59, 59, {0}, 999999000}};
    static const uint8_t u[2][16] = {{0xAB, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF},
                                     {0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    struct value v[4];
    size_t i;
    for (i = 0; i < COUNT(d); i++)
        v[i].data = &d[i];
    round_trip(&dates, v, COUNT(d));
    for (i = 0; i < COUNT(c); i++)
        v[i].data = &c[i];
    round_trip(&clocks, v, COUNT(c));
    for (i = 0; i < COUNT(t); i++)
        v[i].data = &t[i];
    round_trip(&stamps, v, COUNT(t));
    for (i = 0; i < COUNT(u); i++)
        v[i].data = u[i];
    round_trip(&uuids, v, COUNT(u));
}

/* Values that are none of their type, and getters that do not fit. */
static void misfits(void)
{
    twin_stmt *stmt = NULL;
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    int64_t n = 77;
    double d = 77;
    const void *data = NULL;
    size_t length = 0;
    static const twin_date no_date = {2024, 13, 1, {0}};
    static const twin_time no_time = {24 * 40, 0, 0, 0, {0}, 0};
    static const twin_timestamp no_stamp = {2024, 1, 1, 24, 0, 0, {0}, 0};
    GOOD(twin_conn_prepare(conn, "SELECT 'x', 7", TWIN_NTS, &stmt, &e));
    FAILS(TWIN_ERR_ARGUMENT, "month 13", twin_stmt_bind_date(stmt, 1, &no_date, &e));
    FAILS(TWIN_ERR_ARGUMENT, "hour 960", twin_stmt_bind_time(stmt, 1, &no_time, &e));
    FAILS(TWIN_ERR_ARGUMENT, "hour 24", twin_stmt_bind_timestamp(stmt, 1, &no_stamp, &e));
    FAILS(TWIN_ERR_ARGUMENT, "decimal", twin_stmt_bind_decimal(stmt, 1, "1,5", TWIN_NTS, &e));
    GOOD(twin_stmt_clear(stmt, &e));
    GOOD(twin_stmt_execute(stmt, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    FAILS(TWIN_ERR_ARGUMENT, "no integer", twin_rows_get_int64(rows, 0, 0, &n, &e));
    FAILS(TWIN_ERR_ARGUMENT, "no number", twin_rows_get_double(rows, 0, 0, &d, &e));
    CHECK(n == 77 && d == 77);
    GOOD(twin_rows_get_int64(rows, 0, 1, &n, &e));
    GOOD(twin_rows_get_double(rows, 0, 1, &d, &e));
    CHECK(n == 7 && d == 7.0);
    FAILS(TWIN_ERR_ARGUMENT, "neither bytes nor text", twin_rows_get_bytes(rows, 0, 1, &data, &length, &e));
    twin_rows_free(rows);
    twin_stmt_free(stmt);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    engine = strcmp(argv[1], "sqlite") == 0 ? 0 : strcmp(argv[1], "postgres") == 0 ? 1 : 2;
    pool = open_pair(argv[2], argv[3], "pool.max=1;pool.min=1");
    conn = acquire(pool);
    numbers();
    texts_and_bytes();
    times();
    misfits();
    twin_conn_free(conn);
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    return finish("types");
}
