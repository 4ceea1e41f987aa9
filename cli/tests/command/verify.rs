//! `twinpool verify`.

use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::support::{Bench, ITEMS};

on_all_engines! {
    fn verify_finds_a_planted_difference_and_names_the_row(pair: &Pair) {
        let bench = Bench::new(pair);
        let mut script = format!("{ITEMS};\nCREATE TABLE other (id INTEGER NOT NULL PRIMARY KEY);\nBEGIN;\n");
        for id in 1..=1_200 {
            script.push_str(&format!("INSERT INTO items VALUES ({id}, 'item {id}', 0);\n"));
        }
        script.push_str("INSERT INTO other VALUES (1);\nCOMMIT;");
        bench.sql(&script).ok();
        let ran = bench.run(&["verify"]).ok();
        assert!(ran.out.contains("equal: 2 tables, 1,201 rows, "), "{}", ran.out);
        assert!(ran.out.lines().any(|l| l.contains("items") && l.contains("1,200 │  1,200 │ equal")), "{}", ran.out);

        pair.mirror.sql("UPDATE items SET n = 1 WHERE id = 777");
        pair.mirror.sql("DELETE FROM items WHERE id = 42");
        let ran = bench.run(&["verify"]);
        assert_eq!(ran.status, 1, "{}", ran.out);
        assert!(ran.out.contains("1,200 │  1,199 │ DIFFERENT"), "{}", ran.out);
        assert!(ran.out.contains("items: id=42 (master)"), "{}", ran.out);
        assert!(ran.out.contains("items: id=777 (mirror)"), "{}", ran.out);
        assert!(ran.out.contains("different: 1 of 2 tables, "), "{}", ran.out);
        assert!(!ran.out.contains("replay before"), "{}", ran.out);
    }
}

#[test]
fn verify_with_a_queue_says_so() {
    let pair = Pair::shared(Engine::Sqlite, "verify_with_a_queue");
    let bench = Bench::new(&pair);
    bench.sql(ITEMS).ok();
    bench.run(&["detach"]).ok();
    bench.sql("INSERT INTO items VALUES (1, 'a', 0)").ok();
    let ran = bench.run(&["verify"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("the mirror is detached, with 1 entry in the queue"), "{}", ran.out);
}

#[test]
fn verify_without_the_mirror_ends_with_1() {
    let pair = Pair::shared(Engine::Sqlite, "verify_without_the_mirror");
    let bench = Bench::new(&pair);
    bench.sql(ITEMS).ok();
    pair.mirror.sqlite().expect("SQLite").away();
    let ran = bench.run(&["verify"]);
    assert!(ran.failed(1).starts_with("verify: both databases are needed: "), "{}", ran.err);
}
