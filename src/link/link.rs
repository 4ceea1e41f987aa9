//! One connection to one node.

use std::time::Duration;

use super::catalog::TableFacts;
use super::{Dialect, Engine, LinkSettings, Outcome, TxState};
use crate::error::{Error, Result, Side};
use crate::value::{Block, ColumnInfo, Value};

/// One connection to one node. Send, not Sync: one thread at a time.
#[derive(Debug)]
pub struct Link {}

impl Link {
    /// Connects, within `settings.connect_timeout` whatever the driver does.
    pub fn open(_side: Side, _connection_string: &str, _settings: &LinkSettings) -> Result<Link> {
        todo!()
    }
    pub fn side(&self) -> Side {
        todo!()
    }
    pub fn engine(&self) -> Engine {
        todo!()
    }
    pub fn dialect(&self) -> &'static dyn Dialect {
        todo!()
    }
    /// The server's number for this session (backend pid, connection id); 0 where there is none.
    pub fn session_id(&self) -> u64 {
        todo!()
    }
    pub fn tx(&self) -> TxState {
        todo!()
    }
    /// Whether the connection is known to be gone. Local knowledge, never a round trip.
    pub fn is_lost(&self) -> bool {
        todo!()
    }
    /// Asks the server, within `limit`.
    pub fn ping(&mut self, _limit: Duration) -> Result<()> {
        todo!()
    }
    /// Limit of each following call; `None`: none.
    pub fn set_call_timeout(&mut self, _limit: Option<Duration>) {
        todo!()
    }
    /// Limit of lock waits on this session; `None`: the engine's default.
    pub fn set_lock_timeout(&mut self, _limit: Option<Duration>) -> Result<()> {
        todo!()
    }
    /// Opens a transaction; `write` tells SQLite to take its write lock now (`BEGIN IMMEDIATE`).
    pub fn begin(&mut self, _write: bool) -> Result<()> {
        todo!()
    }
    /// Commits. In state `Failed` or `Lost` it does not ask the driver: it rolls back and answers an error.
    /// A connection lost under COMMIT gives class `OutcomeUnknown`.
    pub fn commit(&mut self) -> Result<()> {
        todo!()
    }
    /// Never fails in a way that matters: a lost connection has rolled back by itself.
    pub fn rollback(&mut self) -> Result<()> {
        todo!()
    }
    pub fn savepoint(&mut self, _name: &str) -> Result<()> {
        todo!()
    }
    pub fn rollback_to(&mut self, _name: &str) -> Result<()> {
        todo!()
    }
    pub fn release_savepoint(&mut self, _name: &str) -> Result<()> {
        todo!()
    }
    /// Runs one statement with `?` markers, prepared through the link's statement cache.
    pub fn run(&mut self, _sql: &str, _params: &[Value]) -> Result<Outcome> {
        todo!()
    }
    /// Runs one statement directly, without cache or parameters (DDL, session statements).
    pub fn run_once(&mut self, _sql: &str) -> Result<Outcome> {
        todo!()
    }
    /// Runs and collects all rows: for our own small queries.
    pub fn query(&mut self, _sql: &str, _params: &[Value]) -> Result<Vec<Vec<Value>>> {
        todo!()
    }
    /// Runs many row-less statements in as few round trips as the driver allows; the affected rows of each,
    /// or the index of the one that failed.
    pub fn run_many(&mut self, _statements: &[(&str, &[Value])]) -> Result<Vec<i64>, (usize, Error)> {
        todo!()
    }
    /// Ends a running call from any thread.
    pub fn canceller(&self) -> Canceller {
        todo!()
    }
    /// Names of all user tables (not views, not system tables) the session sees: (schema, name), sorted.
    pub fn list_tables(&mut self) -> Result<Vec<(String, String)>> {
        todo!()
    }
    /// The catalogue's facts of a table, resolved as the session's search path does when `schema` is None.
    pub fn describe_table(&mut self, _schema: Option<&str>, _name: &str) -> Result<Option<TableFacts>> {
        todo!()
    }
}

/// Ends a running call of its link from any thread. Clone and Send.
#[derive(Clone, Debug)]
pub struct Canceller {}

impl Canceller {
    /// Asks the server to stop the running statement; does nothing when none runs. Never blocks the caller.
    pub fn cancel(&self) {
        todo!()
    }
    /// Shuts the connection's socket down: whatever call hangs on it comes back with `Unreachable`.
    pub fn cut(&self) {
        todo!()
    }
}

/// An open result. Holds its connection alive; dropping it closes the result.
#[derive(Debug)]
pub struct Cursor {}

impl Cursor {
    pub fn columns(&self) -> &[ColumnInfo] {
        todo!()
    }
    /// Fetches up to `max_rows` rows (at least 1) into `block`, re-using its memory; false: no more rows.
    pub fn next_block(&mut self, _max_rows: usize, _block: &mut Block) -> Result<bool> {
        todo!()
    }
    /// Moves to the next result of the statement; false: there is none.
    pub fn more_results(&mut self) -> Result<bool> {
        todo!()
    }
}
