/*
 * Large values: in pieces and through streams, 64 MiB both ways, at once and by way of the queue.
 *
 *   streams ENGINE MASTER MIRROR [MEBIBYTES]     (sqlite, postgres or mariadb; connection strings)
 */
#include <stdlib.h>

#include "pair.h"

static twin_error *e;
static int engine;
static twin_pool *pool;
static twin_conn *conn;
static size_t large = 64 << 20;

/* What stands at a place of the value with this seed: no period that a buffer's size could hide. */
static unsigned char at(size_t place, unsigned seed)
{
    return (unsigned char)((place * 2654435761u + seed) >> 11 ^ place >> 16);
}

struct source {
    size_t place, size, piece, give_up_at;
    unsigned seed;
    int text, greedy;
};

/* 'e' and the euro sign, cut wherever a piece ends. */
static unsigned char text_at(size_t place)
{
    return (unsigned char)"e\xE2\x82\xAC"[place % 4];
}

static int64_t read_source(void *buffer, size_t capacity, void *user)
{
    struct source *s = user;
    unsigned char *to = buffer;
    size_t n = 0, limit = s->piece && s->piece < capacity ? s->piece : capacity;
    twin_pool_info info;
    info.struct_size = sizeof info;
    if (s->give_up_at && s->place >= s->give_up_at)
        return -5;
    if (s->place == 0) {
        /* A status may be asked, nothing else. */
        STATUS(TWIN_OK, twin_pool_status(pool, &info, NULL));
        STATUS(TWIN_ERR_STATE, twin_conn_begin(conn, NULL));
    }
    while (n < limit && s->place < s->size)
        to[n++] = s->text ? text_at(s->place++) : at(s->place++, s->seed);
    return s->greedy ? (int64_t)capacity + 1 : (int64_t)n;
}

static int is_value(twin_rows *rows, size_t size, unsigned seed, size_t piece_size)
{
    unsigned char *piece = malloc(piece_size);
    size_t place = 0, length = 0, i;
    int good = 1;
    while (good && twin_rows_read(rows, 0, 0, place, piece, piece_size, &length, &e) == TWIN_OK) {
        for (i = 0; i < length && good; i++)
            good = piece[i] == at(place + i, seed);
        place += length;
    }
    free(piece);
    return good && place == size;
}

static void check_row(int64_t id, size_t size, unsigned seed)
{
    char sql[100];
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    const void *whole = NULL;
    size_t length = 0;
    sprintf(sql, "SELECT raw FROM big WHERE id = %d", (int)id);
    GOOD(twin_conn_execute(conn, sql, TWIN_NTS, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    CHECK(is_value(rows, size, seed, 100003));
    GOOD(twin_rows_get_bytes(rows, 0, 0, &whole, &length, &e));
    CHECK(length == size && (size == 0 || ((const unsigned char *)whole)[size - 1] == at(size - 1, seed)));
    twin_rows_free(rows);
}

static twin_stmt *inserting(int64_t id)
{
    twin_stmt *in = NULL;
    GOOD(twin_conn_prepare(conn, "INSERT INTO big(id, raw, words) VALUES (?, ?, ?)", TWIN_NTS, &in, &e));
    GOOD(twin_stmt_bind_int64(in, 1, id, &e));
    GOOD(twin_stmt_bind_null(in, 3, &e));
    return in;
}

static void execute(twin_stmt *in, twin_status wanted)
{
    e = NULL;
    STATUS(wanted, twin_stmt_execute(in, NULL, NULL, &e));
    tell(e);
    e = NULL;
}

/* Pieces as the host has them. */
static void put(int64_t id, size_t size, unsigned seed, twin_status wanted)
{
    twin_stmt *in = inserting(id);
    size_t piece_size = 1 << 20, place = 0, n;
    uint8_t *piece = malloc(piece_size);
    GOOD(twin_stmt_put(in, 2, TWIN_TYPE_BYTES, NULL, 0, &e));
    while (place < size) {
        for (n = 0; n < piece_size && place < size; n++)
            piece[n] = at(place++, seed);
        GOOD(twin_stmt_put(in, 2, TWIN_TYPE_BYTES, piece, n, &e));
    }
    free(piece);
    execute(in, wanted);
    /* Pieces serve one execute. */
    FAILS(TWIN_ERR_ARGUMENT, "parameter 2 is not bound", twin_stmt_execute(in, NULL, NULL, &e));
    twin_stmt_free(in);
}

static void stream(int64_t id, size_t size, unsigned seed, size_t piece, twin_status wanted)
{
    twin_stmt *in = inserting(id);
    struct source source = {0, 0, 0, 0, 0, 0, 0};
    source.size = size, source.seed = seed, source.piece = piece;
    GOOD(twin_stmt_bind_stream(in, 2, TWIN_TYPE_BYTES, read_source, &source, &e));
    execute(in, wanted);
    CHECK(source.place == size);
    FAILS(TWIN_ERR_ARGUMENT, "parameter 2 is not bound", twin_stmt_execute(in, NULL, NULL, &e));
    twin_stmt_free(in);
}

static void directly(void)
{
    put(1, 0, 1, TWIN_OK);
    put(2, 1, 2, TWIN_OK);
    put(3, 3 << 20, 3, TWIN_OK);
    stream(4, 0, 4, 0, TWIN_OK);
    stream(5, 70000, 5, 777, TWIN_OK);
    stream(6, large, 6, 0, TWIN_OK);
    put(7, large, 7, TWIN_OK);
    check_row(1, 0, 1);
    check_row(2, 1, 2);
    check_row(3, 3 << 20, 3);
    check_row(4, 0, 4);
    check_row(5, 70000, 5);
    check_row(6, large, 6);
    check_row(7, large, 7);
}

static void words(void)
{
    twin_stmt *in = inserting(20);
    struct source source = {0, 4 * 20001, 333, 0, 0, 1, 0};
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    const char *text = NULL;
    size_t length = 0;
    GOOD(twin_stmt_bind_null(in, 2, &e));
    GOOD(twin_stmt_bind_stream(in, 3, TWIN_TYPE_TEXT, read_source, &source, &e));
    execute(in, TWIN_OK);
    GOOD(twin_stmt_bind_int64(in, 1, 21, &e));
    /* A character in two pieces. */
    GOOD(twin_stmt_put(in, 3, TWIN_TYPE_TEXT, (const uint8_t *)"\xE2\x82", 2, &e));
    GOOD(twin_stmt_put(in, 3, TWIN_TYPE_TEXT, (const uint8_t *)"\xAC!", 2, &e));
    FAILS(TWIN_ERR_ARGUMENT, "different kinds", twin_stmt_put(in, 3, TWIN_TYPE_BYTES, (const uint8_t *)"x", 1, &e));
    execute(in, TWIN_OK);
    GOOD(twin_stmt_bind_int64(in, 1, 22, &e));
    GOOD(twin_stmt_put(in, 3, TWIN_TYPE_TEXT, (const uint8_t *)"a\xE2\x82", 3, &e));
    FAILS(TWIN_ERR_UTF8, "parameter 3 is not valid UTF-8 from byte 1", twin_stmt_execute(in, NULL, NULL, &e));
    twin_stmt_free(in);
    GOOD(twin_conn_execute(conn, "SELECT words FROM big WHERE id IN (20, 21) ORDER BY id", TWIN_NTS, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    CHECK(block && block->row_count == 2);
    GOOD(twin_rows_get_text(rows, 0, 0, &text, &length, &e));
    CHECK(length == 4 * 20001 && strncmp(text, "e\xE2\x82\xAC" "e", 5) == 0);
    GOOD(twin_rows_get_text(rows, 1, 0, &text, &length, &e));
    CHECK(strcmp(text, "\xE2\x82\xAC!") == 0);
    twin_rows_free(rows);
}

/* A stream that fails has changed nothing. */
static void gives_up(void)
{
    twin_stmt *in = inserting(30);
    struct source source = {0, 0, 0, 0, 0, 0, 0};
    source.size = 1 << 20, source.give_up_at = 1 << 18;
    FAILS(TWIN_ERR_ARGUMENT, "`read`", twin_stmt_bind_stream(in, 2, TWIN_TYPE_BYTES, NULL, &source, &e));
    FAILS(TWIN_ERR_ARGUMENT, "TWIN_TYPE_TEXT", twin_stmt_bind_stream(in, 2, TWIN_TYPE_DATE, read_source, &source, &e));
    FAILS(TWIN_ERR_ARGUMENT, "TWIN_TYPE_TEXT", twin_stmt_put(in, 2, 99, (const uint8_t *)"", 0, &e));
    GOOD(twin_stmt_bind_stream(in, 2, TWIN_TYPE_BYTES, read_source, &source, &e));
    FAILS(TWIN_ERR_CANCELLED, "parameter 2 gave up (-5)", twin_stmt_execute(in, NULL, NULL, &e));
    source.place = 0, source.give_up_at = 0, source.greedy = 1;
    GOOD(twin_stmt_bind_stream(in, 2, TWIN_TYPE_BYTES, read_source, &source, &e));
    FAILS(TWIN_ERR_ARGUMENT, "there was room for", twin_stmt_execute(in, NULL, NULL, &e));
    source.place = 0, source.greedy = 0;
    GOOD(twin_stmt_bind_stream(in, 2, TWIN_TYPE_BYTES, read_source, &source, &e));
    execute(in, TWIN_OK);
    twin_stmt_free(in);
    CHECK(number(conn, "SELECT count(*) FROM big WHERE id = 30") == 1);
    check_row(30, 1 << 20, 0);
}

static void by_the_queue(void)
{
    GOOD(twin_pool_detach(pool, &e));
    stream(40, large, 40, 0, TWIN_QUEUED);
    put(41, 5 << 20, 41, TWIN_QUEUED);
    put(42, 0, 42, TWIN_QUEUED);
    GOOD(twin_pool_attach(pool, &e));
    settle(pool);
    check_row(40, large, 40);
}

static void both_sides_hold_the_same(void)
{
    twin_rows *rows = NULL;
    const twin_block *block = NULL;
    int64_t different = -1;
    GOOD(twin_pool_verify(pool, NULL, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 0, &block, &e));
    CHECK(block && block->row_count == 1);
    GOOD(twin_rows_get_int64(rows, 0, 3, &different, &e));
    CHECK(different == 0);
    twin_rows_free(rows);
}

int main(int argc, char **argv)
{
    static const char *const ddl[] = {
        "CREATE TABLE big(id BIGINT PRIMARY KEY, raw BLOB, words TEXT)",
        "CREATE TABLE big(id BIGINT PRIMARY KEY, raw BYTEA, words TEXT)",
        "CREATE TABLE big(id BIGINT PRIMARY KEY, raw LONGBLOB, words LONGTEXT)",
    };
    if (argc < 4)
        return 2;
    if (argc > 4)
        large = (size_t)atoi(argv[4]) << 20;
    engine = strcmp(argv[1], "sqlite") == 0 ? 0 : strcmp(argv[1], "postgres") == 0 ? 1 : 2;
    pool = open_pair(argv[2], argv[3], "pool.max=1;pool.min=1");
    conn = acquire(pool);
    run(conn, ddl[engine]);
    settle(pool);
    directly();
    words();
    gives_up();
    by_the_queue();
    both_sides_hold_the_same();
    twin_conn_free(conn);
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    return finish("streams");
}
