//! Promises 1 and 2 when the answer to COMMIT is lost: a proxy between library and server cuts the connection
//! before or after the server commits. The caller always learns what is true on the master. SQLite has no
//! connection to lose.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use twinpool::{MirrorState, Session, Status, TwinPool};
use twinpool_testkit::{Direction, Pair, Proxy, Rng};

use crate::common::*;

/// [`twinpool_testkit::on_all_engines!`] for what needs a server.
macro_rules! on_all_servers {
    ($(fn $name:ident($pair:ident: &Pair) $body:block)+) => { $(
        mod $name {
            use super::*;
            fn body($pair: &Pair) $body
            #[test] fn postgres() { twinpool_testkit::run_shared(twinpool_testkit::Engine::Postgres, stringify!($name), body) }
            #[test] fn mariadb() { twinpool_testkit::run_shared(twinpool_testkit::Engine::MariaDb, stringify!($name), body) }
        }
    )+ };
}
pub(crate) use on_all_servers;

struct Proxied {
    master: Proxy,
    mirror: Proxy,
    pool: TwinPool,
}

fn proxied(pair: &Pair, more: &[(&str, &str)]) -> Proxied {
    make_items(pair);
    let (master, mirror) = (Proxy::to(pair.master.port()), Proxy::to(pair.mirror.port()));
    let name = format!("{}-{}", pair.name(), pair.engine());
    let o = options_of(
        &name,
        &pair.master.connection_string_via(master.port()),
        &pair.mirror.connection_string_via(mirror.port()),
        more,
    );
    let pool = open_with(&o);
    Proxied { master, mirror, pool }
}

impl Proxied {
    fn finish(self, pair: &Pair, s: Session) {
        self.master.heal();
        self.mirror.heal();
        settle(pair, &self.pool);
        drop(s);
        close(self.pool);
        pair.assert_equal();
    }
}

fn on_master(pair: &Pair, id: i64) -> bool {
    // 1 above what was inserted: the whole transaction or nothing.
    match pair.master.count(&format!("SELECT COALESCE(MAX(n), -1) FROM items WHERE id = {id}")) {
        -1 => false,
        n => {
            assert_eq!(n, id + 1, "half a transaction");
            true
        }
    }
}

/// The answer is definite and true.
#[track_caller]
fn true_answer(pair: &Pair, id: i64, answer: &twinpool::error::Result<Status>) {
    match answer {
        Ok(_) => assert!(on_master(pair, id), "{id}: success, and it is not on the master"),
        Err(e) => {
            assert_ne!(e.status(), Status::OutcomeUnknown, "{id}: {e}");
            assert!(!on_master(pair, id), "{id}: it is on the master, and the answer was {e}");
        }
    }
}

type Loss = fn(&Proxy);
const LOSSES: [(Loss, bool); 2] = [(|p| p.lose("COMMIT"), false), (|p| p.lose_answer_to("COMMIT"), true)];

on_all_servers! {
    fn a_lost_answer_to_the_masters_commit_is_found_out(pair: &Pair) {
        let p = proxied(pair, &[]);
        let mut s = acquire(&p.pool);
        insert(&mut s, 1).unwrap();
        let mut id = 1;
        for _ in 0..3 {
            for (lose, committed) in LOSSES {
                id += 1;
                let struck = p.master.struck();
                let answer = insert_with(&mut s, id, || lose(&p.master));
                assert_eq!(p.master.struck(), struck + 1);
                assert_eq!(answer.is_ok(), committed, "{answer:?}");
                true_answer(pair, id, &answer);
                // Nobody has to do anything about it: the next one works.
                id += 1;
                insert(&mut s, id).unwrap();
            }
        }
        // The mirror was never in doubt.
        assert_eq!(p.pool.status().mirror_state, MirrorState::InSync);
        p.finish(pair, s);
    }

    fn a_lost_answer_to_a_queued_commit_is_found_out(pair: &Pair) {
        let p = proxied(pair, &[]);
        let mut s = acquire(&p.pool);
        insert(&mut s, 1).unwrap();
        p.pool.detach().unwrap();
        let mut id = 1;
        for _ in 0..3 {
            for (lose, committed) in LOSSES {
                id += 1;
                let answer = insert_with(&mut s, id, || lose(&p.master));
                assert_eq!(answer.as_ref().ok(), committed.then_some(&Status::Queued), "{answer:?}");
                true_answer(pair, id, &answer);
            }
        }
        p.pool.attach().unwrap();
        p.finish(pair, s);
    }

    fn a_lost_answer_to_the_mirrors_commit_is_settled_by_replay(pair: &Pair) {
        let p = proxied(pair, &[]);
        let mut s = acquire(&p.pool);
        let mut id = 0;
        for (lose, _) in LOSSES.into_iter().chain(LOSSES) {
            id += 1;
            assert_eq!(insert(&mut s, id).unwrap(), Status::Ok);
            id += 1;
            let answer = insert_with(&mut s, id, || lose(&p.mirror));
            assert_eq!(answer.as_ref().unwrap(), &Status::Queued);
            true_answer(pair, id, &answer);
            settle(pair, &p.pool);
            pair.assert_equal();
        }
        p.finish(pair, s);
    }

    fn both_answers_may_be_lost_in_one_transaction(pair: &Pair) {
        let p = proxied(pair, &[]);
        let mut s = acquire(&p.pool);
        let mut id = 0;
        for (lose_master, _) in LOSSES {
            for (lose_mirror, _) in LOSSES {
                id += 1;
                assert_eq!(insert(&mut s, id).unwrap(), Status::Ok);
                id += 1;
                let answer = insert_with(&mut s, id, || {
                    lose_master(&p.master);
                    lose_mirror(&p.mirror);
                });
                true_answer(pair, id, &answer);
                p.mirror.heal();
                settle(pair, &p.pool);
                pair.assert_equal();
            }
        }
        p.finish(pair, s);
    }

    fn a_session_that_the_server_still_has_is_ended_to_get_the_answer(pair: &Pair) {
        let p = proxied(pair, &[("commit.resolve_timeout_ms", "4000")]);
        let mut s = acquire(&p.pool);
        insert(&mut s, 1).unwrap();
        let start = Instant::now();
        let answer = insert_with(&mut s, 2, || p.master.lose_half_open("COMMIT"));
        assert!(answer.is_err(), "{answer:?}");
        true_answer(pair, 2, &answer);
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        insert(&mut s, 3).unwrap();
        p.finish(pair, s);
    }

    fn a_master_that_cannot_be_asked_gives_no_false_answer(pair: &Pair) {
        let p = proxied(pair, &[("commit.resolve_timeout_ms", "1000"), ("pool.connect_timeout_ms", "500")]);
        let mut s = acquire(&p.pool);
        insert(&mut s, 1).unwrap();
        for (n, (lose, committed)) in LOSSES.into_iter().enumerate() {
            let id = 10 + n as i64;
            let start = Instant::now();
            let answer = insert_with(&mut s, id, || {
                lose(&p.master);
                p.master.refuse(true);
            });
            assert_eq!(answer.unwrap_err().status(), Status::OutcomeUnknown);
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            p.master.heal();
            assert_eq!(on_master(pair, id), committed);
            // The session cannot go on; another one can.
            assert!(insert(&mut s, 20 + n as i64).is_err());
            drop(s);
            s = acquire(&p.pool);
            insert(&mut s, 30 + n as i64).unwrap();
            settle(pair, &p.pool);
            pair.assert_equal();
        }
        p.finish(pair, s);
    }

    fn a_connection_cut_after_any_number_of_bytes_gives_a_true_answer(pair: &Pair) {
        let mut rng = Rng::for_test("bytes");
        let p = proxied(pair, &[]);
        let mut s = acquire(&p.pool);
        insert(&mut s, 1).unwrap();
        for round in 0..rounds(12) {
            let id = 2 + round as i64;
            let cut = if rng.chance(60) { &p.master } else { &p.mirror };
            let direction = *rng.pick(&[Direction::ToServer, Direction::ToClient]);
            cut.cut_after(direction, 1 + rng.below(1500));
            let answer = std::thread::scope(|scope| {
                // Where nothing passes for good nobody can be asked.
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(500));
                    cut.heal();
                });
                insert(&mut s, id)
            });
            true_answer(pair, id, &answer);
        }
        p.finish(pair, s);
    }

    fn connections_cut_under_load_give_true_answers(pair: &Pair) {
        let mut rng = Rng::for_test("cut under load");
        let p = proxied(pair, &[]);
        let s = acquire(&p.pool);
        let answers: Mutex<BTreeMap<i64, twinpool::error::Result<Status>>> = Mutex::default();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..4i64 {
                let (answers, stop, pool) = (&answers, &stop, &p.pool);
                scope.spawn(move || {
                    let mut id = (thread + 1) * 1_000_000;
                    while !stop.load(Ordering::SeqCst) {
                        let Ok(mut s) = pool.acquire(None) else { continue };
                        id += 1;
                        let answer = insert(&mut s, id);
                        answers.lock().unwrap().insert(id, answer);
                    }
                });
            }
            for _ in 0..rounds(8) {
                std::thread::sleep(Duration::from_millis(50 + rng.below(250)));
                if rng.chance(70) { p.master.cut() } else { p.mirror.cut() }
            }
            std::thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::SeqCst);
        });
        settle(pair, &p.pool);
        let answers = answers.into_inner().unwrap();
        let there = pair.master.sql("SELECT id, n FROM items");
        let there: BTreeMap<i64, i64> = (there.iter())
            .map(|r| (r[0].as_deref().unwrap().parse().unwrap(), r[1].as_deref().unwrap().parse().unwrap()))
            .collect();
        let good = answers.values().filter(|a| a.is_ok()).count();
        println!("{good} succeeded, {} did not", answers.len() - good);
        for (id, answer) in &answers {
            match answer {
                Ok(_) => assert_eq!(there.get(id), Some(&(id + 1)), "{id}: {answer:?}"),
                Err(e) => {
                    assert_ne!(e.status(), Status::OutcomeUnknown, "{id}: {e}");
                    assert_eq!(there.get(id), None, "{id}: {e}");
                }
            }
        }
        assert!(good > 20);
        p.finish(pair, s);
    }
}
