//! A value of 64 MiB costs at most 16 MiB of ours, whichever way it goes.

use twinpool_testkit::{Pair, on_all_engines};

use crate::counted::peak;
use crate::host::{Given, OK, QUEUED, Source};
use crate::{make_tables, node_holds, open, queue_is_empty, turn};

const LARGE: usize = 64 << 20;
const MOST: usize = 16 << 20;

fn cheap(pair: &Pair, what: &str, act: impl FnOnce()) {
    let bytes = peak(act);
    println!("{:?}: {what}: {:.1} MiB", pair.engine(), bytes as f64 / f64::from(1 << 20));
    assert!(bytes <= MOST, "{what}: {bytes} bytes");
}

on_all_engines! {
    fn a_value_of_64_mib_costs_at_most_16_mib(pair: &Pair) {
        let _turn = turn();
        make_tables(pair);
        let host = open(pair, &[]);
        let (raw, words) = (Source::new(false, LARGE), Source::new(true, LARGE));
        let insert = |table: &str, column: &str| format!("INSERT INTO {table} (id, {column}) VALUES (?, ?)");
        cheap(pair, "bytes by a stream, directly", || {
            let mut given = Given::Stream(Source::new(false, LARGE));
            assert_eq!(host.give(&insert("big", "raw"), 1, &mut given), Ok(OK));
        });
        cheap(pair, "text in pieces, directly", || {
            let mut given = Given::Pieces(Source::new(true, LARGE), 1 << 20);
            assert_eq!(host.give(&insert("big", "words"), 2, &mut given), Ok(OK));
        });
        let whole = Source::whole(false, LARGE);
        cheap(pair, "bytes bound as a whole, directly", || {
            assert_eq!(host.give(&insert("big", "raw"), 5, &mut Given::Whole(false, &whole)), Ok(OK));
        });
        drop(whole);
        cheap(pair, "bytes whose row is captured", || {
            let mut given = Given::Stream(Source::new(false, LARGE));
            assert_eq!(host.give(&insert("dated", "raw"), 1, &mut given), Ok(OK));
        });
        cheap(pair, "text whose row is captured", || {
            let mut given = Given::Stream(Source::new(true, LARGE));
            assert_eq!(host.give(&insert("dated", "words"), 2, &mut given), Ok(OK));
        });
        cheap(pair, "bytes read", || assert!(host.holds("SELECT raw FROM big WHERE id = 1", Some(&raw))));
        cheap(pair, "text read", || assert!(host.holds("SELECT words FROM big WHERE id = 2", Some(&words))));
        host.detach();
        cheap(pair, "bytes and text, queued", || {
            let mut given = Given::Stream(Source::new(false, LARGE));
            assert_eq!(host.give(&insert("big", "raw"), 3, &mut given), Ok(QUEUED));
            let mut given = Given::Stream(Source::new(true, LARGE));
            assert_eq!(host.give(&insert("big", "words"), 4, &mut given), Ok(QUEUED));
        });
        cheap(pair, "bytes whose row is captured, queued", || {
            let mut given = Given::Stream(Source::new(false, LARGE));
            assert_eq!(host.give(&insert("dated", "raw"), 3, &mut given), Ok(QUEUED));
        });
        cheap(pair, "replay", || {
            host.attach();
            queue_is_empty(pair);
        });
        host.close();
        for node in pair.nodes() {
            for (table, id) in [("big", 1), ("big", 3), ("big", 5), ("dated", 1), ("dated", 3)] {
                assert!(node_holds(node, &format!("SELECT raw FROM {table} WHERE id = {id}"), &raw));
            }
            for (table, id) in [("big", 2), ("big", 4), ("dated", 2)] {
                assert!(node_holds(node, &format!("SELECT words FROM {table} WHERE id = {id}"), &words));
            }
        }
    }

    /// Or the measurement above would say nothing.
    fn a_value_that_is_kept_in_memory_is_seen_by_the_measurement(pair: &Pair) {
        let _turn = turn();
        make_tables(pair);
        let host = open(pair, &[("value.spill_bytes", "64MiB")]);
        let size = 20 << 20;
        let written = peak(|| {
            let mut given = Given::Stream(Source::new(false, size));
            assert_eq!(host.give("INSERT INTO big (id, raw) VALUES (?, ?)", 1, &mut given), Ok(OK));
        });
        let wanted = Source::new(false, size);
        let read = peak(|| assert!(host.holds("SELECT raw FROM big WHERE id = 1", Some(&wanted))));
        host.close();
        assert!(written > MOST && read > MOST, "{written} {read}");
    }
}
