//! Constants of the border. Their numbers are those of the library's own enums, which is checked here.

/// For a length: the text ends at its NUL.
pub const TWIN_NTS: usize = usize::MAX;

/// For `timeout_ms`: what the option for this wait says. (0: do not wait at all.)
pub const TWIN_WAIT_DEFAULT: i32 = -1;
/// For `timeout_ms`: as long as it takes.
pub const TWIN_WAIT_FOREVER: i32 = -2;

/// A connection that reads and writes.
pub const TWIN_ACCESS_WRITE: i32 = 0;
/// A connection that reads. A statement that would write is refused with `TWIN_ERR_STATE` or the database's
/// own error.
pub const TWIN_ACCESS_READ: i32 = 1;

/// Who an error speaks for: the library.
pub const TWIN_SIDE_POOL: i32 = 0;
/// Who an error speaks for: the master database or its driver.
pub const TWIN_SIDE_MASTER: i32 = 1;
/// Who an error speaks for: the mirror database or its driver.
pub const TWIN_SIDE_MIRROR: i32 = 2;

/// Both databases hold the same; commits go to both at once.
pub const TWIN_MIRROR_IN_SYNC: i32 = 1;
/// The mirror is away or behind; its share of each commit goes to the queue.
pub const TWIN_MIRROR_QUEUEING: i32 = 2;
/// The mirror is back; the queue is being replayed while new commits still go to its end.
pub const TWIN_MIRROR_REPLAYING: i32 = 3;
/// The mirror answered otherwise than the master. Commits go on being queued; an operator must decide.
pub const TWIN_MIRROR_DIVERGED: i32 = 4;
/// Switched off by `twin_pool_detach`. Commits go on being queued.
pub const TWIN_MIRROR_DETACHED: i32 = 5;

/// Type of a column or parameter: no value. Only as the type of a parameter column that is NULL throughout.
pub const TWIN_TYPE_NULL: i32 = 0;
/// One byte, 0 or 1.
pub const TWIN_TYPE_BOOL: i32 = 1;
/// `int64_t`.
pub const TWIN_TYPE_INT64: i32 = 2;
/// `double`.
pub const TWIN_TYPE_DOUBLE: i32 = 3;
/// Exact decimal number as text: `-12.50`. Offsets and bytes.
pub const TWIN_TYPE_DECIMAL: i32 = 4;
/// UTF-8. Offsets and bytes.
pub const TWIN_TYPE_TEXT: i32 = 5;
/// Offsets and bytes.
pub const TWIN_TYPE_BYTES: i32 = 6;
/// `twin_date`.
pub const TWIN_TYPE_DATE: i32 = 7;
/// `twin_time`.
pub const TWIN_TYPE_TIME: i32 = 8;
/// `twin_timestamp`.
pub const TWIN_TYPE_TIMESTAMP: i32 = 9;
/// 16 bytes, in the order in which they are written.
pub const TWIN_TYPE_UUID: i32 = 10;

/// Isolation level of a connection's transactions.
pub const TWIN_ISOLATION_READ_COMMITTED: i32 = 1;
/// Isolation level of a connection's transactions.
pub const TWIN_ISOLATION_REPEATABLE_READ: i32 = 2;
/// Isolation level of a connection's transactions.
pub const TWIN_ISOLATION_SERIALIZABLE: i32 = 3;

/// The mirror cannot be reached any more; `text` says why.
pub const TWIN_EVENT_MIRROR_LOST: i32 = 1;
/// The mirror is in step again.
pub const TWIN_EVENT_MIRROR_BACK: i32 = 2;
/// Progress of a replay: `done` and `left`.
pub const TWIN_EVENT_REPLAY: i32 = 3;
/// The mirror has diverged; `text` says by what.
pub const TWIN_EVENT_DIVERGED: i32 = 4;
/// A connection has been out for longer than `pool.leak_threshold_ms`; `text` says which.
pub const TWIN_EVENT_LEAK_SUSPECTED: i32 = 5;
/// The queue has grown beyond a limit; `text` says beyond which, and what happens now.
pub const TWIN_EVENT_QUEUE_LIMIT: i32 = 6;

/// Nothing is logged.
pub const TWIN_LOG_OFF: i32 = 0;
/// What went wrong.
pub const TWIN_LOG_ERROR: i32 = 1;
/// What may go wrong: repaired options, a lost mirror.
pub const TWIN_LOG_WARN: i32 = 2;
/// What an operator wants to know.
pub const TWIN_LOG_INFO: i32 = 3;
/// What a developer wants to know, statements included.
pub const TWIN_LOG_DEBUG: i32 = 4;
/// Everything.
pub const TWIN_LOG_TRACE: i32 = 5;

const _: () = {
    use crate::error::Side;
    use crate::pair::MirrorState;
    use crate::twin::Isolation;
    use crate::value::Type;
    assert!(TWIN_SIDE_POOL == Side::Pool as i32);
    assert!(TWIN_SIDE_MASTER == Side::Master as i32);
    assert!(TWIN_SIDE_MIRROR == Side::Mirror as i32);
    assert!(TWIN_MIRROR_IN_SYNC == MirrorState::InSync as i32);
    assert!(TWIN_MIRROR_QUEUEING == MirrorState::Queueing as i32);
    assert!(TWIN_MIRROR_REPLAYING == MirrorState::Replaying as i32);
    assert!(TWIN_MIRROR_DIVERGED == MirrorState::Diverged as i32);
    assert!(TWIN_MIRROR_DETACHED == MirrorState::Detached as i32);
    assert!(TWIN_TYPE_NULL == Type::Null as i32);
    assert!(TWIN_TYPE_BOOL == Type::Bool as i32);
    assert!(TWIN_TYPE_INT64 == Type::Int as i32);
    assert!(TWIN_TYPE_DOUBLE == Type::Double as i32);
    assert!(TWIN_TYPE_DECIMAL == Type::Decimal as i32);
    assert!(TWIN_TYPE_TEXT == Type::Text as i32);
    assert!(TWIN_TYPE_BYTES == Type::Bytes as i32);
    assert!(TWIN_TYPE_DATE == Type::Date as i32);
    assert!(TWIN_TYPE_TIME == Type::Time as i32);
    assert!(TWIN_TYPE_TIMESTAMP == Type::Timestamp as i32);
    assert!(TWIN_TYPE_UUID == Type::Uuid as i32);
    assert!(TWIN_ISOLATION_READ_COMMITTED == Isolation::ReadCommitted as i32);
    assert!(TWIN_ISOLATION_REPEATABLE_READ == Isolation::RepeatableRead as i32);
    assert!(TWIN_ISOLATION_SERIALIZABLE == Isolation::Serializable as i32);
    assert!(TWIN_LOG_ERROR == log::Level::Error as i32);
    assert!(TWIN_LOG_TRACE == log::Level::Trace as i32);
};
