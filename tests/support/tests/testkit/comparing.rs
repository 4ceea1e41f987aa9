//! The comparison of two databases.

use twinpool_testkit::{Pair, on_all_engines};

on_all_engines! {
    fn equal_tables_are_equal_whatever_the_order_of_insertion(pair: &Pair) {
        pair.sql_on_both(&typed_table(pair));
        pair.master.sql("INSERT INTO v VALUES (1, 1.5, 'ä', NULL, '2024-02-29'), (2, 0.1, '', NULL, NULL)");
        pair.mirror.sql("INSERT INTO v VALUES (2, 0.1, '', NULL, NULL)");
        pair.mirror.sql("INSERT INTO v VALUES (1, 1.5, 'ä', NULL, '2024-02-29')");
        pair.assert_equal();
        // What twinpool keeps for itself may differ.
        pair.master.sql("CREATE TABLE twin_state (id INT PRIMARY KEY)");
        pair.master.sql("CREATE TABLE invocation_queue (id INT PRIMARY KEY)");
        pair.assert_equal();
    }

    fn every_kind_of_difference_is_seen(pair: &Pair) {
        pair.sql_on_both(&typed_table(pair));
        let insert = |d: &str, t: &str, b: &str| format!("INSERT INTO v VALUES (1, {d}, {t}, {b}, NULL)");
        let blob = |hex: &str| pair.pick("x'%'", "decode('%', 'hex')", "x'%'").replace('%', hex);
        let (d, t, b) = ("0.1", "'a'", &blob("00ff"));
        pair.master.sql(&insert(d, t, b));
        let others = [
            ("0.1000000000000000055511151231257827021181583404541015626e0 + 1e-16", t, b.as_str()),
            (d, "''", b),
            (d, "NULL", b),
            (d, "'a '", b),
            (d, "'A'", b),
            (d, t, &blob("00fe")),
            (d, t, &blob("00ff00")),
        ];
        for (d, t, b) in others {
            pair.mirror.sql("DELETE FROM v");
            pair.mirror.sql(&insert(d, t, b));
            let found = pair.differences();
            assert_eq!(found.len(), 1, "{d} {t} {b}: {found:?}");
            assert!(found[0].contains("[\"1\"]"), "names the key: {found:?}");
        }
        pair.mirror.sql("DELETE FROM v");
        assert!(pair.differences()[0].contains("only on the master"));
        pair.mirror.sql(&insert(d, t, b));
        pair.assert_equal();
        pair.mirror.sql("CREATE TABLE more (id INT PRIMARY KEY)");
        assert!(pair.differences()[0].contains("only on the mirror"));
    }

    fn a_table_without_a_key_is_a_bag_of_rows(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE bag (a INT, b INT)");
        pair.master.sql("INSERT INTO bag VALUES (1, 1), (1, 1), (2, 2)");
        pair.mirror.sql("INSERT INTO bag VALUES (2, 2), (1, 1)");
        assert_eq!(pair.differences().len(), 1, "{:?}", pair.differences());
        pair.mirror.sql("INSERT INTO bag VALUES (1, 1)");
        pair.assert_equal();
    }

    fn the_first_of_many_differences_are_shown_and_all_counted(pair: &Pair) {
        pair.sql_on_both("CREATE TABLE many (id INT PRIMARY KEY)");
        let rows: Vec<String> = (0..100).map(|i| format!("({i})")).collect();
        pair.master.sql(&format!("INSERT INTO many VALUES {}", rows.join(", ")));
        let found = pair.differences();
        assert_eq!(found.len(), 6);
        assert!(found[5].contains("100 differences"), "{found:?}");
    }
}

fn typed_table(pair: &Pair) -> String {
    let (double, blob) =
        (pair.pick("REAL", "DOUBLE PRECISION", "DOUBLE"), pair.pick("BLOB", "BYTEA", "BLOB"));
    format!("CREATE TABLE v (id INT PRIMARY KEY, d {double}, t TEXT, b {blob}, day DATE)")
}
