//! What an operator does with the queue and the mirror: look, detach, attach, skip.

use std::time::{Duration, Instant};

use super::shared::{Pair, clip, int, now_text, text};
use super::state::MirrorState;
use super::{locks, restored};
use crate::error::{Error, Result, Status};
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
    let mut payload = Vec::new();
    for r in &rows {
        if let Some(Value::Bytes(b)) = r.first() {
            payload.extend_from_slice(b);
        }
    }
    let entry = entry::decode(&payload)?;
    let statements = entry.statements.iter().map(|s| {
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

/// Moves an entry to the quarantine, where nothing replays it.
pub fn skip(pair: &Pair, id: i64) -> Result<()> {
    let state = pair.refresh()?;
    if !matches!(state.mirror_state, MirrorState::Diverged | MirrorState::Detached) {
        return Err(Error::new(
            Status::BadState,
            format!(
                "queue skip: the mirror is {}; only in diverged or detached nothing replays meanwhile",
                state.mirror_state
            ),
        ));
    }
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
