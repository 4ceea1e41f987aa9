//! What opening, closing and dying leave behind: no row, no lock, no file, no server session, no descriptor.

use std::time::Duration;

use twinpool_testkit::{Engine, Pair, Rng, on_all_engines};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Worker};

/// Rows of ours that name pools, sessions of ours on the servers, lock files beside a SQLite database.
fn held(pair: &Pair) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    for (node, tables) in [
        (&pair.master, &["twin_pool", "twin_pending", "twin_pending_part", "invocation_queue"][..]),
        (&pair.mirror, &["twin_applied"][..]),
    ] {
        for table in tables {
            found.push(((*table).to_owned(), node.count(&format!("SELECT COUNT(*) FROM {table}"))));
        }
        let sessions = match pair.engine() {
            Engine::Sqlite => {
                let path = node.path().expect("a file");
                let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
                let own = format!("{}-twin-", name.to_string_lossy());
                let names = std::fs::read_dir(folder).expect("readable").flatten().map(|e| e.file_name());
                // The files of locks that belong to the pair stay as long as it does.
                let lasting = |n: &str| n.ends_with("-twin-replay.lock") || n.ends_with("-twin-establish.lock");
                let locks = names.map(|n| n.to_string_lossy().into_owned());
                let locks = locks.filter(|n| n.starts_with(&own) && !lasting(n));
                locks.count() as i64
            }
            Engine::Postgres => node.count(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            ),
            Engine::MariaDb => node.count(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
            ),
        };
        found.push((format!("sessions or lock files on the {}", node.label()), sessions));
    }
    found.retain(|(_, count)| *count != 0);
    found
}

/// Nobody has a pool open: nothing of one is left. Servers take a moment to notice that a client is gone.
#[track_caller]
pub fn nothing_is_left(pair: &Pair) {
    let mut left = Vec::new();
    let clean = twinpool_testkit::within(Duration::from_secs(10), || {
        left = held(pair);
        left.is_empty()
    });
    assert!(clean, "{}: {left:?}", pair.engine());
}

on_all_engines! {
    fn pools_opened_and_closed_leave_nothing(pair: &Pair) {
        load::make(pair);
        let count = std::env::var("TWINPOOL_ROUNDS").map_or(40, |_| 1000);
        let worker = Worker::start_on(pair, "opening", count, &options(pair, &[]), 1, None);
        // A pool takes some ten milliseconds to open, on a busy machine many times that.
        let log = worker.finish_within(Duration::from_secs(60 + count as u64));
        let opened: Vec<Vec<i64>> = (log.lines().filter(|l| l.starts_with("open ")))
            .map(|l| l.split(' ').filter_map(|w| w.parse().ok()).collect())
            .collect();
        println!("descriptors and threads: {:?} … {:?}", opened[4], opened[count - 1]);
        assert_eq!(opened.len(), count);
        assert!(opened[count - 1][0] <= opened[4][0] + 2, "descriptors: {opened:?}");
        assert!(opened[count - 1][1] <= opened[4][1] + 1, "threads: {opened:?}");
        let mut book = Book::default();
        book.add(&log);
        load::check(pair, &book);
        nothing_is_left(pair);
    }

    fn processes_that_died_leave_nothing_once_somebody_has_looked(pair: &Pair) {
        let mut rng = Rng::for_test("deaths");
        load::make(pair);
        let mut book = Book::default();
        let deaths = std::env::var("TWINPOOL_ROUNDS").map_or(10, |_| 300);
        for n in 0..deaths {
            let mut worker = Worker::start(pair, &options(pair, &[]), rng.next_u64(), None);
            if n % 2 == 0 {
                worker.must_say("ack", 3);
            } else {
                // In the middle of opening, too.
                std::thread::sleep(Duration::from_millis(rng.below(150)));
            }
            book.add(&worker.kill());
        }
        bury_by_a_successor(pair);
        load::check(pair, &book);
        nothing_is_left(pair);
    }
}
