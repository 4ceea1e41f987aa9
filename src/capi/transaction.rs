//! Transactions of a connection, and how they ended.

use std::ffi::c_char;
use std::sync::atomic::Ordering;

use super::args::{In, Out};
use super::conn::{ConnObject, session, tell, twin_conn};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, with, with_anywhere};
use crate::error::Status;
use crate::twin::Session;

/// Opens a transaction.
///
/// Errors: `TWIN_ERR_STATE` if one is open.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_begin(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| s.begin().map(|()| Status::Ok))
}

/// Commits. `TWIN_OK`: on both databases. `TWIN_QUEUED`: on the master, and the mirror's share is in the queue.
/// Either way the work is done and must not be repeated.
///
/// Errors: `TWIN_ERR_RETRY` (repeat the whole transaction), `TWIN_ERR_TX_FAILED`, `TWIN_ERR_DATABASE`,
/// `TWIN_ERR_UNREACHABLE` (not committed), `TWIN_ERR_OUTCOME_UNKNOWN` (look at the data).
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_commit(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(conn, err, |c: &ConnObject| Ok(c.0.run(Session::commit, |status: &Status| *status)?.0))
}

/// Rolls back. A connection lost meanwhile has rolled back by itself.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_rollback(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| s.rollback().map(|()| Status::Ok))
}

/// Sets a savepoint in the open transaction.
///
/// Errors: `TWIN_ERR_STATE` if none is open.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_savepoint(
    conn: *mut twin_conn,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (name, err) = unsafe { (In::text(name, name_len), ErrOut::new(err)) };
    session(conn, err, |s| s.savepoint(name.some("name")?).map(|()| Status::Ok))
}

/// Rolls back to a savepoint, which stays.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_rollback_to(
    conn: *mut twin_conn,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (name, err) = unsafe { (In::text(name, name_len), ErrOut::new(err)) };
    session(conn, err, |s| s.rollback_to(name.some("name")?).map(|()| Status::Ok))
}

/// Forgets a savepoint; the work since stays part of the transaction.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_release_savepoint(
    conn: *mut twin_conn,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (name, err) = unsafe { (In::text(name, name_len), ErrOut::new(err)) };
    session(conn, err, |s| s.release_savepoint(name.some("name")?).map(|()| Status::Ok))
}

/// Tells whether a transaction is open: 1 or 0.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_in_transaction(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| s.in_transaction() as i32)
}

/// Tells whether a transaction begun now goes to both databases directly: 1 or 0.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_is_direct(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| s.is_direct() as i32)
}

/// Tells the state of the mirror, one of `TWIN_MIRROR_*`. Never waits for a database. Any thread, any time; a
/// callback may call it.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_mirror_state(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with_anywhere(conn, err, |c: &ConnObject| {
        out.needed("out")?;
        out.set(c.0.pool.pool.status().mirror_state as i32);
        Ok(Status::Ok)
    })
}

/// Tells how the last transaction of this connection ended, a statement outside a transaction included: `TWIN_OK`,
/// `TWIN_QUEUED`, or the error of its commit. `TWIN_OK` before the first. Any thread, any time; a callback may call
/// it.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_last_outcome(
    conn: *mut twin_conn,
    out: *mut twin_status,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with_anywhere(conn, err, |c: &ConnObject| {
        out.needed("out")?;
        out.set(c.0.outcome.load(Ordering::Relaxed));
        Ok(Status::Ok)
    })
}
