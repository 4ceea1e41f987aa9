//! `twin_conn`: a session out of the pool.
//!
//! A connection is shared by its handle and those of its statements and rows, and serves one thread at a
//! time: whoever works on it holds its lock, and a second thread is told `TWIN_ERR_BUSY`. Open results live
//! here and not in their handles, so that a release can close them; rows freed while another thread works
//! on the connection are closed by that thread when it is done.

use std::ffi::c_char;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::args::{Buffer, FOREVER, In, Out, bad_argument, timeout};
use super::cancel::{self, Gate, twin_cancel};
use super::constants::*;
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, Pooled, free, with, with_anywhere};
use super::handle::{Object, Table, busy};
use super::pool::PoolCore;
use super::rows::{self, twin_rows};
use super::stmt::{self, twin_stmt};
use crate::error::{Error, Result, Status};
use crate::link::Cursor;
use crate::twin::{Executed, Isolation, Session};

/// A connection to the pair. One thread at a time, any thread.
pub struct twin_conn {
    _opaque: (),
}

/// The connection as its handle and its children share it: released when the last of them goes.
pub struct ConnCore {
    inside: Mutex<Inside>,
    /// Results whose handles are gone and that are still to be closed.
    closing: Mutex<Vec<u64>>,
    /// Set where something waits for whoever is inside: results to close, an abort.
    chores: AtomicBool,
    aborted: AtomicBool,
    gate: Arc<Gate>,
    /// How the last transaction ended.
    outcome: AtomicI32,
    /// Last: what is above belongs to the pool.
    pub pool: Arc<PoolCore>,
}

/// What only the thread inside may touch. Results go before the session.
pub struct Inside {
    cursors: Vec<(u64, Cursor)>,
    last_cursor: u64,
    /// The session has lost its connection to the master: what it gets next has another canceller.
    lost: bool,
    session: Option<Session>,
}

impl Inside {
    pub fn session(&mut self) -> Result<&mut Session> {
        self.session.as_mut().ok_or_else(released)
    }

    pub fn add_cursor(&mut self, cursor: Cursor) -> u64 {
        self.last_cursor += 1;
        self.cursors.push((self.last_cursor, cursor));
        self.last_cursor
    }

    pub fn cursor(&mut self, id: u64) -> Result<&mut Cursor> {
        self.cursors.iter_mut().find(|c| c.0 == id).map(|c| &mut c.1).ok_or_else(released)
    }

    fn close_cursor(&mut self, id: u64) {
        self.cursors.retain(|c| c.0 != id);
    }
}

fn released() -> Error {
    Error::new(Status::BadState, "the connection was released")
}

/// The lock of a connection. Whoever lets go does what others have left to do.
pub struct Held<'a> {
    core: &'a ConnCore,
    inside: ManuallyDrop<MutexGuard<'a, Inside>>,
}

impl Deref for Held<'_> {
    type Target = Inside;
    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Inside {
        &mut self.inside
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: dropped here and nowhere else, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.inside) };
        self.core.tidy();
    }
}

impl Drop for ConnCore {
    fn drop(&mut self) {
        // The session goes back to the pool: from here on a cancel would hit somebody else's statement.
        self.gate.close();
    }
}

impl ConnCore {
    fn new(pool: Arc<PoolCore>, session: Session) -> ConnCore {
        ConnCore {
            gate: Arc::new(Gate::new(session.canceller())),
            inside: Mutex::new(Inside {
                cursors: Vec::new(),
                last_cursor: 0,
                lost: false,
                session: Some(session),
            }),
            closing: Mutex::new(Vec::new()),
            chores: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            outcome: AtomicI32::new(Status::Ok as i32),
            pool,
        }
    }

    /// Enters the connection, or `TWIN_ERR_BUSY`.
    pub fn hold(&self) -> Result<Held<'_>> {
        let inside = self.inside.try_lock().ok_or_else(|| busy("connection"))?;
        Ok(Held { core: self, inside: ManuallyDrop::new(inside) })
    }

    /// Closes a result, now or as soon as the thread that works on the connection is done.
    pub fn close_cursor(&self, id: u64) {
        match self.inside.try_lock() {
            Some(mut inside) => inside.close_cursor(id),
            None => {
                self.closing.lock().push(id);
                self.chores.store(true, Ordering::Release);
            }
        }
        self.tidy();
    }

    /// Throws the session away, cutting off whoever is inside.
    fn abort(&self) {
        self.aborted.store(true, Ordering::Release);
        self.chores.store(true, Ordering::Release);
        self.gate.cut();
        self.tidy();
    }

    /// Does what is left to do, unless somebody is inside, who will do it.
    fn tidy(&self) {
        while self.chores.load(Ordering::Acquire) {
            let Some(mut inside) = self.inside.try_lock() else { return };
            self.do_chores(&mut inside);
        }
    }

    fn do_chores(&self, inside: &mut Inside) {
        self.chores.store(false, Ordering::Release);
        for id in std::mem::take(&mut *self.closing.lock()) {
            inside.close_cursor(id);
        }
        if self.aborted.load(Ordering::Acquire) {
            inside.cursors.clear();
            if let Some(session) = inside.session.take() {
                session.abort();
            }
        }
    }

    /// Runs something that may end a transaction, and remembers how it ended.
    pub fn run<R>(
        &self,
        work: impl FnOnce(&mut Session) -> Result<R>,
        status: impl Fn(&R) -> Status,
    ) -> Result<(R, Held<'_>)> {
        let mut held = self.hold()?;
        let session = held.session()?;
        let result = work(session);
        if !session.in_transaction() {
            let outcome = match &result {
                Ok(done) => status(done),
                Err(e) => e.status(),
            };
            self.outcome.store(outcome as i32, Ordering::Relaxed);
        }
        if held.lost {
            let canceller = held.session()?.canceller();
            self.gate.renew(canceller);
        }
        held.lost = result.as_ref().is_err_and(Error::is_lost);
        Ok((result?, held))
    }
}

pub struct ConnObject(pub Arc<ConnCore>);

static CONNS: Table<ConnObject> = Table::new();

impl Object for ConnObject {
    type C = twin_conn;
    const KIND: u8 = 0xE4;
    const NAME: &'static str = "connection";
    fn table() -> &'static Table<ConnObject> {
        &CONNS
    }
}

impl Pooled for ConnObject {
    fn pool(&self) -> Option<&PoolCore> {
        Some(&self.0.pool)
    }
}

pub fn handle(pool: Arc<PoolCore>, session: Session) -> Result<*mut twin_conn> {
    CONNS.insert(ConnObject(Arc::new(ConnCore::new(pool, session))))
}

/// Runs something on the session.
fn session(
    conn: *mut twin_conn,
    err: ErrOut,
    body: impl FnOnce(&mut Session) -> Result<Status>,
) -> twin_status {
    with(conn, err, |c: &ConnObject| body(c.0.hold()?.session()?))
}

/// Gives what a statement did to its caller: the count, and the rows if there are any and they are wanted.
pub fn deliver(
    core: &Arc<ConnCore>,
    mut held: Held<'_>,
    done: Executed,
    affected: &Out<i64>,
    rows_out: &Out<*mut twin_rows>,
) -> Result<Status> {
    affected.set(done.affected);
    if let Some(cursor) = done.rows
        && rows_out.wanted()
    {
        rows_out.set(rows::of_cursor(core, &mut held, cursor, done.affected)?);
    }
    Ok(done.status)
}

/// Gives the connection back to the pool: rolls back what is open, closes its rows, undoes the session's settings. A
/// connection that cannot be made as new is thrown away, and the pool makes another when it needs one; that is no
/// error. The handle is gone afterwards; only after `TWIN_ERR_BUSY` and `TWIN_ERR_STATE` it is still there. Statements
/// and rows of the connection give `TWIN_ERR_STATE` from now on; they still want to be freed.
///
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_conn_release(conn: *mut twin_conn, err: *mut *mut twin_error) -> twin_status {
    // SAFETY: the caller's pointer is as `args` asks.
    let err = unsafe { ErrOut::new(err) };
    with(conn, err, |c: &ConnObject| {
        let mut held = c.0.hold()?;
        held.cursors.clear();
        let session = held.session.take();
        c.0.gate.close();
        drop(held);
        drop(CONNS.free(conn));
        if let Some(Err(e)) = session.map(Session::release) {
            log::debug!(target: "twinpool::capi", "a connection was thrown away at its release: {e}");
        }
        Ok(Status::Ok)
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
/// `TWIN_ALONE`: on the master, and the mirror was abandoned (`queue.beyond=detach`).
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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(s.in_transaction() as i32);
        Ok(Status::Ok)
    })
}

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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(s.autocommit() as i32);
        Ok(Status::Ok)
    })
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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(s.isolation() as i32);
        Ok(Status::Ok)
    })
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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(s.read_only() as i32);
        Ok(Status::Ok)
    })
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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(
            s.network_timeout()
                .map_or(TWIN_WAIT_FOREVER, |d| i32::try_from(d.as_millis()).unwrap_or(i32::MAX)),
        );
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
    session(conn, err, |s| {
        out.needed("out")?;
        out.set(s.is_direct() as i32);
        Ok(Status::Ok)
    })
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
