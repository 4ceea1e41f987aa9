//! Counting what happens, for those who watch: relaxed atomics, no lock, no allocation.
//!
//! Times go into buckets, four to each doubling of microseconds, so that a percentile is right to within a
//! fifth of itself whatever it is, and a record costs two additions.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Four a doubling from 4 µs on; the last takes all that is longer (an hour and more).
const BUCKETS: usize = 124;

/// How long something took, how often.
#[derive(Debug)]
pub struct Times {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Default for Times {
    fn default() -> Times {
        Times { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_us: AtomicU64::new(0) }
    }
}

/// Values 0 to 3 have a bucket each; above, the two bits behind the leading one tell the quarter.
fn bucket(us: u64) -> usize {
    if us < 4 {
        return us as usize;
    }
    let doubling = us.ilog2() as usize;
    let quarter = (us >> (doubling - 2)) as usize & 3;
    ((doubling - 1) * 4 + quarter).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (doubling, quarter) = (bucket / 4 + 1, (bucket % 4) as u64);
    ((4 + quarter + 1) << (doubling - 2)) - 1
}

impl Times {
    pub fn record(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if let Some(b) = self.buckets.get(bucket(us)) {
            b.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn since(&self, start: Instant) {
        self.record(start.elapsed());
    }

    /// What was recorded so far. Records that come in meanwhile may be in or not.
    pub fn read(&self) -> Read {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        Read { count: counts.iter().sum(), sum_us: self.sum_us.load(Ordering::Relaxed), counts }
    }
}

/// Times as they stood at one moment.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub count: u64,
    pub sum_us: u64,
    counts: Vec<u64>,
}

impl Read {
    /// The time that `part` (0 to 1) of all records did not exceed, in microseconds; 0 without records.
    pub fn percentile_us(&self, part: f64) -> u64 {
        let wanted = ((self.count as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        for (i, n) in self.counts.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return upper(i);
            }
        }
        0
    }

    /// With `count` records more of less than a microsecond each.
    pub fn with_moments(mut self, count: u64) -> Read {
        self.count += count;
        if let Some(first) = self.counts.first_mut() {
            *first += count;
        }
        self
    }

    /// How many records were at most `us`, which is one less than a power of two.
    fn at_most(&self, us: u64) -> u64 {
        self.counts.iter().enumerate().take_while(|(i, _)| upper(*i) <= us).map(|(_, n)| n).sum()
    }
}

/// Everything that one pool times.
#[derive(Debug, Default)]
pub struct Metrics {
    /// From the call to the session in hand. Acquires that failed are counted elsewhere and not timed.
    pub acquire: Times,
    /// From the acquire to the release.
    pub usage: Times,
    /// Making a session, successful ones.
    pub connect: Times,
    /// Calls of the drivers that may wait for the node: execute, fetch, commit.
    pub master: Times,
    pub mirror: Times,
}

/// Text as Prometheus reads it, version 0.0.4.
pub struct Page {
    text: String,
    label: String,
}

impl Page {
    /// `pool` becomes the label of every figure.
    pub fn new(pool: &str) -> Page {
        let pool = pool.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        Page { text: String::with_capacity(8192), label: format!("pool=\"{pool}\"") }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP twinpool_{name} {help}\n# TYPE twinpool_{name} {kind}");
    }

    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        let _ = writeln!(self.text, "twinpool_{name}{{{}}} {value}", self.label);
    }

    /// One gauge with a line for each value of a further label.
    pub fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(&str, f64)]) {
        self.head(name, "gauge", help);
        for (which, value) in values {
            let _ = writeln!(self.text, "twinpool_{name}{{{},{label}=\"{which}\"}} {value}", self.label);
        }
    }

    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        let _ = writeln!(self.text, "twinpool_{name}{{{}}} {value}", self.label);
    }

    /// Seconds in a bucket for each doubling, from 64 µs to about half a minute.
    pub fn times(&mut self, name: &str, help: &str, read: &Read) {
        self.head(name, "histogram", help);
        for doubling in 6..=25 {
            let us = 1u64 << doubling;
            let (le, n) = (us as f64 / 1e6, read.at_most(us - 1));
            let _ = writeln!(self.text, "twinpool_{name}_bucket{{{},le=\"{le}\"}} {n}", self.label);
        }
        let (label, n, sum) = (&self.label, read.count, read.sum_us as f64 / 1e6);
        let _ = writeln!(self.text, "twinpool_{name}_bucket{{{label},le=\"+Inf\"}} {n}");
        let _ = writeln!(self.text, "twinpool_{name}_sum{{{label}}} {sum}");
        let _ = writeln!(self.text, "twinpool_{name}_count{{{label}}} {n}");
    }

    pub fn text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_the_bucket_that_holds_it_and_buckets_grow_by_a_quarter_at_most() {
        let mut last = 0;
        for us in (0..10_000).chain((14..50).flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + 1])) {
            let b = bucket(us);
            assert!(b == BUCKETS - 1 || upper(b) >= us, "{us}");
            assert!(b == 0 || upper(b - 1) < us, "{us}");
            assert!(b >= last || us < 10_000);
            last = b;
        }
        for b in 5..BUCKETS {
            assert!(upper(b) as f64 <= upper(b - 1) as f64 * 1.26 + 1.0, "{b}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_right_to_within_a_fifth() {
        let times = Times::default();
        assert_eq!(times.read().percentile_us(0.99), 0);
        (1..=1000).for_each(|ms| times.record(Duration::from_millis(ms)));
        let read = times.read();
        assert_eq!((read.count, read.sum_us), (1000, 500_500_000));
        for (part, wanted) in [(0.5, 500_000.0), (0.99, 990_000.0), (1.0, 1_000_000.0)] {
            let told = read.percentile_us(part) as f64;
            assert!(told >= wanted && told <= wanted * 1.25, "{part}: {told}");
        }
    }

    #[test]
    fn a_page_has_a_type_for_each_name_and_cumulative_buckets() {
        let times = Times::default();
        [10, 100, 100_000_000].iter().for_each(|us| times.record(Duration::from_micros(*us)));
        let mut page = Page::new("a \"b\"");
        page.times("acquire_seconds", "Time.", &times.read());
        page.counter("acquires_total", "Count.", 3);
        let text = page.text();
        assert!(text.contains("# TYPE twinpool_acquire_seconds histogram\n"), "{text}");
        let line = |le: &str, n: u64| {
            let wanted = format!("twinpool_acquire_seconds_bucket{{pool=\"a \\\"b\\\"\",le=\"{le}\"}} {n}\n");
            assert!(text.contains(&wanted), "{wanted} in {text}");
        };
        line("0.000064", 1);
        line("0.000128", 2);
        line("33.554432", 2);
        line("+Inf", 3);
        assert!(text.contains("twinpool_acquires_total{pool=\"a \\\"b\\\"\"} 3\n"), "{text}");
    }
}
