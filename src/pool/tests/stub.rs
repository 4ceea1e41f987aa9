//! A database that is not there.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::clock::Clock;
use super::super::{Manager, Pool, PoolSettings};
use crate::config::InitFail;
use crate::error::{Class, Error, Result, Side};

/// Longer than anything takes that works.
pub const LONG: Duration = Duration::from_secs(30);

/// The stub database and what has happened to it. Tests script it through its fields.
#[derive(Default)]
pub struct World {
    pub down: AtomicBool,
    /// Refuses logins (instead of being away).
    pub refuses: AtomicBool,
    pub connect_ms: AtomicU64,
    pub valid_ms: AtomicU64,
    pub close_ms: AtomicU64,
    /// The limit of the last validation.
    pub valid_limit: Mutex<Duration>,
    pub reset_fails: AtomicBool,
    /// No session passes its validation.
    pub invalid: AtomicBool,
    /// The call of this name panics.
    pub panics: Mutex<&'static str>,
    /// Raised by a "restart": older sessions are dead.
    pub restarts: AtomicU64,
    pub connects: AtomicUsize,
    pub validations: AtomicUsize,
    pub open: AtomicUsize,
    pub most_open: AtomicUsize,
    pub closed: Mutex<HashSet<usize>>,
    pub leaks: Mutex<Vec<String>>,
    /// Thread name and whether all signals were blocked, of the last connect.
    pub connected_on: Mutex<(String, bool)>,
}

pub struct Stub(pub Arc<World>);

pub struct Session {
    pub id: usize,
    restarts: u64,
    /// Told by the test: known to be broken without asking.
    pub broken: bool,
    /// Written without a lock by whoever has it.
    pub uses: usize,
    /// Dead, which only a validation finds out.
    pub dead: Arc<AtomicBool>,
    world: Arc<World>,
    in_use: AtomicBool,
}

impl Session {
    /// Uses the session for a moment; fails the test when someone else does too.
    pub fn use_for(&self, time: Duration) {
        assert!(!self.in_use.swap(true, SeqCst), "session {} is in two hands", self.id);
        if !time.is_zero() {
            std::thread::sleep(time);
        }
        assert!(!self.world.closed.lock().contains(&self.id), "session {} is closed", self.id);
        self.in_use.store(false, SeqCst);
    }
    pub fn is_alive(&self) -> bool {
        !self.dead.load(SeqCst)
            && self.restarts == self.world.restarts.load(SeqCst)
            && !self.world.down.load(SeqCst)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.world.open.fetch_sub(1, SeqCst);
    }
}

impl World {
    fn maybe_panic(&self, call: &str) {
        if *self.panics.lock() == call {
            panic!("{call} by order");
        }
    }
    pub fn restart(&self) {
        self.restarts.fetch_add(1, SeqCst);
    }
}

fn sleep_ms(ms: &AtomicU64) {
    match ms.load(SeqCst) {
        0 => {}
        n => std::thread::sleep(Duration::from_millis(n)),
    }
}

impl Manager for Stub {
    type Item = Session;

    fn connect(&self, _deadline: Instant) -> Result<Session> {
        let w = &self.0;
        let id = w.connects.fetch_add(1, SeqCst);
        *w.connected_on.lock() =
            (std::thread::current().name().unwrap_or_default().to_owned(), all_signals_blocked());
        sleep_ms(&w.connect_ms);
        w.maybe_panic("connect");
        if w.refuses.load(SeqCst) {
            return Err(Error::database(Side::Master, Class::Refused, "master: login refused", Vec::new()));
        }
        if w.down.load(SeqCst) {
            return Err(Error::database(
                Side::Master,
                Class::Unreachable,
                "master: nobody answers",
                Vec::new(),
            ));
        }
        let open = w.open.fetch_add(1, SeqCst) + 1;
        w.most_open.fetch_max(open, SeqCst);
        Ok(Session {
            id,
            restarts: w.restarts.load(SeqCst),
            broken: false,
            uses: 0,
            dead: Arc::default(),
            world: w.clone(),
            in_use: AtomicBool::new(false),
        })
    }

    fn is_valid(&self, item: &mut Session, limit: Duration) -> Result<()> {
        *self.0.valid_limit.lock() = limit;
        self.0.validations.fetch_add(1, SeqCst);
        sleep_ms(&self.0.valid_ms);
        self.0.maybe_panic("is_valid");
        match item.is_alive() && !self.0.invalid.load(SeqCst) {
            true => Ok(()),
            false => Err(Error::database(
                Side::Master,
                Class::Unreachable,
                "master: no answer to SELECT",
                Vec::new(),
            )),
        }
    }

    fn outline(&self, statement: &str) -> String {
        format!("<{statement}>")
    }

    fn has_broken(&self, item: &Session) -> bool {
        self.0.maybe_panic("has_broken");
        item.broken
    }

    fn reset(&self, item: &mut Session) -> Result<()> {
        self.0.maybe_panic("reset");
        if self.0.reset_fails.load(SeqCst) {
            return Err(Error::database(Side::Master, Class::Refused, "reset: refused", Vec::new()));
        }
        if !item.is_alive() {
            item.broken = true;
        }
        Ok(())
    }

    fn close(&self, item: Session) {
        sleep_ms(&self.0.close_ms);
        self.0.maybe_panic("close");
        assert!(self.0.closed.lock().insert(item.id), "session {} is closed twice", item.id);
    }

    fn note(&self) -> String {
        self.0.maybe_panic("note");
        "mirror in_sync".into()
    }

    fn leak_suspected(&self, report: &str) {
        self.0.leaks.lock().push(report.to_owned());
    }
}

fn all_signals_blocked() -> bool {
    // SAFETY: the set is written by pthread_sigmask before it is read.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr());
        [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, libc::SIGALRM]
            .iter()
            .all(|s| libc::sigismember(set.as_ptr(), *s) == 1)
    }
}

/// A pool on a stub, with a clock of its own.
pub struct Rig {
    pub world: Arc<World>,
    pub pool: Pool<Stub>,
    pub clock: Clock,
}

/// Small and quiet: nothing happens in the background unless a test asks for it.
pub fn quiet(min: usize, max: usize) -> PoolSettings {
    PoolSettings {
        min,
        max,
        initial: 0,
        acquire_timeout: LONG,
        acquire_retry_delay: Duration::from_millis(5),
        keeper_period: Duration::from_secs(3600),
        idle_timeout: None,
        max_lifetime: None,
        keepalive: None,
        init_fail: InitFail::Background,
        ..PoolSettings::default()
    }
}

pub fn rig(settings: PoolSettings) -> Rig {
    rig_on(Arc::default(), settings)
}

pub fn rig_on(world: Arc<World>, settings: PoolSettings) -> Rig {
    let clock = Clock::default();
    let pool = Pool::open_by(Stub(world.clone()), settings, clock.clone()).unwrap();
    Rig { world, pool, clock }
}

/// Waits until something is so; fails the test when it never is.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

impl Rig {
    /// Closes the pool and makes sure that nothing is left of it.
    #[track_caller]
    pub fn end(self) {
        self.pool.close(LONG).unwrap();
        assert_eq!(self.world.open.load(SeqCst), 0);
        let f = self.pool.figures();
        assert_eq!((f.total, f.opening, f.waiting), (0, 0, 0));
    }
}
