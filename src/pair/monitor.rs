//! The pool's two background threads: one watches the state, one brings the mirror back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::locks::{self, Held};
use super::open::settle_the_dead;
use super::shared::{Pair, int, now_text, parse_time, text};
use super::state::MirrorState;
use crate::error::{Error, Result};
use crate::queue::replay::{Backoff, Replayer, Step};
use crate::twin::validate;
use crate::value::Value;

/// How often the dead are looked for while all is well. Sooner after the open: whoever opens in place of a
/// process that was killed may come before the server has noticed that death.
const BURIAL_PERIOD: Duration = Duration::from_secs(30);
const FIRST_BURIAL: Duration = Duration::from_secs(1);

/// Watches `twin_state`: epochs that end, marks that want a flip, the queue's size, our own life sign.
pub fn watch(pair: &Arc<Pair>, liveness: Held) {
    let mut liveness = Some(liveness);
    let mut wakings = 0;
    let (mut last_burial, mut burial_pause) = (Instant::now(), FIRST_BURIAL);
    while !pair.closing.load(Ordering::SeqCst) {
        if let Err(e) = look(pair) {
            log::debug!(target: "twinpool::pair", "{}: the master was not readable: {e}", pair.setup.name);
        }
        if !liveness.as_mut().is_some_and(|held| held.is_sound(pair.setup.mirror_timeout)) {
            drop(liveness.take());
            liveness = prove_alive(pair);
        }
        if last_burial.elapsed() > burial_pause && pair.view().state == MirrorState::InSync {
            if let Err(e) = look_for_the_dead(pair) {
                log::debug!(target: "twinpool::pair", "{}: dead pools were not looked for: {e}", pair.setup.name);
            }
            (last_burial, burial_pause) = (Instant::now(), (burial_pause * 2).min(BURIAL_PERIOD));
        }
        pair.sleep(&mut wakings, pair.setup.poll);
    }
}

fn look_for_the_dead(pair: &Pair) -> Result<()> {
    let own = Value::Text(pair.id.clone());
    let sql = format!("SELECT COUNT(*) FROM {} WHERE pool <> ?", pair.tables.name("twin_pool"));
    let others = pair.control(|link| link.query(&sql, std::slice::from_ref(&own)))?;
    if others.first().and_then(|r| r.first()).map_or(0, int) > 0 {
        settle_the_dead(pair, &mut pair.open_mirror()?)?;
    }
    Ok(())
}

/// The lock again, after its connection was lost; and whether somebody has removed us meanwhile.
fn prove_alive(pair: &Pair) -> Option<Held> {
    let link = pair.open_master().ok()?;
    let held = locks::try_lock(link, &format!("twin-{}", pair.id), false).ok().flatten()?;
    let own = Value::Text(pair.id.clone());
    let sql = format!("SELECT pool FROM {} WHERE pool = ?", pair.tables.name("twin_pool"));
    let rows = pair.control(|link| link.query(&sql, std::slice::from_ref(&own))).ok()?;
    if rows.is_empty() {
        pair.fenced.store(true, Ordering::SeqCst);
    }
    Some(held)
}

/// One look at the master.
pub fn look(pair: &Pair) -> Result<()> {
    let row = pair.refresh()?;
    if row.mirror_state == MirrorState::InSync && pair.is_marked(row.epoch) {
        pair.flip("a mirror COMMIT failed")?;
    }
    let size = if pair.view().state == MirrorState::InSync {
        None
    } else {
        pair.control(|link| link.query(&pair.tables.read_queue_size, &[]))?.into_iter().next()
    };
    let mut seen = pair.seen.lock();
    match size {
        Some(r) if r.len() == 3 => {
            seen.queue_entries = int(&r[0]) as u64;
            seen.queue_bytes = int(&r[1]) as u64;
            let oldest = parse_time(&text(&r[2]));
            let now = parse_time(&now_text()).unwrap_or(0);
            seen.queue_oldest = oldest.map(|o| now.saturating_sub(o));
        }
        _ => {
            seen.queue_entries = 0;
            seen.queue_bytes = 0;
            seen.queue_oldest = None;
        }
    }
    Ok(())
}

/// Brings the mirror back whenever the state wants it, with growing pauses while it cannot be reached.
pub fn catch_up(pair: &Arc<Pair>, now: &AtomicBool) {
    let mut backoff = Backoff::new(pair.setup.retry_min, pair.setup.retry_max);
    let mut wakings = 0;
    while !pair.closing.load(Ordering::SeqCst) {
        let wanted = pair.view().state.wants_replay();
        let pause = if !wanted {
            backoff.reset();
            pair.setup.poll
        } else {
            let ran = replay(pair, &mut wakings);
            pair.seen.lock().replay_ended.get_or_insert_with(Instant::now);
            match ran {
                Ok(Ran::NotOurs) => pair.setup.poll,
                Ok(Ran::Done) => {
                    backoff.reset();
                    Duration::ZERO
                }
                Err(e) => {
                    log::debug!(target: "twinpool::replay", "{}: replay stopped: {e}", pair.setup.name);
                    let mut seen = pair.seen.lock();
                    seen.mirror_reachable &= !e.is_lost();
                    seen.last_error = Some(e);
                    drop(seen);
                    backoff.pause()
                }
            }
        };
        // Commits wake the pool often; a mirror that is away is asked again only when its pause is over.
        let end = Instant::now() + pause;
        while !pair.closing.load(Ordering::SeqCst) && !now.swap(false, Ordering::SeqCst) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if !wanted && pair.view().state.wants_replay() {
                break;
            }
            pair.sleep(&mut wakings, left);
        }
    }
}

enum Ran {
    /// Another process replays.
    NotOurs,
    Done,
}

/// One run: under the replay lock, until the pair is in step or something stops it.
fn replay(pair: &Arc<Pair>, wakings: &mut u64) -> Result<Ran> {
    // The mirror first: while it is away no lock is taken and no other connection made.
    let mirror = pair.open_mirror().and_then(|mut mirror| {
        validate(&mut mirror, &pair.setup.mirror_validation, pair.setup.mirror_timeout)?;
        Ok(mirror)
    });
    pair.seen.lock().mirror_reachable = mirror.is_ok();
    let mirror = mirror?;
    let Some(_lock) = locks::try_lock(pair.open_master()?, "twin-replay", true)? else {
        return Ok(Ran::NotOurs);
    };
    let mut master = pair.open_master()?;
    // Reading a batch may take its time, but a master that does not answer must not hold this thread for ever.
    master.set_call_timeout(Some(Duration::from_secs(60)));
    {
        let mut seen = pair.seen.lock();
        seen.replay_done = 0;
        (seen.replay_began, seen.replay_ended) = (Some(Instant::now()), None);
        seen.last_error = None;
    }
    let _ = look(pair);
    let mut replayer = Replayer::start(pair, master, mirror)?;
    let mut backoff = Backoff::new(Duration::from_millis(5), pair.setup.poll);
    while !pair.closing.load(Ordering::SeqCst) && pair.view().state.wants_replay() {
        match replayer.step()? {
            Step::Progressed => backoff.reset(),
            Step::Drained if pair.view().asynchronous => {
                let _ = look(pair);
                pair.sleep(wakings, pair.setup.poll);
            }
            Step::Drained => break,
            Step::NotYet => pair.sleep(wakings, backoff.pause()),
        }
    }
    let _ = look(pair);
    Ok(Ran::Done)
}

/// Starts both threads.
pub fn start(
    pair: &Arc<Pair>,
    liveness: Held,
    now: &Arc<AtomicBool>,
) -> Result<Vec<std::thread::JoinHandle<()>>> {
    let failed = |e: std::io::Error| {
        Error::new(crate::Status::Internal, format!("open: a background thread cannot be started: {e}"))
    };
    let (a, b, now) = (Arc::clone(pair), Arc::clone(pair), Arc::clone(now));
    Ok(vec![
        crate::thread::spawn("twinpool-watch", move || watch(&a, liveness)).map_err(failed)?,
        crate::thread::spawn("twinpool-replay", move || catch_up(&b, &now)).map_err(failed)?,
    ])
}
