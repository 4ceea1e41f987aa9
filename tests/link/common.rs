//! Links to the nodes of a pair.

use std::time::Duration;

use twinpool::error::{Error, Side};
use twinpool::link::{Link, LinkSettings};
use twinpool::value::Value;
use twinpool_testkit::Node;

pub fn settings() -> LinkSettings {
    LinkSettings { connect_timeout: Duration::from_secs(20), ..LinkSettings::default() }
}

pub fn link(node: &Node) -> Link {
    link_with(node, &settings())
}

pub fn link_with(node: &Node, settings: &LinkSettings) -> Link {
    match Link::open(Side::Master, &node.connection_string(), settings) {
        Ok(link) => link,
        Err(error) => panic!("{error}: {:?}", error.records()),
    }
}

#[track_caller]
pub fn run(link: &mut Link, sql: &str, params: &[Value]) -> i64 {
    match link.run(sql, params) {
        Ok(outcome) => outcome.affected,
        Err(error) => panic!("{sql}: {error}: {:?}", error.records()),
    }
}

#[track_caller]
pub fn fails(link: &mut Link, sql: &str) -> Error {
    match link.run(sql, &[]) {
        Ok(_) => panic!("{sql}: no error"),
        Err(error) => error,
    }
}

/// The one value that a query gives.
#[track_caller]
pub fn one(link: &mut Link, sql: &str, params: &[Value]) -> Value {
    let rows = match link.query(sql, params) {
        Ok(rows) => rows,
        Err(error) => panic!("{sql}: {error}: {:?}", error.records()),
    };
    assert!(rows.len() == 1 && rows[0].len() == 1, "{sql}: {rows:?}");
    rows[0][0].clone()
}

pub fn int(value: i64) -> Value {
    Value::Int(value)
}

pub fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
