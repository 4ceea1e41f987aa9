//! `twinpool status`, `attach`, `detach`, `init`.

use std::process::Command;

use twinpool_testkit::on_all_engines;

use crate::support::{Bench, ITEMS};

/// Reads JSON with a parser that is not ours.
fn parse(json: &str, expression: &str) -> String {
    let program = format!("import json,sys; d=json.loads(sys.argv[1]); print({expression})");
    let output = Command::new("python3").args(["-c", &program, json]).output().expect("python3 runs");
    assert!(output.status.success(), "{json}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

on_all_engines! {
    fn status_tells_the_state_and_the_queue(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        let ran = bench.run(&["status"]).ok();
        assert!(ran.out.contains("\nstate           in_sync\n"), "{}", ran.out);
        assert!(ran.out.contains("\nqueue           empty\n"), "{}", ran.out);
        assert!(!ran.out.contains("because"), "{}", ran.out);

        assert_eq!(bench.run(&["detach"]).ok().out, "detached, 0 entries in the queue\n");
        let ran = bench.sql("INSERT INTO items VALUES (1, 'a', 0); INSERT INTO items VALUES (2, 'b', 0)").ok();
        assert!(ran.err.contains(" 2 transactions, 2 queued, 0 errors, "), "{}", ran.err);
        let ran = bench.run(&["status"]).ok();
        assert!(ran.out.contains("\nstate           detached\nbecause         detached by an operator\n"), "{}", ran.out);
        assert!(ran.out.contains("\nqueue           2 entries, "), "{}", ran.out);

        let json = bench.run(&["status", "--json"]).ok().out;
        assert_eq!(parse(&json, "d['mirror_state'], d['queue_entries'], d['mode'], d['mirror_reachable']"), "detached 2 sync True");
        assert_eq!(parse(&json, "type(d['epoch']).__name__, d['queue_bytes'] > 0, d['reason']"), "int True detached by an operator");

        assert!(bench.run(&["attach"]).ok().out.ends_with(" in the queue\n"));
        bench.run(&["replay", "--timeout", "20"]).ok();
        pair.assert_equal();
        assert_eq!(bench.run(&["attach"]).failed(1), "attach: the mirror is in_sync, not detached or diverged");
    }

    fn init_prints_what_makes_our_tables(pair: &Pair) {
        let bench = Bench::new(pair);
        let ddl = bench.run(&["init", "--print"]).ok().out;
        assert!(ddl.starts_with("-- twinpool "), "{ddl}");
        pair.sql_on_both(&ddl);
        // Nothing is left to create.
        let ran = bench.run(&["status", "tables.create=off"]).ok();
        assert!(ran.out.contains("in_sync"), "{}", ran.out);
        let engine = pair.pick("sqlite", "postgres", "mariadb");
        assert_eq!(Bench::bare("init").run(&["init", "--print", "--engine", engine]).ok().out, ddl);
    }
}
