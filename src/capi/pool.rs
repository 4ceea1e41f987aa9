//! `twin_pool`: one process's handle on a pair of databases.

use std::ffi::c_char;

use std::sync::Arc;

use std::sync::atomic::{AtomicBool, Ordering};

use std::time::Duration;

use super::args::{Buffer, In, Out, OutStruct, bad_argument, timeout};

use super::conn::twin_conn;

use super::constants::{TWIN_ACCESS_READ, TWIN_ACCESS_WRITE, TWIN_WAIT_FOREVER};

use super::errors::twin_error;

use super::events::EventSink;

use super::generated::twin_status;

use super::guard::{ErrOut, Pooled, call, contain, free, with, with_anywhere};

use super::handle::{Object, Table};

use super::lending::{self, Taken};

use super::options::{OptionsObject, twin_options};

use crate::error::Status;

use crate::pair::TwinPool;

/// A pair of databases and the connections to them. Any thread, any time.
pub struct twin_pool {
    _opaque: (),
}

/// The pool as its handle and its children share it: closed when the last of them goes.
pub struct PoolCore {
    pub pool: TwinPool,
    poisoned: AtomicBool,
    pub events: Arc<EventSink>,
}

impl PoolCore {
    pub fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
        self.pool.pool().close_short_way();
    }

    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// An option's value in milliseconds, for waits whose default it is.
    pub fn option_ms(&self, key: &str, otherwise: Duration) -> Duration {
        self.pool.get(key).ok().and_then(|v| v.parse().ok()).map_or(otherwise, Duration::from_millis)
    }
}

pub struct PoolObject(pub Arc<PoolCore>);

impl Drop for PoolObject {
    fn drop(&mut self) {
        // The host may free what its callback uses once the pool is freed, whatever children are still out.
        self.0.events.replace(None);
    }
}

static POOLS: Table<PoolObject> = Table::new();

impl Object for PoolObject {
    type C = twin_pool;
    const KIND: u8 = 0xE3;
    const NAME: &'static str = "pool";
    fn table() -> &'static Table<PoolObject> {
        &POOLS
    }
}

impl Pooled for PoolObject {
    fn pool(&self) -> Option<&PoolCore> {
        Some(&self.0)
    }
}

/// What a pool knows of itself and of the pair.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_pool_info {
    /// Set by the caller to `sizeof(twin_pool_info)`; afterwards the number of bytes filled.
    pub struct_size: u32,
    /// One of `TWIN_MIRROR_*`; `twin_pool_reason` says why.
    pub mirror_state: i32,
    /// 1 if `mirror.mode` is `async`.
    pub asynchronous: i32,
    /// 1 if the mirror answered when it was last asked.
    pub mirror_reachable: i32,
    /// The pair's epoch: grows with each change of the mirror's state.
    pub epoch: u64,
    /// The pair's term: grows when the roles change.
    pub term: u64,
    /// Entries in the queue, as the monitor last saw them.
    pub queue_entries: u64,
    /// Their size in bytes.
    pub queue_bytes: u64,
    /// Age of the oldest in milliseconds.
    pub queue_oldest_ms: u64,
    /// Connections that exist.
    pub total: u32,
    /// Of these, connections that wait to be acquired.
    pub idle: u32,
    /// Of these, connections that are out.
    pub active: u32,
    /// Threads that wait for a connection.
    pub waiting: u32,
    /// Transactions of this pool since it was opened: committed on both sides at once.
    pub direct: u64,
    /// Committed on the master, with the mirror's share in the queue.
    pub queued: u64,
    /// Entries that this pool has replayed on the mirror.
    pub replayed: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Mirror halves that were run a second time because they came too early the first time.
    pub rerun: u64,
}

/// The size of the structure in release 0.1.
const INFO_FIRST: usize = size_of::<twin_pool_info>();

/// Opens a pool: connects, checks that the two databases are a pair, makes the library's own tables where they are
/// missing, starts the monitor. The mirror may be away if the pair was established before. Waits at most
/// `pool.connect_timeout_ms` for each database.
///
/// Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_UNREACHABLE`, `TWIN_ERR_LOGIN`, `TWIN_ERR_NO_DRIVER`, `TWIN_ERR_NOT_A_PAIR`,
/// `TWIN_ERR_TABLES`, `TWIN_ERR_MIRROR_DOWN`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_open(
    options: *mut twin_options,
    out: *mut *mut twin_pool,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    call(err, || {
        out.needed("out")?;
        let options = OptionsObject::table().enter_alone(options)?.0.clone();
        let pool = TwinPool::open(&options)?;
        let events = Arc::new(EventSink::default());
        let sink = events.clone();
        pool.listen(Arc::new(move |event| sink.deliver(event)));
        let core = PoolCore { pool, poisoned: AtomicBool::new(false), events };
        let core = Arc::new(core);
        let pool = POOLS.insert(PoolObject(core.clone()))?;
        lending::begin(pool, &core);
        out.set(pool);
        Ok(Status::Ok)
    })
}

/// Refuses new connections, waits for those that are out, at most `timeout_ms`
/// (`TWIN_WAIT_DEFAULT`: `pool.acquire_timeout_ms`), and closes all. Those still out after that are closed as they
/// come back. The handle stays, to be freed; its calls give `TWIN_ERR_POOL_CLOSED`.
///
/// Errors: `TWIN_ERR_TIMEOUT` while connections are out.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_close(
    pool: *mut twin_pool,
    timeout_ms: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| {
        let limit = match timeout(timeout_ms)? {
            Some(limit) => limit,
            None => p.0.option_ms("pool.acquire_timeout_ms", Duration::from_secs(30)),
        };
        p.0.pool.close(limit)?;
        Ok(Status::Ok)
    })
}

/// Frees a pool. Connections, statements and rows that are out stay good; with the last of them the pool closes.
/// Its event callback is not called any more. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_pool_free(pool: *mut twin_pool) {
    let _ = contain(|| {
        lending::end(pool);
        Ok(())
    });
    free::<PoolObject>(pool);
}

/// Takes a connection out of the pool, waiting at most `timeout_ms` (`TWIN_WAIT_DEFAULT`:
/// `pool.acquire_timeout_ms`) for one. Give it back with `twin_conn_release`.
///
/// `access` is `TWIN_ACCESS_WRITE` or `TWIN_ACCESS_READ`.
///
/// Errors: `TWIN_ERR_ACQUIRE_TIMEOUT` (the message carries the pool's figures), `TWIN_ERR_POOL_CLOSED`,
/// `TWIN_ERR_POOL_SUSPENDED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_acquire(
    pool: *mut twin_pool,
    access: i32,
    timeout_ms: i32,
    out: *mut *mut twin_conn,
    err: *mut *mut twin_error,
) -> twin_status {
    if access == TWIN_ACCESS_WRITE && timeout_ms >= TWIN_WAIT_FOREVER && !out.is_null() {
        match lending::take_last(pool) {
            Taken::Yes(conn) => {
                // SAFETY: not NULL, and has room for a pointer, as the caller promises.
                unsafe { out.write_unaligned(conn) };
                return Status::Ok as twin_status;
            }
            Taken::Undo(conn) => {
                // SAFETY: as above.
                unsafe { out.write_unaligned(conn) };
                // SAFETY: the caller's pointers are as `args` asks, and `out` holds the connection.
                return unsafe { acquire_after_undo(pool, access, timeout_ms, out, err) };
            }
            Taken::No => {}
        }
    }
    // SAFETY: the caller's pointers are as `args` asks.
    unsafe { acquire(pool, access, timeout_ms, out, err) }
}

/// Gives back what `out` holds, and goes the long way.
///
/// # Safety
/// As `twin_pool_acquire`; `out` holds a connection.
#[cold]
#[inline(never)]
unsafe extern "C" fn acquire_after_undo(
    pool: *mut twin_pool,
    access: i32,
    timeout_ms: i32,
    out: *mut *mut twin_conn,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: by the caller's promise.
    lending::undo(unsafe { out.read_unaligned() });
    // SAFETY: as above.
    unsafe { acquire(pool, access, timeout_ms, out, err) }
}

/// What is out of the ordinary. A function of its own, so that the ordinary way saves no registers for it.
///
/// # Safety
/// As `twin_pool_acquire`.
#[cold]
#[inline(never)]
unsafe extern "C" fn acquire(
    pool: *mut twin_pool,
    access: i32,
    timeout_ms: i32,
    out: *mut *mut twin_conn,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    if access == TWIN_ACCESS_WRITE && timeout_ms >= TWIN_WAIT_FOREVER && out.wanted() {
        match lending::take_any(pool) {
            Taken::Yes(conn) => {
                out.set(conn);
                return Status::Ok as twin_status;
            }
            Taken::Undo(conn) => lending::undo(conn),
            Taken::No => {}
        }
    }
    with(pool, err, |p: &PoolObject| {
        out.needed("out")?;
        let limit = timeout(timeout_ms)?;
        let read_only = match access {
            TWIN_ACCESS_WRITE => false,
            TWIN_ACCESS_READ => true,
            other => return Err(bad_argument(format!("`access` is {other}; it takes one of TWIN_ACCESS_*"))),
        };
        let mut session = p.0.pool.acquire(limit)?;
        if read_only {
            session.set_read_only(true)?;
        }
        out.set(lending::handle(&p.0, session)?);
        Ok(Status::Ok)
    })
}

/// Holds the pool: who acquires waits for `twin_pool_resume`, or, with `fail_fast` other than 0, gets
/// `TWIN_ERR_POOL_SUSPENDED` at once. Connections that are out go on.
///
/// Errors: `TWIN_ERR_STATE` with `pool.suspension=off`; `TWIN_ERR_POOL_CLOSED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_suspend(
    pool: *mut twin_pool,
    fail_fast: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.suspend(fail_fast != 0).map(|()| Status::Ok))
}

/// Ends `twin_pool_suspend`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_resume(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.resume().map(|()| Status::Ok))
}

/// Tells what the pool knows of itself and of the pair. Never waits for a database. A callback may call it.
///
/// `info->struct_size` must be set. Errors: `TWIN_ERR_ARGUMENT`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_status(
    pool: *mut twin_pool,
    info: *mut twin_pool_info,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (info, err) = unsafe { (OutStruct::new(info), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| {
        info.needed("info", INFO_FIRST)?;
        let s = p.0.pool.status();
        info.set(
            "info",
            INFO_FIRST,
            twin_pool_info {
                struct_size: 0,
                mirror_state: s.mirror_state as i32,
                asynchronous: s.asynchronous as i32,
                mirror_reachable: s.mirror_reachable as i32,
                epoch: s.epoch,
                term: s.term,
                queue_entries: s.queue_entries,
                queue_bytes: s.queue_bytes,
                queue_oldest_ms: s.queue_oldest_ms,
                total: s.total,
                idle: s.idle,
                active: s.active,
                waiting: s.waiting,
                direct: s.direct,
                queued: s.queued,
                replayed: s.replayed,
                failed: s.failed,
                rerun: s.rerun,
            },
        )
    })
}

/// Copies one line into `buffer` that says why the mirror is in its state; empty while it is in step. Buffer and
/// length as in `twin_options_get`. A callback may call it.
///
/// Errors: `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_reason(
    pool: *mut twin_pool,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (buffer, err) = unsafe { (Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| buffer.put(&p.0.pool.status().reason))
}

/// Copies one line into `buffer` that says why the last attempt to reach the mirror or to catch it up failed; empty if
/// it did not. Buffer and length as in `twin_options_get`. A callback may call it.
///
/// Errors: `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_last_error(
    pool: *mut twin_pool,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (buffer, err) = unsafe { (Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| buffer.put(&p.0.pool.status().last_error))
}

/// Reads the pair's state from the master now, so that `twin_pool_status` tells what other processes have done up to
/// this moment. By itself the library looks every `mirror.poll_ms`.
///
/// Errors: `TWIN_ERR_UNREACHABLE`, `TWIN_ERR_FENCED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_refresh(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.refresh().map(|_| Status::Ok))
}

/// Changes one of the options that may change while the pool is open (docs/configuration.md: live).
///
/// Errors: `TWIN_ERR_OPTION`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_set(
    pool: *mut twin_pool,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (key, value, err) = unsafe { (In::text(key, key_len), In::text(value, value_len), ErrOut::new(err)) };
    with(pool, err, |p: &PoolObject| {
        p.0.pool.set(key.some("key")?, value.get("value")?)?;
        Ok(Status::Ok)
    })
}

/// Copies the effective value of an option into `buffer`, secrets masked. Buffer and length as in
/// `twin_options_get`. A callback may call it.
///
/// Errors: `TWIN_ERR_OPTION`, `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_get(
    pool: *mut twin_pool,
    key: *const c_char,
    key_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (key, buffer, err) =
        unsafe { (In::text(key, key_len), Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| buffer.put(&p.0.pool.get(key.some("key")?)?))
}

/// Closes the idle connections; those that are out are closed when they come back.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_evict(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| {
        p.0.pool.evict();
        Ok(Status::Ok)
    })
}

/// Panics inside the library, to prove that the host survives it. Only in builds for tests.
#[cfg(feature = "test-hooks")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_test_panic(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    if pool.is_null() {
        return call(err, test_panic);
    }
    with(pool, err, |_: &PoolObject| test_panic())
}

#[cfg(feature = "test-hooks")]
#[allow(clippy::panic)]
fn test_panic() -> crate::error::Result<Status> {
    panic!("on request")
}
