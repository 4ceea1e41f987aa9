//! The examples and the README are what they say they are.

use std::fs;
use std::process::Command;

use twinpool_testkit::{Engine, on_all_engines};

use crate::support::{Bench, root};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

on_all_engines! {
    fn the_order_entry_script_runs_and_leaves_both_equal(pair: &Pair) {
        let bench = Bench::new(pair);
        let adapt = |path: &str| {
            let sql = read(path);
            if pair.engine() != Engine::Postgres {
                return sql;
            }
            sql.replace("blob  ", "bytea ").replace("X'", "'\\x")
        };
        bench.write("schema.sql", &adapt("examples/order-entry/schema.sql"));
        bench.write("orders.sql", &adapt("examples/order-entry/orders.sql"));
        bench.run(&["run", "schema.sql"]).ok();
        let ran = bench.run(&["run", "orders.sql"]).ok();
        assert!(ran.err.contains(" 0 queued, 0 errors, "), "{}", ran.err);
        pair.assert_equal();
        assert!(pair.mirror.count("SELECT COUNT(*) FROM order_lines") > 300);
        bench.run(&["verify"]).ok();
    }
}

#[test]
fn the_order_entry_script_is_what_its_generator_writes() {
    let folder = root().join("examples/order-entry");
    let output = Command::new("awk")
        .args(["-f", "generate.awk"])
        .env("LC_ALL", "C")
        .current_dir(&folder)
        .output()
        .expect("awk runs");
    assert!(output.status.success());
    assert!(
        output.stdout == fs::read(folder.join("orders.sql")).expect("orders.sql is there"),
        "examples/order-entry: run awk -f generate.awk > orders.sql"
    );
}

#[test]
fn the_example_configuration_is_valid() {
    let bench = Bench::bare("the_example_configuration");
    bench.write("twinpool.toml", &read("examples/twinpool.toml"));
    let ran = bench.run(&["--config", "twinpool.toml", "init", "--print", "--engine", "sqlite"]).ok();
    assert!(ran.out.contains("invocation_queue"));
}

#[test]
fn the_readmes_program_is_the_example() {
    let readme = read("README.md");
    let blocks: Vec<_> = readme.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks, [read("examples/c/first.c")], "README.md: its C program is examples/c/first.c");
}
