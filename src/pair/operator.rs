//! What an operator does with the queue and the mirror: look, detach, attach, skip.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::{Pair, clip, int, now_text, text};
use super::state::{MirrorState, StateRow};
use super::{locks, restored};
use crate::error::{Error, Result, Status};
use crate::large::{Bulk, Spill};
use crate::link::{Engine, Link};
use crate::queue::entry;
use crate::queue::replay::{Replayer, Step};
use crate::value::Value;

/// One entry of the queue, for people and tools.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    pub id: i64,
    pub pool: String,
    pub slot: i64,
    pub seq: i64,
    pub parts: i64,
    pub created_at: String,
    pub statements: i64,
    pub bytes: i64,
    pub summary: String,
}

pub fn list(pair: &Pair, limit: u64) -> Result<Vec<QueueEntry>> {
    let sql = format!(
        "SELECT id, pool, slot, seq, parts, created_at, statements, LENGTH(payload), summary FROM {} \
         WHERE part = parts OR parts = 0 ORDER BY id LIMIT ?",
        pair.tables.name("invocation_queue")
    );
    let limit = Value::Int(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = pair.control(|link| link.query(&sql, std::slice::from_ref(&limit)))?;
    Ok(rows
        .iter()
        .filter(|r| r.len() == 9)
        .map(|r| QueueEntry {
            id: int(&r[0]),
            pool: text(&r[1]),
            slot: int(&r[2]),
            seq: int(&r[3]),
            parts: int(&r[4]),
            created_at: text(&r[5]),
            statements: int(&r[6]),
            bytes: int(&r[7]),
            summary: text(&r[8]),
        })
        .collect())
}

/// The durable name of the entry whose last part has this id.
fn find(pair: &Pair, id: i64, call: &str) -> Result<[Value; 3]> {
    let sql = format!("SELECT pool, slot, seq FROM {} WHERE id = ?", pair.tables.name("invocation_queue"));
    let rows = pair.control(|link| link.query(&sql, &[Value::Int(id)]))?;
    match rows.into_iter().next().map(<[Value; 3]>::try_from) {
        Some(Ok(name)) => Ok(name),
        _ => Err(Error::new(Status::BadArgument, format!("{call}: the queue has no entry {id}"))),
    }
}

/// The statements of an entry with their values: the operator's own data, shown on request only.
pub fn show(pair: &Pair, id: i64) -> Result<Vec<String>> {
    let name = find(pair, id, "queue show")?;
    let rows = pair.control(|link| link.query(&pair.tables.read_parts, &name))?;
    let payloads: Vec<Value> = rows.into_iter().filter_map(|r| r.into_iter().next()).collect();
    statements(&payloads, &pair.setup.spill)
}

fn statements(payloads: &[Value], spill: &Arc<Spill>) -> Result<Vec<String>> {
    let mut payload = Bulk::new();
    for p in payloads {
        payload.append(p.bytes().unwrap_or_default(), spill)?;
    }
    let entry = entry::decode(&payload)?;
    let statements = entry.statements.iter().filter(|s| s.expected != entry::TRACE).map(|s| {
        let values: Vec<String> = s.params.iter().map(ToString::to_string).collect();
        let rows = if s.expected < 0 { String::new() } else { format!(" -- {} rows", s.expected) };
        if values.is_empty() {
            format!("{}{rows}", s.sql)
        } else {
            format!("{} [{}]{rows}", s.sql, values.join(", "))
        }
    });
    Ok(entry.context.iter().cloned().chain(statements).collect())
}

/// The state, where nothing replays meanwhile.
fn stopped(pair: &Pair) -> Result<StateRow> {
    let state = pair.refresh()?;
    if matches!(state.mirror_state, MirrorState::Diverged | MirrorState::Detached) {
        return Ok(state);
    }
    Err(Error::new(
        Status::BadState,
        format!(
            "queue skip: the mirror is {}; only in diverged or detached nothing replays meanwhile",
            state.mirror_state
        ),
    ))
}

/// Moves an entry to the quarantine, where nothing replays it.
pub fn skip(pair: &Pair, id: i64) -> Result<()> {
    let state = stopped(pair)?;
    let name = find(pair, id, "queue skip")?;
    let t = &pair.tables;
    let (queue, quarantine) = (t.name("invocation_queue"), t.name("twin_quarantine"));
    let copy = format!(
        "INSERT INTO {quarantine} (pool, slot, seq, part, parts, created_at, moved_at, reason, summary, payload) \
         SELECT pool, slot, seq, part, parts, created_at, ?, ?, summary, payload FROM {queue} \
         WHERE pool = ? AND slot = ? AND seq = ?"
    );
    let delete = format!("DELETE FROM {queue} WHERE pool = ? AND slot = ? AND seq = ?");
    let mut link = pair.open_master()?;
    link.begin(true)?;
    let mut row = vec![Value::Text(now_text()), Value::Text(clip(&state.reason))];
    row.extend_from_slice(&name);
    link.run(&copy, &row)?;
    link.run(&delete, &name)?;
    link.commit()
}

/// Lets the queue's numbers begin at 1 again: queueing, and a drain of our own.
pub fn renumber(pair: &Pair, timeout: Duration) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let state = pair.refresh()?;
    if state.asynchronous || !matches!(state.mirror_state, MirrorState::InSync | MirrorState::Queueing) {
        return Err(Error::new(
            Status::BadState,
            format!(
                "queue renumber: the mirror is {}{}; it needs a pair that can come in step",
                state.mirror_state,
                if state.asynchronous { ", async" } else { "" }
            ),
        ));
    }
    let mut mirror =
        pair.open_mirror().map_err(|e| e.with_status(Status::MirrorDown).context("queue renumber"))?;
    let _lock = locks::lock(|| pair.open_master(), "twin-replay", true, timeout)?;
    if !restored::look(pair, &mut mirror)? {
        return Err(Error::new(Status::Diverged, format!("queue renumber: {}", pair.seen.lock().reason)));
    }
    pair.flip("the queue's numbers begin again")?;
    let mut replayer = Replayer::start(pair, pair.open_master()?, mirror)?;
    replayer.want_new_ids();
    loop {
        match replayer.step()? {
            Step::Drained => break,
            _ if Instant::now() >= deadline => {
                return Err(Error::new(
                    Status::Timeout,
                    "queue renumber: no end within its time; replay goes on",
                ));
            }
            Step::Progressed => {}
            Step::NotYet => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    if replayer.has_new_ids() {
        return Ok(());
    }
    Err(Error::new(
        Status::Retry,
        "queue renumber: the master did not let it, or new entries kept coming; the log says which",
    ))
}

/// `POOL:SLOT:SEQ`, as the reason of `diverged` names a pending transaction.
fn pending_name(name: &str) -> Option<[Value; 3]> {
    let mut parts = name.split(':');
    let pool = parts.next().filter(|p| !p.is_empty())?;
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (slot, seq) = (number()?, number()?);
    parts.next().is_none().then(|| [Value::Text(pool.to_owned()), Value::Int(slot), Value::Int(seq)])
}

/// The payload of a transaction that is pending, in one piece or several; the row stays locked.
fn pending_payloads(link: &mut Link, pair: &Pair, name: &[Value; 3], call: &str) -> Result<Vec<Value>> {
    let t = &pair.tables;
    let update = if t.engine == Engine::Sqlite { "" } else { " FOR UPDATE" };
    let sql = format!(
        "SELECT seq, parts, payload FROM {} WHERE pool = ? AND slot = ?{update}",
        t.name("twin_pending")
    );
    let rows = link.query(&sql, &name[..2])?;
    let Some(row) = rows.into_iter().next().filter(|r| r.len() == 3 && int(&r[0]) == int(&name[2])) else {
        return Err(Error::new(Status::BadArgument, format!("{call}: no such transaction is pending")));
    };
    if int(&row[1]) == 0 {
        return Ok(row.into_iter().skip(2).collect());
    }
    let parts = link.query(&t.read_pending_parts, &name[..2])?;
    Ok(parts.into_iter().filter_map(|r| r.into_iter().next()).collect())
}

/// [`show`] for a transaction that is pending.
pub fn show_pending(pair: &Pair, name: &str) -> Result<Vec<String>> {
    let name = pending_name(name)
        .ok_or_else(|| Error::new(Status::BadArgument, "queue show: a number, or POOL:SLOT:SEQ"))?;
    let payloads = pair.control(|link| {
        link.begin(true)?;
        let found = pending_payloads(link, pair, &name, "queue show");
        link.rollback()?;
        found
    })?;
    statements(&payloads, &pair.setup.spill)
}

/// [`skip`] for a transaction that is pending: durable on the master, refused by the mirror, and with no place
/// in the queue.
pub fn skip_pending(pair: &Pair, name: &str) -> Result<()> {
    let state = stopped(pair)?;
    let name = pending_name(name)
        .ok_or_else(|| Error::new(Status::BadArgument, "queue skip: a number, or POOL:SLOT:SEQ"))?;
    let mut mirror =
        pair.open_mirror().map_err(|e| e.with_status(Status::MirrorDown).context("queue skip"))?;
    let t = &pair.tables;
    let mut link = pair.open_master()?;
    let _turn = pair.writers_turn()?;
    link.begin(true)?;
    let payloads = pending_payloads(&mut link, pair, &name, "queue skip")?;
    // Under the lock of its position nothing of it is in flight.
    mirror.begin(true)?;
    let at = mirror.query(&pair.mirror_tables().lock_applied, &name[..2]);
    mirror.rollback()?;
    if at?.first().and_then(|r| r.first()).map_or(0, int) >= int(&name[2]) {
        return Err(Error::new(Status::BadArgument, "queue skip: the mirror has this transaction already"));
    }
    let insert = format!(
        "INSERT INTO {} (pool, slot, seq, part, parts, created_at, moved_at, reason, summary, payload) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        t.name("twin_quarantine")
    );
    let now = Value::Text(now_text());
    for (n, payload) in payloads.iter().enumerate() {
        let [pool, slot, seq] = name.clone();
        let row = [
            pool,
            slot,
            seq,
            Value::Int(n as i64 + 1),
            Value::Int(payloads.len() as i64),
            now.clone(),
            now.clone(),
            Value::Text(clip(&state.reason)),
            Value::Text("pending".to_owned()),
            payload.clone(),
        ];
        link.run(&insert, &row)?;
    }
    let forget = format!(
        "UPDATE {} SET seq = 0, parts = 0, payload = NULL WHERE pool = ? AND slot = ?",
        t.name("twin_pending")
    );
    link.run(&forget, &name[..2])?;
    link.run(&t.delete_pending_parts, &name[..2])?;
    link.commit()
}

/// Sets a state by hand: `detached`, or `queueing` to attach again.
pub fn set_state(pair: &Pair, state: MirrorState, reason: &str) -> Result<()> {
    let row = [
        Value::Text(state.name().to_owned()),
        Value::Text(clip(reason)),
        Value::Text(now_text()),
        Value::Text(pair.id.clone()),
    ];
    pair.control(|link| link.run(&pair.tables.set_state, &row).map(drop))?;
    pair.refresh().map(drop)
}
