//! The mirror of a pool and what waits for it: switching it off and on, replay, comparison, the queue.

use std::ffi::{c_char, c_void};

use super::args::{FOREVER, Out, timeout};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, callback, with};
use super::listing::Listing;
use super::pool::{PoolObject, twin_pool};
use super::rows::{self, twin_rows};
use crate::error::Status;
use crate::value::{Type, Value};

/// Progress of `twin_pool_replay`: entries done and entries left. Runs on the thread that called it.
pub type twin_replay_callback = Option<unsafe extern "C" fn(done: u64, left: u64, user: *mut c_void)>;

/// Progress of `twin_pool_verify`: rows compared so far in a table, whose name is borrowed for the call.
/// Runs on the thread that called it.
pub type twin_verify_callback =
    Option<unsafe extern "C" fn(table: *const c_char, table_len: usize, rows: u64, user: *mut c_void)>;

/// Switches the mirror off on purpose; commits go on and are queued.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_detach(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.detach().map(|()| Status::Ok))
}

/// Switches the mirror on again after `twin_pool_detach`, or after the repair of a diverged pair: the queue is
/// replayed in the background.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_attach(pool: *mut twin_pool, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.attach().map(|()| Status::Ok))
}

/// Replays the queue until it is empty and the pair in step (with `mirror.mode=async`: until it is empty), for at
/// most `timeout_ms` (`TWIN_WAIT_DEFAULT`: as long as it takes). The library does so by itself in the background;
/// this is for those who want to wait for it. `progress` may be NULL.
///
/// Errors: `TWIN_ERR_TIMEOUT`, `TWIN_ERR_MIRROR_DOWN`, `TWIN_ERR_DIVERGED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_replay(
    pool: *mut twin_pool,
    timeout_ms: i32,
    progress: twin_replay_callback,
    user: *mut c_void,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| {
        let limit = timeout(timeout_ms)?.unwrap_or(FOREVER);
        p.0.pool.replay(limit, &mut |now| {
            if let Some(tell) = progress {
                // SAFETY: the host's own function, with the pointer it gave, during the call it gave it for.
                callback(|| unsafe { tell(now.done, now.left, user) });
            }
        })?;
        Ok(Status::Ok)
    })
}

/// Compares all tables of the two databases row by row. The rows have a line for each table: `table_name` text,
/// `master_rows`, `mirror_rows`, `different` int64, `examples` text (the keys of the first few differences).
/// Success does not mean that nothing differs. `progress` may be NULL.
///
/// Errors: `TWIN_ERR_MIRROR_DOWN`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_verify(
    pool: *mut twin_pool,
    progress: twin_verify_callback,
    user: *mut c_void,
    out: *mut *mut twin_rows,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    with(pool, err, |p: &PoolObject| {
        out.needed("out")?;
        let found = p.0.pool.verify(&mut |table, rows| {
            if let Some(tell) = progress {
                // SAFETY: the host's own function, with the pointer it gave, during the call it gave it for;
                // the name is borrowed for this call.
                callback(|| unsafe { tell(table.as_ptr().cast(), table.len(), rows, user) });
            }
        })?;
        let mut listing = Listing::new(&[
            ("table_name", Type::Text),
            ("master_rows", Type::Int),
            ("mirror_rows", Type::Int),
            ("different", Type::Int),
            ("examples", Type::Text),
        ]);
        for t in found {
            let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
            listing.push(vec![
                Value::Text(t.table),
                count(t.master_rows),
                count(t.mirror_rows),
                count(t.different),
                Value::Text(t.examples.join("; ")),
            ]);
        }
        out.set(rows::of_listing(&p.0, listing)?);
        Ok(Status::Ok)
    })
}

/// Lists the first `limit` entries of the queue in their order: `id` int64, `pool` text, `slot`, `seq`, `parts`
/// int64, `created_at` text, `statements`, `bytes` int64, `summary` text.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_queue_list(
    pool: *mut twin_pool,
    limit: u64,
    out: *mut *mut twin_rows,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    with(pool, err, |p: &PoolObject| {
        out.needed("out")?;
        let mut listing = Listing::new(&[
            ("id", Type::Int),
            ("pool", Type::Text),
            ("slot", Type::Int),
            ("seq", Type::Int),
            ("parts", Type::Int),
            ("created_at", Type::Text),
            ("statements", Type::Int),
            ("bytes", Type::Int),
            ("summary", Type::Text),
        ]);
        for e in p.0.pool.queue_list(limit)? {
            listing.push(vec![
                Value::Int(e.id),
                Value::Text(e.pool),
                Value::Int(e.slot),
                Value::Int(e.seq),
                Value::Int(e.parts),
                Value::Text(e.created_at),
                Value::Int(e.statements),
                Value::Int(e.bytes),
                Value::Text(e.summary),
            ]);
        }
        out.set(rows::of_listing(&p.0, listing)?);
        Ok(Status::Ok)
    })
}

/// Shows the statements of entry `id` of the queue, values included: `statement` text.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_queue_show(
    pool: *mut twin_pool,
    id: i64,
    out: *mut *mut twin_rows,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    with(pool, err, |p: &PoolObject| {
        out.needed("out")?;
        let mut listing = Listing::new(&[("statement", Type::Text)]);
        p.0.pool.queue_show(id)?.into_iter().for_each(|s| listing.push(vec![Value::Text(s)]));
        out.set(rows::of_listing(&p.0, listing)?);
        Ok(Status::Ok)
    })
}

/// Moves entry `id` out of the queue into the table `twin_quarantine`, so that it is not replayed: with
/// `twin_pool_attach` the way out of `TWIN_MIRROR_DIVERGED`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_queue_skip(
    pool: *mut twin_pool,
    id: i64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(pool, err, |p: &PoolObject| p.0.pool.queue_skip(id).map(|()| Status::Ok))
}
