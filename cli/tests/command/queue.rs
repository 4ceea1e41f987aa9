//! `twinpool queue` and `replay`.

use twinpool_testkit::{Engine, Pair, on_all_engines};

use crate::support::{Bench, ITEMS};

fn first_id(pair: &Pair) -> String {
    pair.master.count("SELECT MIN(id) FROM invocation_queue").to_string()
}

on_all_engines! {
    fn the_queue_is_listed_shown_and_replayed(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        assert_eq!(bench.run(&["queue", "list"]).ok().out, "the queue is empty (in_sync)\n");
        bench.run(&["detach"]).ok();
        let script = "BEGIN; INSERT INTO items VALUES (1, 'a', 0); INSERT INTO items VALUES (2, 'b', 0); COMMIT;\n\
                      UPDATE items SET n = 7 WHERE id = 2;\nDELETE FROM items WHERE id = 1;";
        bench.sql(script).ok();

        let ran = bench.run(&["queue", "list", "--limit", "2"]).ok();
        assert!(ran.out.contains("INSERT INTO items VALUES (1, 'a', 0)"), "{}", ran.out);
        assert!(ran.out.contains("UPDATE items SET n = 7"), "{}", ran.out);
        assert!(!ran.out.contains("DELETE"), "{}", ran.out);
        assert!(ran.out.ends_with("(2 of 3 entries; detached)\n"), "{}", ran.out);

        let ran = bench.run(&["queue", "show", &first_id(pair)]).ok();
        let lines: Vec<_> = ran.out.lines().filter(|l| l.contains("INSERT INTO items")).collect();
        assert_eq!(lines.len(), 2, "{}", ran.out);
        assert!(lines[1].contains("VALUES (2, 'b', 0)"), "{}", ran.out);
        assert_eq!(bench.run(&["queue", "show", "4711"]).failed(1), "queue show: the queue has no entry 4711");

        bench.run(&["attach"]).ok();
        let ran = bench.run(&["replay", "--timeout", "20"]).ok();
        assert!(ran.err.ends_with("in_sync\n") && ran.err.contains(", 0 left, "), "{}", ran.err);
        assert_eq!(pair.mirror.count("SELECT SUM(n) FROM items"), 7);
        pair.assert_equal();
    }

    fn an_entry_is_skipped_into_the_quarantine(pair: &Pair) {
        let bench = Bench::new(pair);
        bench.sql(ITEMS).ok();
        bench.run(&["detach"]).ok();
        bench.sql("INSERT INTO items VALUES (1, 'a', 0); INSERT INTO items VALUES (2, 'b', 0)").ok();
        let id = first_id(pair);
        assert!(bench.run(&["queue", "skip", &id]).ok().out.contains("twin_quarantine"));
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM twin_quarantine"), 1);
        bench.run(&["attach"]).ok();
        bench.run(&["replay", "--timeout", "20"]).ok();
        assert_eq!(pair.mirror.count("SELECT MIN(id) FROM items"), 2);
        assert!(bench.run(&["queue", "skip", &id]).failed(1).contains("in_sync"));
        // What was skipped is what differs.
        let ran = bench.run(&["verify"]);
        assert_eq!(ran.status, 1);
        assert!(ran.out.contains("items: id=1"), "{}", ran.out);
    }
}

#[test]
fn replay_waits_for_a_mirror_that_is_away_says_why_and_ends_with_1() {
    let pair = Pair::shared(Engine::Sqlite, "replay_waits");
    let bench = Bench::new(&pair);
    bench.sql(ITEMS).ok();
    let file = pair.mirror.sqlite().expect("SQLite");
    file.away();
    let ran = bench.sql("INSERT INTO items VALUES (1, 'a', 0)").ok();
    assert!(ran.err.contains(" 1 queued, "), "{}", ran.err);
    let ran = bench.run(&["replay", "--timeout", "0.5"]);
    let line = ran.failed(1);
    assert!(line.starts_with("replay: not done within 0.5 s: "), "{line}");
    assert!(line.contains("mirror"), "{line}");
    file.back();
    bench.run(&["replay", "--timeout", "20"]).ok();
    pair.assert_equal();
    assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 1);
}

#[test]
fn scripts_go_on_while_another_process_holds_the_mirrors_lock() {
    let pair = Pair::shared(Engine::Sqlite, "scripts_go_on_while_locked");
    let bench = Bench::new(&pair);
    bench.sql(ITEMS).ok();
    let file = pair.mirror.sqlite().expect("SQLite");
    file.lock();
    let ran = bench.sql("INSERT INTO items VALUES (1, 'a', 0); INSERT INTO items VALUES (2, 'b', 0)").ok();
    assert!(ran.err.contains(" 2 queued, 0 errors, "), "{}", ran.err);
    file.unlock();
    bench.run(&["replay", "--timeout", "20"]).ok();
    pair.assert_equal();
}
