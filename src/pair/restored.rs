//! Was one of the two databases put back to an older state, from a backup or by a crash that lost commits?
//!
//! Three kinds of evidence, none of which a healthy pair can give, however it is written to meanwhile, because
//! all that is compared only grows and is read in the order in which it may lag behind:
//!
//! - **Marks.** Each node has a mark, a number that is raised from time to time, and a note of the other's, taken
//!   after that one was durable. A mark below what the other node noted went back. This covers all that is
//!   older than the last exchange, also of pools that left no rows.
//! - **Positions.** What the mirror has applied in a slot is never above what the master has committed there;
//!   and what the master has committed for the mirror is there, pending, queued, or in the quarantine.
//! - **Memory.** A living pool knows what both have answered to its own COMMITs.
//!
//! The comparison of positions stands under the replay lock: no pool is removed meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::locks;
use super::shared::{Pair, clip, int, now_text, text};
use super::state::MirrorState;
use super::tables::Tables;
use crate::error::{Error, Result, Status};
use crate::link::Link;
use crate::queue::replay::read_applied;
use crate::value::Value;

/// How long an opener waits for others who look at the same.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// What this pool knows that the mirror has.
#[derive(Debug, Default)]
pub struct Standing {
    reading: Mutex<String>,
    pool: String,
    /// Own slots: the last number whose COMMIT the mirror has answered.
    applied: Mutex<HashMap<i64, u64>>,
    mark: AtomicU64,
}

impl Standing {
    pub fn new(mirror_tables: &Tables, pool: &str) -> Standing {
        Standing {
            reading: Mutex::new(mirror_tables.read_standing.clone()),
            pool: pool.to_owned(),
            ..Standing::default()
        }
    }

    pub fn read_from(&self, mirror_tables: &Tables) {
        self.reading.lock().clone_from(&mirror_tables.read_standing);
    }

    /// The mirror has answered the COMMIT of this transaction.
    pub fn has(&self, slot: i64, seq: u64) {
        self.applied.lock().insert(slot, seq);
    }

    /// Every new connection to the mirror is asked whether it leads to the same mirror as before.
    pub fn look(&self, mirror: &mut Link) -> Result<()> {
        let (applied, mark) = (self.applied.lock().clone(), self.mark.load(Ordering::SeqCst));
        let reading = self.reading.lock().clone();
        if reading.is_empty() || (applied.is_empty() && mark == 0) {
            return Ok(());
        }
        let rows = mirror.query(&reading, &[Value::Text(self.pool.clone())])?;
        let found: HashMap<i64, u64> = rows.iter().map(|r| (int(&r[0]), int(&r[1]) as u64)).collect();
        let at = |slot: i64| found.get(&slot).copied().unwrap_or(0);
        // The mark stands among the slots under the number 0, which no slot has.
        if at(0) < mark {
            return Err(Error::new(
                Status::Diverged,
                mirror_went_back(&format!("its mark is {}, it was {mark}", at(0))),
            ));
        }
        match applied.iter().find(|(slot, seq)| at(**slot) < **seq) {
            Some((slot, seq)) => {
                let detail = format!("slot {slot} of this pool is at {}, it was at {seq}", at(*slot));
                Err(Error::new(Status::Diverged, mirror_went_back(&detail)))
            }
            None => Ok(()),
        }
    }
}

fn mirror_went_back(detail: &str) -> String {
    format!(
        "the mirror went back, it lacks transactions that it had ({detail}): restored, or commits lost in a crash; start again from a copy"
    )
}

fn master_went_back(detail: &str) -> String {
    format!(
        "the master went back, the mirror has transactions that it lacks ({detail}): decide which of the two is right, make the other a copy of it"
    )
}

/// A slot as the master has it.
#[derive(Clone, Copy, Debug, Default)]
struct SlotRow {
    last_seq: u64,
    /// Of its last direct transaction, 0: none.
    seq: u64,
    /// Its number before that one.
    prev: u64,
    /// The last number of which the mirror gets nothing.
    local_seq: u64,
    queued: bool,
    quarantined: u64,
}

impl SlotRow {
    /// The number that the mirror must have, given that it is at `applied`.
    fn needed(&self, applied: u64) -> u64 {
        let needed = if self.seq > applied {
            // It is on its way, or waits for replay; what was before it is not. Written twice in one
            // transaction, the journal names itself.
            if self.prev < self.seq { self.prev } else { 0 }
        } else {
            self.last_seq
        };
        if self.queued || needed == self.local_seq || needed <= self.quarantined { 0 } else { needed }
    }
}

type Key = (String, i64);

/// Compares positions, read in this order: the mirror's, the master's, the mirror's again.
fn judge(
    before: &BTreeMap<Key, u64>,
    registered: &HashSet<String>,
    master: &HashMap<Key, SlotRow>,
    after: &BTreeMap<Key, u64>,
) -> Option<String> {
    for ((pool, slot), at) in before.iter().filter(|(_, at)| **at > 0) {
        match master.get(&(pool.clone(), *slot)) {
            Some(row) if row.last_seq < *at => {
                return Some(master_went_back(&format!(
                    "{pool}:{slot} is at {at}, here at {}",
                    row.last_seq
                )));
            }
            None if !registered.contains(pool) => {
                return Some(format!(
                    "one of the two databases went back: the mirror knows the pool {pool}, the master does not; make one a copy of the other"
                ));
            }
            _ => {}
        }
    }
    for ((pool, slot), row) in master {
        let at = after.get(&(pool.clone(), *slot)).copied().unwrap_or(0);
        let needed = row.needed(at);
        if needed > at {
            return Some(mirror_went_back(&format!("{pool}:{slot} is at {at}, it was at {needed}")));
        }
    }
    None
}

/// (own mark, what is known of the other's)
fn marks(link: &mut Link, tables: &Tables) -> Result<(u64, u64)> {
    let rows = link.query(&tables.read_marks, &[])?;
    let of = |id: i64| rows.iter().find(|r| int(&r[0]) == id).map_or(0, |r| int(&r[1]) as u64);
    Ok((of(2), of(3)))
}

/// What is found, as the reason for `diverged`. The caller holds the replay lock.
fn evidence(pair: &Pair, master: &mut Link, mirror: &mut Link) -> Result<Option<String>> {
    let (t, u) = (&pair.tables, pair.mirror_tables());
    match pair.mirror.standing.look(mirror) {
        Err(e) if e.status() == Status::Diverged => return Ok(Some(e.to_string())),
        other => other?,
    }
    let (_, noted_of_mirror) = marks(master, t)?;
    let before = read_applied(mirror, &u.read_applied)?;
    let (mark_of_mirror, noted_of_master) = marks(mirror, &u)?;
    let registered = master.query(&format!("SELECT pool FROM {}", t.name("twin_pool")), &[])?;
    let registered = registered.iter().filter_map(|r| r.first()).map(text).collect();
    let rows = master.query(&t.read_positions, &[])?;
    let (mark_of_master, _) = marks(master, t)?;
    let after = read_applied(mirror, &u.read_applied)?;
    if mark_of_mirror < noted_of_mirror {
        return Ok(Some(mirror_went_back(&format!(
            "its mark is {mark_of_mirror}, it was {noted_of_mirror}"
        ))));
    }
    if mark_of_master < noted_of_master {
        return Ok(Some(master_went_back(&format!(
            "its mark is {mark_of_master}, it was {noted_of_master}"
        ))));
    }
    let slots = rows.iter().filter(|r| r.len() == 8).map(|r| {
        let n = |i: usize| int(&r[i]) as u64;
        let row = SlotRow {
            last_seq: n(2),
            seq: n(3),
            prev: n(4),
            local_seq: n(5),
            queued: n(6) != 0,
            quarantined: n(7),
        };
        ((text(&r[0]), int(&r[1])), row)
    });
    Ok(judge(&before, &registered, &slots.collect(), &after))
}

/// Looks, under the replay lock that the caller holds. True: both are as they should be, and have exchanged
/// marks. False: the state is `diverged` now.
pub fn look(pair: &Pair, mirror: &mut Link) -> Result<bool> {
    let mut master = pair.open_master()?;
    match evidence(pair, &mut master, mirror)? {
        Some(reason) => {
            diverge(pair, &reason)?;
            Ok(false)
        }
        None => {
            if let Err(e) = exchange(pair, &mut master, mirror) {
                log::debug!(target: "twinpool::pair", "{}: no marks were exchanged: {e}", pair.setup.name);
            }
            Ok(true)
        }
    }
}

/// The same for those who do not hold the replay lock. Where somebody replays, he has looked himself.
pub fn look_if_free(pair: &Pair, mirror: &mut Link) -> Result<bool> {
    let end = Instant::now() + LOOK_LIMIT;
    loop {
        if let Some(_held) = locks::try_lock(pair.open_master()?, "twin-replay", true)? {
            return look(pair, mirror);
        }
        if pair.view().state != MirrorState::InSync || Instant::now() > end {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A session's new connection to the master: does it know the slot's last transaction?
pub fn look_at_slot(pair: &Pair, master: &mut Link, slot: i64, done: u64) -> Result<()> {
    if done == 0 {
        return Ok(());
    }
    let own = [Value::Text(pair.id.clone()), Value::Int(slot)];
    let rows = master.query(&pair.tables.read_last_seq, &own)?;
    // No row: the pool was removed, and is fenced at its next journal.
    match rows.first().and_then(|r| r.first()).map(|v| int(v) as u64) {
        Some(at) if at < done => diverge(
            pair,
            &master_went_back(&format!("slot {slot} of this pool is at {at}, it was at {done}")),
        ),
        _ => Ok(()),
    }
}

/// Each raises its mark, and the other notes it once it is durable.
fn exchange(pair: &Pair, master: &mut Link, mirror: &mut Link) -> Result<()> {
    let raise = |link: &mut Link, tables: &Tables, note: Option<u64>| -> Result<u64> {
        link.begin(true)?;
        let done = (|| {
            if let Some(mark) = note {
                link.run(&tables.note_mark, &[Value::Int(mark as i64), Value::Int(mark as i64)])?;
            }
            link.run(&tables.take_mark, &[])?;
            Ok(marks(link, tables)?.0)
        })();
        match done {
            Ok(mark) => link.commit().map(|()| mark),
            Err(e) => {
                let _ = link.rollback();
                Err(e)
            }
        }
    };
    let of_mirror = raise(mirror, &pair.mirror_tables(), None)?;
    pair.mirror.standing.mark.fetch_max(of_mirror, Ordering::SeqCst);
    let of_master = {
        let _turn = pair.writers_turn()?;
        raise(master, &pair.tables, Some(of_mirror))?
    };
    let note = [Value::Int(of_master as i64), Value::Int(of_master as i64)];
    mirror.run(&pair.mirror_tables().note_mark, &note).map(drop)
}

/// At an orderly end: what was done since the last time is covered too.
pub fn part(pair: &Pair, mirror: &mut Link) -> Result<()> {
    exchange(pair, &mut pair.open_master()?, mirror)
}

fn diverge(pair: &Pair, reason: &str) -> Result<()> {
    let row = [Value::Text(clip(reason)), Value::Text(now_text()), Value::Text(pair.id.clone())];
    pair.control(|link| link.run(&pair.tables.set_diverged, &row).map(drop))?;
    pair.refresh().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pool: &str, slot: i64) -> Key {
        (pool.to_owned(), slot)
    }

    fn judged(before: u64, row: SlotRow, after: u64) -> Option<String> {
        let at = |n: u64| BTreeMap::from([(key("p", 1), n)]);
        let registered = HashSet::from(["p".to_owned()]);
        judge(&at(before), &registered, &HashMap::from([(key("p", 1), row)]), &at(after))
    }

    #[test]
    fn what_is_pending_queued_or_in_the_quarantine_is_no_gap() {
        let row = SlotRow { last_seq: 7, seq: 7, prev: 6, ..SlotRow::default() };
        assert_eq!(judged(6, row, 6), None);
        assert_eq!(judged(6, row, 7), None);
        assert!(judged(5, row, 5).unwrap().starts_with("the mirror went back"));
        let row = SlotRow { last_seq: 7, seq: 2, prev: 1, queued: true, ..SlotRow::default() };
        assert_eq!(judged(2, row, 2), None);
        let row = SlotRow { queued: false, ..row };
        assert!(judged(2, row, 2).unwrap().starts_with("the mirror went back"));
        assert_eq!(judged(2, SlotRow { quarantined: 7, ..row }, 2), None);
        assert_eq!(judged(2, SlotRow { local_seq: 7, ..row }, 2), None);
        // Journaled twice in its transaction: nothing is known of the number before.
        assert_eq!(judged(2, SlotRow { last_seq: 7, seq: 7, prev: 7, ..SlotRow::default() }, 2), None);
    }

    #[test]
    fn a_mirror_ahead_of_the_master_is_noticed() {
        let row = SlotRow { last_seq: 7, seq: 7, prev: 6, ..SlotRow::default() };
        assert!(judged(8, row, 8).unwrap().starts_with("the master went back"));
        let strange = BTreeMap::from([(key("q", 1), 3)]);
        let fresh = BTreeMap::from([(key("q", 1), 0)]);
        let none = HashMap::new();
        assert!(judge(&strange, &HashSet::new(), &none, &strange).is_some());
        // A slot that never had a transaction, of a pool that was removed while it was stopped.
        assert_eq!(judge(&fresh, &HashSet::new(), &none, &fresh), None);
        assert_eq!(judge(&strange, &HashSet::from(["q".to_owned()]), &none, &strange), None);
    }
}
