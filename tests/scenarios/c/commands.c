/* What each command does. A command finds its objects by name; a name stays after its object has ended. */
#include "runner.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OBJECTS 64

static struct object {
    char name[32];
    void *handle;
    /* Kinds of events heard on this pool, a bit each. */
    uint32_t heard;
} objects[MAX_OBJECTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct object *find(const char *name)
{
    int i;
    pthread_mutex_lock(&lock);
    for (i = 0; i < MAX_OBJECTS - 1 && objects[i].name[0] && strcmp(objects[i].name, name) != 0; i++)
        ;
    snprintf(objects[i].name, sizeof objects[i].name, "%s", name);
    pthread_mutex_unlock(&lock);
    return &objects[i];
}

static const char *const sides[] = {"pool", "master", "mirror"};
static const char *const states[] = {"", "in_sync", "queueing", "replaying", "diverged", "detached"};
static const char *const events[] = {"", "mirror_lost", "mirror_back", "replay", "diverged", "leak_suspected"};

void answer_error(struct command *c, twin_status status, twin_error *error)
{
    const char *sqlstate = twin_error_record_sqlstate(error, 0);
    fprintf(c->out, "= %s side=%s sqlstate=%s native=%d retryable=%d unknown=%d\n", twin_status_name(status),
            sides[twin_error_side(error)], sqlstate[0] ? sqlstate : "-", (int)twin_error_record_native(error, 0),
            (int)twin_error_retryable(error), (int)twin_error_outcome_unknown(error));
    snprintf(c->message, sizeof c->message, "%s", twin_error_message(error));
    twin_error_free(error);
}

static void print_rows(struct command *c, twin_rows *rows)
{
    const twin_block *block = NULL;
    twin_error *e = NULL;
    twin_status s;
    uint64_t total = 0, row;
    int32_t column;
    while ((s = twin_rows_next(rows, 0, &block, &e)) == TWIN_OK) {
        for (row = 0; row < block->row_count; row++) {
            fputs("row", c->out);
            for (column = 0; column < block->column_count; column++) {
                putc(' ', c->out);
                print_cell(c->out, block->columns[column], row);
            }
            putc('\n', c->out);
        }
        total += block->row_count;
    }
    twin_rows_free(rows);
    if (TWIN_FAILED(s))
        answer_error(c, s, e);
    else
        fprintf(c->out, "= TWIN_OK rows=%" PRIu64 "\n", total);
}

/* Ends a command: an error, rows, or the number of rows written. */
static void answer(struct command *c, twin_status s, twin_error *e, int64_t affected, twin_rows *rows)
{
    if (TWIN_FAILED(s))
        answer_error(c, s, e);
    else if (rows)
        print_rows(c, rows);
    else
        fprintf(c->out, "= %s affected=%" PRId64 "\n", twin_status_name(s), affected);
}

static void on_event(const twin_event *event, void *user)
{
    struct object *pool = user;
    pthread_mutex_lock(&lock);
    pool->heard |= 1u << event->kind;
    pthread_mutex_unlock(&lock);
}

static twin_status set_options(struct command *c, int from, twin_options *options, twin_error **e)
{
    twin_status s = TWIN_OK;
    int i;
    for (i = from; i < c->words && !TWIN_FAILED(s); i++) {
        char *value = strchr(c->word[i], '=');
        size_t length;
        *value++ = 0;
        length = decode_word(value);
        s = twin_options_set(options, c->word[i], TWIN_NTS, value, length, e);
    }
    return s;
}

static twin_status open_pool(struct command *c, int from, twin_pool **pool, twin_error **e)
{
    twin_options *options = NULL;
    twin_status s = twin_options_new(&options, e);
    if (!TWIN_FAILED(s))
        s = set_options(c, from, options, e);
    if (!TWIN_FAILED(s))
        s = twin_pool_open(options, pool, e);
    twin_options_free(options);
    return s;
}

/* Rows of two numbers, one statement each: work for a thread. */
static twin_status fill(twin_conn *conn, const char *table, int64_t from, int64_t to, twin_error **e)
{
    twin_stmt *stmt = NULL;
    char sql[200];
    twin_status s;
    snprintf(sql, sizeof sql, "INSERT INTO %s(id, n) VALUES (?, ?)", table);
    s = twin_conn_prepare(conn, sql, TWIN_NTS, &stmt, e);
    for (; from <= to && !TWIN_FAILED(s); from++) {
        s = twin_stmt_bind_int64(stmt, 1, from, e);
        if (!TWIN_FAILED(s))
            s = twin_stmt_bind_int64(stmt, 2, from * 10, e);
        if (!TWIN_FAILED(s))
            s = twin_stmt_execute(stmt, NULL, NULL, e);
    }
    twin_stmt_free(stmt);
    return s;
}

/* Statements opened, executed, read and freed, for tests of leaks. */
static twin_status churn(twin_conn *conn, int count, const char *sql, twin_error **e)
{
    twin_status s = TWIN_OK;
    for (; count > 0 && !TWIN_FAILED(s); count--) {
        twin_stmt *stmt = NULL;
        twin_rows *rows = NULL;
        const twin_block *block = NULL;
        s = twin_conn_prepare(conn, sql, TWIN_NTS, &stmt, e);
        if (!TWIN_FAILED(s))
            s = twin_stmt_execute(stmt, NULL, &rows, e);
        if (!TWIN_FAILED(s) && rows)
            s = twin_rows_next(rows, 0, &block, e);
        twin_rows_free(rows);
        twin_stmt_free(stmt);
    }
    return TWIN_FAILED(s) ? s : TWIN_OK;
}

static twin_status reopen(struct command *c, int count, twin_error **e)
{
    twin_status s = TWIN_OK;
    char line[4000];
    for (; count > 0 && !TWIN_FAILED(s); count--) {
        struct command again = {{0}, {0}, 0, NULL, ""};
        char *word, *state = NULL;
        twin_pool *pool = NULL;
        snprintf(line, sizeof line, "%s", c->rest[2]);
        for (word = strtok_r(line, " ", &state); word; word = strtok_r(NULL, " ", &state))
            again.word[again.words++] = word;
        s = open_pool(&again, 0, &pool, e);
        if (!TWIN_FAILED(s))
            s = twin_pool_close(pool, TWIN_WAIT_DEFAULT, e);
        twin_pool_free(pool);
    }
    return s;
}

static twin_status execute(struct command *c, twin_stmt *stmt, int64_t *affected, twin_rows **rows, twin_error **e)
{
    struct value value;
    twin_status s = TWIN_OK;
    int i;
    for (i = 2; i < c->words && !TWIN_FAILED(s); i++) {
        if (!parse_value(c->word[i], &value)) {
            fprintf(stderr, "no value: %s\n", c->word[i]);
            exit(2);
        }
        s = bind_value(stmt, i - 1, &value, e);
    }
    return TWIN_FAILED(s) ? s : twin_stmt_execute(stmt, affected, rows, e);
}

/* Bytes again and again, three at a time where they are few. */
struct repeated {
    char bytes[200];
    size_t length;
    uint64_t at;
    uint64_t end;
};

static int64_t read_repeated(void *buffer, size_t capacity, void *user)
{
    struct repeated *r = user;
    size_t most = r->end < 1000 && capacity > 3 ? 3 : capacity, n;
    for (n = 0; n < most && r->at < r->end; n++)
        ((char *)buffer)[n] = r->bytes[r->at++ % r->length];
    return (int64_t)n;
}

/* The stream is read at the next execute, so its bytes stay. */
static twin_status bind_repeated(twin_stmt *stmt, int32_t index, const struct value *value, int times, twin_error **e)
{
    static struct repeated streams[8];
    static int next;
    struct repeated *r = &streams[next++ % 8];
    r->length = value->length < sizeof r->bytes ? value->length : sizeof r->bytes;
    memcpy(r->bytes, value->bytes, r->length);
    r->at = 0;
    r->end = (uint64_t)r->length * (uint64_t)times;
    return twin_stmt_bind_stream(stmt, index, value->kind, read_repeated, r, e);
}

static uint32_t crc32(uint32_t crc, const unsigned char *bytes, size_t length)
{
    int bit;
    for (crc = ~crc; length > 0; length--)
        for (crc ^= *bytes++, bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return ~crc;
}

/* The length and the checksum of each value of a result, read in pieces. */
static twin_status print_pieces(struct command *c, twin_rows *rows, size_t size, uint64_t *total, twin_error **e)
{
    const twin_block *block = NULL;
    unsigned char *piece = malloc(size);
    twin_status s;
    size_t row, got = 0;
    int32_t column;
    while ((s = twin_rows_next(rows, 0, &block, e)) == TWIN_OK) {
        for (row = 0; row < block->row_count; row++) {
            fputs("row", c->out);
            for (column = 0; column < block->column_count; column++) {
                uint64_t length = 0;
                uint32_t crc = 0;
                if (block->columns[column]->nulls && block->columns[column]->nulls[row]) {
                    fputs(" null", c->out);
                    continue;
                }
                while ((s = twin_rows_read(rows, row, column, length, piece, size, &got, e)) == TWIN_OK) {
                    crc = crc32(crc, piece, got);
                    length += got;
                }
                fprintf(c->out, " %" PRIu64 ":%08" PRIx32, length, crc);
            }
            putc('\n', c->out);
        }
        *total += block->row_count;
    }
    free(piece);
    return s;
}

static void answer_text(struct command *c, twin_status s, twin_error *e, const char *text)
{
    if (TWIN_FAILED(s))
        answer_error(c, s, e);
    else
        fprintf(c->out, "= %s\n", text);
}

static void answer_flag(struct command *c, twin_status s, twin_error *e, int32_t flag)
{
    answer_text(c, s, e, flag ? "yes" : "no");
}

static int32_t isolation(const char *name)
{
    return strcmp(name, "serializable") == 0      ? TWIN_ISOLATION_SERIALIZABLE
           : strcmp(name, "repeatable_read") == 0 ? TWIN_ISOLATION_REPEATABLE_READ
                                                  : TWIN_ISOLATION_READ_COMMITTED;
}

void run_command(struct command *c)
{
    const char *verb = c->word[0];
    struct object *object = c->words > 1 ? find(c->word[1]) : NULL;
    void *h = object ? object->handle : NULL;
    const char *third = c->words > 2 ? c->word[2] : "";
    twin_error *e = NULL;
    twin_status s = TWIN_OK;
    int64_t affected = 0;
    int32_t flag = 0;
    twin_rows *rows = NULL;
    size_t length = 0;
    char text[2000] = "";

#define IS(name) (strcmp(verb, name) == 0)
    if (IS("abi")) {
        snprintf(text, sizeof text, "%u", (unsigned)twin_abi_version());
        answer_text(c, s, e, text);
    } else if (IS("live")) {
        snprintf(text, sizeof text, "%" PRId64, twin_debug_live_handles());
        answer_text(c, s, e, text);
    } else if (IS("collect")) {
        answer_text(c, s, e, "done");
    } else if (IS("state")) {
        twin_pool_info info;
        info.struct_size = sizeof info;
        s = twin_pool_status(h, &info, &e);
        answer_text(c, s, e, TWIN_FAILED(s) ? "" : states[info.mirror_state]);
    } else if (IS("queue")) {
        s = twin_pool_queue_list(h, 1000, &rows, &e);
        for (; !TWIN_FAILED(s) && s != TWIN_DONE; affected++) {
            const twin_block *block = NULL;
            s = twin_rows_next(rows, 1, &block, &e);
        }
        twin_rows_free(rows);
        snprintf(text, sizeof text, "%d", (int)affected - 1);
        answer_text(c, s, e, text);
    } else if (IS("verify")) {
        s = twin_pool_verify(h, NULL, NULL, &rows, &e);
        answer(c, s, e, 0, rows);
    } else if (IS("figure")) {
        twin_metrics figures;
        memset(&figures, 0, sizeof figures);
        figures.struct_size = sizeof figures;
        s = twin_pool_metrics(h, &figures, &e);
        snprintf(text, sizeof text, "%" PRIu64,
                 strcmp(third, "max") == 0      ? figures.max
                 : strcmp(third, "active") == 0 ? figures.active
                 : strcmp(third, "direct") == 0 ? figures.direct
                                                : figures.acquires);
        answer_text(c, s, e, text);
    } else if (IS("metrics")) {
        char *page = calloc(1, 100000);
        s = twin_pool_metrics_text(h, page, 100000, &length, &e);
        answer_flag(c, s, e, strstr(page, "twinpool_") != NULL);
        free(page);
    } else if (IS("key")) {
        s = twin_conn_generated_key(h, &affected, &e);
        snprintf(text, sizeof text, "%" PRId64, affected);
        answer_text(c, s, e, s == TWIN_DONE ? "none" : text);
    } else if (IS("get")) {
        s = twin_pool_get(h, third, TWIN_NTS, text, sizeof text, &length, &e);
        answer_text(c, s, e, text);
    } else if (IS("heard")) {
        int i;
        for (i = 1; i < 6 && strcmp(events[i], third) != 0; i++)
            ;
        pthread_mutex_lock(&lock);
        flag = (object->heard >> i & 1) != 0;
        pthread_mutex_unlock(&lock);
        answer_flag(c, s, e, flag);
    } else if (IS("pieces")) {
        uint64_t total = 0;
        s = twin_conn_execute(h, c->rest[3], TWIN_NTS, NULL, &rows, &e);
        if (!TWIN_FAILED(s))
            s = print_pieces(c, rows, strtoul(third, NULL, 10), &total, &e);
        twin_rows_free(rows);
        snprintf(text, sizeof text, "TWIN_OK rows=%" PRIu64, total);
        answer_text(c, s, e, text);
    } else if (IS("outcome")) {
        s = twin_conn_last_outcome(h, &flag, &e);
        answer_text(c, s, e, twin_status_name(flag));
    } else if (IS("direct")) {
        s = twin_conn_is_direct(h, &flag, &e);
        answer_flag(c, s, e, flag);
    } else if (IS("in_transaction")) {
        s = twin_conn_in_transaction(h, &flag, &e);
        answer_flag(c, s, e, flag);
    } else if (IS("valid")) {
        s = twin_conn_is_valid(h, 5000, &flag, &e);
        answer_flag(c, s, e, flag);
    } else if (IS("columns")) {
        int32_t count = 0, i;
        s = twin_stmt_describe(h, &flag, &count, &e);
        for (i = 0; i < count && !TWIN_FAILED(s); i++) {
            twin_column_info info;
            info.struct_size = sizeof info;
            s = twin_stmt_column(h, i, &info, &e);
            if (!TWIN_FAILED(s))
                fprintf(c->out, "column %s\n", info.name);
        }
        snprintf(text, sizeof text, "parameters=%d", (int)flag);
        answer_text(c, s, e, text);
    } else if (IS("batch")) {
        s = run_batch(c, h, &e);
        if (TWIN_FAILED(s))
            answer_error(c, s, e);
    } else {
        void *made = NULL;
        if (IS("open"))
            s = open_pool(c, 2, (twin_pool **)&made, &e);
        else if (IS("close"))
            s = twin_pool_close(h, TWIN_WAIT_DEFAULT, &e);
        else if (IS("acquire") || IS("reader"))
            s = twin_pool_acquire(find(third)->handle, IS("reader") ? TWIN_ACCESS_READ : TWIN_ACCESS_WRITE,
                                  c->words > 3 ? atoi(c->word[3]) : TWIN_WAIT_DEFAULT, (twin_conn **)&made, &e);
        else if (IS("prepare"))
            s = twin_conn_prepare(find(third)->handle, c->rest[3], TWIN_NTS, (twin_stmt **)&made, &e);
        else if (IS("run"))
            s = twin_conn_execute(h, c->rest[2], TWIN_NTS, &affected, &rows, &e);
        else if (IS("execute"))
            s = execute(c, h, &affected, &rows, &e);
        else if (IS("release"))
            s = twin_conn_release(h, &e);
        else if (IS("abort"))
            s = twin_conn_abort(h, &e);
        else if (IS("begin"))
            s = twin_conn_begin(h, &e);
        else if (IS("commit"))
            s = twin_conn_commit(h, &e);
        else if (IS("rollback"))
            s = twin_conn_rollback(h, &e);
        else if (IS("savepoint"))
            s = twin_conn_savepoint(h, third, TWIN_NTS, &e);
        else if (IS("rollback_to"))
            s = twin_conn_rollback_to(h, third, TWIN_NTS, &e);
        else if (IS("release_savepoint"))
            s = twin_conn_release_savepoint(h, third, TWIN_NTS, &e);
        else if (IS("isolation"))
            s = twin_conn_set_isolation(h, isolation(third), &e);
        else if (IS("read_only"))
            s = twin_conn_set_read_only(h, strcmp(third, "on") == 0, &e);
        else if (IS("autocommit"))
            s = twin_conn_set_autocommit(h, strcmp(third, "on") == 0, &e);
        else if (IS("set"))
            s = twin_pool_set(h, third, TWIN_NTS, c->word[3], TWIN_NTS, &e);
        else if (IS("replay"))
            s = twin_pool_replay(h, atoi(third), NULL, NULL, &e);
        else if (IS("suspend"))
            s = twin_pool_suspend(h, 1, &e);
        else if (IS("resume"))
            s = twin_pool_resume(h, &e);
        else if (IS("detach"))
            s = twin_pool_detach(h, &e);
        else if (IS("attach"))
            s = twin_pool_attach(h, &e);
        else if (IS("evict"))
            s = twin_pool_evict(h, &e);
        else if (IS("keys"))
            s = twin_conn_set_generated_keys(h, strcmp(third, "on") == 0, &e);
        else if (IS("put") || IS("stream")) {
            int times = c->words > 4 ? atoi(c->word[4]) : 1;
            struct value value;
            parse_value(c->word[3], &value);
            if (IS("stream"))
                s = bind_repeated(h, atoi(third), &value, times, &e);
            else
                for (; times > 0 && !TWIN_FAILED(s); times--)
                    s = twin_stmt_put(h, atoi(third), value.kind, (const uint8_t *)value.bytes, value.length, &e);
        } else if (IS("listen"))
            s = twin_pool_listen(h, on_event, object, &e);
        else if (IS("fill"))
            s = fill(h, third, atoll(c->word[3]), atoll(c->word[4]), &e);
        else if (IS("churn"))
            s = churn(h, atoi(third), c->rest[3], &e);
        else if (IS("reopen"))
            s = reopen(c, atoi(c->word[1]), &e);
        else if (IS("cancel")) {
            twin_cancel *token = NULL;
            s = twin_conn_cancel_token(h, &token, &e);
            if (!TWIN_FAILED(s))
                s = twin_cancel_request(token, &e);
            twin_cancel_free(token);
        } else if (IS("free"))
            twin_pool_free(h);
        else if (IS("drop"))
            twin_conn_free(h);
        else if (IS("end"))
            twin_stmt_free(h);
        else {
            fprintf(c->out, "= no command %s\n", verb);
            return;
        }
        if (made)
            object->handle = made;
        if ((IS("run") || IS("execute")))
            answer(c, s, e, affected, rows);
        else
            answer_text(c, s, e, twin_status_name(s));
    }
}
