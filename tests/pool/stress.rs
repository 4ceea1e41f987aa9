//! Many threads, many pools, restarts and ends, on real pairs.

use std::sync::Barrier;

use twinpool::Status;

use super::*;

/// Whether TWINPOOL_ROUNDS asks for more than a test.
fn soaking() -> bool {
    std::env::var_os("TWINPOOL_ROUNDS").is_some()
}

/// Kilobytes of this process that are in memory.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Threads of this process that are the library's.
fn threads() -> usize {
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(name).filter(|n| n.starts_with("twinpool")).count()
}

on_all_engines! {
    /// For two seconds; in a soak for a minute.
    fn a_thousand_threads_share_ten_real_sessions_and_none_starves(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[
            ("pool.max", "10"), ("pool.initial", "10"), ("pool.acquire_timeout_ms", "120000"),
        ]);
        let opened = pool.metrics().pool.opened;
        let (stop, seconds) = (AtomicBool::new(false), if soaking() { 60 } else { 2 });
        // Whoever is there before the others has the pool to itself: counted is what comes when all are there.
        let (together, counted) = (Barrier::new(1001), AtomicBool::new(false));
        let served: Vec<usize> = thread::scope(|s| {
            let threads: Vec<_> = (0..1000)
                .map(|_| s.spawn(|| {
                    let mut n = 0;
                    together.wait();
                    while !stop.load(SeqCst) {
                        let mut session = pool.acquire(None).unwrap_or_else(|e| panic!("acquire: {e}"));
                        one(&mut session).unwrap_or_else(|e| panic!("{e}"));
                        session.release().unwrap();
                        n += usize::from(counted.load(SeqCst));
                    }
                    n
                }))
                .collect();
            together.wait();
            thread::sleep(Duration::from_millis(300));
            counted.store(true, SeqCst);
            thread::sleep(Duration::from_secs(seconds));
            stop.store(true, SeqCst);
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let (least, most, all) = (served.iter().min().unwrap(), served.iter().max().unwrap(), served.iter().sum::<usize>());
        println!("{}: {all} in all, {least} to {most} of a thread", pair.engine());
        // In the order in which they came: who was served much more than others passed them by.
        assert!(*most <= 2 * (all / 1000) + 8 && all / 1000 <= 2 * *least + 8, "{least} to {most} of {all}");
        let f = pool.metrics().pool;
        assert_eq!((f.active, f.waiting, f.timeouts, f.opened, f.total), (0, 0, 0, opened.max(10), 10), "{f:?}");
        close(pool);
    }

    fn a_burst_opens_no_more_sessions_than_there_may_be_and_all_are_served(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.min", "0"), ("pool.max", "8"), ("pool.initial", "1")]);
        let together = Barrier::new(60);
        thread::scope(|s| {
            for _ in 0..60 {
                s.spawn(|| {
                    together.wait();
                    one(&mut pool.acquire(None).unwrap_or_else(|e| panic!("{e}"))).unwrap();
                });
            }
        });
        let f = pool.metrics().pool;
        assert!(f.opened <= 8 && f.total <= 8, "{f:?}");
        assert_eq!((f.active, f.waiting, f.timeouts), (0, 0, 0), "{f:?}");
        close(pool);
    }

    fn a_pool_closed_with_sessions_out_ends_by_its_deadline_and_they_end_when_they_come_back(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE ends (id BIGINT PRIMARY KEY)");
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "3"), ("pool.initial", "3")]);
        let mut out = pool.acquire(None).unwrap();
        out.begin().unwrap();
        out.execute("INSERT INTO ends VALUES (1)", &[]).unwrap();
        let start = Instant::now();
        let e = pool.close(Duration::from_millis(200)).unwrap_err();
        assert_eq!(e.status(), Status::Timeout);
        assert!(e.message().contains("1 sessions in use"), "{e}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert_eq!(pool.acquire(None).err().map(|e| e.status()), Some(Status::PoolClosed));
        assert_eq!(out.commit().unwrap(), Status::Ok);
        drop(out);
        close(pool);
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT count(*) FROM ends"), 1);
    }

    fn who_waits_for_a_suspended_pool_is_served_when_it_is_resumed_or_gives_up_in_time(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "2")]);
        pool.suspend(false).unwrap();
        thread::scope(|s| {
            let hasty: Vec<_> = (0..5).map(|_| s.spawn(|| pool.acquire(Some(Duration::from_millis(100))).map(drop))).collect();
            let patient: Vec<_> = (0..5)
                .map(|_| s.spawn(|| one(&mut pool.acquire(Some(Duration::from_secs(60))).unwrap_or_else(|e| panic!("{e}")))))
                .collect();
            for gave_up in hasty {
                let e = gave_up.join().unwrap().unwrap_err();
                assert!(e.status() == Status::AcquireTimeout && e.message().contains("the pool is suspended"), "{e}");
            }
            until("the others wait", || pool.status().waiting == 5);
            pool.resume().unwrap();
            patient.into_iter().for_each(|t| t.join().unwrap().unwrap());
        });
        close(pool);
    }

    /// Sessions that are out go on; none of the old ones is there in the end.
    fn a_soft_eviction_under_load_replaces_every_session_and_fails_nobody(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "4"), ("pool.initial", "4")]);
        let stop = AtomicBool::new(false);
        thread::scope(|s| {
            let load: Vec<_> = (0..12)
                .map(|_| s.spawn(|| {
                    while !stop.load(SeqCst) {
                        one(&mut pool.acquire(None).unwrap_or_else(|e| panic!("acquire: {e}"))).unwrap();
                    }
                }))
                .collect();
            for _ in 0..3 {
                let closed = pool.metrics().pool.opened;
                pool.evict();
                until("four new ones", || pool.metrics().pool.opened >= closed + 4);
            }
            stop.store(true, SeqCst);
            load.into_iter().for_each(|t| t.join().unwrap());
        });
        let f = pool.metrics().pool;
        assert!(f.opened >= 16 && f.total <= 4 && f.timeouts == 0, "{f:?}");
        close(pool);
    }

    /// In a process of its own, where nobody else has files, threads and memory. 50 pools; in a soak 1,000.
    fn pools_that_come_and_go_leave_no_thread_no_file_and_no_memory(pair: &Pair) {
        let [master, mirror] = pair.nodes().map(|node| node.connection_string());
        let before = connections(pair);
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stress::pools_in_a_process_of_their_own", "--ignored", "--nocapture"])
            .env("PAIR_MASTER", master)
            .env("PAIR_MIRROR", mirror)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
        let figures = said.lines().find(|l| l.contains(" pools")).expect("the child has run");
        // libmaodbc 3.1.15 loses 1 KiB with each connection that may send several statements in one text.
        let lost = connections(pair) - before;
        println!("{}: {figures}, {lost} KiB of them lost by the driver", pair.engine());
        let number = |word: &str| figures.split(word).next()?.split(' ').rfind(|w| !w.is_empty())?.parse::<i64>().ok();
        let (pools, more) = (number(" pools").unwrap(), number(" KiB").unwrap());
        assert!(more < 2000 + pools + lost, "{figures}, {lost} KiB lost by the driver");
    }
}

#[test]
#[ignore = "the child of the test above"]
fn pools_in_a_process_of_their_own() {
    let mut o = Options::new();
    for (key, variable) in [("master", "PAIR_MASTER"), ("mirror", "PAIR_MIRROR")] {
        let Ok(connection) = std::env::var(variable) else { return };
        o.set(key, &connection).unwrap();
    }
    o.parse("pool.max=2;pool.initial=2").unwrap();
    let cycle = || {
        let pool = TwinPool::open(&o).unwrap_or_else(|e| panic!("open: {e}"));
        one(&mut pool.acquire(None).unwrap()).unwrap();
        close(pool);
    };
    // What is loaded once is there, and the allocator has what it keeps.
    (0..20).for_each(|_| cycle());
    let (files_before, threads_before, memory_before) = (files(), threads(), memory());
    let count = if soaking() { 1000 } else { 50 };
    (0..count).for_each(|_| cycle());
    until("files are closed", || files() <= files_before);
    until("threads have ended", || threads() <= threads_before);
    let more = memory().saturating_sub(memory_before);
    // Whether that is too much, the parent says.
    println!("{count} pools, {} files, {} threads, {more} KiB more", files(), threads());
}

/// How many connections MariaDB's servers have had; 0 on other engines.
fn connections(pair: &Pair) -> i64 {
    let sql =
        "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS'";
    match pair.engine() {
        Engine::MariaDb => pair.nodes().iter().map(|node| node.count(sql)).sum(),
        _ => 0,
    }
}
