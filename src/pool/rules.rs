//! What becomes of a session at its age: the settings and the moment, taken together under the lock.

use std::time::{Duration, Instant};

use super::bag::Entry;
use super::slot::LONGEST_OPEN;
use crate::config::PoolSettings;

/// A session's lifetime ends up to this part of it sooner, so that they do not all end together.
const LIFETIME_VARIATION: f64 = 0.025;

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub now: Instant,
    /// The same moment by the coarse clock.
    coarse: u64,
    pub generation: u64,
    /// What was last alive before this is validated, however recently it was used.
    pub trusted_since: Instant,
    pub alive_bypass: Duration,
    pub validation_timeout: Duration,
    max_lifetime: Option<Duration>,
    idle_timeout: Option<Duration>,
    idle_timeout_variation: f64,
    keepalive: Option<Duration>,
}

impl Rules {
    pub fn new(
        settings: &PoolSettings,
        generation: u64,
        trusted_since: Instant,
        now: Instant,
        coarse: u64,
    ) -> Rules {
        Rules {
            now,
            coarse,
            generation,
            trusted_since,
            alive_bypass: settings.alive_bypass,
            validation_timeout: settings.validation_timeout,
            max_lifetime: settings.max_lifetime,
            idle_timeout: settings.idle_timeout,
            idle_timeout_variation: settings.idle_timeout_variation,
            keepalive: settings.keepalive,
        }
    }

    fn since(&self, then: Instant) -> Duration {
        self.now.saturating_duration_since(then)
    }

    /// At the end of its life, or softly evicted. Never asked of a session in use.
    pub fn is_over<T>(&self, e: &Entry<T>) -> bool {
        let end = |life: Duration| life.mul_f64(1.0 - LIFETIME_VARIATION * e.spread);
        e.generation != self.generation
            || self.max_lifetime.is_some_and(|life| {
                let age = self.since(e.born);
                // Only those in the second half of their life need the exact end, which takes longer to find.
                age >= life / 2 && age >= end(life)
            })
    }

    /// Idle for longer than its own share of the idle timeout: never earlier than the timeout itself.
    pub fn is_idle_too_long<T>(&self, e: &Entry<T>) -> bool {
        let end = |limit: Duration| limit.mul_f64(1.0 + self.idle_timeout_variation * e.spread);
        self.idle_timeout.is_some_and(|limit| self.since(e.idle_since) >= end(limit))
    }

    /// Has to be asked whether it lives before it is handed out.
    pub fn needs_check<T>(&self, e: &Entry<T>) -> bool {
        e.alive < self.trusted_since || self.since(e.alive) >= self.alive_bypass
    }

    /// Up to which moment of the coarse clock it may be handed out without another look at these rules.
    pub fn good_until<T>(&self, e: &Entry<T>) -> u64 {
        if e.generation != self.generation || self.needs_check(e) {
            return 0;
        }
        let mut left = self.alive_bypass.saturating_sub(self.since(e.alive));
        if let Some(life) = self.max_lifetime {
            left = left
                .min(life.mul_f64(1.0 - LIFETIME_VARIATION * e.spread).saturating_sub(self.since(e.born)));
        }
        let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
        self.coarse.saturating_add(left.min(LONGEST_OPEN))
    }

    /// Has been silent for so long that the keeper asks it.
    pub fn needs_keepalive<T>(&self, e: &Entry<T>) -> bool {
        self.keepalive.is_some_and(|limit| e.alive < self.trusted_since || self.since(e.alive) >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PoolSettings;

    const S: Duration = Duration::from_secs(1);

    fn entry(born: Instant, spread: f64) -> Entry<()> {
        Entry { item: (), born, alive: born, idle_since: born, generation: 0, spread, handed: None }
    }

    fn at(settings: &PoolSettings, start: Instant, age: Duration) -> Rules {
        Rules::new(settings, 0, start, start + age, age.as_nanos() as u64)
    }

    #[test]
    fn the_idle_timeout_is_never_early_and_differs_from_session_to_session() {
        let settings =
            PoolSettings { idle_timeout: Some(100 * S), idle_timeout_variation: 0.1, ..Default::default() };
        let t = Instant::now();
        assert!(!at(&settings, t, 99 * S).is_idle_too_long(&entry(t, 0.0)));
        assert!(at(&settings, t, 100 * S).is_idle_too_long(&entry(t, 0.0)));
        assert!(!at(&settings, t, 104 * S).is_idle_too_long(&entry(t, 0.5)));
        assert!(at(&settings, t, 106 * S).is_idle_too_long(&entry(t, 0.5)));
        assert!(at(&settings, t, 110 * S).is_idle_too_long(&entry(t, 0.999)));
    }

    #[test]
    fn lifetimes_end_a_little_apart_and_never_late() {
        let settings = PoolSettings { max_lifetime: Some(1000 * S), ..Default::default() };
        let t = Instant::now();
        assert!(!at(&settings, t, 974 * S).is_over(&entry(t, 0.999)));
        assert!(at(&settings, t, 976 * S).is_over(&entry(t, 0.999)));
        assert!(!at(&settings, t, 999 * S).is_over(&entry(t, 0.0)));
        assert!(at(&settings, t, 1000 * S).is_over(&entry(t, 0.0)));
    }

    #[test]
    fn recent_use_is_trusted_until_another_session_was_found_dead() {
        let settings = PoolSettings { alive_bypass: S, ..Default::default() };
        let t = Instant::now();
        assert!(!at(&settings, t, S / 2).needs_check(&entry(t, 0.0)));
        assert!(at(&settings, t, S).needs_check(&entry(t, 0.0)));
        let rules = Rules::new(&settings, 0, t + S / 4, t + S / 2, 0);
        assert!(rules.needs_check(&entry(t, 0.0)));
        let always = PoolSettings { alive_bypass: Duration::ZERO, ..Default::default() };
        assert!(at(&always, t, Duration::ZERO).needs_check(&entry(t, 0.0)));
    }

    #[test]
    fn the_short_way_is_open_until_a_question_or_the_end_of_life_is_due() {
        let settings = PoolSettings { alive_bypass: S, max_lifetime: Some(1000 * S), ..Default::default() };
        let t = Instant::now();
        let ns = |time: Duration| time.as_nanos() as u64;
        assert_eq!(at(&settings, t, S / 4).good_until(&entry(t, 0.0)), ns(S));
        assert_eq!(at(&settings, t, S).good_until(&entry(t, 0.0)), 0);
        let old = Entry { alive: t + 999 * S + S / 2, ..entry(t, 0.0) };
        assert_eq!(at(&settings, t, 999 * S + S / 2).good_until(&old), ns(1000 * S));
        let evicted = Entry { generation: 1, ..entry(t, 0.0) };
        assert_eq!(at(&settings, t, S / 4).good_until(&evicted), 0);
    }
}
