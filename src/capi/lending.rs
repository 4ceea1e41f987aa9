//! Lending: how a session becomes a `twin_conn` and comes back.
//!
//! The handle is the key of the session's slot in its pool. Acquire and release are, as a rule, one change of that
//! slot's word each (`pool::slot`), and nothing of ours is made for a connection on which nothing is called. With the
//! first call on it the connection itself is made (`connection`), which the slot then leads to.

use std::ptr;
use std::sync::Arc;

use super::conn::{ConnObject, twin_conn};
use super::connection::ConnCore;
use super::guard::{Pooled, may_be_in_callback, refuse_poisoned};
use super::handle::{Object, Shared, Table, bad_handle, forked};
use super::pool::{PoolCore, PoolObject, twin_pool};
use super::process;
use crate::error::Result;
use crate::pool::{Claim, Rack, Slot};
use crate::tick;
use crate::twin::{SESSIONS, Session, SessionManager};

/// Connections on which something was called, known by their slots.
static CONNS: Table<ConnObject> = Table::new();

impl Object for ConnObject {
    type C = twin_conn;
    const KIND: u8 = 0xE4;
    const NAME: &'static str = "connection";
    fn table() -> &'static Table<ConnObject> {
        &CONNS
    }

    fn enter(handle: *const twin_conn) -> Result<Shared<ConnObject>> {
        let key = handle.addr() as u64;
        let Some((slot, head)) = SESSIONS.slot(key) else { return Err(bad_handle::<ConnObject>(key)) };
        loop {
            match slot.claim(key) {
                Claim::Stale => return Err(bad_handle::<ConnObject>(key)),
                _ if head.gate.mark() != process::current() => return Err(forked::<ConnObject>()),
                Claim::Made(inner) => {
                    let entered = CONNS.enter(ptr::without_provenance(inner as usize));
                    // It may have been another one's when it was entered.
                    if slot.fits(key) {
                        return entered;
                    }
                }
                Claim::Yours(slot) => {
                    let made = pool_of(head).and_then(|pool| make(&pool, pool.pool.session(slot)));
                    slot.claimed(made.as_ref().ok().copied());
                    made?;
                }
                Claim::Soon => std::thread::yield_now(),
            }
        }
    }

    fn end(handle: *const twin_conn) -> Option<ConnObject> {
        if put_back(handle) || put_back_by_lock(handle).unwrap_or(false) {
            return None;
        }
        let key = handle.addr() as u64;
        let (slot, head) = SESSIONS.slot(key)?;
        if head.gate.mark() != process::current() {
            return None;
        }
        loop {
            match slot.end_key(key) {
                Claim::Made(inner) => return CONNS.free(ptr::without_provenance(inner as usize)),
                Claim::Yours(slot) => {
                    if let Ok(pool) = pool_of(head) {
                        pool.pool.pool().put_untouched(slot);
                    }
                    return None;
                }
                Claim::Soon => std::thread::yield_now(),
                Claim::Stale => return None,
            }
        }
    }
}

impl Pooled for ConnObject {
    fn pool(&self) -> Option<&PoolCore> {
        Some(&self.0.pool)
    }
}

/// Makes a pool's sessions known as its own.
pub fn begin(pool: *mut twin_pool, core: &PoolCore) {
    let rack = core.pool.pool().rack();
    rack.set_host(pool.addr() as u64, process::current());
    PoolObject::table().set_side(pool, rack);
}

/// Before the handle of a pool ends: from now on connections lead to the pool by themselves.
pub fn end(pool: *const twin_pool) {
    let Ok(object) = PoolObject::enter(pool) else { return };
    let core = &object.0;
    core.pool.pool().close_short_way();
    for slot in core.pool.pool().rack().slots() {
        let key = slot.key();
        loop {
            match slot.claim(key) {
                Claim::Yours(slot) => slot.claimed(make(core, core.pool.session(slot)).ok()),
                Claim::Soon => std::thread::yield_now(),
                Claim::Made(_) | Claim::Stale => break,
            }
        }
    }
}

/// What the short way found.
pub enum Taken {
    /// A connection.
    Yes(*mut twin_conn),
    /// A connection, and the way was closed in the same moment: it is to be undone.
    Undo(*mut twin_conn),
    No,
}

/// The session that this thread used last, if it is idle and needs no question, and nobody waits.
#[inline]
pub fn take_last(pool: *const twin_pool) -> Taken {
    take(pool, |rack| rack.take_last(tick::now()))
}

/// Any such session.
pub fn take_any(pool: *const twin_pool) -> Taken {
    take(pool, |rack| rack.take_any(tick::now()))
}

#[inline(always)]
fn take(
    pool: *const twin_pool,
    from: impl FnOnce(&'static Rack<SessionManager>) -> Option<(&'static Slot<SessionManager>, u64)>,
) -> Taken {
    let rack: *const Rack<SessionManager> = PoolObject::table().side(pool).cast();
    // SAFETY: null, or noted by `begin`: a rack, which is never freed.
    let Some(rack) = (unsafe { rack.as_ref() }) else { return Taken::No };
    let process = process::current_or_none();
    let is_it = || rack.host() == pool.addr() as u64 && rack.gate.is_open_for(process);
    if !is_it() || may_be_in_callback() {
        return Taken::No;
    }
    let Some((_, key)) = from(rack) else { return Taken::No };
    let conn = ptr::without_provenance_mut(key as usize);
    if is_it() { Taken::Yes(conn) } else { Taken::Undo(conn) }
}

/// Gives back what was taken in the moment in which the way was closed.
#[cold]
pub fn undo(conn: *const twin_conn) {
    let key = conn.addr() as u64;
    let Some((slot, head)) = SESSIONS.slot(key) else { return };
    if slot.put_back(key) {
        settle(head);
    } else {
        drop(ConnObject::end(conn));
    }
}

/// Gives back a connection on which nothing was called, if nobody waits for it.
#[inline]
pub fn put_back(conn: *const twin_conn) -> bool {
    let key = conn.addr() as u64;
    let Some((slot, head)) = SESSIONS.slot(key) else { return false };
    let process = process::current_or_none();
    if !head.gate.is_open_for(process) || may_be_in_callback() || !slot.put_back(key) {
        return false;
    }
    if !head.gate.is_open_for(process) {
        settle(head);
    }
    true
}

/// Somebody waits for what was just laid down.
#[cold]
#[inline(never)]
fn settle(head: &Rack<SessionManager>) {
    if let Ok(pool) = pool_of(head) {
        pool.pool.pool().settle();
    }
}

/// Gives back a connection on which nothing was called to whoever waits for it. False: something was called on it, or
/// it is none.
pub fn put_back_by_lock(conn: *const twin_conn) -> Result<bool> {
    let key = conn.addr() as u64;
    let Some((slot, head)) = SESSIONS.slot(key) else { return Ok(false) };
    if head.gate.mark() != process::current() {
        return Ok(false);
    }
    let Ok(pool) = PoolObject::enter(ptr::without_provenance(head.host() as usize)) else { return Ok(false) };
    if !slot.fits(key) {
        return Ok(false);
    }
    refuse_poisoned(&*pool)?;
    let ended = slot.end_unclaimed(key);
    if ended {
        pool.0.pool.pool().put_untouched(slot);
    }
    Ok(ended)
}

/// The pool whose first rack this is.
fn pool_of(head: &Rack<SessionManager>) -> Result<Arc<PoolCore>> {
    Ok(PoolObject::enter(ptr::without_provenance(head.host() as usize))?.0.clone())
}

/// A handle for a session that was acquired by the long way.
pub fn handle(pool: &Arc<PoolCore>, session: Session) -> Result<*mut twin_conn> {
    let slot = session.slot();
    let key = slot.map_or(0, Slot::key);
    if let Some(Claim::Yours(slot)) = slot.map(|slot| slot.claim(key)) {
        let made = make(pool, session);
        slot.claimed(made.as_ref().ok().copied());
        made?;
    }
    Ok(ptr::without_provenance_mut(key as usize))
}

/// Makes the connection itself.
fn make(pool: &Arc<PoolCore>, session: Session) -> Result<u64> {
    let conn = CONNS.insert(ConnObject(Arc::new(ConnCore::new(pool.clone(), session))))?;
    Ok(conn.addr() as u64)
}
