//! Keeps one place in the code from filling the log when the same thing happens again and again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use log::{Level, Record};
use parking_lot::Mutex;

/// So many records a place may give in a [`WINDOW`].
const RECORDS: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Limit {
    /// As many as there are places that log.
    places: Mutex<Option<HashMap<(&'static str, u32), Place>>>,
}

struct Place {
    since: Instant,
    records: u32,
    left_out: u64,
}

impl Limit {
    pub const fn new() -> Limit {
        Limit { places: Mutex::new(None) }
    }

    /// None: the record is left out. Otherwise how many of the same place were left out before it. Who asks for `debug`
    /// or `trace` wants all of it.
    pub fn admit(&self, record: &Record<'_>) -> Option<u64> {
        let place = (record.file_static(), record.line());
        match place {
            (Some(file), Some(line)) if record.level() <= Level::Info => {
                self.admit_at((file, line), Instant::now())
            }
            _ => Some(0),
        }
    }

    fn admit_at(&self, place: (&'static str, u32), now: Instant) -> Option<u64> {
        let mut places = self.places.lock();
        let fresh = Place { since: now, records: 0, left_out: 0 };
        let place = places.get_or_insert_default().entry(place).or_insert(fresh);
        if now.saturating_duration_since(place.since) >= WINDOW {
            (place.since, place.records) = (now, 0);
        }
        if place.records == RECORDS {
            place.left_out += 1;
            return None;
        }
        place.records += 1;
        Some(std::mem::take(&mut place.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_gives_ten_records_a_second_and_tells_how_many_it_left_out() {
        let limit = Limit::new();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let flood =
            |from: u64| (0..500).filter(|i| limit.admit_at(("a.rs", 1), at(from + i)).is_some()).count();
        assert_eq!(flood(0), 10);
        // Others are not held back by it.
        assert_eq!(limit.admit_at(("a.rs", 2), at(999)), Some(0));
        assert_eq!(limit.admit_at(("b.rs", 1), at(999)), Some(0));
        assert_eq!(limit.admit_at(("a.rs", 1), at(1000)), Some(490));
        assert_eq!(limit.admit_at(("a.rs", 1), at(1001)), Some(0));
        assert_eq!(flood(1002), 8);
    }

    #[test]
    fn what_is_asked_for_to_find_a_fault_is_told_whole() {
        let limit = Limit::new();
        for (level, told) in [(Level::Warn, 10), (Level::Debug, 100)] {
            let record = |_: &i32| {
                let r =
                    Record::builder().level(level).file_static(Some("c.rs")).line(Some(level as u32)).build();
                limit.admit(&r).is_some()
            };
            assert_eq!((0..100).filter(record).count(), told);
        }
    }
}
