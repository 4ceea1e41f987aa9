//! What is promised, looked at in every state.

use stateright::{Model, Property};

use crate::action::Protocol;
use crate::rules::Rules;
use crate::scenario::{ROWS, SLOTS};
use crate::state::{Half, Phase, Server, Stage, State};

pub const IN_ORDER: &str = "the mirror's history of every row is a prefix of the master's";
pub const NOTHING_LOST: &str = "what is committed is on the mirror, pending or queued";
pub const ONCE: &str = "nothing is applied twice";
pub const EQUAL: &str = "in sync and quiet, both sides are equal";
pub const TRUE_ANSWERS: &str = "a definite answer is true";
pub const NOT_STUCK: &str = "something leads on from every state";
pub const COMES_BACK: &str = "the pair comes back in step with everything on both sides";
pub const NO_FALSE_ALARM: &str = "positions never look like those of a database that was put back";
pub const GOES_DIRECT: &str = "transactions of both pools commit directly";

pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(IN_ORDER, in_order),
        Property::always(NOTHING_LOST, nothing_is_lost),
        Property::always(ONCE, once),
        Property::always(EQUAL, |m: &Protocol, s: &State| {
            !is_quiet(m, s) || s.master.history == s.mirror.history
        }),
        Property::always(TRUE_ANSWERS, |m: &Protocol, s: &State| {
            m.transactions().all(|t| match s.tx(t).phase {
                Phase::Committed => s.tx(t).server == Server::Done,
                Phase::RolledBack => s.tx(t).server != Server::Done,
                _ => true,
            })
        }),
        Property::always(NO_FALSE_ALARM, positions_fit),
        Property::always(NOT_STUCK, |m: &Protocol, s: &State| !m.scenario.find_stuck || leads_on(m, s)),
        Property::sometimes(COMES_BACK, |m: &Protocol, s: &State| {
            s.master.epoch > 2 && is_quiet(m, s) && s.mirror.history[0].len() >= 2
        }),
        Property::sometimes(GOES_DIRECT, |m: &Protocol, s: &State| {
            let direct =
                |p| m.transactions().any(|t| m.plan(t).pool == p && s.tx(t).phase == Phase::Committed);
            s.master.epoch == 1 && direct(0) && direct(1)
        }),
    ]
}

/// Nothing leads on from a state like this: what comes after it would only hide where it broke.
pub fn is_broken(m: &Protocol, s: &State) -> bool {
    !in_order(m, s) || !once(m, s) || !nothing_is_lost(m, s)
}

fn in_order(_: &Protocol, s: &State) -> bool {
    (0..ROWS).all(|r| s.master.history[r].starts_with(&s.mirror.history[r]))
}

fn once(m: &Protocol, s: &State) -> bool {
    m.transactions().all(|t| (0..ROWS).all(|r| s.mirror.history[r].count(t) <= 1))
}

fn nothing_is_lost(m: &Protocol, s: &State) -> bool {
    m.transactions().filter(|t| s.tx(*t).server == Server::Done).all(|t| {
        let there = m.rows(t).all(|r| s.mirror.history[r].contains(t));
        let pending = s.master.pending.iter().any(|row| row.direct == Some(t)) && !m.is_applied(s, t);
        let queued = s.master.queue.contains(t) && !m.is_applied(s, t);
        there || pending || queued
    })
}

/// What is taken as evidence that a database was put back: none of it may be there in any state. It is enough to
/// look at single states, because all that is compared only grows while no pool is being removed, and is read
/// in the order in which it may lag behind: the mirror's positions, the master, the positions again. Where a rule
/// is switched off an alarm may come before the damage.
fn positions_fit(m: &Protocol, s: &State) -> bool {
    *m.rules() != Rules::ALL
        || (0..SLOTS).all(|slot| {
            let of_slot = || m.transactions().filter(|t| usize::from(m.plan(*t).slot) == slot);
            let Some(pool) = of_slot().next().map(|t| m.plan(t).pool) else { return true };
            let applied = s.mirror.positions[slot].unwrap_or(0);
            let row = s.master.pending[slot];
            if !row.exists {
                // A pool that was removed takes its registration along, but its positions first.
                return applied == 0 || s.master.registered[usize::from(pool)];
            }
            let committed = |below: u8| {
                let done = of_slot().filter(|t| s.tx(*t).server == Server::Done);
                done.map(|t| m.plan(t).seq).filter(|seq| *seq < below).max().unwrap_or(0)
            };
            let direct = row.direct.map_or(0, |t| m.plan(t).seq);
            let needed = if direct > applied { committed(direct) } else { committed(u8::MAX) };
            let queued = s.master.queue.iter().any(|t| usize::from(m.plan(t).slot) == slot);
            applied <= committed(u8::MAX) && (queued || needed <= applied)
        })
}

/// In sync, nothing pending, nobody in the middle of anything.
fn is_quiet(m: &Protocol, s: &State) -> bool {
    s.master.in_sync
        && s.master.queue.is_empty()
        && m.pending(s).is_empty()
        && !s.replayers.iter().flatten().any(|r| r.stage == Stage::Applying)
        && m.transactions().all(|t| {
            let tx = s.tx(t);
            tx.server != Server::Open && !matches!(tx.half, Half::Open | Half::Adrift)
        })
}

/// All is done, or some action that is not misfortune leads to another state. What a dead process leaves
/// behind waits for the next pool that opens: states in which nobody lives are no concern.
fn leads_on(m: &Protocol, s: &State) -> bool {
    if s.master.epoch >= m.scenario.epochs || s.pools.iter().any(|p| !p.alive) {
        return true;
    }
    let over = |phase| matches!(phase, Phase::Committed | Phase::RolledBack | Phase::Unknown);
    if s.master.in_sync
        && s.master.history == s.mirror.history
        && m.transactions().all(|t| over(s.tx(t).phase))
    {
        return true;
    }
    let mut actions = Vec::with_capacity(128);
    m.all_actions(&mut actions);
    actions.into_iter().filter(|a| a.is_progress()).any(|a| m.next_state(s, a).is_some())
}
