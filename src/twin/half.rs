//! The mirror half: a session's mirror connection on a worker thread of its own.
//!
//! The session hands over each statement once the master has done it, and goes on; the worker runs them on
//! the mirror, several in one message where they have gathered, and compares the outcomes. Only at commit
//! does the session wait, and never longer than `mirror.timeout_ms`: past that the connection is cut and the
//! worker left to end by itself.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use super::session::validate;
use crate::config::Validation;
use crate::error::{Class, Error, Side, Status};
use crate::link::{Canceller, Link, LinkSettings};
use crate::pair::restored::Standing;
use crate::queue::{Shipped, entry};
use crate::value::Value;

/// How to reach the mirror.
pub struct MirrorTarget {
    /// Its credentials may change while the pool is open.
    pub connection: RwLock<String>,
    pub settings: LinkSettings,
    /// What it is known to have.
    pub standing: Standing,
}

impl MirrorTarget {
    /// A copy: nobody holds the lock while connecting.
    pub fn connection_string(&self) -> String {
        self.connection.read().clone()
    }
}

/// Why a half cannot be committed as it is.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The mirror did something else than the master: run the half again once, it may have been too early.
    Mismatch { sql: Arc<str>, master: i64, mirror: i64 },
    /// The mirror refused a statement, or lost a race for locks: likewise.
    Refused(Error),
    /// The connection is gone or a limit has passed: the half is over.
    Gone(Error),
    /// The pool gave it up because the epoch it ran in is over.
    Superseded,
}

impl Failure {
    /// Whether running the half again may help.
    pub fn may_be_rerun(&self) -> bool {
        matches!(self, Failure::Mismatch { .. } | Failure::Refused(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Mismatch { sql, master, mirror } => {
                let sql = crate::sql::summary(sql);
                write!(f, "the master wrote {master} rows and the mirror {mirror}: {sql}")
            }
            Failure::Refused(e) | Failure::Gone(e) => write!(f, "{e}"),
            Failure::Superseded => f.write_str("the mirror's state changed"),
        }
    }
}

/// So many jobs wake the worker before anybody waits for it.
const SOME: usize = 8;
/// So many statements go to the mirror in one message, at most.
const MESSAGE: usize = 64;

/// What the worker is told to do, in order.
#[derive(Debug)]
enum Job {
    Begin,
    Run(Arc<Shipped>),
    /// Session statements: outcome not compared; what follows may depend on them, so failing ends the half.
    Session(String),
    /// Constraints that were deferred, before the end of the transaction.
    Check(String),
    /// The position update: (sql, parameters); must hit one row.
    Apply(Arc<str>, Vec<Value>),
    /// Makes the slot's position row when it is missing; cannot fail on "exists already".
    EnsureApplied(Arc<str>, Vec<Value>),
    /// Whether the mirror answers, asked while nobody needs it.
    Ping(Validation, Duration),
    /// A short read of ours, answered through `Inner::answer`.
    Query(String),
    Commit,
    Rollback,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: VecDeque<Job>,
    running: bool,
    failure: Option<Failure>,
    canceller: Option<Canceller>,
    /// The session is past the point where the half may be given up by anyone else.
    sealed: bool,
    /// The session no longer wants this worker.
    quit: bool,
    /// Counts rollbacks: what fails after its transaction was rolled back is no news.
    round: u64,
    answer: Vec<Vec<Value>>,
}

/// Shared by session, worker and monitor.
#[derive(Debug)]
pub struct Shared {
    /// Protects everything of the half; no other lock is taken while it is held.
    inner: Mutex<Inner>,
    to_worker: Condvar,
    to_session: Condvar,
    /// The epoch in which this half may be direct.
    pub epoch: u64,
}

impl Shared {
    /// Rolls back a half whose epoch is over, unless its session is already past the master's COMMIT.
    /// Called by the monitor, so that an idle transaction does not block replay.
    pub fn give_up(&self) {
        let mut inner = self.inner.lock();
        if !inner.sealed && !inner.quit {
            inner.failure.get_or_insert(Failure::Superseded);
            inner.jobs.clear();
            inner.jobs.push_back(Job::Rollback);
            self.to_worker.notify_one();
        }
    }

    /// Cuts the connection, e.g. because the state is known to be bad.
    fn cut(&self) {
        let canceller = self.inner.lock().canceller.clone();
        if let Some(c) = canceller {
            c.cut();
        }
    }
}

/// The session's handle on its mirror half.
#[derive(Debug)]
pub struct Half {
    shared: Arc<Shared>,
}

impl Half {
    /// Starts a worker that connects first. Never blocks; a failure to connect shows at the first wait.
    pub fn start(target: &Arc<MirrorTarget>, settings: &[String], epoch: u64, limit: Duration) -> Half {
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner::default()),
            to_worker: Condvar::new(),
            to_session: Condvar::new(),
            epoch,
        });
        {
            let mut inner = shared.inner.lock();
            inner.jobs.extend(settings.iter().cloned().map(Job::Session));
            inner.running = true;
        }
        let (theirs, target) = (Arc::clone(&shared), Arc::clone(target));
        let spawned = crate::thread::spawn("twinpool-half", move || work(&theirs, &target, limit));
        if let Err(e) = spawned {
            let mut inner = shared.inner.lock();
            inner.running = false;
            let e = Error::new(Status::Internal, format!("a mirror worker cannot be started: {e}"));
            inner.failure = Some(Failure::Gone(e));
        }
        Half { shared }
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn send(&self, job: Job) {
        let mut inner = self.shared.inner.lock();
        if inner.failure.is_none() {
            inner.jobs.push_back(job);
            // Waking the worker for each statement costs more than it gains: a few go in one message.
            if inner.jobs.len() >= SOME {
                self.shared.to_worker.notify_one();
            }
        }
    }

    /// Lets the worker begin with what it was given so far.
    pub fn go(&self) {
        self.shared.to_worker.notify_one();
    }

    pub fn begin(&self) {
        self.send(Job::Begin);
    }
    pub fn run(&self, s: &Arc<Shipped>) {
        self.send(Job::Run(Arc::clone(s)));
    }
    pub fn check(&self, sql: &str) {
        self.send(Job::Check(sql.to_owned()));
    }
    pub fn session(&self, sql: &str) {
        self.send(Job::Session(sql.to_owned()));
    }
    pub fn apply(&self, sql: &Arc<str>, params: Vec<Value>) {
        self.send(Job::Apply(Arc::clone(sql), params));
    }
    pub fn ensure_applied(&self, sql: &Arc<str>, params: Vec<Value>) {
        self.send(Job::EnsureApplied(Arc::clone(sql), params));
    }

    /// Lets the worker ask the mirror whether it answers within `limit`. Nobody waits for it: when it does not, the half
    /// is gone, and the next transaction begins with a new one.
    pub fn ping(&self, validation: &Validation, limit: Duration) {
        self.send(Job::Ping(validation.clone(), limit));
        self.go();
    }

    /// Reads something of ours on the mirror, behind everything handed over before.
    pub fn query(&self, sql: &str, limit: Duration) -> Result<Vec<Vec<Value>>, Failure> {
        self.send(Job::Query(sql.to_owned()));
        self.settle(limit)?;
        Ok(std::mem::take(&mut self.shared.inner.lock().answer))
    }

    /// Waits until everything handed over is done. On expiry the connection is cut and the half is gone.
    pub fn settle(&self, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        let mut inner = self.shared.inner.lock();
        self.shared.to_worker.notify_one();
        loop {
            if !inner.running && inner.jobs.is_empty() {
                return inner.failure.clone().map_or(Ok(()), Err);
            }
            if let (Some(f @ Failure::Gone(_)), false) = (&inner.failure, inner.running) {
                return Err(f.clone());
            }
            if self.shared.to_session.wait_until(&mut inner, deadline).timed_out()
                && (inner.running || !inner.jobs.is_empty())
            {
                break;
            }
        }
        let message =
            format!("the mirror did not answer within mirror.timeout_ms ({} ms)", limit.as_millis());
        let gone = Failure::Gone(Error::database(Side::Mirror, Class::TimedOut, message, Vec::new()));
        inner.failure = Some(gone.clone());
        inner.jobs.clear();
        inner.quit = true;
        drop(inner);
        self.shared.cut();
        Err(gone)
    }

    /// From here on only the session decides on the half. False: the monitor was faster, it is given up.
    pub fn seal(&self) -> bool {
        let mut inner = self.shared.inner.lock();
        if inner.failure.is_some() {
            return false;
        }
        inner.sealed = true;
        true
    }

    /// Takes the seal off, after the master's COMMIT was refused.
    pub fn unseal(&self) {
        self.shared.inner.lock().sealed = false;
    }

    /// Commits and waits for the answer.
    pub fn commit(&self, limit: Duration) -> Result<(), Failure> {
        self.send(Job::Commit);
        let answer = self.settle(limit);
        self.shared.inner.lock().sealed = false;
        answer
    }

    /// Rolls back what is open and forgets a failure of its statements, so that it can be used again; a
    /// half that is gone stays gone.
    pub fn rollback(&self) {
        let mut inner = self.shared.inner.lock();
        inner.sealed = false;
        if matches!(inner.failure, Some(Failure::Gone(_) | Failure::Superseded)) {
            return;
        }
        inner.failure = None;
        inner.round += 1;
        // What sets the connection up is no part of the transaction.
        inner.jobs.retain(|j| matches!(j, Job::Session(_) | Job::EnsureApplied(..)));
        inner.jobs.push_back(Job::Rollback);
        self.shared.to_worker.notify_one();
    }

    /// Whether it can serve a transaction of this epoch.
    pub fn is_usable(&self, epoch: u64) -> bool {
        let inner = self.shared.inner.lock();
        self.shared.epoch == epoch
            && !inner.quit
            && !matches!(inner.failure, Some(Failure::Gone(_) | Failure::Superseded))
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        let mut inner = self.shared.inner.lock();
        inner.quit = true;
        // What runs may hang on a node that does not answer: nobody waits for it any more.
        let hanging = inner.running;
        self.shared.to_worker.notify_one();
        drop(inner);
        if hanging {
            self.shared.cut();
        }
    }
}

fn connect(shared: &Shared, target: &MirrorTarget, limit: Duration) -> Result<Link, Error> {
    let mut link = Link::open(Side::Mirror, &target.connection_string(), &target.settings)?;
    link.set_call_timeout(Some(limit));
    shared.inner.lock().canceller = Some(link.canceller());
    target.standing.look(&mut link)?;
    Ok(link)
}

fn work(shared: &Shared, target: &MirrorTarget, limit: Duration) {
    let mut link = match connect(shared, target, limit) {
        Ok(link) => link,
        Err(e) => {
            let mut inner = shared.inner.lock();
            inner.failure = Some(Failure::Gone(e));
            inner.jobs.clear();
            inner.running = false;
            inner.quit = true;
            shared.to_session.notify_all();
            return;
        }
    };
    loop {
        let (job, round) = {
            let mut inner = shared.inner.lock();
            loop {
                if inner.quit {
                    inner.running = false;
                    inner.jobs.clear();
                    shared.to_session.notify_all();
                    return;
                }
                if let Some(job) = inner.jobs.pop_front() {
                    inner.running = true;
                    // After a failure only a rollback means anything.
                    if inner.failure.is_some() && !matches!(job, Job::Rollback) {
                        continue;
                    }
                    break (job, inner.round);
                }
                if inner.running {
                    inner.running = false;
                    shared.to_session.notify_all();
                }
                shared.to_worker.wait(&mut inner);
            }
        };
        let more = match &job {
            // What stands behind a setting must not be read before it holds.
            Job::Run(s) if s.expected == entry::FOR_TRANSACTION => Vec::new(),
            Job::Run(_) | Job::Apply(..) => take_more(shared, round),
            _ => Vec::new(),
        };
        let done = if more.is_empty() {
            perform(shared, &mut link, &job)
        } else {
            perform_all(&mut link, &job, &more)
        };
        if let Err(failure) = done {
            let mut inner = shared.inner.lock();
            let gone = matches!(failure, Failure::Gone(_));
            if !gone && inner.round != round {
                continue;
            }
            inner.quit |= gone;
            inner.failure.get_or_insert(failure);
            inner.jobs.retain(|j| matches!(j, Job::Rollback));
        }
    }
}

/// The statements that stand directly behind one that is about to run.
fn take_more(shared: &Shared, round: u64) -> Vec<Job> {
    let mut more = Vec::new();
    let mut inner = shared.inner.lock();
    while inner.round == round
        && inner.failure.is_none()
        && more.len() < MESSAGE
        && match inner.jobs.front() {
            Some(Job::Run(s)) => s.expected != entry::FOR_TRANSACTION,
            other => matches!(other, Some(Job::Apply(..))),
        }
    {
        more.extend(inner.jobs.pop_front());
    }
    more
}

/// Several statements in one message. Which of them failed does not matter: the half is run again or given up.
fn perform_all(link: &mut Link, first: &Job, more: &[Job]) -> Result<(), Failure> {
    let jobs: Vec<&Job> = std::iter::once(first).chain(more).collect();
    let texts: Vec<(&str, &[Value])> = jobs
        .iter()
        .filter_map(|job| match job {
            Job::Run(s) => Some((&*s.sql, s.params.as_slice())),
            Job::Apply(sql, params) => Some((&**sql, params.as_slice())),
            _ => None,
        })
        .collect();
    let counts = link.run_batch(&texts).map_err(judge)?;
    for (job, count) in jobs.iter().zip(counts) {
        match job {
            Job::Run(s) => compare(s, count)?,
            _ => positioned(count)?,
        }
    }
    Ok(())
}

fn judge(e: Error) -> Failure {
    match e.class() {
        Class::Unreachable | Class::OutcomeUnknown | Class::TimedOut => Failure::Gone(e),
        _ => Failure::Refused(e),
    }
}

/// Promise 5: the outcome is the master's, or it is known that it is not.
fn compare(s: &Shipped, mirror: i64) -> Result<(), Failure> {
    if s.expected >= 0 && mirror >= 0 && mirror != s.expected {
        return Err(Failure::Mismatch { sql: Arc::clone(&s.sql), master: s.expected, mirror });
    }
    Ok(())
}

fn positioned(hit: i64) -> Result<(), Failure> {
    match hit {
        1 => Ok(()),
        n => Err(Failure::Refused(Error::new(
            Status::Fenced,
            format!("the mirror's position of this session was not where it should be ({n} rows)"),
        ))),
    }
}

fn perform(shared: &Shared, link: &mut Link, job: &Job) -> Result<(), Failure> {
    match job {
        Job::Begin => link.begin(true).map_err(judge),
        Job::Run(s) if s.expected == entry::FOR_TRANSACTION => {
            link.run_for_transaction(&s.sql).map(drop).map_err(judge)
        }
        Job::Run(s) => compare(s, link.run(&s.sql, &s.params).map_err(judge)?.affected),
        Job::Session(sql) => link.run_session(sql).map(drop).map_err(Failure::Gone),
        Job::Ping(validation, limit) => validate(link, validation, *limit).map_err(Failure::Gone),
        Job::Check(sql) => link.run_once(sql).map(drop).map_err(judge),
        Job::Query(sql) => {
            let rows = link.query(sql, &[]).map_err(judge)?;
            shared.inner.lock().answer = rows;
            Ok(())
        }
        Job::Apply(sql, params) => positioned(link.run(sql, params).map_err(judge)?.affected),
        Job::EnsureApplied(sql, params) => link.run(sql, params).map(drop).map_err(Failure::Gone),
        // A refused COMMIT is not run again: the master has committed, replay must look.
        Job::Commit => link.commit().map_err(Failure::Gone),
        Job::Rollback => link.rollback().map_err(judge),
    }
}
