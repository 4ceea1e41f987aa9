//! The same scenarios (`tests/scenarios/list`) run by a C program, in Python and in Java, on three engines: the same
//! list, the same results. A host that cannot run a command of a scenario answers so, and the test fails: there is no
//! way to skip one. Promises 1 to 6 and 8, as hosts see them; README.md describes the list.

mod hosts;
mod play;
mod readme;
mod runner;
mod script;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::OnceLock;

use twinpool_testkit::{Engine, Pair};

use hosts::{Host, Hosts};

/// What was found: nothing, or why it failed; by scenario, engine and host.
type Results = BTreeMap<(String, &'static str, &'static str), Result<(), String>>;

/// All scenarios in all hosts on all engines, once for the whole binary.
fn results() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(|| {
        let hosts = Hosts::build();
        let scripts = script::all();
        let results: Results = std::thread::scope(|scope| {
            let (hosts, scripts) = (&hosts, &scripts);
            let engines = Engine::ALL.map(|engine| scope.spawn(move || run_on(engine, hosts, scripts)));
            // An engine whose servers do not start leaves holes, and holes fail.
            engines.into_iter().flat_map(|e| e.join().unwrap_or_default()).collect()
        });
        say(&table(&results));
        results
    })
}

/// Past the capture of test output: the table is what this binary is for.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// One after the other: outages have deadlines.
fn run_on(engine: Engine, hosts: &Hosts, scripts: &[script::Script]) -> Results {
    let pair = Pair::private(engine, "scenarios");
    let mut results = Results::new();
    for script in scripts {
        for host in Host::ALL {
            let start = std::time::Instant::now();
            let found = play::play(script, hosts, host, &pair);
            say(&format!("{engine}/{} {}: {:.1?} {found:?}\n", host.name(), script.name, start.elapsed()));
            results.insert((script.name.clone(), engine.name(), host.name()), found);
        }
    }
    results
}

fn table(results: &Results) -> String {
    let mut out = format!("\n{:<28}", "scenario");
    let columns: Vec<_> = Engine::ALL.iter().flat_map(|e| Host::ALL.map(|h| (e.name(), h.name()))).collect();
    for (engine, host) in &columns {
        out += &format!(" {:>15}", format!("{engine}/{host}"));
    }
    out.push('\n');
    for script in script::all() {
        out += &format!("{:<28}", script.name);
        for (engine, host) in &columns {
            let word = match results.get(&(script.name.clone(), *engine, *host)) {
                None => "HOLE",
                Some(Ok(())) => "ok",
                Some(Err(_)) => "FAILED",
            };
            out += &format!(" {word:>15}");
        }
        out.push('\n');
    }
    out
}

/// Fails with what one host did otherwise on one engine.
fn check(engine: Engine, host: Host) {
    let mut faults = String::new();
    for script in script::all() {
        match results().get(&(script.name.clone(), engine.name(), host.name())) {
            None => faults += &format!("{}: was not run\n", script.name),
            Some(Err(why)) => faults += &format!("{}: {why}\n", script.name),
            Some(Ok(())) => {}
        }
    }
    assert!(faults.is_empty(), "{} on {engine}:\n{faults}", host.name());
}

macro_rules! each_host_on_each_engine {
    ($($test:ident: $engine:ident $host:ident;)+) => { $(
        #[test]
        fn $test() {
            check(Engine::$engine, Host::$host);
        }
    )+ };
}

each_host_on_each_engine! {
    c_does_as_the_list_says_on_sqlite: Sqlite C;
    c_does_as_the_list_says_on_postgres: Postgres C;
    c_does_as_the_list_says_on_mariadb: MariaDb C;
    python_does_as_the_list_says_on_sqlite: Sqlite Python;
    python_does_as_the_list_says_on_postgres: Postgres Python;
    python_does_as_the_list_says_on_mariadb: MariaDb Python;
    java_does_as_the_list_says_on_sqlite: Sqlite Java;
    java_does_as_the_list_says_on_postgres: Postgres Java;
    java_does_as_the_list_says_on_mariadb: MariaDb Java;
}

#[test]
fn every_file_of_the_list_is_run_and_names_its_promise() {
    let files = std::fs::read_dir(script::folder()).unwrap().count();
    let scripts = script::all();
    assert_eq!(files, scripts.len());
    for script in scripts {
        assert!(script.head.contains("Promise"), "{}: its first line names no promise", script.name);
        assert!(!script.steps.is_empty(), "{}: is empty", script.name);
    }
}
