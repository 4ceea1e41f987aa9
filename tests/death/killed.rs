//! Promises 1 and 2: a process under load is killed at random moments, with the mirror in step, away and just
//! back. Its successor finds everything that was acknowledged, and nothing else.

use std::time::Duration;

use twinpool_testkit::{Rng, on_own_servers};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Word, Worker};

on_own_servers! {
    fn a_killed_process_loses_and_doubles_nothing(pair: &Pair) {
        let mut rng = Rng::for_test("killed");
        load::make(pair);
        let mut book = Book::default();
        for round in 0..rounds(6) {
            let mut worker = Worker::start(pair, &options(pair, &[]), rng.next_u64(), None);
            worker.must_say("ack", 20);
            // By turns: in step; the mirror away, so that the queue is written; back, so that it is replayed.
            if round % 3 > 0 {
                pair.mirror.kill();
                std::thread::sleep(Duration::from_millis(100 + rng.below(600)));
            }
            if round % 3 > 1 {
                pair.mirror.restart();
            }
            std::thread::sleep(Duration::from_millis(rng.below(500)));
            book.add(&worker.kill());
            if round % 3 == 1 {
                pair.mirror.restart();
            }
            settle_by_a_successor(pair);
            load::check(pair, &book);
        }
        println!(
            "{} acknowledged, {} refused, {} without an answer, slowest {:?}",
            book.count(Word::Acknowledged), book.count(Word::Refused), book.count(Word::About), book.slowest
        );
        assert!(book.count(Word::Acknowledged) > 100, "the load hardly ran");
    }

    fn a_process_killed_again_and_again_before_anybody_looks_leaves_a_whole(pair: &Pair) {
        // Several dead pools at once: what each left between its COMMITs waits for one successor.
        let mut rng = Rng::for_test("killed again");
        load::make(pair);
        let mut book = Book::default();
        for _ in 0..rounds(5).div_ceil(5) {
            for _ in 0..4 {
                let mut worker = Worker::start(pair, &options(pair, &[]), rng.next_u64(), None);
                worker.must_say("ack", 5);
                std::thread::sleep(Duration::from_millis(rng.below(200)));
                book.add(&worker.kill());
            }
            settle_by_a_successor(pair);
            load::check(pair, &book);
        }
    }
}
