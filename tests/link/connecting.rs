//! Connects that fail, and what is said about them.

use std::time::{Duration, Instant};

use twinpool::error::{Class, Side, Status};
use twinpool::link::{Engine, Link, LinkSettings};
use twinpool_testkit::{Folder, on_all_engines};

use crate::common::*;

fn refused(connection_string: &str) -> twinpool::Error {
    let error = Link::open(Side::Mirror, connection_string, &settings()).unwrap_err();
    assert!(!error.message().contains('\n'), "{error}");
    error
}

on_all_engines! {
    fn a_wrong_password_is_a_login_error_and_never_repeated(pair: &Pair) {
        let Some(right) = pair.master.connection_string_with_password("pw") else { return };
        drop(Link::open(Side::Master, &right, &settings()).unwrap());
        let wrong = pair.master.connection_string_with_password("sEcr3t;}x").unwrap();
        let error = refused(&wrong.replace("sEcr3t;}x", "sEcr3t"));
        assert_eq!(error.status(), Status::Login, "{error} {:?}", error.records());
        assert_eq!(error.class(), Class::Refused);
        let all = format!("{error} {:?}", error.records());
        assert!(!all.contains("sEcr3t"), "{all}");
    }

    fn a_database_that_is_not_there_is_a_login_error(pair: &Pair) {
        let node = &pair.master;
        if !node.engine().has_server() {
            return;
        }
        let error = refused(&node.connection_string().replace(node.database(), "nowhere"));
        assert_eq!(error.status(), Status::Login, "{error} {:?}", error.records());
    }

    fn a_server_that_is_not_there_is_unreachable_at_once(pair: &Pair) {
        let node = &pair.master;
        let text = match node.path() {
            Some(path) => node.connection_string().replace(path.to_str().unwrap(), "/nowhere/at/all.db"),
            None => node.connection_string_via(1),
        };
        let start = Instant::now();
        let error = refused(&text);
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(error.status(), Status::Unreachable, "{error} {:?}", error.records());
        assert_eq!(error.class(), Class::Unreachable);
        assert_eq!(error.side(), Side::Mirror);
    }

    fn a_text_that_ends_where_its_memory_goes_on_is_read_to_its_end_only(pair: &Pair) {
        // libmaodbc reads past the end of what it is given.
        let node = &pair.master;
        let text = node.connection_string_with_password("pw").unwrap_or_else(|| node.connection_string());
        let longer = format!("{};xyzzy", text.trim_end_matches(';'));
        let part = &longer[..longer.len() - ";xyzzy".len()];
        for _ in 0..3 {
            drop(Link::open(Side::Master, part, &settings()).unwrap());
        }
    }

    fn the_session_begins_as_it_should(pair: &Pair) {
        let mut settings = settings();
        settings.init_sql = vec![pair.pick("CREATE TEMP TABLE x (a INT)", "SET my.x = '1'", "SET @x = 1").to_owned()];
        let mut link = link_with(&pair.master, &settings);
        match link.engine() {
            Engine::Sqlite => {
                assert_eq!(one(&mut link, "PRAGMA journal_mode", &[]), text("wal"));
                assert_eq!(one(&mut link, "PRAGMA synchronous", &[]), int(2));
                assert_eq!(one(&mut link, "PRAGMA foreign_keys", &[]), int(1));
                assert_eq!(one(&mut link, "SELECT count(*) FROM x", &[]), int(0));
            }
            Engine::Postgres => {
                assert_eq!(one(&mut link, "SHOW transaction_isolation", &[]), text("read committed"));
                assert_eq!(one(&mut link, "SHOW synchronous_commit", &[]), text("on"));
                assert_eq!(one(&mut link, "SHOW my.x", &[]), text("1"));
                for sql in link.dialect().reset_sql() {
                    link.run_once(sql).unwrap();
                }
                link.restart_session().unwrap();
                assert_eq!(one(&mut link, "SHOW transaction_isolation", &[]), text("read committed"));
                assert_eq!(one(&mut link, "SHOW DateStyle", &[]), text("ISO, MDY"));
            }
            Engine::MariaDb => {
                assert_eq!(one(&mut link, "SELECT @@tx_isolation", &[]), text("READ-COMMITTED"));
                assert_eq!(one(&mut link, "SELECT @@character_set_client", &[]), text("utf8mb4"));
                assert_eq!(one(&mut link, "SELECT @x", &[]), int(1));
                assert!(link.dialect().must_discard());
            }
        }
        let refused = LinkSettings { init_sql: vec!["NONSENSE".into()], ..settings };
        let error = Link::open(Side::Master, &pair.master.connection_string(), &refused).unwrap_err();
        assert!(error.message().starts_with("the session's initial SQL"), "{error}");
    }

    fn many_connects_at_a_time_each_find_their_own_socket(pair: &Pair) {
        let node = &pair.master;
        std::thread::scope(|scope| {
            for i in 0..6 {
                scope.spawn(move || {
                    let mut settings = settings();
                    settings.call_timeout = Some(Duration::from_secs(10));
                    let mut links: Vec<Link> = (0..3).map(|_| link_with(node, &settings)).collect();
                    links[0].canceller().cut();
                    assert!(links[0].query("SELECT 1", &[]).is_err());
                    for other in &mut links[1..] {
                        assert_eq!(one(other, "SELECT ?", &[int(i)]), int(i));
                    }
                });
            }
        });
    }

    fn a_forked_child_neither_uses_nor_closes_its_parents_link(pair: &Pair) {
        let mut link = link(&pair.master);
        let cursor = link.run("SELECT 1", &[]).unwrap().rows.unwrap();
        let child = unsafe { libc::fork() };
        if child == 0 {
            let forked = |status: Status| status == Status::Forked;
            let mut ok = link.query("SELECT 2", &[]).is_err_and(|e| forked(e.status()));
            ok &= link.begin(true).is_err_and(|e| forked(e.status()));
            ok &= link.rollback().is_err_and(|e| forked(e.status()));
            ok &= link.ping(Duration::from_secs(1)).is_err_and(|e| forked(e.status()));
            link.canceller().cut();
            drop(cursor);
            drop(link);
            unsafe { libc::_exit(if ok { 0 } else { 1 }) };
        }
        let mut status = 0;
        unsafe { libc::waitpid(child, &mut status, 0) };
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
        drop(cursor);
        assert_eq!(one(&mut link, "SELECT 3", &[]), int(3));
    }
}

#[test]
fn a_missing_driver_is_named_with_its_package() {
    for (text, package) in [
        ("Driver={PostgreSQL Nope};Server=x", "odbc-postgresql"),
        ("Driver={MariaDB Nope};Server=x", "odbc-mariadb"),
        ("Driver={SQLite Nope};Database=x", "libsqliteodbc"),
    ] {
        let error = refused(text);
        assert_eq!(error.status(), Status::NoDriver, "{error}");
        assert!(error.message().contains(package), "{error}");
    }
    let error = refused("DSN=no_such_source");
    assert_eq!(error.status(), Status::NoDriver, "{error}");
    assert!(error.message().contains("no_such_source"), "{error}");
}

#[test]
fn a_database_file_is_made_only_when_that_is_wanted() {
    let folder = Folder::new("made");
    let path = folder.path().join("new.db");
    let text = format!("Driver={{SQLite3}};Database={};", path.display());
    let error = refused(&text);
    assert_eq!(error.status(), Status::Unreachable, "{error}");
    assert!(!path.exists());
    let create = LinkSettings { create: true, ..settings() };
    let mut link = Link::open(Side::Master, &text, &create).unwrap();
    link.run_once("CREATE TABLE t (id INT)").unwrap();
    assert!(path.exists());
}

/// Runs in a process of its own, whose locale is Latin-1.
#[test]
#[ignore = "started by the test below"]
fn in_a_latin1_process() {
    let text = std::env::var("LINK_TEST_CONNECTION").unwrap();
    match Link::open(Side::Master, &text, &settings()) {
        Ok(mut link) => assert_eq!(one(&mut link, "SELECT char_length(?)", &[self::text("grüße")]), int(5)),
        Err(error) => panic!("refused {:?}: {error}", error.status()),
    }
}

on_all_engines! {
    fn text_is_never_converted_behind_our_back(pair: &Pair) {
        let Some(_) = pair.master.server() else { return };
        let folder = Folder::new("locale");
        let made = std::process::Command::new("localedef")
            .args(["-i", "en_US", "-f", "ISO-8859-1"])
            .arg(folder.path().join("en_US.ISO-8859-1"))
            .output();
        if !made.is_ok_and(|output| output.status.success()) {
            println!("no locales can be made here");
            return;
        }
        let run = |cure: bool| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command
                .args(["--ignored", "--exact", "connecting::in_a_latin1_process", "--nocapture"])
                .env("LINK_TEST_CONNECTION", pair.master.connection_string())
                .env("LOCPATH", folder.path())
                .env("LC_ALL", "en_US.ISO-8859-1");
            if cure {
                command.env("PGCLIENTENCODING", "UTF8");
            }
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            (output.status.success(), text)
        };
        let (fine, text) = run(false);
        if pair.engine() == twinpool_testkit::Engine::Postgres {
            assert!(!fine && text.contains("Unsupported") && text.contains("PGCLIENTENCODING"), "{text}");
            let (fine, text) = run(true);
            assert!(fine, "{text}");
        } else {
            assert!(fine, "{text}");
        }
    }
}
