/*
 * Every exported function with every bad input that it can be given: an error, and no crash. The rows of the table are
 * made from the header (tests/capi/prototypes.rs), so that no function can be without its own.
 *
 *   bad_input ENGINE MASTER MIRROR     (sqlite, postgres or mariadb; connection strings)
 *
 * The functions are called through one type of function with nothing but words as parameters: on x86-64 they are
 * passed as the function expects them.
 */
#include <stdlib.h>

#include "pair.h"

typedef uint64_t (*any)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef uint64_t (*with_double)(uint64_t, uint64_t, double, uint64_t);

/*
 * Parameters: O P C S R X E handles, t text and b bytes (l: their length), B buffer (c: its capacity), o place for an
 * output, h place for a handle, s structure to be filled, d structure to be read, k block, v number, f double,
 * g callback, u its user, e error.
 * Results: S status, T text, I number, V nothing.
 */
struct row {
    const char *name;
    any call;
    char result;
    const char *kinds;
    const char *names[9];
};

static const struct row table[] = {
#include "prototypes.h"
};

#define FUNCTIONS (sizeof table / sizeof *table)
#define POINTERS "tbBohsdk"

/* What the header allows to be NULL. */
static const char *const may_be_null[] = {
    "twin_conn_execute:affected", "twin_conn_execute:rows", "twin_stmt_execute:affected", "twin_stmt_execute:rows",
    "twin_stmt_execute_batch:statuses", "twin_stmt_execute_batch:affected", "twin_stmt_describe:parameters",
    "twin_stmt_describe:columns", "twin_rows_get_text:length", "twin_options_get:length", "twin_pool_get:length",
    "twin_pool_reason:length", "twin_pool_last_error:length", "twin_pool_metrics_text:length",
    "twin_conn_get_schema:length",
};
/* Text and bytes that may be empty: values are. */
static const char *const may_be_empty[] = {
    "twin_conn_set_label:label", "twin_stmt_bind_text:text", "twin_stmt_bind_bytes:data", "twin_stmt_put:data", "twin_options_parse:text",
};
/* Text that may hold NUL characters. */
static const char *const may_hold_nul[] = {"twin_stmt_bind_text:text"};

#define ALLOWS(list, row, i) allows(list, sizeof list / sizeof *list, row, i)

static int allows(const char *const *list, size_t count, const struct row *row, int i)
{
    char key[120];
    size_t n;
    sprintf(key, "%s:%s", row->name, row->names[i]);
    for (n = 0; n < count; n++)
        if (strcmp(list[n], key) == 0)
            return 1;
    return 0;
}

static twin_error *e;
static const char *master, *mirror;

/* A live object of each kind, and a dead one. */
static twin_options *options;
static twin_pool *pool;
static twin_conn *conn;
static twin_stmt *stmt;
static twin_rows *rows;
static twin_cancel *cancel;
static twin_error *error;
static void *stale[7];
static const char kinds[] = "OPCSRXE";

static void make(void)
{
    const twin_block *block = NULL;
    GOOD(twin_options_new(&options, &e));
    conn = acquire(pool);
    GOOD(twin_conn_prepare(conn, "SELECT ?", TWIN_NTS, &stmt, &e));
    GOOD(twin_conn_cancel_token(conn, &cancel, &e));
    GOOD(twin_conn_execute(conn, "SELECT 'x' AS x", TWIN_NTS, NULL, &rows, &e));
    GOOD(twin_rows_next(rows, 1, &block, &e));
    STATUS(TWIN_ERR_ARGUMENT, twin_conn_execute(conn, "", 0, NULL, NULL, &error));
}

static void unmake(void)
{
    twin_options_free(options);
    twin_conn_free(conn);
    twin_stmt_free(stmt);
    twin_rows_free(rows);
    twin_cancel_free(cancel);
    twin_error_free(error);
}

static void *live(char kind)
{
    switch (kind) {
    case 'O': return options;
    case 'P': return pool;
    case 'C': return conn;
    case 'S': return stmt;
    case 'R': return rows;
    case 'X': return cancel;
    default: return error;
    }
}

/* Room for whatever is written, with a border that must not be. */
static union { uint64_t align; unsigned char bytes[4096]; } room[9];
static unsigned char *place(int i)
{
    memset(room[i].bytes, 0xA5, sizeof room[i].bytes);
    return room[i].bytes;
}

static size_t size_of_struct(const struct row *row)
{
    if (strstr(row->name, "_metrics"))
        return sizeof(twin_metrics);
    return strstr(row->name, "_column") ? sizeof(twin_column_info) : sizeof(twin_pool_info);
}

static const char *text_for(const char *name)
{
    if (strcmp(name, "key") == 0) return "pool.max";
    if (strcmp(name, "value") == 0) return "4";
    if (strcmp(name, "sql") == 0) return "SELECT 1";
    if (strcmp(name, "text") == 0) return "1";
    return "s";
}

static uint64_t number_for(const struct row *row, const char *name)
{
    if (strcmp(name, "index") == 0)
        return strncmp(row->name, "twin_stmt_b", 11) == 0 || strcmp(row->name, "twin_stmt_put") == 0;
    if (strcmp(name, "timeout_ms") == 0 || strcmp(name, "capacity") == 0) return 20;
    if (strcmp(name, "kind") == 0) return TWIN_TYPE_BYTES;
    if (strcmp(name, "level") == 0 || strcmp(name, "limit") == 0) return 1;
    return 0;
}

static uint64_t words[9];

static uint64_t word(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

/* What is good for each parameter. */
static void good_words(const struct row *row)
{
    static const twin_date date = {2024, 2, 29, {0}};
    static const twin_time clock = {1, 2, 3, 0, {0}, 0};
    static const twin_timestamp stamp = {2024, 2, 29, 1, 2, 3, {0}, 0};
    static twin_block block = {sizeof block, 0, 0, NULL};
    int i;
    memset(words, 0, sizeof words);
    block.struct_size = sizeof block;
    for (i = 0; row->kinds[i]; i++) {
        switch (row->kinds[i]) {
        case 't': words[i] = word(text_for(row->names[i])); break;
        case 'b': words[i] = word("bytes"); break;
        case 'l': words[i] = row->kinds[i - 1] == 't' ? (uint64_t)TWIN_NTS : 5; break;
        case 'B': case 'o': case 'h': case 'e': words[i] = word(place(i)); break;
        case 'c': words[i] = 64; break;
        case 's':
            words[i] = word(place(i));
            *(uint32_t *)(void *)room[i].bytes = (uint32_t)size_of_struct(row);
            break;
        case 'd':
            words[i] = strstr(row->name, "_timestamp") ? word(&stamp) : strstr(row->name, "_time") ? word(&clock)
                : word(&date);
            if (strstr(row->name, "_uuid"))
                words[i] = word("0123456789abcdef");
            break;
        case 'k': words[i] = word(&block); break;
        case 'v': words[i] = number_for(row, row->names[i]); break;
        case 'f': case 'g': case 'u': break;
        default: words[i] = word(live(row->kinds[i])); break;
        }
        if (row->kinds[i] == 'e')
            memset(room[i].bytes, 0, 8);
    }
}

static int calls;

/* Calls, and looks at what every error has to be like. */
static int64_t call(const struct row *row)
{
    uint64_t result;
    int i;
    calls++;
    if (strchr(row->kinds, 'f'))
        result = ((with_double)(void (*)(void))row->call)(words[0], words[1], 1.5, words[3]);
    else
        result = row->call(words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], words[8]);
    if (row->result != 'S')
        return (int64_t)result;
    for (i = 0; row->kinds[i]; i++) {
        if (row->kinds[i] == 'e' && words[i] && (int32_t)result < 0) {
            twin_error *said = *(twin_error **)(void *)room[i].bytes;
            CHECK(said != NULL && twin_error_status(said) == (int32_t)result && *twin_error_message(said) != 0);
            twin_error_free(said);
        }
        if (row->kinds[i] == 'h' && words[i] && (int32_t)result < 0)
            CHECK(*(void **)(void *)room[i].bytes == NULL);
    }
    if ((int32_t)result >= 0) {
        /* It has done something: what it gave is freed, and the next one finds new objects. */
        for (i = 0; row->kinds[i]; i++)
            if (row->kinds[i] == 'h' && words[i]) {
                void *made = *(void **)(void *)room[i].bytes;
                twin_options_free(made), twin_pool_free(made), twin_conn_free(made), twin_stmt_free(made);
                twin_rows_free(made), twin_cancel_free(made), twin_error_free(made);
            }
        unmake();
        make();
    }
    return (int32_t)result;
}

/* One cell of the table: the worst of its calls. */
enum mark { NOT = '-', ERR = 'E', FINE = 'o', WRONG = '!' };

static char worst(char cell, char now)
{
    return cell == WRONG || now == WRONG ? WRONG : cell == ERR || now == NOT ? cell : now;
}

static char judge(const struct row *row, int64_t got, int allowed, int only)
{
    char mark = got < 0 && (!only || got == only) ? ERR : allowed ? FINE : WRONG;
    checks++;
    if (mark == WRONG) {
        failures++;
        printf("%s: gave %s\n", row->name, twin_status_name((int32_t)got));
    }
    return mark;
}

/* A function with a handle that is none; `error` may be wanted or not. */
static char bad_handle(const struct row *row, void *handle)
{
    int with;
    char cell = NOT;
    const char *first = row->kinds[0] ? strchr(kinds, row->kinds[0]) : NULL;
    if (!first)
        return NOT;
    for (with = 0; with < 2; with++) {
        int64_t got;
        int i;
        good_words(row);
        words[0] = word(handle);
        for (i = 0; row->kinds[i]; i++)
            if (row->kinds[i] == 'e' && !with)
                words[i] = 0;
        got = call(row);
        switch (row->result) {
        case 'S': cell = worst(cell, judge(row, got, 0, TWIN_ERR_HANDLE)); break;
        case 'T': cell = worst(cell, judge(row, *(const char *)(uintptr_t)got == 0 ? -1 : 0, 0, 0)); break;
        case 'I': cell = worst(cell, judge(row, (int32_t)got == 0 ? -1 : 0, 0, 0)); break;
        default: cell = worst(cell, FINE); checks++; break;
        }
    }
    return cell;
}

static char null_pointers(const struct row *row)
{
    char cell = NOT;
    int i;
    for (i = 0; row->kinds[i]; i++)
        if (strchr(POINTERS, row->kinds[i])) {
            good_words(row);
            words[i] = 0;
            cell = worst(cell, judge(row, call(row), ALLOWS(may_be_null, row, i), 0));
        }
    return cell;
}

static char lengths(const struct row *row, size_t length, int only)
{
    char cell = NOT;
    int i;
    for (i = 0; row->kinds[i]; i++)
        if (row->kinds[i] == 'l') {
            good_words(row);
            words[i] = length;
            cell = worst(cell, judge(row, call(row), length == 0 && ALLOWS(may_be_empty, row, i - 1), only));
        }
    return cell;
}

static char texts(const struct row *row, const char *text, size_t length, int only)
{
    char cell = NOT;
    int i;
    for (i = 0; row->kinds[i]; i++)
        if (row->kinds[i] == 't') {
            good_words(row);
            words[i] = word(text), words[i + 1] = length;
            cell = worst(cell, judge(row, call(row), !only && ALLOWS(may_hold_nul, row, i), only));
        }
    return cell;
}

static char small_structures(const struct row *row)
{
    static twin_block small = {8, 0, 0, NULL};
    uint32_t sizes[] = {0, 4, 8};
    char cell = NOT;
    size_t n;
    int i;
    for (i = 0; row->kinds[i]; i++)
        for (n = 0; n < 3; n++)
            if (row->kinds[i] == 's' || row->kinds[i] == 'k') {
                good_words(row);
                small.struct_size = sizes[n];
                if (row->kinds[i] == 'k')
                    words[i] = word(&small);
                else
                    *(uint32_t *)(void *)room[i].bytes = sizes[n];
                cell = worst(cell, judge(row, call(row), 0, TWIN_ERR_ARGUMENT));
            }
    return cell;
}

/* A later header's structure is filled as far as it is known, and not beyond. */
static char large_structures(const struct row *row)
{
    char cell = NOT;
    size_t size = size_of_struct(row), n;
    int i;
    for (i = 0; row->kinds[i]; i++)
        if (row->kinds[i] == 's') {
            good_words(row);
            *(uint32_t *)(void *)room[i].bytes = (uint32_t)size + 64;
            /* No statement is described here, so one function has nothing to tell. */
            cell = worst(cell, judge(row, call(row), 1, 0));
            for (n = size; n < sizeof room[i].bytes; n++)
                if (room[i].bytes[n] != 0xA5) {
                    failures++;
                    cell = WRONG;
                    break;
                }
        }
    return cell;
}

int main(int argc, char **argv)
{
    static char junk[64];
    twin_options *other = NULL;
    size_t n, k;
    if (argc != 4)
        return 2;
    master = argv[2], mirror = argv[3];
    pool = open_pair(master, mirror, "pool.max=2;pool.min=2");
    make();
    for (k = 0; k < 7; k++)
        stale[k] = live(kinds[k]);
    unmake();
    twin_pool_free(pool);
    pool = open_pair(master, mirror, "pool.max=2;pool.min=2");
    make();
    GOOD(twin_options_new(&other, &e));

    printf("%-32s NULL stale foreign kind | pointer empty huge utf8 nul | small large\n", "E error, o allowed, - has none");
    for (n = 0; n < FUNCTIONS; n++) {
        const struct row *row = &table[n];
        const char *kind = row->kinds[0] ? strchr(kinds, row->kinds[0]) : NULL;
        char cell[11];
        cell[0] = bad_handle(row, NULL);
        cell[1] = kind ? bad_handle(row, stale[kind - kinds]) : NOT;
        cell[2] = worst(bad_handle(row, junk), bad_handle(row, (void *)(uintptr_t)-1));
        cell[3] = bad_handle(row, row->kinds[0] == 'O' ? (void *)pool : (void *)other);
        cell[4] = null_pointers(row);
        cell[5] = lengths(row, 0, 0);
        cell[6] = lengths(row, (size_t)-2, TWIN_ERR_ARGUMENT);
        cell[7] = texts(row, "a\xFF\xFE", 3, TWIN_ERR_UTF8);
        cell[8] = texts(row, "a\0b", 3, 0);
        cell[9] = small_structures(row);
        cell[10] = large_structures(row);
        printf("%-32s  %c    %c     %c     %c   |    %c      %c    %c    %c   %c  |   %c     %c\n", row->name, cell[0], cell[1],
               cell[2], cell[3], cell[4], cell[5], cell[6], cell[7], cell[8], cell[9], cell[10]);
    }
    unmake();
    twin_options_free(other);
    twin_pool_free(pool);
    CHECK(twin_debug_live_handles() == 0);
    printf("%u functions, %d calls\n", (unsigned)FUNCTIONS, calls);
    return finish("bad_input");
}
