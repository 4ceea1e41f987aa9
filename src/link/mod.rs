//! The only place that knows ODBC.
//!
//! A [`Link`] is one connection to one node with a transaction state of its own: no driver's COMMIT is
//! believed after a loss. Every call that can block is watched from outside the driver: when its limit
//! passes, the connection's socket is shut down and the call comes back.
//!
//! Transactions are SQL text (`BEGIN`, `COMMIT`), never `SQLEndTran`: psqlODBC answers SQL_SUCCESS to a
//! `SQLEndTran(COMMIT)` on a connection it has already seen die.

mod batch;
mod by_array;
mod by_row;
pub mod catalog;
mod cells;
mod connect;
mod connstr;
mod core;
mod cursor;
mod describe;
mod diagnostics;
pub mod dialects;
mod handles;
mod held;
pub mod lexis;
#[allow(clippy::module_inception)]
mod link;
mod named;
mod params;
mod process;
mod socket;
mod statement;
mod transaction;
mod watchdog;

use std::sync::Arc;
use std::time::Duration;

use crate::config::EvictRule;
use crate::large::Spill;
use crate::metrics::Metrics;

pub use cursor::Cursor;
pub use dialects::{Dialect, Engine};
pub use link::{Canceller, Link};

/// How a link is to behave; the same for all links of a node.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Limit of connect, including login and session start.
    pub connect_timeout: Duration,
    /// Limit of one call (execute, fetch, commit); `None`: no limit.
    pub call_timeout: Option<Duration>,
    /// How long a statement may wait for a lock; `None`: the engine's default.
    pub lock_timeout: Option<Duration>,
    /// Force durable commits (`synchronous_commit`, `innodb_flush_log_at_trx_commit`, `synchronous`).
    pub durable: bool,
    /// SQLite: make the file when it is missing. Never for an established pair.
    pub create: bool,
    /// Prepared statements kept per link.
    pub statement_cache: usize,
    /// Run after connecting, on every connection.
    pub init_sql: Vec<String>,
    /// After which errors a connection is worn out, beside those that mean its loss.
    pub evict: Arc<EvictRule>,
    /// Where calls are timed; `None`: nowhere.
    pub metrics: Option<Arc<Metrics>>,
    /// Which values go to a file.
    pub spill: Arc<Spill>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        LinkSettings {
            connect_timeout: Duration::from_secs(5),
            call_timeout: None,
            lock_timeout: None,
            durable: true,
            create: false,
            statement_cache: 64,
            init_sql: Vec::new(),
            evict: Arc::default(),
            metrics: None,
            spill: Arc::default(),
        }
    }
}

/// Where a link stands in its transaction, by our own book-keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxState {
    /// No transaction is open.
    Idle,
    Open,
    /// An error ended the transaction (or, on PostgreSQL, any statement's error inside it): only
    /// `rollback` or, where a savepoint is set, `rollback_to` are possible.
    Failed,
    /// The connection is gone, and with it whatever was open.
    Lost,
}

/// Links, results and cancellers go from thread to thread.
const _: () = {
    const fn send<T: Send>() {}
    const fn sync<T: Sync>() {}
    send::<Link>();
    send::<Cursor>();
    send::<Outcome>();
    send::<Canceller>();
    sync::<Canceller>();
};

/// What a statement did.
#[derive(Debug)]
pub struct Outcome {
    /// Rows inserted, updated or deleted (*found*, also on MariaDB); -1 where the driver does not say.
    pub affected: i64,
    /// A result set, if the statement gave one. Dropping it closes it.
    pub rows: Option<Cursor>,
}
