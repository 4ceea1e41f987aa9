//! What a pool tells those who watch it: figures for a program, and a page for Prometheus.

use std::time::Duration;

use super::state::MirrorState;
use super::twin_pool::{PoolStatus, TwinPool};
use crate::metrics::{Page, Read};
use crate::pool::Figures;

/// Figures of a pool since it was opened.
#[derive(Clone, Debug)]
pub struct PoolMetrics {
    pub status: PoolStatus,
    pub pool: Figures,
    pub acquire: Read,
    pub usage: Read,
    pub connect: Read,
    /// Calls of the drivers that may wait for the node.
    pub master: Read,
    pub mirror: Read,
    /// Entries a second of the replay that runs, or ran last.
    pub replay_rate: f64,
}

impl TwinPool {
    /// Kept in memory; asking never waits for a database.
    pub fn metrics(&self) -> PoolMetrics {
        let pair = &self.inner.pair;
        let (done, began, ended) = {
            let seen = pair.seen.lock();
            (seen.replay_done, seen.replay_began, seen.replay_ended)
        };
        let took = began.map_or(Duration::ZERO, |began| {
            ended.map_or_else(|| began.elapsed(), |ended| ended.saturating_duration_since(began))
        });
        let m = &pair.metrics;
        let pool = self.inner.pool.figures();
        let acquire = m.acquire.read();
        // Those that found a session at once are not timed: that would take longer than they do.
        let at_once = pool.acquired.saturating_sub(acquire.count);
        PoolMetrics {
            status: self.status(),
            pool,
            acquire: acquire.with_moments(at_once),
            usage: m.usage.read(),
            connect: m.connect.read(),
            master: m.master.read(),
            mirror: m.mirror.read(),
            replay_rate: if done == 0 { 0.0 } else { done as f64 / took.as_secs_f64().max(0.001) },
        }
    }

    /// The same as text for Prometheus.
    pub fn metrics_text(&self) -> String {
        self.metrics().page(&self.inner.pair.setup.name)
    }
}

impl PoolMetrics {
    fn page(&self, name: &str) -> String {
        let (s, p) = (&self.status, &self.pool);
        let mut page = Page::new(name);
        page.gauge("sessions", "Sessions that exist.", p.total as f64);
        page.gauge("sessions_idle", "Sessions that wait to be acquired.", p.idle as f64);
        page.gauge("sessions_active", "Sessions in the hands of callers.", p.active as f64);
        page.gauge("sessions_max", "The option pool.max.", p.max as f64);
        page.gauge("waiting", "Callers that wait for a session.", p.waiting as f64);
        page.counter("acquires_total", "Sessions handed out.", p.acquired);
        page.counter("acquire_timeouts_total", "Acquires that ended by their timeout.", p.timeouts);
        page.counter("connects_total", "Sessions opened.", p.opened);
        page.counter("connect_failures_total", "Attempts to open a session that failed.", p.connect_failures);
        page.counter("evictions_total", "Sessions closed, for whatever reason.", p.closed);
        page.counter("dead_total", "Sessions that were found dead.", p.found_dead);
        page.counter("leaks_total", "Sessions reported as suspected leaks.", p.leaks);
        page.times("acquire_seconds", "From the call of an acquire to the session.", &self.acquire);
        page.times("usage_seconds", "From acquire to release.", &self.usage);
        page.times("connect_seconds", "Opening a session.", &self.connect);
        page.times("master_call_seconds", "Driver calls that may wait for the master.", &self.master);
        page.times("mirror_call_seconds", "Driver calls that may wait for the mirror.", &self.mirror);
        let states = MirrorState::ALL.map(|state| (state.name(), f64::from(s.mirror_state == state)));
        page.gauges("mirror_state", "1 for the state that the mirror is in.", "state", &states);
        page.gauge(
            "mirror_reachable",
            "1 if the mirror answered when last asked.",
            f64::from(s.mirror_reachable),
        );
        page.gauge("epoch", "Grows with each change of the mirror's state.", s.epoch as f64);
        page.gauge("queue_entries", "Entries that wait for the mirror.", s.queue_entries as f64);
        page.gauge("queue_bytes", "Their size.", s.queue_bytes as f64);
        page.gauge(
            "queue_oldest_seconds",
            "Age of the oldest: how far the mirror is behind.",
            s.queue_oldest_ms as f64 / 1e3,
        );
        page.counter("direct_total", "Transactions committed on both sides at once.", s.direct);
        page.counter("queued_total", "Transactions whose mirror share was queued.", s.queued);
        page.counter("replayed_total", "Entries replayed by this pool.", s.replayed);
        page.counter("failed_total", "Entries that the mirror refused.", s.failed);
        page.counter("rerun_total", "Mirror halves that were run a second time.", s.rerun);
        page.gauge("replay_rate", "Entries a second of the replay that runs or ran last.", self.replay_rate);
        page.text()
    }
}
