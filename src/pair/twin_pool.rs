//! One process's handle on the pair: what `twin_pool` is in C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::open::{self, OpenSpec};
use super::shared::{Pair, Setup};
use super::state::MirrorState;
use super::{Listener, Progress, QueueEntry, TableComparison, limits, monitor, operator, verify};
use crate::config::{MirrorMode, OnUnsafe, Options};
use crate::error::{Error, Result, Status};
use crate::large::Spill;
use crate::link::Engine;
use crate::metrics::Metrics;
use crate::pool::{Pool, Slot};
use crate::twin::{Session, SessionManager};

/// What a pool knows of itself and of the pair. Kept in memory; asking never blocks.
#[derive(Clone, Debug)]
pub struct PoolStatus {
    pub mirror_state: MirrorState,
    /// Why the state is what it is, one line; empty in `InSync`.
    pub reason: String,
    /// Why the last attempt to reach the mirror or to catch it up failed; empty when it did not.
    pub last_error: String,
    /// `mirror.mode` is `async`.
    pub asynchronous: bool,
    /// The state is `Detached` and nothing is queued any more: only a new copy leads back.
    pub abandoned: bool,
    /// Whether the mirror answered when last asked.
    pub mirror_reachable: bool,
    pub epoch: u64,
    pub term: u64,
    /// Entries waiting in the queue, their bytes, and the age of the oldest, as last seen by the monitor.
    pub queue_entries: u64,
    pub queue_bytes: u64,
    pub queue_oldest_ms: u64,
    pub total: u32,
    pub idle: u32,
    pub active: u32,
    pub waiting: u32,
    /// Transactions of this pool since it was opened.
    pub direct: u64,
    pub queued: u64,
    pub replayed: u64,
    pub failed: u64,
    /// Mirror halves that were run a second time because they were too early the first time.
    pub rerun: u64,
}

pub(super) struct Inner {
    pub(super) pair: Arc<Pair>,
    pub(super) pool: Pool<SessionManager>,
    options: Mutex<Options>,
    /// Set to let the replay thread try now instead of after its pause.
    now: Arc<AtomicBool>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

/// One process's handle on the pair. Clones share it; any thread may use it.
#[derive(Clone)]
pub struct TwinPool {
    pub(super) inner: Arc<Inner>,
}

impl TwinPool {
    /// Which values go to a file.
    pub fn spill(&self) -> &Arc<Spill> {
        &self.inner.pair.setup.spill
    }

    /// Opens the pool: connects, checks that the two are a pair, makes our tables if they are missing,
    /// registers, starts the background threads. The mirror may be away if the pair is established.
    pub fn open(options: &Options) -> Result<TwinPool> {
        let (s, warnings) = options.validate()?;
        crate::logging::start(&s.log);
        for warning in &warnings {
            log::warn!(target: "twinpool::config", "{}: {warning}", s.name);
        }
        let metrics = Arc::new(Metrics::default());
        let spill = Arc::new(s.spill);
        let mut master_settings = s.master.link();
        master_settings.metrics = Some(Arc::clone(&metrics));
        master_settings.evict = Arc::new(s.session.evict.clone());
        let mut mirror_settings = s.mirror.link();
        mirror_settings.metrics = Some(Arc::clone(&metrics));
        // The mirror's own limits: a caller never waits for it longer than mirror.timeout_ms.
        mirror_settings.connect_timeout = mirror_settings.connect_timeout.min(s.mirror_timeout);
        mirror_settings.call_timeout = Some(s.mirror_timeout);
        mirror_settings.lock_timeout = Some(s.mirror_timeout);
        master_settings.spill = Arc::clone(&spill);
        mirror_settings.spill = Arc::clone(&spill);
        let setup = Setup {
            name: s.name.clone(),
            mirror_timeout: s.mirror_timeout,
            retry_min: s.mirror_retry_min,
            retry_max: s.mirror_retry_max,
            poll: s.mirror_poll,
            resolve_timeout: s.resolve_timeout,
            verify_read_timeout: s.verify_read_timeout,
            // Writers that wait for a drain must not run into their own lock timeout.
            suspend_timeout: s
                .master
                .lock_timeout
                .map_or(s.replay.suspend_timeout, |l| s.replay.suspend_timeout.min(l / 2)),
            batch_entries: s.replay.batch_entries,
            batch_bytes: s.replay.batch_bytes,
            drain_below: s.replay.drain_below,
            reset_ids_above: s.replay.reset_ids_above,
            part_bytes: s.part_bytes,
            catalogue_age: s.catalogue_age,
            spill: Arc::clone(&spill),
            refuse_unsafe: s.on_unsafe == OnUnsafe::Refuse,
            asynchronous: s.mirror_mode == MirrorMode::Async,
            isolation: s.session.isolation,
            read_only: s.session.read_only,
            schema: s.session.schema.clone(),
            master_validation: s.master.validation.clone(),
            mirror_validation: s.mirror.validation.clone(),
        };
        let opened = open::open(OpenSpec {
            setup,
            master: s.master.connection.clone(),
            master_settings,
            mirror: s.mirror.connection.clone(),
            mirror_settings,
            schema: s.tables.schema.clone().unwrap_or_default(),
            prefix: s.tables.prefix.clone(),
            create_tables: s.tables.create,
            check_schema: s.schema_check,
            metrics,
            queue: s.queue,
        })?;
        let pair = Arc::new(opened.pair);
        let now = Arc::new(AtomicBool::new(false));
        let threads = monitor::start(&pair, opened.liveness, &now)?;
        let manager = SessionManager { pair: Arc::clone(&pair) };
        let pool = match Pool::open(manager, s.pool.clone()) {
            Ok(pool) => pool,
            Err(e) => {
                stop(&pair, threads);
                return Err(e);
            }
        };
        let inner =
            Inner { pair, pool, options: Mutex::new(options.clone()), now, threads: Mutex::new(threads) };
        Ok(TwinPool { inner: Arc::new(inner) })
    }

    /// The master's engine: what its SQL is split and read by.
    pub fn engine(&self) -> Engine {
        self.inner.pair.tables.engine
    }

    /// A session, within `timeout` (`None`: `pool.acquire_timeout_ms`).
    pub fn acquire(&self, timeout: Option<Duration>) -> Result<Session> {
        Ok(Session::new(self.inner.pool.acquire(timeout)?))
    }

    /// The pool itself, for the C border's short way to a session.
    pub(crate) fn pool(&self) -> &Pool<SessionManager> {
        &self.inner.pool
    }

    /// The session behind a key that has just been claimed.
    pub(crate) fn session(&self, slot: &'static Slot<SessionManager>) -> Session {
        Session::new(self.inner.pool.lease(slot))
    }

    /// Refuses new sessions, waits for those that are out, closes. Past the timeout an error; the rest is
    /// closed as it comes back.
    pub fn close(&self, timeout: Duration) -> Result<()> {
        let closed = self.inner.pool.close(timeout);
        let threads = std::mem::take(&mut *self.inner.threads.lock());
        let first = !threads.is_empty();
        stop(&self.inner.pair, threads);
        if first && closed.is_ok() {
            open::leave(&self.inner.pair);
        }
        closed
    }

    /// Lets no new session go out until [`TwinPool::resume`].
    pub fn suspend(&self, fail_fast: bool) -> Result<()> {
        self.inner.pool.suspend(fail_fast)
    }

    pub fn resume(&self) -> Result<()> {
        self.inner.pool.resume();
        Ok(())
    }

    /// Closes idle sessions; those in use go when they are released.
    pub fn evict(&self) {
        self.inner.pool.evict_idle();
    }

    pub fn status(&self) -> PoolStatus {
        let pair = &self.inner.pair;
        let figures = self.inner.pool.figures();
        let view = pair.view();
        let seen = pair.seen.lock().clone();
        let c = &pair.counters;
        let asked = seen.last_error.as_ref().map(ToString::to_string).unwrap_or_default();
        PoolStatus {
            mirror_state: match view.state {
                MirrorState::Queueing
                    if seen.replay_done > 0 && seen.mirror_reachable && !view.asynchronous =>
                {
                    MirrorState::Replaying
                }
                state => state,
            },
            reason: if view.state == MirrorState::InSync { String::new() } else { seen.reason },
            last_error: if view.state == MirrorState::InSync { String::new() } else { asked },
            asynchronous: view.asynchronous,
            abandoned: view.abandoned,
            mirror_reachable: seen.mirror_reachable,
            epoch: view.epoch,
            term: view.term,
            queue_entries: seen.queue_entries,
            queue_bytes: seen.queue_bytes,
            queue_oldest_ms: seen.queue_oldest.unwrap_or(0),
            total: figures.total as u32,
            idle: figures.idle as u32,
            active: figures.active as u32,
            waiting: figures.waiting as u32,
            direct: c.direct.load(Ordering::Relaxed),
            queued: c.queued.load(Ordering::Relaxed),
            replayed: c.replayed.load(Ordering::Relaxed),
            failed: c.failed.load(Ordering::Relaxed),
            rerun: c.rerun.load(Ordering::Relaxed),
        }
    }

    /// Reads the pair's state from the master now, then answers [`TwinPool::status`].
    pub fn refresh(&self) -> Result<PoolStatus> {
        monitor::look(&self.inner.pair)?;
        Ok(self.status())
    }

    /// Changes one of the live options.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        let mut options = self.inner.options.lock();
        let (settings, warnings) = options.change(key, value)?;
        for warning in &warnings {
            log::warn!(target: "twinpool::config", "{}: {warning}", settings.name);
        }
        self.inner.pair.set_connections(settings.master.connection, settings.mirror.connection);
        self.inner.pool.set(settings.pool);
        self.inner.pair.limits.set(settings.queue);
        limits::look(&self.inner.pair);
        Ok(())
    }

    /// The effective value of an option, secrets masked.
    pub fn get(&self, key: &str) -> Result<String> {
        self.inner.options.lock().get(key)
    }

    /// Adds a listener. It is called on a library thread, may call status functions only, and must not block.
    pub fn listen(&self, listener: Listener) {
        self.inner.pair.listen(listener);
    }

    /// Replays until the queue is empty and the pair in step (in async mode: until the queue is empty), at
    /// most `timeout`. `progress` is called from this thread.
    pub fn replay(&self, timeout: Duration, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let pair = &self.inner.pair;
        let deadline = Instant::now() + timeout;
        monitor::look(pair)?;
        let mut last = Progress::default();
        self.inner.now.store(true, Ordering::SeqCst);
        pair.wake();
        loop {
            let view = pair.view();
            let (done, left, error) = {
                let seen = pair.seen.lock();
                (seen.replay_done, seen.queue_entries, seen.last_error.clone())
            };
            let now = Progress { done, left };
            if now != last {
                progress(now);
                last = now;
            }
            match view.state {
                MirrorState::InSync => return Ok(()),
                MirrorState::Diverged => {
                    return Err(Error::new(Status::Diverged, format!("replay: {}", pair.seen.lock().reason)));
                }
                MirrorState::Detached => {
                    return Err(Error::new(
                        Status::BadState,
                        "replay: the mirror is detached; attach it first",
                    ));
                }
                _ if view.asynchronous && left == 0 => {
                    monitor::look(pair)?;
                    if pair.seen.lock().queue_entries == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
            if Instant::now() >= deadline {
                let why = error.map_or_else(|| format!("{left} entries are left"), |e| e.to_string());
                let reachable = pair.seen.lock().mirror_reachable;
                let status = if reachable { Status::Timeout } else { Status::MirrorDown };
                return Err(Error::new(
                    status,
                    format!("replay: not done within {} ms: {why}", timeout.as_millis()),
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Switches the mirror off on purpose; transactions go on being queued.
    pub fn detach(&self) -> Result<()> {
        if self.inner.pair.refresh()?.abandoned {
            return Err(Error::new(
                Status::BadState,
                "detach: the mirror was abandoned and is detached for good",
            ));
        }
        operator::set_state(&self.inner.pair, MirrorState::Detached, "detached by an operator")
    }

    /// Ends `detached` (and, after an operator's repair, `diverged`): the queue is replayed.
    pub fn attach(&self) -> Result<()> {
        let row = self.inner.pair.refresh()?;
        let state = row.mirror_state;
        if row.abandoned {
            return Err(Error::new(
                Status::BadState,
                "attach: the mirror was abandoned, it lacks what was not queued; start again from a copy",
            ));
        }
        if !matches!(state, MirrorState::Detached | MirrorState::Diverged) {
            return Err(Error::new(
                Status::BadState,
                format!("attach: the mirror is {state}, not detached or diverged"),
            ));
        }
        operator::set_state(&self.inner.pair, MirrorState::Queueing, "attached by an operator")?;
        self.inner.now.store(true, Ordering::SeqCst);
        self.inner.pair.wake();
        Ok(())
    }

    /// The first `limit` entries of the queue, in order.
    pub fn queue_list(&self, limit: u64) -> Result<Vec<QueueEntry>> {
        operator::list(&self.inner.pair, limit)
    }

    /// The statements of one entry, as text for people (values included: it is the operator's own data).
    pub fn queue_show(&self, id: i64) -> Result<Vec<String>> {
        operator::show(&self.inner.pair, id)
    }

    /// Moves one entry to `twin_quarantine`; the way out of `diverged` together with `attach`.
    pub fn queue_skip(&self, id: i64) -> Result<()> {
        operator::skip(&self.inner.pair, id)
    }

    /// [`TwinPool::queue_show`] for a pending transaction, `POOL:SLOT:SEQ` as the reason of `diverged` names it.
    pub fn pending_show(&self, name: &str) -> Result<Vec<String>> {
        operator::show_pending(&self.inner.pair, name)
    }

    /// [`TwinPool::queue_skip`] for a pending transaction.
    pub fn pending_skip(&self, name: &str) -> Result<()> {
        operator::skip_pending(&self.inner.pair, name)
    }

    /// Lets the queue's numbers begin at 1 again, at the end of a replay and while no writer commits.
    pub fn queue_renumber(&self, timeout: Duration) -> Result<()> {
        operator::renumber(&self.inner.pair, timeout)
    }

    /// Compares all tables row by row. `progress` is called with each table's name and rows compared.
    pub fn verify(&self, progress: &mut dyn FnMut(&str, u64)) -> Result<Vec<TableComparison>> {
        verify::verify(&self.inner.pair, progress)
    }
}

fn stop(pair: &Arc<Pair>, threads: Vec<std::thread::JoinHandle<()>>) {
    pair.closing.store(true, Ordering::SeqCst);
    pair.wake();
    let me = std::thread::current().id();
    for t in threads {
        // A listener may drop the last handle on the pool from a thread of ours.
        if t.thread().id() != me {
            let _ = t.join();
        }
    }
    pair.drop_control();
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.pool.close(Duration::ZERO);
        stop(&self.pair, std::mem::take(&mut *self.threads.lock()));
    }
}
