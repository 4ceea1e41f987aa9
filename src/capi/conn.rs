//! `twin_conn`: a session out of the pool.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use super::args::{FOREVER, In, Out, timeout};
use super::cancel::{self, twin_cancel};
use super::connection::{ConnCore, deliver};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, call, free, refuse_poisoned, with};
use super::handle::Object;
use super::lending;
use super::rows::twin_rows;
use super::stmt::{self, twin_stmt};
use crate::error::{Result, Status};
use crate::twin::{Executed, Session};

/// A connection to the pair. One thread at a time, any thread.
pub struct twin_conn {
    _opaque: (),
}

pub struct ConnObject(pub Arc<ConnCore>);

/// Runs something on the session.
pub fn session(
    conn: *mut twin_conn,
    err: ErrOut,
    body: impl FnOnce(&mut Session) -> Result<Status>,
) -> twin_status {
    with(conn, err, |c: &ConnObject| body(c.0.hold()?.session()?))
}

/// Answers a question about the session.
pub fn tell<T>(
    conn: *mut twin_conn,
    out: Out<T>,
    err: ErrOut,
    ask: impl FnOnce(&Session) -> T,
) -> twin_status {
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(ask(s));
        Ok(Status::Ok)
    })
}

/// Gives the connection back to the pool: rolls back what is open, closes its rows, undoes the session's settings. A
/// connection that cannot be made as new is thrown away, and the pool makes another when it needs one; that is no
/// error. The handle is gone afterwards; only after `TWIN_ERR_BUSY` and `TWIN_ERR_STATE` it is still there. Statements
/// and rows of the connection give `TWIN_ERR_STATE` from now on; they still want to be freed.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_release(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    if lending::put_back(conn) {
        return Status::Ok as twin_status;
    }
    // SAFETY: the caller's pointer is as `args` asks.
    unsafe { release(conn, err) }
}

/// What is out of the ordinary. A function of its own, so that the ordinary way saves no registers for it.
///
/// # Safety
/// As `twin_conn_release`.
#[cold]
#[inline(never)]
unsafe extern "C" fn release(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    call(err, || {
        if lending::put_back_by_lock(conn)? {
            return Ok(Status::Ok);
        }
        let c = ConnObject::enter(conn)?;
        refuse_poisoned(&*c)?;
        let mut held = c.0.hold()?;
        held.cursors.clear();
        let session = held.session.take();
        c.0.gate.close();
        drop(held);
        drop(ConnObject::end(conn));
        session.map_or(Ok(()), Session::release).map(|()| Status::Ok)
    })
}

/// Throws the connection away without waiting for the databases. A call that another thread has under way on it
/// comes back with `TWIN_ERR_UNREACHABLE`. The handle stays, to be freed. Any thread, any time.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_abort(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(conn, err, |c: &ConnObject| {
        c.0.abort();
        Ok(Status::Ok)
    })
}

/// Frees a connection: what `twin_conn_release` does, but its statements and rows that are still there stay good;
/// with the last of them it goes back to the pool. For hosts whose finalizers come in any order. NULL is fine.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn twin_conn_free(conn: *mut twin_conn) {
    free::<ConnObject>(conn);
}

/// Runs one SQL statement without parameters. Outside a transaction it is one of its own.
///
/// `*affected` receives the number of rows written on the master, or -1 where the driver does not say. `*rows`
/// receives the result, or NULL if the statement gives none. Both may be NULL if not wanted; a result not wanted
/// is closed.
///
/// Gives `TWIN_OK`, or `TWIN_QUEUED` if the statement was committed and the mirror's share is in the queue.
/// Errors: the -3xx; `TWIN_ERR_UNSAFE`, `TWIN_ERR_TIMEOUT`, `TWIN_ERR_CANCELLED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_execute(
    conn: *mut twin_conn,
    sql: *const c_char,
    sql_len: usize,
    affected: *mut i64,
    rows: *mut *mut twin_rows,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (sql, affected, rows, err) =
        unsafe { (In::text(sql, sql_len), Out::new(affected), Out::handle(rows), ErrOut::new(err)) };
    with(conn, err, |c: &ConnObject| {
        let sql = sql.some("sql")?;
        let (done, held) = c.0.run(|s| s.execute(sql, &[]), |done: &Executed| done.status)?;
        deliver(&c.0, held, done, &affected, &rows)
    })
}

/// Makes a statement with `?` for its parameters. The database sees it when it is executed or described.
///
/// Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_prepare(
    conn: *mut twin_conn,
    sql: *const c_char,
    sql_len: usize,
    out: *mut *mut twin_stmt,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (sql, out, err) = unsafe { (In::text(sql, sql_len), Out::handle(out), ErrOut::new(err)) };
    with(conn, err, |c: &ConnObject| {
        out.needed("out")?;
        let sql = sql.some("sql")?;
        c.0.hold()?.session()?;
        out.set(stmt::handle(c.0.clone(), sql)?);
        Ok(Status::Ok)
    })
}

/// Asks the master whether it is there, within `timeout_ms` (`TWIN_WAIT_DEFAULT`: `pool.validation_timeout_ms`).
/// `*out` receives 1 or 0; that it is not there is no error.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_is_valid(
    conn: *mut twin_conn,
    timeout_ms: i32,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    with(conn, err, |c: &ConnObject| {
        out.needed("out")?;
        let limit = match timeout(timeout_ms)? {
            Some(limit) => limit.min(FOREVER),
            None => c.0.pool.option_ms("pool.validation_timeout_ms", Duration::from_secs(5)),
        };
        out.set(c.0.hold()?.session()?.is_valid(limit) as i32);
        Ok(Status::Ok)
    })
}

/// Makes a token that ends a running statement of this connection from another thread. Any thread, any time.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_cancel_token(
    conn: *mut twin_conn,
    out: *mut *mut twin_cancel,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::handle(out), ErrOut::new(err)) };
    with(conn, err, |c: &ConnObject| {
        out.needed("out")?;
        out.set(cancel::handle(c.0.gate.clone())?);
        Ok(Status::Ok)
    })
}
