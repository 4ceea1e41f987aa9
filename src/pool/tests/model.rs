//! The pool against a simple model of it, step by step on one thread.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Lease, PoolSettings};
use super::stub::*;

#[derive(Clone, Debug)]
enum Step {
    Acquire,
    Release(usize),
    Evict(usize),
    Break(usize),
    EvictIdle,
    Advance(u64),
    Keep,
    Restart,
    Suspend,
    Resume,
    Resize(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Acquire),
        4 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Evict),
        1 => any::<usize>().prop_map(Step::Break),
        1 => Just(Step::EvictIdle),
        2 => (1..200u64).prop_map(Step::Advance),
        2 => Just(Step::Keep),
        1 => Just(Step::Restart),
        1 => Just(Step::Suspend),
        1 => Just(Step::Resume),
        1 => (1..5usize).prop_map(Step::Resize),
    ]
}

/// What the pool should be: enough to say what may be handed out.
struct Model {
    /// Age in seconds of every session known, by id.
    born: std::collections::HashMap<usize, u64>,
    now: u64,
    suspended: bool,
    max: usize,
    evictions: std::collections::HashMap<usize, u64>,
    eviction: u64,
}

const LIFETIME: u64 = 300;

proptest! {
    // No files beside the source: a failing case is printed.
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_counts_agree_and_nothing_old_closed_or_dead_is_handed_out(
        steps in prop::collection::vec(step(), 1..60),
        min in 0..4usize,
    ) {
        let settings = |max: usize| PoolSettings {
            max_lifetime: Some(Duration::from_secs(LIFETIME)),
            idle_timeout: Some(Duration::from_secs(100)),
            keepalive: Some(Duration::from_secs(60)),
            alive_bypass: ms(500),
            ..quiet(min.min(max), max)
        };
        let rig = rig(settings(4));
        let mut held: Vec<Lease<Stub>> = Vec::new();
        let mut m = Model {
            born: Default::default(), now: 0, suspended: false, max: 4,
            evictions: Default::default(), eviction: 0,
        };
        for s in steps {
            match s {
                Step::Acquire => {
                    let before = held.len();
                    // Long enough where a session can be had, short where it cannot.
                    let room = !m.suspended && before < m.max;
                    match rig.pool.acquire(Some(if room { LONG } else { Duration::ZERO })) {
                        Ok(lease) => {
                            prop_assert!(room, "more than the maximum, or while suspended");
                            prop_assert!(held.iter().all(|h| h.id != lease.id), "handed out twice");
                            prop_assert!(!rig.world.closed.lock().contains(&lease.id), "closed");
                            prop_assert!(lease.is_alive(), "dead");
                            let born = *m.born.entry(lease.id).or_insert(m.now);
                            prop_assert!(m.now - born < LIFETIME, "too old");
                            let eviction = *m.evictions.entry(lease.id).or_insert(m.eviction);
                            prop_assert_eq!(eviction, m.eviction, "evicted");
                            held.push(lease);
                        }
                        Err(e) => prop_assert!(!room, "{}", e),
                    }
                }
                Step::Release(i) if !held.is_empty() => {
                    let i = i % held.len();
                    held.swap_remove(i).release().unwrap();
                }
                Step::Evict(i) if !held.is_empty() => {
                    let i = i % held.len();
                    held.swap_remove(i).evict();
                }
                Step::Break(i) if !held.is_empty() => {
                    let i = i % held.len();
                    held[i].broken = true;
                }
                Step::EvictIdle => {
                    rig.pool.evict_idle();
                    m.eviction += 1;
                }
                Step::Advance(s) => {
                    m.now += s;
                    rig.clock.advance(Duration::from_secs(s));
                }
                Step::Keep => rig.pool.keep(),
                Step::Restart => {
                    rig.world.restart();
                    // Past the window in which recent use is trusted.
                    m.now += 1;
                    rig.clock.advance(Duration::from_secs(1));
                }
                Step::Suspend => {
                    rig.pool.suspend(false).unwrap();
                    m.suspended = true;
                }
                Step::Resume => {
                    rig.pool.resume();
                    m.suspended = false;
                }
                Step::Resize(max) => {
                    rig.pool.set(settings(max));
                    m.max = max;
                }
                _ => {}
            }
            // A change of settings wakes the keeper, who may have one out to validate it.
            let mut f = rig.pool.figures();
            until("the background is at rest", || {
                f = rig.pool.figures();
                f.opening == 0 && f.total == f.idle + f.active
            });
            prop_assert_eq!(f.active, held.len());
            prop_assert!(f.total <= m.max.max(held.len()), "{:?}", f);
            prop_assert!(f.total >= min.min(m.max), "{:?}", f);
            prop_assert_eq!(f.waiting, 0);
        }
        drop(held);
        rig.pool.close(LONG).unwrap();
        prop_assert_eq!(rig.world.open.load(SeqCst), 0);
        prop_assert_eq!(rig.pool.figures().opened, rig.world.closed.lock().len() as u64);
    }
}
