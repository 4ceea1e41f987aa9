// Written by scripts/bindings.py from include/twinpool.h.
package org.twinpool;

/**
 * The C interface: constants, the places of fields in structures, native methods. Handles, outputs, structures
 * and functions are addresses (long); texts and buffers are arrays.
 */
final class Natives {
    private Natives() {}

    static final int TWIN_VERSION_MAJOR = 0;
    static final int TWIN_VERSION_MINOR = 1;
    static final int TWIN_VERSION_PATCH = 0;
    static final int TWIN_VERSION_NUMBER = 1000;
    static final int TWIN_WAIT_DEFAULT = -1;
    static final int TWIN_WAIT_FOREVER = -2;
    static final int TWIN_ACCESS_WRITE = 0;
    static final int TWIN_ACCESS_READ = 1;
    static final int TWIN_SIDE_POOL = 0;
    static final int TWIN_SIDE_MASTER = 1;
    static final int TWIN_SIDE_MIRROR = 2;
    static final int TWIN_MIRROR_IN_SYNC = 1;
    static final int TWIN_MIRROR_QUEUEING = 2;
    static final int TWIN_MIRROR_REPLAYING = 3;
    static final int TWIN_MIRROR_DIVERGED = 4;
    static final int TWIN_MIRROR_DETACHED = 5;
    static final int TWIN_TYPE_NULL = 0;
    static final int TWIN_TYPE_BOOL = 1;
    static final int TWIN_TYPE_INT64 = 2;
    static final int TWIN_TYPE_DOUBLE = 3;
    static final int TWIN_TYPE_DECIMAL = 4;
    static final int TWIN_TYPE_TEXT = 5;
    static final int TWIN_TYPE_BYTES = 6;
    static final int TWIN_TYPE_DATE = 7;
    static final int TWIN_TYPE_TIME = 8;
    static final int TWIN_TYPE_TIMESTAMP = 9;
    static final int TWIN_TYPE_UUID = 10;
    static final int TWIN_ISOLATION_READ_COMMITTED = 1;
    static final int TWIN_ISOLATION_REPEATABLE_READ = 2;
    static final int TWIN_ISOLATION_SERIALIZABLE = 3;
    static final int TWIN_EVENT_MIRROR_LOST = 1;
    static final int TWIN_EVENT_MIRROR_BACK = 2;
    static final int TWIN_EVENT_REPLAY = 3;
    static final int TWIN_EVENT_DIVERGED = 4;
    static final int TWIN_EVENT_LEAK_SUSPECTED = 5;
    static final int TWIN_EVENT_QUEUE_LIMIT = 6;
    static final int TWIN_LOG_OFF = 0;
    static final int TWIN_LOG_ERROR = 1;
    static final int TWIN_LOG_WARN = 2;
    static final int TWIN_LOG_INFO = 3;
    static final int TWIN_LOG_DEBUG = 4;
    static final int TWIN_LOG_TRACE = 5;
    static final int TWIN_ABI_VERSION = 0;
    static final int TWIN_OK = 0;
    static final int TWIN_DONE = 1;
    static final int TWIN_QUEUED = 2;
    static final int TWIN_ALONE = 3;
    static final int TWIN_ERR_HANDLE = -101;
    static final int TWIN_ERR_ARGUMENT = -102;
    static final int TWIN_ERR_UTF8 = -103;
    static final int TWIN_ERR_OPTION = -104;
    static final int TWIN_ERR_STATE = -105;
    static final int TWIN_ERR_BUSY = -106;
    static final int TWIN_ERR_FORKED = -107;
    static final int TWIN_ERR_UNSUPPORTED = -108;
    static final int TWIN_ERR_BUFFER = -109;
    static final int TWIN_ERR_ACQUIRE_TIMEOUT = -201;
    static final int TWIN_ERR_POOL_CLOSED = -202;
    static final int TWIN_ERR_POOL_SUSPENDED = -203;
    static final int TWIN_ERR_TIMEOUT = -204;
    static final int TWIN_ERR_CANCELLED = -205;
    static final int TWIN_ERR_UNREACHABLE = -301;
    static final int TWIN_ERR_DATABASE = -302;
    static final int TWIN_ERR_RETRY = -303;
    static final int TWIN_ERR_OUTCOME_UNKNOWN = -304;
    static final int TWIN_ERR_TX_FAILED = -305;
    static final int TWIN_ERR_LOGIN = -306;
    static final int TWIN_ERR_NO_DRIVER = -307;
    static final int TWIN_ERR_EXHAUSTED = -308;
    static final int TWIN_ERR_UNSAFE = -401;
    static final int TWIN_ERR_DIVERGED = -402;
    static final int TWIN_ERR_FENCED = -403;
    static final int TWIN_ERR_NOT_A_PAIR = -404;
    static final int TWIN_ERR_TABLES = -405;
    static final int TWIN_ERR_MIRROR_DOWN = -406;
    static final int TWIN_ERR_QUEUE_FULL = -407;
    static final int TWIN_ERR_PANIC = -901;
    static final int TWIN_ERR_INTERNAL = -902;

    static final class TwinPoolInfo {
        static final int LENGTH = 112;
        static final int STRUCT_SIZE = 0;
        static final int MIRROR_STATE = 4;
        static final int ASYNCHRONOUS = 8;
        static final int MIRROR_REACHABLE = 12;
        static final int EPOCH = 16;
        static final int TERM = 24;
        static final int QUEUE_ENTRIES = 32;
        static final int QUEUE_BYTES = 40;
        static final int QUEUE_OLDEST_MS = 48;
        static final int TOTAL = 56;
        static final int IDLE = 60;
        static final int ACTIVE = 64;
        static final int WAITING = 68;
        static final int DIRECT = 72;
        static final int QUEUED = 80;
        static final int REPLAYED = 88;
        static final int FAILED = 96;
        static final int RERUN = 104;

        private TwinPoolInfo() {}
    }

    static final class TwinMetrics {
        static final int LENGTH = 304;
        static final int STRUCT_SIZE = 0;
        static final int MIRROR_STATE = 4;
        static final int TOTAL = 8;
        static final int IDLE = 12;
        static final int ACTIVE = 16;
        static final int WAITING = 20;
        static final int MAX = 24;
        static final int OPENING = 28;
        static final int ACQUIRES = 32;
        static final int ACQUIRE_TIMEOUTS = 40;
        static final int CONNECTS = 48;
        static final int CONNECT_FAILURES = 56;
        static final int EVICTIONS = 64;
        static final int DEAD = 72;
        static final int LEAKS = 80;
        static final int ACQUIRE_SUM_US = 88;
        static final int ACQUIRE_P50_US = 96;
        static final int ACQUIRE_P99_US = 104;
        static final int USAGE_COUNT = 112;
        static final int USAGE_SUM_US = 120;
        static final int USAGE_P50_US = 128;
        static final int USAGE_P99_US = 136;
        static final int CONNECT_SUM_US = 144;
        static final int CONNECT_P50_US = 152;
        static final int CONNECT_P99_US = 160;
        static final int MASTER_CALLS = 168;
        static final int MASTER_SUM_US = 176;
        static final int MASTER_P50_US = 184;
        static final int MASTER_P99_US = 192;
        static final int MIRROR_CALLS = 200;
        static final int MIRROR_SUM_US = 208;
        static final int MIRROR_P50_US = 216;
        static final int MIRROR_P99_US = 224;
        static final int QUEUE_ENTRIES = 232;
        static final int QUEUE_BYTES = 240;
        static final int QUEUE_OLDEST_MS = 248;
        static final int DIRECT = 256;
        static final int QUEUED = 264;
        static final int REPLAYED = 272;
        static final int FAILED = 280;
        static final int RERUN = 288;
        static final int REPLAY_RATE = 296;
        static final String[] FIELDS = {
            "struct_size int 0",
            "mirror_state int 4",
            "total int 8",
            "idle int 12",
            "active int 16",
            "waiting int 20",
            "max int 24",
            "opening int 28",
            "acquires long 32",
            "acquire_timeouts long 40",
            "connects long 48",
            "connect_failures long 56",
            "evictions long 64",
            "dead long 72",
            "leaks long 80",
            "acquire_sum_us long 88",
            "acquire_p50_us long 96",
            "acquire_p99_us long 104",
            "usage_count long 112",
            "usage_sum_us long 120",
            "usage_p50_us long 128",
            "usage_p99_us long 136",
            "connect_sum_us long 144",
            "connect_p50_us long 152",
            "connect_p99_us long 160",
            "master_calls long 168",
            "master_sum_us long 176",
            "master_p50_us long 184",
            "master_p99_us long 192",
            "mirror_calls long 200",
            "mirror_sum_us long 208",
            "mirror_p50_us long 216",
            "mirror_p99_us long 224",
            "queue_entries long 232",
            "queue_bytes long 240",
            "queue_oldest_ms long 248",
            "direct long 256",
            "queued long 264",
            "replayed long 272",
            "failed long 280",
            "rerun long 288",
            "replay_rate double 296",
        };

        private TwinMetrics() {}
    }

    static final class TwinEvent {
        static final int LENGTH = 40;
        static final int STRUCT_SIZE = 0;
        static final int KIND = 4;
        static final int DONE = 8;
        static final int LEFT = 16;
        static final int TEXT = 24;
        static final int TEXT_LEN = 32;

        private TwinEvent() {}
    }

    static final class TwinDate {
        static final int LENGTH = 8;
        static final int YEAR = 0;
        static final int MONTH = 4;
        static final int DAY = 5;
        static final int RESERVED = 6;

        private TwinDate() {}
    }

    static final class TwinTime {
        static final int LENGTH = 12;
        static final int HOUR = 0;
        static final int MINUTE = 2;
        static final int SECOND = 3;
        static final int NEGATIVE = 4;
        static final int RESERVED = 5;
        static final int NANOSECOND = 8;

        private TwinTime() {}
    }

    static final class TwinTimestamp {
        static final int LENGTH = 16;
        static final int YEAR = 0;
        static final int MONTH = 4;
        static final int DAY = 5;
        static final int HOUR = 6;
        static final int MINUTE = 7;
        static final int SECOND = 8;
        static final int RESERVED = 9;
        static final int NANOSECOND = 12;

        private TwinTimestamp() {}
    }

    static final class TwinColumn {
        static final int LENGTH = 32;
        static final int STRUCT_SIZE = 0;
        static final int KIND = 4;
        static final int NULLS = 8;
        static final int DATA = 16;
        static final int OFFSETS = 24;

        private TwinColumn() {}
    }

    static final class TwinBlock {
        static final int LENGTH = 24;
        static final int STRUCT_SIZE = 0;
        static final int COLUMN_COUNT = 4;
        static final int ROW_COUNT = 8;
        static final int COLUMNS = 16;

        private TwinBlock() {}
    }

    static final class TwinColumnInfo {
        static final int LENGTH = 48;
        static final int STRUCT_SIZE = 0;
        static final int KIND = 4;
        static final int NAME = 8;
        static final int NAME_LEN = 16;
        static final int SIZE = 24;
        static final int SQL_TYPE = 32;
        static final int DIGITS = 36;
        static final int NULLABLE = 40;
        static final int RESERVED = 44;

        private TwinColumnInfo() {}
    }

    static native long twin_version();
    static native int twin_version_number();
    static native int twin_abi_version();
    static native long twin_debug_live_handles();
    static native int twin_error_status(long error);
    static native long twin_error_message(long error);
    static native int twin_error_retryable(long error);
    static native int twin_error_outcome_unknown(long error);
    static native int twin_error_side(long error);
    static native int twin_error_record_count(long error);
    static native long twin_error_record_sqlstate(long error, int index);
    static native int twin_error_record_native(long error, int index);
    static native long twin_error_record_message(long error, int index);
    static native int twin_error_record_side(long error, int index);
    static native long twin_error_record_function(long error, int index);
    static native void twin_error_free(long error);
    static native long twin_status_name(int status);
    static native int twin_options_new(long out, long err);
    static native int twin_options_set(long options, byte[] key, long key_len, byte[] value, long value_len, long err);
    static native int twin_options_get(
            long options, byte[] key, long key_len, byte[] buffer, long capacity, long length, long err);
    static native int twin_options_parse(long options, byte[] text, long text_len, long err);
    static native int twin_options_load(long options, byte[] path, long path_len, long err);
    static native int twin_options_load_env(long options, long err);
    static native void twin_options_free(long options);
    static native int twin_pool_open(long options, long out, long err);
    static native int twin_pool_close(long pool, int timeout_ms, long err);
    static native void twin_pool_free(long pool);
    static native int twin_pool_acquire(long pool, int access, int timeout_ms, long out, long err);
    static native int twin_pool_suspend(long pool, int fail_fast, long err);
    static native int twin_pool_resume(long pool, long err);
    static native int twin_pool_status(long pool, long info, long err);
    static native int twin_pool_reason(long pool, byte[] buffer, long capacity, long length, long err);
    static native int twin_pool_last_error(long pool, byte[] buffer, long capacity, long length, long err);
    static native int twin_pool_refresh(long pool, long err);
    static native int twin_pool_set(long pool, byte[] key, long key_len, byte[] value, long value_len, long err);
    static native int twin_pool_get(
            long pool, byte[] key, long key_len, byte[] buffer, long capacity, long length, long err);
    static native int twin_pool_evict(long pool, long err);
    static native int twin_pool_metrics(long pool, long metrics, long err);
    static native int twin_pool_metrics_text(long pool, byte[] buffer, long capacity, long length, long err);
    static native int twin_pool_detach(long pool, long err);
    static native int twin_pool_attach(long pool, long err);
    static native int twin_pool_replay(long pool, int timeout_ms, long progress, long user, long err);
    static native int twin_pool_verify(long pool, long progress, long user, long out, long err);
    static native int twin_pool_queue_list(long pool, long limit, long out, long err);
    static native int twin_pool_queue_show(long pool, long id, long out, long err);
    static native int twin_pool_queue_skip(long pool, long id, long err);
    static native int twin_pool_listen(long pool, long callback, long user, long err);
    static native int twin_log_listen(int level, long callback, long user, long err);
    static native int twin_cancel_request(long cancel, long err);
    static native void twin_cancel_free(long cancel);
    static native int twin_conn_release(long conn, long err);
    static native int twin_conn_abort(long conn, long err);
    static native void twin_conn_free(long conn);
    static native int twin_conn_execute(long conn, byte[] sql, long sql_len, long affected, long rows, long err);
    static native int twin_conn_prepare(long conn, byte[] sql, long sql_len, long out, long err);
    static native int twin_conn_is_valid(long conn, int timeout_ms, long out, long err);
    static native int twin_conn_cancel_token(long conn, long out, long err);
    static native int twin_conn_begin(long conn, long err);
    static native int twin_conn_commit(long conn, long err);
    static native int twin_conn_rollback(long conn, long err);
    static native int twin_conn_savepoint(long conn, byte[] name, long name_len, long err);
    static native int twin_conn_rollback_to(long conn, byte[] name, long name_len, long err);
    static native int twin_conn_release_savepoint(long conn, byte[] name, long name_len, long err);
    static native int twin_conn_in_transaction(long conn, long out, long err);
    static native int twin_conn_is_direct(long conn, long out, long err);
    static native int twin_conn_mirror_state(long conn, long out, long err);
    static native int twin_conn_last_outcome(long conn, long out, long err);
    static native int twin_conn_set_autocommit(long conn, int on, long err);
    static native int twin_conn_get_autocommit(long conn, long out, long err);
    static native int twin_conn_set_isolation(long conn, int level, long err);
    static native int twin_conn_get_isolation(long conn, long out, long err);
    static native int twin_conn_set_read_only(long conn, int on, long err);
    static native int twin_conn_get_read_only(long conn, long out, long err);
    static native int twin_conn_set_schema(long conn, byte[] name, long name_len, long err);
    static native int twin_conn_get_schema(long conn, byte[] buffer, long capacity, long length, long err);
    static native int twin_conn_set_network_timeout(long conn, int timeout_ms, long err);
    static native int twin_conn_get_network_timeout(long conn, long out, long err);
    static native int twin_conn_set_label(long conn, byte[] label, long label_len, long err);
    static native int twin_conn_set_generated_keys(long conn, int on, long err);
    static native int twin_conn_generated_key(long conn, long out, long err);
    static native int twin_stmt_bind_null(long stmt, int index, long err);
    static native int twin_stmt_bind_bool(long stmt, int index, int value, long err);
    static native int twin_stmt_bind_int64(long stmt, int index, long value, long err);
    static native int twin_stmt_bind_double(long stmt, int index, double value, long err);
    static native int twin_stmt_bind_decimal(long stmt, int index, byte[] text, long text_len, long err);
    static native int twin_stmt_bind_text(long stmt, int index, byte[] text, long text_len, long err);
    static native int twin_stmt_bind_bytes(long stmt, int index, byte[] data, long len, long err);
    static native int twin_stmt_bind_date(long stmt, int index, long value, long err);
    static native int twin_stmt_bind_time(long stmt, int index, long value, long err);
    static native int twin_stmt_bind_timestamp(long stmt, int index, long value, long err);
    static native int twin_stmt_bind_uuid(long stmt, int index, byte[] value, long err);
    static native int twin_stmt_bind_columns(long stmt, long block, long err);
    static native int twin_stmt_clear(long stmt, long err);
    static native int twin_stmt_execute(long stmt, long affected, long rows, long err);
    static native int twin_stmt_execute_batch(
            long stmt, long statuses, long affected, long capacity, long failed, long err);
    static native int twin_stmt_batch_error(long stmt, long row, long out, long err);
    static native int twin_stmt_describe(long stmt, long parameters, long columns, long err);
    static native int twin_stmt_column(long stmt, int index, long info, long err);
    static native void twin_stmt_free(long stmt);
    static native int twin_stmt_put(long stmt, int index, int kind, byte[] data, long len, long err);
    static native int twin_stmt_bind_stream(long stmt, int index, int kind, long read, long user, long err);
    static native int twin_rows_next(long rows, long max_rows, long out, long err);
    static native int twin_rows_column_count(long rows, long out, long err);
    static native int twin_rows_column(long rows, int index, long info, long err);
    static native int twin_rows_affected(long rows, long out, long err);
    static native int twin_rows_more(long rows, long err);
    static native void twin_rows_free(long rows);
    static native int twin_rows_is_null(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_int64(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_double(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_text(long rows, long row, int column, long out, long length, long err);
    static native int twin_rows_get_bytes(long rows, long row, int column, long out, long length, long err);
    static native int twin_rows_read(
            long rows, long row, int column, long offset, byte[] buffer, long capacity, long length, long err);
    static native int twin_rows_get_date(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_time(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_timestamp(long rows, long row, int column, long out, long err);
    static native int twin_rows_get_uuid(long rows, long row, int column, byte[] out, long err);
}
