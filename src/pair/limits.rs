//! How large the queue may grow, and what happens beyond.
//!
//! The figures are those of the monitor, which reads them from the master at each poll, and what this pool has
//! queued since; other processes' entries are seen one poll later. So a limit holds to within what all writers
//! queue in about `mirror.poll_ms`.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use super::Event;
use super::shared::{Pair, Seen, clip, now_text};
use super::state::MirrorState;
use crate::config::{Beyond, QueueSettings};
use crate::error::{Error, Status};
use crate::value::Value;

/// The limits as they are set, and whether one is passed.
#[derive(Debug)]
pub struct Limits {
    settings: RwLock<QueueSettings>,
    /// Which limit is passed, for people.
    passed: Mutex<Option<String>>,
    /// It was said once; not again before the queue is half as large.
    told: AtomicBool,
}

impl Limits {
    pub fn new(settings: QueueSettings) -> Limits {
        Limits { settings: RwLock::new(settings), passed: Mutex::new(None), told: AtomicBool::new(false) }
    }

    pub fn set(&self, settings: QueueSettings) {
        *self.settings.write() = settings;
    }

    fn beyond(&self) -> Beyond {
        self.settings.read().beyond
    }
}

/// The limit that these figures pass, when each figure is counted `times`.
fn passed(settings: &QueueSettings, seen: &Seen, times: u64) -> Option<String> {
    let age = settings.max_age.map(|a| u64::try_from(a.as_millis()).unwrap_or(u64::MAX));
    let over = |limit: Option<u64>, figure: u64| limit.filter(|l| figure.saturating_mul(times) > *l);
    if let Some(limit) = over(settings.max_entries, seen.queue_entries) {
        return Some(format!("the queue has {} entries, queue.max_entries is {limit}", seen.queue_entries));
    }
    if let Some(limit) = over(settings.max_bytes, seen.queue_bytes) {
        return Some(format!("the queue has {} bytes, queue.max_bytes is {limit}", seen.queue_bytes));
    }
    let oldest = seen.queue_oldest.unwrap_or(0);
    over(age, oldest)
        .map(|limit| format!("the queue's oldest entry is {oldest} ms old, queue.max_age_ms is {limit}"))
}

/// Compares the figures with the limits and does what is to be done. Called by the monitor.
pub fn look(pair: &Pair) {
    let view = pair.view();
    let settings = pair.limits.settings.read().clone();
    let (now, half) = {
        let seen = pair.seen.lock();
        (passed(&settings, &seen, 1), passed(&settings, &seen, 2))
    };
    pair.limits.passed.lock().clone_from(&now);
    if half.is_none() {
        pair.limits.told.store(false, Ordering::SeqCst);
    }
    let Some(what) = now else { return };
    if view.abandoned || view.state == MirrorState::InSync {
        return;
    }
    if !pair.limits.told.swap(true, Ordering::SeqCst) {
        let then = match settings.beyond {
            Beyond::Warn => "it goes on growing",
            Beyond::Refuse => "writes are refused",
            Beyond::Detach => "the mirror is abandoned",
        };
        let description = format!("{what}: {then} (queue.beyond)");
        log::warn!(target: "twinpool::queue", "{}: {description}", pair.setup.name);
        pair.tell(&Event::QueueLimit { description });
    }
    if settings.beyond == Beyond::Detach {
        let reason = format!("abandoned: {what}; nothing is queued, start again from a copy");
        let row = [Value::Text(clip(&reason)), Value::Text(now_text()), Value::Text(pair.id.clone())];
        let done = pair.control(|link| link.run(&pair.tables.abandon, &row).map(drop));
        if let Err(e) = done.and_then(|()| pair.refresh().map(drop)) {
            log::debug!(target: "twinpool::queue", "{}: the mirror is not abandoned yet: {e}", pair.setup.name);
        }
    }
}

/// This pool has queued an entry.
pub fn count_own(pair: &Pair, rows: u64, bytes: u64) {
    let passed = {
        let mut seen = pair.seen.lock();
        seen.queue_entries += rows;
        seen.queue_bytes += bytes;
        passed(&pair.limits.settings.read(), &seen, 1)
    };
    if passed.is_some() {
        let before = std::mem::replace(&mut *pair.limits.passed.lock(), passed);
        if before.is_none() {
            pair.wake();
        }
    }
}

/// The answer to a write that would have to be queued, where the queue is full.
pub fn refusal(pair: &Pair, call: &str) -> Option<Error> {
    if pair.limits.beyond() != Beyond::Refuse {
        return None;
    }
    let passed = pair.limits.passed.lock();
    passed.as_ref().map(|what| {
        let advice = "bring the mirror back, or raise the limit";
        Error::new(Status::QueueFull, format!("{call}: {what}, and queue.beyond is refuse; {advice}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_limit_is_passed_when_a_figure_is_above_it() {
        let mut settings =
            QueueSettings { max_entries: Some(10), max_bytes: None, max_age: None, beyond: Beyond::Warn };
        let mut seen = Seen { queue_entries: 10, queue_bytes: 500, ..Seen::default() };
        assert_eq!(passed(&settings, &seen, 1), None);
        assert!(passed(&settings, &seen, 2).is_some());
        seen.queue_entries = 11;
        assert!(passed(&settings, &seen, 1).unwrap().contains("queue.max_entries is 10"));
        settings.max_entries = None;
        settings.max_bytes = Some(499);
        assert!(passed(&settings, &seen, 1).unwrap().contains("queue.max_bytes is 499"));
        settings.max_bytes = None;
        settings.max_age = Some(Duration::from_secs(1));
        assert_eq!(passed(&settings, &seen, 1), None);
        seen.queue_oldest = Some(1001);
        assert!(passed(&settings, &seen, 1).unwrap().contains("queue.max_age_ms is 1000"));
    }
}
