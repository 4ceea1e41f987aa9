//! A connection as its handle and those of its statements and rows share it.
//!
//! It serves one thread at a time: whoever works on it holds its lock, and a second thread is told
//! `TWIN_ERR_BUSY`. Open results live here and not in their handles, so that a release can close them; rows
//! freed while another thread works on the connection are closed by that thread when it is done.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::args::Out;
use super::block::Shown;
use super::cancel::Gate;
use super::handle::busy;
use super::pool::PoolCore;
use super::rows::{self, twin_rows};
use crate::error::{Error, Result, Status};
use crate::link::Cursor;
use crate::twin::{Executed, Session};

/// The connection as its handle and its children share it: released when the last of them goes.
pub struct ConnCore {
    inside: Mutex<Inside>,
    /// Results whose handles are gone and that are still to be closed.
    closing: Mutex<Vec<u64>>,
    /// Set where something waits for whoever is inside: results to close, an abort.
    chores: AtomicBool,
    aborted: AtomicBool,
    pub gate: Arc<Gate>,
    /// How the last transaction ended.
    pub outcome: AtomicI32,
    /// Last: what is above belongs to the pool.
    pub pool: Arc<PoolCore>,
}

/// What only the thread inside may touch. Results go before the session.
pub struct Inside {
    pub cursors: Vec<(u64, Cursor)>,
    last_cursor: u64,
    /// The memory of a small result that is gone, for the next one.
    pub spare: Option<Shown>,
    pub session: Option<Session>,
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
    pub fn new(pool: Arc<PoolCore>, session: Session) -> ConnCore {
        ConnCore {
            gate: Arc::new(Gate::new(session.canceller())),
            inside: Mutex::new(Inside {
                cursors: Vec::new(),
                last_cursor: 0,
                spare: None,
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
    pub fn close_cursor(&self, id: u64, mut shown: Shown) {
        shown.fill().rows = 0;
        match self.inside.try_lock() {
            Some(mut inside) => {
                inside.close_cursor(id);
                inside.spare = inside.spare.take().or(shown.is_small().then_some(shown));
            }
            None => {
                self.closing.lock().push(id);
                self.chores.store(true, Ordering::Release);
            }
        }
        self.tidy();
    }

    /// Throws the session away, cutting off whoever is inside.
    pub fn abort(&self) {
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
        Ok((result?, held))
    }
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
