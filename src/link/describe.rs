//! What a statement will give, without running it; and a session's isolation.

use std::sync::Arc;

use odbc_api::sys;

use super::link::Link;
use super::statement::{self, Prepared};
use crate::error::Result;
use crate::value::{ColumnInfo, Isolation, Value};

impl Link {
    /// Columns of the result the statement will give (empty: none), and its number of `?` markers.
    pub fn describe(&mut self, sql: &str) -> Result<(Arc<[ColumnInfo]>, usize)> {
        self.check_usable()?;
        self.refresh_schema(sql)?;
        let result = self.describe_prepared(sql);
        self.settle(result)
    }

    fn describe_prepared(&mut self, sql: &str) -> Result<(Arc<[ColumnInfo]>, usize)> {
        let core = self.core.clone();
        let markers = core.driver.lexis().count_markers(sql);
        let nulls = vec![Value::Null; markers];
        let _busy = core.busy.lock();
        let prepared = match Prepared::kept(&core, sql, &nulls) {
            Some(kept) => kept,
            None => Prepared::new(&core, sql, &nulls)?,
        };
        let stmt = prepared.stmt.clone();
        let mut count = 0i16;
        // It is only now that psqlODBC prepares: the call waits for the server, and its error is one of the
        // transaction.
        let called = core.call(&stmt, || unsafe { sys::SQLNumResultCols(stmt.handle(), &mut count) });
        if !called.ok() {
            return Err(core.failure(&stmt, &called, "SQLNumResultCols"));
        }
        let shape = statement::describe(&core, &stmt, count.max(0) as usize, core.side)?;
        if prepared.may_serve_again(&core, &shape) {
            prepared.put_back(&core);
        }
        Ok((shape.columns, markers))
    }

    /// For the transactions to come, on this session.
    pub fn set_isolation(&mut self, level: Isolation) -> Result<()> {
        match self.dialect().isolation_sql(level) {
            Some(sql) => self.run_once(sql).map(drop),
            None => Ok(()),
        }
    }
}
