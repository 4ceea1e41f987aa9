"""The C interface as ctypes sees it. Written by scripts/bindings.py from include/twinpool.h."""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint16,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
)

TWIN_VERSION_MAJOR = 0
TWIN_VERSION_MINOR = 1
TWIN_VERSION_PATCH = 0
TWIN_VERSION_NUMBER = 1000
TWIN_WAIT_DEFAULT = -1
TWIN_WAIT_FOREVER = -2
TWIN_ACCESS_WRITE = 0
TWIN_ACCESS_READ = 1
TWIN_SIDE_POOL = 0
TWIN_SIDE_MASTER = 1
TWIN_SIDE_MIRROR = 2
TWIN_MIRROR_IN_SYNC = 1
TWIN_MIRROR_QUEUEING = 2
TWIN_MIRROR_REPLAYING = 3
TWIN_MIRROR_DIVERGED = 4
TWIN_MIRROR_DETACHED = 5
TWIN_TYPE_NULL = 0
TWIN_TYPE_BOOL = 1
TWIN_TYPE_INT64 = 2
TWIN_TYPE_DOUBLE = 3
TWIN_TYPE_DECIMAL = 4
TWIN_TYPE_TEXT = 5
TWIN_TYPE_BYTES = 6
TWIN_TYPE_DATE = 7
TWIN_TYPE_TIME = 8
TWIN_TYPE_TIMESTAMP = 9
TWIN_TYPE_UUID = 10
TWIN_ISOLATION_READ_COMMITTED = 1
TWIN_ISOLATION_REPEATABLE_READ = 2
TWIN_ISOLATION_SERIALIZABLE = 3
TWIN_EVENT_MIRROR_LOST = 1
TWIN_EVENT_MIRROR_BACK = 2
TWIN_EVENT_REPLAY = 3
TWIN_EVENT_DIVERGED = 4
TWIN_EVENT_LEAK_SUSPECTED = 5
TWIN_EVENT_QUEUE_LIMIT = 6
TWIN_LOG_OFF = 0
TWIN_LOG_ERROR = 1
TWIN_LOG_WARN = 2
TWIN_LOG_INFO = 3
TWIN_LOG_DEBUG = 4
TWIN_LOG_TRACE = 5
TWIN_ABI_VERSION = 0
TWIN_OK = 0
TWIN_DONE = 1
TWIN_QUEUED = 2
TWIN_ALONE = 3
TWIN_ERR_HANDLE = -101
TWIN_ERR_ARGUMENT = -102
TWIN_ERR_UTF8 = -103
TWIN_ERR_OPTION = -104
TWIN_ERR_STATE = -105
TWIN_ERR_BUSY = -106
TWIN_ERR_FORKED = -107
TWIN_ERR_UNSUPPORTED = -108
TWIN_ERR_BUFFER = -109
TWIN_ERR_ACQUIRE_TIMEOUT = -201
TWIN_ERR_POOL_CLOSED = -202
TWIN_ERR_POOL_SUSPENDED = -203
TWIN_ERR_TIMEOUT = -204
TWIN_ERR_CANCELLED = -205
TWIN_ERR_UNREACHABLE = -301
TWIN_ERR_DATABASE = -302
TWIN_ERR_RETRY = -303
TWIN_ERR_OUTCOME_UNKNOWN = -304
TWIN_ERR_TX_FAILED = -305
TWIN_ERR_LOGIN = -306
TWIN_ERR_NO_DRIVER = -307
TWIN_ERR_EXHAUSTED = -308
TWIN_ERR_UNSAFE = -401
TWIN_ERR_DIVERGED = -402
TWIN_ERR_FENCED = -403
TWIN_ERR_NOT_A_PAIR = -404
TWIN_ERR_TABLES = -405
TWIN_ERR_MIRROR_DOWN = -406
TWIN_ERR_QUEUE_FULL = -407
TWIN_ERR_PANIC = -901
TWIN_ERR_INTERNAL = -902


class TwinPoolInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mirror_state", c_int32),
        ("asynchronous", c_int32),
        ("mirror_reachable", c_int32),
        ("epoch", c_uint64),
        ("term", c_uint64),
        ("queue_entries", c_uint64),
        ("queue_bytes", c_uint64),
        ("queue_oldest_ms", c_uint64),
        ("total", c_uint32),
        ("idle", c_uint32),
        ("active", c_uint32),
        ("waiting", c_uint32),
        ("direct", c_uint64),
        ("queued", c_uint64),
        ("replayed", c_uint64),
        ("failed", c_uint64),
        ("rerun", c_uint64),
    ]


class TwinMetrics(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("mirror_state", c_int32),
        ("total", c_uint32),
        ("idle", c_uint32),
        ("active", c_uint32),
        ("waiting", c_uint32),
        ("max", c_uint32),
        ("opening", c_uint32),
        ("acquires", c_uint64),
        ("acquire_timeouts", c_uint64),
        ("connects", c_uint64),
        ("connect_failures", c_uint64),
        ("evictions", c_uint64),
        ("dead", c_uint64),
        ("leaks", c_uint64),
        ("acquire_sum_us", c_uint64),
        ("acquire_p50_us", c_uint64),
        ("acquire_p99_us", c_uint64),
        ("usage_count", c_uint64),
        ("usage_sum_us", c_uint64),
        ("usage_p50_us", c_uint64),
        ("usage_p99_us", c_uint64),
        ("connect_sum_us", c_uint64),
        ("connect_p50_us", c_uint64),
        ("connect_p99_us", c_uint64),
        ("master_calls", c_uint64),
        ("master_sum_us", c_uint64),
        ("master_p50_us", c_uint64),
        ("master_p99_us", c_uint64),
        ("mirror_calls", c_uint64),
        ("mirror_sum_us", c_uint64),
        ("mirror_p50_us", c_uint64),
        ("mirror_p99_us", c_uint64),
        ("queue_entries", c_uint64),
        ("queue_bytes", c_uint64),
        ("queue_oldest_ms", c_uint64),
        ("direct", c_uint64),
        ("queued", c_uint64),
        ("replayed", c_uint64),
        ("failed", c_uint64),
        ("rerun", c_uint64),
        ("replay_rate", c_double),
    ]


class TwinEvent(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("done", c_uint64),
        ("left", c_uint64),
        ("text", c_void_p),
        ("text_len", c_size_t),
    ]


class TwinDate(Structure):
    _fields_ = [
        ("year", c_int32),
        ("month", c_uint8),
        ("day", c_uint8),
        ("reserved", c_uint8 * 2),
    ]


class TwinTime(Structure):
    _fields_ = [
        ("hour", c_uint16),
        ("minute", c_uint8),
        ("second", c_uint8),
        ("negative", c_uint8),
        ("reserved", c_uint8 * 3),
        ("nanosecond", c_uint32),
    ]


class TwinTimestamp(Structure):
    _fields_ = [
        ("year", c_int32),
        ("month", c_uint8),
        ("day", c_uint8),
        ("hour", c_uint8),
        ("minute", c_uint8),
        ("second", c_uint8),
        ("reserved", c_uint8 * 3),
        ("nanosecond", c_uint32),
    ]


class TwinColumn(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("nulls", c_void_p),
        ("data", c_void_p),
        ("offsets", c_void_p),
    ]


class TwinBlock(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("column_count", c_int32),
        ("row_count", c_uint64),
        ("columns", c_void_p),
    ]


class TwinColumnInfo(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_int32),
        ("name", c_void_p),
        ("name_len", c_size_t),
        ("size", c_uint64),
        ("sql_type", c_int32),
        ("digits", c_int32),
        ("nullable", c_int32),
        ("reserved", c_int32),
    ]


TwinReplayCallback = CFUNCTYPE(None, c_uint64, c_uint64, c_void_p)
TwinVerifyCallback = CFUNCTYPE(None, c_void_p, c_size_t, c_uint64, c_void_p)
TwinEventCallback = CFUNCTYPE(None, POINTER(TwinEvent), c_void_p)
TwinLogCallback = CFUNCTYPE(None, c_int32, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)
TwinReadCallback = CFUNCTYPE(c_int64, c_void_p, c_size_t, c_void_p)

# name: (result, arguments)
PROTOTYPES = {
    "twin_version": (c_char_p, ()),
    "twin_version_number": (c_uint32, ()),
    "twin_abi_version": (c_uint32, ()),
    "twin_debug_live_handles": (c_int64, ()),
    "twin_error_status": (c_int32, (c_void_p,)),
    "twin_error_message": (c_char_p, (c_void_p,)),
    "twin_error_retryable": (c_int32, (c_void_p,)),
    "twin_error_outcome_unknown": (c_int32, (c_void_p,)),
    "twin_error_side": (c_int32, (c_void_p,)),
    "twin_error_record_count": (c_int32, (c_void_p,)),
    "twin_error_record_sqlstate": (c_char_p, (c_void_p, c_int32)),
    "twin_error_record_native": (c_int32, (c_void_p, c_int32)),
    "twin_error_record_message": (c_char_p, (c_void_p, c_int32)),
    "twin_error_record_side": (c_int32, (c_void_p, c_int32)),
    "twin_error_record_function": (c_char_p, (c_void_p, c_int32)),
    "twin_error_free": (None, (c_void_p,)),
    "twin_status_name": (c_char_p, (c_int32,)),
    "twin_options_new": (c_int32, (POINTER(c_void_p), POINTER(c_void_p))),
    "twin_options_set": (c_int32, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_options_get": (c_int32, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_options_parse": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_options_load": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_options_load_env": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_options_free": (None, (c_void_p,)),
    "twin_pool_open": (c_int32, (c_void_p, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_pool_close": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_pool_free": (None, (c_void_p,)),
    "twin_pool_acquire": (c_int32, (c_void_p, c_int32, c_int32, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_pool_suspend": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_pool_resume": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_pool_status": (c_int32, (c_void_p, POINTER(TwinPoolInfo), POINTER(c_void_p))),
    "twin_pool_reason": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_pool_last_error": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_pool_refresh": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_pool_set": (c_int32, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_pool_get": (c_int32, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_pool_evict": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_pool_metrics": (c_int32, (c_void_p, POINTER(TwinMetrics), POINTER(c_void_p))),
    "twin_pool_metrics_text": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_pool_detach": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_pool_attach": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_pool_replay": (c_int32, (c_void_p, c_int32, TwinReplayCallback, c_void_p, POINTER(c_void_p))),
    "twin_pool_verify": (c_int32, (c_void_p, TwinVerifyCallback, c_void_p, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_pool_queue_list": (c_int32, (c_void_p, c_uint64, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_pool_queue_show": (c_int32, (c_void_p, c_int64, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_pool_queue_skip": (c_int32, (c_void_p, c_int64, POINTER(c_void_p))),
    "twin_pool_listen": (c_int32, (c_void_p, TwinEventCallback, c_void_p, POINTER(c_void_p))),
    "twin_log_listen": (c_int32, (c_int32, TwinLogCallback, c_void_p, POINTER(c_void_p))),
    "twin_cancel_request": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_cancel_free": (None, (c_void_p,)),
    "twin_conn_release": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_conn_abort": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_conn_free": (None, (c_void_p,)),
    "twin_conn_execute": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_int64), POINTER(c_void_p), POINTER(c_void_p))),
    "twin_conn_prepare": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_conn_is_valid": (c_int32, (c_void_p, c_int32, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_cancel_token": (c_int32, (c_void_p, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_conn_begin": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_conn_commit": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_conn_rollback": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_conn_savepoint": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_conn_rollback_to": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_conn_release_savepoint": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_conn_in_transaction": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_is_direct": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_mirror_state": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_last_outcome": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_set_autocommit": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_conn_get_autocommit": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_set_isolation": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_conn_get_isolation": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_set_read_only": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_conn_get_read_only": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_set_schema": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_conn_get_schema": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_conn_set_network_timeout": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_conn_get_network_timeout": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_conn_set_label": (c_int32, (c_void_p, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_conn_set_generated_keys": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_conn_generated_key": (c_int32, (c_void_p, POINTER(c_int64), POINTER(c_void_p))),
    "twin_stmt_bind_null": (c_int32, (c_void_p, c_int32, POINTER(c_void_p))),
    "twin_stmt_bind_bool": (c_int32, (c_void_p, c_int32, c_int32, POINTER(c_void_p))),
    "twin_stmt_bind_int64": (c_int32, (c_void_p, c_int32, c_int64, POINTER(c_void_p))),
    "twin_stmt_bind_double": (c_int32, (c_void_p, c_int32, c_double, POINTER(c_void_p))),
    "twin_stmt_bind_decimal": (c_int32, (c_void_p, c_int32, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_stmt_bind_text": (c_int32, (c_void_p, c_int32, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_stmt_bind_bytes": (c_int32, (c_void_p, c_int32, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_stmt_bind_date": (c_int32, (c_void_p, c_int32, POINTER(TwinDate), POINTER(c_void_p))),
    "twin_stmt_bind_time": (c_int32, (c_void_p, c_int32, POINTER(TwinTime), POINTER(c_void_p))),
    "twin_stmt_bind_timestamp": (c_int32, (c_void_p, c_int32, POINTER(TwinTimestamp), POINTER(c_void_p))),
    "twin_stmt_bind_uuid": (c_int32, (c_void_p, c_int32, c_char_p, POINTER(c_void_p))),
    "twin_stmt_bind_columns": (c_int32, (c_void_p, POINTER(TwinBlock), POINTER(c_void_p))),
    "twin_stmt_clear": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_stmt_execute": (c_int32, (c_void_p, POINTER(c_int64), POINTER(c_void_p), POINTER(c_void_p))),
    "twin_stmt_execute_batch": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_int64), c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_stmt_batch_error": (c_int32, (c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_void_p))),
    "twin_stmt_describe": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_int32), POINTER(c_void_p))),
    "twin_stmt_column": (c_int32, (c_void_p, c_int32, POINTER(TwinColumnInfo), POINTER(c_void_p))),
    "twin_stmt_free": (None, (c_void_p,)),
    "twin_stmt_put": (c_int32, (c_void_p, c_int32, c_int32, c_char_p, c_size_t, POINTER(c_void_p))),
    "twin_stmt_bind_stream": (c_int32, (c_void_p, c_int32, c_int32, TwinReadCallback, c_void_p, POINTER(c_void_p))),
    "twin_rows_next": (c_int32, (c_void_p, c_size_t, POINTER(POINTER(TwinBlock)), POINTER(c_void_p))),
    "twin_rows_column_count": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_void_p))),
    "twin_rows_column": (c_int32, (c_void_p, c_int32, POINTER(TwinColumnInfo), POINTER(c_void_p))),
    "twin_rows_affected": (c_int32, (c_void_p, POINTER(c_int64), POINTER(c_void_p))),
    "twin_rows_more": (c_int32, (c_void_p, POINTER(c_void_p))),
    "twin_rows_free": (None, (c_void_p,)),
    "twin_rows_is_null": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(c_int32), POINTER(c_void_p))),
    "twin_rows_get_int64": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(c_int64), POINTER(c_void_p))),
    "twin_rows_get_double": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(c_double), POINTER(c_void_p))),
    "twin_rows_get_text": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p))),
    "twin_rows_get_bytes": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p))),
    "twin_rows_read": (c_int32, (c_void_p, c_size_t, c_int32, c_uint64, c_void_p, c_size_t, POINTER(c_size_t), POINTER(c_void_p))),
    "twin_rows_get_date": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(TwinDate), POINTER(c_void_p))),
    "twin_rows_get_time": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(TwinTime), POINTER(c_void_p))),
    "twin_rows_get_timestamp": (c_int32, (c_void_p, c_size_t, c_int32, POINTER(TwinTimestamp), POINTER(c_void_p))),
    "twin_rows_get_uuid": (c_int32, (c_void_p, c_size_t, c_int32, c_char_p, POINTER(c_void_p))),
}
