//! Replay: the queue, and what was left between two COMMITs, applied on the mirror exactly once and in
//! order. `docs/protocol.md`, "Replay", has the rules; their numbers stand in the comments.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::entry::{self, Entry, Shipped};
use crate::error::{Class, Error, Result, Side, Status};
use crate::large::{Bulk, Spill};
use crate::link::Link;
use crate::pair::intents::{self, OnMirror};
use crate::pair::locks;
use crate::pair::shared::{Pair, clip, int, now_text, text};
use crate::pair::{Event, Progress};
use crate::value::Value;

/// What is to be applied, with its durable name.
struct Due {
    pool: String,
    slot: i64,
    seq: u64,
    /// Id in the queue; None: a pending row.
    id: Option<i64>,
    entry: Entry,
    /// Size of its payload.
    bytes: usize,
}

impl Due {
    /// Whether it needs a mirror transaction of its own. `ddl`: because of DDL, too.
    fn stands_alone(&self, ddl: bool) -> bool {
        self.entry.statements.iter().any(|s| match s.expected {
            entry::DDL => ddl,
            other => other == entry::FOR_TRANSACTION,
        })
    }

    /// DDL that commits by itself, whose objects are known.
    fn is_traced(&self) -> bool {
        self.entry.statements.iter().any(|s| s.expected == entry::TRACE)
    }

    fn name(&self) -> String {
        match self.id {
            Some(id) => format!("queue entry {id}"),
            None => format!("pending transaction {}:{}:{}", self.pool, self.slot, self.seq),
        }
    }
}

type Positions = BTreeMap<(String, i64), u64>;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Entries were applied; there may be more.
    Progressed,
    /// The queue is empty and the pair in step (async mode: the queue is empty).
    Drained,
    /// The final drain found no quiet moment within its limit; go on live and try again.
    NotYet,
}

/// One process's run of replay. Holds the replay lease's number; its connections are its own.
pub struct Replayer<'a> {
    pair: &'a Pair,
    master: Link,
    mirror: Link,
    lease: i64,
    /// The queue's numbers are to begin at 1 again (rule 6).
    renumber: Renumber,
}

/// Where the renumbering of the queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renumber {
    No,
    Wanted,
    Done,
}

/// An entry the mirror refuses, or does differently.
enum Trouble {
    /// Worth trying again later.
    Passing(Error),
    /// The `n`th of what was due, and why.
    Entry(usize, Error),
}

impl From<Error> for Trouble {
    fn from(e: Error) -> Trouble {
        Trouble::Passing(e)
    }
}

impl<'a> Replayer<'a> {
    /// Takes the next lease number on the mirror. The caller holds the replay lock on the master.
    pub fn start(pair: &'a Pair, master: Link, mut mirror: Link) -> Result<Replayer<'a>> {
        let t = pair.mirror_tables();
        mirror.begin(true)?;
        mirror.run(&t.take_lease, &[])?;
        let rows = mirror.query(&t.read_lease, &[])?;
        mirror.commit()?;
        crate::failpoint!(&pair.setup.name, "lease_taken");
        let lease = rows.first().and_then(|r| r.first()).map_or(0, int);
        Ok(Replayer { pair, master, mirror, lease, renumber: Renumber::No })
    }

    /// The end of this replay lets the queue's numbers begin at 1 again.
    pub fn want_new_ids(&mut self) {
        self.renumber = Renumber::Wanted;
    }

    pub fn has_new_ids(&self) -> bool {
        self.renumber == Renumber::Done
    }

    /// Applies one batch, or drains what little is left.
    pub fn step(&mut self) -> Result<Step> {
        let due = self.read_due(false)?;
        let queued = due.iter().filter(|d| d.id.is_some()).count();
        // What is large takes longer than writers may be suspended: in a drain it would never come to its end.
        let large = due.iter().map(|d| d.bytes).sum::<usize>() >= self.pair.setup.batch_bytes;
        let alone = self.pair.view().asynchronous && !due.is_empty();
        if queued >= self.pair.setup.drain_below || large || alone {
            self.apply_and_purge(&due, false)?;
            return Ok(Step::Progressed);
        }
        if self.pair.view().asynchronous {
            self.settle_intents()?;
            return Ok(Step::Drained);
        }
        drop(due);
        self.drain()
    }

    /// Rule P: the queue is read first and the pending rows after, so that a transaction that commits between
    /// the two reads is seen in one of them; what is pending goes before what is queued.
    fn read_due(&mut self, _draining: bool) -> Result<Vec<Due>> {
        let pair = self.pair;
        let t = &pair.tables;
        let (mut queue, mut rows) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        self.master.each(&t.read_queue, &[Value::Int(pair.setup.batch_entries as i64)], |mut row| {
            // The parts of a large one are read in their turn.
            if int(&row[4]) > 1 {
                row[5] = Value::Null;
            }
            bytes += row[5].size();
            rows.push(row);
            Ok(bytes <= pair.setup.batch_bytes)
        })?;
        bytes = 0;
        for r in rows {
            let (pool, slot, seq, parts) = (text(&r[1]), int(&r[2]), int(&r[3]) as u64, int(&r[4]));
            if bytes > pair.setup.batch_bytes {
                break;
            }
            let payload = if parts > 1 {
                let name = [Value::Text(pool.clone()), Value::Int(slot), Value::Int(seq as i64)];
                joined(&mut self.master, &t.read_parts, &name, &pair.setup.spill)?
            } else {
                payload(&r[5], &pair.setup.spill)?
            };
            bytes += payload.len();
            if int(&r[0]) as u64 > pair.setup.reset_ids_above && self.renumber == Renumber::No {
                self.want_new_ids();
            }
            let entry =
                entry::decode(&payload).map_err(|e| e.context(format!("queue entry {}", int(&r[0]))))?;
            queue.push(Due { pool, slot, seq, id: Some(int(&r[0])), entry, bytes: payload.len() });
        }
        let mut due = Vec::new();
        let pending = self.master.query(&t.read_pending, &[])?;
        let applied = read_applied(&mut self.mirror, &pair.mirror_tables().read_applied)?;
        for r in pending {
            let (pool, slot, seq, parts) = (text(&r[0]), int(&r[1]), int(&r[2]) as u64, int(&r[3]));
            if applied.get(&(pool.clone(), slot)).is_some_and(|a| *a >= seq) {
                continue;
            }
            let payload = if parts > 0 {
                let name = [Value::Text(pool.clone()), Value::Int(slot)];
                joined(&mut self.master, &t.read_pending_parts, &name, &pair.setup.spill)?
            } else {
                payload(&r[4], &pair.setup.spill)?
            };
            let entry =
                entry::decode(&payload).map_err(|e| e.context(format!("pending row {pool}:{slot}")))?;
            due.push(Due { pool, slot, seq, id: None, entry, bytes: payload.len() });
        }
        due.append(&mut queue);
        Ok(due)
    }

    /// Applies what is due and purges it. An entry that fails is tried once more by itself, behind all that
    /// goes before it; if it fails again replay stops in `diverged`.
    fn apply_and_purge(&mut self, due: &[Due], in_drain: bool) -> Result<()> {
        // Session settings are not undone by a rollback: entries of one context share a transaction.
        // DDL that commits implicitly would make others durable without their positions: it stands alone.
        let ddl = self.mirror.dialect().ddl_commits();
        let may_share = |a: &Due, b: &Due| {
            a.entry.context == b.entry.context && !a.stands_alone(ddl) && !b.stands_alone(ddl)
        };
        for group in due.chunk_by(may_share) {
            let done = self.apply_group(group, in_drain);
            if group.first().is_some_and(|d| !d.entry.context.is_empty()) {
                self.undo_context()?;
            }
            done?;
        }
        Ok(())
    }

    fn apply_group(&mut self, due: &[Due], in_drain: bool) -> Result<()> {
        let mut rest = due;
        while !rest.is_empty() {
            match self.apply(rest) {
                Ok(()) => return self.purge(rest, in_drain),
                Err(Trouble::Passing(e)) => return Err(e),
                Err(Trouble::Entry(0, e)) => {
                    // Alone already, or the first: once more by itself, then it is a fact.
                    match self.apply(&rest[..1]) {
                        Ok(()) => {
                            self.purge(&rest[..1], in_drain)?;
                            rest = &rest[1..];
                        }
                        Err(Trouble::Passing(e)) => return Err(e),
                        Err(Trouble::Entry(..)) => return Err(self.diverge(&rest[0], &e)),
                    }
                }
                Err(Trouble::Entry(n, _)) => match self.apply(&rest[..n]) {
                    Ok(()) => {
                        self.purge(&rest[..n], in_drain)?;
                        rest = &rest[n..];
                    }
                    Err(Trouble::Passing(e)) => return Err(e),
                    // Something before it fails now: look at that first.
                    Err(Trouble::Entry(m, e)) => match self.apply(&rest[..m]) {
                        Ok(()) => {
                            self.purge(&rest[..m], in_drain)?;
                            rest = &rest[m..];
                        }
                        Err(_) => return Err(self.diverge(&rest[m], &e)),
                    },
                },
            }
        }
        Ok(())
    }

    /// One mirror transaction under the context of its entries: the lease, the positions, the statements, the new positions, COMMIT.
    fn apply(&mut self, due: &[Due]) -> Result<(), Trouble> {
        // Before the transaction, as on the master: SQLite's foreign_keys means nothing inside one.
        for sql in due.first().map_or(&[][..], |d| &d.entry.context) {
            self.mirror.run_session(sql).map_err(|e| match e.class() {
                Class::Refused => Trouble::Entry(0, e),
                _ => Trouble::Passing(e),
            })?;
        }
        match due {
            [ddl] if ddl.is_traced() => self.apply_ddl(ddl),
            _ => self.apply_once(due, OnMirror::Run, ""),
        }
    }

    /// DDL that commits by itself, and its position behind it: whoever dies in between has left the DDL without the
    /// position. Under a lock that is held as long as the connection has something running, as on the master.
    fn apply_ddl(&mut self, due: &Due) -> Result<(), Trouble> {
        let pair = self.pair;
        let name = intents::lock_name(pair, Side::Mirror);
        if !locks::hold(&mut self.mirror, &name, pair.setup.suspend_timeout)? {
            let text = "replay: DDL of an earlier replay is still running on the mirror";
            return Err(Error::new(Status::Retry, text).into());
        }
        let database = intents::database(&mut self.mirror)?;
        crate::failpoint!(&pair.setup.name, "before_mirror_ddl");
        let alone = std::slice::from_ref(due);
        let how = intents::on_mirror(pair, &due.entry, &database)?;
        let mut done = self.apply_once(alone, how, &database);
        // Refused with the same effect as on the master, which had refused it too: DROP of one that is and one
        // that is not.
        if matches!(done, Err(Trouble::Entry(..)))
            && intents::on_mirror(pair, &due.entry, &database)? == OnMirror::There
        {
            done = self.apply_once(alone, OnMirror::There, &database);
        }
        if !self.mirror.is_lost() {
            locks::let_go(&mut self.mirror, &name)?;
        }
        done
    }

    fn apply_once(&mut self, due: &[Due], how: OnMirror, database: &str) -> Result<(), Trouble> {
        self.mirror.begin(true)?;
        let done = self.apply_in_tx(due, how, database);
        match done {
            Ok(()) => {
                crate::failpoint!(&self.pair.setup.name, "before_replay_commit");
                self.mirror.commit().map_err(Trouble::Passing)
            }
            Err(trouble) => {
                if !self.mirror.is_lost() {
                    self.mirror.rollback()?;
                }
                Err(trouble)
            }
        }
    }

    fn apply_in_tx(&mut self, due: &[Due], how: OnMirror, database: &str) -> Result<(), Trouble> {
        let t = self.pair.mirror_tables();
        let lease = self.mirror.query(&t.lock_lease, &[])?;
        if lease.first().and_then(|r| r.first()).map(int) != Some(self.lease) {
            return Err(Error::new(Status::Retry, "replay: another process has taken over").into());
        }
        // Rule 2: a missing position must not read as "already applied"; a live direct transaction of the
        // slot holds its row, so this waits for it.
        let mut positions = Positions::new();
        for d in due {
            positions.entry((d.pool.clone(), d.slot)).or_insert(0);
        }
        for ((pool, slot), seq) in &mut positions {
            let name = [Value::Text(pool.clone()), Value::Int(*slot)];
            let mut rows = self.mirror.query(&t.lock_applied, &name)?;
            if rows.is_empty() {
                self.mirror.run(&t.insert_applied, &name)?;
                rows = self.mirror.query(&t.lock_applied, &name)?;
            }
            *seq = rows.first().and_then(|r| r.first()).map_or(0, int) as u64;
        }
        let before = positions.clone();
        let mut fresh: Vec<(usize, &Due)> = Vec::new();
        for (n, d) in due.iter().enumerate() {
            if let Some(seq) = positions.get_mut(&(d.pool.clone(), d.slot)).filter(|seq| **seq < d.seq) {
                *seq = d.seq;
                fresh.push((n, d));
            }
        }
        // Behind the lease and the position: to a replay that was overtaken everything looks strange.
        if let (OnMirror::Unlike, Some((_, ddl))) = (how, fresh.first()) {
            return Err(unlike(ddl));
        }
        if how != OnMirror::There {
            self.run_entries(&fresh)?;
        }
        if due.iter().any(Due::is_traced) {
            crate::failpoint!(&self.pair.setup.name, "mirror_ddl_done");
        }
        if let (OnMirror::RunAndCompare, Some((_, ddl))) = (how, fresh.first())
            && !intents::is_alike(self.pair, &ddl.entry, database)?
        {
            return Err(unlike(ddl));
        }
        if let Some(sql) = self.pair.mirror_check.filter(|_| !fresh.is_empty()) {
            self.mirror.run_once(sql).map_err(|e| match e.class() {
                Class::Refused => Trouble::Entry(0, e),
                _ => Trouble::Passing(e),
            })?;
        }
        for ((pool, slot), seq) in &positions {
            if before.get(&(pool.clone(), *slot)) != Some(seq) {
                let row = [Value::Int(*seq as i64), Value::Text(pool.clone()), Value::Int(*slot)];
                self.mirror.run(&t.set_applied, &row)?;
            }
        }
        Ok(())
    }

    /// Entries of one session context, in as few round trips as the driver allows.
    fn run_entries(&mut self, group: &[(usize, &Due)]) -> Result<(), Trouble> {
        let flat: Vec<(usize, &Arc<Shipped>)> = group
            .iter()
            .flat_map(|(n, d)| d.entry.statements.iter().map(move |s| (*n, s)))
            .filter(|(_, s)| s.expected != entry::TRACE)
            .collect();
        let texts: Vec<(&str, &[Value])> = flat.iter().map(|(_, s)| (&*s.sql, s.params.as_slice())).collect();
        // What stands behind a setting of the transaction must not be read before it holds.
        let local = flat.iter().any(|(_, s)| s.expected == entry::FOR_TRANSACTION);
        match if local { self.one_by_one(&flat) } else { self.mirror.run_many(&texts) } {
            Ok(counts) => {
                for ((n, s), mirror) in flat.iter().zip(counts) {
                    if s.expected >= 0 && mirror >= 0 && mirror != s.expected {
                        let what = crate::sql::summary(&s.sql);
                        let message =
                            format!("the master wrote {} rows and the mirror {mirror}: {what}", s.expected);
                        return Err(Trouble::Entry(
                            *n,
                            Error::database(Side::Mirror, Class::Refused, message, Vec::new()),
                        ));
                    }
                }
            }
            Err((i, e)) => {
                let n = flat.get(i).map_or(0, |f| f.0);
                return Err(match e.class() {
                    Class::Refused => Trouble::Entry(n, e),
                    _ => Trouble::Passing(e),
                });
            }
        }
        Ok(())
    }

    fn one_by_one(&mut self, flat: &[(usize, &Arc<Shipped>)]) -> Result<Vec<i64>, (usize, Error)> {
        let one = |(i, (_, s)): (usize, &(usize, &Arc<Shipped>))| {
            let done = match s.expected {
                entry::FOR_TRANSACTION => self.mirror.run_for_transaction(&s.sql),
                _ => self.mirror.run(&s.sql, &s.params),
            };
            done.map(|outcome| outcome.affected).map_err(|e| (i, e))
        };
        flat.iter().enumerate().map(one).collect()
    }

    /// Session statements do not end with the transaction everywhere: back to how a new session is.
    fn undo_context(&mut self) -> Result<()> {
        let dialect = self.mirror.dialect();
        if dialect.must_discard() {
            self.mirror = self.pair.open_mirror()?;
            return Ok(());
        }
        for sql in dialect.reset_sql() {
            self.mirror.run_once(sql)?;
        }
        self.mirror.restart_session()
    }

    /// Deletes from the queue what the mirror has durably. By name, never by id (H14): everything of a slot
    /// up to its applied number is applied.
    fn purge(&mut self, done: &[Due], in_drain: bool) -> Result<()> {
        crate::failpoint!(&self.pair.setup.name, "before_purge");
        let mut upto: HashMap<(&str, i64), u64> = HashMap::new();
        for d in done.iter().filter(|d| d.id.is_some()) {
            let seq = upto.entry((&d.pool, d.slot)).or_insert(0);
            *seq = (*seq).max(d.seq);
        }
        let mut turn = None;
        if !in_drain && !upto.is_empty() {
            turn = self.pair.writers_turn()?;
            self.master.begin(true)?;
        }
        for ((pool, slot), seq) in &upto {
            let name = [Value::Text((*pool).to_owned()), Value::Int(*slot), Value::Int(*seq as i64)];
            self.master.run(&self.pair.tables.purge, &name)?;
        }
        if !in_drain && !upto.is_empty() {
            crate::failpoint!(&self.pair.setup.name, "before_purge_commit");
            self.master.commit()?;
        }
        drop(turn);
        self.pair.counters.replayed.fetch_add(done.len() as u64, Ordering::Relaxed);
        let progress = {
            let mut seen = self.pair.seen.lock();
            seen.replay_done += done.len() as u64;
            seen.queue_entries = seen.queue_entries.saturating_sub(done.len() as u64);
            Progress { done: seen.replay_done, left: seen.queue_entries }
        };
        self.pair.tell(&Event::Replay(progress));
        Ok(())
    }

    /// Rule 4: what cannot be applied stops replay; the queue keeps growing and loses nothing.
    fn diverge(&mut self, due: &Due, e: &Error) -> Error {
        let state = if e.sqlstate().is_empty() { String::new() } else { format!(" [{}]", e.sqlstate()) };
        let reason = clip(&format!("{} was refused by the mirror{state}: {e}", due.name()));
        self.pair.counters.failed.fetch_add(1, Ordering::Relaxed);
        // What a drain has purged so far is durable on the mirror.
        if self.master.tx() == crate::link::TxState::Open {
            let _ = self.master.commit();
        }
        if let Err(e) = self.pair.stop_replay(&reason) {
            return e;
        }
        Error::new(Status::Diverged, reason)
    }

    /// Rule 3: writers wait at their journal while the rest is drained and the state set to `in_sync`.
    fn drain(&mut self) -> Result<Step> {
        let deadline = Instant::now() + self.pair.setup.suspend_timeout;
        self.master.set_lock_timeout(Some(self.pair.setup.suspend_timeout))?;
        self.mirror.set_lock_timeout(Some(self.pair.setup.suspend_timeout))?;
        let done = self.drain_until(deadline);
        if self.master.tx() != crate::link::TxState::Idle && !self.master.is_lost() {
            self.master.rollback()?;
        }
        let restored = self
            .master
            .set_lock_timeout(self.pair.master_settings.lock_timeout)
            .and_then(|()| self.mirror.set_lock_timeout(self.pair.mirror.settings.lock_timeout));
        match done {
            Err(e) if matches!(e.class(), Class::Retryable | Class::TimedOut) && restored.is_ok() => {
                log::debug!(target: "twinpool::replay", "the final drain gave way: {e}");
                Ok(Step::NotYet)
            }
            Ok(step) => restored.map(|()| step),
            Err(e) => Err(e),
        }
    }

    fn settle_intents(&mut self) -> Result<()> {
        match intents::look(self.pair, None)? {
            true => Err(Error::new(Status::Diverged, intents::QUESTION)),
            false => Ok(()),
        }
    }

    fn drain_until(&mut self, deadline: Instant) -> Result<Step> {
        let pair = self.pair;
        let _turn = pair.writers_turn()?;
        self.master.begin(true)?;
        if let Some(lock) = &pair.tables.drain_lock {
            self.master.run_once(lock)?;
        }
        crate::failpoint!(&pair.setup.name, "drain_locked");
        loop {
            if Instant::now() >= deadline {
                return Ok(Step::NotYet);
            }
            let due = self.read_due(true)?;
            if due.is_empty() {
                break;
            }
            self.apply_and_purge(&due, true)?;
        }
        let intents = self.master.query(&pair.tables.count_intents, &[])?;
        if intents.first().and_then(|r| r.first()).map(int) != Some(0) {
            self.master.rollback()?;
            self.settle_intents()?;
            return Ok(Step::NotYet);
        }
        let by_ddl = self.master.dialect().ddl_commits();
        if self.renumber == Renumber::Wanted && !by_ddl {
            self.new_ids_in_the_drain()?;
        }
        crate::failpoint!(&pair.setup.name, "before_in_sync");
        let row = [Value::Text(now_text()), Value::Text(pair.id.clone())];
        let hit = self.master.run(&pair.tables.set_in_sync, &row)?.affected;
        self.master.commit()?;
        if self.renumber == Renumber::Wanted && by_ddl {
            self.new_ids_by_ddl()?;
        }
        crate::failpoint!(&pair.setup.name, "after_in_sync");
        pair.refresh()?;
        Ok(if hit == 1 { Step::Drained } else { Step::NotYet })
    }
}

/// Rule 6: the queue's numbers begin at 1 again, while the queue is empty and every writer waits. Nothing is
/// ever found by a number that it had: entries are deleted by name. Where it is not allowed it is left.
impl Replayer<'_> {
    fn new_ids_in_the_drain(&mut self) -> Result<()> {
        let (sql, params) = self.pair.tables.renumber();
        self.master.run_once("SAVEPOINT twin_ids")?;
        self.renumber = match self.master.query(&sql, &params) {
            Ok(_) => Renumber::Done,
            Err(e) if e.is_lost() => return Err(e),
            Err(e) => {
                log::warn!(target: "twinpool::replay", "{}: the queue's numbers go on: {e}", self.pair.setup.name);
                self.master.run_once("ROLLBACK TO SAVEPOINT twin_ids")?;
                Renumber::No
            }
        };
        self.master.run_once("RELEASE SAVEPOINT twin_ids").map(drop)
    }

    /// Where DDL commits by itself it comes right behind the drain. Its lock on the table waits for every
    /// transaction that has appended, so nobody can still come with an old number; and should somebody append
    /// before it, the numbers go on from there.
    fn new_ids_by_ddl(&mut self) -> Result<()> {
        let mut link = self.pair.open_master()?;
        link.set_lock_timeout(Some(self.pair.setup.suspend_timeout))?;
        for _ in 0..5 {
            let rows = link.query(&self.pair.tables.read_queue_size, &[])?;
            if rows.first().and_then(|r| r.first()).map(int) != Some(0) {
                break;
            }
            match link.run_once(&self.pair.tables.renumber().0) {
                Ok(_) => {
                    self.renumber = Renumber::Done;
                    break;
                }
                Err(e) if matches!(e.class(), Class::Retryable | Class::TimedOut) => {}
                Err(e) => {
                    log::warn!(target: "twinpool::replay", "{}: the queue's numbers go on: {e}", self.pair.setup.name);
                    self.renumber = Renumber::No;
                    break;
                }
            }
        }
        Ok(())
    }
}

/// DDL of a dead process whose effect on the master is not what it does here.
fn unlike(ddl: &Due) -> Trouble {
    let what = ddl.entry.statements.last().map(|s| crate::sql::summary(&s.sql)).unwrap_or_default();
    let text = format!(
        "its process died in it, and whether it happened cannot be told: its objects were changed in another way, too: {what}"
    );
    Trouble::Entry(0, Error::database(Side::Mirror, Class::Refused, text, Vec::new()))
}

/// A payload column, however the driver delivered it.
fn payload(v: &Value, spill: &Arc<Spill>) -> Result<Bulk> {
    let mut whole = Bulk::new();
    whole.append(bytes_of(v), spill)?;
    Ok(whole)
}

fn bytes_of(v: &Value) -> &[u8] {
    v.bytes().or_else(|| v.text().map(str::as_bytes)).unwrap_or_default()
}

/// The parts of a payload, put together as they are read.
fn joined(link: &mut Link, sql: &str, name: &[Value], spill: &Arc<Spill>) -> Result<Bulk> {
    let mut whole = Bulk::new();
    link.each(sql, name, |row| {
        whole.append(row.first().map(bytes_of).unwrap_or_default(), spill)?;
        Ok(true)
    })?;
    Ok(whole)
}

/// Positions of all slots on the mirror.
pub fn read_applied(mirror: &mut Link, sql: &str) -> Result<Positions> {
    let rows = mirror.query(sql, &[])?;
    Ok(rows.iter().map(|r| ((text(&r[0]), int(&r[1])), int(&r[2]) as u64)).collect())
}

/// How long a replayer waits after a failure, twice as long each time.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    min: Duration,
    max: Duration,
}

impl Backoff {
    pub fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { next: min, min, max }
    }
    pub fn reset(&mut self) {
        self.next = self.min;
    }
    pub fn pause(&mut self) -> Duration {
        let now = self.next;
        self.next = (self.next * 2).min(self.max);
        now
    }
}
