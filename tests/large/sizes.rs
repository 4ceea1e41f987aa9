//! Values around the size above which they go to a file, and their transaction into the queue in parts.

use twinpool_testkit::on_all_engines;

use crate::host::{Given, OK, QUEUED, Source};
use crate::{make_tables, node_holds, open, queue_is_empty, turn};

const ABOVE: usize = 100 << 10;
const SIZES: [usize; 7] = [0, 1, ABOVE - 1, ABOVE, ABOVE + 1, 2 * ABOVE + 1, 3_000_000];

on_all_engines! {
    fn values_of_any_size_arrive_as_they_were_given(pair: &Pair) {
        let _turn = turn();
        make_tables(pair);
        let host = open(pair, &[("value.spill_bytes", "100KiB"), ("pending.part_bytes", "100KiB")]);
        let mut id = 0;
        let mut given = Vec::new();
        for (round, status) in [OK, QUEUED].into_iter().enumerate() {
            if status == QUEUED {
                host.detach();
            }
            for (n, size) in SIZES.into_iter().enumerate() {
                for text in [false, true] {
                    let column = if text { "words" } else { "raw" };
                    for way in 0..3 {
                        id += 1;
                        // The rows of some are captured.
                        let table = if (n + round + way) % 3 == 0 { "dated" } else { "big" };
                        let source = || Source::new(text, size);
                        let whole = Source::whole(text, size);
                        let mut value = match way {
                            0 => Given::Stream(source()),
                            1 => Given::Pieces(source(), 10_007),
                            _ => Given::Whole(text, &whole),
                        };
                        let sql = format!("INSERT INTO {table} (id, {column}) VALUES (?, ?)");
                        assert_eq!(host.give(&sql, id, &mut value), Ok(status), "{size} {way} {text}");
                        let query = format!("SELECT {column} FROM {table} WHERE id = {id}");
                        assert!(host.holds(&query, Some(&source())), "{query}: {size}");
                        given.push((query, text, size));
                    }
                }
            }
            id += 1;
            assert_eq!(host.give("INSERT INTO big (id, raw) VALUES (?, ?)", id, &mut Given::Null), Ok(status));
            assert!(host.holds(&format!("SELECT raw FROM big WHERE id = {id}"), None));
        }
        host.attach();
        queue_is_empty(pair);
        host.close();
        for node in pair.nodes() {
            for (query, text, size) in &given {
                assert!(node_holds(node, query, &Source::new(*text, *size)), "{query} {size}");
            }
            assert_eq!(node.count("SELECT count(*) FROM big WHERE raw IS NULL AND words IS NULL"), 2);
        }
    }
}
