//! What the tests stand on: pairs of real databases that can be killed, stopped, moved away and compared.
//!
//! A test is one body that runs on every engine:
//!
//! ```ignore
//! on_all_engines! {
//!     fn a_committed_row_is_on_both_sides(pair: &Pair) {
//!         pair.sql_on_both("CREATE TABLE t (id INT PRIMARY KEY, v TEXT)");
//!         // … open a pool on pair.master.connection_string(), pair.mirror.connection_string() …
//!         pair.assert_equal();
//!     }
//! }
//! ```
//!
//! and shows up as `a_committed_row_is_on_both_sides::sqlite`, `::postgres`, `::mariadb`. With
//! [`on_own_servers!`] the pair has servers of its own, which the body may [`Node::kill`], [`Node::stop`] and
//! [`Node::restart`]. What a node holds is always read through the engine's own command-line client
//! ([`Node::sql`]), never through the code under test.
//!
//! Nothing outlives the test process, however it ends: see `guardian`.

mod client;
mod compare;
mod definitions;
mod engine;
mod folder;
mod guardian;
mod mariadb;
mod node;
mod pair;
mod ports;
mod postgres;
mod process;
mod proxy;
mod rng;
mod server;
mod sqlite;
mod stub;
mod wait;

pub use client::{Rows, as_count};
pub use compare::differences;
pub use engine::Engine;
pub use folder::Folder;
pub use node::Node;
pub use pair::{Pair, run_private, run_shared};
pub use process::spawn;
pub use proxy::{Direction, Proxy};
pub use rng::Rng;
pub use server::{Server, Settings};
pub use sqlite::SqliteFile;
pub use stub::Stub;
pub use wait::{eventually, within};

/// One body, three tests, on servers shared by the whole test binary: `name::sqlite`, `name::postgres`,
/// `name::mariadb`. Every test has two fresh databases of its own. Servers are not to be harmed.
#[macro_export]
macro_rules! on_all_engines {
    ($($(#[$meta:meta])* fn $name:ident($pair:ident: &Pair) $body:block)+) => { $(
        $crate::__three_tests! { run_shared, $(#[$meta])* $name, $pair, $body }
    )+ };
}

/// The same on servers that belong to the test alone, so that it may kill, stop and restart them. At most one
/// such test runs at a time for each engine.
#[macro_export]
macro_rules! on_own_servers {
    ($($(#[$meta:meta])* fn $name:ident($pair:ident: &Pair) $body:block)+) => { $(
        $crate::__three_tests! { run_private, $(#[$meta])* $name, $pair, $body }
    )+ };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __three_tests {
    ($run:ident, $(#[$meta:meta])* $name:ident, $pair:ident, $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            #[allow(unused_variables)]
            fn body($pair: &$crate::Pair) $body
            $(#[$meta])* #[test] fn sqlite() { $crate::$run($crate::Engine::Sqlite, stringify!($name), body) }
            $(#[$meta])* #[test] fn postgres() { $crate::$run($crate::Engine::Postgres, stringify!($name), body) }
            $(#[$meta])* #[test] fn mariadb() { $crate::$run($crate::Engine::MariaDb, stringify!($name), body) }
        }
    };
}
