//! A transaction whose share for the mirror goes to the queue: marker, entry, COMMIT on the master.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Isolation;
use super::session::TwinSession;
use super::transaction::{Route, Verdict, returned};
use crate::error::{Result, Status};
use crate::link::Outcome;
use crate::pair::limits;
use crate::pair::shared::{clip, now_text};
use crate::pair::state::MirrorState;
use crate::value::Value;

impl TwinSession {
    /// A queued transaction: marker, entry, COMMIT. With `lost` (step 7) the state is flipped in the same
    /// transaction, behind the entry, and on the state, never on the epoch.
    pub(super) fn commit_queued(&mut self, seq: u64, payload: &[u8], lost: Option<&str>) -> Result<Verdict> {
        let pair = Arc::clone(&self.pair);
        let t = &pair.tables;
        // What has lost its mirror only now is not refused: it is one transaction, and its flip is news.
        if lost.is_none()
            && let Some(full) = limits::refusal(&pair, "commit")
        {
            return Err(full);
        }
        self.guard()?;
        let own = self.own_row(seq);
        if lost.is_none() && pair.view().abandoned {
            return self.commit_alone(seq);
        }
        let checked = lost.is_none() && self.isolation == Isolation::ReadCommitted;
        let marker = if checked { &t.mark_queued } else { &t.mark };
        let outcome = self.run_marker(marker, &own)?;
        if outcome.affected == 0 {
            // Not the state that a queued transaction needs, or no row at all.
            return self.why_not(None);
        }
        if self.sees_old_catalogue() {
            self.check_facts()?;
        } else if t.journal_returns {
            let Some(row) = returned(outcome)? else { return self.why_not(None) };
            self.compare_returned(row.first())?;
        }
        if lost.is_none() && !checked {
            // Behind the marker: it waited for a drain, so what is read now still holds at COMMIT.
            let row = pair.refresh()?;
            if row.mirror_state == MirrorState::InSync {
                return Ok(if pair.is_marked(row.epoch) {
                    Verdict::Queue("an earlier transaction's mirror COMMIT failed".to_owned())
                } else {
                    Verdict::Reroute(Route::Direct { epoch: row.epoch })
                });
            }
        }
        if self.tx.as_ref().is_some_and(|tx| tx.journaled) {
            self.master()?.run(&t.unjournal, &own)?;
        }
        self.append(seq, payload)?;
        crate::failpoint!(&pair.setup.name, "after_append");
        if let Some(reason) = lost {
            let why = [Value::Text(clip(reason)), Value::Text(now_text()), Value::Text(pair.id.clone())];
            self.master()?.run(&t.flip, &why)?;
        }
        crate::failpoint!(&pair.setup.name, "before_queued_commit");
        self.commit_master(seq)?;
        crate::failpoint!(&pair.setup.name, "after_queued_commit");
        if lost.is_some() {
            let _ = pair.refresh();
            pair.wake();
        } else if pair.view().asynchronous {
            pair.wake();
        }
        let rows = payload.len().div_ceil(pair.setup.part_bytes).max(1) as u64;
        limits::count_own(&pair, rows, payload.len() as u64);
        pair.counters.queued.fetch_add(1, Ordering::Relaxed);
        Ok(Verdict::Committed(Status::Queued))
    }

    /// (last_seq, pool, slot), and where markers give versions, the tables they are wanted of.
    fn run_marker(&mut self, marker: &str, own: &[Value; 3]) -> Result<Outcome> {
        let mut params = own.to_vec();
        if self.pair.tables.journal_returns {
            params.extend(self.versions_params());
        }
        self.master()?.run(marker, &params)
    }

    /// Writes the entry, in parts where it is large.
    fn append(&mut self, seq: u64, payload: &[u8]) -> Result<()> {
        let pair = Arc::clone(&self.pair);
        let (statements, summary) = match &self.tx {
            Some(tx) => (
                tx.shipped.len(),
                tx.shipped.first().map(|s| crate::sql::summary(&s.sql)).unwrap_or_default(),
            ),
            None => (0, String::new()),
        };
        let parts = payload.len().div_ceil(pair.setup.part_bytes).max(1);
        for (i, chunk) in payload.chunks(pair.setup.part_bytes).enumerate() {
            let row = [
                Value::Text(pair.id.clone()),
                Value::Int(self.slot.index),
                Value::Int(seq as i64),
                Value::Int(i as i64 + 1),
                Value::Int(parts as i64),
                Value::Int(pair.view().epoch as i64),
                Value::Text(now_text()),
                Value::Int(statements as i64),
                Value::Text(summary.clone()),
                Value::Bytes(chunk.to_vec()),
            ];
            self.master()?.run(&pair.tables.append, &row)?;
        }
        Ok(())
    }

    /// The mirror was abandoned: nothing is queued. Only while the table says so too, for a pair that got a
    /// new copy meanwhile needs every entry.
    fn commit_alone(&mut self, seq: u64) -> Result<Verdict> {
        let pair = Arc::clone(&self.pair);
        let own = self.own_row(seq);
        if self.isolation == Isolation::ReadCommitted {
            if self.master()?.run(&pair.tables.mark_alone, &own)?.affected == 0 {
                pair.refresh()?;
                return self.why_not(None);
            }
        } else {
            // The snapshot may be too old to see the state: read it outside, behind the marker.
            if self.run_marker(&pair.tables.mark, &own)?.affected == 0 {
                return self.why_not(None);
            }
            if !pair.refresh()?.abandoned {
                return self.why_not(None);
            }
        }
        if self.tx.as_ref().is_some_and(|tx| tx.journaled) {
            self.master()?.run(&pair.tables.unjournal, &own)?;
        }
        self.commit_master(seq)?;
        Ok(Verdict::Committed(Status::Alone))
    }
}
