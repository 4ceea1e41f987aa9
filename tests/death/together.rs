//! Promises 1 to 3 and 6 with several processes on one pair and no coordinator: outages, deaths and pauses in
//! any order, equal at the end; and a healthy stretch in which nothing but the work happens.

use std::time::{Duration, Instant};

use twinpool_testkit::{Pair, Rng, on_all_engines, on_own_servers};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Word, Worker};

/// No transaction takes longer, whatever happens to the mirror or to another process. The mirror may cost its
/// time-out of 1.5 s for the pipeline, for the answer and for the flip; a transaction waits for the rows of
/// others that pay the same.
const BOUND: Duration = Duration::from_secs(20);

fn report(pair: &Pair, book: &Book) {
    println!(
        "{}: {} acknowledged, {} refused, {} without an answer, slowest {:?}",
        pair.engine(),
        book.count(Word::Acknowledged),
        book.count(Word::Refused),
        book.count(Word::About),
        book.slowest
    );
    assert!(book.count(Word::Acknowledged) > 100, "the load hardly ran");
}

fn company(pair: &Pair, processes: usize, outages: usize) {
    let mut rng = Rng::for_test(pair.name());
    load::make(pair);
    let mut book = Book::default();
    let start = |rng: &mut Rng| Worker::start(pair, &options(pair, &[]), rng.next_u64(), None);
    // The tables are made by whoever is first; that is a race of its own.
    let mut workers: Vec<Worker> = (0..processes).map(|_| start(&mut rng)).collect();
    workers.iter_mut().for_each(|w| w.must_say("ack", 5));
    for outage in 0..outages {
        std::thread::sleep(Duration::from_millis(200 + rng.below(600)));
        pair.mirror.kill();
        std::thread::sleep(Duration::from_millis(200 + rng.below(600)));
        if outage % 2 == 0 {
            // One dies while the mirror is away, or just as it comes back.
            let n = rng.below(workers.len() as u64) as usize;
            let before = rng.chance(50);
            if before {
                book.add(&workers.remove(n).kill());
            }
            pair.mirror.restart();
            if !before {
                std::thread::sleep(Duration::from_millis(rng.below(200)));
                book.add(&workers.remove(n).kill());
            }
            workers.push(start(&mut rng));
        } else {
            pair.mirror.restart();
        }
        if rng.chance(60) {
            let last = workers.last_mut().expect("there are workers");
            last.must_say("ack", 20);
        }
    }
    for worker in workers {
        book.add(&worker.finish());
    }
    settle_by_a_successor(pair);
    load::check(pair, &book);
    report(pair, &book);
    assert!(book.slowest < BOUND, "a transaction took {:?}", book.slowest);
}

on_own_servers! {
    fn two_processes_outages_and_deaths_end_equal(pair: &Pair) {
        company(pair, 2, rounds(5));
    }

    fn four_processes_outages_and_deaths_end_equal(pair: &Pair) {
        company(pair, 4, rounds(3));
    }
}

on_all_engines! {
    fn two_processes_on_a_healthy_pair_never_leave_in_sync(pair: &Pair) {
        load::make(pair);
        let more = [("mirror.timeout_ms", "20000")];
        let first = open_with(&options(pair, &more));
        let epoch = first.status().epoch;
        let mut workers: Vec<Worker> =
            (1..=2).map(|seed| Worker::start(pair, &options(pair, &more), seed, None)).collect();
        workers.iter_mut().for_each(|w| w.must_say("ack", 1));
        let seconds = std::env::var("TWINPOOL_HEALTHY_SECONDS").ok().and_then(|t| t.parse().ok()).unwrap_or(6);
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(100));
            let s = first.refresh().unwrap();
            assert_eq!((s.mirror_state, s.epoch), (twinpool::MirrorState::InSync, epoch), "{s:?}");
        }
        let mut book = Book::default();
        for worker in workers {
            let log = worker.finish();
            println!("{}", log.lines().filter(|l| l.starts_with("epoch")).collect::<String>());
            book.add(&log);
        }
        let s = first.refresh().unwrap();
        assert_eq!((s.mirror_state, s.epoch), (twinpool::MirrorState::InSync, epoch), "{s:?}");
        close(first);
        load::check(pair, &book);
        report(pair, &book);
    }

    fn processes_that_open_a_new_pair_at_the_same_time_agree(pair: &Pair) {
        load::make(pair);
        let mut workers: Vec<Worker> =
            (1..=4).map(|_| Worker::start_on(pair, "opening", 2, &options(pair, &[]), 1, None)).collect();
        let mut book = Book::default();
        while let Some(worker) = workers.pop() {
            book.add(&worker.finish());
        }
        settle_by_a_successor(pair);
        load::check(pair, &book);
    }

    fn a_process_that_is_stopped_for_a_while_and_goes_on_changes_nothing(pair: &Pair) {
        // Stopped between its two COMMITs it holds rows of the mirror, and its view of the state grows old.
        let mut rng = Rng::for_test("stopped");
        load::make(pair);
        let mut book = Book::default();
        let mut workers: Vec<Worker> =
            (0..2).map(|_| Worker::start(pair, &options(pair, &[]), rng.next_u64(), None)).collect();
        workers.iter_mut().for_each(|w| w.must_say("ack", 10));
        for _ in 0..rounds(3) {
            let pid = workers[0].pid();
            // SAFETY: plain system call on a child of ours.
            unsafe { libc::kill(pid, libc::SIGSTOP) };
            workers[1].order("detach");
            std::thread::sleep(Duration::from_millis(200 + rng.below(400)));
            workers[1].order("attach");
            std::thread::sleep(Duration::from_millis(500 + rng.below(2500)));
            // SAFETY: as above.
            unsafe { libc::kill(pid, libc::SIGCONT) };
            std::thread::sleep(Duration::from_millis(300 + rng.below(500)));
        }
        for worker in workers {
            book.add(&worker.finish());
        }
        settle_by_a_successor(pair);
        load::check(pair, &book);
        report(pair, &book);
    }
}
