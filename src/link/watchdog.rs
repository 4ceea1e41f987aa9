//! Limits on calls that no driver limits: one thread per process that cuts the connection under a call
//! whose time is over.
//!
//! A call writes its deadline into its link's own cell and clears it when it returns. The thread sleeps
//! until the earliest deadline it knows; a call wakes it only when its own is earlier still, so that a
//! watched call normally costs a look at the clock and two stores.

use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use odbc_api::sys;
use parking_lot::{Condvar, Mutex};

use super::handles::Stmt;
use super::process;

const IDLE: u64 = 0;
/// The watchdog has acted on the deadline that was here.
const FIRED: u64 = u64::MAX;

/// Nanoseconds since the first look at this clock.
fn now() -> u64 {
    at(Instant::now())
}

fn at(moment: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    moment.saturating_duration_since(*START.get_or_init(|| moment)).as_nanos() as u64 + 1
}

/// How a link's running call can be ended from outside.
pub(crate) struct Slot {
    deadline: Arc<AtomicU64>,
    /// A duplicate of the connection's socket: the number stays ours whatever the driver closes. It shares
    /// the open connection with the driver's own descriptor.
    socket: OnceLock<OwnedFd>,
    /// For a database in this process: a statement that never runs, to be cancelled in place of the one
    /// that does (SQLCancel of libsqliteodbc frees the results of its own statement).
    interrupt: Option<Arc<Stmt>>,
}

impl Slot {
    pub(crate) fn new(interrupt: Option<Arc<Stmt>>) -> Arc<Slot> {
        let slot =
            Arc::new(Slot { deadline: Arc::new(AtomicU64::new(IDLE)), socket: OnceLock::new(), interrupt });
        Watchdog::get().watched.lock().links.push((slot.deadline.clone(), Arc::downgrade(&slot)));
        slot
    }

    /// The socket becomes known when the connection stands.
    pub(crate) fn set_socket(&self, socket: OwnedFd) {
        let _ = self.socket.set(socket);
    }

    pub(crate) fn has_socket(&self) -> bool {
        self.socket.get().is_some()
    }

    pub(crate) fn interrupt(&self) -> Option<Arc<Stmt>> {
        self.interrupt.clone()
    }

    /// Starts the watch over a call.
    pub(crate) fn arm(&self, start: Instant, limit: Duration) {
        let deadline = at(start).saturating_add(limit.as_nanos() as u64).min(FIRED - 1);
        self.deadline.store(deadline, SeqCst);
        let watchdog = Watchdog::get();
        if deadline < watchdog.wakes_at.load(SeqCst) {
            watchdog.wake();
        }
    }

    /// Ends it; true when the watchdog has cut the call.
    pub(crate) fn disarm(&self) -> bool {
        self.deadline.swap(IDLE, SeqCst) == FIRED
    }

    /// Ends whatever call runs: cuts the socket, or interrupts the database in this process. Never blocks.
    pub(crate) fn cut(self: &Arc<Slot>) {
        if let Some(socket) = self.socket.get() {
            unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) };
        } else if let Some(interrupt) = self.interrupt.clone() {
            detached("twin-cancel", move || cancel(&interrupt));
        }
    }
}

/// `SQLCancel`, which can hang: never on a thread that anybody waits for.
pub(crate) fn cancel(stmt: &Stmt) {
    let _ = unsafe { sys::SQLCancel(stmt.handle()) };
}

/// Runs `f` on a thread of its own that takes no signals of the host. False when there is no thread to be had.
pub(crate) fn detached(name: &str, f: impl FnOnce() + Send + 'static) -> bool {
    let spawned = without_signals(|| std::thread::Builder::new().name(name.into()).spawn(f));
    if let Err(error) = &spawned {
        log::error!("no thread {name}: {error}");
    }
    spawned.is_ok()
}

/// Threads inherit the signal mask: the host's signals are for the host's threads.
fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        let masked = libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) == 0;
        let result = spawn();
        if masked {
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
        }
        result
    }
}

#[derive(Default)]
struct Watched {
    links: Vec<(Arc<AtomicU64>, Weak<Slot>)>,
    running: bool,
}

struct Watchdog {
    stamp: u64,
    /// When the thread looks next; `u64::MAX`: when somebody wakes it.
    wakes_at: AtomicU64,
    watched: Mutex<Watched>,
    changed: Condvar,
}

static WATCHDOG: AtomicPtr<Watchdog> = AtomicPtr::new(null_mut());

impl Watchdog {
    /// The watchdog of this process; a child starts its own.
    fn get() -> &'static Watchdog {
        let stamp = process::stamp();
        let current = WATCHDOG.load(SeqCst);
        if let Some(watchdog) = unsafe { current.as_ref() }
            && watchdog.stamp == stamp
        {
            return watchdog;
        }
        let mine = Box::into_raw(Box::new(Watchdog {
            stamp,
            wakes_at: AtomicU64::new(u64::MAX),
            watched: Mutex::default(),
            changed: Condvar::new(),
        }));
        match WATCHDOG.compare_exchange(current, mine, SeqCst, SeqCst) {
            // Never freed: one per process.
            Ok(_) => unsafe { &*mine },
            Err(theirs) => unsafe {
                drop(Box::from_raw(mine));
                &*theirs
            },
        }
    }

    fn wake(&'static self) {
        let mut watched = self.watched.lock();
        if !watched.running {
            watched.running = detached("twin-watchdog", || self.watch());
        }
        drop(watched);
        self.changed.notify_one();
    }

    fn watch(&self) {
        let mut watched = self.watched.lock();
        loop {
            // Whoever arms from here on wakes us, or its deadline is seen by the look below.
            self.wakes_at.store(u64::MAX, SeqCst);
            let present = now();
            let mut earliest = u64::MAX;
            let mut expired = Vec::new();
            watched.links.retain(|(deadline, slot)| {
                let at = deadline.load(SeqCst);
                if at != IDLE && at != FIRED {
                    if at > present {
                        earliest = earliest.min(at);
                    } else if deadline.compare_exchange(at, FIRED, SeqCst, SeqCst).is_ok() {
                        expired.push(slot.clone());
                    }
                }
                slot.strong_count() > 0
            });
            if !expired.is_empty() {
                for slot in expired.iter().filter_map(Weak::upgrade) {
                    slot.cut();
                    // The last holder of a slot may close a database: not here.
                    if slot.interrupt.is_some() {
                        detached("twin-close", move || drop(slot));
                    }
                }
                continue;
            }
            if earliest == u64::MAX {
                self.changed.wait(&mut watched);
            } else {
                self.wakes_at.store(earliest, SeqCst);
                // A deadline may have come in between the look and the store.
                let missed = watched.links.iter().any(|(d, _)| {
                    let at = d.load(SeqCst);
                    at != IDLE && at < earliest
                });
                if !missed {
                    self.changed.wait_for(&mut watched, Duration::from_nanos(earliest.saturating_sub(now())));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::OwnedFd;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_call_past_its_deadline_comes_back_and_others_do_not_notice() {
        let (mut hanging, _peer) = pair();
        let (other, _other_peer) = pair();
        let slot = Slot::new(None);
        slot.set_socket(OwnedFd::from(hanging.try_clone().unwrap()));
        let calm = Slot::new(None);
        calm.set_socket(OwnedFd::from(other.try_clone().unwrap()));
        calm.arm(Instant::now(), Duration::from_secs(60));
        let start = Instant::now();
        slot.arm(Instant::now(), Duration::from_millis(50));
        assert_eq!(hanging.read(&mut [0]).unwrap(), 0);
        assert!(slot.disarm());
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(50) && took < Duration::from_millis(1000), "{took:?}");
        assert!(!calm.disarm());
    }

    #[test]
    fn arming_is_cheap() {
        let slot = Slot::new(None);
        slot.arm(Instant::now(), Duration::from_secs(3600));
        let start = Instant::now();
        for _ in 0..100_000 {
            slot.arm(Instant::now(), Duration::from_secs(3600));
            assert!(!slot.disarm());
        }
        let each = start.elapsed().as_nanos() / 100_000;
        println!("{each} ns");
        assert!(each < 3000, "{each} ns");
    }
}
