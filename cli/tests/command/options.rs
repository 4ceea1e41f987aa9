//! Where options come from, and that passwords go nowhere.

use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::support::Bench;

const NOWHERE: &str = "Driver={SQLite3};Database=/nonexistent/folder/a.db;PWD=hunter2secret";

#[test]
fn an_unknown_option_names_the_nearest() {
    let bench = Bench::bare("an_unknown_option");
    let ran = bench.run(&["status", "pool.maks=3"]);
    let line = ran.failed(2);
    assert!(line.contains("pool.maks") && line.contains("pool.max"), "{line}");
    let ran = bench.run_with(&["status"], &[("TWINPOOL_MIRROR_MODE", "sinc")], "");
    let line = ran.failed(2);
    assert!(line.contains("mirror.mode") && line.contains("async"), "{line}");
    bench.write("bad.toml", "[pool]\nmaximum = 3\n");
    let ran = bench.run(&["--config", "bad.toml", "status"]);
    let line = ran.failed(2);
    assert!(line.contains("bad.toml") && line.contains("pool.max"), "{line}");
}

#[test]
fn arguments_win_over_the_environment_and_that_over_the_file() {
    let pair = Pair::shared(Engine::Sqlite, "arguments_win");
    let bench = Bench::bare("arguments_win");
    let toml = format!(
        "name = \"of the file\"\n[master]\nconnection = \"{}\"\n[mirror]\nconnection = \"{}\"\n",
        pair.master.connection_string(),
        pair.mirror.connection_string()
    );
    bench.write("pair.toml", &toml);
    let name = |arguments: &[&str], environment: &[(&str, &str)]| {
        let ran = bench.run_with(arguments, environment, "").ok();
        let line = ran.out.lines().next().unwrap_or_default().to_owned();
        line.strip_prefix("pair").unwrap_or(&line).trim().to_owned()
    };
    let env = [("TWINPOOL_NAME", "of the environment")];
    assert_eq!(name(&["--config", "pair.toml", "status"], &[]), "of the file");
    assert_eq!(name(&["status", "-c", "pair.toml"], &env), "of the environment");
    assert_eq!(name(&["-c", "pair.toml", "status", "name=of the arguments"], &env), "of the arguments");
    assert_eq!(name(&["name=of the arguments", "-c", "pair.toml", "status"], &env), "of the arguments");
}

#[test]
fn wrong_usage_ends_with_2_and_one_line() {
    let bench = Bench::bare("wrong_usage");
    assert!(bench.run(&["statsu"]).failed(2).contains("'status'"));
    assert!(bench.run(&["status", "--jason"]).failed(2).contains("'--json'"));
    assert!(bench.run(&["queue", "show", "x"]).failed(2).contains("'x'"));
    assert!(bench.run(&["--config", "missing.toml", "status"]).failed(2).contains("missing.toml"));
    let ran = bench.run(&["status"]);
    assert!(ran.failed(2).contains("master"), "{}", ran.err);
    let ran = bench.run(&["--help"]).ok();
    assert!(ran.out.contains("KEY=VALUE") && ran.err.is_empty());
    let ran = bench.run(&["--version"]).ok();
    assert_eq!(ran.out.trim(), concat!("twinpool ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_pair_that_cannot_be_opened_ends_with_2() {
    let bench = Bench::bare("a_pair_that_cannot_be_opened");
    let mirror = "mirror=Driver={SQLite3};Database=/nonexistent/folder/b.db";
    let ran = bench.run(&["status", &format!("master={NOWHERE}"), mirror]);
    assert!(ran.failed(2).contains("master"), "{}", ran.err);
    let ran = bench.run(&["verify", "master=Driver={SQLite4};Database=x", mirror]);
    assert!(ran.failed(2).contains("libsqliteodbc"), "{}", ran.err);
}

#[test]
fn a_password_is_in_no_error_and_no_status() {
    let bench = Bench::bare("a_password_is_in_no_error");
    let pair = Pair::shared(Engine::Sqlite, "a_password_is_in_no_error");
    let with = |node: &twinpool_testkit::Node| format!("{};PWD=hunter2secret", node.connection_string());
    let (master, mirror) =
        (format!("master={}", with(&pair.master)), format!("mirror={}", with(&pair.mirror)));
    let unclosed = format!("[master]\nconnection = \"{NOWHERE}\n");
    bench.write("unclosed.toml", &unclosed);
    bench.write("wrong.toml", &format!("master = [\"{NOWHERE}\"]\n"));
    bench.write("key.toml", "[master]\npasword = \"hunter2secret\"\n");
    bench.write("twice.toml", "master.password = \"hunter2secret\"\nmaster.password = \"hunter2secret\"\n");
    let away = format!("master={NOWHERE}");
    let tries: [&[&str]; 10] = [
        &["status", &master, &mirror],
        &["status", "--json", &master, &mirror],
        &["status", &away, &mirror],
        &["status", &master, &master],
        &["statsu", &master],
        &["--config", "unclosed.toml", "status"],
        &["--config", "wrong.toml", "status"],
        &["--config", "key.toml", "status"],
        &["--config", "twice.toml", "status"],
        &["status", "master=Driver={SQLite4};PWD=hunter2secret", &mirror],
    ];
    for arguments in tries {
        let ran = bench.run_with(arguments, &[("TWINPOOL_LOG", "debug")], "");
        assert!(
            !ran.out.contains("hunter2") && !ran.err.contains("hunter2"),
            "{arguments:?}\n{}\n{}",
            ran.out,
            ran.err
        );
        assert!(ran.status == 0 || ran.err.contains("twinpool: "), "{arguments:?}\n{}", ran.err);
    }
    let ran = bench.run_with(&["status"], &[("TWINPOOL_POOL_MAX", "hunter2secret")], "");
    assert_eq!(ran.status, 2);
    let ran = bench.run(&["status", &master, &mirror]).ok();
    assert!(ran.out.contains("PWD=***"), "{}", ran.out);
}

on_all_engines! {
    fn a_wrong_password_is_an_error_without_the_password(pair: &Pair) {
        let Some(master) = pair.master.connection_string_with_password("hunter2secret") else { return };
        let bench = Bench::bare(pair.name());
        let ran = bench.run(&["status", &format!("master={master}"), &format!("mirror={master}")]);
        let line = ran.failed(2);
        assert!(line.contains("master"), "{line}");
        assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{line}");
    }
}
