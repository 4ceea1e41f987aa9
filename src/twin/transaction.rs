//! A write transaction from its first statement to the caller's answer: steps 1 to 9 of
//! `docs/protocol.md`. The step numbers in the comments are those of that page.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Isolation;
use super::half::{Failure, Half};
use super::session::TwinSession;
use crate::error::{Class, Error, Result, Side, Status};
use crate::link::Outcome;
use crate::link::catalog::{NamedTable, Sequence};
use crate::pair::Turn;
use crate::pair::shared::{int, text};
use crate::pair::state::MirrorState;
use crate::queue::{Shipped, entry};
use crate::value::{Block, Value};

/// Which way a transaction goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Nothing was written yet.
    Open,
    /// On both nodes while it is open, in this epoch.
    Direct { epoch: u64 },
    /// On the master; the mirror's share goes to the queue.
    Queued,
}

/// An open transaction of a session.
#[derive(Debug)]
pub struct Tx {
    pub explicit: bool,
    pub route: Route,
    /// What the mirror must do, in order; what was undone by a savepoint is cut off.
    pub shipped: Vec<Arc<Shipped>>,
    /// (name, length of `shipped` when it was set)
    pub savepoints: Vec<(String, usize)>,
    /// Something was written that is not shipped (`/*twin:local*/`).
    pub wrote_local: bool,
    /// A table was written that may have deferred constraints or triggers, which must run before the journal.
    pub deferred: bool,
    /// BEGIN was sent to the master.
    pub begun: bool,
    /// Our turn as the master's writer, where it has one at a time; until its COMMIT.
    pub turn: Option<Turn>,
    /// The pending row carries this transaction's payload, which the queue's way must take back.
    pub(super) journaled: bool,
    /// `SET LOCAL` so far, shipped before the first statement that is.
    pub(super) locals: Vec<Shipped>,
    /// `SET LOCAL` may have given names another meaning.
    pub(super) local_names: bool,
    /// Sequences of the mirror that this transaction moves on, and up to where they are good for then.
    pub(super) advanced: Vec<(Sequence, i64)>,
    /// Tables whose facts statements of this transaction were planned by.
    pub(super) rests_on: Vec<NamedTable>,
    /// The master has said that these facts hold.
    pub(super) facts_checked: bool,
    /// It has run DDL, which no other session sees yet.
    pub(super) own_ddl: bool,
    /// Foreign pending rows as the guard saw them.
    guarded: Option<String>,
}

impl Tx {
    pub fn new(explicit: bool) -> Tx {
        Tx {
            explicit,
            route: Route::Open,
            shipped: Vec::new(),
            savepoints: Vec::new(),
            wrote_local: false,
            deferred: false,
            begun: false,
            turn: None,
            journaled: false,
            locals: Vec::new(),
            local_names: false,
            advanced: Vec::new(),
            rests_on: Vec::new(),
            facts_checked: false,
            own_ddl: false,
            guarded: None,
        }
    }
}

/// What a try to commit directly came to.
pub(super) enum Verdict {
    Committed(Status),
    /// Rule E: the state is not the one the transaction began with.
    Reroute(Route),
    /// Step 7.
    Queue(String),
}

/// How often a transaction follows a changing state before it is given back as retryable.
const REROUTES: usize = 16;

impl TwinSession {
    /// Hands a statement that the master has done to the mirror half (step 2).
    pub(super) fn ship(&mut self, statement: Shipped) {
        self.ship_locals();
        let Some(tx) = self.tx.as_mut() else { return };
        let statement = Arc::new(statement);
        tx.shipped.push(Arc::clone(&statement));
        if tx.route == Route::Open {
            match self.pair.direct_epoch() {
                Some(epoch) => {
                    tx.route = Route::Direct { epoch };
                    self.start_half(epoch);
                }
                None => tx.route = Route::Queued,
            }
        }
        if let (Some(Tx { route: Route::Direct { .. }, .. }), Some(half)) = (&self.tx, &self.half) {
            half.run(&statement);
        }
    }

    /// A half with an open transaction in this epoch; a new connection where the old one will not do.
    fn start_half(&mut self, epoch: u64) {
        if !self.half.as_ref().is_some_and(|h| h.is_usable(epoch)) {
            self.half = None;
            self.known_applied.clear();
            let half = Half::start(&self.pair.mirror, &self.settings, epoch, self.pair.setup.mirror_timeout);
            self.pair.register_half(half.shared());
            let own = vec![Value::Text(self.pair.id.clone()), Value::Int(self.slot.index)];
            half.ensure_applied(&self.pair.placed_mirror_tables().ensure_applied_sql, own);
            self.half = Some(half);
        }
        if let Some(half) = &self.half {
            half.begin();
        }
    }

    /// Runs everything on the mirror anew, in this epoch.
    pub(super) fn run_half_again(&mut self, epoch: u64) {
        if let Some(half) = &self.half {
            half.rollback();
        }
        self.start_half(epoch);
        if let (Some(tx), Some(half)) = (&self.tx, &self.half) {
            for s in &tx.shipped {
                half.run(s);
            }
        }
    }

    pub(super) fn rollback_half(&mut self) {
        if let Some(half) = &self.half {
            half.rollback();
        }
    }

    /// Commits what the session has open. Whatever the answer, the transaction is over afterwards.
    pub(super) fn commit_tx(&mut self) -> Result<Status> {
        let Some(tx) = &self.tx else { return Ok(Status::Ok) };
        let answer = if !tx.begun {
            Ok(Status::Ok)
        } else if tx.shipped.is_empty() && !tx.wrote_local {
            self.commit_unwritten()
        } else {
            self.commit_written()
        };
        if answer.is_err() {
            self.rollback_half();
            if let Some(master) = self.master.as_mut().filter(|m| !m.is_lost()) {
                let _ = master.rollback();
            }
        } else {
            self.note_advanced();
        }
        if self.tx.as_ref().is_some_and(|tx| tx.own_ddl) {
            self.pair.catalogue.forget();
        }
        self.tx = None;
        answer
    }

    /// Nothing was changed: nothing to journal, and a lost answer changes nothing either.
    fn commit_unwritten(&mut self) -> Result<Status> {
        // A statement that wrote no row may have done something else by a trigger that nobody knew of.
        self.check_facts()?;
        let answer = self.master()?.commit();
        self.rollback_half();
        match answer {
            Ok(()) => Ok(Status::Ok),
            Err(e) if e.outcome_unknown() => {
                Err(e.with_status(Status::Unreachable).with_class(Class::Unreachable))
            }
            Err(e) => Err(e),
        }
    }

    fn commit_written(&mut self) -> Result<Status> {
        let seq = self.next_seq();
        let shipped = self.tx.as_ref().map_or(&[][..], |tx| &tx.shipped);
        if shipped.is_empty() {
            return self.commit_local(seq);
        }
        let payload = entry::encode(&self.settings, shipped, &self.pair.setup.spill)
            .map_err(|e| e.context("commit: the transaction was rolled back"))?;
        for _ in 0..REROUTES {
            let route = self.tx.as_ref().map_or(Route::Queued, |tx| tx.route);
            let verdict = match route {
                Route::Direct { epoch } => self.commit_direct(epoch, seq, &payload)?,
                _ => self.commit_queued(seq, &payload, None)?,
            };
            match verdict {
                Verdict::Committed(status) => return Ok(status),
                Verdict::Reroute(route) => {
                    if let Some(tx) = &mut self.tx {
                        tx.route = route;
                    }
                    match route {
                        Route::Direct { epoch } => self.run_half_again(epoch),
                        _ => self.rollback_half(),
                    }
                }
                Verdict::Queue(reason) => {
                    self.rollback_half();
                    if let Verdict::Committed(status) = self.commit_queued(seq, &payload, Some(&reason))? {
                        return Ok(status);
                    }
                }
            }
        }
        Err(Error::new(Status::Retry, "commit: the mirror's state kept changing; repeat the transaction"))
    }

    /// The number is used up whatever comes of it: were it taken again, replay could find the position of one
    /// transaction and take it for another's.
    pub(super) fn next_seq(&mut self) -> u64 {
        self.slot.seq += 1;
        self.slot.seq
    }

    /// Guard and marker of a transaction of which the mirror gets nothing, or which is not settled yet.
    pub(super) fn mark_own_row(&mut self, seq: u64) -> Result<()> {
        self.guard()?;
        let [n, pool, slot] = self.own_row(seq);
        let pair = Arc::clone(&self.pair);
        if self.master()?.run(&pair.tables.mark_local, &[n.clone(), n, pool, slot])?.affected == 0 {
            return Err(self.fence());
        }
        Ok(())
    }

    /// Only `/*twin:local*/` statements: the slot's marker for step 9, no entry.
    fn commit_local(&mut self, seq: u64) -> Result<Status> {
        self.mark_own_row(seq)?;
        self.check_facts()?;
        self.commit_master(seq)?;
        Ok(Status::Ok)
    }

    /// (last_seq, pool, slot)
    pub(super) fn own_row(&self, seq: u64) -> [Value; 3] {
        [Value::Int(seq as i64), Value::Text(self.pair.id.clone()), Value::Int(self.slot.index)]
    }

    fn fence(&mut self) -> Error {
        self.pair.fenced.store(true, Ordering::SeqCst);
        crate::pair::shared::fenced()
    }

    /// Steps 3 to 6 and 8.
    fn commit_direct(&mut self, epoch: u64, seq: u64, payload: &[u8]) -> Result<Verdict> {
        let pair = Arc::clone(&self.pair);
        let limit = pair.setup.mirror_timeout;
        let deadline = Instant::now() + limit;

        self.guard()?;
        // Step 3, overlapping with 4 and 5.
        if !self.apply_half(seq) {
            return Ok(Verdict::Queue("no mirror connection".to_owned()));
        }

        // Step 4, rule S.
        if let Some(why) = self.wait_for_earlier(epoch, deadline) {
            return Ok(Verdict::Queue(why.to_owned()));
        }

        // Step 5.
        crate::failpoint!(&pair.setup.name, "before_journal");
        let foreign = match self.journal(epoch, seq, payload)? {
            Ok(foreign) => foreign,
            Err(verdict) => return Ok(verdict),
        };
        // The pipeline runs empty. A refusal or another outcome may be no more than being too early: a row
        // that is committed on the master can still be invisible on the mirror (step 7, first part).
        let too_early = match self.settle_half(deadline) {
            Ok(()) => None,
            Err(failure) if failure.may_be_rerun() => {
                // First of all: a half that has failed answers no questions, and rule F asks it.
                self.rollback_half();
                Some(failure)
            }
            Err(failure) => return self.give_way(epoch, &failure),
        };
        if !self.foreign_applied(&foreign, deadline) {
            return Ok(Verdict::Queue("another pool's transaction is not on the mirror yet".to_owned()));
        }
        if let Some(failure) = too_early {
            // Whoever was between when step 4 looked has left; those that came since have written nothing
            // that this transaction has seen.
            pair.counters.rerun.fetch_add(1, Ordering::Relaxed);
            self.run_half_again(epoch);
            if !self.apply_half(seq) {
                return Ok(Verdict::Queue(failure.to_string()));
            }
            if let Err(failure) = self.settle_half(deadline) {
                return self.give_way(epoch, &failure);
            }
        }
        if !self.half.as_ref().is_some_and(Half::seal) {
            return self.give_way(epoch, &Failure::Superseded);
        }

        // Step 6.
        crate::failpoint!(&pair.setup.name, "before_master_commit");
        let ticket = pair.between.enter();
        let answer = self.commit_master(seq);
        if let Err(e) = answer {
            if e.outcome_unknown() {
                // Nobody may follow directly until somebody has looked.
                pair.mark(epoch);
            }
            if let Some(half) = &self.half {
                half.unseal();
            }
            self.rollback_half();
            pair.between.leave(ticket);
            return Err(e);
        }
        crate::failpoint!(&pair.setup.name, "between_commits");
        let answer = self.half.as_ref().map_or(Err(Failure::Superseded), |h| h.commit(limit));
        crate::failpoint!(&pair.setup.name, "after_mirror_commit");
        match answer {
            Ok(()) => {
                pair.mirror.standing.has(self.slot.index, seq);
                pair.between.leave(ticket);
                pair.counters.direct.fetch_add(1, Ordering::Relaxed);
                Ok(Verdict::Committed(Status::Ok))
            }
            Err(failure) => {
                // Step 8: durable in twin_pending; replay finds in twin_applied whether it happened.
                pair.mark(epoch);
                pair.between.leave(ticket);
                self.half = None;
                let _ = pair.flip(&failure.to_string());
                pair.counters.queued.fetch_add(1, Ordering::Relaxed);
                Ok(Verdict::Committed(Status::Queued))
            }
        }
    }

    /// Step 3: deferred constraints and the position, behind the statements. False: there is no half.
    fn apply_half(&self, seq: u64) -> bool {
        let (pair, Some(half)) = (&self.pair, &self.half) else { return false };
        if let Some(sql) = self.tx.as_ref().filter(|tx| tx.deferred).and(pair.mirror_check) {
            half.check(sql);
        }
        let n = Value::Int(seq as i64);
        let term = Value::Int(pair.view().term as i64);
        let (pool, slot) = (Value::Text(pair.id.clone()), Value::Int(self.slot.index));
        half.apply(&pair.mirror_tables().apply_sql, vec![n.clone(), pool, slot, n, term]);
        half.go();
        true
    }

    /// Step 4: waits for those between their COMMITs. Why this transaction must not stay direct, if so.
    fn wait_for_earlier(&self, epoch: u64, deadline: Instant) -> Option<&'static str> {
        if !self.pair.between.wait(deadline) {
            return Some("an earlier transaction's mirror COMMIT has no answer yet");
        }
        self.pair.is_marked(epoch).then_some("an earlier transaction's mirror COMMIT failed")
    }

    fn settle_half(&self, deadline: Instant) -> Result<(), Failure> {
        match &self.half {
            // What has answered already counts also when the time is over.
            Some(half) => half.settle(deadline.saturating_duration_since(Instant::now())),
            None => Err(Failure::Superseded),
        }
    }

    /// The half cannot go on: to the queue; but where only its epoch is over, the way that the state now
    /// asks for (rule E), without a flip of our own.
    fn give_way(&mut self, epoch: u64, failure: &Failure) -> Result<Verdict> {
        if !matches!(failure, Failure::Superseded) {
            return Ok(Verdict::Queue(failure.to_string()));
        }
        if self.isolation != Isolation::ReadCommitted {
            let row = self.pair.refresh()?;
            return Ok(match row.mirror_state {
                MirrorState::InSync if row.epoch == epoch => Verdict::Queue(failure.to_string()),
                MirrorState::InSync => Verdict::Reroute(Route::Direct { epoch: row.epoch }),
                _ => Verdict::Reroute(Route::Queued),
            });
        }
        self.why_not(Some(epoch))
    }

    /// What must precede journal and marks: deferred constraints now, and the guard that waits for a drain.
    pub(super) fn guard(&mut self) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        if self.tx.as_ref().is_none_or(|tx| tx.guarded.is_some()) {
            return Ok(());
        }
        if self.tx.as_ref().is_some_and(|tx| tx.deferred)
            && let Some(sql) = self.master()?.dialect().check_constraints_now()
        {
            self.master()?.run_once(sql)?;
        }
        let mut seen = String::new();
        let tables = self.unproved().len();
        if let Some(guard) = pair.tables.guard(tables) {
            let mut params = if tables > 0 { self.versions_params() } else { Vec::new() };
            params.push(Value::Text(pair.id.clone()));
            let rows = self.master()?.query(&guard, &params)?;
            let row = rows.first().map(Vec::as_slice).unwrap_or_default();
            seen = row.get(1).map(text).unwrap_or_default();
            if tables > 0 {
                self.compare_versions(&row.first().map(text).unwrap_or_default())?;
            }
        } else if !pair.tables.journal_returns {
            self.check_facts()?;
        }
        if let Some(tx) = &mut self.tx {
            tx.guarded = Some(seen);
        }
        Ok(())
    }

    /// Step 5: the journal, as the transaction's last statement before COMMIT. The foreign pending rows that
    /// it saw, or the way the transaction must go instead.
    fn journal(&mut self, epoch: u64, seq: u64, payload: &[u8]) -> Result<Result<String, Verdict>> {
        let pair = Arc::clone(&self.pair);
        let t = &pair.tables;
        self.guard()?;
        let (pool, slot, n) =
            (Value::Text(pair.id.clone()), Value::Int(self.slot.index), Value::Int(seq as i64));
        let parts = self.write_parts(payload)?;
        let body = if parts == 0 { Value::Bytes(payload.to_vec()) } else { Value::Null };
        let mut params =
            vec![n.clone(), n, Value::Int(epoch as i64), Value::Int(parts), body, pool.clone(), slot.clone()];
        if self.isolation != Isolation::ReadCommitted {
            if self.master()?.run(&t.journal_unchecked, &params)?.affected == 0 {
                return Err(self.fence());
            }
            self.set_journaled();
            return self.check_outside(epoch);
        }
        params.push(Value::Int(epoch as i64));
        if t.journal_returns {
            params.push(pool.clone());
            params.extend(self.versions_params());
        }
        let outcome = self.master()?.run(&t.journal, &params)?;
        if outcome.affected == 0 {
            return self.why_not(Some(epoch)).map(Err);
        }
        if t.journal_returns {
            let Some(row) = returned(outcome)? else { return self.why_not(Some(epoch)).map(Err) };
            self.compare_returned(row.get(1))?;
            self.set_journaled();
            return Ok(Ok(row.first().map(text).unwrap_or_default()));
        }
        self.set_journaled();
        match self.tx.as_ref().and_then(|tx| tx.guarded.clone()).filter(|seen| !seen.is_empty()) {
            Some(seen) => Ok(Ok(seen)),
            None => self.read_foreign().map(Ok),
        }
    }

    /// The versions that the journal or a marker gave.
    pub(super) fn compare_returned(&mut self, versions: Option<&Value>) -> Result<()> {
        match self.unproved().is_empty() {
            true => Ok(()),
            false => self.compare_versions(&versions.map(text).unwrap_or_default()),
        }
    }

    fn set_journaled(&mut self) {
        if let Some(tx) = &mut self.tx {
            tx.journaled = true;
        }
    }

    /// At REPEATABLE READ and above the transaction's own snapshot is too old to see epoch and foreign rows.
    fn check_outside(&mut self, epoch: u64) -> Result<Result<String, Verdict>> {
        let pair = Arc::clone(&self.pair);
        let row = pair.refresh()?;
        if row.mirror_state != MirrorState::InSync {
            return Ok(Err(Verdict::Reroute(Route::Queued)));
        }
        if row.epoch != epoch {
            return Ok(Err(Verdict::Reroute(Route::Direct { epoch: row.epoch })));
        }
        let own = [Value::Text(pair.id.clone())];
        self.check_facts()?;
        let rows = pair.control(|link| link.query(&pair.tables.foreign, &own))?;
        Ok(Ok(rows.first().and_then(|r| r.first()).map(text).unwrap_or_default()))
    }

    /// Why a checked statement on the own row hit nothing: the state moved, or the row is gone. `epoch` is that
    /// of a direct transaction.
    pub(super) fn why_not(&mut self, epoch: Option<u64>) -> Result<Verdict> {
        let pair = Arc::clone(&self.pair);
        let own = [Value::Text(pair.id.clone()), Value::Int(self.slot.index)];
        let rows = self.master()?.query(&pair.tables.read_own, &own)?;
        let Some(row) = rows.first().filter(|r| r.len() == 3) else { return Err(self.fence()) };
        if int(&row[2]) == 0 {
            return Err(self.fence());
        }
        pair.wake();
        let now = int(&row[1]) as u64;
        Ok(match MirrorState::from_name(&text(&row[0])) {
            // In step, but not for us: an earlier transaction's mirror COMMIT failed in this epoch.
            MirrorState::InSync if pair.is_marked(now) => {
                Verdict::Queue("an earlier transaction's mirror COMMIT failed".to_owned())
            }
            MirrorState::InSync if Some(now) == epoch => {
                Verdict::Queue("the mirror half was given up".to_owned())
            }
            MirrorState::InSync => Verdict::Reroute(Route::Direct { epoch: now }),
            _ => Verdict::Reroute(Route::Queued),
        })
    }

    /// A payload above the limit goes in parts beside the pending row. The number of parts; 0: none needed.
    fn write_parts(&mut self, payload: &[u8]) -> Result<i64> {
        let pair = Arc::clone(&self.pair);
        let (pool, slot) = (Value::Text(pair.id.clone()), Value::Int(self.slot.index));
        let large = payload.len() > pair.setup.part_bytes;
        if self.slot.has_parts {
            self.master()?.run(&pair.tables.delete_pending_parts, &[pool.clone(), slot.clone()])?;
        }
        self.slot.has_parts |= large;
        if !large {
            return Ok(0);
        }
        let mut part = 0;
        for chunk in payload.chunks(pair.setup.part_bytes) {
            part += 1;
            let row = [pool.clone(), slot.clone(), Value::Int(part), Value::Bytes(chunk.to_vec())];
            self.master()?.run(&pair.tables.insert_pending_part, &row)?;
        }
        Ok(part)
    }

    fn read_foreign(&mut self) -> Result<String> {
        let pair = Arc::clone(&self.pair);
        let rows = self.master()?.query(&pair.tables.foreign, &[Value::Text(pair.id.clone())])?;
        Ok(rows.first().and_then(|r| r.first()).map(text).unwrap_or_default())
    }

    /// Rule F: whether every pending row of other pools is applied on the mirror, waiting briefly.
    fn foreign_applied(&mut self, foreign: &str, deadline: Instant) -> bool {
        // What cannot be read, or was cut off by the server, is not applied.
        let Some(rows) = parse_foreign(foreign) else { return false };
        let mut missing: HashMap<(String, i64), u64> = rows
            .into_iter()
            .filter(|(key, seq)| self.known_applied.get(key).is_none_or(|known| known < seq))
            .collect();
        let mut pause = Duration::from_micros(500);
        let tables = self.pair.mirror_tables();
        let sql = &tables.read_applied;
        while !missing.is_empty() {
            let Some(half) = &self.half else { return false };
            let Ok(rows) = half.query(sql, self.pair.setup.mirror_timeout) else { return false };
            for r in rows.iter().filter(|r| r.len() == 3) {
                let (key, seq) = ((text(&r[0]), int(&r[1])), int(&r[2]) as u64);
                if missing.get(&key).is_some_and(|wanted| *wanted <= seq) {
                    missing.remove(&key);
                }
                self.known_applied.insert(key, seq);
            }
            if missing.is_empty() {
                break;
            }
            if Instant::now() + pause > deadline {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        true
    }

    /// COMMIT on the master, with a definite answer if there is any to be had.
    pub(super) fn commit_master(&mut self, seq: u64) -> Result<()> {
        let answer = self.master()?.commit();
        // The next writer need not wait for our mirror.
        if let Some(tx) = &mut self.tx {
            tx.turn = None;
        }
        let answer = match answer {
            Err(e) if e.outcome_unknown() => self.resolve(seq, e),
            answer => answer,
        };
        if answer.is_ok() {
            self.slot.done = seq;
        }
        answer
    }

    /// Step 9: the answer to COMMIT was lost. The slot's row knows.
    fn resolve(&mut self, seq: u64, lost: Error) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        let old_session = self.master.as_ref().map_or(0, crate::link::Link::session_id);
        self.master = None;
        let deadline = Instant::now() + pair.setup.resolve_timeout;
        let own = [Value::Text(pair.id.clone()), Value::Int(self.slot.index)];
        let mut pause = Duration::from_millis(20);
        let mut last = lost;
        let mut kill = false;
        while Instant::now() < deadline {
            let looked = pair.open_master().and_then(|mut link| {
                let left = deadline.saturating_duration_since(Instant::now()) / 2;
                link.set_call_timeout(Some(left.max(Duration::from_millis(100))));
                // The row stays locked while the server still has the old transaction. Its session is ended
                // only when waiting was in vain: after a restart the number may be somebody else's.
                if kill
                    && old_session != 0
                    && let Some(sql) = link.dialect().kill_sql(old_session)
                {
                    let _ = link.query(&sql, &[]);
                }
                link.begin(true)?;
                let rows = link.query(&pair.tables.lock_last_seq, &own)?;
                link.rollback()?;
                Ok(rows.first().and_then(|r| r.first()).map(int))
            });
            match looked {
                // This connection has none of the session's settings: the session makes itself another.
                Ok(last_seq) => {
                    match last_seq {
                        // The pool was removed, and with it what could have told.
                        None => {
                            self.fence();
                            break;
                        }
                        Some(n) if n as u64 >= seq => return Ok(()),
                        Some(_) => {
                            return Err(Error::database(
                                Side::Master,
                                Class::Unreachable,
                                "the connection was lost during COMMIT; the transaction was not committed",
                                last.records().to_vec(),
                            ));
                        }
                    }
                }
                Err(e) => {
                    kill |= matches!(e.class(), Class::TimedOut | Class::Retryable);
                    last = e;
                }
            }
            std::thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(Duration::from_millis(500));
        }
        // The slot is retired: whoever opens next finds out what became of it.
        self.retired = true;
        Err(Error::database(
            Side::Master,
            Class::OutcomeUnknown,
            format!(
                "the answer to COMMIT was lost and the master could not be asked within commit.resolve_timeout_ms ({} ms): {last}",
                pair.setup.resolve_timeout.as_millis()
            ),
            last.records().to_vec(),
        ))
    }
}

/// The one row that a statement of our own gives; some drivers give no result where no row was written.
pub(super) fn returned(outcome: Outcome) -> Result<Option<Vec<Value>>> {
    let Some(mut rows) = outcome.rows else { return Ok(None) };
    let mut block = Block::default();
    let some = rows.next_block(1, &mut block)? && block.rows > 0;
    Ok(some.then(|| block.to_rows()).and_then(|rows| rows.into_iter().next()))
}

/// `count|pool:slot:seq,…`; None where it is not that, whole.
fn parse_foreign(text: &str) -> Option<Vec<((String, i64), u64)>> {
    let (count, rows) = text.split_once('|')?;
    let rows: Vec<_> = rows
        .split(',')
        .filter(|r| !r.is_empty())
        .map(|row| {
            let mut f = row.split(':');
            let pool = f.next()?.to_owned();
            Some(((pool, f.next()?.parse().ok()?), f.next()?.parse().ok()?))
        })
        .collect::<Option<_>>()?;
    (rows.len() == count.parse::<usize>().ok()?).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_rows_are_read_whole_or_not_at_all() {
        assert_eq!(parse_foreign("0|"), Some(vec![]));
        assert_eq!(parse_foreign("1|ab:3:17"), Some(vec![(("ab".to_owned(), 3), 17)]));
        for cut in ["", "2|ab:3:17", "1|ab:3", "1|ab:3:x", "|"] {
            assert_eq!(parse_foreign(cut), None, "{cut}");
        }
    }
}
