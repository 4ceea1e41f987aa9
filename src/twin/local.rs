//! `SET LOCAL`: settings that end with the transaction. What is shipped behind one must run under it.

use super::Executed;
use super::session::{TwinSession, lowers_durability};
use crate::error::{Error, Result, Status};
use crate::queue::{Shipped, entry};
use crate::value::Value;

impl TwinSession {
    /// On the master at once; on the mirror before the next statement that is shipped, if one is.
    pub(super) fn set_local(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        if self.tx.is_none() {
            return Err(Error::new(
                Status::BadState,
                "execute: SET LOCAL means nothing outside a transaction",
            ));
        }
        if lowers_durability(sql) {
            return Err(Error::new(
                Status::Unsupported,
                "execute: durable commits are what nothing-is-lost rests on; see the option durability",
            ));
        }
        if !params.is_empty() {
            return Err(Error::new(
                Status::Unsupported,
                "execute: a session statement takes no parameters here",
            ));
        }
        self.ensure_begun(false)?;
        let outcome = self.master()?.run_for_transaction(sql)?;
        let statement = Shipped { sql: sql.into(), params: Vec::new(), expected: entry::FOR_TRANSACTION };
        if let Some(tx) = self.tx.as_mut() {
            tx.local_names = true;
            match () {
                // How long the caller waits says nothing of the mirror.
                () if is_limit(sql) => {}
                // A transaction that only reads is not made one that writes.
                () if tx.shipped.is_empty() && tx.savepoints.is_empty() => tx.locals.push(statement),
                () => self.ship(statement),
            }
        }
        Ok(Executed { status: Status::Ok, affected: outcome.affected, rows: outcome.rows })
    }

    /// Ships what was set so far: something is about to depend on its place.
    pub(super) fn ship_locals(&mut self) {
        let locals = self.tx.as_mut().map(|tx| std::mem::take(&mut tx.locals)).unwrap_or_default();
        for statement in locals {
            self.ship(statement);
        }
    }
}

fn is_limit(sql: &str) -> bool {
    let name = sql.split(|c: char| c.is_whitespace() || c == '=').filter(|w| !w.is_empty()).nth(2);
    name.is_some_and(|name| name.to_ascii_lowercase().ends_with("_timeout"))
}

#[cfg(test)]
mod tests {
    use super::is_limit;

    #[test]
    fn time_limits_stay_on_the_master() {
        for limit in
            ["SET LOCAL lock_timeout = 5", "set local  Statement_Timeout=0", "SET LOCAL lock_timeout TO 5"]
        {
            assert!(is_limit(limit), "{limit}");
        }
        for other in ["SET LOCAL timezone = 'UTC'", "SET LOCAL search_path TO a", "SET LOCAL"] {
            assert!(!is_limit(other), "{other}");
        }
    }
}
