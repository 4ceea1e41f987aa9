//! Statements that run on the master alone, and the rows they wrote, which go to the mirror in their place.

use std::collections::HashMap;

use super::Executed;
use super::session::TwinSession;
use crate::error::{Error, Result, Status};
use crate::link::catalog::Sequence;
use crate::pair::shared::{int, text};
use crate::queue::{Shipped, entry};
use crate::sql::{Kind, Planned, Repeat, RowsPlan, Way};
use crate::value::Value;

/// How far the mirror's sequences are moved beyond what the master has given: the numbers of so many rows
/// cost one statement. Whoever uses the mirror as master later finds a gap, and never a number twice.
const AHEAD: i64 = 1000;

impl TwinSession {
    /// Runs what `plan` says in place of the caller's statement.
    pub(super) fn write_rows(&mut self, plan: &RowsPlan, params: &[Value], kind: &Kind) -> Result<Executed> {
        let (done, rows) = match &plan.way {
            Way::Returned(sql) => {
                let (done, rows) = self.write_returning(plan, sql, params, kind)?;
                (done, self.reread(plan, rows)?)
            }
            Way::Keyed { keys, read } => {
                let picked: Vec<Value> =
                    keys.select_params.iter().filter_map(|i| params.get(*i).cloned()).collect();
                let found = self.master()?.query(&keys.select, &picked)?;
                let statements = keys.statement(&found, params).map_err(|why| why.error())?;
                let reading = keys.reading(read, &found).map_err(|why| why.error())?;
                self.undone_together(statements.len() > 1, |session| {
                    let mut done = Executed { status: Status::Ok, affected: 0, rows: None };
                    for (sql, params) in &statements {
                        done.affected += session.master()?.run(sql, params)?.affected.max(0);
                    }
                    Ok(done)
                })
                .and_then(|done| {
                    let mut rows = Vec::new();
                    for (sql, params) in reading {
                        let found = self.master()?.query(&sql, &params);
                        rows.extend(found.map_err(|e| self.lost_rows(e))?);
                    }
                    Ok((done, rows))
                })?
            }
        };
        let counted: Vec<(Sequence, i64)> =
            plan.counted(&rows).into_iter().map(|(sequence, n)| (sequence.clone(), n)).collect();
        self.note_captured_key(kind, plan, &rows);
        let Some(repeats) = plan.repeats(rows) else {
            let e = Error::new(Status::Internal, "execute: a row that was written cannot be read back");
            return Err(self.lost_rows(e));
        };
        for Repeat { sql, params, expected } in repeats {
            let expected = expected.unwrap_or(entry::UNCOUNTED);
            self.ship(Shipped { sql: sql.into(), params, expected });
        }
        for (sequence, n) in counted {
            self.advance(sequence, n);
        }
        Ok(done)
    }

    fn write_returning(
        &mut self,
        plan: &RowsPlan,
        sql: &str,
        params: &[Value],
        kind: &Kind,
    ) -> Result<(Executed, Vec<Vec<Value>>)> {
        self.forget_key(kind)?;
        let outcome = self.master()?.run(sql, params)?;
        let taken = match outcome.rows {
            Some(cursor) => cursor.take_columns(plan.width()).map(|(own, rows)| (Some(own), rows)),
            // Some drivers give no result where no row was written.
            None if outcome.affected <= 0 => Ok((None, Vec::new())),
            None => Err(Error::new(Status::Internal, "execute: the statement gave no rows")),
        };
        let (cursor, rows) = taken.map_err(|e| self.lost_rows(e))?;
        let affected = rows.len() as i64;
        self.note_key(kind, affected).map_err(|e| self.lost_rows(e))?;
        let rows_of_caller = cursor.filter(|_| plan.returning);
        Ok((Executed { status: Status::Ok, affected, rows: rows_of_caller }, rows))
    }

    fn reread(&mut self, plan: &RowsPlan, rows: Vec<Vec<Value>>) -> Result<Vec<Vec<Value>>> {
        let reading = plan.rereading(&rows);
        if reading.is_empty() {
            return Ok(rows);
        }
        let mut found = Vec::new();
        for (sql, params) in reading {
            let more = self.master().and_then(|m| m.query(&sql, &params));
            found.extend(more.map_err(|e| self.lost_rows(e))?);
        }
        plan.reread(&rows, found).ok_or_else(|| {
            let e = Error::new(Status::Internal, "execute: a row that was written cannot be found again");
            self.lost_rows(e)
        })
    }

    /// The master has written what the mirror cannot be told: the transaction must not be committed.
    fn lost_rows(&mut self, e: Error) -> Error {
        self.rollback_half();
        // The session's transaction stays, as one that the database has ended: nothing but a rollback is
        // possible in it.
        if let Some(master) = self.master.as_mut().filter(|m| !m.is_lost()) {
            let _ = master.rollback();
        }
        e.context("execute: the transaction was rolled back")
    }

    /// Several statements that stand for one: an error undoes all of them, as the engine would.
    pub(super) fn undone_together<T>(
        &mut self,
        several: bool,
        act: impl FnOnce(&mut TwinSession) -> Result<T>,
    ) -> Result<T> {
        const TOGETHER: &str = "twin_statement";
        if !several {
            return act(self);
        }
        self.savepoint(TOGETHER)?;
        match act(self) {
            Ok(done) => self.release_savepoint(TOGETHER).map(|()| done),
            Err(e) => {
                if !e.is_lost() && self.tx.is_some() {
                    self.rollback_to(TOGETHER)?;
                    let _ = self.release_savepoint(TOGETHER);
                }
                Err(e)
            }
        }
    }

    /// The sequences that a statement has drawn from by name: the caller may give the numbers to rows by itself.
    pub(super) fn follow_draws(&mut self, planned: &Planned) -> Result<()> {
        for name in &planned.draws {
            let master = self.master()?;
            let Some((sql, params)) = master.dialect().sequence_sql(name) else { continue };
            let rows = master.query(&sql, &params)?;
            let Some([known, last, step]) = rows.first().map(Vec::as_slice) else { continue };
            if *last != Value::Null {
                let (sequence, n) = (Sequence { name: text(known), step: int(step) }, int(last));
                self.advance(sequence, n);
            }
        }
        Ok(())
    }

    /// Moves the mirror's sequence on, where it may stand before a number that the master has given.
    fn advance(&mut self, sequence: Sequence, n: i64) {
        let epoch = self.pair.view().epoch;
        let enough = |(of, known): &(u64, HashMap<Sequence, i64>)| {
            *of == epoch && known.get(&sequence).is_some_and(|known| sequence.is_beyond(*known, n))
        };
        if enough(&self.pair.counters_known.lock()) {
            return;
        }
        let Some(tx) = self.tx.as_mut() else { return };
        if tx.advanced.iter().any(|(s, known)| *s == sequence && s.is_beyond(*known, n)) {
            return;
        }
        let ahead = sequence.after(n, AHEAD);
        let statement = self.master.as_ref().and_then(|m| m.dialect().advance_sql(&sequence.name, ahead));
        let Some((sql, params)) = statement else { return };
        // Two that advance at once may leave the mark that is less far: both stand behind this one.
        let good = sequence.after(n, AHEAD / 2);
        tx.advanced.push((sequence, good));
        self.ship(Shipped { sql: sql.into(), params, expected: entry::UNCOUNTED });
    }

    /// What the committed transaction has made sure of.
    pub(super) fn note_advanced(&mut self) {
        let Some(tx) = self.tx.as_mut().filter(|tx| !tx.advanced.is_empty()) else { return };
        let epoch = self.pair.view().epoch;
        let mut known = self.pair.counters_known.lock();
        if known.0 != epoch {
            *known = (epoch, HashMap::new());
        }
        for (sequence, n) in tx.advanced.drain(..) {
            let place = known.1.get(&sequence).copied();
            if place.is_none_or(|place| sequence.is_beyond(n, place)) {
                known.1.insert(sequence, n);
            }
        }
    }
}
