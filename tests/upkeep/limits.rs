//! The queue's limits: what happens beyond each, and that it ends. Promises 1 and 6.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use twinpool::pair::Event;
use twinpool::{MirrorState, Status, TwinPool};
use twinpool_testkit::{Pair, eventually, on_all_engines};

use crate::common::*;

const LIMIT: Duration = Duration::from_secs(20);

/// The events of a limit so far.
#[derive(Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// A copy: an assertion that fails shows it while it compares, and would wait for itself.
    fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// A detached pair: whatever is written is queued, and nothing replays.
fn detached(pair: &Pair, more: &[(&str, &str)]) -> (TwinPool, Told) {
    make_items(pair);
    let pool = open_with(&options(pair, more));
    let told = Told::default();
    let listener = Arc::clone(&told.0);
    pool.listen(Arc::new(move |event: &Event| {
        if let Event::QueueLimit { description } = event {
            listener.lock().push(description.clone());
        }
    }));
    pool.detach().unwrap();
    (pool, told)
}

fn queue(pair: &Pair) -> i64 {
    pair.master.count("SELECT COUNT(*) FROM invocation_queue")
}

on_all_engines! {
    fn a_queue_beyond_its_entries_is_told_once_and_goes_on_growing_by_default(pair: &Pair) {
        let (pool, told) = detached(pair, &[("queue.max_entries", "3")]);
        let mut s = acquire(&pool);
        for id in 1..=3 {
            assert_eq!(insert(&mut s, id).unwrap(), Status::Queued);
        }
        pool.refresh().unwrap();
        assert!(told.all().is_empty(), "{:?}", told.all());
        for id in 4..=8 {
            assert_eq!(insert(&mut s, id).unwrap(), Status::Queued);
        }
        eventually(LIMIT, "the limit is told", || !told.all().is_empty());
        for _ in 0..3 {
            pool.refresh().unwrap();
        }
        assert_eq!(told.all().len(), 1, "{:?}", told.all());
        assert!(told.all()[0].contains("queue.max_entries is 3"), "{:?}", told.all());
        assert_eq!(queue(pair), 8);
        drop(s);
        pool.attach().unwrap();
        settle(pair, &pool);
        // Passed again, told again.
        pool.detach().unwrap();
        let mut s = acquire(&pool);
        for id in 11..=14 {
            insert(&mut s, id).unwrap();
        }
        eventually(LIMIT, "the limit is told again", || told.all().len() == 2);
        drop(s);
        pool.attach().unwrap();
        settle(pair, &pool);
        close(pool);
        pair.assert_equal();
    }

    fn a_full_queue_refuses_writes_and_lets_reads_go_on_until_there_is_room(pair: &Pair) {
        let (pool, _) = detached(pair, &[("queue.max_bytes", "1KiB"), ("queue.beyond", "refuse")]);
        let mut s = acquire(&pool);
        // One that is open when the queue fills has done its work and is refused at COMMIT.
        let mut late = acquire(&pool);
        if pair.engine() != twinpool_testkit::Engine::Sqlite {
            late.begin().unwrap();
            late.execute("INSERT INTO items (id) VALUES (1000)", &[]).unwrap();
        }
        let mut id = 0;
        let error = loop {
            id += 1;
            match insert(&mut s, id) {
                Ok(status) => assert_eq!(status, Status::Queued),
                Err(e) => break e,
            }
            assert!(id < 100, "the queue is never full");
        };
        assert_eq!(error.status(), Status::QueueFull, "{error}");
        assert!(error.to_string().contains("queue.max_bytes is 1024"), "{error}");
        if pair.engine() != twinpool_testkit::Engine::Sqlite {
            assert_eq!(late.commit().unwrap_err().status(), Status::QueueFull);
        }
        drop(late);
        let committed = id - 1;
        assert!(committed > 1);
        assert_eq!(queue(pair), committed);
        // Nothing of what was refused is there; reads go on; what is the master's alone does too.
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), committed);
        let read = s.execute("SELECT COUNT(*) FROM items", &[]).unwrap();
        assert!(read.rows.is_some());
        drop(read);
        s.execute("/*twin:local*/ UPDATE items SET n = n WHERE id = 1", &[]).unwrap();
        // The limit can be raised while the pool is open.
        pool.set("queue.max_bytes", "1MiB").unwrap();
        assert_eq!(insert(&mut s, id).unwrap(), Status::Queued);
        pool.set("queue.max_bytes", "1KiB").unwrap();
        assert_eq!(insert(&mut s, id + 1).unwrap_err().status(), Status::QueueFull);
        // Replay makes room.
        pool.attach().unwrap();
        settle(pair, &pool);
        assert_eq!(insert(&mut s, id + 1).unwrap(), Status::Ok);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_queue_that_is_too_old_abandons_the_mirror_for_good(pair: &Pair) {
        let (pool, told) = detached(pair, &[("queue.max_age_ms", "300"), ("queue.beyond", "detach")]);
        let other = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Queued);
        eventually(LIMIT, "the mirror is abandoned", || pool.status().abandoned);
        let status = pool.refresh().unwrap();
        assert_eq!(status.mirror_state, MirrorState::Detached);
        assert!(status.reason.contains("abandoned: the queue's oldest entry"), "{}", status.reason);
        eventually(LIMIT, "it is told", || told.all().len() == 1);
        // Nothing is queued any more, and the answer says so; in the other process too.
        assert_eq!(insert(&mut s, 2).unwrap(), Status::Alone);
        eventually(LIMIT, "the other pool knows", || other.status().abandoned);
        let mut t = acquire(&other);
        assert_eq!(insert(&mut t, 3).unwrap(), Status::Alone);
        t.set_isolation(twinpool::Isolation::Serializable).unwrap();
        assert_eq!(insert(&mut t, 4).unwrap(), Status::Alone);
        assert_eq!(queue(pair), 1);
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), 4);
        // No call leads back by mistake.
        assert!(pool.attach().unwrap_err().to_string().contains("abandoned"));
        assert!(pool.detach().unwrap_err().to_string().contains("abandoned"));
        drop((s, t));
        close(other);
        close(pool);
        let pool = open(pair);
        assert!(pool.refresh().unwrap().abandoned);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 5).unwrap(), Status::Alone);
        drop(s);
        close(pool);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 0);
    }
}
