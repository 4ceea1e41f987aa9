//! Version and statuses, generated from `Cargo.toml` and `Status::TABLE`. Do not edit: see `documents.rs`.

/// Version of this header.
pub const TWIN_VERSION_MAJOR: u32 = 0;
/// Version of this header.
pub const TWIN_VERSION_MINOR: u32 = 1;
/// Version of this header.
pub const TWIN_VERSION_PATCH: u32 = 0;
/// major * 1000000 + minor * 1000 + patch.
pub const TWIN_VERSION_NUMBER: u32 = 1000;

/// What every call that can fail gives: 0 is success, positive is success with news, negative is an error.
/// Ask with `TWIN_FAILED(status)`. The families: -1xx the caller, -2xx the pool and timeouts, -3xx the
/// database, -4xx mirror and queue, -9xx internal. A number once used is never used for something else.
pub type twin_status = i32;

/// Success.
pub const TWIN_OK: twin_status = 0;
/// No more rows.
pub const TWIN_DONE: twin_status = 1;
/// The master has committed; the mirror's share waits in the queue.
/// Cause: The mirror is away, behind, or `mirror.mode=async`.
/// Cure: Nothing: the share is replayed in order when the mirror returns. Never repeat the work.
pub const TWIN_QUEUED: twin_status = 2;
/// The master has committed, and the mirror will not get it: it was abandoned.
/// Cause: The queue grew beyond a limit with `queue.beyond=detach`.
/// Cure: Nothing for this transaction. The pair needs a new copy: docs/guarantees.md, starting from a copy.
pub const TWIN_ALONE: twin_status = 3;
/// A handle is NULL, freed, of another kind, or was never made by this library.
/// Cause: Use after free, or a value that is not a handle.
/// Cure: Fix the caller.
pub const TWIN_ERR_HANDLE: twin_status = -101;
/// An argument is out of its range: NULL where a value is needed, bad length, bad index.
/// Cause: The message names the argument.
/// Cure: Fix the caller.
pub const TWIN_ERR_ARGUMENT: twin_status = -102;
/// Text is not valid UTF-8.
/// Cause: Text arguments are UTF-8.
/// Cure: Convert the text before the call.
pub const TWIN_ERR_UTF8: twin_status = -103;
/// No such option, or a value that it does not take.
/// Cause: The message names the option and the nearest known one.
/// Cure: See docs/configuration.md.
pub const TWIN_ERR_OPTION: twin_status = -104;
/// The call does not fit the state: no transaction open, no result, already closed.
/// Cause: Calls in the wrong order.
/// Cure: See the function's description.
pub const TWIN_ERR_STATE: twin_status = -105;
/// Another thread is inside this object.
/// Cause: Connections, statements and rows serve one thread at a time.
/// Cure: Give each thread a connection of its own.
pub const TWIN_ERR_BUSY: twin_status = -106;
/// The pool was opened in another process (fork).
/// Cause: A handle inherited through fork cannot be used.
/// Cure: Open a pool in the child.
pub const TWIN_ERR_FORKED: twin_status = -107;
/// The library cannot do this, or not on this engine.
/// Cause: The message names what.
/// Cure: See docs/guarantees.md.
pub const TWIN_ERR_UNSUPPORTED: twin_status = -108;
/// The caller's buffer is too small for the text.
/// Cause: The length of the text was stored; nothing else was.
/// Cure: Call again with a buffer of that length and one byte.
pub const TWIN_ERR_BUFFER: twin_status = -109;
/// No session became free in time.
/// Cause: The pool is exhausted or the master is slow to connect; the message carries pool figures.
/// Cure: Release sessions sooner, raise `pool.max` or `pool.acquire_timeout_ms`.
pub const TWIN_ERR_ACQUIRE_TIMEOUT: twin_status = -201;
/// The pool is closed or closing.
/// Cause: `twin_pool_close` or `_free` was called.
/// Cure: Open a new pool.
pub const TWIN_ERR_POOL_CLOSED: twin_status = -202;
/// The pool is suspended and fails fast.
/// Cause: `twin_pool_suspend` with fail-fast.
/// Cure: `twin_pool_resume`.
pub const TWIN_ERR_POOL_SUSPENDED: twin_status = -203;
/// A statement or commit did not come back within its limit.
/// Cause: `statement.timeout_ms` passed; the call was cut.
/// Cure: Raise the limit or look at the server.
pub const TWIN_ERR_TIMEOUT: twin_status = -204;
/// The call was cancelled.
/// Cause: A cancel token was used.
pub const TWIN_ERR_CANCELLED: twin_status = -205;
/// A database cannot be reached, or the connection was lost.
/// Cause: Server down, network, wrong address.
/// Cure: The message names the side. The session may be used again after a rollback.
pub const TWIN_ERR_UNREACHABLE: twin_status = -301;
/// The database refused the statement; the records say why.
/// Cause: Constraint, syntax, privilege and the like.
/// Cure: See the records: SQLSTATE, native code, driver's text.
pub const TWIN_ERR_DATABASE: twin_status = -302;
/// The database rolled the work back for reasons of concurrency; it may be repeated.
/// Cause: Deadlock, serialization failure, lock timeout.
/// Cure: Roll back and run the whole transaction again.
pub const TWIN_ERR_RETRY: twin_status = -303;
/// The connection was lost during COMMIT and the outcome could not be resolved in time.
/// Cause: The master could not be reached before the deadline.
/// Cure: Look at the data before repeating the work.
pub const TWIN_ERR_OUTCOME_UNKNOWN: twin_status = -304;
/// The transaction has failed before; only a rollback is possible.
/// Cause: An earlier error ended the transaction.
/// Cure: Roll back.
pub const TWIN_ERR_TX_FAILED: twin_status = -305;
/// Wrong user or password, or no such database.
/// Cause: The server answered and refused the login.
/// Cure: Check the connection string.
pub const TWIN_ERR_LOGIN: twin_status = -306;
/// The ODBC driver is missing.
/// Cause: The driver named in the connection string is not installed.
/// Cure: Install the package that the message names.
pub const TWIN_ERR_NO_DRIVER: twin_status = -307;
/// The database is out of a resource: disk, memory, connections.
/// Cause: Disk full and the like.
/// Cure: Make room.
pub const TWIN_ERR_EXHAUSTED: twin_status = -308;
/// The statement cannot be mirrored with the same effect, and `on_unsafe=refuse`.
/// Cause: The message says why and what to write instead.
/// Cure: Rewrite the statement, or use the hint that the message names.
pub const TWIN_ERR_UNSAFE: twin_status = -401;
/// The mirror has diverged; an operator must decide.
/// Cause: An entry was refused by the mirror or had another outcome there.
/// Cure: See docs/guarantees.md, leaving diverged.
pub const TWIN_ERR_DIVERGED: twin_status = -402;
/// This process is fenced: its pool was removed, or the roles have changed.
/// Cause: Another process removed this pool or promoted the mirror.
/// Cure: Open the pool again.
pub const TWIN_ERR_FENCED: twin_status = -403;
/// The two connection strings do not lead to a pair.
/// Cause: Both lead to the same database, or identities, roles or schemas do not belong together.
/// Cure: The message says which.
pub const TWIN_ERR_NOT_A_PAIR: twin_status = -404;
/// Our tables are missing, of another version, or cannot be made.
/// Cause: No right to create them, `tables.create=off`, or a newer library made them.
/// Cure: The message says which.
pub const TWIN_ERR_TABLES: twin_status = -405;
/// The mirror cannot be reached and the call needs it.
/// Cause: Verify and the first open of a pair need both databases.
/// Cure: Bring the mirror up.
pub const TWIN_ERR_MIRROR_DOWN: twin_status = -406;
/// The queue is full and `queue.beyond=refuse`: writes are refused, reads go on.
/// Cause: The mirror has been away for long; the message names the limit.
/// Cure: Bring the mirror back, or raise the limit: it can be changed while the pool is open.
pub const TWIN_ERR_QUEUE_FULL: twin_status = -407;
/// A bug in the library was caught at the border; the pool is poisoned.
/// Cause: A bug of ours.
/// Cure: Report it with the message; open a new pool.
pub const TWIN_ERR_PANIC: twin_status = -901;
/// Something that cannot happen happened.
/// Cause: A bug of ours or of a driver.
/// Cure: Report it with the message.
pub const TWIN_ERR_INTERNAL: twin_status = -902;

/// Names for `twin_status_name`.
pub(super) const NAMES: &[(twin_status, &std::ffi::CStr)] = &[
    (TWIN_OK, c"TWIN_OK"),
    (TWIN_DONE, c"TWIN_DONE"),
    (TWIN_QUEUED, c"TWIN_QUEUED"),
    (TWIN_ALONE, c"TWIN_ALONE"),
    (TWIN_ERR_HANDLE, c"TWIN_ERR_HANDLE"),
    (TWIN_ERR_ARGUMENT, c"TWIN_ERR_ARGUMENT"),
    (TWIN_ERR_UTF8, c"TWIN_ERR_UTF8"),
    (TWIN_ERR_OPTION, c"TWIN_ERR_OPTION"),
    (TWIN_ERR_STATE, c"TWIN_ERR_STATE"),
    (TWIN_ERR_BUSY, c"TWIN_ERR_BUSY"),
    (TWIN_ERR_FORKED, c"TWIN_ERR_FORKED"),
    (TWIN_ERR_UNSUPPORTED, c"TWIN_ERR_UNSUPPORTED"),
    (TWIN_ERR_BUFFER, c"TWIN_ERR_BUFFER"),
    (TWIN_ERR_ACQUIRE_TIMEOUT, c"TWIN_ERR_ACQUIRE_TIMEOUT"),
    (TWIN_ERR_POOL_CLOSED, c"TWIN_ERR_POOL_CLOSED"),
    (TWIN_ERR_POOL_SUSPENDED, c"TWIN_ERR_POOL_SUSPENDED"),
    (TWIN_ERR_TIMEOUT, c"TWIN_ERR_TIMEOUT"),
    (TWIN_ERR_CANCELLED, c"TWIN_ERR_CANCELLED"),
    (TWIN_ERR_UNREACHABLE, c"TWIN_ERR_UNREACHABLE"),
    (TWIN_ERR_DATABASE, c"TWIN_ERR_DATABASE"),
    (TWIN_ERR_RETRY, c"TWIN_ERR_RETRY"),
    (TWIN_ERR_OUTCOME_UNKNOWN, c"TWIN_ERR_OUTCOME_UNKNOWN"),
    (TWIN_ERR_TX_FAILED, c"TWIN_ERR_TX_FAILED"),
    (TWIN_ERR_LOGIN, c"TWIN_ERR_LOGIN"),
    (TWIN_ERR_NO_DRIVER, c"TWIN_ERR_NO_DRIVER"),
    (TWIN_ERR_EXHAUSTED, c"TWIN_ERR_EXHAUSTED"),
    (TWIN_ERR_UNSAFE, c"TWIN_ERR_UNSAFE"),
    (TWIN_ERR_DIVERGED, c"TWIN_ERR_DIVERGED"),
    (TWIN_ERR_FENCED, c"TWIN_ERR_FENCED"),
    (TWIN_ERR_NOT_A_PAIR, c"TWIN_ERR_NOT_A_PAIR"),
    (TWIN_ERR_TABLES, c"TWIN_ERR_TABLES"),
    (TWIN_ERR_MIRROR_DOWN, c"TWIN_ERR_MIRROR_DOWN"),
    (TWIN_ERR_QUEUE_FULL, c"TWIN_ERR_QUEUE_FULL"),
    (TWIN_ERR_PANIC, c"TWIN_ERR_PANIC"),
    (TWIN_ERR_INTERNAL, c"TWIN_ERR_INTERNAL"),
];
