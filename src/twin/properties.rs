//! What a caller may set on a session, and ask of it.

use std::sync::Arc;

use std::time::Duration;

use super::session::TwinSession;
use super::{Canceller, Isolation};
use crate::error::{Error, Result, Status};
use crate::value::ColumnInfo;

impl TwinSession {
    fn outside_transaction(&self, call: &str) -> Result<()> {
        if self.tx.is_some() {
            return Err(Error::new(Status::BadState, format!("{call}: not while a transaction is open")));
        }
        Ok(())
    }

    pub fn describe(&mut self, sql: &str) -> Result<(Arc<[ColumnInfo]>, usize)> {
        self.ensure_master()?;
        self.master()?.describe(sql)
    }

    pub fn in_transaction(&self) -> bool {
        self.tx.is_some()
    }

    pub fn set_autocommit(&mut self, on: bool) -> Result<()> {
        if on && !self.autocommit {
            self.outside_transaction("set_autocommit")?;
        }
        self.autocommit = on;
        Ok(())
    }

    pub fn autocommit(&self) -> bool {
        self.autocommit
    }

    pub fn set_isolation(&mut self, level: Isolation) -> Result<()> {
        self.outside_transaction("set_isolation")?;
        self.ensure_master()?;
        self.master()?.set_isolation(level)?;
        self.isolation = level;
        Ok(())
    }

    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    pub fn set_read_only(&mut self, on: bool) {
        self.read_only = on;
    }

    pub fn read_only(&self) -> bool {
        self.read_only
    }

    pub fn set_schema(&mut self, name: &str) -> Result<()> {
        self.outside_transaction("set_schema")?;
        self.ensure_master()?;
        let Some(sql) = self.master()?.dialect().schema_sql(name) else {
            return Err(Error::new(Status::Unsupported, "set_schema: this engine has no schemas"));
        };
        self.execute(&sql, &[])?;
        self.schema = Some(name.to_owned());
        Ok(())
    }

    pub fn schema(&mut self) -> Result<String> {
        self.ensure_master()?;
        let sql = self.master()?.dialect().current_schema_sql();
        let rows = self.master()?.query(sql, &[])?;
        Ok(rows.first().and_then(|r| r.first()).map(crate::pair::shared::text).unwrap_or_default())
    }

    pub fn set_network_timeout(&mut self, limit: Option<Duration>) -> Result<()> {
        if let Some(master) = &mut self.master {
            master.set_call_timeout(limit);
        }
        self.network_timeout = limit;
        Ok(())
    }

    pub fn network_timeout(&self) -> Option<Duration> {
        self.network_timeout
    }

    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    pub fn is_direct(&self) -> bool {
        self.pair.direct_epoch().is_some()
    }
}
