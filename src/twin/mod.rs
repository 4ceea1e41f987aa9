//! A session: what a caller acquires. A master connection and, while the mirror is in step, a mirror
//! connection on a worker of its own.

use std::time::Duration;

use crate::error::{Error, Result, Status};
use crate::link::Cursor;
use crate::value::{ColumnInfo, Value};

/// What a statement did.
#[derive(Debug)]
pub struct Executed {
    /// `Ok`, or `Queued` when the statement was a transaction of its own and its mirror share is queued.
    pub status: Status,
    /// Rows written on the master; -1 where the driver does not say.
    pub affected: i64,
    pub rows: Option<Cursor>,
}

/// Isolation levels. The numbers are those of `TWIN_ISOLATION_…` in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Isolation {
    ReadCommitted = 1,
    RepeatableRead = 2,
    Serializable = 3,
}

/// A session out of the pool. Send; one thread at a time. Dropping it releases it.
pub struct Session {}

impl Session {
    /// Runs one statement. Outside a transaction (autocommit) it is a transaction of its own.
    pub fn execute(&mut self, _sql: &str, _params: &[Value]) -> Result<Executed> {
        todo!()
    }
    /// Runs one statement once per row of parameters, in one transaction unless one is open. The outcome of
    /// each row; rows after a failed one are tried too where the engine's transaction survives the failure.
    pub fn execute_batch(&mut self, _sql: &str, _rows: &[Vec<Value>]) -> Result<(Status, Vec<Result<i64, Error>>)> {
        todo!()
    }
    /// Columns the statement will give (empty: none) and its number of `?` parameters, without running it.
    pub fn describe(&mut self, _sql: &str) -> Result<(Vec<ColumnInfo>, usize)> {
        todo!()
    }
    pub fn begin(&mut self) -> Result<()> {
        todo!()
    }
    /// `Ok` or `Queued`.
    pub fn commit(&mut self) -> Result<Status> {
        todo!()
    }
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
    pub fn in_transaction(&self) -> bool {
        todo!()
    }
    /// With autocommit off the next statement opens a transaction. Turning it on commits nothing: it is
    /// refused while a transaction is open.
    pub fn set_autocommit(&mut self, _on: bool) -> Result<()> {
        todo!()
    }
    pub fn autocommit(&self) -> bool {
        todo!()
    }
    /// For the transactions to come; reset at release.
    pub fn set_isolation(&mut self, _level: Isolation) -> Result<()> {
        todo!()
    }
    pub fn isolation(&self) -> Isolation {
        todo!()
    }
    pub fn set_read_only(&mut self, _on: bool) -> Result<()> {
        todo!()
    }
    pub fn read_only(&self) -> bool {
        todo!()
    }
    /// Schema (PostgreSQL) or database (MariaDB) that unqualified names mean; reset at release.
    pub fn set_schema(&mut self, _name: &str) -> Result<()> {
        todo!()
    }
    pub fn schema(&mut self) -> Result<String> {
        todo!()
    }
    /// Limit of one call to a database; `None`: none.
    pub fn set_network_timeout(&mut self, _limit: Option<Duration>) -> Result<()> {
        todo!()
    }
    pub fn network_timeout(&self) -> Option<Duration> {
        todo!()
    }
    /// Asks the master.
    pub fn is_valid(&mut self, _limit: Duration) -> bool {
        todo!()
    }
    /// Ends the running statement, from any thread, any time.
    pub fn canceller(&self) -> crate::link::Canceller {
        todo!()
    }
    /// Whether transactions now go to both sides directly.
    pub fn is_direct(&self) -> bool {
        todo!()
    }
    /// Back to the pool: rolls back, closes what is open, undoes session settings.
    pub fn release(self) -> Result<()> {
        todo!()
    }
    /// Throws both connections away without waiting for them.
    pub fn abort(self) {
        todo!()
    }
}
