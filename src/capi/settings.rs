//! What a connection may be set to, and asked for. All of it is as new for the next one who acquires it.

use std::ffi::c_char;
use std::time::Duration;

use super::args::{Buffer, In, Out, bad_argument, timeout};
use super::conn::{ConnObject, session, tell, twin_conn};
use super::constants::*;
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, with};
use crate::error::Status;
use crate::twin::Isolation;

/// With `on` 0 the next statement opens a transaction, which lasts until commit or rollback. With another value (the
/// state of a new connection) each statement is a transaction of its own.
///
/// Errors: `TWIN_ERR_STATE` while a transaction is open: nothing is committed by the way.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_autocommit(
    conn: *mut twin_conn,
    on: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| s.set_autocommit(on != 0).map(|()| Status::Ok))
}

/// Tells whether each statement is a transaction of its own: 1 or 0.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_get_autocommit(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| s.autocommit() as i32)
}

/// Sets the isolation level of the transactions to come, one of `TWIN_ISOLATION_*`. Reset at release.
///
/// Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_STATE` while a transaction is open, `TWIN_ERR_UNSUPPORTED`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_isolation(
    conn: *mut twin_conn,
    level: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| {
        let level = match level {
            TWIN_ISOLATION_READ_COMMITTED => Isolation::ReadCommitted,
            TWIN_ISOLATION_REPEATABLE_READ => Isolation::RepeatableRead,
            TWIN_ISOLATION_SERIALIZABLE => Isolation::Serializable,
            other => {
                return Err(bad_argument(format!("`level` is {other}; it takes one of TWIN_ISOLATION_*")));
            }
        };
        s.set_isolation(level).map(|()| Status::Ok)
    })
}

/// Tells the isolation level, one of `TWIN_ISOLATION_*`.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_get_isolation(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| s.isolation() as i32)
}

/// With `on` other than 0 a statement that would write is refused. Reset at release.
///
/// Errors: `TWIN_ERR_STATE` while a transaction is open.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_read_only(
    conn: *mut twin_conn,
    on: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| s.set_read_only(on != 0).map(|()| Status::Ok))
}

/// Tells whether statements that write are refused: 1 or 0.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_get_read_only(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| s.read_only() as i32)
}

/// Sets the schema (PostgreSQL) or database (MariaDB) that unqualified names mean. Reset at release.
///
/// Errors: `TWIN_ERR_DATABASE`, `TWIN_ERR_UNSUPPORTED` (SQLite).
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_schema(
    conn: *mut twin_conn,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (name, err) = unsafe { (In::text(name, name_len), ErrOut::new(err)) };
    session(conn, err, |s| s.set_schema(name.some("name")?).map(|()| Status::Ok))
}

/// Copies the name of the schema or database that unqualified names mean into `buffer`. Buffer and length as in
/// `twin_options_get`. May ask the master.
///
/// Errors: `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_get_schema(
    conn: *mut twin_conn,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (buffer, err) = unsafe { (Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    session(conn, err, |s| buffer.put(&s.schema()?))
}

/// Limits every following call to a database on this connection, in milliseconds: when the limit passes, the call
/// is cut and gives `TWIN_ERR_TIMEOUT`. `TWIN_WAIT_FOREVER`: no limit. `TWIN_WAIT_DEFAULT`: `statement.timeout_ms`.
/// Reset at release.
///
/// Errors: `TWIN_ERR_ARGUMENT`, also for 0.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_network_timeout(
    conn: *mut twin_conn,
    timeout_ms: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(conn, err, |c: &ConnObject| {
        let limit = match timeout_ms {
            0 => return Err(bad_argument("`timeout_ms` is 0; it takes 1 and more, or one of TWIN_WAIT_*")),
            TWIN_WAIT_FOREVER => None,
            TWIN_WAIT_DEFAULT => {
                Some(c.0.pool.option_ms("statement.timeout_ms", Duration::ZERO)).filter(|d| !d.is_zero())
            }
            ms => timeout(ms)?,
        };
        c.0.hold()?.session()?.set_network_timeout(limit).map(|()| Status::Ok)
    })
}

/// Tells the limit of a call to a database in milliseconds; `TWIN_WAIT_FOREVER` if there is none.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_get_network_timeout(
    conn: *mut twin_conn,
    out: *mut i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    tell(conn, out, err, |s| {
        s.network_timeout().map_or(TWIN_WAIT_FOREVER, |d| i32::try_from(d.as_millis()).unwrap_or(i32::MAX))
    })
}

/// Says who or what the connection is for, in a few words: told with the thread, the time and the last statement when
/// the connection is suspected to have leaked (`pool.leak_threshold_ms`). At most 120 characters are kept. Empty:
/// nothing. Cleared at release.
///
/// Errors: `TWIN_ERR_ARGUMENT`, `TWIN_ERR_UTF8`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_label(
    conn: *mut twin_conn,
    label: *const c_char,
    label_len: usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (label, err) = unsafe { (In::text(label, label_len), ErrOut::new(err)) };
    session(conn, err, |s| {
        s.set_label(label.get("label")?);
        Ok(Status::Ok)
    })
}

/// With `on` other than 0 the keys that the database gives to inserted rows are kept for `twin_conn_generated_key`,
/// from the next INSERT on. Each INSERT then costs one or two questions to the master. Reset at release.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_set_generated_keys(
    conn: *mut twin_conn,
    on: i32,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    session(conn, err, |s| s.keep_keys(on != 0).map(|()| Status::Ok))
}

/// Gives the key that the last INSERT of this connection got from the database: SQLite's rowid of the last row
/// (also where the statement gave it), the AUTO_INCREMENT value (MariaDB) or that of an identity or serial column
/// (PostgreSQL) of the first row.
///
/// Gives `TWIN_OK`, or `TWIN_DONE` and 0 if it generated none. Errors: `TWIN_ERR_STATE` without
/// `twin_conn_set_generated_keys`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_generated_key(
    conn: *mut twin_conn,
    out: *mut i64,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (out, err) = unsafe { (Out::new(out), ErrOut::new(err)) };
    session(conn, err, |s| {
        out.needed("out")?;
        let key = s.generated_key()?;
        out.set(key.unwrap_or(0));
        Ok(if key.is_some() { Status::Ok } else { Status::Done })
    })
}
