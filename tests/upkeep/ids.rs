//! The queue's numbers begin at 1 again after a drain, while others write. Promises 1 to 3.

use std::time::Duration;

use twinpool::{MirrorState, Status};
use twinpool_testkit::{Pair, on_all_engines};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Worker};

fn ids(pair: &Pair) -> Vec<i64> {
    let rows = pair.master.sql("SELECT id FROM invocation_queue ORDER BY id");
    rows.iter().map(|r| r[0].as_deref().unwrap_or_default().parse().unwrap()).collect()
}

on_all_engines! {
    fn numbers_above_the_limit_begin_at_1_again_after_a_drain(pair: &Pair) {
        make_items(pair);
        let pool = open_with(&options(pair, &[("replay.reset_ids_above", "5")]));
        for round in 0..2 {
            pool.detach().unwrap();
            let mut s = acquire(&pool);
            for id in 1..=8 {
                assert_eq!(insert(&mut s, 100 * round + id).unwrap(), Status::Queued);
            }
            drop(s);
            assert_eq!(ids(pair), (1..=8).collect::<Vec<_>>());
            pool.attach().unwrap();
            settle(pair, &pool);
        }
        // Below the limit they go on.
        pool.detach().unwrap();
        for id in 1001..=1002 {
            insert(&mut acquire(&pool), id).unwrap();
        }
        assert_eq!(ids(pair), [1, 2]);
        pool.attach().unwrap();
        settle(pair, &pool);
        pool.detach().unwrap();
        insert(&mut acquire(&pool), 1003).unwrap();
        assert_eq!(ids(pair), [3]);
        pool.attach().unwrap();
        settle(pair, &pool);
        close(pool);
        pair.assert_equal();
    }

    fn an_operator_renumbers_the_queue_while_another_process_writes(pair: &Pair) {
        load::make(pair);
        let pool = open(pair);
        let mut worker = Worker::start(pair, &options(pair, &[]), 7, None);
        worker.must_say("ack", 5);
        pool.detach().unwrap();
        let queued = || ids(pair).last().is_some_and(|highest| *highest > 5);
        assert!(twinpool_testkit::within(Duration::from_secs(30), queued), "the queue does not grow");
        assert_eq!(pool.queue_renumber(Duration::from_secs(1)).unwrap_err().status(), Status::BadState);
        pool.attach().unwrap();
        for _ in 0..3 {
            let before = pool.refresh().unwrap().epoch;
            match pool.queue_renumber(Duration::from_secs(20)) {
                Ok(()) => assert!(pool.refresh().unwrap().epoch > before),
                // The drain may run into its own limits on a machine that is busy.
                Err(e) => assert_eq!(e.status(), Status::Timeout, "{e}"),
            }
        }
        let mut book = Book::default();
        book.add(&worker.finish());
        settle(pair, &pool);
        assert_eq!(pool.refresh().unwrap().mirror_state, MirrorState::InSync);
        pool.queue_renumber(Duration::from_secs(20)).unwrap();
        pool.detach().unwrap();
        acquire(&pool).execute("UPDATE accounts SET balance = balance WHERE id = 1", &[]).unwrap();
        assert_eq!(ids(pair), [1]);
        pool.attach().unwrap();
        settle(pair, &pool);
        close(pool);
        load::check(pair, &book);
    }
}
