//! What a statement will give, without running it; and a session's isolation.

use super::link::Link;
use super::statement::{self, Prepared};
use crate::error::Result;
use crate::value::{ColumnInfo, Isolation};

impl Link {
    /// Columns of the result the statement will give (empty: none), and its number of `?` markers.
    pub fn describe(&mut self, sql: &str) -> Result<(Vec<ColumnInfo>, usize)> {
        self.check_usable()?;
        let core = self.core.clone();
        let markers = core.driver.lexis().count_markers(sql);
        let nulls = vec![crate::value::Value::Null; markers];
        let busy = core.busy.lock();
        let prepared = Prepared::get(&core, sql, &nulls)?;
        let count = statement::column_count(&prepared.stmt);
        let shape = statement::describe(&core, &prepared.stmt, count, core.side)?;
        prepared.put_back(&core);
        drop(busy);
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
