//! Promise 5: a database that was put back to an older state is noticed, and nothing goes on in silence. The
//! files are really put back: a copy is taken, the pair goes on, the copy takes the place of what there is.

use std::time::Duration;

use twinpool::{MirrorState, Status, TwinPool};
use twinpool_testkit::{Pair, eventually, on_all_engines, on_own_servers};

use crate::common::*;

const LIMIT: Duration = Duration::from_secs(30);

/// Rows `from..to` in one session; what COMMIT answered last.
fn write(pool: &TwinPool, from: i64, to: i64) -> Status {
    let mut s = acquire(pool);
    (from..to).map(|id| insert(&mut s, id).unwrap_or_else(|e| panic!("insert {id}: {e}"))).last().unwrap()
}

#[track_caller]
fn is_diverged(pair: &Pair, pool: &TwinPool, reason: &str) {
    eventually(LIMIT, "the pair is diverged", || {
        pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
    });
    let status = pool.refresh().unwrap();
    assert!(status.reason.contains(reason), "{}: {}", pair.engine(), status.reason);
    assert!(status.reason.contains("copy"), "what to do: {}", status.reason);
    assert!(!status.reason.contains('\n'));
    // Nothing is lost meanwhile, and attaching does not make it good.
    assert_eq!(write(pool, 9000, 9001), Status::Queued);
    pool.attach().unwrap();
    eventually(LIMIT, "it is diverged again", || {
        pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
    });
    assert!(pool.status().reason.contains(reason), "{}", pool.status().reason);
    assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE id = 9000"), 0);
}

/// A pair with ten rows, closed in good order.
fn begin(pair: &Pair) {
    make_items(pair);
    let pool = open(pair);
    assert_eq!(write(&pool, 1, 11), Status::Ok);
    close(pool);
}

on_own_servers! {
    fn a_mirror_put_back_while_no_pool_was_open_is_noticed_at_open(pair: &Pair) {
        begin(pair);
        pair.mirror.save();
        let pool = open(pair);
        assert_eq!(write(&pool, 11, 12), Status::Ok);
        close(pool);
        pair.mirror.put_back();
        let pool = open(pair);
        is_diverged(pair, &pool, "the mirror went back");
        close(pool);
    }

    fn a_mirror_put_back_while_a_pool_is_open_is_noticed_by_the_next_commit(pair: &Pair) {
        begin(pair);
        let pool = open(pair);
        assert_eq!(write(&pool, 11, 12), Status::Ok);
        pair.mirror.save();
        // The restart cost the sessions their mirrors.
        write(&pool, 12, 13);
        settle(pair, &pool);
        assert_eq!(write(&pool, 13, 14), Status::Ok);
        // No connection is open that could be missed: only who looks at a new one notices.
        pool.evict();
        pair.mirror.put_back();
        // The master commits, the mirror's share is queued; what is on the mirror is not touched any more.
        write(&pool, 14, 15);
        is_diverged(pair, &pool, "the mirror went back");
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE id >= 12"), 0);
        close(pool);
    }

    fn a_mirror_put_back_while_transactions_are_queued_is_noticed_before_replay(pair: &Pair) {
        begin(pair);
        let pool = open(pair);
        write(&pool, 11, 21);
        pool.detach().unwrap();
        pair.mirror.save();
        pool.attach().unwrap();
        settle(pair, &pool);
        write(&pool, 21, 31);
        pair.mirror.kill();
        assert_eq!(write(&pool, 31, 41), Status::Queued);
        pair.mirror.put_back();
        is_diverged(pair, &pool, "the mirror went back");
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE id >= 21"), 0);
        close(pool);
    }

    fn a_mirror_put_back_after_replay_shows_in_the_positions_when_everybody_died(pair: &Pair) {
        // No marks were exchanged since, and nobody remembers: the rows of the dead pool tell.
        crate::load::make(pair);
        let mut worker = crate::workers::Worker::start(pair, &options(pair, &[]), 1, None);
        worker.must_say("ack", 3);
        pair.mirror.save();
        worker.must_say("ack", 6);
        let pool = open(pair);
        settle_quietly(&pool);
        close(pool);
        worker.must_say("ack", 40);
        worker.kill();
        // The marks are as old as the copy: only positions can tell.
        pair.mirror.put_back();
        pair.master.sql("UPDATE twin_replayer SET lease = 0 WHERE id = 3");
        let pool = open(pair);
        eventually(LIMIT, "the pair is diverged", || {
            pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
        });
        assert!(pool.status().reason.contains("the mirror went back"), "{}", pool.status().reason);
        assert!(pool.status().reason.contains("is at "), "{}", pool.status().reason);
        close(pool);
    }

    fn a_master_put_back_while_no_pool_was_open_is_noticed_at_open(pair: &Pair) {
        begin(pair);
        pair.master.save();
        let pool = open(pair);
        assert_eq!(write(&pool, 11, 12), Status::Ok);
        close(pool);
        pair.master.put_back();
        let pool = open(pair);
        is_diverged(pair, &pool, "the master went back");
        close(pool);
    }

    fn a_master_put_back_while_its_queue_was_full_is_noticed_at_open(pair: &Pair) {
        begin(pair);
        let pool = open(pair);
        pool.detach().unwrap();
        write(&pool, 11, 21);
        close(pool);
        pair.master.save();
        // The copy has the queue; meanwhile it was replayed, and more was done.
        let pool = open(pair);
        pool.attach().unwrap();
        settle(pair, &pool);
        write(&pool, 21, 23);
        close(pool);
        pair.master.put_back();
        let pool = open(pair);
        assert_eq!(pool.refresh().unwrap().mirror_state, MirrorState::Detached);
        pool.attach().unwrap();
        is_diverged(pair, &pool, "the master went back");
        close(pool);
    }

    fn a_master_put_back_under_a_living_pool_is_noticed_by_its_sessions(pair: &Pair) {
        begin(pair);
        let pool = open(pair);
        assert_eq!(write(&pool, 11, 12), Status::Ok);
        pair.master.save();
        settle_quietly(&pool);
        eventually(LIMIT, "the pool works again", || {
            pool.acquire(None).is_ok_and(|mut s| insert(&mut s, 12).is_ok())
        });
        assert_eq!(pool.refresh().unwrap().mirror_state, MirrorState::InSync, "{:?}", pool.status());
        write(&pool, 13, 20);
        pair.master.put_back();
        eventually(LIMIT, "the pool works again", || {
            pool.acquire(None).is_ok_and(|mut s| insert(&mut s, 100).is_ok())
        });
        eventually(LIMIT, "the pair is diverged", || {
            pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
        });
        assert!(pool.status().reason.contains("the master went back"), "{}", pool.status().reason);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items WHERE id = 100"), 0);
        close(pool);
    }
}

/// After a restart of a database: until the pool is in step again.
fn settle_quietly(pool: &TwinPool) {
    eventually(LIMIT, "in step", || pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::InSync));
}

on_all_engines! {
    fn what_the_master_has_alone_is_no_gap(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        assert_eq!(write(&pool, 1, 4), Status::Ok);
        let mut s = acquire(&pool);
        // Numbers that the mirror never gets: of the master alone, of DDL that was refused, of a rollback.
        s.execute("/*twin:local*/ UPDATE items SET n = n WHERE id = 1", &[]).unwrap();
        s.execute("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY)", &[]).unwrap_err();
        s.execute("/*twin:local*/ UPDATE items SET n = n WHERE id = 2", &[]).unwrap();
        drop(s);
        settle(pair, &pool);
        // An entry that an operator took out, last in its slot.
        pool.detach().unwrap();
        write(&pool, 4, 5);
        let id = pool.queue_list(1).unwrap()[0].id;
        pool.queue_skip(id).unwrap();
        pool.attach().unwrap();
        settle(pair, &pool);
        for _ in 0..2 {
            let other = open(pair);
            assert_eq!(other.refresh().unwrap().mirror_state, MirrorState::InSync, "{:?}", other.status());
            close(other);
        }
        assert_eq!(write(&pool, 5, 6), Status::Ok);
        close(pool);
    }
}
