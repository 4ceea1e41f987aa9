//! Promise 3 at its narrowest: somebody stands between his two COMMITs, his mirror half is gone and its locks
//! with it, and another writes the same row. Only rules S, E and F keep that other from overtaking him.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use twinpool::{Session, Status, TwinPool, failpoint};
use twinpool_testkit::{Pair, Proxy};

use crate::common::*;
use crate::lost_answers::on_all_servers;

/// One row, written by whoever comes: only the order decides what it holds.
fn write(s: &mut Session, n: i64) -> Status {
    s.begin().unwrap();
    s.execute("UPDATE items SET n = ? WHERE id = 1", &[int(n)]).unwrap();
    s.commit().unwrap_or_else(|e| panic!("commit of {n}: {e}"))
}

fn pool(pair: &Pair, name: &str, mirror: &Proxy, more: &[(&str, &str)]) -> TwinPool {
    let mirror = pair.mirror.connection_string_via(mirror.port());
    let name = format!("{}-{}-{name}", pair.name(), pair.engine());
    open_with(&options_of(&name, &pair.master.connection_string(), &mirror, more))
}

/// The first transaction of the pool to come between its COMMITs says so and waits there.
fn hold_between_commits(pool: &TwinPool) -> (Receiver<()>, Sender<()>) {
    let (tell, told) = channel();
    let (go, gone) = channel::<()>();
    let (gone, once) = (Mutex::new(gone), AtomicBool::new(false));
    failpoint::set(&pool.get("name").unwrap(), "between_commits", move || {
        if !once.swap(true, Ordering::SeqCst) {
            let _ = tell.send(());
            let _ = gone.lock().unwrap().recv();
        }
    });
    (told, go)
}

fn finish(pair: &Pair, pools: Vec<TwinPool>, n: i64) {
    for pool in &pools {
        failpoint::clear(&pool.get("name").unwrap());
    }
    settle(pair, &pools[0]);
    pools.into_iter().for_each(close);
    pair.assert_equal();
    assert_eq!(pair.mirror.count("SELECT n FROM items WHERE id = 1"), n);
}

/// `first` writes 1 and is held between its COMMITs, its mirror connection is cut, `second` writes 2. The other
/// session has not written before: its connection to the mirror is made after the cut.
fn overtake(proxy: &Proxy, first: &TwinPool, second: &TwinPool) {
    let (mut a, mut b) = (acquire(first), acquire(second));
    assert_eq!(write(&mut a, 10), Status::Ok);
    let (told, go) = hold_between_commits(first);
    std::thread::scope(|scope| {
        let held = scope.spawn(move || write(&mut a, 1));
        told.recv_timeout(Duration::from_secs(20)).unwrap();
        proxy.cut();
        // The server needs a moment to end the half and to let go of its row.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(write(&mut b, 2), Status::Queued);
        drop(go);
        assert_eq!(held.join().unwrap(), Status::Queued);
    });
}

on_all_servers! {
    fn nobody_overtakes_a_transaction_of_the_same_pool_that_lost_its_half(pair: &Pair) {
        make_items(pair);
        pair.sql_on_both("INSERT INTO items (id, n) VALUES (1, 0)");
        let proxy = Proxy::to(pair.mirror.port());
        let one = pool(pair, "one", &proxy, &[]);
        overtake(&proxy, &one, &one);
        finish(pair, vec![one], 2);
    }

    fn nobody_overtakes_a_transaction_of_another_pool_that_lost_its_half(pair: &Pair) {
        make_items(pair);
        pair.sql_on_both("INSERT INTO items (id, n) VALUES (1, 0)");
        let (proxy, other) = (Proxy::to(pair.mirror.port()), Proxy::to(pair.mirror.port()));
        let (one, two) = (pool(pair, "one", &proxy, &[]), pool(pair, "two", &other, &[]));
        overtake(&proxy, &one, &two);
        finish(pair, vec![one, two], 2);
    }

    fn nobody_goes_directly_past_the_queue_with_an_old_view_of_the_state(pair: &Pair) {
        make_items(pair);
        pair.sql_on_both("INSERT INTO items (id, n) VALUES (1, 0)");
        let proxy = Proxy::to(pair.mirror.port());
        let one = pool(pair, "one", &proxy, &[]);
        // It looks at the state once in a minute only.
        let two = pool(pair, "two", &proxy, &[("mirror.poll_ms", "60000")]);
        let (mut a, mut b) = (acquire(&one), acquire(&two));
        assert_eq!(write(&mut a, 10), Status::Ok);
        assert_eq!(write(&mut b, 20), Status::Ok);
        one.detach().unwrap();
        assert_eq!(write(&mut a, 1), Status::Queued);
        assert!(b.is_direct(), "it cannot know yet");
        assert_eq!(write(&mut b, 2), Status::Queued);
        one.attach().unwrap();
        drop((a, b));
        finish(pair, vec![one, two], 2);
    }
}
