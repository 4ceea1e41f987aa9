//! Bad input gets a clear one-line error that names the option or call and what to do. Nothing is lost.

use std::time::Duration;

use twinpool::{MirrorState, Options, Status, TwinPool};
use twinpool_testkit::{Engine, on_all_engines, on_own_servers};

use crate::common::*;

fn refused(o: &Options) -> twinpool::Error {
    let e = match TwinPool::open(o) {
        Ok(_) => panic!("it was opened"),
        Err(e) => e,
    };
    assert!(!e.message().contains('\n'), "more than one line: {e}");
    e
}

#[test]
fn an_unknown_option_names_the_nearest() {
    let e = Options::new().set("pool.maks", "3").unwrap_err();
    assert_eq!(e.status(), Status::BadOption);
    assert!(e.message().contains("pool.maks") && e.message().contains("pool.max"), "{e}");
}

#[test]
fn a_missing_driver_names_the_package() {
    let mut o = Options::new();
    o.set("master", "Driver={PostgreSQL Unicodes};Server=127.0.0.1;Port=1").unwrap();
    o.set("mirror", "Driver={SQLite3};Database=/nonexistent/b.db").unwrap();
    let e = refused(&o);
    assert_eq!(e.status(), Status::NoDriver, "{e}");
    assert!(e.message().contains("odbc-postgresql"), "{e}");
}

on_all_engines! {
    fn an_unreachable_master_is_named_at_open(pair: &Pair) {
        let nowhere = match pair.engine() {
            Engine::Sqlite => "Driver={SQLite3};Database=/nonexistent/folder/a.db".to_owned(),
            _ => pair.master.connection_string().replace(&format!("{}", pair.master.port()), "1"),
        };
        let e = refused(&options_for(pair, &nowhere, &pair.mirror.connection_string()));
        assert!(e.message().contains("master"), "{e}");
        assert_eq!(e.side(), twinpool::Side::Master, "{e}");
        assert!(matches!(e.status(), Status::Unreachable | Status::Database), "{:?} {e}", e.status());
    }

    fn both_strings_leading_to_one_database_are_refused(pair: &Pair) {
        let cs = pair.master.connection_string();
        let e = refused(&options_for(pair, &cs, &cs));
        assert_eq!(e.status(), Status::NotAPair);
        assert!(e.message().contains("same connection string"), "{e}");
        // Another spelling of it leads there all the same.
        let e = refused(&options_for(pair, &cs, &cs.replace("Driver=", "DRIVER=")));
        assert_eq!(e.status(), Status::NotAPair);
        assert!(e.message().contains("same database"), "{e}");
        // Nothing was made.
        let made = match pair.engine() {
            Engine::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'twin%'",
            Engine::Postgres => "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE 'twin%'",
            Engine::MariaDb => "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'twin%'",
        };
        assert_eq!(pair.master.count(made), 0);
    }

    fn a_mirror_lacking_a_table_is_refused_at_open_by_name(pair: &Pair) {
        make_items(pair);
        pair.master.sql("CREATE TABLE only_here (id INTEGER NOT NULL PRIMARY KEY)");
        let e = refused(&options(pair));
        assert_eq!(e.status(), Status::NotAPair);
        assert!(e.message().contains("only_here"), "{e}");
        pair.mirror.sql("CREATE TABLE only_here (id INTEGER NOT NULL PRIMARY KEY)");
        close(open(pair));
    }

    fn a_table_lost_on_the_mirror_later_stops_in_diverged_and_heals(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        pair.mirror.sql("DROP TABLE items");
        let (status, _) = run(&mut s, "INSERT INTO items (id, n) VALUES (1, 1)", &[]);
        assert_eq!(status, Status::Queued);
        wait_for("diverged", Duration::from_secs(30), || pool.status().mirror_state == MirrorState::Diverged);
        let status = pool.status();
        assert!(status.reason.contains("items") && !status.reason.contains('\n'), "{}", status.reason);
        let create = pair.master.engine();
        let text = match create { Engine::MariaDb => "VARCHAR(200)", _ => "TEXT" };
        pair.mirror.sql(&format!("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name {text}, n INTEGER NOT NULL DEFAULT 0)"));
        pool.attach().unwrap();
        wait_in_sync(&pool);
        drop(s);
        close(pool);
        pair.assert_equal();
    }

    fn a_wrong_password_is_a_login_error_and_is_not_shown(pair: &Pair) {
        let Some(wrong) = pair.master.connection_string_with_password("s3cr3t-wrong") else { return };
        let e = refused(&options_for(pair, &wrong, &pair.mirror.connection_string()));
        assert_eq!(e.status(), Status::Login, "{e}");
        let all = format!("{e} {:?} {:?}", e, e.records());
        assert!(!all.contains("s3cr3t-wrong"), "{all}");
    }

    fn exchanged_connection_strings_are_refused(pair: &Pair) {
        make_items(pair);
        close(open(pair));
        let e = refused(&options_for(pair, &pair.mirror.connection_string(), &pair.master.connection_string()));
        assert_eq!(e.status(), Status::NotAPair);
        assert!(e.message().contains("exchange"), "{e}");
    }

    fn a_stranger_for_a_mirror_is_refused(pair: &Pair) {
        make_items(pair);
        close(open(pair));
        let other = twinpool_testkit::Pair::shared(pair.engine(), "a_stranger");
        let text = match pair.engine() { Engine::MariaDb => "VARCHAR(200)", _ => "TEXT" };
        other.sql_on_both(&format!("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name {text}, n INTEGER NOT NULL DEFAULT 0)"));
        let e = refused(&options_for(pair, &pair.master.connection_string(), &other.mirror.connection_string()));
        assert_eq!(e.status(), Status::NotAPair, "{e}");
    }

    fn an_exhausted_pool_answers_with_its_figures(pair: &Pair) {
        let pool = open_with(pair, &[("pool.max", "1")]);
        let s = acquire(&pool);
        let e = match pool.acquire(Some(Duration::from_millis(100))) {
            Ok(_) => panic!("acquired"),
            Err(e) => e,
        };
        assert_eq!(e.status(), Status::AcquireTimeout);
        for word in ["total", "idle", "active", "waiting", "in_sync"] {
            assert!(e.message().contains(word), "{word}: {e}");
        }
        drop(s);
        close(pool);
    }
}

on_own_servers! {
    fn an_unreachable_mirror_at_the_first_open_says_that_both_are_needed(pair: &Pair) {
        make_items(pair);
        pair.mirror.kill();
        let e = refused(&options(pair));
        assert_eq!(e.status(), Status::MirrorDown, "{e}");
        assert!(e.message().contains("mirror"), "{e}");
        pair.mirror.restart();
        close(open(pair));
    }
}
