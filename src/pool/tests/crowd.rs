//! Many callers, few sessions.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use super::super::PoolSettings;
use super::stub::*;

#[test]
fn sixty_four_threads_on_ten_sessions_are_all_served_and_never_share_one() {
    let rig = rig(quiet(0, 10));
    let end = Instant::now() + ms(1000);
    let served: Vec<usize> = thread::scope(|s| {
        let threads: Vec<_> = (0..64)
            .map(|i| {
                let pool = rig.pool.clone();
                s.spawn(move || {
                    let mut n = 0;
                    while Instant::now() < end {
                        let mut lease = pool.acquire(None).unwrap();
                        lease.uses += 1;
                        lease.use_for(if n % 50 == i % 50 { ms(1) } else { Duration::ZERO });
                        // Some are thrown away.
                        if n % 97 == 96 {
                            lease.evict()
                        } else {
                            lease.release().unwrap()
                        }
                        n += 1;
                    }
                    n
                })
            })
            .collect();
        // Also seen from outside it is never more than ten.
        while Instant::now() < end {
            let f = rig.pool.figures();
            assert!(f.total <= 10 && f.idle + f.active <= f.total, "{f:?}");
            thread::sleep(ms(1));
        }
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
    println!("cycles: {} in all, {least} to {most} per thread", served.iter().sum::<usize>());
    assert!(*least > 0, "{served:?}");
    assert_eq!(rig.pool.figures().active, 0);
    rig.end();
}

#[test]
fn a_burst_opens_hardly_more_sessions_than_it_needs() {
    let rig = rig(quiet(5, 50));
    until("five are there", || rig.pool.figures().idle == 5);
    rig.world.connect_ms.store(150, SeqCst);
    let together = Barrier::new(50);
    thread::scope(|s| {
        for _ in 0..50 {
            s.spawn(|| {
                together.wait();
                rig.pool.acquire(None).unwrap().use_for(ms(2));
            });
        }
    });
    until("nothing is being opened", || rig.pool.figures().opening == 0);
    // One was begun while all five were in use; on a slow machine perhaps a second.
    let total = rig.pool.figures().total;
    assert!(total <= 8, "{total}");
    rig.end();
}

#[test]
fn a_burst_on_an_empty_pool_never_exceeds_the_maximum() {
    let rig = rig(PoolSettings { acquire_increment: 3, ..quiet(0, 4) });
    rig.world.connect_ms.store(10, SeqCst);
    thread::scope(|s| {
        for _ in 0..30 {
            s.spawn(|| rig.pool.acquire(None).unwrap().use_for(ms(5)));
        }
    });
    assert!(rig.world.most_open.load(SeqCst) <= 4);
    rig.end();
}

#[test]
fn an_increment_opens_that_many_side_by_side_and_one_by_one_otherwise() {
    for (increment, expected) in [(1, 2), (3, 4)] {
        let rig = rig(PoolSettings { acquire_increment: increment, ..quiet(0, 10) });
        let held = rig.pool.acquire(None).unwrap();
        until("the first openings are over", || rig.pool.figures().opening == 0);
        let before = rig.pool.figures().total;
        rig.pool.evict_idle();
        // Long enough for all that are to be begun to begin.
        rig.world.connect_ms.store(400, SeqCst);
        let second = rig.pool.acquire(None).unwrap();
        until("the openings are over", || rig.pool.figures().opening == 0);
        assert_eq!(rig.pool.figures().total, expected, "{increment} (first {before})");
        drop((held, second));
        rig.end();
    }
}

#[test]
fn timeouts_in_a_crowd_lose_no_session() {
    let rig = rig(quiet(0, 2));
    thread::scope(|s| {
        for i in 0..16u64 {
            let pool = rig.pool.clone();
            s.spawn(move || {
                for n in 0..60 {
                    if let Ok(lease) = pool.acquire(Some(Duration::from_micros(200 * ((i + n) % 12)))) {
                        lease.use_for(Duration::from_micros(300));
                    }
                }
            });
        }
    });
    let f = rig.pool.figures();
    assert_eq!((f.active, f.waiting, f.idle), (0, 0, f.total));
    assert!(f.timeouts > 0 && f.acquired > 0, "{f:?}");
    rig.end();
}

/// For five seconds, or for as many seconds as TWINPOOL_ROUNDS says.
#[test]
fn a_thousand_threads_on_ten_sessions_are_all_served_alike() {
    let seconds = std::env::var("TWINPOOL_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(5);
    let rig = rig(quiet(10, 10));
    until("ten are there", || rig.pool.figures().idle == 10);
    let stop = AtomicBool::new(false);
    let served: Vec<usize> = thread::scope(|s| {
        let threads: Vec<_> = (0..1000)
            .map(|_| {
                s.spawn(|| {
                    let mut n = 0;
                    while !stop.load(SeqCst) {
                        let lease = rig.pool.acquire(None).unwrap();
                        lease.use_for(Duration::from_micros(100));
                        lease.release().unwrap();
                        n += 1;
                    }
                    n
                })
            })
            .collect();
        thread::sleep(Duration::from_secs(seconds));
        stop.store(true, SeqCst);
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let (least, all) = (*served.iter().min().unwrap(), served.iter().sum::<usize>());
    println!("cycles: {all} in all, least of a thread {least}");
    // Whoever comes back stands behind all others: nobody falls far behind the average, save for a late start.
    assert!(least * 4 >= all / 1000, "{least} of {all}");
    let f = rig.pool.figures();
    assert_eq!((f.active, f.idle, f.opened, f.timeouts), (0, 10, 10, 0), "{f:?}");
    rig.end();
}

#[test]
fn pools_come_and_go_without_leaving_threads() {
    let before = threads();
    for _ in 0..100 {
        let rig = rig(quiet(1, 2));
        drop(rig.pool.acquire(None).unwrap());
        rig.end();
    }
    // Other tests have pools of their own meanwhile.
    until("threads end", || threads() < before + 90);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |d| d.count())
}
