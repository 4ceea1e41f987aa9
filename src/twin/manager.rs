//! What the pool must know of sessions: making, checking, resetting and closing them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::session::TwinSession;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::pair::Event;
use crate::pair::shared::Pair;
use crate::pool::{Directory, Manager};

/// Where the keys of all pools' sessions lead.
pub static SESSIONS: Directory<SessionManager> = Directory::new();

/// Makes sessions on a pair.
pub struct SessionManager {
    pub pair: Arc<Pair>,
}

impl Manager for SessionManager {
    /// In a box: it is large, and it moves with each acquire and release.
    type Item = Box<TwinSession>;

    fn connect(&self, deadline: Instant) -> Result<Self::Item> {
        TwinSession::connect(&self.pair, deadline).map(Box::new)
    }

    fn is_valid(&self, session: &mut Self::Item, limit: Duration) -> Result<()> {
        session.ping(limit)
    }

    fn has_broken(&self, session: &Self::Item) -> bool {
        session.is_broken()
    }

    fn reset(&self, session: &mut Self::Item) -> Result<()> {
        session.reset()
    }

    fn close(&self, session: Self::Item) {
        session.close();
    }

    fn directory(&self) -> Option<&'static Directory<SessionManager>> {
        Some(&SESSIONS)
    }

    fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.pair.metrics)
    }

    fn outline(&self, statement: &str) -> String {
        crate::sql::outline(statement, self.pair.classifier.engine())
    }

    fn leak_suspected(&self, report: &str) {
        log::warn!(target: "twinpool::pool", "{report}");
        self.pair.tell(&Event::LeakSuspected { description: report.to_owned() });
    }

    fn note(&self) -> String {
        format!("mirror {}", self.pair.view().state)
    }
}
