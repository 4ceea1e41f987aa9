//! Large values take little memory, and both sides get the same bytes. `make test ONLY=large`.

#[path = "../main/common.rs"]
#[allow(dead_code)]
mod common;
mod counted;
mod disk;
mod host;
mod memory;
mod sizes;

use parking_lot::{Mutex, MutexGuard};
use twinpool::link::{Link, LinkSettings};
use twinpool::{Block, ColumnData, Side};
use twinpool_testkit::{Node, Pair};

use host::{Host, Source};

/// One at a time: the memory and the files of all of the process are looked at.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock()
}

fn open(pair: &Pair, more: &[(&str, &str)]) -> Host {
    let (master, mirror) = (pair.master.connection_string(), pair.mirror.connection_string());
    let mut options = vec![
        ("master", master.as_str()),
        ("mirror", mirror.as_str()),
        ("pool.max", "1"),
        ("mirror.timeout_ms", "60000"),
        ("mirror.poll_ms", "100"),
    ];
    options.extend(more);
    Host::open(&options)
}

/// `big`: what is written goes to the mirror as it is. `dated`: its rows are read back and shipped.
fn make_tables(pair: &Pair) {
    for (table, more) in [
        ("big", ""),
        (
            "dated",
            pair.pick(
                ", at TEXT DEFAULT CURRENT_TIMESTAMP",
                ", at timestamptz DEFAULT clock_timestamp()",
                ", at TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6)",
            ),
        ),
    ] {
        let (raw, words) = (pair.pick("BLOB", "BYTEA", "LONGBLOB"), pair.pick("TEXT", "TEXT", "LONGTEXT"));
        pair.sql_on_both(&format!(
            "CREATE TABLE {table} (id BIGINT PRIMARY KEY, raw {raw}, words {words}{more})"
        ));
    }
}

/// Whether a node holds this value, seen without the library's C side and without a pool.
fn node_holds(node: &Node, sql: &str, wanted: &Source) -> bool {
    let mut link = Link::open(Side::Master, &node.connection_string(), &LinkSettings::default()).unwrap();
    let mut cursor = link.run(sql, &[]).unwrap().rows.unwrap();
    let mut block = Block::default();
    assert!(cursor.next_block(1, &mut block).unwrap(), "{sql}: no row");
    match &block.columns[0].data {
        ColumnData::Var { bytes, .. } => host::is_whole(bytes, wanted),
        other => panic!("{sql}: {other:?}"),
    }
}

fn queue_is_empty(pair: &Pair) {
    common::wait_for("replay", std::time::Duration::from_secs(120), || {
        common::queue_length(&pair.master) == 0
            && pair.master.value("SELECT mirror_state FROM twin_state").as_deref() == Some("in_sync")
    });
}
