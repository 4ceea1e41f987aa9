//! Each option of the pool, seen by its effect on real pairs. What needs no database is shown beside the pool's code.

use twinpool::{Isolation, Status};

use super::*;

/// The connection string without what says who connects.
fn nobody(connection: &str) -> String {
    let who = |part: &&str| {
        let key = part.split('=').next().unwrap_or("").trim().to_ascii_uppercase();
        !matches!(key.as_str(), "UID" | "PWD" | "USER" | "PASSWORD" | "USERNAME")
    };
    connection.split(';').filter(who).collect::<Vec<_>>().join(";")
}

fn cell(session: &mut Session, sql: &str) -> String {
    let mut cursor = session.execute(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}")).rows.expect("rows");
    let mut block = twinpool::Block::default();
    assert!(cursor.next_block(1, &mut block).unwrap(), "{sql}: no row");
    match &block.to_rows()[0][0] {
        twinpool::Value::Text(s) | twinpool::Value::Decimal(s) => s.clone(),
        twinpool::Value::Int(i) => i.to_string(),
        other => format!("{other:?}"),
    }
}

/// Writes one row: whether it went to both sides at once.
fn write(pool: &TwinPool, id: i64) -> Status {
    let mut session = pool.acquire(None).unwrap_or_else(|e| panic!("acquire: {e}"));
    let sql = format!("INSERT INTO knob VALUES ({id})");
    session.execute(&sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e}")).status
}

/// Ends every connection to the node's database but that which asks for it.
fn end_connections(node: &twinpool_testkit::Node) {
    match node.engine() {
        Engine::Sqlite => {}
        Engine::Postgres => {
            node.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        }
        Engine::MariaDb => {
            let own = "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()";
            for id in node.sql(own).into_iter().flatten().flatten() {
                // It may be gone by itself.
                let _ = node.try_sql(&format!("KILL {id}"));
            }
        }
    }
}

on_all_engines! {
    fn a_session_leaves_the_pool_as_the_options_say(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE knob (id BIGINT PRIMARY KEY)");
        let schema = pair.pick("", "pg_catalog", "information_schema");
        let pool = open(pair, &pair.master.connection_string(), &[
            ("pool.max", "1"), ("pool.isolation", "serializable"), ("pool.read_only", "on"), ("pool.schema", schema),
        ]);
        for _ in 0..2 {
            let mut session = pool.acquire(None).unwrap();
            assert_eq!(session.isolation(), Isolation::Serializable);
            assert!(session.read_only());
            let e = session.execute("DELETE FROM knob", &[]).unwrap_err();
            assert!(e.message().contains("read-only"), "{e}");
            if !schema.is_empty() {
                assert_eq!(session.schema().unwrap(), schema);
                session.set_schema(pair.pick("", "public", pair.master.database())).unwrap();
            }
            if pair.engine() == Engine::Postgres {
                session.begin().unwrap();
                assert_eq!(cell(&mut session, "SHOW transaction_isolation"), "serializable");
                session.rollback().unwrap();
            }
            session.set_isolation(Isolation::ReadCommitted).unwrap();
            session.set_read_only(false).unwrap();
        }
        close(pool);
    }

    fn initial_statements_run_on_each_new_connection_of_the_node_they_are_given_for(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE born (who VARCHAR(20))");
        let insert = |who| format!("INSERT INTO born VALUES ('{who}')");
        let pool = open(pair, &pair.master.connection_string(), &[
            ("pool.min", "0"), ("pool.max", "1"), ("pool.init_sql", &insert("both")), ("mirror.init_sql", &insert("mirror")),
        ]);
        let count = |who, node: &twinpool_testkit::Node| node.count(&format!("SELECT count(*) FROM born WHERE who = '{who}'"));
        let before = count("both", &pair.master);
        assert!(before >= 1);
        pool.evict();
        one(&mut pool.acquire(None).unwrap()).unwrap();
        assert!(count("both", &pair.master) > before);
        assert!(count("mirror", &pair.mirror) >= 1);
        assert_eq!((count("mirror", &pair.master), count("both", &pair.mirror)), (0, 0));
        close(pool);
    }

    fn properties_are_added_to_the_connection_string_of_their_node(pair: &Pair) {
        // What the driver takes for the first statement of a connection, or for its name.
        let (property, question, answer) = match pair.engine() {
            Engine::Sqlite => ("FKSupport=1", "PRAGMA foreign_keys", "1"),
            Engine::Postgres => ("ConnSettings={SET application_name='from_a_property'}", "SHOW application_name", "from_a_property"),
            Engine::MariaDb => ("INITSTMT={SET @prop='from_a_property'}", "SELECT @prop", "from_a_property"),
        };
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "1"), ("master.properties", property)]);
        assert_eq!(cell(&mut pool.acquire(None).unwrap(), question), answer);
        close(pool);
    }

    fn an_acquire_waits_as_long_as_the_option_says_and_not_longer(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "1"), ("pool.acquire_timeout_ms", "300"), ("name", "orders")]);
        let held = pool.acquire(None).unwrap();
        for (limit, value) in [(300, "300"), (50, "50"), (0, "0")] {
            pool.set("pool.acquire_timeout_ms", value).unwrap();
            let start = Instant::now();
            let e = pool.acquire(None).err().expect("nothing was free");
            assert!(start.elapsed() >= Duration::from_millis(limit), "{:?}", start.elapsed());
            assert_eq!(e.status(), Status::AcquireTimeout);
            let told = format!("pool 'orders': no session within {limit} ms (total 1, idle 0, active 1, ");
            assert!(e.message().starts_with(&told), "{e}");
        }
        drop(held);
        close(pool);
    }

    fn a_suspended_pool_fails_fast_where_the_option_says_so_even_when_it_is_set_later(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "1")]);
        let status = |pool: &TwinPool| pool.acquire(Some(Duration::from_millis(50))).err().map(|e| e.status());
        pool.suspend(false).unwrap();
        assert_eq!(status(&pool), Some(Status::AcquireTimeout));
        pool.resume().unwrap();
        pool.set("pool.suspend_fail_fast", "on").unwrap();
        pool.suspend(false).unwrap();
        assert_eq!(status(&pool), Some(Status::PoolSuspended));
        pool.resume().unwrap();
        assert_eq!(status(&pool), None);
        close(pool);
    }

    fn the_keeper_replaces_idle_and_old_sessions_of_a_running_pool_by_options_set_later(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.min", "1"), ("pool.max", "4"), ("pool.initial", "4")]);
        assert_eq!(pool.status().total, 4);
        pool.set("pool.idle_timeout_ms", "100").unwrap();
        until("idle ones above the minimum are closed", || pool.status().total == 1);
        let opened = pool.metrics().pool.opened;
        pool.set("pool.max_lifetime_ms", "200").unwrap();
        until("old ones are replaced", || pool.metrics().pool.opened >= opened + 3);
        // Never while it is in use.
        let mut session = pool.acquire(None).unwrap();
        thread::sleep(Duration::from_millis(600));
        one(&mut session).unwrap();
        drop(session);
        pool.set("pool.min", "3").unwrap();
        until("it has grown", || pool.status().total == 3);
        pool.set("pool.max", "2").unwrap();
        until("it has shrunk", || pool.status().total <= 2);
        close(pool);
    }

    fn a_statement_waits_for_a_lock_as_long_as_the_option_says(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE knob (id BIGINT PRIMARY KEY)");
        pair.sql_on_both("INSERT INTO knob VALUES (1)");
        let master = pair.master.connection_string();
        let pool = open(pair, &master, &[("pool.max", "1"), ("statement.lock_timeout_ms", "1000")]);
        let other = open(pair, &master, &[("pool.max", "1"), ("name", "other")]);
        let mut holder = other.acquire(None).unwrap();
        holder.begin().unwrap();
        holder.execute("DELETE FROM knob WHERE id = 1", &[]).unwrap();
        let start = Instant::now();
        let mut session = pool.acquire(None).unwrap();
        let e = session.execute("DELETE FROM knob WHERE id = 1", &[]).unwrap_err();
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(900) && waited < Duration::from_secs(8), "{waited:?}: {e}");
        assert!(e.retryable(), "{e}");
        holder.rollback().unwrap();
        session.execute("DELETE FROM knob WHERE id = 1", &[]).unwrap();
        drop((holder, session));
        close(other);
        close(pool);
    }

    fn a_call_to_a_database_ends_by_the_limit_of_the_options(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "1"), ("statement.timeout_ms", "700")]);
        let mut session = pool.acquire(None).unwrap();
        assert_eq!(session.network_timeout(), Some(Duration::from_millis(700)));
        let long = pair.pick(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000000) SELECT count(*) FROM c",
            "SELECT pg_sleep(60)",
            "SELECT SLEEP(60)",
        );
        let start = Instant::now();
        let answer = session.execute(long, &[]).and_then(|done| {
            done.rows.expect("rows").next_block(1, &mut twinpool::Block::default())
        });
        let e = answer.expect_err("it takes longer");
        assert_eq!(e.status(), Status::Timeout, "{e}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        drop(session);
        close(pool);
    }

    fn options_that_are_not_live_stay_as_they_were_and_say_so(pair: &Pair) {
        let pool = open(pair, &pair.master.connection_string(), &[("pool.max", "2")]);
        for (key, value) in [("name", "x"), ("pool.isolation", "serializable"), ("pool.suspension", "off"), ("mirror", "DSN=x")] {
            let e = pool.set(key, value).unwrap_err();
            assert_eq!(e.message(), format!("option '{key}' is fixed once the pool is open"));
        }
        // Silly values are repaired, contradictions refused with nothing changed.
        pool.set("pool.min", "7").unwrap();
        until("as many as the maximum", || pool.status().total == 2);
        let e = pool.set("mirror.retry_max_ms", "1").unwrap_err();
        assert!(e.message().contains("fixed"), "{e}");
        close(pool);
    }
}

on_own_servers! {
    /// An idle connection may be cut by a firewall or a server's own limit: the keeper notices before a transaction does.
    fn the_keeper_replaces_what_has_lost_its_connections_before_anybody_needs_it(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE knob (id BIGINT PRIMARY KEY)");
        let pool = open(pair, &pair.master.connection_string(), &[
            ("pool.max", "1"), ("pool.keepalive_ms", "50"), ("pool.alive_bypass_ms", "60000"),
        ]);
        assert_eq!(write(&pool, 1), Status::Ok);
        end_connections(&pair.mirror);
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(write(&pool, 2), Status::Ok, "{:?}", pool.status());
        assert_eq!(pool.status().queued, 0);
        let opened = pool.metrics().pool.opened;
        end_connections(&pair.master);
        if pair.engine().has_server() {
            until("the session is replaced", || pool.metrics().pool.opened > opened && pool.status().idle == 1);
        }
        assert_eq!(write(&pool, 3), Status::Ok, "{:?}", pool.status());
        close(pool);
        pair.assert_equal();
    }

    fn credentials_change_while_the_pool_runs(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE knob (id BIGINT PRIMARY KEY)");
        let password = |word: &str| match pair.engine() {
            Engine::Sqlite => {}
            Engine::Postgres => pair.sql_on_both(&format!("ALTER ROLE guarded PASSWORD '{word}'")),
            Engine::MariaDb => pair.sql_on_both(&format!(
                "CREATE OR REPLACE USER guarded@'%' IDENTIFIED BY '{word}'; GRANT ALL ON *.* TO guarded@'%'"
            )),
        };
        password("first");
        let mut o = Options::new();
        for (key, value) in [
            ("master", nobody(&pair.master.connection_string()).as_str()),
            ("mirror", nobody(&pair.mirror.connection_string()).as_str()),
            ("master.user", "guarded"), ("master.password", "first"),
            ("mirror.user", "guarded"), ("mirror.password", "first"),
            ("pool.max", "1"), ("pool.min", "0"),
        ] {
            o.set(key, value).unwrap();
        }
        let pool = TwinPool::open(&o).unwrap_or_else(|e| panic!("open: {e}"));
        assert_eq!(write(&pool, 1), Status::Ok);
        password("second");
        // What is open stays.
        assert_eq!(write(&pool, 2), Status::Ok);
        pool.evict();
        if pair.engine().has_server() {
            let e = pool.acquire(Some(Duration::from_secs(2))).err().expect("the old password is good for nothing");
            assert_eq!(e.status(), Status::AcquireTimeout, "{e}");
            assert!(e.message().contains("last connect error") && !e.message().contains("first"), "{e}");
        }
        pool.set("master.password", "second").unwrap();
        pool.set("mirror.password", "second").unwrap();
        assert_eq!(pool.get("master.password").unwrap(), "***");
        assert_eq!(write(&pool, 3), Status::Ok, "{:?}", pool.status());
        assert_eq!(pool.status().queued, 0);
        close(pool);
        pair.assert_equal();
    }
}

#[test]
fn a_limit_to_connect_may_be_raised_while_the_pool_runs_and_differ_for_the_master() {
    let (pair, stub) = (Pair::private(Engine::Sqlite, "limit"), Stub::new());
    let master = stub.connection_string(&pair.master.path().expect("a file"));
    for own in [false, true] {
        let mut options = vec![("pool.min", "0"), ("pool.max", "1"), ("pool.connect_timeout_ms", "1000")];
        if own {
            options.push(("master.connect_timeout_ms", "20000"));
        }
        let pool = open(&pair, &master, &options);
        pool.evict();
        stub.plan("SQLDriverConnect", 0, "delay 1500000");
        if !own {
            let e = pool.acquire(Some(Duration::from_secs(4))).err().expect("connecting takes too long");
            assert!(e.message().contains("last connect error"), "{e}");
            pool.set("pool.connect_timeout_ms", "20000").unwrap();
        }
        let limit = Some(Duration::from_secs(15));
        one(&mut pool.acquire(limit).unwrap_or_else(|e| panic!("own {own}: {e}"))).unwrap();
        stub.forget("SQLDriverConnect");
        close(pool);
    }
}
