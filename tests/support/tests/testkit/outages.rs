//! Killing, stopping and returning.

use std::time::{Duration, Instant};

use twinpool_testkit::{Engine, Pair, on_all_engines, on_own_servers};

on_all_engines! {
    fn two_nodes_are_two_databases(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))");
        pair.master.sql("INSERT INTO t VALUES (1, 'one'), (2, NULL), (3, 'NULL')");
        assert_eq!(pair.mirror.count("SELECT count(*) FROM t"), 0);
        let rows = pair.master.sql("SELECT id, v FROM t ORDER BY id");
        let cell = |t: &str| Some(t.to_owned());
        assert_eq!(rows, [[cell("1"), cell("one")], [cell("2"), None], [cell("3"), cell("NULL")]]);
        assert_ne!(pair.master.connection_string(), pair.mirror.connection_string());
    }

    fn an_error_of_the_client_is_reported(pair: &Pair) {
        let error = pair.master.try_sql("SELECT * FROM no_such_table").unwrap_err();
        assert!(error.contains("no_such_table"), "{error}");
    }

    #[should_panic(expected = "shared with other tests")]
    fn shared_servers_are_not_killed(pair: &Pair) {
        if pair.engine() == Engine::Sqlite {
            panic!("a file of its own is never shared with other tests");
        }
        pair.master.kill();
    }
}

on_own_servers! {
    fn a_killed_node_comes_back_with_what_was_committed(pair: &Pair) {
        pair.mirror.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        for round in 0..3 {
            pair.mirror.sql(&format!("INSERT INTO t VALUES ({round})"));
            assert!(pair.mirror.is_up());
            pair.mirror.kill();
            assert!(!pair.mirror.is_up());
            assert!(pair.master.is_up());
            pair.mirror.restart();
            assert!(pair.mirror.is_up());
            assert_eq!(pair.mirror.count("SELECT count(*) FROM t"), round + 1);
        }
        pair.mirror.shut_down();
        assert!(!pair.mirror.is_up());
        pair.mirror.restart();
        assert_eq!(pair.mirror.count("SELECT count(*) FROM t"), 3);
    }

    fn a_stopped_node_is_silent_until_it_goes_on(pair: &Pair) {
        pair.mirror.sql("CREATE TABLE t (id INT PRIMARY KEY)");
        pair.mirror.stop();
        let asked = Instant::now();
        assert!(!pair.mirror.is_up());
        assert!(asked.elapsed() < Duration::from_secs(5));
        assert!(pair.master.is_up());
        pair.mirror.cont();
        assert!(pair.mirror.is_up());
        pair.mirror.stop();
        pair.mirror.restart();
        assert_eq!(pair.mirror.count("SELECT count(*) FROM t"), 0);
    }

    fn a_session_of_a_killed_node_is_broken(pair: &Pair) {
        // A client that sleeps inside a statement while the server dies under it.
        let slow = pair.pick("", "SELECT pg_sleep(30)", "SELECT sleep(30)");
        if slow.is_empty() {
            return;
        }
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| pair.mirror.try_sql(slow));
            std::thread::sleep(Duration::from_millis(300));
            pair.mirror.kill();
            assert!(asked.join().expect("the thread ends").is_err());
        });
        pair.mirror.restart();
    }
}

#[test]
fn a_locked_sqlite_file_can_be_read_and_not_written() {
    let pair = Pair::shared(Engine::Sqlite, "locked");
    let file = pair.mirror.sqlite().expect("a file");
    file.lock();
    assert!(!file.is_up());
    assert_eq!(pair.mirror.count("SELECT count(*) FROM sqlite_schema"), 0);
    file.unlock();
    assert!(file.is_up());
}

#[test]
fn a_wrong_password_is_refused() {
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let pair = Pair::shared(engine, "password");
        let run = |password: &str| {
            let text = pair.master.connection_string_with_password(password).expect("a server has passwords");
            // unixODBC's own client, so that the driver is asked and not ours.
            let out = std::process::Command::new("isql")
                .args(["-b", "-k", &text])
                .stdin(std::process::Stdio::null())
                .output();
            out.map(|o| o.status.success())
        };
        match (run("pw"), run("wrong")) {
            (Ok(right), Ok(wrong)) => assert_eq!((right, wrong), (true, false), "{engine}"),
            // isql is a package of its own (unixodbc).
            (Err(error), _) | (_, Err(error)) => panic!("isql: {error} (scripts/setup.sh test installs it)"),
        }
    }
}

#[test]
#[should_panic(expected = "one private pair")]
fn a_second_private_pair_is_refused_instead_of_waiting_for_ever() {
    let _one = Pair::private(Engine::Sqlite, "one");
    let _two = Pair::private(Engine::Sqlite, "two");
}
