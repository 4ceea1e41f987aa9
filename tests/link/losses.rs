//! Connections that end: what is known afterwards, and what a COMMIT is worth.

use std::thread;
use std::time::{Duration, Instant};

use twinpool::error::{Class, Result, Side, Status};
use twinpool::link::{Engine, Link, TxState};
use twinpool_testkit::{Direction, Proxy, on_all_engines, on_own_servers};

use crate::common::*;

on_own_servers! {
    fn commit_after_a_loss_is_never_a_success(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        link.begin(true).unwrap();
        run(&mut link, "INSERT INTO t VALUES (1)", &[]);
        node.kill();
        if link.engine() == Engine::Sqlite {
            // The open transaction has its file; the loss is noticed by the next one.
            link.rollback().unwrap();
            let error = link.begin(true).unwrap_err();
            assert_eq!(error.class(), Class::Unreachable, "{error}");
        } else {
            let error = fails(&mut link, "INSERT INTO t VALUES (2)");
            assert_eq!(error.class(), Class::Unreachable, "{error} {:?}", error.records());
        }
        assert!(link.is_lost());
        assert_eq!(link.tx(), TxState::Lost);
        for _ in 0..2 {
            let error = link.commit().unwrap_err();
            assert_eq!(error.class(), Class::Unreachable, "{error}");
        }
        link.rollback().unwrap();
        assert_eq!(link.begin(true).unwrap_err().status(), Status::Unreachable);
        assert_eq!(fails(&mut link, "SELECT 1").status(), Status::Unreachable);
        assert!(link.ping(Duration::from_secs(1)).is_err());
        drop(link);
        node.restart();
        assert_eq!(node.count("SELECT count(*) FROM t"), 0);
    }

    fn a_connection_lost_in_the_middle_of_a_result_is_an_error_and_not_the_end(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        node.sql("INSERT INTO t VALUES (1, 'one'), (2, 'two')");
        type Act = fn(&mut Link) -> Result<()>;
        let acts: [Act; 4] = [
            |link| link.ping(Duration::from_secs(5)),
            |link| link.run_once("SELECT id, v FROM t ORDER BY id").map(drop),
            |link| link.query("SELECT id, v FROM t WHERE id > ?", &[int(0)]).map(drop),
            |link| link.run_once("UPDATE t SET v = 'x' WHERE id = 2").map(drop),
        ];
        let proxy = Proxy::to(node.port());
        for act in acts {
            // Everywhere in the answer: libmaodbc has crashed at every byte but the first few.
            for bytes in (1..90).step_by(4) {
                let mut link = Link::open(Side::Master, &node.connection_string_via(proxy.port()), &settings()).unwrap();
                act(&mut link).unwrap();
                proxy.cut_after(Direction::ToClient, bytes);
                // Either way: a short answer may have come whole.
                let answer = act(&mut link);
                assert!(answer.is_ok() || link.is_lost(), "{answer:?}");
                proxy.heal();
            }
        }
    }

    fn a_loss_noticed_by_the_commit_leaves_its_outcome_unknown(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        link.begin(true).unwrap();
        run(&mut link, "INSERT INTO t VALUES (1)", &[]);
        node.kill();
        let error = link.commit().unwrap_err();
        assert_eq!(error.class(), Class::OutcomeUnknown, "{error}");
        assert_eq!(error.status(), Status::OutcomeUnknown);
        assert!(link.is_lost());
        // Asked again, it is a lost connection like any other.
        assert_eq!(link.commit().unwrap_err().class(), Class::Unreachable);
    }

    fn a_server_killed_under_a_statement_ends_it_at_once(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        let mut link = link(node);
        let sleep = pair.pick("", "SELECT pg_sleep(30)", "SELECT sleep(30)");
        thread::scope(|scope| {
            let call = scope.spawn(move || {
                let start = Instant::now();
                let error = link.query(sleep, &[]).unwrap_err();
                (link, error, start.elapsed())
            });
            thread::sleep(Duration::from_millis(300));
            node.kill();
            let (link, error, took) = call.join().unwrap();
            assert_eq!(error.class(), Class::Unreachable, "{error}");
            assert!(took < Duration::from_secs(5), "{took:?}");
            assert!(link.is_lost());
        });
    }

    fn open_results_and_dropped_links_survive_a_dead_server(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
        let mut link = link(node);
        link.begin(false).unwrap();
        let cursor = link.run("SELECT id FROM t", &[]).unwrap().rows.unwrap();
        let other = link.run("SELECT id FROM t WHERE id > ?", &[int(0)]).unwrap().rows.unwrap();
        node.kill();
        drop(cursor);
        drop(link);
        drop(other);
    }
}

on_all_engines! {
    fn a_deadlock_victim_holds_no_lock_and_may_try_again(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0)");
        let mut one = link(node);
        let mut two = link(node);
        if one.engine() == Engine::Sqlite {
            // Both have read, one writes, the other's snapshot is old.
            one.begin(false).unwrap();
            two.begin(false).unwrap();
            one.query("SELECT * FROM t", &[]).unwrap();
            two.query("SELECT * FROM t", &[]).unwrap();
            run(&mut one, "UPDATE t SET v = 1 WHERE id = 1", &[]);
            one.commit().unwrap();
            let start = Instant::now();
            let error = fails(&mut two, "UPDATE t SET v = 2 WHERE id = 1");
            assert_eq!(error.class(), Class::Retryable, "{error}");
            assert!(start.elapsed() < Duration::from_secs(1), "only a rollback helps: {:?}", start.elapsed());
            assert_eq!(two.tx(), TxState::Failed);
            // It holds nothing any more.
            one.begin(true).unwrap();
            one.rollback().unwrap();
        } else {
            one.begin(true).unwrap();
            two.begin(true).unwrap();
            run(&mut one, "UPDATE t SET v = 1 WHERE id = 1", &[]);
            run(&mut two, "UPDATE t SET v = 2 WHERE id = 2", &[]);
            two.savepoint("s").unwrap();
            let waiting = thread::spawn(move || {
                let result = one.run("UPDATE t SET v = 1 WHERE id = 2", &[]).map(|o| o.affected);
                (one, result)
            });
            thread::sleep(Duration::from_millis(300));
            let result = two.run("UPDATE t SET v = 2 WHERE id = 1", &[]).map(|o| o.affected);
            // Whichever is the victim, the other goes on though the victim's owner has not moved.
            let start = Instant::now();
            let (mut one, first) = waiting.join().unwrap();
            assert!(start.elapsed() < Duration::from_secs(3));
            let victims = [&first, &result].iter().filter(|r| r.is_err()).count();
            assert_eq!(victims, 1, "{first:?} {result:?}");
            if first.is_err() {
                std::mem::swap(&mut one, &mut two);
            }
            let error = first.and(result).unwrap_err();
            assert_eq!(error.class(), Class::Retryable, "{error}");
            assert_eq!(error.status(), Status::Retry);
            one.commit().unwrap();
        }
        assert_eq!(two.tx(), TxState::Failed);
        assert_eq!(two.rollback_to("s").unwrap_err().status(), Status::TxFailed);
        assert_eq!(two.commit().unwrap_err().status(), Status::TxFailed);
        two.begin(true).unwrap();
        run(&mut two, "UPDATE t SET v = 9", &[]);
        two.commit().unwrap();
        assert_eq!(node.count("SELECT sum(v) FROM t"), 18);
    }

    fn a_connection_ended_by_the_server_is_lost(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        let mut victim = link(node);
        let mut killer = link(node);
        assert!(victim.session_id() > 0);
        let sql = killer.dialect().kill_sql(victim.session_id()).unwrap();
        killer.run_once(&sql).unwrap();
        thread::sleep(Duration::from_millis(200));
        let error = victim.ping(Duration::from_secs(2)).unwrap_err();
        assert_eq!(error.class(), Class::Unreachable, "{error} {:?}", error.records());
        assert!(victim.is_lost());
    }

    fn a_commit_on_a_connection_that_was_ended_is_no_success(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut killer = link(node);
        let mut victim = link(node);
        victim.begin(true).unwrap();
        run(&mut victim, "INSERT INTO t VALUES (1)", &[]);
        let sql = killer.dialect().kill_sql(victim.session_id()).unwrap();
        killer.run_once(&sql).unwrap();
        thread::sleep(Duration::from_millis(200));
        let error = victim.commit().unwrap_err();
        assert_eq!(error.class(), Class::OutcomeUnknown, "{error} {:?}", error.records());
        assert!(victim.is_lost());
        assert_eq!(node.count("SELECT count(*) FROM t"), 0);
    }

    fn a_cut_link_comes_back_from_its_call(pair: &Pair) {
        let mut link = link(&pair.master);
        let canceller = link.canceller();
        let slow = pair.pick(ENDLESS, "SELECT pg_sleep(30)", "SELECT sleep(30)");
        let call = thread::spawn(move || {
            let error = link.query(slow, &[]).unwrap_err();
            (link, error)
        });
        thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        canceller.cut();
        let (link, error) = call.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(error.class(), Class::Unreachable, "{error}");
        assert!(link.is_lost());
    }

    fn a_cancelled_statement_leaves_the_connection_whole(pair: &Pair) {
        let mut link = link(&pair.master);
        let canceller = link.canceller();
        let slow = pair.pick(ENDLESS, "SELECT pg_sleep(30)", "SELECT sum(a.seq * b.seq) FROM seq_1_to_1000000 a, seq_1_to_1000000 b");
        for _ in 0..2 {
            let there = canceller.clone();
            let cancelling = thread::spawn(move || {
                thread::sleep(Duration::from_millis(300));
                there.cancel();
            });
            let start = Instant::now();
            let error = link.query(slow, &[]).unwrap_err();
            assert!(start.elapsed() < Duration::from_secs(10));
            assert_eq!(error.class(), Class::TimedOut, "{error} {:?}", error.records());
            cancelling.join().unwrap();
            assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
        }
        // Without a running statement it does nothing.
        canceller.cancel();
        thread::sleep(Duration::from_millis(100));
        assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
    }
}

pub const ENDLESS: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000000000) SELECT sum(x) FROM c";
