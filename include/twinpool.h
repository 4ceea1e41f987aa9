/*
 * twinpool - a connection pool that keeps two databases in step from inside the application.
 *
 *
 * What a twin pool is
 *
 *   A pool is one process's handle on a pair of databases reached through ODBC: a master and its mirror. What
 *   is committed on a connection of the pool lands in both. While the mirror is away, its share of each commit
 *   waits in the table invocation_queue in the master, written in the same transaction as the data, and is
 *   replayed exactly once and in order when the mirror returns. Calls go on meanwhile; a commit whose share was
 *   queued says so with TWIN_QUEUED.
 *
 *   options --open--> pool --acquire--> conn --execute--> rows
 *                                            --prepare--> stmt --execute--> rows
 *
 *
 * A first program
 *
 *   #include <stdio.h>
 *   #include <twinpool.h>
 *
 *   int main(void)
 *   {
 *       twin_options *options = NULL; twin_pool *pool = NULL; twin_conn *conn = NULL; twin_error *error = NULL;
 *       twin_status s;
 *       s = twin_options_new(&options, &error);
 *       if (!TWIN_FAILED(s))
 *           s = twin_options_parse(options, "master={Driver=SQLite3;Database=a.db};"
 *                                           "mirror={Driver=SQLite3;Database=b.db}", TWIN_NTS, &error);
 *       if (!TWIN_FAILED(s))
 *           s = twin_pool_open(options, &pool, &error);
 *       if (!TWIN_FAILED(s))
 *           s = twin_pool_acquire(pool, TWIN_ACCESS_WRITE, TWIN_WAIT_DEFAULT, &conn, &error);
 *       if (!TWIN_FAILED(s))
 *           s = twin_conn_execute(conn, "INSERT INTO item(id, name) VALUES (1, 'bolt')", TWIN_NTS,
 *                                 NULL, NULL, &error);
 *       if (TWIN_FAILED(s))
 *           fprintf(stderr, "%s: %s\n", twin_status_name(s), twin_error_message(error));
 *       else if (s == TWIN_QUEUED)
 *           puts("committed; the mirror gets its share later");
 *       twin_error_free(error);
 *       twin_conn_free(conn);
 *       twin_pool_free(pool);
 *       twin_options_free(options);
 *       return TWIN_FAILED(s);
 *   }
 *
 *
 * Status
 *
 *   Every call that can fail gives a twin_status: 0 is success, a positive number is success with news
 *   (TWIN_DONE, TWIN_QUEUED), a negative number is an error. Ask with TWIN_FAILED(status). Who compares with
 *   TWIN_OK takes TWIN_QUEUED for a failure and repeats work that is committed. docs/errors.md lists every status
 *   with its cause and cure.
 *
 *   What any call may give is not repeated at each: TWIN_ERR_HANDLE, TWIN_ERR_FORKED and TWIN_ERR_PANIC; TWIN_ERR_BUSY
 *   where one thread at a time is served; TWIN_ERR_ARGUMENT and TWIN_ERR_UTF8 for arguments that are out of their range;
 *   TWIN_ERR_STATE from a callback. Calls that talk to the master may give TWIN_ERR_UNREACHABLE, TWIN_ERR_DATABASE,
 *   TWIN_ERR_RETRY, TWIN_ERR_TIMEOUT, TWIN_ERR_CANCELLED, TWIN_ERR_TX_FAILED, TWIN_ERR_EXHAUSTED and TWIN_ERR_FENCED.
 *
 *
 * Transactions
 *
 *   A connection begins in autocommit: each statement is a transaction of its own. twin_conn_begin opens one that lasts
 *   until twin_conn_commit or twin_conn_rollback. A transaction that wrote ends on both databases, or on the master with
 *   its share in the queue; which of the two, the status of the commit tells. After TWIN_ERR_RETRY the whole transaction
 *   may be repeated as it was; after TWIN_ERR_OUTCOME_UNKNOWN look at the data first.
 *
 *
 * Results and large values
 *
 *   Rows come in blocks: columns of values that lie side by side in memory, good until the next block. Getters give
 *   single values of the current block and convert where nothing is lost. A value of any size can be read in pieces
 *   (twin_rows_read), and bound in pieces (twin_stmt_put) or through a function of the host (twin_stmt_bind_stream).
 *
 *
 * Callbacks
 *
 *   Functions of the host are handed the pointer that came with them. They may run on threads of the library (events,
 *   log) or on the thread that is inside a call (streams, progress). They may ask for a status, metrics or an option's
 *   value, and request a cancel; anything else gives TWIN_ERR_STATE, because it could wait for the callback itself. What
 *   they are handed is theirs until they return. No exception and no longjmp may leave them.
 *
 *
 * Arguments
 *
 *   The object comes first, then inputs, then outputs, the error last. Outputs are written on success only; an
 *   output that is a handle or a borrowed pointer is NULL after a failure. An output that may be NULL says so.
 *
 *   Text in is UTF-8, a pointer and a length in bytes; TWIN_NTS as the length means NUL-terminated; a NULL pointer
 *   with length 0 is the empty text. All input is read before the call returns, and nothing of it is kept by
 *   reference; a callback and its user pointer are kept until it is replaced, a stream's until it has been read.
 *
 *   Text out is either borrowed, from an object and until a call that its description names, or copied into the
 *   caller's buffer. Nothing is ever handed over that wants to be freed by free().
 *
 *   Everything here exists since 0.1 unless it says otherwise.
 *
 *   Structures begin with struct_size. A structure to be filled has it set by the caller to the size it was
 *   compiled with; new fields come at the end only, so old programs and new libraries understand each other.
 *
 *   timeout_ms counts milliseconds: 0 does not wait, TWIN_WAIT_DEFAULT waits as long as the option says,
 *   TWIN_WAIT_FOREVER as long as it takes. Calls without a timeout that talk to a database are limited by the
 *   connection's network timeout (option statement.timeout_ms).
 *
 *
 * Errors
 *
 *   err is where a failed call leaves a twin_error, which the caller frees. After a success *err is as it was. err may
 *   be NULL: the status alone is enough to branch on. An error has one line of text for people and the ODBC
 *   drivers' own records: SQLSTATE, native code, text, and the side (master or mirror) they come from.
 *
 *
 * Ownership
 *
 *   What a call gives in a "twin_... **out" belongs to the caller, who ends it with the _free of its kind. Free never
 *   fails, NULL is fine, and the order does not matter: a pool freed while connections are out closes when the last
 *   of them, and of their statements and rows, has been freed. What can fail has a verb of its own
 *   (twin_pool_close, twin_conn_release).
 *
 *   A handle is a number in the shape of a pointer. It is looked up, never followed: a handle that is NULL, was freed,
 *   or never was one, gives TWIN_ERR_HANDLE.
 *
 *
 * Threads
 *
 *   Pool and cancel: any thread, any time. Error: immutable. Connection, statement, rows, options: one thread at a
 *   time, any thread; a second thread inside gets TWIN_ERR_BUSY. Statements and rows of one connection count as that
 *   connection. Borrowed memory is only as safe as its owner: no thread may end it while another reads.
 *
 *   The library's own threads block all signals; it installs no signal handler. It stays loaded until the process
 *   ends. After fork(), handles of the parent give TWIN_ERR_FORKED in the child, and freeing them there leaks them
 *   on purpose: the sessions are the parent's. A child may open a pool of its own.
 *
 *
 * If the library has a bug
 *
 *   A panic inside is stopped at the border: the call gives TWIN_ERR_PANIC, and every later call on that pool too,
 *   except status and free. The process and other pools go on.
 */

#ifndef TWINPOOL_H
#define TWINPOOL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TWIN_API __attribute__((visibility("default")))
#else
#define TWIN_API
#endif

/** Whether a status is an error. TWIN_QUEUED and TWIN_DONE are none. */
#define TWIN_FAILED(status) ((status) < 0)

/** As the length of a text: it ends at its NUL. */
#define TWIN_NTS ((size_t)-1)

/**
 * Version of this header.
 */
#define TWIN_VERSION_MAJOR 0

/**
 * Version of this header.
 */
#define TWIN_VERSION_MINOR 1

/**
 * Version of this header.
 */
#define TWIN_VERSION_PATCH 0

/**
 * major * 1000000 + minor * 1000 + patch.
 */
#define TWIN_VERSION_NUMBER 1000

/**
 * For `timeout_ms`: what the option for this wait says. (0: do not wait at all.)
 */
#define TWIN_WAIT_DEFAULT -1

/**
 * For `timeout_ms`: as long as it takes.
 */
#define TWIN_WAIT_FOREVER -2

/**
 * A connection that reads and writes.
 */
#define TWIN_ACCESS_WRITE 0

/**
 * A connection that reads. A statement that would write is refused with `TWIN_ERR_STATE` or the database's
 * own error.
 */
#define TWIN_ACCESS_READ 1

/**
 * Who an error speaks for: the library.
 */
#define TWIN_SIDE_POOL 0

/**
 * Who an error speaks for: the master database or its driver.
 */
#define TWIN_SIDE_MASTER 1

/**
 * Who an error speaks for: the mirror database or its driver.
 */
#define TWIN_SIDE_MIRROR 2

/**
 * Both databases hold the same; commits go to both at once.
 */
#define TWIN_MIRROR_IN_SYNC 1

/**
 * The mirror is away or behind; its share of each commit goes to the queue.
 */
#define TWIN_MIRROR_QUEUEING 2

/**
 * The mirror is back; the queue is being replayed while new commits still go to its end.
 */
#define TWIN_MIRROR_REPLAYING 3

/**
 * The mirror answered otherwise than the master. Commits go on being queued; an operator must decide.
 */
#define TWIN_MIRROR_DIVERGED 4

/**
 * Switched off by `twin_pool_detach`. Commits go on being queued.
 */
#define TWIN_MIRROR_DETACHED 5

/**
 * Type of a column or parameter: no value. Only as the type of a parameter column that is NULL throughout.
 */
#define TWIN_TYPE_NULL 0

/**
 * One byte, 0 or 1.
 */
#define TWIN_TYPE_BOOL 1

/**
 * `int64_t`.
 */
#define TWIN_TYPE_INT64 2

/**
 * `double`.
 */
#define TWIN_TYPE_DOUBLE 3

/**
 * Exact decimal number as text: `-12.50`. Offsets and bytes.
 */
#define TWIN_TYPE_DECIMAL 4

/**
 * UTF-8. Offsets and bytes.
 */
#define TWIN_TYPE_TEXT 5

/**
 * Offsets and bytes.
 */
#define TWIN_TYPE_BYTES 6

/**
 * `twin_date`.
 */
#define TWIN_TYPE_DATE 7

/**
 * `twin_time`.
 */
#define TWIN_TYPE_TIME 8

/**
 * `twin_timestamp`.
 */
#define TWIN_TYPE_TIMESTAMP 9

/**
 * 16 bytes, in the order in which they are written.
 */
#define TWIN_TYPE_UUID 10

/**
 * Isolation level of a connection's transactions.
 */
#define TWIN_ISOLATION_READ_COMMITTED 1

/**
 * Isolation level of a connection's transactions.
 */
#define TWIN_ISOLATION_REPEATABLE_READ 2

/**
 * Isolation level of a connection's transactions.
 */
#define TWIN_ISOLATION_SERIALIZABLE 3

/**
 * The mirror cannot be reached any more; `text` says why.
 */
#define TWIN_EVENT_MIRROR_LOST 1

/**
 * The mirror is in step again.
 */
#define TWIN_EVENT_MIRROR_BACK 2

/**
 * Progress of a replay: `done` and `left`.
 */
#define TWIN_EVENT_REPLAY 3

/**
 * The mirror has diverged; `text` says by what.
 */
#define TWIN_EVENT_DIVERGED 4

/**
 * A connection has been out for longer than `pool.leak_threshold_ms`; `text` says which.
 */
#define TWIN_EVENT_LEAK_SUSPECTED 5

/**
 * The queue has grown beyond a limit; `text` says beyond which, and what happens now.
 */
#define TWIN_EVENT_QUEUE_LIMIT 6

/**
 * Nothing is logged.
 */
#define TWIN_LOG_OFF 0

/**
 * What went wrong.
 */
#define TWIN_LOG_ERROR 1

/**
 * What may go wrong: repaired options, a lost mirror.
 */
#define TWIN_LOG_WARN 2

/**
 * What an operator wants to know.
 */
#define TWIN_LOG_INFO 3

/**
 * What a developer wants to know, statements included.
 */
#define TWIN_LOG_DEBUG 4

/**
 * Everything.
 */
#define TWIN_LOG_TRACE 5

/**
 * The border's own number. A program or binding written for another number cannot use the library: compare it
 * with `twin_abi_version()` when loading.
 */
#define TWIN_ABI_VERSION 0

/**
 * Ends a running statement of its connection from another thread. Any thread, any time; it may outlive the
 * connection.
 */
typedef struct twin_cancel twin_cancel;

/**
 * A connection to the pair. One thread at a time, any thread.
 */
typedef struct twin_conn twin_conn;

/**
 * What went wrong: a status, one line of text, and the drivers' own records. Immutable: any thread may read it.
 * Belongs to the caller, who frees it.
 */
typedef struct twin_error twin_error;

/**
 * What a pool is opened with: keys and values, all text. docs/configuration.md lists them.
 * One thread at a time.
 */
typedef struct twin_options twin_options;

/**
 * A pair of databases and the connections to them. Any thread, any time.
 */
typedef struct twin_pool twin_pool;

/**
 * A result. One thread at a time, any thread.
 */
typedef struct twin_rows twin_rows;

/**
 * A statement with `?` for its parameters. One thread at a time, any thread.
 */
typedef struct twin_stmt twin_stmt;

/**
 * What every call that can fail gives: 0 is success, positive is success with news, negative is an error.
 * Ask with `TWIN_FAILED(status)`. The families: -1xx the caller, -2xx the pool and timeouts, -3xx the
 * database, -4xx mirror and queue, -9xx internal. A number once used is never used for something else.
 */
typedef int32_t twin_status;

/**
 * What a pool knows of itself and of the pair.
 */
typedef struct {
    /**
     * Set by the caller to `sizeof(twin_pool_info)`; afterwards the number of bytes filled.
     */
    uint32_t struct_size;
    /**
     * One of `TWIN_MIRROR_*`; `twin_pool_reason` says why.
     */
    int32_t mirror_state;
    /**
     * 1 if `mirror.mode` is `async`.
     */
    int32_t asynchronous;
    /**
     * 1 if the mirror answered when it was last asked.
     */
    int32_t mirror_reachable;
    /**
     * The pair's epoch: grows with each change of the mirror's state.
     */
    uint64_t epoch;
    /**
     * The pair's term: grows when the roles change.
     */
    uint64_t term;
    /**
     * Entries in the queue, as the monitor last saw them.
     */
    uint64_t queue_entries;
    /**
     * Their size in bytes.
     */
    uint64_t queue_bytes;
    /**
     * Age of the oldest in milliseconds.
     */
    uint64_t queue_oldest_ms;
    /**
     * Connections that exist.
     */
    uint32_t total;
    /**
     * Of these, connections that wait to be acquired.
     */
    uint32_t idle;
    /**
     * Of these, connections that are out.
     */
    uint32_t active;
    /**
     * Threads that wait for a connection.
     */
    uint32_t waiting;
    /**
     * Transactions of this pool since it was opened: committed on both sides at once.
     */
    uint64_t direct;
    /**
     * Committed on the master, with the mirror's share in the queue.
     */
    uint64_t queued;
    /**
     * Entries that this pool has replayed on the mirror.
     */
    uint64_t replayed;
    /**
     * Ended with an error.
     */
    uint64_t failed;
    /**
     * Mirror halves that were run a second time because they came too early the first time.
     */
    uint64_t rerun;
} twin_pool_info;

/**
 * Figures of a pool. Counts run since it was opened. Times are in microseconds; percentiles are right to within a
 * fifth. `_p50_us` is the time that half of all did not exceed, `_p99_us` that of 99 in 100.
 */
typedef struct {
    /**
     * Set by the caller to `sizeof(twin_metrics)`; afterwards the number of bytes filled.
     */
    uint32_t struct_size;
    /**
     * One of `TWIN_MIRROR_*`.
     */
    int32_t mirror_state;
    /**
     * Connections that exist.
     */
    uint32_t total;
    /**
     * Of these, connections that wait to be acquired.
     */
    uint32_t idle;
    /**
     * Of these, connections that are out.
     */
    uint32_t active;
    /**
     * Threads that wait for a connection.
     */
    uint32_t waiting;
    /**
     * The option `pool.max`.
     */
    uint32_t max;
    /**
     * Connections that are just being made.
     */
    uint32_t opening;
    /**
     * Connections handed out.
     */
    uint64_t acquires;
    /**
     * Acquires that ended by their timeout.
     */
    uint64_t acquire_timeouts;
    /**
     * Connections made.
     */
    uint64_t connects;
    /**
     * Attempts to make one that failed.
     */
    uint64_t connect_failures;
    /**
     * Connections closed, for whatever reason.
     */
    uint64_t evictions;
    /**
     * Of these, connections that were found dead.
     */
    uint64_t dead;
    /**
     * Connections reported as suspected leaks.
     */
    uint64_t leaks;
    /**
     * From the call of an acquire to the connection: sum over all acquires.
     */
    uint64_t acquire_sum_us;
    uint64_t acquire_p50_us;
    uint64_t acquire_p99_us;
    /**
     * Releases, and how long the connections had been out.
     */
    uint64_t usage_count;
    uint64_t usage_sum_us;
    uint64_t usage_p50_us;
    uint64_t usage_p99_us;
    /**
     * Making a connection (`connects` times).
     */
    uint64_t connect_sum_us;
    uint64_t connect_p50_us;
    uint64_t connect_p99_us;
    /**
     * Calls of the ODBC driver that may wait for the master: execute, fetch, commit, also those of the library's own.
     */
    uint64_t master_calls;
    uint64_t master_sum_us;
    uint64_t master_p50_us;
    uint64_t master_p99_us;
    /**
     * The same for the mirror.
     */
    uint64_t mirror_calls;
    uint64_t mirror_sum_us;
    uint64_t mirror_p50_us;
    uint64_t mirror_p99_us;
    /**
     * How far the mirror is behind, as the monitor last saw it: entries in the queue, their bytes, and the age of the
     * oldest in milliseconds.
     */
    uint64_t queue_entries;
    uint64_t queue_bytes;
    uint64_t queue_oldest_ms;
    /**
     * Transactions of this pool committed on both sides at once.
     */
    uint64_t direct;
    /**
     * Committed on the master, with the mirror's share in the queue.
     */
    uint64_t queued;
    /**
     * Entries that this pool has replayed on the mirror.
     */
    uint64_t replayed;
    /**
     * Entries that the mirror refused.
     */
    uint64_t failed;
    /**
     * Mirror halves that were run a second time because they came too early the first time.
     */
    uint64_t rerun;
    /**
     * Entries a second of the replay that runs, or ran last; 0 before the first.
     */
    double replay_rate;
} twin_metrics;

/**
 * Progress of `twin_pool_replay`: entries done and entries left. Runs on the thread that called it.
 */
typedef void (*twin_replay_callback)(uint64_t done, uint64_t left, void *user);

/**
 * Progress of `twin_pool_verify`: rows compared so far in a table, whose name is borrowed for the call.
 * Runs on the thread that called it.
 */
typedef void (*twin_verify_callback)(const char *table, size_t table_len, uint64_t rows, void *user);

/**
 * News of a pair. Borrowed for the call.
 */
typedef struct {
    /**
     * Bytes of this structure; it may grow at its end.
     */
    uint32_t struct_size;
    /**
     * One of `TWIN_EVENT_*`.
     */
    int32_t kind;
    /**
     * `TWIN_EVENT_REPLAY`: entries done.
     */
    uint64_t done;
    /**
     * `TWIN_EVENT_REPLAY`: entries left.
     */
    uint64_t left;
    /**
     * One line, UTF-8, NUL-terminated; empty where the kind says it all.
     */
    const char *text;
    /**
     * Its length without the NUL.
     */
    size_t text_len;
} twin_event;

/**
 * Hears of events. Called from a thread of the library, never from two at once. It may call `twin_pool_status`,
 * `_reason`, `_last_error` and `_get`, `twin_cancel_request`, the functions of `twin_error`, and any `_free`; any
 * other call gives `TWIN_ERR_STATE`. It must return by itself: no exception, no `longjmp`.
 */
typedef void (*twin_event_callback)(const twin_event *event, void *user);

/**
 * Hears of log records: the level, one of `TWIN_LOG_*`; where it comes from, e.g. `twin::pool`; the text. Called
 * from any thread that is inside the library, also from several at once. The rules are those of
 * `twin_event_callback`.
 */
typedef void (*twin_log_callback)(int32_t level,
                                  const char *target,
                                  size_t target_len,
                                  const char *text,
                                  size_t text_len,
                                  void *user);

/**
 * A calendar date. The year may be negative or zero where the engine has such dates.
 */
typedef struct {
    int32_t year;
    /**
     * 1 to 12.
     */
    uint8_t month;
    /**
     * 1 to 31.
     */
    uint8_t day;
    /**
     * 0.
     */
    uint8_t reserved[2];
} twin_date;

/**
 * A time of day, or MariaDB's interval of up to 838 hours to either side.
 */
typedef struct {
    uint16_t hour;
    uint8_t minute;
    uint8_t second;
    /**
     * 1 for an interval below zero.
     */
    uint8_t negative;
    /**
     * 0.
     */
    uint8_t reserved[3];
    uint32_t nanosecond;
} twin_time;

/**
 * Date and time without a zone. What a column with a time zone gives is local to the session's zone.
 */
typedef struct {
    int32_t year;
    /**
     * 1 to 12.
     */
    uint8_t month;
    /**
     * 1 to 31.
     */
    uint8_t day;
    uint8_t hour;
    uint8_t minute;
    uint8_t second;
    /**
     * 0.
     */
    uint8_t reserved[3];
    uint32_t nanosecond;
} twin_timestamp;

/**
 * One column of a block.
 */
typedef struct {
    /**
     * Bytes of this structure; it may grow at its end. On the way in: set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of `TWIN_TYPE_*`.
     */
    int32_t kind;
    /**
     * One byte for each row: 1 where the value is NULL. On the way in NULL stands for "no NULLs".
     */
    const uint8_t *nulls;
    /**
     * Types of fixed width: an array with an element for each row (see the constants). Decimal, text and bytes:
     * the bytes of all rows, one after the other, not NUL-terminated. Where a value is NULL the element means
     * nothing.
     */
    const void *data;
    /**
     * Decimal, text and bytes: row i is `data[offsets[i]]` to just before `data[offsets[i + 1]]`; one element more
     * than rows. Otherwise NULL.
     */
    const int64_t *offsets;
} twin_column;

/**
 * Some rows, column by column.
 */
typedef struct {
    /**
     * Bytes of this structure; it may grow at its end. On the way in: set by the caller.
     */
    uint32_t struct_size;
    int32_t column_count;
    uint64_t row_count;
    /**
     * `column_count` pointers: pointers, so that `twin_column` may grow.
     */
    const twin_column *const *columns;
} twin_block;

/**
 * What is known of a result's column before its rows.
 */
typedef struct {
    /**
     * Set by the caller to `sizeof(twin_column_info)`; afterwards the number of bytes filled.
     */
    uint32_t struct_size;
    /**
     * How values are delivered: one of `TWIN_TYPE_*`.
     */
    int32_t kind;
    /**
     * The name, UTF-8, NUL-terminated. Belongs to what was asked (rows, statement).
     */
    const char *name;
    /**
     * Its length without the NUL.
     */
    size_t name_len;
    /**
     * Declared size: characters, bytes or digits; 0 where the driver does not say.
     */
    uint64_t size;
    /**
     * The driver's ODBC type code (`SQL_*`), for those who need the exact declared type.
     */
    int32_t sql_type;
    /**
     * Digits behind the decimal point.
     */
    int32_t digits;
    /**
     * 0 if the column is known to hold no NULL, otherwise 1.
     */
    int32_t nullable;
    /**
     * 0.
     */
    int32_t reserved;
} twin_column_info;

/**
 * Gives the next bytes of a stream: at most `capacity` into `buffer`. Returns how many, 0 at the end, or a negative
 * number to give up. Called on the thread that executes, until it has returned 0; the rules are those of every
 * callback.
 */
typedef int64_t (*twin_read_callback)(void *buffer, size_t capacity, void *user);

/**
 * Success.
 */
#define TWIN_OK 0

/**
 * No more rows.
 */
#define TWIN_DONE 1

/**
 * The master has committed; the mirror's share waits in the queue.
 * Cause: The mirror is away, behind, or `mirror.mode=async`.
 * Cure: Nothing: the share is replayed in order when the mirror returns. Never repeat the work.
 */
#define TWIN_QUEUED 2

/**
 * The master has committed, and the mirror will not get it: it was abandoned.
 * Cause: The queue grew beyond a limit with `queue.beyond=detach`.
 * Cure: Nothing for this transaction. The pair needs a new copy: docs/guarantees.md, starting from a copy.
 */
#define TWIN_ALONE 3

/**
 * A handle is NULL, freed, of another kind, or was never made by this library.
 * Cause: Use after free, or a value that is not a handle.
 * Cure: Fix the caller.
 */
#define TWIN_ERR_HANDLE -101

/**
 * An argument is out of its range: NULL where a value is needed, bad length, bad index.
 * Cause: The message names the argument.
 * Cure: Fix the caller.
 */
#define TWIN_ERR_ARGUMENT -102

/**
 * Text is not valid UTF-8.
 * Cause: Text arguments are UTF-8.
 * Cure: Convert the text before the call.
 */
#define TWIN_ERR_UTF8 -103

/**
 * No such option, or a value that it does not take.
 * Cause: The message names the option and the nearest known one.
 * Cure: See docs/configuration.md.
 */
#define TWIN_ERR_OPTION -104

/**
 * The call does not fit the state: no transaction open, no result, already closed.
 * Cause: Calls in the wrong order.
 * Cure: See the function's description.
 */
#define TWIN_ERR_STATE -105

/**
 * Another thread is inside this object.
 * Cause: Connections, statements and rows serve one thread at a time.
 * Cure: Give each thread a connection of its own.
 */
#define TWIN_ERR_BUSY -106

/**
 * The pool was opened in another process (fork).
 * Cause: A handle inherited through fork cannot be used.
 * Cure: Open a pool in the child.
 */
#define TWIN_ERR_FORKED -107

/**
 * The library cannot do this, or not on this engine.
 * Cause: The message names what.
 * Cure: See docs/guarantees.md.
 */
#define TWIN_ERR_UNSUPPORTED -108

/**
 * The caller's buffer is too small for the text.
 * Cause: The length of the text was stored; nothing else was.
 * Cure: Call again with a buffer of that length and one byte.
 */
#define TWIN_ERR_BUFFER -109

/**
 * No session became free in time.
 * Cause: The pool is exhausted or the master is slow to connect; the message carries pool figures.
 * Cure: Release sessions sooner, raise `pool.max` or `pool.acquire_timeout_ms`.
 */
#define TWIN_ERR_ACQUIRE_TIMEOUT -201

/**
 * The pool is closed or closing.
 * Cause: `twin_pool_close` or `_free` was called.
 * Cure: Open a new pool.
 */
#define TWIN_ERR_POOL_CLOSED -202

/**
 * The pool is suspended and fails fast.
 * Cause: `twin_pool_suspend` with fail-fast.
 * Cure: `twin_pool_resume`.
 */
#define TWIN_ERR_POOL_SUSPENDED -203

/**
 * A statement or commit did not come back within its limit.
 * Cause: `statement.timeout_ms` passed; the call was cut.
 * Cure: Raise the limit or look at the server.
 */
#define TWIN_ERR_TIMEOUT -204

/**
 * The call was cancelled.
 * Cause: A cancel token was used.
 */
#define TWIN_ERR_CANCELLED -205

/**
 * A database cannot be reached, or the connection was lost.
 * Cause: Server down, network, wrong address.
 * Cure: The message names the side. The session may be used again after a rollback.
 */
#define TWIN_ERR_UNREACHABLE -301

/**
 * The database refused the statement; the records say why.
 * Cause: Constraint, syntax, privilege and the like.
 * Cure: See the records: SQLSTATE, native code, driver's text.
 */
#define TWIN_ERR_DATABASE -302

/**
 * The database rolled the work back for reasons of concurrency; it may be repeated.
 * Cause: Deadlock, serialization failure, lock timeout.
 * Cure: Roll back and run the whole transaction again.
 */
#define TWIN_ERR_RETRY -303

/**
 * The connection was lost during COMMIT and the outcome could not be resolved in time.
 * Cause: The master could not be reached before the deadline.
 * Cure: Look at the data before repeating the work.
 */
#define TWIN_ERR_OUTCOME_UNKNOWN -304

/**
 * The transaction has failed before; only a rollback is possible.
 * Cause: An earlier error ended the transaction.
 * Cure: Roll back.
 */
#define TWIN_ERR_TX_FAILED -305

/**
 * Wrong user or password, or no such database.
 * Cause: The server answered and refused the login.
 * Cure: Check the connection string.
 */
#define TWIN_ERR_LOGIN -306

/**
 * The ODBC driver is missing.
 * Cause: The driver named in the connection string is not installed.
 * Cure: Install the package that the message names.
 */
#define TWIN_ERR_NO_DRIVER -307

/**
 * The database is out of a resource: disk, memory, connections.
 * Cause: Disk full and the like.
 * Cure: Make room.
 */
#define TWIN_ERR_EXHAUSTED -308

/**
 * The statement cannot be mirrored with the same effect, and `on_unsafe=refuse`.
 * Cause: The message says why and what to write instead.
 * Cure: Rewrite the statement, or use the hint that the message names.
 */
#define TWIN_ERR_UNSAFE -401

/**
 * The mirror has diverged; an operator must decide.
 * Cause: An entry was refused by the mirror or had another outcome there.
 * Cure: See docs/guarantees.md, leaving diverged.
 */
#define TWIN_ERR_DIVERGED -402

/**
 * This process is fenced: its pool was removed, or the roles have changed.
 * Cause: Another process removed this pool or promoted the mirror.
 * Cure: Open the pool again.
 */
#define TWIN_ERR_FENCED -403

/**
 * The two connection strings do not lead to a pair.
 * Cause: Both lead to the same database, or identities, roles or schemas do not belong together.
 * Cure: The message says which.
 */
#define TWIN_ERR_NOT_A_PAIR -404

/**
 * Our tables are missing, of another version, or cannot be made.
 * Cause: No right to create them, `tables.create=off`, or a newer library made them.
 * Cure: The message says which.
 */
#define TWIN_ERR_TABLES -405

/**
 * The mirror cannot be reached and the call needs it.
 * Cause: Verify and the first open of a pair need both databases.
 * Cure: Bring the mirror up.
 */
#define TWIN_ERR_MIRROR_DOWN -406

/**
 * The queue is full and `queue.beyond=refuse`: writes are refused, reads go on.
 * Cause: The mirror has been away for long; the message names the limit.
 * Cure: Bring the mirror back, or raise the limit: it can be changed while the pool is open.
 */
#define TWIN_ERR_QUEUE_FULL -407

/**
 * A bug in the library was caught at the border; the pool is poisoned.
 * Cause: A bug of ours.
 * Cure: Report it with the message; open a new pool.
 */
#define TWIN_ERR_PANIC -901

/**
 * Something that cannot happen happened.
 * Cause: A bug of ours or of a driver.
 * Cure: Report it with the message.
 */
#define TWIN_ERR_INTERNAL -902

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 * ------------------------------------------------------------------------------------------------------------
 * Which library this is.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * The library's version as text, e.g. `0.1.0`. A constant, never freed.
 *
 * Since: 0.1
 */
TWIN_API const char *twin_version(void);

/**
 * The library's version as a number, comparable with `TWIN_VERSION_NUMBER` of the header a program was built with.
 *
 * Since: 0.1
 */
TWIN_API
uint32_t twin_version_number(void);

/**
 * The number of the library's border; see `TWIN_ABI_VERSION`.
 *
 * Since: 0.1
 */
TWIN_API uint32_t twin_abi_version(void);

/**
 * How many handles of all kinds are live in this process. For leak tests.
 *
 * Since: 0.1
 */
TWIN_API int64_t twin_debug_live_handles(void);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_error: what a failed call leaves for its caller.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * The status that the failed call gave; `TWIN_ERR_HANDLE` if `error` is no live error.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_error_status(const twin_error *error);

/**
 * One line for people, UTF-8. Never holds a password or a parameter's value. The text belongs to the error:
 * valid until `twin_error_free`. `""` if `error` is no live error; never NULL.
 *
 * Since: 0.1
 */
TWIN_API const char *twin_error_message(const twin_error *error);

/**
 * 1 if the whole transaction may be repeated unchanged and may then succeed (deadlock, serialization failure),
 * otherwise 0.
 *
 * Since: 0.1
 */
TWIN_API
int32_t twin_error_retryable(const twin_error *error);

/**
 * 1 if the connection was lost under a commit and it is not known whether the commit took place; otherwise 0.
 * Look at the data before repeating such work.
 *
 * Since: 0.1
 */
TWIN_API int32_t twin_error_outcome_unknown(const twin_error *error);

/**
 * Who the error speaks for: one of `TWIN_SIDE_*`.
 *
 * Since: 0.1
 */
TWIN_API int32_t twin_error_side(const twin_error *error);

/**
 * Number of the drivers' diagnostic records; 0 where the library itself speaks.
 *
 * Since: 0.1
 */
TWIN_API int32_t twin_error_record_count(const twin_error *error);

/**
 * SQLSTATE of record `index` (from 0), five characters. Valid until `twin_error_free`; `""` if there is no such
 * record.
 *
 * Since: 0.1
 */
TWIN_API
const char *twin_error_record_sqlstate(const twin_error *error,
                                       int32_t index);

/**
 * The driver's own number in record `index`; 0 if there is no such record.
 *
 * Since: 0.1
 */
TWIN_API int32_t twin_error_record_native(const twin_error *error, int32_t index);

/**
 * The driver's text in record `index`, UTF-8. Valid until `twin_error_free`; `""` if there is no such record.
 *
 * Since: 0.1
 */
TWIN_API const char *twin_error_record_message(const twin_error *error, int32_t index);

/**
 * Whose driver made record `index`: one of `TWIN_SIDE_*`.
 *
 * Since: 0.1
 */
TWIN_API int32_t twin_error_record_side(const twin_error *error, int32_t index);

/**
 * The ODBC function that gave record `index`, e.g. `SQLExecute`. Valid until `twin_error_free`; `""` if there is
 * no such record.
 *
 * Since: 0.1
 */
TWIN_API
const char *twin_error_record_function(const twin_error *error,
                                       int32_t index);

/**
 * Frees an error. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API void twin_error_free(twin_error *error);

/**
 * The name of a status, e.g. `TWIN_QUEUED`; `""` for a number that is none. A constant text, never freed.
 *
 * Since: 0.1
 */
TWIN_API const char *twin_status_name(twin_status status);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_options: what a pool is opened with.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Makes an empty set of options.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_options_new(twin_options **out, twin_error **err);

/**
 * Sets one option. An unknown key is an error that names the nearest known one; a value is checked for its kind.
 *
 * Errors: `TWIN_ERR_OPTION`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_options_set(twin_options *options,
                             const char *key,
                             size_t key_len,
                             const char *value,
                             size_t value_len,
                             twin_error **err);

/**
 * Copies the value of an option, or its default, into `buffer`. Passwords inside connection strings are masked.
 *
 * `*length` receives the length of the text without its NUL, also with `TWIN_ERR_BUFFER`, when `capacity` is less
 * than that and one; then nothing is written to `buffer`.
 *
 * Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_options_get(twin_options *options,
                             const char *key,
                             size_t key_len,
                             char *buffer,
                             size_t capacity,
                             size_t *length,
                             twin_error **err);

/**
 * Sets options from one line: `master={Driver=SQLite3;Database=a.db};pool.max=8`. A value that holds
 * `;` stands in braces or quotes.
 *
 * Errors: `TWIN_ERR_OPTION`; then none of them is set.
 * Since: 0.1
 */
TWIN_API
twin_status twin_options_parse(twin_options *options,
                               const char *text,
                               size_t text_len,
                               twin_error **err);

/**
 * Sets options from a TOML file, in which tables are dotted names: `[pool] max = 8` is `pool.max`.
 *
 * Errors: `TWIN_ERR_OPTION`, also for a file that cannot be read; then nothing is set.
 * Since: 0.1
 */
TWIN_API
twin_status twin_options_load(twin_options *options,
                              const char *path,
                              size_t path_len,
                              twin_error **err);

/**
 * Sets options from the environment: `TWINPOOL_POOL_MAX` is `pool.max`.
 *
 * Errors: `TWIN_ERR_OPTION`.
 * Since: 0.1
 */
TWIN_API twin_status twin_options_load_env(twin_options *options, twin_error **err);

/**
 * Frees options. A pool opened with them has its own copy. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API void twin_options_free(twin_options *options);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_pool: one process's handle on a pair of databases.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Opens a pool: connects, checks that the two databases are a pair, makes the library's own tables where they are
 * missing, starts the monitor. The mirror may be away if the pair was established before. Waits at most
 * `pool.connect_timeout_ms` for each database.
 *
 * Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_UNREACHABLE`, `TWIN_ERR_LOGIN`, `TWIN_ERR_NO_DRIVER`, `TWIN_ERR_NOT_A_PAIR`,
 * `TWIN_ERR_TABLES`, `TWIN_ERR_MIRROR_DOWN`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_open(twin_options *options,
                           twin_pool **out,
                           twin_error **err);

/**
 * Refuses new connections, waits for those that are out, at most `timeout_ms`
 * (`TWIN_WAIT_DEFAULT`: `pool.acquire_timeout_ms`), and closes all. Those still out after that are closed as they
 * come back. The handle stays, to be freed; its calls give `TWIN_ERR_POOL_CLOSED`.
 *
 * Errors: `TWIN_ERR_TIMEOUT` while connections are out.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_close(twin_pool *pool,
                            int32_t timeout_ms,
                            twin_error **err);

/**
 * Frees a pool. Connections, statements and rows that are out stay good; with the last of them the pool closes.
 * Its event callback is not called any more. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API
void twin_pool_free(twin_pool *pool);

/**
 * Takes a connection out of the pool, waiting at most `timeout_ms` (`TWIN_WAIT_DEFAULT`:
 * `pool.acquire_timeout_ms`) for one. Give it back with `twin_conn_release`.
 *
 * `access` is `TWIN_ACCESS_WRITE` or `TWIN_ACCESS_READ`.
 *
 * Errors: `TWIN_ERR_ACQUIRE_TIMEOUT` (the message carries the pool's figures), `TWIN_ERR_POOL_CLOSED`,
 * `TWIN_ERR_POOL_SUSPENDED`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_acquire(twin_pool *pool,
                              int32_t access,
                              int32_t timeout_ms,
                              twin_conn **out,
                              twin_error **err);

/**
 * Holds the pool: who acquires waits for `twin_pool_resume`, or, with `fail_fast` other than 0, gets
 * `TWIN_ERR_POOL_SUSPENDED` at once. Connections that are out go on.
 *
 * Errors: `TWIN_ERR_STATE` with `pool.suspension=off`; `TWIN_ERR_POOL_CLOSED`.
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_suspend(twin_pool *pool, int32_t fail_fast, twin_error **err);

/**
 * Ends `twin_pool_suspend`.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_resume(twin_pool *pool, twin_error **err);

/**
 * Tells what the pool knows of itself and of the pair. Never waits for a database. A callback may call it.
 *
 * `info->struct_size` must be set. Errors: `TWIN_ERR_ARGUMENT`.
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_status(twin_pool *pool, twin_pool_info *info, twin_error **err);

/**
 * Copies one line into `buffer` that says why the mirror is in its state; empty while it is in step. Buffer and
 * length as in `twin_options_get`. A callback may call it.
 *
 * Errors: `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_reason(twin_pool *pool,
                             char *buffer,
                             size_t capacity,
                             size_t *length,
                             twin_error **err);

/**
 * Copies one line into `buffer` that says why the last attempt to reach the mirror or to catch it up failed; empty if
 * it did not. Buffer and length as in `twin_options_get`. A callback may call it.
 *
 * Errors: `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_last_error(twin_pool *pool,
                                 char *buffer,
                                 size_t capacity,
                                 size_t *length,
                                 twin_error **err);

/**
 * Reads the pair's state from the master now, so that `twin_pool_status` tells what other processes have done up to
 * this moment. By itself the library looks every `mirror.poll_ms`.
 *
 * Errors: `TWIN_ERR_UNREACHABLE`, `TWIN_ERR_FENCED`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_refresh(twin_pool *pool,
                              twin_error **err);

/**
 * Changes one of the options that may change while the pool is open (docs/configuration.md: live).
 *
 * Errors: `TWIN_ERR_OPTION`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_set(twin_pool *pool,
                          const char *key,
                          size_t key_len,
                          const char *value,
                          size_t value_len,
                          twin_error **err);

/**
 * Copies the effective value of an option into `buffer`, secrets masked. Buffer and length as in
 * `twin_options_get`. A callback may call it.
 *
 * Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_get(twin_pool *pool,
                          const char *key,
                          size_t key_len,
                          char *buffer,
                          size_t capacity,
                          size_t *length,
                          twin_error **err);

/**
 * Closes the idle connections; those that are out are closed when they come back.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_evict(twin_pool *pool, twin_error **err);

#if defined(TWIN_TEST_HOOKS)
/**
 * Panics inside the library, to prove that the host survives it. Only in builds for tests.
 */
TWIN_API twin_status twin_test_panic(twin_pool *pool, twin_error **err);
#endif

/*
 * ------------------------------------------------------------------------------------------------------------
 * Figures of a pool, as a structure and as text for Prometheus.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Tells the pool's figures. Never waits for a database. A callback may call it.
 *
 * `metrics->struct_size` must be set. Errors: `TWIN_ERR_ARGUMENT`.
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_metrics(twin_pool *pool, twin_metrics *metrics, twin_error **err);

/**
 * Copies all figures into `buffer` as text for Prometheus (format 0.0.4), histograms included: what a program serves
 * under `/metrics`. Every name begins with `twinpool_` and has the label `pool`, the option `name`. About 10,000 bytes;
 * buffer and length as in `twin_options_get`. The text may have grown between two calls. A callback may call it.
 *
 * Errors: `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_metrics_text(twin_pool *pool,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *length,
                                   twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * The mirror of a pool and what waits for it: switching it off and on, replay, comparison, the queue.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Switches the mirror off on purpose; commits go on and are queued. For the pair, not only for this pool; nothing
 * happens if it is off already.
 *
 * Errors: those of a call to the master.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_detach(twin_pool *pool,
                             twin_error **err);

/**
 * Switches the mirror on again after `twin_pool_detach`, or after the repair of a diverged pair: the queue is
 * replayed in the background.
 *
 * Errors: `TWIN_ERR_STATE` if it is neither detached nor diverged.
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_attach(twin_pool *pool, twin_error **err);

/**
 * Replays the queue until it is empty and the pair in step (with `mirror.mode=async`: until it is empty), for at
 * most `timeout_ms` (`TWIN_WAIT_DEFAULT`: as long as it takes). The library does so by itself in the background;
 * this is for those who want to wait for it. `progress` may be NULL.
 *
 * Errors: `TWIN_ERR_TIMEOUT`, `TWIN_ERR_MIRROR_DOWN`, `TWIN_ERR_DIVERGED`, `TWIN_ERR_STATE` while it is detached.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_replay(twin_pool *pool,
                             int32_t timeout_ms,
                             twin_replay_callback progress,
                             void *user,
                             twin_error **err);

/**
 * Compares all tables of the two databases row by row. The rows have a line for each table: `table_name` text,
 * `master_rows`, `mirror_rows`, `different` int64, `examples` text (the keys of the first few differences).
 * Success does not mean that nothing differs. `progress` may be NULL.
 *
 * Errors: `TWIN_ERR_MIRROR_DOWN`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_verify(twin_pool *pool,
                             twin_verify_callback progress,
                             void *user,
                             twin_rows **out,
                             twin_error **err);

/**
 * Lists the first `limit` entries of the queue in their order: `id` int64, `pool` text, `slot`, `seq`, `parts`
 * int64, `created_at` text, `statements`, `bytes` int64, `summary` text.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_queue_list(twin_pool *pool,
                                 uint64_t limit,
                                 twin_rows **out,
                                 twin_error **err);

/**
 * Shows the statements of entry `id` of the queue, values included: `statement` text.
 *
 * Errors: `TWIN_ERR_ARGUMENT` if there is no such entry.
 * Since: 0.1
 */
TWIN_API twin_status twin_pool_queue_show(twin_pool *pool, int64_t id, twin_rows **out, twin_error **err);

/**
 * Moves entry `id` out of the queue into the table `twin_quarantine`, so that it is not replayed: with
 * `twin_pool_attach` the way out of `TWIN_MIRROR_DIVERGED`.
 *
 * Errors: `TWIN_ERR_STATE` unless the mirror is diverged or detached; `TWIN_ERR_ARGUMENT` if there is no such entry.
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_queue_skip(twin_pool *pool,
                                 int64_t id,
                                 twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * The two callbacks: events of a pool, and records of the log.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Names the function that hears of events, or none with NULL. It replaces the one before; when this call returns,
 * that one is not running and will not be called again. `user` is handed to it.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_pool_listen(twin_pool *pool,
                             twin_event_callback callback,
                             void *user,
                             twin_error **err);

/**
 * Names the function that hears of the library's log, for the whole process, up to `level`, one of `TWIN_LOG_*`;
 * NULL ends it. It replaces the one before; when this call returns, that one is not running and will not be
 * called again. Without it, and without the option `log.stderr`, nothing is logged anywhere. At `TWIN_LOG_INFO` and
 * above a place in the library gives at most 10 records a second; the next one tells how many were left out.
 *
 * The texts are not NUL-terminated.
 *
 * Errors: `TWIN_ERR_ARGUMENT`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_log_listen(int32_t level,
                            twin_log_callback callback,
                            void *user,
                            twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_cancel: ends a running statement from another thread.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Asks the master to stop the statement that runs on the token's connection, which then gives
 * `TWIN_ERR_CANCELLED`; also one that waits for its turn at writing (SQLite). Does nothing when none runs. Does not
 * wait. A callback may call it.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_cancel_request(twin_cancel *cancel,
                                twin_error **err);

/**
 * Frees a token. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API void twin_cancel_free(twin_cancel *cancel);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_conn: a session out of the pool.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Gives the connection back to the pool: rolls back what is open, closes its rows, undoes the session's settings. A
 * connection that cannot be made as new is thrown away, and the pool makes another when it needs one; that is no
 * error. The handle is gone afterwards; only after `TWIN_ERR_BUSY` and `TWIN_ERR_STATE` it is still there. Statements
 * and rows of the connection give `TWIN_ERR_STATE` from now on; they still want to be freed.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_release(twin_conn *conn,
                              twin_error **err);

/**
 * Throws the connection away without waiting for the databases. A call that another thread has under way on it
 * comes back with `TWIN_ERR_UNREACHABLE`. The handle stays, to be freed. Any thread, any time.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_abort(twin_conn *conn,
                            twin_error **err);

/**
 * Frees a connection: what `twin_conn_release` does, but its statements and rows that are still there stay good;
 * with the last of them it goes back to the pool. For hosts whose finalizers come in any order. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API
void twin_conn_free(twin_conn *conn);

/**
 * Runs one SQL statement without parameters. Outside a transaction it is one of its own.
 *
 * `*affected` receives the number of rows written on the master, or -1 where the driver does not say. `*rows`
 * receives the result, or NULL if the statement gives none. Both may be NULL if not wanted; a result not wanted
 * is closed.
 *
 * Gives `TWIN_OK`, or `TWIN_QUEUED` if the statement was committed and the mirror's share is in the queue.
 * Errors: the -3xx; `TWIN_ERR_UNSAFE`, `TWIN_ERR_TIMEOUT`, `TWIN_ERR_CANCELLED`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_execute(twin_conn *conn,
                              const char *sql,
                              size_t sql_len,
                              int64_t *affected,
                              twin_rows **rows,
                              twin_error **err);

/**
 * Makes a statement with `?` for its parameters. The database sees it when it is executed or described.
 *
 * Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_prepare(twin_conn *conn,
                              const char *sql,
                              size_t sql_len,
                              twin_stmt **out,
                              twin_error **err);

/**
 * Asks the master whether it is there, within `timeout_ms` (`TWIN_WAIT_DEFAULT`: `pool.validation_timeout_ms`).
 * `*out` receives 1 or 0; that it is not there is no error.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_is_valid(twin_conn *conn,
                               int32_t timeout_ms,
                               int32_t *out,
                               twin_error **err);

/**
 * Makes a token that ends a running statement of this connection from another thread. Any thread, any time.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_cancel_token(twin_conn *conn, twin_cancel **out, twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * Transactions of a connection, and how they ended.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Opens a transaction.
 *
 * Errors: `TWIN_ERR_STATE` if one is open.
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_begin(twin_conn *conn, twin_error **err);

/**
 * Commits. `TWIN_OK`: on both databases. `TWIN_QUEUED`: on the master, and the mirror's share is in the queue.
 * `TWIN_ALONE`: on the master, and the mirror was abandoned (`queue.beyond=detach`).
 * Either way the work is done and must not be repeated.
 *
 * Errors: `TWIN_ERR_RETRY` (repeat the whole transaction), `TWIN_ERR_TX_FAILED`, `TWIN_ERR_DATABASE`,
 * `TWIN_ERR_UNREACHABLE` (not committed), `TWIN_ERR_OUTCOME_UNKNOWN` (look at the data).
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_commit(twin_conn *conn,
                             twin_error **err);

/**
 * Rolls back. A connection lost meanwhile has rolled back by itself.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_rollback(twin_conn *conn, twin_error **err);

/**
 * Sets a savepoint in the open transaction.
 *
 * Errors: `TWIN_ERR_STATE` if none is open.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_savepoint(twin_conn *conn,
                                const char *name,
                                size_t name_len,
                                twin_error **err);

/**
 * Rolls back to a savepoint, which stays; those set after it are gone. The way on after an error in a transaction.
 *
 * Errors: `TWIN_ERR_STATE` if there is no such savepoint.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_rollback_to(twin_conn *conn,
                                  const char *name,
                                  size_t name_len,
                                  twin_error **err);

/**
 * Forgets a savepoint; the work since stays part of the transaction.
 *
 * Errors: `TWIN_ERR_STATE` if there is no such savepoint.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_release_savepoint(twin_conn *conn,
                                        const char *name,
                                        size_t name_len,
                                        twin_error **err);

/**
 * Tells whether a transaction is open: 1 or 0.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_in_transaction(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Tells whether a transaction begun now goes to both databases directly: 1 or 0.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_is_direct(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Tells the state of the mirror, one of `TWIN_MIRROR_*`. Never waits for a database. Any thread, any time; a
 * callback may call it.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_mirror_state(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Tells how the last transaction of this connection ended, a statement outside a transaction included: `TWIN_OK`,
 * `TWIN_QUEUED`, or the error of its commit. `TWIN_OK` before the first. Any thread, any time; a callback may call
 * it.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_last_outcome(twin_conn *conn,
                                   twin_status *out,
                                   twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * What a connection may be set to, and asked for. All of it is as new for the next one who acquires it.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * With `on` 0 the next statement opens a transaction, which lasts until commit or rollback. With another value (the
 * state of a new connection) each statement is a transaction of its own.
 *
 * Errors: `TWIN_ERR_STATE` while a transaction is open: nothing is committed by the way.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_set_autocommit(twin_conn *conn,
                                     int32_t on,
                                     twin_error **err);

/**
 * Tells whether each statement is a transaction of its own: 1 or 0.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_get_autocommit(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Sets the isolation level of the transactions to come, one of `TWIN_ISOLATION_*`. Reset at release.
 *
 * Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_STATE` while a transaction is open, `TWIN_ERR_UNSUPPORTED`.
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_set_isolation(twin_conn *conn, int32_t level, twin_error **err);

/**
 * Tells the isolation level, one of `TWIN_ISOLATION_*`.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_get_isolation(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * With `on` other than 0 a statement that would write is refused. Reset at release.
 *
 * Errors: `TWIN_ERR_STATE` while a transaction is open.
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_set_read_only(twin_conn *conn, int32_t on, twin_error **err);

/**
 * Tells whether statements that write are refused: 1 or 0.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_get_read_only(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Sets the schema (PostgreSQL) or database (MariaDB) that unqualified names mean. Reset at release.
 *
 * Errors: `TWIN_ERR_DATABASE`, `TWIN_ERR_UNSUPPORTED` (SQLite).
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_set_schema(twin_conn *conn,
                                 const char *name,
                                 size_t name_len,
                                 twin_error **err);

/**
 * Copies the name of the schema or database that unqualified names mean into `buffer`. Buffer and length as in
 * `twin_options_get`. May ask the master.
 *
 * Errors: `TWIN_ERR_BUFFER`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_get_schema(twin_conn *conn,
                                 char *buffer,
                                 size_t capacity,
                                 size_t *length,
                                 twin_error **err);

/**
 * Limits every following call to a database on this connection, in milliseconds: when the limit passes, the call
 * is cut and gives `TWIN_ERR_TIMEOUT`. `TWIN_WAIT_FOREVER`: no limit. `TWIN_WAIT_DEFAULT`: `statement.timeout_ms`.
 * Reset at release.
 *
 * Errors: `TWIN_ERR_ARGUMENT`, also for 0.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_set_network_timeout(twin_conn *conn,
                                          int32_t timeout_ms,
                                          twin_error **err);

/**
 * Tells the limit of a call to a database in milliseconds; `TWIN_WAIT_FOREVER` if there is none.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_conn_get_network_timeout(twin_conn *conn, int32_t *out, twin_error **err);

/**
 * Says who or what the connection is for, in a few words: told with the thread, the time and the last statement when
 * the connection is suspected to have leaked (`pool.leak_threshold_ms`). At most 120 characters are kept. Empty:
 * nothing. Cleared at release.
 *
 * Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_set_label(twin_conn *conn,
                                const char *label,
                                size_t label_len,
                                twin_error **err);

/**
 * With `on` other than 0 the keys that the database gives to inserted rows are kept for `twin_conn_generated_key`,
 * from the next INSERT on. Each INSERT then costs one or two questions to the master. Reset at release.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_set_generated_keys(twin_conn *conn,
                                         int32_t on,
                                         twin_error **err);

/**
 * Gives the key that the last INSERT of this connection got from the database: SQLite's rowid of the last row
 * (also where the statement gave it), the AUTO_INCREMENT value (MariaDB) or that of an identity or serial column
 * (PostgreSQL) of the first row.
 *
 * Gives `TWIN_OK`, or `TWIN_DONE` and 0 if it generated none. Errors: `TWIN_ERR_STATE` without
 * `twin_conn_set_generated_keys`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_conn_generated_key(twin_conn *conn,
                                    int64_t *out,
                                    twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_stmt: a statement with parameters, one row of them or columns of many.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Binds NULL to parameter `index`, counted from 1. What is bound stays until it is bound anew or cleared; only pieces
 * and streams serve one execute. A value may have up to 2 GiB.
 *
 * Errors of all the binds: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_null(twin_stmt *stmt,
                                int32_t index,
                                twin_error **err);

/**
 * Binds false (0) or true (any other value).
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_stmt_bind_bool(twin_stmt *stmt, int32_t index, int32_t value, twin_error **err);

/**
 * Binds an integer.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_stmt_bind_int64(twin_stmt *stmt, int32_t index, int64_t value, twin_error **err);

/**
 * Binds a floating-point number.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_stmt_bind_double(twin_stmt *stmt, int32_t index, double value, twin_error **err);

/**
 * Binds an exact decimal number, written like `-12.50`. The text is copied.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_decimal(twin_stmt *stmt,
                                   int32_t index,
                                   const char *text,
                                   size_t text_len,
                                   twin_error **err);

/**
 * Binds text. It is copied.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_text(twin_stmt *stmt,
                                int32_t index,
                                const char *text,
                                size_t text_len,
                                twin_error **err);

/**
 * Binds bytes. They are copied. `len` is a length, never `TWIN_NTS`.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_bytes(twin_stmt *stmt,
                                 int32_t index,
                                 const uint8_t *data,
                                 size_t len,
                                 twin_error **err);

/**
 * Binds a date.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_date(twin_stmt *stmt,
                                int32_t index,
                                const twin_date *value,
                                twin_error **err);

/**
 * Binds a time of day.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_time(twin_stmt *stmt,
                                int32_t index,
                                const twin_time *value,
                                twin_error **err);

/**
 * Binds date and time.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_timestamp(twin_stmt *stmt,
                                     int32_t index,
                                     const twin_timestamp *value,
                                     twin_error **err);

/**
 * Binds a UUID: 16 bytes, in the order in which they are written.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_uuid(twin_stmt *stmt,
                                int32_t index,
                                const uint8_t *value,
                                twin_error **err);

/**
 * Binds columns of values for `twin_stmt_execute_batch`: column i of the block is parameter i + 1. All is copied.
 * A block that `twin_rows_next` gave may be bound as it is.
 *
 * Errors: `TWIN_ERR_ARGUMENT` for a block that is not as described at `twin_block`; `TWIN_ERR_UTF8`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_columns(twin_stmt *stmt,
                                   const twin_block *block,
                                   twin_error **err);

/**
 * Forgets all that is bound.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_stmt_clear(twin_stmt *stmt, twin_error **err);

/**
 * Runs the statement with the parameters bound. Outputs, statuses and errors as in `twin_conn_execute`;
 * `TWIN_ERR_ARGUMENT` if a parameter is missing.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_execute(twin_stmt *stmt,
                              int64_t *affected,
                              twin_rows **rows,
                              twin_error **err);

/**
 * Runs the statement once for each row of the columns bound, in one transaction unless one is open.
 *
 * `statuses` and `affected` are arrays with room for `capacity` rows, at least as many as are bound; either may be
 * NULL. For each row they receive its own status and the number of rows it wrote (-1 where the driver does not say,
 * or after an error). `*failed` receives the number of rows that failed and must not be NULL: success of the call
 * means that the batch was run and what could be done was done. `twin_stmt_batch_error` tells why a row failed.
 *
 * Gives `TWIN_OK` or `TWIN_QUEUED`. Errors: those of `twin_conn_execute` that end the batch as a whole.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_execute_batch(twin_stmt *stmt,
                                    twin_status *statuses,
                                    int64_t *affected,
                                    size_t capacity,
                                    size_t *failed,
                                    twin_error **err);

/**
 * Tells why row `row` (from 0) of the last batch failed: `*out` receives an error, to be freed, or NULL if it did
 * not fail.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_batch_error(twin_stmt *stmt,
                                  size_t row,
                                  twin_error **out,
                                  twin_error **err);

/**
 * Asks the master what the statement takes and gives, without running it: the number of `?`, and the number of
 * columns (0: no result). `twin_stmt_column` tells of each column. Either may be NULL.
 *
 * Errors: those of a call to the master.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_describe(twin_stmt *stmt,
                               int32_t *parameters,
                               int32_t *columns,
                               twin_error **err);

/**
 * Tells of column `index` (from 0), as the last `twin_stmt_describe` found it. The name is valid until the next
 * one or until the statement is freed. `info->struct_size` must be set.
 *
 * Errors: `TWIN_ERR_ARGUMENT` for a column that is not there, also before the first `twin_stmt_describe`.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_column(twin_stmt *stmt,
                             int32_t index,
                             twin_column_info *info,
                             twin_error **err);

/**
 * Frees a statement. Its rows stay good. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API void twin_stmt_free(twin_stmt *stmt);

/*
 * ------------------------------------------------------------------------------------------------------------
 * Parameters that come in pieces: put one after the other, or read through a function of the host.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Binds a piece of text (`kind` is `TWIN_TYPE_TEXT`) or bytes (`TWIN_TYPE_BYTES`) to parameter `index`: the first
 * after an execute, a clear or another bind begins the value, each further one is put behind it. For values that the
 * host does not have in one place. A piece of text may end within a character. A value above `value.spill_bytes` is
 * kept in a temporary file.
 *
 * Errors: `TWIN_ERR_ARGUMENT`, also when the value becomes longer than 2 GiB or the pieces are of different kinds;
 * `TWIN_ERR_EXHAUSTED` if that file finds no room.
 * That text is UTF-8 is checked when the statement is executed.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_put(twin_stmt *stmt,
                          int32_t index,
                          int32_t kind,
                          const uint8_t *data,
                          size_t len,
                          twin_error **err);

/**
 * Binds a stream to parameter `index`: when the statement is executed, `read` is called until it has no more bytes.
 * `kind` is `TWIN_TYPE_TEXT` or `TWIN_TYPE_BYTES`. A stream is read once: bind it anew for the next execute. `user`
 * is handed to `read`. A value above `value.spill_bytes` is kept in a temporary file.
 *
 * Errors: `TWIN_ERR_ARGUMENT`. The execute gives `TWIN_ERR_CANCELLED` if `read` gives up, before anything has
 * reached a database, `TWIN_ERR_EXHAUSTED` if that file finds no room, and `TWIN_ERR_UTF8` if a text is none.
 * Since: 0.1
 */
TWIN_API
twin_status twin_stmt_bind_stream(twin_stmt *stmt,
                                  int32_t index,
                                  int32_t kind,
                                  twin_read_callback read,
                                  void *user,
                                  twin_error **err);

/*
 * ------------------------------------------------------------------------------------------------------------
 * twin_rows: the result of a statement, in blocks of columns.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Gives the next block of at most `max_rows` rows (0: the library's choice, 1024; at most 65536). `*out` receives
 * it; it belongs to the rows and is valid until the next call of `twin_rows_next`, `_more` or `_free`.
 *
 * Gives `TWIN_OK`, or `TWIN_DONE` and `*out` = NULL when there are no more rows.
 * Errors: the -3xx, `TWIN_ERR_TIMEOUT`, `TWIN_ERR_CANCELLED`; `TWIN_ERR_STATE` once the connection was released.
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_next(twin_rows *rows,
                           size_t max_rows,
                           const twin_block **out,
                           twin_error **err);

/**
 * Tells the number of columns.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_rows_column_count(twin_rows *rows, int32_t *out, twin_error **err);

/**
 * Tells of column `index` (from 0). The name is valid until `twin_rows_more` or `_free`. `info->struct_size` must
 * be set.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_column(twin_rows *rows,
                             int32_t index,
                             twin_column_info *info,
                             twin_error **err);

/**
 * Tells the number of rows that the statement wrote on the master; -1 where the driver does not say.
 *
 * Since: 0.1
 */
TWIN_API twin_status twin_rows_affected(twin_rows *rows, int64_t *out, twin_error **err);

/**
 * Moves to the next result of the statement, with columns of its own. Gives `TWIN_OK`, or `TWIN_DONE` if there is
 * none.
 *
 * Errors: those of a call to the master; `TWIN_ERR_STATE` once the connection was released.
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_more(twin_rows *rows,
                           twin_error **err);

/**
 * Frees rows and closes the result. NULL is fine.
 *
 * Since: 0.1
 */
TWIN_API void twin_rows_free(twin_rows *rows);

/*
 * ------------------------------------------------------------------------------------------------------------
 * Single values of the current block of rows.
 * ------------------------------------------------------------------------------------------------------------
 */

/**
 * Tells whether a value of the current block is NULL: 1 or 0. `row` and `column` count from 0. The getters below
 * give 0 or an empty text for NULL.
 *
 * Errors of all the getters: `TWIN_ERR_ARGUMENT` for a row or column that is not there and for a value that does
 * not fit.
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_is_null(twin_rows *rows,
                              size_t row,
                              int32_t column,
                              int32_t *out,
                              twin_error **err);

/**
 * Gives an integer: a boolean, an integer, or a decimal or text that is one.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_int64(twin_rows *rows,
                                size_t row,
                                int32_t column,
                                int64_t *out,
                                twin_error **err);

/**
 * Gives a floating-point number, also of an integer, and of a decimal or text that is a number.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_double(twin_rows *rows,
                                 size_t row,
                                 int32_t column,
                                 double *out,
                                 twin_error **err);

/**
 * Gives a value of any type as text, UTF-8 and NUL-terminated (bytes in hexadecimal). It belongs to the rows and is
 * valid until the next call of `twin_rows_next`, `_more` or `_free`. `length` may be NULL.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_text(twin_rows *rows,
                               size_t row,
                               int32_t column,
                               const char **out,
                               size_t *length,
                               twin_error **err);

/**
 * Gives the bytes of a value of type bytes, text or decimal. Valid as with `twin_rows_get_text`.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_bytes(twin_rows *rows,
                                size_t row,
                                int32_t column,
                                const void **out,
                                size_t *length,
                                twin_error **err);

/**
 * Copies a piece of a value of type bytes, text or decimal: at most `capacity` bytes from `offset` on. `*length`
 * receives how many. Gives `TWIN_OK`, or `TWIN_DONE` with length 0 at the value's end.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_read(twin_rows *rows,
                           size_t row,
                           int32_t column,
                           uint64_t offset,
                           void *buffer,
                           size_t capacity,
                           size_t *length,
                           twin_error **err);

/**
 * Gives a date, also of a timestamp.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_date(twin_rows *rows,
                               size_t row,
                               int32_t column,
                               twin_date *out,
                               twin_error **err);

/**
 * Gives a time of day.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_time(twin_rows *rows,
                               size_t row,
                               int32_t column,
                               twin_time *out,
                               twin_error **err);

/**
 * Gives date and time.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_timestamp(twin_rows *rows,
                                    size_t row,
                                    int32_t column,
                                    twin_timestamp *out,
                                    twin_error **err);

/**
 * Gives a UUID: 16 bytes, in the order in which they are written.
 *
 * Since: 0.1
 */
TWIN_API
twin_status twin_rows_get_uuid(twin_rows *rows,
                               size_t row,
                               int32_t column,
                               uint8_t *out,
                               twin_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TWINPOOL_H */
