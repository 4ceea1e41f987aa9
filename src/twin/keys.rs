//! The key that the database gave to an inserted row, for those who ask for it.
//!
//! Engines remember one key for each connection, and the session's own INSERTs into its tables would replace it:
//! so it is read directly behind the user's INSERT, which costs a question to the master, and only while
//! somebody wants it. PostgreSQL has no such memory: there the key is among the rows that are captured anyway.

use super::session::TwinSession;
use crate::error::{Error, Result, Status};
use crate::pair::shared::int;
use crate::sql::{Kind, RowsPlan, Verb};
use crate::value::Value;

/// What is known of generated keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    wanted: bool,
    last: Option<i64>,
}

impl TwinSession {
    /// Whether the keys of the INSERTs to come are kept; switched off at release.
    pub fn keep_keys(&mut self, on: bool) -> Result<()> {
        self.keys = Keys { wanted: on, last: None };
        Ok(())
    }

    /// The key that the last INSERT has generated; `None`: it has generated none.
    pub fn generated_key(&self) -> Result<Option<i64>> {
        if !self.keys.wanted {
            return Err(Error::new(
                Status::BadState,
                "generated keys: they are not kept; switch that on first",
            ));
        }
        Ok(self.keys.last)
    }

    /// Before the user's statement: what the engine remembers may be of an INSERT of ours.
    pub(super) fn forget_key(&mut self, kind: &Kind) -> Result<()> {
        if self.keys.wanted && *kind == Kind::Write(Verb::Insert) {
            self.keys.last = None;
            self.read_key()?;
        }
        Ok(())
    }

    /// Behind the user's statement.
    pub(super) fn note_key(&mut self, kind: &Kind, affected: i64) -> Result<()> {
        let asks = self.master()?.dialect().generated_key_sql().is_some();
        if asks && self.keys.wanted && *kind == Kind::Write(Verb::Insert) && affected != 0 {
            self.keys.last = Some(self.read_key()?).filter(|key| *key != 0);
        }
        Ok(())
    }

    /// Where the engine has no question for it. The first row's, as MariaDB has it.
    pub(super) fn note_captured_key(&mut self, kind: &Kind, plan: &RowsPlan, rows: &[Vec<Value>]) {
        let asks = self.master.as_ref().is_none_or(|m| m.dialect().generated_key_sql().is_some());
        if self.keys.wanted && *kind == Kind::Write(Verb::Insert) && !asks {
            self.keys.last = plan.generated_key(rows);
        }
    }

    fn read_key(&mut self) -> Result<i64> {
        let master = self.master()?;
        let Some(sql) = master.dialect().generated_key_sql() else { return Ok(0) };
        let rows = master.query(sql, &[])?;
        Ok(rows.first().and_then(|r| r.first()).map_or(0, int))
    }
}
