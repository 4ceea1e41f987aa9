//! What must hold in whatever order the pool's threads run. A wait that nobody ends is a deadlock, which the
//! scheduler reports with the order that led to it. TWINPOOL_ROUNDS: hundreds of orders for each test (default 3).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};
use twinpool_interleavings::error::{Error, Result, Status};
use twinpool_interleavings::pool::{InitFail, Manager, Pool, PoolSettings};

/// Limits that no test's real time comes near.
const LONG: Duration = Duration::from_secs(3600);

#[derive(Default)]
struct World {
    open: AtomicUsize,
    made: AtomicUsize,
    most_out: AtomicUsize,
    out: AtomicUsize,
}

struct Stub(Arc<World>);

struct Session {
    broken: bool,
}

impl Manager for Stub {
    type Item = Session;
    fn connect(&self, _: Instant) -> Result<Session> {
        // Others go on while a connect is under way.
        thread::yield_now();
        self.0.open.fetch_add(1, SeqCst);
        self.0.made.fetch_add(1, SeqCst);
        Ok(Session { broken: false })
    }
    fn is_valid(&self, session: &mut Session, _: Duration) -> Result<()> {
        thread::yield_now();
        match session.broken {
            false => Ok(()),
            true => Err(Error::new(Status::Unreachable, "broken")),
        }
    }
    fn has_broken(&self, session: &Session) -> bool {
        session.broken
    }
    fn reset(&self, _: &mut Session) -> Result<()> {
        thread::yield_now();
        Ok(())
    }
    fn close(&self, _: Session) {
        self.0.open.fetch_sub(1, SeqCst);
    }
    fn note(&self) -> String {
        String::new()
    }
}

impl World {
    fn use_one(&self) {
        let out = self.out.fetch_add(1, SeqCst) + 1;
        self.most_out.fetch_max(out, SeqCst);
        thread::yield_now();
        self.out.fetch_sub(1, SeqCst);
    }
}

fn settings(min: usize, max: usize) -> PoolSettings {
    PoolSettings {
        min,
        max,
        initial: 0,
        acquire_timeout: LONG,
        keeper_period: LONG,
        idle_timeout: None,
        max_lifetime: None,
        keepalive: None,
        init_fail: InitFail::Background,
        ..PoolSettings::default()
    }
}

/// Runs `test` in many orders.
fn in_any_order(settings: PoolSettings, test: fn(&Pool<Stub>, &Arc<World>)) {
    let rounds = std::env::var("TWINPOOL_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(3);
    let run = move || {
        let world = Arc::new(World::default());
        let pool = Pool::open(Stub(world.clone()), settings.clone()).unwrap();
        test(&pool, &world);
        let f = pool.figures();
        assert_eq!((f.active, f.waiting), (0, 0), "{f:?}");
        // By the dice, any wait may end by its limit.
        while let Err(e) = pool.close(LONG) {
            assert_eq!(e.status(), Status::Timeout, "{e}");
        }
        assert_eq!(world.open.load(SeqCst), 0, "sessions left open");
        assert!(world.most_out.load(SeqCst) <= settings.max);
    };
    // A pool's slots are made on the stack of whoever opens it.
    let config = || {
        let mut config = Config::new();
        config.stack_size = 1 << 20;
        config
    };
    Runner::new(RandomScheduler::new(rounds * 100), config()).run(run.clone());
    Runner::new(PctScheduler::new(3, rounds * 100), config()).run(run);
}

fn threads(n: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let all: Vec<_> = (0..n)
        .map(|i| {
            let work = work.clone();
            thread::spawn(move || work(i))
        })
        .collect();
    all.into_iter().for_each(|t| t.join().unwrap());
}

/// A session, or none because the limit passed.
fn try_use(pool: &Pool<Stub>, world: &World, broken: bool) -> Option<Error> {
    match pool.acquire(None) {
        Ok(mut lease) => {
            world.use_one();
            lease.broken = broken;
            lease.release().unwrap();
            None
        }
        Err(e) => Some(e),
    }
}

#[test]
fn whoever_waits_is_served_or_gives_up_and_no_session_is_lost() {
    in_any_order(settings(0, 1), |pool, world| {
        let (pool, world) = (pool.clone(), world.clone());
        threads(3, move |_| {
            for _ in 0..2 {
                if let Some(e) = try_use(&pool, &world, false) {
                    assert_eq!(e.status(), Status::AcquireTimeout, "{e}");
                }
            }
        });
    });
}

#[test]
fn a_session_that_breaks_is_replaced_for_those_who_wait() {
    in_any_order(settings(1, 2), |pool, world| {
        let (p, w) = (pool.clone(), world.clone());
        threads(3, move |i| {
            try_use(&p, &w, i == 0);
        });
        // Whoever comes now and does not give up is served.
        while try_use(pool, world, false).is_some() {}
    });
}

#[test]
fn a_close_among_acquires_sends_all_away_and_ends_everything() {
    in_any_order(settings(0, 2), |pool, world| {
        let (pool, world) = (pool.clone(), world.clone());
        threads(3, move |i| {
            if i == 0 {
                let _ = pool.close(LONG);
            } else if let Some(e) = try_use(&pool, &world, false) {
                assert!(matches!(e.status(), Status::PoolClosed | Status::AcquireTimeout), "{e}");
            }
        });
    });
}

#[test]
fn a_suspension_ends_for_all_who_wait() {
    in_any_order(settings(1, 2), |pool, world| {
        pool.suspend(false).unwrap();
        let (p, w) = (pool.clone(), world.clone());
        threads(3, move |i| {
            if i == 0 {
                p.resume();
            } else if let Some(e) = try_use(&p, &w, false) {
                assert_eq!(e.status(), Status::AcquireTimeout, "{e}");
            }
        });
    });
}

#[test]
fn a_soft_eviction_among_acquires_loses_nobody() {
    in_any_order(settings(1, 2), |pool, world| {
        let (pool, world) = (pool.clone(), world.clone());
        threads(3, move |i| match i {
            0 => pool.evict_idle(),
            1 => pool.set(settings(0, 1)),
            _ => {
                try_use(&pool, &world, false);
            }
        });
    });
}

/// By the short way, as the C border goes it; or else by the long one.
fn try_key(pool: &Pool<Stub>, world: &World) -> Option<Error> {
    let rack = pool.rack();
    if rack.gate.is_open()
        && let Some((slot, key)) = rack.take(0)
    {
        if rack.gate.is_open() {
            world.use_one();
        }
        pool.release_key(slot, key);
        return None;
    }
    try_use(pool, world, false)
}

#[test]
fn who_goes_the_short_way_forgets_nobody_who_waits() {
    in_any_order(settings(1, 1), |pool, world| {
        while try_use(pool, world, false).is_some() {}
        let (p, w) = (pool.clone(), world.clone());
        threads(3, move |_| {
            for _ in 0..2 {
                if let Some(e) = try_key(&p, &w) {
                    assert_eq!(e.status(), Status::AcquireTimeout, "{e}");
                }
            }
        });
    });
}

#[test]
fn a_close_or_an_eviction_beside_the_short_way_ends_every_session_once() {
    in_any_order(settings(1, 2), |pool, world| {
        while try_use(pool, world, false).is_some() {}
        let (p, w) = (pool.clone(), world.clone());
        threads(3, move |i| match i {
            0 => {
                p.evict_idle();
                let _ = p.close(LONG);
            }
            _ => {
                for _ in 0..2 {
                    if let Some(e) = try_key(&p, &w) {
                        assert!(matches!(e.status(), Status::PoolClosed | Status::AcquireTimeout), "{e}");
                    }
                }
            }
        });
    });
}

#[test]
fn who_waits_for_quiet_sees_the_last_session_come_back_by_the_short_way() {
    in_any_order(settings(1, 1), |pool, world| {
        while try_use(pool, world, false).is_some() {}
        let (p, w) = (pool.clone(), world.clone());
        threads(2, move |i| {
            if i == 0 {
                try_key(&p, &w);
            } else {
                while !p.wait_quiet(LONG) {}
            }
        });
    });
}
