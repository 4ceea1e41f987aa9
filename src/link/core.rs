//! What a link, its open results and its cancellers share: the connection, its lock, its watch, its
//! transaction state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use odbc_api::sys::SqlReturn;
use parking_lot::{Condvar, Mutex};

use super::diagnostics::{self, Secrets};
use super::dialects::{Aftermath, Driver};
use super::handles::{Dbc, Stmt, succeeded};
use super::statement::Cache;
use super::watchdog::{self, Slot};
use super::{LinkSettings, TxState};
use crate::config::EvictRule;
use crate::error::{Class, Error, Record, Result, Side, Status};
use crate::large::Spill;
use crate::metrics::{Metrics, Times};

/// How long the end of a call waits for a `SQLCancel` under way. One that takes longer hangs.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Running {
    stmt: Option<Arc<Stmt>>,
    /// Somebody has asked for the end of the call that runs, or ran last.
    cancelled: bool,
    cancelling: usize,
}

pub(crate) struct Core {
    pub side: Side,
    pub driver: &'static dyn Driver,
    pub dbc: Arc<Dbc>,
    pub secrets: Secrets,
    pub cache: Mutex<Cache>,
    /// Held during every use of the connection's handles; a result may live on another thread than its
    /// link. Order: `busy`, then `running` or `cache`.
    pub busy: Mutex<()>,
    running: Mutex<Running>,
    cancelled: Condvar,
    slot: Arc<Slot>,
    lost: AtomicBool,
    tx: AtomicU8,
    /// The engine has ended the transaction, though its owner has yet to be told.
    rolled_back: AtomicBool,
    /// Nanoseconds; 0: none.
    call_timeout: AtomicU64,
    evict: Arc<EvictRule>,
    /// An error has come that `evict` names.
    worn: AtomicBool,
    metrics: Option<Arc<Metrics>>,
    pub spill: Arc<Spill>,
}

/// What came of a watched call.
pub(crate) struct Called {
    pub ret: SqlReturn,
    pub timed_out: bool,
}

impl Called {
    pub(crate) fn ok(&self) -> bool {
        succeeded(self.ret) || self.ret == SqlReturn::NO_DATA
    }
}

impl Core {
    pub(crate) fn new(
        side: Side,
        driver: &'static dyn Driver,
        dbc: Arc<Dbc>,
        secrets: Secrets,
        slot: Arc<Slot>,
        settings: &LinkSettings,
    ) -> Core {
        Core {
            side,
            driver,
            dbc,
            secrets,
            cache: Mutex::new(Cache::new(settings.statement_cache)),
            busy: Mutex::new(()),
            running: Mutex::default(),
            cancelled: Condvar::new(),
            slot,
            lost: AtomicBool::new(false),
            tx: AtomicU8::new(0),
            rolled_back: AtomicBool::new(false),
            call_timeout: AtomicU64::new(0),
            evict: settings.evict.clone(),
            worn: AtomicBool::new(false),
            metrics: settings.metrics.clone(),
            spill: Arc::clone(&settings.spill),
        }
    }

    pub(crate) fn set_socket(&self, socket: std::os::fd::OwnedFd) {
        self.slot.set_socket(socket);
    }

    pub(crate) fn tx(&self) -> TxState {
        if self.is_lost() {
            return TxState::Lost;
        }
        match self.tx.load(Ordering::Acquire) {
            0 => TxState::Idle,
            1 => TxState::Open,
            _ => TxState::Failed,
        }
    }

    /// Moves: Idle → Open (begin), Open → Failed (error), Failed → Open (rollback to a savepoint), any →
    /// Idle (commit, rollback). Lost is a state of the connection and has no way out.
    pub(crate) fn set_tx(&self, tx: TxState) {
        let number = match tx {
            TxState::Idle => 0,
            TxState::Open => 1,
            TxState::Failed => 2,
            TxState::Lost => return self.mark_lost(),
        };
        self.rolled_back.store(false, Ordering::Release);
        self.tx.store(number, Ordering::Release);
    }

    /// Failed, and nothing of the transaction is left at the server.
    pub(crate) fn set_rolled_back(&self) {
        self.set_tx(TxState::Failed);
        self.rolled_back.store(true, Ordering::Release);
    }

    pub(crate) fn is_rolled_back(&self) -> bool {
        self.rolled_back.load(Ordering::Acquire)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Whether an error has come after which the options want the connection to be thrown away.
    pub(crate) fn is_worn(&self) -> bool {
        self.worn.load(Ordering::Relaxed)
    }

    fn times(&self) -> Option<&Times> {
        let metrics = self.metrics.as_ref()?;
        Some(if self.side == Side::Mirror { &metrics.mirror } else { &metrics.master })
    }

    /// The connection is of no more use. Our copy of its socket would keep it open, so it is cut.
    pub(crate) fn mark_lost(&self) {
        if !self.lost.swap(true, Ordering::AcqRel) && self.slot.has_socket() && self.dbc.is_ours() {
            self.slot.cut();
        }
    }

    pub(crate) fn call_timeout(&self) -> Option<Duration> {
        match self.call_timeout.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn set_call_timeout(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |l| u64::try_from(l.as_nanos()).unwrap_or(u64::MAX).max(1));
        self.call_timeout.store(nanos, Ordering::Relaxed);
    }

    /// Refuses where no call is possible at all.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.dbc.is_ours() {
            let text = "the connection was opened in another process; a handle inherited through fork cannot be used";
            return Err(Error::new(Status::Forked, text));
        }
        if self.is_lost() {
            return Err(self.lost_error());
        }
        Ok(())
    }

    pub(crate) fn lost_error(&self) -> Error {
        let text = format!("the connection to the {} has been lost", self.side);
        Error::database(self.side, Class::Unreachable, text, Vec::new())
    }

    /// Runs a driver's function that may wait for the server. `busy` is held by the caller.
    pub(crate) fn call(&self, stmt: &Arc<Stmt>, f: impl FnOnce() -> SqlReturn) -> Called {
        let limit = self.call_timeout();
        {
            let mut running = self.running.lock();
            running.stmt = Some(stmt.clone());
            running.cancelled = false;
        }
        let start = Instant::now();
        if let Some(limit) = limit {
            self.slot.arm(start, limit);
        }
        let ret = f();
        if let Some(times) = self.times() {
            times.since(start);
        }
        let timed_out = limit.is_some() && self.slot.disarm();
        self.call_is_over();
        // The socket was shut down, whatever the driver made of it.
        if timed_out && self.slot.has_socket() {
            self.mark_lost();
        }
        Called { ret, timed_out }
    }

    /// As `call`, for what waits for nobody where the database is a file.
    pub(crate) fn call_unless_local(&self, stmt: &Arc<Stmt>, f: impl FnOnce() -> SqlReturn) -> Called {
        match self.driver.engine() {
            super::Engine::Sqlite => Called { ret: f(), timed_out: false },
            _ => self.call(stmt, f),
        }
    }

    fn call_is_over(&self) {
        let mut running = self.running.lock();
        running.stmt = None;
        while running.cancelling > 0 {
            if self.cancelled.wait_for(&mut running, CANCEL_GRACE).timed_out() && running.cancelling > 0 {
                // It could hit a later statement.
                drop(running);
                self.mark_lost();
                return;
            }
        }
    }

    /// Asks the server to stop the running statement, on a thread of its own.
    pub(crate) fn cancel(self: &Arc<Core>) {
        if !self.dbc.is_ours() || self.is_lost() {
            return;
        }
        let mut running = self.running.lock();
        let Some(stmt) = running.stmt.clone() else { return };
        running.cancelling += 1;
        running.cancelled = true;
        drop(running);
        let stmt = self.slot.interrupt().unwrap_or(stmt);
        let core = self.clone();
        let started = watchdog::detached("twin-cancel", move || {
            watchdog::cancel(&stmt);
            core.cancel_is_over();
            let _busy = core.busy.lock();
            drop(stmt);
        });
        if !started {
            self.cancel_is_over();
        }
    }

    fn cancel_is_over(&self) {
        let mut running = self.running.lock();
        running.cancelling -= 1;
        self.cancelled.notify_all();
    }

    /// Cuts the connection: it is lost for good.
    pub(crate) fn cut(&self) {
        if self.dbc.is_ours() {
            self.lost.store(true, Ordering::Release);
            self.slot.cut();
        }
    }

    /// The error of a failed call on `stmt`, and what it does to the connection.
    pub(crate) fn failure(&self, stmt: &Stmt, called: &Called, function: &'static str) -> Error {
        self.judge(stmt.records(self.side, function), called.timed_out, function)
    }

    pub(crate) fn judge(&self, records: Vec<Record>, timed_out: bool, function: &'static str) -> Error {
        let cut = self.is_lost();
        let error = diagnostics::error(self.driver, self.side, function, records, &self.secrets);
        if error.records().iter().any(|r| self.evict.decide(&r.sqlstate) == Some(true)) {
            self.worn.store(true, Ordering::Relaxed);
        }
        // Without a socket the call was interrupted, and may have ended for another reason all the same.
        if timed_out && (self.slot.has_socket() || error.class() == Class::TimedOut) {
            let limit = self.call_timeout().unwrap_or_default().as_millis();
            let text =
                format!("{function} on the {}: no answer within {limit} ms; the call was cut", self.side);
            return Error::database(self.side, Class::TimedOut, text, error.records().to_vec());
        }
        if !timed_out && error.class() == Class::TimedOut && self.running.lock().cancelled {
            let text = format!("{function} on the {}: cancelled", self.side);
            return Error::database(self.side, Class::TimedOut, text, error.records().to_vec())
                .with_status(Status::Cancelled);
        }
        let lost = cut || error.class() == Class::Unreachable || self.driver_says_dead(&error);
        if !lost {
            return error;
        }
        self.mark_lost();
        if error.class() == Class::Unreachable {
            return error;
        }
        Error::database(self.side, Class::Unreachable, error.message(), error.records().to_vec())
    }

    /// psqlODBC's flag is memory, and true only when it has seen the loss. (MariaDB's asks the server.)
    fn driver_says_dead(&self, error: &Error) -> bool {
        self.driver.engine() == super::Engine::Postgres
            && matches!(error.sqlstate(), "" | "HY000" | "01000" | "HY001" | "HY010")
            && self.dbc.says_dead()
    }

    /// Settles what an error means for the transaction. Returns what is still to be done.
    pub(crate) fn settle(&self, error: &Error) -> Aftermath {
        if self.tx() != TxState::Open {
            return Aftermath::Open;
        }
        let aftermath = self.driver.aftermath(error.class(), error.records().first());
        if aftermath != Aftermath::Open {
            self.set_tx(TxState::Failed);
        }
        aftermath
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("side", &self.side)
            .field("engine", &self.driver.engine())
            .field("tx", &self.tx())
            .finish_non_exhaustive()
    }
}
