//! Calls that nobody answers.

use std::time::{Duration, Instant};

use twinpool::error::{Class, Side, Status};
use twinpool::link::{Engine, Link, TxState};
use twinpool_testkit::{Proxy, on_all_engines, on_own_servers};

use crate::common::*;
use crate::losses::ENDLESS;

on_own_servers! {
    fn a_call_to_a_stopped_server_comes_back_within_its_limit(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        link.set_call_timeout(Some(Duration::from_millis(700)));
        node.stop();
        let start = Instant::now();
        let error = link.begin(true).unwrap_err();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(450) && took < Duration::from_millis(2000), "{took:?}");
        if link.engine() == Engine::Sqlite {
            // A lock, no more.
            assert_eq!(error.class(), Class::Retryable, "{error}");
            assert!(!link.is_lost());
        } else {
            assert_eq!(error.class(), Class::TimedOut, "{error}");
            assert_eq!(error.status(), Status::Timeout);
            assert!(link.is_lost());
        }
        let start = Instant::now();
        drop(link);
        assert!(start.elapsed() < Duration::from_millis(500));
        node.cont();
    }

    fn a_connect_to_a_stopped_server_comes_back_within_its_limit(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        drop(link(node));
        node.stop();
        let mut settings = settings();
        settings.connect_timeout = Duration::from_millis(600);
        let start = Instant::now();
        let error = Link::open(Side::Mirror, &node.connection_string(), &settings).unwrap_err();
        let took = start.elapsed();
        assert_eq!(error.class(), Class::Unreachable, "{error}");
        assert!(took >= Duration::from_millis(550) && took < Duration::from_millis(1500), "{took:?} {error}");
        assert_eq!(error.side(), Side::Mirror);
        node.cont();
        drop(link(node));
    }

    fn a_commit_without_an_answer_has_an_unknown_outcome(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        node.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        let mut link = link(node);
        link.begin(true).unwrap();
        run(&mut link, "INSERT INTO t VALUES (1)", &[]);
        link.set_call_timeout(Some(Duration::from_millis(500)));
        node.stop();
        let start = Instant::now();
        let error = link.commit().unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(error.class(), Class::OutcomeUnknown, "{error}");
        assert_eq!(link.tx(), TxState::Lost);
        node.cont();
    }

    fn a_cancel_that_hangs_holds_nobody(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        let mut link = link(node);
        let canceller = link.canceller();
        link.set_call_timeout(Some(Duration::from_millis(800)));
        node.stop();
        let cancelling = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            canceller.cancel();
            start.elapsed()
        });
        let start = Instant::now();
        let error = link.query("SELECT 1", &[]).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        assert_eq!(error.class(), Class::TimedOut, "{error}");
        assert!(cancelling.join().unwrap() < Duration::from_millis(100));
        drop(link);
        node.cont();
    }
}

on_all_engines! {
    fn a_statement_past_its_limit_is_cut(pair: &Pair) {
        let mut link = link(&pair.master);
        let slow = pair.pick(ENDLESS, "SELECT pg_sleep(30)", "SELECT sleep(30)");
        link.set_call_timeout(Some(Duration::from_millis(400)));
        let start = Instant::now();
        let error = link.query(slow, &[]).unwrap_err();
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(390) && took < Duration::from_secs(2), "{took:?}");
        assert_eq!(error.class(), Class::TimedOut, "{error}");
        assert!(error.message().contains("400 ms"), "{error}");
        // SQLite is a part of this process: its statement is interrupted and nothing is lost.
        assert_eq!(link.is_lost(), link.engine() != Engine::Sqlite);
        if link.engine() == Engine::Sqlite {
            assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
        }
    }

    fn a_limit_is_for_each_call_and_not_for_all(pair: &Pair) {
        let mut link = link(&pair.master);
        link.set_call_timeout(Some(Duration::from_millis(400)));
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(1200) {
            assert_eq!(one(&mut link, "SELECT 1", &[]), int(1));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn a_lock_wait_has_its_own_limit(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)");
        let mut holder = link(node);
        let mut waiter = link(node);
        waiter.set_lock_timeout(Some(Duration::from_millis(1000))).unwrap();
        holder.begin(true).unwrap();
        run(&mut holder, "UPDATE t SET v = 1", &[]);
        let start = Instant::now();
        let error = match waiter.begin(true) {
            Err(error) => error,
            Ok(()) => {
                let error = fails(&mut waiter, "UPDATE t SET v = 2");
                if waiter.engine() == Engine::Postgres {
                    assert_eq!(waiter.tx(), TxState::Failed);
                }
                error
            }
        };
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(800) && took < Duration::from_millis(2500), "{took:?}");
        assert_eq!(error.class(), Class::Retryable, "{error}");
        waiter.rollback().unwrap();
        holder.commit().unwrap();
        waiter.set_lock_timeout(None).unwrap();
        run(&mut waiter, "UPDATE t SET v = 3", &[]);
    }

    fn a_statement_waits_for_a_lock_that_is_given_back(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)");
        let mut holder = link(node);
        let mut waiter = link(node);
        for inside in [false, true] {
            holder.begin(true).unwrap();
            run(&mut holder, "UPDATE t SET v = 1", &[]);
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    if inside {
                        waiter.begin(false).unwrap();
                    }
                    let start = Instant::now();
                    run(&mut waiter, "UPDATE t SET v = v + 1", &[]);
                    if inside {
                        waiter.commit().unwrap();
                    }
                    start.elapsed()
                });
                std::thread::sleep(Duration::from_millis(400));
                holder.commit().unwrap();
                let took = waiting.join().unwrap();
                assert!(took >= Duration::from_millis(200), "{took:?}");
            });
            assert_eq!(node.count("SELECT v FROM t"), 2);
        }
    }

    fn a_link_through_a_unix_socket_is_cut_too(pair: &Pair) {
        let Some(server) = pair.master.server() else { return };
        let (data, tcp) = (server.data().display().to_string(), pair.master.connection_string());
        let text = match pair.engine() {
            twinpool_testkit::Engine::Postgres => tcp.replace("Server=127.0.0.1", &format!("Server={data}")),
            _ => tcp.replace("Server=127.0.0.1", &format!("Server=localhost;Socket={data}/s")),
        };
        assert_ne!(text, tcp);
        let mut settings = settings();
        settings.call_timeout = Some(Duration::from_millis(500));
        let links = std::thread::scope(|scope| {
            let open = || Link::open(Side::Master, &text, &settings);
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
        });
        for link in links {
            let mut link = match link {
                Ok(link) => link,
                // A user that may come through TCP only.
                Err(error) if error.status() == Status::Login => return,
                Err(error) => panic!("{error}"),
            };
            let slow = pair.pick("", "SELECT pg_sleep(30)", "SELECT sleep(30)");
            let start = Instant::now();
            assert_eq!(link.query(slow, &[]).unwrap_err().class(), Class::TimedOut);
            assert!(start.elapsed() < Duration::from_secs(2));
        }
    }

    fn a_link_through_a_proxy_is_cut_too(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        // The server sees the proxy's port, not ours: the socket has to be found without it.
        let proxy = Proxy::to(node.port());
        let mut link = Link::open(Side::Master, &node.connection_string_via(proxy.port()), &settings()).unwrap();
        link.set_call_timeout(Some(Duration::from_millis(500)));
        proxy.hang(true);
        let start = Instant::now();
        let error = link.query("SELECT 1", &[]).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(error.class(), Class::TimedOut, "{error}");
    }
}
