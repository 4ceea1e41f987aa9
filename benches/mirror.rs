//! What mirroring costs: TPC-B-like transactions on one database, on two by a plain sequential double-writer,
//! and through twinpool; and replay against one-by-one execution. Real servers with fsync on, on this machine.
//!
//! Five interleaved rounds, medians of each round's ratio: machines are shared and noisy, ratios hold. One line per result:
//! `ratio NAME VALUE goal >= NUMBER`, `figure NAME VALUE`, `count NAME VALUE`. Always exits with 0.
//!
//! `make bench ONLY=mirror`; ENGINES=postgres,mariadb,sqlite, PART=transactions, company or replay, and ROUNDS=5,
//! SECONDS_EACH=1.0 narrow it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use twinpool::link::{Link, LinkSettings};
use twinpool::{MirrorState, Options, Session, Side, TwinPool, Value};
use twinpool_testkit::{Engine, Pair, Rng, Settings};

const BRANCHES: i64 = 16;
const TELLERS: i64 = 10 * BRANCHES;
const ACCOUNTS: i64 = 1000 * BRANCHES;
const CLIENTS: [usize; 3] = [1, 4, 16];

static HISTORY: AtomicI64 = AtomicI64::new(0);

/// The five statements, on the tables with this prefix.
macro_rules! texts {
    ($prefix:literal) => {
        [
            concat!("UPDATE ", $prefix, "_accounts SET abalance = abalance + ? WHERE aid = ?"),
            concat!("SELECT abalance FROM ", $prefix, "_accounts WHERE aid = ?"),
            concat!("UPDATE ", $prefix, "_tellers SET tbalance = tbalance + ? WHERE tid = ?"),
            concat!("UPDATE ", $prefix, "_branches SET bbalance = bbalance + ? WHERE bid = ?"),
            concat!("INSERT INTO ", $prefix, "_history (hid, tid, bid, aid, delta) VALUES (?, ?, ?, ?, ?)"),
        ]
    };
}

/// What both sides have.
const TWO: [&str; 5] = texts!("tp");
/// What one database alone is measured on: the master's, and nobody else's.
const ONE: [&str; 5] = texts!("alone");
/// Which of them reads.
const READS: usize = 1;

/// One transaction's parameters, statement by statement.
fn statements(rng: &mut Rng) -> [Vec<Value>; 5] {
    let (aid, tid) = (1 + rng.below(ACCOUNTS as u64) as i64, 1 + rng.below(TELLERS as u64) as i64);
    let (bid, delta) = (1 + rng.below(BRANCHES as u64) as i64, rng.below(10_000) as i64 - 5000);
    let hid = HISTORY.fetch_add(1, Ordering::Relaxed);
    let i = Value::Int;
    [
        vec![i(delta), i(aid)],
        vec![i(aid)],
        vec![i(delta), i(tid)],
        vec![i(delta), i(bid)],
        vec![i(hid), i(tid), i(bid), i(aid), i(delta)],
    ]
}

fn prepare(pair: &Pair) {
    for prefix in ["tp", "alone"] {
        for (table, key, column, rows) in [
            ("branches", "bid", "bbalance", BRANCHES),
            ("tellers", "tid", "tbalance", TELLERS),
            ("accounts", "aid", "abalance", ACCOUNTS),
        ] {
            pair.sql_on_both(&format!(
                "CREATE TABLE {prefix}_{table} ({key} INTEGER NOT NULL PRIMARY KEY, {column} BIGINT NOT NULL, filler CHAR(84))"
            ));
            for start in (1..=rows).step_by(1000) {
                let values: Vec<String> =
                    (start..(start + 1000).min(rows + 1)).map(|n| format!("({n}, 0, '')")).collect();
                pair.sql_on_both(&format!("INSERT INTO {prefix}_{table} VALUES {}", values.join(",")));
            }
        }
        pair.sql_on_both(&format!(
            "CREATE TABLE {prefix}_history (hid BIGINT NOT NULL PRIMARY KEY, tid INTEGER, bid INTEGER, aid INTEGER, delta INTEGER, filler CHAR(22))"
        ));
    }
}

fn link(side: Side, connection_string: &str) -> Link {
    Link::open(side, connection_string, &LinkSettings::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// One client's way of doing a transaction; true when it had to be repeated.
trait Client: Send {
    fn transaction(&mut self, rng: &mut Rng) -> Result<(), twinpool::Error>;
}

/// One database alone.
struct Direct(Link);

impl Client for Direct {
    fn transaction(&mut self, rng: &mut Rng) -> Result<(), twinpool::Error> {
        let done = (|| {
            self.0.begin(true)?;
            for (sql, params) in ONE.iter().zip(statements(rng)) {
                self.0.run(sql, &params)?;
            }
            self.0.commit()
        })();
        if done.is_err() {
            self.0.rollback()?;
        }
        done
    }
}

/// Both databases, statement after statement, COMMIT after COMMIT; not crash-safe.
struct DoubleWriter(Link, Link);

impl Client for DoubleWriter {
    fn transaction(&mut self, rng: &mut Rng) -> Result<(), twinpool::Error> {
        let done = (|| {
            self.0.begin(true)?;
            self.1.begin(true)?;
            for (n, params) in statements(rng).into_iter().enumerate() {
                let sql = TWO[n];
                self.0.run(sql, &params)?;
                if n != READS {
                    self.1.run(sql, &params)?;
                }
            }
            self.0.commit()?;
            self.1.commit()
        })();
        if done.is_err() {
            self.0.rollback()?;
            self.1.rollback()?;
        }
        done
    }
}

struct Twin(Session);

impl Client for Twin {
    fn transaction(&mut self, rng: &mut Rng) -> Result<(), twinpool::Error> {
        let done = (|| {
            self.0.begin()?;
            for (sql, params) in TWO.iter().zip(statements(rng)) {
                self.0.execute(sql, &params)?;
            }
            self.0.commit().map(drop)
        })();
        if done.is_err() {
            self.0.rollback()?;
        }
        done
    }
}

#[derive(Clone, Debug, Default)]
struct Run {
    tps: f64,
    p50: f64,
    p99: f64,
    repeats: u64,
}

fn measure(clients: Vec<Box<dyn Client>>, length: Duration, seed: u64) -> Run {
    let stop = AtomicBool::new(false);
    let repeats = AtomicU64::new(0);
    let start = Instant::now();
    let mut all: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(n, mut client)| {
                let (stop, repeats) = (&stop, &repeats);
                scope.spawn(move || {
                    let mut rng = Rng::new(seed + n as u64);
                    let mut times = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let begun = Instant::now();
                        loop {
                            match client.transaction(&mut rng) {
                                Ok(()) => break,
                                Err(e) if e.retryable() => {
                                    repeats.fetch_add(1, Ordering::Relaxed);
                                }
                                Err(e) => panic!("{e} {:?}", e.records()),
                            }
                        }
                        times.push(begun.elapsed().as_secs_f64() * 1e3);
                    }
                    times
                })
            })
            .collect();
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|t| t.join().expect("a client panicked")).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    let at = |q: f64| all.get(((all.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(f64::NAN);
    Run { tps: all.len() as f64 / seconds, p50: at(0.5), p99: at(0.99), repeats: repeats.into_inner() }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn pool(pair: &Pair, mode: &str) -> TwinPool {
    let mut o = Options::new();
    for (key, value) in [
        ("master", pair.master.connection_string().as_str()),
        ("mirror", pair.mirror.connection_string().as_str()),
        ("name", mode),
        ("pool.min", "0"),
        ("pool.max", "64"),
        ("mirror.mode", if mode == "async" { "async" } else { "sync" }),
        ("mirror.timeout_ms", "10000"),
    ] {
        o.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    TwinPool::open(&o).unwrap_or_else(|e| panic!("{e}"))
}

fn sessions(pool: &TwinPool, n: usize) -> Vec<Box<dyn Client>> {
    (0..n)
        .map(|_| Box::new(Twin(pool.acquire(None).unwrap_or_else(|e| panic!("{e}")))) as Box<dyn Client>)
        .collect()
}

fn environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn drain(pool: &TwinPool) {
    pool.replay(Duration::from_secs(300), &mut |_| {}).unwrap_or_else(|e| panic!("{e}"));
}

fn transactions(engine: Engine, rounds: usize, length: Duration) {
    let name = engine.name();
    let pair = Pair::private_with(engine, "bench_mirror", &Settings::for_bench());
    prepare(&pair);
    let (a, b) = (pair.master.connection_string(), pair.mirror.connection_string());
    for clients in CLIENTS {
        let mut runs: Vec<[Run; 5]> = Vec::new();
        for round in 0..rounds {
            let seed = (round * 1000) as u64;
            let direct =
                (0..clients).map(|_| Box::new(Direct(link(Side::Master, &a))) as Box<dyn Client>).collect();
            let direct = measure(direct, length, seed);
            let double = (0..clients)
                .map(|_| {
                    Box::new(DoubleWriter(link(Side::Master, &a), link(Side::Mirror, &b))) as Box<dyn Client>
                })
                .collect();
            let double = measure(double, length, seed);
            let p = pool(&pair, "sync");
            let warm = sessions(&p, clients);
            measure(warm, Duration::from_millis(100), seed);
            let sync = measure(sessions(&p, clients), length, seed);
            if p.status().mirror_state != MirrorState::InSync {
                println!("figure {name}_sync_{clients}_left_in_sync {:?}", p.status().reason);
            }
            p.detach().unwrap_or_else(|e| panic!("{e}"));
            let queueing = measure(sessions(&p, clients), length, seed);
            p.attach().unwrap_or_else(|e| panic!("{e}"));
            drain(&p);
            p.close(Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));
            let p = pool(&pair, "async");
            let asynchronous = measure(sessions(&p, clients), length, seed);
            drain(&p);
            p.close(Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));
            eprintln!(
                "  {name}, {clients} clients, round {}/{rounds}: {:.0} direct, {:.0} double, {:.0} sync, {:.0} async, {:.0} queueing tps",
                round + 1,
                direct.tps,
                double.tps,
                sync.tps,
                asynchronous.tps,
                queueing.tps
            );
            runs.push([direct, double, sync, asynchronous, queueing]);
        }
        let of = |n: usize, f: fn(&Run) -> f64| median(runs.iter().map(|r| f(&r[n])).collect());
        for (n, what) in ["direct", "double_writer", "sync", "async", "queueing"].iter().enumerate() {
            println!("figure {name}_{what}_{clients}_tps {:.0}", of(n, |r| r.tps));
            println!("figure {name}_{what}_{clients}_p50_ms {:.3}", of(n, |r| r.p50));
            println!("figure {name}_{what}_{clients}_p99_ms {:.3}", of(n, |r| r.p99));
            println!(
                "count {name}_{what}_{clients}_repeats {}",
                runs.iter().map(|r| r[n].repeats).sum::<u64>()
            );
        }
        let ratio = |n: usize, m: usize| median(runs.iter().map(|r| r[n].tps / r[m].tps).collect());
        against_goal(engine, &format!("sync_to_double_writer_{clients}"), ratio(2, 1), 0.8);
        for (n, what) in [(1, "double_writer"), (2, "sync"), (3, "async"), (4, "queueing")] {
            println!("figure {name}_{what}_to_direct_{clients} {:.2}", ratio(n, 0));
        }
    }
    // No deadlock or retry storm with many clients.
    let p = pool(&pair, "sync");
    let many = measure(sessions(&p, 64), length * 3, 7);
    println!("figure {name}_sync_64_tps {:.0}", many.tps);
    println!("count {name}_sync_64_repeats {}", many.repeats);
    println!(
        "count {name}_sync_64_left_in_sync {}",
        u8::from(p.status().mirror_state != MirrorState::InSync)
    );
    drain(&p);
    p.close(Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));
    let different = pair.differences().iter().filter(|d| !d.contains("alone_")).count();
    println!("count {name}_differences {different}");
}

/// What company costs: the same clients on one pool, on two and on four. To rule F a pool is a pool, whether
/// in a process of its own or not.
fn company(engine: Engine, rounds: usize, length: Duration) {
    let name = engine.name();
    let pair = Pair::private_with(engine, "bench_company", &Settings::for_bench());
    prepare(&pair);
    for clients in [4, 16] {
        let mut runs: Vec<[Run; 3]> = Vec::new();
        let mut queueing = 0;
        for round in 0..rounds {
            runs.push([1, 2, 4].map(|pools| {
                let open: Vec<TwinPool> = (0..pools).map(|_| pool(&pair, "sync")).collect();
                let all = |each: usize| open.iter().flat_map(|p| sessions(p, each)).collect::<Vec<_>>();
                measure(all(clients / pools), Duration::from_millis(100), round as u64);
                let run = measure(all(clients / pools), length, (round * 1000) as u64);
                queueing += u64::from(open[0].status().mirror_state != MirrorState::InSync);
                drain(&open[0]);
                for p in open {
                    p.close(Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));
                }
                run
            }));
            eprintln!("  {name}, company of {clients} clients, round {}/{rounds}", round + 1);
        }
        for (n, pools) in [2, 4].into_iter().enumerate() {
            let ratio = median(runs.iter().map(|r| r[n + 1].tps / r[0].tps).collect());
            println!("figure {name}_pools_{pools}_to_one_{clients} {ratio:.2}");
        }
        println!("count {name}_company_{clients}_left_in_sync {queueing}");
        let repeats = runs.iter().flatten().map(|r| r.repeats).sum::<u64>();
        println!("count {name}_company_{clients}_repeats {repeats}");
    }
    let different = pair.differences().iter().filter(|d| !d.contains("alone_")).count();
    println!("count {name}_company_differences {different}");
}

/// The goals were set for PostgreSQL; the other engines' ratios are told beside them.
fn against_goal(engine: Engine, what: &str, value: f64, goal: f64) {
    let name = engine.name();
    match engine {
        Engine::Postgres => println!("ratio {name}_{what} {value:.2} goal >= {goal}"),
        _ => println!("figure {name}_{what} {value:.2}"),
    }
}

/// The same statements by replay, and one by one in one transaction on a bare connection.
fn replay(engine: Engine, rounds: usize) {
    let name = engine.name();
    let pair = Pair::private_with(engine, "bench_replay", &Settings::for_bench());
    prepare(&pair);
    let transactions = environment("REPLAY_TRANSACTIONS", 3000);
    let mut ratios = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let p = pool(&pair, "sync");
        p.detach().unwrap_or_else(|e| panic!("{e}"));
        let mut twin = Twin(p.acquire(None).unwrap_or_else(|e| panic!("{e}")));
        let mut rng = Rng::new(round as u64);
        for _ in 0..transactions {
            twin.transaction(&mut rng).unwrap_or_else(|e| panic!("{e}"));
        }
        let written = 4 * transactions;
        let start = Instant::now();
        p.attach().unwrap_or_else(|e| panic!("{e}"));
        drain(&p);
        let replayed = f64::from(written) / start.elapsed().as_secs_f64();
        drop(twin);
        p.close(Duration::from_secs(30)).unwrap_or_else(|e| panic!("{e}"));

        let mut bare = link(Side::Mirror, &pair.mirror.connection_string());
        let mut rng = Rng::new(round as u64);
        let start = Instant::now();
        bare.begin(true).unwrap_or_else(|e| panic!("{e}"));
        for _ in 0..transactions {
            for (n, params) in statements(&mut rng).into_iter().enumerate() {
                if n != READS {
                    bare.run(TWO[n], &params).unwrap_or_else(|e| panic!("{e}"));
                }
            }
        }
        let one_by_one = f64::from(written) / start.elapsed().as_secs_f64();
        bare.rollback().unwrap_or_else(|e| panic!("{e}"));
        eprintln!(
            "  {name}, replay round {}/{rounds}: {replayed:.0}, one by one {one_by_one:.0} statements/s",
            round + 1
        );
        ratios.push(replayed / one_by_one);
        ours.push(replayed);
        theirs.push(one_by_one);
    }
    println!("figure {name}_replay_statements_per_second {:.0}", median(ours));
    println!("figure {name}_one_by_one_statements_per_second {:.0}", median(theirs));
    against_goal(engine, "replay_to_one_by_one", median(ratios), 3.0);
    println!("count {name}_replay_differences {}", pair.differences().len());
}

fn main() {
    // `cargo bench` and `cargo test --benches` pass arguments that mean nothing here.
    if std::env::args().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let rounds = environment("ROUNDS", 5);
    let length = Duration::from_secs_f64(environment("SECONDS_EACH", 1.0));
    let wanted: String = environment("ENGINES", "postgres,mariadb,sqlite".to_owned());
    for engine in [Engine::Postgres, Engine::MariaDb, Engine::Sqlite] {
        if wanted.split(',').any(|w| w == engine.name()) {
            let part: String = environment("PART", "all".to_owned());
            let asked = |name: &str| part == "all" || part == name;
            if asked("transactions") {
                transactions(engine, rounds, length);
            }
            if asked("company") {
                company(engine, rounds, length);
            }
            if asked("replay") {
                replay(engine, rounds);
            }
        }
    }
}
