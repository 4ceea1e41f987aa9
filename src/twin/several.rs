//! Several statements in one text: each goes its own way.

use std::sync::Arc;

use super::Executed;
use super::session::TwinSession;
use crate::error::{Error, Result, Status};
use crate::link::Engine;
use crate::sql::{Analysis, Kind, split};
use crate::value::Value;

impl TwinSession {
    /// Runs them in order, up to the first that fails. On PostgreSQL they are one transaction where none is
    /// open and none of them is about transactions, as the server has it; elsewhere each is one of its own.
    pub(super) fn execute_several(&mut self, sql: &str, params: &[Value]) -> Result<Executed> {
        let pair = Arc::clone(&self.pair);
        let engine = pair.classifier.engine();
        let pieces: Vec<(&str, Arc<Analysis>)> =
            split(sql, engine).into_iter().map(|piece| (piece, pair.classifier.analyse(piece))).collect();
        let before = &pieces[..pieces.len().saturating_sub(1)];
        if before.iter().any(|(_, a)| matches!(a.kind, Kind::Read | Kind::Multi)) {
            return Err(Error::new(
                Status::Unsupported,
                "execute: the text holds more than one statement, and one before the last gives rows; send them one \
                 by one",
            ));
        }
        let markers: usize = pieces.iter().map(|(_, a)| a.markers).sum();
        if markers != params.len() {
            let text = format!(
                "execute: the statements have {markers} parameter markers and {} values were given",
                params.len()
            );
            return Err(Error::new(Status::BadArgument, text));
        }
        let own = engine == Engine::Postgres
            && self.tx.is_none()
            && self.autocommit
            && !pieces.iter().any(|(_, a)| a.kind.is_transaction_control() || a.alone);
        if own {
            self.begin()?;
        }
        let done = self.one_after_the_other(&pieces, params);
        match done {
            Ok(mut done) if own => {
                done.status = self.commit()?;
                Ok(done)
            }
            Err(e) if own => {
                let _ = self.rollback();
                Err(e)
            }
            done => done,
        }
    }

    /// The result is the last one's; queued if any of them was.
    fn one_after_the_other(
        &mut self,
        pieces: &[(&str, Arc<Analysis>)],
        params: &[Value],
    ) -> Result<Executed> {
        let mut left = params;
        let mut all = Executed { status: Status::Ok, affected: -1, rows: None };
        for (n, (piece, analysis)) in pieces.iter().enumerate() {
            let (own, others) = left.split_at(analysis.markers.min(left.len()));
            left = others;
            let done = self.execute_analysed(piece, own, analysis).map_err(|e| match n {
                0 => e,
                n => e.context(format!("execute: statement {} of the text", n + 1)),
            })?;
            let queued = all.status == Status::Queued;
            all = done;
            if queued {
                all.status = Status::Queued;
            }
        }
        Ok(all)
    }
}
