//! Promises 1 and 2: the process ends at every step of the protocol, one after the other, and its successor
//! brings the pair in step.

use twinpool_testkit::{Pair, Rng, on_all_engines, on_own_servers};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Worker};

/// Starts a worker that is to die at `point`, brings it there, and lets a successor settle what it left.
fn die_at(
    pair: &Pair,
    rng: &mut Rng,
    book: &mut Book,
    point: &str,
    upto: u64,
    on_the_way: impl Fn(&mut Worker),
) {
    let nth = format!("{point}:{}", 1 + rng.below(upto));
    println!("{nth}");
    // Several batches, where it is to die in one of them; such small ones would never come to an end.
    let batches = [("replay.batch_entries", "10"), ("replay.drain_below", "5")];
    let more = if upto > 1 { &batches[..] } else { &[] };
    let mut worker = Worker::start(pair, &options(pair, more), rng.next_u64(), Some(&nth));
    on_the_way(&mut worker);
    book.add(&worker.died_at(&nth));
    settle_by_a_successor(pair);
    load::check(pair, book);
}

/// How many words the worker has said by now, and some more.
fn some_more(worker: &mut Worker, count: usize) {
    let now = worker.log().lines().filter(|l| l.starts_with("ack")).count();
    worker.must_say("ack", now + count);
}

on_all_engines! {
    fn death_at_every_step_of_a_direct_commit(pair: &Pair) {
        let mut rng = Rng::for_test("direct steps");
        load::make(pair);
        let mut book = Book::default();
        for _ in 0..rounds(1) {
            for point in ["before_journal", "before_master_commit", "between_commits", "after_mirror_commit"] {
                die_at(pair, &mut rng, &mut book, point, 60, |_| {});
            }
        }
    }

    fn death_at_every_step_of_a_queued_commit(pair: &Pair) {
        let mut rng = Rng::for_test("queued steps");
        load::make(pair);
        let mut book = Book::default();
        for _ in 0..rounds(1) {
            for point in ["after_append", "before_queued_commit", "after_queued_commit"] {
                die_at(pair, &mut rng, &mut book, point, 30, |worker| {
                    worker.must_say("ack", 10);
                    worker.order("detach");
                });
                // Detached is an operator's word, which only an operator takes back.
            }
        }
    }

    fn death_at_every_step_of_replay(pair: &Pair) {
        let mut rng = Rng::for_test("replay steps");
        load::make(pair);
        let mut book = Book::default();
        for _ in 0..rounds(1) {
            for (point, upto) in [
                ("lease_taken", 1), ("before_replay_commit", 3), ("before_purge", 3), ("before_purge_commit", 3),
                ("drain_locked", 1), ("before_in_sync", 1), ("after_in_sync", 1),
            ] {
                die_at(pair, &mut rng, &mut book, point, upto, |worker| {
                    worker.must_say("ack", 5);
                    worker.order("detach");
                    worker.must_say("done detach", 1);
                    some_more(worker, 40);
                    worker.order("attach");
                });
            }
        }
    }

    fn death_while_opening_leaves_a_pair_that_opens(pair: &Pair) {
        for point in ["tables_on_mirror", "tables_on_both", "registered", "slot_taken"] {
            // Each on a new pair.
            let pair = &Pair::shared(pair.engine(), point);
            load::make(pair);
            let mut book = Book::default();
            let worker = Worker::start_on(pair, "opening", 1, &options(pair, &[]), 1, Some(point));
            book.add(&worker.died_at(point));
            settle_by_a_successor(pair);
            load::check(pair, &book);
        }
    }

    fn death_while_closing_leaves_nothing_to_be_removed_by_hand(pair: &Pair) {
        load::make(pair);
        let mut book = Book::default();
        for point in ["before_burial", "buried_on_master", "buried_on_mirror"] {
            let worker = Worker::start_on(pair, "opening", 1, &options(pair, &[]), 1, Some(point));
            book.add(&worker.died_at(point));
        }
        bury_by_a_successor(pair);
        load::check(pair, &book);
        crate::leftovers::nothing_is_left(pair);
    }

    fn death_while_a_dead_pool_is_removed_leaves_nothing_of_it(pair: &Pair) {
        let mut rng = Rng::for_test("removal");
        load::make(pair);
        let mut book = Book::default();
        for point in ["before_burial", "buried_on_master", "buried_on_mirror"] {
            let mut first = Worker::start(pair, &options(pair, &[]), rng.next_u64(), None);
            first.must_say("ack", 10);
            book.add(&first.kill());
            // It dies on removing the first one.
            let next = Worker::start(pair, &options(pair, &[]), rng.next_u64(), Some(point));
            book.add(&next.died_at(point));
        }
        bury_by_a_successor(pair);
        load::check(pair, &book);
        crate::leftovers::nothing_is_left(pair);
    }
}

on_own_servers! {
    fn death_at_every_step_of_losing_the_mirror(pair: &Pair) {
        let mut rng = Rng::for_test("losing steps");
        load::make(pair);
        let mut book = Book::default();
        for _ in 0..rounds(1) {
            // The first transactions that go to the queue carry the flip.
            for point in ["after_append", "before_queued_commit", "after_queued_commit"] {
                let nth = format!("{point}:{}", 1 + rng.below(2));
                let mut worker = Worker::start(pair, &options(pair, &[]), rng.next_u64(), Some(&nth));
                worker.must_say("ack", 20);
                pair.mirror.kill();
                book.add(&worker.died_at(&nth));
                pair.mirror.restart();
                settle_by_a_successor(pair);
                load::check(pair, &book);
            }
        }
    }
}
