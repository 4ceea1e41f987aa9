//! Libraries of different versions on one pair: what is not understood is refused, in one line, and nothing is
//! lost by it. Promises 1 and 5.

use std::time::Duration;

use twinpool::{MirrorState, Status, TwinPool};
use twinpool_testkit::{Pair, eventually, on_all_engines};

use crate::common::*;

const LIMIT: Duration = Duration::from_secs(20);

fn refused(pair: &Pair, words: &str) {
    let error = TwinPool::open(&build(&options(pair, &[]))).map(close).unwrap_err();
    assert_eq!(error.status(), Status::Tables, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

on_all_engines! {
    fn tables_of_another_format_are_refused_at_open(pair: &Pair) {
        make_items(pair);
        close(open(pair));
        let format = pair.master.count("SELECT format FROM twin_state");
        for other in [format - 1, format + 1] {
            for node in pair.nodes() {
                node.sql(&format!("UPDATE twin_state SET format = {other}"));
                refused(pair, &format!("the tables on the {} have format {other}", node.label()));
                node.sql(&format!("UPDATE twin_state SET format = {format}"));
            }
        }
        close(open(pair));
    }

    fn a_pool_under_which_the_tables_get_a_newer_format_writes_no_more(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Ok);
        let format = pair.master.count("SELECT format FROM twin_state");
        pair.master.sql(&format!("UPDATE twin_state SET format = {}", format + 1));
        eventually(LIMIT, "it is noticed", || pool.refresh().is_err());
        let error = insert(&mut s, 2).unwrap_err();
        assert_eq!(error.status(), Status::Tables, "{error}");
        assert!(error.to_string().contains("use the newer library"), "{error}");
        drop(s);
        pair.master.sql(&format!("UPDATE twin_state SET format = {format}"));
        close(pool);
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), 1);
    }

    fn an_entry_of_a_newer_library_waits_for_one_that_can_read_it(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        pool.detach().unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Queued);
        // The version is the fourth byte.
        let write = |version: u8| {
            pair.master.sql(&pair.pick(
                "UPDATE invocation_queue SET payload = CAST(substr(payload, 1, 3) || x'VV' || substr(payload, 5) AS BLOB)",
                "UPDATE invocation_queue SET payload = set_byte(payload, 3, x'VV'::int)",
                "UPDATE invocation_queue SET payload = INSERT(payload, 4, 1, x'VV')",
            ).replace("VV", &format!("{version:02x}")))
        };
        write(99);
        pool.attach().unwrap();
        eventually(LIMIT, "it says why", || pool.refresh().is_ok_and(|s| !s.last_error.is_empty()));
        let status = pool.status();
        assert!(status.last_error.contains("payload has version 99"), "{}", status.last_error);
        assert_eq!(status.mirror_state, MirrorState::Queueing);
        assert_eq!(insert(&mut s, 2).unwrap(), Status::Queued);
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 0);
        pair.master.sql("DELETE FROM twin_quarantine");
        let versions = pair.master.sql(pair.pick(
            "SELECT hex(substr(payload, 4, 1)) FROM invocation_queue ORDER BY id",
            "SELECT encode(substr(payload, 4, 1), 'hex') FROM invocation_queue ORDER BY id",
            "SELECT hex(substr(payload, 4, 1)) FROM invocation_queue ORDER BY id",
        ));
        let own: u8 = versions[1][0].as_deref().unwrap().parse().unwrap();
        write(own);
        drop(s);
        settle(pair, &pool);
        close(pool);
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 2);
    }

    fn an_entry_of_the_first_payload_version_is_replayed(pair: &Pair) {
        make_items(pair);
        let pool = open(pair);
        pool.detach().unwrap();
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Queued);
        // The version is the fourth byte.
        pair.master.sql(pair.pick(
            "UPDATE invocation_queue SET payload = CAST(substr(payload, 1, 3) || x'01' || substr(payload, 5) AS BLOB)",
            "UPDATE invocation_queue SET payload = set_byte(payload, 3, 1)",
            "UPDATE invocation_queue SET payload = INSERT(payload, 4, 1, x'01')",
        ));
        pool.attach().unwrap();
        drop(s);
        settle(pair, &pool);
        close(pool);
        pair.assert_equal();
        assert_eq!(pair.mirror.count("SELECT COUNT(*) FROM items"), 1);
    }
}
