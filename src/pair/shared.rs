//! What the sessions, the monitor and the replayer of one pool share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use super::between::Between;
use super::catalogue::{Catalogue, Names};
use super::gate::{Gate, Turn, Waiter};
use super::limits::Limits;
use super::restored::Standing;
use super::state::{ABANDONED, MirrorState, StateRow};
use super::tables::{FORMAT, Tables};
use super::{Event, Listener};
use crate::config::QueueSettings;
use crate::config::Validation;
use crate::error::{Error, Result, Side, Status};
use crate::large::Spill;
use crate::link::catalog::{Sequence, TableFacts};
use crate::link::dialects::dialect;
use crate::link::{Link, LinkSettings};
use crate::metrics::Metrics;
use crate::sql::Classifier;
use crate::twin::half::{MirrorTarget, Shared as HalfShared};
use crate::value::{Isolation, Value};

/// The options that the protocol needs, in their inner form.
#[derive(Clone, Debug)]
pub struct Setup {
    pub name: String,
    pub mirror_timeout: Duration,
    pub retry_min: Duration,
    pub retry_max: Duration,
    pub poll: Duration,
    pub resolve_timeout: Duration,
    pub verify_read_timeout: Duration,
    pub suspend_timeout: Duration,
    pub batch_entries: usize,
    pub batch_bytes: usize,
    pub drain_below: usize,
    pub reset_ids_above: u64,
    pub part_bytes: usize,
    /// Which values go to a file.
    pub spill: Arc<Spill>,
    pub refuse_unsafe: bool,
    /// How old may be what no version of the catalogue tells.
    pub catalogue_age: Duration,
    pub asynchronous: bool,
    /// What sessions are like when they leave the pool.
    pub isolation: Isolation,
    pub read_only: bool,
    pub schema: Option<String>,
    /// How a session, and the mirror when it comes back, are asked whether they live.
    pub master_validation: Validation,
    pub mirror_validation: Validation,
}

/// What this pool last saw of `twin_state`.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub state: MirrorState,
    pub epoch: u64,
    pub term: u64,
    pub asynchronous: bool,
    /// Nothing is queued for the mirror any more.
    pub abandoned: bool,
}

/// Counters since the pool was opened.
#[derive(Debug, Default)]
pub struct Counters {
    pub direct: AtomicU64,
    pub queued: AtomicU64,
    pub replayed: AtomicU64,
    pub failed: AtomicU64,
    pub rerun: AtomicU64,
}

/// Figures the monitor refreshes.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub reason: String,
    pub mirror_reachable: bool,
    pub queue_entries: u64,
    pub queue_bytes: u64,
    pub queue_oldest: Option<u64>,
    /// Done since the replay that runs began.
    pub replay_done: u64,
    /// Begin and end of the replay that runs, or ran last.
    pub replay_began: Option<Instant>,
    pub replay_ended: Option<Instant>,
    /// Why the last attempt to reach or to catch up the mirror failed.
    pub last_error: Option<Error>,
}

/// A slot's durable name and where its numbering stands.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub index: i64,
    pub seq: u64,
    /// Its last number that the master has committed.
    pub done: u64,
    /// The pending row has parts that the next journal must remove.
    pub has_parts: bool,
}

/// The mirror's tables, and what every mirror half sends.
#[derive(Debug)]
pub struct MirrorTables {
    tables: Tables,
    pub apply_sql: Arc<str>,
    pub ensure_applied_sql: Arc<str>,
}

impl MirrorTables {
    fn new(tables: Tables) -> MirrorTables {
        MirrorTables {
            apply_sql: tables.apply.as_str().into(),
            ensure_applied_sql: tables.insert_applied.as_str().into(),
            tables,
        }
    }
}

impl std::ops::Deref for MirrorTables {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.tables
    }
}

/// The heart that everything of a pool holds on to.
pub struct Pair {
    /// The pool's UUID, new at every open.
    pub id: String,
    pub setup: Setup,
    pub tables: Tables,
    /// What makes the mirror check deferred constraints now.
    pub mirror_check: Option<&'static str>,
    /// Its credentials may change while the pool is open.
    master_connection: RwLock<String>,
    pub master_settings: LinkSettings,
    pub mirror: Arc<MirrorTarget>,
    mirror_tables: RwLock<Arc<MirrorTables>>,
    pub classifier: Classifier,
    pub between: Between,
    /// Turns at a master that has one writer at a time; `None`: it has many.
    gate: Option<Arc<Gate>>,
    pub counters: Counters,
    /// The mirror's sequences, and the numbers up to which they need not be moved on; in this epoch, for when it
    /// ends another database may take the mirror's place. No other lock is taken
    /// while it is held.
    pub counters_known: Mutex<(u64, HashMap<Sequence, i64>)>,
    pub metrics: Arc<Metrics>,
    /// The newest epoch in which a mirror COMMIT of ours failed or a master COMMIT is unresolved, 0: none.
    /// Nothing may be direct in it or before. It is never cleared: only a drain brings a higher epoch that is
    /// in step, and a late reading of an older state must not be able to take it away.
    marked: AtomicU64,
    pub closing: AtomicBool,
    /// Set when our registration was found missing: nothing may be committed any more.
    pub fenced: AtomicBool,
    /// The format that our tables have got under our feet, which this library does not know; 0: none.
    pub outdated: AtomicI64,
    /// Since when others may be taken for dead: a restart of the master has cost them their proof too.
    pub calm_since: Mutex<Option<Instant>>,
    /// DDL of this pool whose intent could not be settled yet.
    pub intents: Mutex<Vec<Intent>>,
    view: RwLock<View>,
    pub seen: Mutex<Seen>,
    /// How large the queue may grow.
    pub limits: Limits,
    slots: Mutex<(i64, Vec<Slot>)>,
    halves: Mutex<Vec<Weak<HalfShared>>>,
    pub catalogue: Catalogue,
    /// Some table that was written has deferred constraints, triggers or cascades, which must run before the
    /// journal.
    pub any_deferred: AtomicBool,
    /// A connection for short reads and flips outside any session's transaction.
    control: Mutex<Option<Link>>,
    listeners: RwLock<Vec<Listener>>,
    wake: Mutex<u64>,
    woken: Condvar,
}

pub struct PairParts {
    pub id: String,
    pub setup: Setup,
    pub tables: Tables,
    pub mirror_tables: Tables,
    pub master_connection: String,
    pub master_settings: LinkSettings,
    pub mirror: MirrorTarget,
    pub control: Link,
    pub view: View,
    pub metrics: Arc<Metrics>,
    pub queue: QueueSettings,
}

impl Pair {
    pub fn new(p: PairParts) -> Pair {
        let standing = Standing::new(&p.mirror_tables, &p.id);
        Pair {
            classifier: Classifier::new(p.tables.engine),
            gate: dialect(p.tables.engine).one_writer().then(Arc::default),
            id: p.id,
            catalogue: Catalogue::new(p.setup.catalogue_age),
            setup: p.setup,
            mirror_check: dialect(p.mirror_tables.engine).check_constraints_now(),
            tables: p.tables,
            mirror_tables: RwLock::new(Arc::new(MirrorTables::new(p.mirror_tables))),
            master_connection: RwLock::new(p.master_connection),
            master_settings: p.master_settings,
            mirror: Arc::new(MirrorTarget { standing, ..p.mirror }),
            between: Between::default(),
            counters: Counters::default(),
            counters_known: Mutex::default(),
            metrics: p.metrics,
            marked: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            fenced: AtomicBool::new(false),
            outdated: AtomicI64::new(0),
            calm_since: Mutex::new(None),
            intents: Mutex::new(Vec::new()),
            view: RwLock::new(p.view),
            seen: Mutex::new(Seen { mirror_reachable: true, ..Seen::default() }),
            limits: Limits::new(p.queue),
            slots: Mutex::new((0, Vec::new())),
            halves: Mutex::new(Vec::new()),
            any_deferred: AtomicBool::new(false),
            control: Mutex::new(Some(p.control)),
            listeners: RwLock::new(Vec::new()),
            wake: Mutex::new(0),
            woken: Condvar::new(),
        }
    }

    pub fn view(&self) -> View {
        *self.view.read()
    }

    /// Takes in a fresh reading of the state. A mirror half of an older epoch is given up, so that an idle
    /// transaction does not hold locks that replay needs.
    pub fn observe(&self, row: &StateRow) {
        let new = View {
            state: row.mirror_state,
            epoch: row.epoch,
            term: row.term,
            asynchronous: row.asynchronous,
            abandoned: row.abandoned,
        };
        let old = {
            let mut view = self.view.write();
            // Readings may arrive out of order; epochs never go back.
            if new.epoch < view.epoch {
                return;
            }
            std::mem::replace(&mut *view, new)
        };
        self.seen.lock().reason.clone_from(&row.reason);
        if new.epoch != old.epoch {
            self.give_up_halves(new.epoch);
        }
        if old.state != new.state {
            log::info!(target: "twinpool::pair", "{}: mirror {} -> {} (epoch {})", self.setup.name, old.state, new.state, new.epoch);
            match new.state {
                MirrorState::InSync => self.tell(&Event::MirrorBack),
                MirrorState::Diverged => self.tell(&Event::Diverged { reason: row.reason.clone() }),
                _ if old.state == MirrorState::InSync => {
                    self.tell(&Event::MirrorLost { reason: row.reason.clone() });
                }
                _ => {}
            }
        }
    }

    /// Nothing may stay direct in this epoch or before.
    pub fn mark(&self, epoch: u64) {
        self.marked.fetch_max(epoch, Ordering::SeqCst);
        self.wake();
    }

    pub fn is_marked(&self, epoch: u64) -> bool {
        epoch <= self.marked.load(Ordering::SeqCst)
    }

    pub fn listen(&self, listener: Listener) {
        self.listeners.write().push(listener);
    }

    pub fn tell(&self, event: &Event) {
        let listeners = self.listeners.read().clone();
        for l in listeners {
            l(event);
        }
    }

    /// Lets the monitor look now instead of at its next poll.
    pub fn wake(&self) {
        *self.wake.lock() += 1;
        self.woken.notify_all();
    }

    /// Sleeps until somebody wakes or `limit` has passed. `seen` is the caller's own count of wakings.
    pub fn sleep(&self, seen: &mut u64, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut count = self.wake.lock();
        while *count == *seen && !self.closing.load(Ordering::SeqCst) {
            if self.woken.wait_until(&mut count, deadline).timed_out() {
                break;
            }
        }
        *seen = *count;
    }

    /// A copy: nobody holds the lock while connecting.
    fn master_connection(&self) -> String {
        self.master_connection.read().clone()
    }

    /// From now on connections are made with these.
    pub fn set_connections(&self, master: String, mirror: String) {
        *self.master_connection.write() = master;
        *self.mirror.connection.write() = mirror;
    }

    pub fn open_master(&self) -> Result<Link> {
        Link::open(Side::Master, &self.master_connection(), &self.master_settings)
    }

    /// A connection to the master that has to be there by `deadline`; until its settings are restored its
    /// calls end by then too.
    pub fn open_master_by(&self, deadline: Instant) -> Result<Link> {
        let mut settings = self.master_settings.clone();
        // The deadline is of the limit as it is now: it may have been changed since the pool was opened.
        settings.connect_timeout = left(deadline);
        let mut link = Link::open(Side::Master, &self.master_connection(), &settings)?;
        let limit = left(deadline);
        link.set_call_timeout(Some(settings.call_timeout.map_or(limit, |own| own.min(limit))));
        Ok(link)
    }

    pub fn open_mirror(&self) -> Result<Link> {
        let mut link = Link::open(Side::Mirror, &self.mirror.connection_string(), &self.mirror.settings)?;
        let known = self.mirror_tables();
        if !known.are_placed() {
            let placed = known.place(&mut link)?;
            self.mirror.standing.read_from(&placed);
            *self.mirror_tables.write() = Arc::new(MirrorTables::new(placed));
        }
        Ok(link)
    }

    /// The mirror's tables. Where the mirror was away when the pool was opened, nobody knows yet where they stand:
    /// their names say so by [`Tables::are_placed`].
    pub fn mirror_tables(&self) -> Arc<MirrorTables> {
        Arc::clone(&self.mirror_tables.read())
    }

    /// The same for a session, which may have changed what names mean there.
    pub fn placed_mirror_tables(&self) -> Arc<MirrorTables> {
        let known = self.mirror_tables();
        if !known.are_placed()
            && let Err(e) = self.open_mirror()
        {
            log::debug!(target: "twinpool::pair", "{}: where the mirror's tables stand: {e}", self.setup.name);
        }
        self.mirror_tables()
    }

    /// Runs something short on the control connection, which is made anew once when it was lost.
    pub fn control<T>(&self, mut f: impl FnMut(&mut Link) -> Result<T>) -> Result<T> {
        let mut place = self.control.lock();
        for attempt in 0..2 {
            if place.as_ref().is_none_or(Link::is_lost) {
                *place = None;
                *place = Some(self.open_master()?);
            }
            let Some(link) = place.as_mut() else { continue };
            match f(link) {
                Err(e) if e.is_lost() && attempt == 0 => *place = None,
                answer => return answer,
            }
        }
        Err(Error::new(Status::Unreachable, "the master cannot be reached"))
    }

    /// A turn at writing to the master, where it has one writer at a time.
    pub fn writers_turn(&self) -> Result<Option<Turn>> {
        self.turn_for(&Waiter::default())
    }

    /// The same for somebody whose wait others may end.
    pub fn turn_for(&self, waiter: &Waiter) -> Result<Option<Turn>> {
        let limit = self.master_settings.lock_timeout.unwrap_or(Duration::from_secs(10));
        self.gate.as_ref().map(|gate| gate.enter(limit, waiter)).transpose()
    }

    pub fn drop_control(&self) {
        *self.control.lock() = None;
    }

    /// Reads `twin_state` on the control connection and takes it in.
    pub fn refresh(&self) -> Result<StateRow> {
        let row = self.control(|link| read_state(link, &self.tables))?;
        if row.format != FORMAT {
            self.outdated.store(row.format, Ordering::SeqCst);
            return Err(outdated(row.format));
        }
        self.observe(&row);
        Ok(row)
    }

    /// `in_sync` → `queueing`, in a transaction of its own; no effect in another state.
    pub fn flip(&self, reason: &str) -> Result<()> {
        let params = [Value::Text(clip(reason)), Value::Text(now_text()), Value::Text(self.id.clone())];
        self.control(|link| link.run(&self.tables.flip, &params).map(drop))?;
        self.refresh().map(drop)
    }

    /// Whether nobody holds a pool's life sign.
    pub fn is_dead(&self, pool: &str) -> Result<bool> {
        let link = self.open_master()?;
        Ok(super::locks::try_lock(link, &format!("twin-{pool}"), false)?.is_some())
    }

    /// Replay stops until an operator has looked.
    pub fn stop_replay(&self, reason: &str) -> Result<()> {
        let row = [
            Value::Text("diverged".to_owned()),
            Value::Text(clip(reason)),
            Value::Text(now_text()),
            Value::Text(self.id.clone()),
        ];
        self.control(|link| link.run(&self.tables.set_stopped, &row).map(drop))?;
        self.refresh().map(drop)
    }

    /// Writes down what became of DDL. What cannot be written now is written by the monitor: until then replay
    /// goes no further.
    pub fn settle(&self, intent: Intent) -> Result<()> {
        let done = match &intent.fate {
            Fate::Happened => {
                self.control(|link| link.run(&self.tables.settle_intent, &intent.name).map(drop))
            }
            Fate::Refused => self.control(|link| link.run(&self.tables.drop_intent, &intent.name).map(drop)),
            Fate::Unknown(reason) => self.stop_replay(reason),
        };
        if done.is_err() {
            self.intents.lock().push(intent);
        }
        done
    }

    /// A slot for a new session: one that was given back, or a new number with rows of its own in the
    /// master. The mirror's row is made by the first half that needs it.
    pub fn take_slot(&self, link: &mut Link, deadline: Instant) -> Result<Slot> {
        let slot = {
            let mut slots = self.slots.lock();
            match slots.1.pop() {
                Some(slot) => return Ok(slot),
                None => {
                    slots.0 += 1;
                    Slot { index: slots.0, seq: 0, done: 0, has_parts: false }
                }
            }
        };
        // Tied to the registration: whoever removes this pool holds its row, and no slot comes after that.
        let id = Value::Text(self.id.clone());
        let _turn =
            self.gate.as_ref().map(|gate| gate.enter(left(deadline), &Waiter::default())).transpose()?;
        link.begin(true)?;
        let registered = link.query(&self.tables.lock_registration, std::slice::from_ref(&id));
        let made = registered.and_then(|rows| {
            if rows.is_empty() {
                self.fenced.store(true, Ordering::SeqCst);
                return Err(fenced());
            }
            link.run(&self.tables.insert_pending, &[id, Value::Int(slot.index)]).map(drop)
        });
        match made {
            Ok(()) => {
                link.commit()?;
                crate::failpoint!(&self.setup.name, "slot_taken");
                Ok(slot)
            }
            Err(e) => {
                let _ = link.rollback();
                Err(e)
            }
        }
    }

    /// Gives a slot back whose last transaction's outcome is known.
    pub fn give_slot(&self, slot: Slot) {
        self.slots.lock().1.push(slot);
    }

    /// Lets the monitor find the half when its epoch ends.
    pub fn register_half(&self, half: &Arc<HalfShared>) {
        let mut halves = self.halves.lock();
        halves.retain(|h| h.strong_count() > 0);
        halves.push(Arc::downgrade(half));
        drop(halves);
        // The epoch may have ended between the decision for it and this line.
        if self.view().epoch > half.epoch {
            half.give_up();
        }
    }

    fn give_up_halves(&self, epoch: u64) {
        let halves: Vec<_> = self.halves.lock().iter().filter_map(Weak::upgrade).collect();
        for half in halves.iter().filter(|h| h.epoch < epoch) {
            half.give_up();
        }
    }

    /// What is known of a table. The link asks where nothing is.
    pub fn facts(
        &self,
        names: Names,
        schema: Option<&str>,
        table: &str,
        link: &mut Link,
    ) -> Result<Option<Arc<TableFacts>>> {
        let facts = self.catalogue.facts(names, schema, table, link)?;
        if facts.as_ref().is_some_and(|f| f.has_deferrable || f.has_triggers || f.has_cascades) {
            self.any_deferred.store(true, Ordering::SeqCst);
        }
        Ok(facts)
    }

    /// Whether a write may begin as a direct one.
    pub fn direct_epoch(&self) -> Option<u64> {
        let view = self.view();
        let direct = view.state == MirrorState::InSync && !view.asynchronous && !self.is_marked(view.epoch);
        direct.then_some(view.epoch)
    }
}

/// What is left until then; never nothing, which some take for no limit.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// The answer to whoever goes on with a pool that was removed.
pub fn fenced() -> Error {
    Error::new(
        Status::Fenced,
        "this pool's registration is gone: another process removed it; roll back and open the pool again",
    )
}

/// The answer when another library has changed our tables while this pool was open.
pub fn outdated(format: i64) -> Error {
    Error::new(
        Status::Tables,
        format!(
            "our tables have format {format} now, this library knows {FORMAT}: close the pool and use the newer library"
        ),
    )
}

/// DDL that commits by itself: what the master said of it.
#[derive(Clone, Debug)]
pub struct Intent {
    /// (pool, slot, seq)
    pub name: [Value; 3],
    pub fate: Fate,
}

#[derive(Clone, Debug)]
pub enum Fate {
    Happened,
    Refused,
    /// Nothing is guessed: an operator looks, for this reason.
    Unknown(String),
}

/// Reasons stand in a table: one line, not too long.
pub fn clip(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    line
}

/// The time as our tables keep it: UTC, `2026-11-21 02:50:00.000`, which sorts as text.
pub fn now_text() -> String {
    let t = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (t.as_secs() / 86_400, t.as_secs() % 86_400);
    // Civil date from days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let z = days as i64 + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{:03}", t.subsec_millis())
}

/// Milliseconds since 1970 of what [`now_text`] wrote; None for anything else.
pub fn parse_time(text: &str) -> Option<u64> {
    let n = |r: std::ops::Range<usize>| text.get(r)?.parse::<i64>().ok();
    let (year, month, day) = (n(0..4)?, n(5..7)?, n(8..10)?);
    let (h, m, s, ms) = (n(11..13)?, n(14..16)?, n(17..19)?, n(20..23)?);
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = era * 146_097 + doe - 719_468;
    u64::try_from((days * 86_400 + h * 3600 + m * 60 + s) * 1000 + ms).ok()
}

/// A whole number, however the driver spelled it.
pub fn int(v: &Value) -> i64 {
    match v {
        Value::Int(i) => *i,
        Value::Bool(b) => *b as i64,
        Value::Double(d) => *d as i64,
        Value::Decimal(s) | Value::Text(s) => {
            s.trim().split('.').next().and_then(|s| s.parse().ok()).unwrap_or(0)
        }
        _ => 0,
    }
}

/// A text, however the driver delivered it.
pub fn text(v: &Value) -> String {
    match v {
        Value::Text(s) | Value::Decimal(s) => s.trim_end().to_owned(),
        Value::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Large(l) => String::from_utf8_lossy(l.raw()).trim_end().to_owned(),
        Value::Int(i) => i.to_string(),
        _ => String::new(),
    }
}

/// The state's row, which every node of a pair has.
pub fn read_state(link: &mut Link, tables: &Tables) -> Result<StateRow> {
    let rows = link.query(&tables.read_state, &[])?;
    let Some(r) = rows.first().filter(|r| r.len() == 9) else {
        return Err(Error::new(
            Status::Tables,
            format!("{} has no row on the {}", tables.name("twin_state"), link.side()),
        ));
    };
    Ok(StateRow {
        mirror_state: MirrorState::from_name(&text(&r[0])),
        abandoned: text(&r[0]) == ABANDONED,
        asynchronous: text(&r[1]) == "async",
        epoch: int(&r[2]) as u64,
        term: int(&r[3]) as u64,
        role: text(&r[4]),
        node: text(&r[5]),
        peer: text(&r[6]),
        reason: text(&r[7]),
        format: int(&r[8]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_back_as_they_were_written() {
        let before =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
        let read = parse_time(&now_text()).unwrap();
        assert!(read >= before && read < before + 60_000);
        assert_eq!(parse_time("1970-01-02 00:00:01.005"), Some(86_401_005));
        assert_eq!(parse_time("yesterday"), None);
    }
}
