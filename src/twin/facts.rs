//! The facts of tables that the open transaction rests on, and the proof that they hold.
//!
//! A statement is planned by what the pool knows of its table, which somebody else may have changed since. The
//! statement itself locks the table's definition until the transaction ends, on every engine; so whether the plan
//! was right can be asked behind it, once for all statements, and stays true until COMMIT. The question rides on
//! what each transaction sends before its COMMIT anyway. Where the answer is no, nothing has reached the mirror
//! for good, and the transaction is rolled back: a single statement is run again by itself, a caller's
//! transaction gets a retryable error.

use std::sync::Arc;

use super::Isolation;
use super::session::TwinSession;
use crate::error::{Class, Error, Result, Status};
use crate::link::catalog::{NamedTable, TableFacts, UNSETTLED};
use crate::link::{Link, TxState};
use crate::pair::shared::text;
use crate::sql::{Plan, Planned};
use crate::value::Value;

impl TwinSession {
    /// Notes what a statement of the open transaction rests on.
    pub(super) fn rest_on(&mut self, planned: &Planned) {
        let Some(tx) = self.tx.as_mut() else { return };
        for table in planned.tables.iter().filter(|t| !t.facts.is_temporary) {
            let known = |k: &NamedTable| Arc::ptr_eq(&k.facts, &table.facts) || k.facts == table.facts;
            if !tx.rests_on.iter().any(known) {
                tx.rests_on.push(table.clone());
                tx.facts_checked = false;
            }
        }
    }

    /// What still has to be proved.
    pub(super) fn unproved(&self) -> &[NamedTable] {
        self.tx.as_ref().filter(|tx| !tx.facts_checked).map_or(&[], |tx| &tx.rests_on)
    }

    /// Parameters of [`Dialect::versions_sql`](crate::link::Dialect::versions_sql) for what is not proved yet.
    pub(super) fn versions_params(&self) -> Vec<Value> {
        let dialect = crate::link::dialects::dialect(self.pair.tables.engine);
        dialect.versions_params(self.unproved(), self.has_own_names())
    }

    /// Asks the master, where something is not proved yet.
    pub(super) fn check_facts(&mut self) -> Result<()> {
        if self.unproved().is_empty() {
            return Ok(());
        }
        if self.sees_old_catalogue() {
            return self.check_facts_outside();
        }
        let params = self.versions_params();
        let tables = self.unproved().len();
        let master = self.master()?;
        let sql = format!("SELECT {}", master.dialect().versions_sql(tables));
        let rows = master.query(&sql, &params)?;
        let seen = rows.first().and_then(|r| r.first()).map(text).unwrap_or_default();
        self.compare_versions(&seen)
    }

    /// Whether the transaction sees the catalogue as it was when it began.
    pub(super) fn sees_old_catalogue(&self) -> bool {
        self.isolation != Isolation::ReadCommitted
            && crate::link::dialects::dialect(self.pair.tables.engine).catalogue_is_snapshot()
    }

    /// Compares the versions that the master gave. Where one is another the facts themselves decide: DDL that
    /// changes nothing of them, of another table on SQLite, is no trouble.
    pub(super) fn compare_versions(&mut self, seen: &str) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        let versions: Vec<&str> = seen.split(',').collect();
        let one = (versions.len() == 1).then(|| versions[0]);
        for (i, table) in self.unproved().to_vec().iter().enumerate() {
            let version = one.or(versions.get(i).copied()).unwrap_or_default();
            let facts = &table.facts;
            if version != facts.version || version == UNSETTLED {
                let (schema, name) = match self.has_own_names() {
                    true => (Some(facts.schema.as_str()), facts.name.as_str()),
                    false => (table.schema.as_deref(), table.name.as_str()),
                };
                match self.master()?.describe_table(schema, name)? {
                    Some(now) if now.agree(facts) => self.renew(table, now),
                    _ => return Err(self.facts_are_old(facts)),
                }
            } else if pair.catalogue.is_due(facts) && !self.master()?.uncovered_facts_hold(facts)? {
                return Err(self.facts_are_old(facts));
            }
        }
        self.facts_are_proved();
        Ok(())
    }

    /// The same on a connection that sees the catalogue as it is. Versions only, which are read without a lock: to
    /// describe a table there could wait for DDL that waits for this transaction, and no server would see that.
    /// What only this transaction can see it has made or changed itself, and locked for all others.
    pub(super) fn check_facts_outside(&mut self) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        let tables = self.unproved().to_vec();
        if tables.is_empty() {
            return Ok(());
        }
        let now = pair.control(|link| versions(link, &tables))?;
        for (table, now) in tables.iter().zip(now) {
            if now != table.facts.version && !self.is_own_change(&table.facts)? {
                return Err(self.facts_are_old(&table.facts));
            }
        }
        self.facts_are_proved();
        Ok(())
    }

    fn is_own_change(&mut self, facts: &TableFacts) -> Result<bool> {
        if !self.tx.as_ref().is_some_and(|tx| tx.own_ddl) {
            return Ok(false);
        }
        let sql = "SELECT count(*) FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = pg_backend_pid() \
                   AND l.granted AND l.mode IN ('AccessExclusiveLock', 'ShareRowExclusiveLock') \
                   AND n.nspname = ? AND c.relname = ?";
        let name = [Value::Text(facts.schema.clone()), Value::Text(facts.name.clone())];
        let rows = self.master()?.query(sql, &name)?;
        Ok(rows.first().and_then(|r| r.first()).is_some_and(|n| text(n) != "0"))
    }

    fn facts_are_proved(&mut self) {
        if let Some(tx) = self.tx.as_mut() {
            tx.facts_checked = true;
        }
    }

    fn renew(&self, table: &NamedTable, now: TableFacts) {
        if let Some(names) = self.names()
            && now.version != table.facts.version
        {
            self.pair.catalogue.renew(names, table.schema.as_deref(), &table.name, now);
        }
    }

    /// All that is known is forgotten: who changes one table often changes more.
    fn facts_are_old(&mut self, facts: &TableFacts) -> Error {
        self.pair.catalogue.forget();
        self.facts_were_old = true;
        Error::new(
            Status::Retry,
            format!(
                "commit: table {} was changed by somebody else since the transaction's statements were planned; repeat \
                 the transaction",
                facts.name
            ),
        )
    }

    /// Before a statement's refusal or failure is believed: whether the tables are still what its plan took them
    /// for. If not, all that is known of tables is forgotten.
    pub(super) fn was_planned_by_old_facts(&mut self, planned: &Planned, e: &Error) -> Result<bool> {
        let rewritten = matches!(planned.plan, Plan::Keys(_) | Plan::Rows(_));
        let doubtful = e.status() == Status::Unsafe
            || (rewritten && e.class() == Class::Refused && !e.sqlstate().starts_with("23"));
        if !doubtful || self.names().is_none() {
            return Ok(false);
        }
        let pair = Arc::clone(&self.pair);
        let hold = match self.master.as_mut().filter(|m| m.tx() != TxState::Failed) {
            Some(master) => planned.tables.iter().try_fold(true, |hold, table| {
                let now = master.describe_table(Some(&table.facts.schema), &table.facts.name)?;
                Ok(hold && now.is_some_and(|now| now.agree(&table.facts)))
            })?,
            None if planned.tables.is_empty() => true,
            None => {
                let now = pair.control(|link| versions(link, &planned.tables))?;
                planned.tables.iter().map(|table| &table.facts.version).eq(&now)
            }
        };
        if !hold {
            pair.catalogue.forget();
        }
        Ok(!hold)
    }

    /// What stands in for the failure of a statement that cannot be run again in this transaction.
    pub(super) fn planned_by_old_facts(&mut self, planned: &Planned) -> Error {
        let name = planned.tables.first().map_or("", |t| t.facts.name.as_str());
        self.facts_were_old = true;
        let text = format!("execute: table {name} was changed by somebody else; repeat the transaction");
        Error::new(Status::Retry, text)
    }
}

/// The versions of these very tables, as they are now.
fn versions(link: &mut Link, tables: &[NamedTable]) -> Result<Vec<String>> {
    let sql = format!("SELECT {}", link.dialect().versions_sql(tables.len()));
    let params = link.dialect().versions_params(tables, true);
    let rows = link.query(&sql, &params)?;
    let seen = rows.first().and_then(|r| r.first()).map(text).unwrap_or_default();
    Ok(seen.split(',').map(str::to_owned).collect())
}
