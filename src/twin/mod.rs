//! A session: what a caller acquires. A master connection and, while the mirror is in step, a mirror
//! connection on a worker of its own.

mod canceller;
mod capture;
mod ddl;
mod facts;
pub mod half;
mod keys;
mod local;
pub mod manager;
mod planned;
mod properties;
mod queued;
mod session;
mod several;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result, Status};
use crate::link::Cursor;
use crate::pool::{Lease, Slot};
use crate::value::{ColumnInfo, Value};

pub use crate::value::Isolation;
pub use canceller::Canceller;
pub use manager::{SESSIONS, SessionManager};
pub use planned::Way;
pub use session::{TwinSession, validate};

/// What a statement did.
#[derive(Debug)]
pub struct Executed {
    /// `Ok`, or `Queued` when the statement was a transaction of its own and its mirror share is queued.
    pub status: Status,
    /// Rows written on the master; -1 where the driver does not say.
    pub affected: i64,
    pub rows: Option<Cursor>,
}

/// A session out of the pool. Send; one thread at a time. Dropping it releases it.
pub struct Session {
    lease: Lease<SessionManager>,
}

impl Session {
    pub(crate) fn new(lease: Lease<SessionManager>) -> Session {
        Session { lease }
    }

    /// Where it lies; for its key.
    pub(crate) fn slot(&self) -> Option<&'static Slot<SessionManager>> {
        self.lease.slot()
    }

    /// Runs one statement. Outside a transaction (autocommit) it is a transaction of its own.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        self.lease.note_statement(sql);
        self.lease.execute(sql, params)
    }

    /// The way that a statement would take to the mirror, without running it.
    pub fn way(&mut self, sql: &str, params: &[Value]) -> Result<Way> {
        self.lease.way(sql, params)
    }

    /// Runs one statement once per row of parameters, in one transaction unless one is open. The outcome of
    /// each row; rows after a failed one are tried too where the engine's transaction survives the failure.
    /// If the transaction as a whole cannot be committed the error is that of the commit.
    pub fn execute_batch(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
    ) -> Result<(Status, Vec<Result<i64, Error>>)> {
        self.lease.note_statement(sql);
        let own = !self.in_transaction() && self.autocommit();
        if own {
            self.begin()?;
        }
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            outcomes.push(self.lease.execute_row(sql, row));
        }
        let mut status = Status::Ok;
        if own {
            status = self.lease.commit()?;
        }
        Ok((status, outcomes))
    }

    /// Columns the statement will give (empty: none) and its number of `?` parameters, without running it.
    pub fn describe(&mut self, sql: &str) -> Result<(Arc<[ColumnInfo]>, usize)> {
        self.lease.describe(sql)
    }
    /// Opens a transaction; BEGIN reaches the database with the first statement.
    pub fn begin(&mut self) -> Result<()> {
        self.lease.begin()
    }
    /// `Ok` or `Queued`. Whatever the answer, the transaction is over.
    pub fn commit(&mut self) -> Result<Status> {
        self.lease.commit()
    }
    /// Undoes the open transaction; without one it does nothing.
    pub fn rollback(&mut self) -> Result<()> {
        self.lease.rollback()
    }
    pub fn savepoint(&mut self, name: &str) -> Result<()> {
        self.lease.savepoint(name)
    }
    pub fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.lease.rollback_to(name)
    }
    pub fn release_savepoint(&mut self, name: &str) -> Result<()> {
        self.lease.release_savepoint(name)
    }
    pub fn in_transaction(&self) -> bool {
        self.lease.in_transaction()
    }
    /// With autocommit off the next statement opens a transaction. Turning it on is refused while one is open.
    pub fn set_autocommit(&mut self, on: bool) -> Result<()> {
        self.lease.set_autocommit(on)
    }
    pub fn autocommit(&self) -> bool {
        self.lease.autocommit()
    }
    /// For the transactions to come; reset at release.
    pub fn set_isolation(&mut self, level: Isolation) -> Result<()> {
        self.lease.set_isolation(level)
    }
    pub fn isolation(&self) -> Isolation {
        self.lease.isolation()
    }
    /// Refuses every statement that writes or locks; reset at release.
    pub fn set_read_only(&mut self, on: bool) -> Result<()> {
        self.lease.set_read_only(on);
        Ok(())
    }
    pub fn read_only(&self) -> bool {
        self.lease.read_only()
    }
    /// Schema (PostgreSQL) or database (MariaDB) that unqualified names mean; reset at release.
    pub fn set_schema(&mut self, name: &str) -> Result<()> {
        self.lease.set_schema(name)
    }
    pub fn schema(&mut self) -> Result<String> {
        self.lease.schema()
    }
    /// Limit of one call to the master; `None`: none. Reset at release.
    pub fn set_network_timeout(&mut self, limit: Option<Duration>) -> Result<()> {
        self.lease.set_network_timeout(limit)
    }
    pub fn network_timeout(&self) -> Option<Duration> {
        self.lease.network_timeout()
    }
    /// Says who or what the session is for: told when it is suspected to have leaked. Cleared at release.
    pub fn set_label(&self, label: &str) {
        self.lease.set_label(&crate::sql::summary(label));
    }
    /// Keeps the keys that the database gives to inserted rows, from the next INSERT on; reset at release.
    pub fn keep_keys(&mut self, on: bool) -> Result<()> {
        self.lease.keep_keys(on)
    }
    /// The key that the last INSERT has generated; `None`: it has generated none.
    pub fn generated_key(&self) -> Result<Option<i64>> {
        self.lease.generated_key()
    }
    /// Asks the master.
    pub fn is_valid(&mut self, limit: Duration) -> bool {
        self.lease.ping(limit).is_ok()
    }
    /// Ends the running statement, from any thread, any time.
    pub fn canceller(&self) -> Canceller {
        self.lease.canceller()
    }
    /// Whether transactions now go to both sides directly.
    pub fn is_direct(&self) -> bool {
        self.lease.is_direct()
    }
    /// Back to the pool: rolls back, closes what is open, undoes session settings. A session that cannot be made
    /// as new is thrown away, which is no error: the pool makes another when it needs one.
    pub fn release(self) -> Result<()> {
        if let Err(e) = self.lease.release() {
            log::debug!(target: "twinpool::pool", "a session was thrown away at its release: {e}");
        }
        Ok(())
    }
    /// Throws both connections away without waiting for them.
    pub fn abort(self) {
        self.canceller().cut();
        self.lease.evict();
    }
}
