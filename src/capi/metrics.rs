//! Figures of a pool, as a structure and as text for Prometheus.

use std::ffi::c_char;

use super::args::{Buffer, OutStruct};
use super::errors::twin_error;
use super::generated::twin_status;
use super::guard::{ErrOut, with_anywhere};
use super::pool::{PoolObject, twin_pool};

/// Figures of a pool. Counts run since it was opened. Times are in microseconds; percentiles are right to within a
/// fifth. `_p50_us` is the time that half of all did not exceed, `_p99_us` that of 99 in 100.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_metrics {
    /// Set by the caller to `sizeof(twin_metrics)`; afterwards the number of bytes filled.
    pub struct_size: u32,
    /// One of `TWIN_MIRROR_*`.
    pub mirror_state: i32,
    /// Connections that exist.
    pub total: u32,
    /// Of these, connections that wait to be acquired.
    pub idle: u32,
    /// Of these, connections that are out.
    pub active: u32,
    /// Threads that wait for a connection.
    pub waiting: u32,
    /// The option `pool.max`.
    pub max: u32,
    /// Connections that are just being made.
    pub opening: u32,
    /// Connections handed out.
    pub acquires: u64,
    /// Acquires that ended by their timeout.
    pub acquire_timeouts: u64,
    /// Connections made.
    pub connects: u64,
    /// Attempts to make one that failed.
    pub connect_failures: u64,
    /// Connections closed, for whatever reason.
    pub evictions: u64,
    /// Of these, connections that were found dead.
    pub dead: u64,
    /// Connections reported as suspected leaks.
    pub leaks: u64,
    /// From the call of an acquire to the connection: sum over all acquires.
    pub acquire_sum_us: u64,
    pub acquire_p50_us: u64,
    pub acquire_p99_us: u64,
    /// Releases, and how long the connections had been out.
    pub usage_count: u64,
    pub usage_sum_us: u64,
    pub usage_p50_us: u64,
    pub usage_p99_us: u64,
    /// Making a connection (`connects` times).
    pub connect_sum_us: u64,
    pub connect_p50_us: u64,
    pub connect_p99_us: u64,
    /// Calls of the ODBC driver that may wait for the master: execute, fetch, commit, also those of the library's own.
    pub master_calls: u64,
    pub master_sum_us: u64,
    pub master_p50_us: u64,
    pub master_p99_us: u64,
    /// The same for the mirror.
    pub mirror_calls: u64,
    pub mirror_sum_us: u64,
    pub mirror_p50_us: u64,
    pub mirror_p99_us: u64,
    /// How far the mirror is behind, as the monitor last saw it: entries in the queue, their bytes, and the age of the
    /// oldest in milliseconds.
    pub queue_entries: u64,
    pub queue_bytes: u64,
    pub queue_oldest_ms: u64,
    /// Transactions of this pool committed on both sides at once.
    pub direct: u64,
    /// Committed on the master, with the mirror's share in the queue.
    pub queued: u64,
    /// Entries that this pool has replayed on the mirror.
    pub replayed: u64,
    /// Entries that the mirror refused.
    pub failed: u64,
    /// Mirror halves that were run a second time because they came too early the first time.
    pub rerun: u64,
    /// Entries a second of the replay that runs, or ran last; 0 before the first.
    pub replay_rate: f64,
}

/// The size of the structure in release 0.1.
const METRICS_FIRST: usize = size_of::<twin_metrics>();

/// Tells the pool's figures. Never waits for a database. A callback may call it.
///
/// `metrics->struct_size` must be set. Errors: `TWIN_ERR_ARGUMENT`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_metrics(
    pool: *mut twin_pool,
    metrics: *mut twin_metrics,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (metrics, err) = unsafe { (OutStruct::new(metrics), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| {
        metrics.needed("metrics", METRICS_FIRST)?;
        let m = p.0.pool.metrics();
        metrics.set("metrics", METRICS_FIRST, figures(&m))
    })
}

fn figures(m: &crate::pair::PoolMetrics) -> twin_metrics {
    let (s, p) = (&m.status, &m.pool);
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    twin_metrics {
        struct_size: 0,
        mirror_state: s.mirror_state as i32,
        total: small(p.total),
        idle: small(p.idle),
        active: small(p.active),
        waiting: small(p.waiting),
        max: small(p.max),
        opening: small(p.opening),
        acquires: p.acquired,
        acquire_timeouts: p.timeouts,
        connects: p.opened,
        connect_failures: p.connect_failures,
        evictions: p.closed,
        dead: p.found_dead,
        leaks: p.leaks,
        acquire_sum_us: m.acquire.sum_us,
        acquire_p50_us: m.acquire.percentile_us(0.5),
        acquire_p99_us: m.acquire.percentile_us(0.99),
        usage_count: m.usage.count,
        usage_sum_us: m.usage.sum_us,
        usage_p50_us: m.usage.percentile_us(0.5),
        usage_p99_us: m.usage.percentile_us(0.99),
        connect_sum_us: m.connect.sum_us,
        connect_p50_us: m.connect.percentile_us(0.5),
        connect_p99_us: m.connect.percentile_us(0.99),
        master_calls: m.master.count,
        master_sum_us: m.master.sum_us,
        master_p50_us: m.master.percentile_us(0.5),
        master_p99_us: m.master.percentile_us(0.99),
        mirror_calls: m.mirror.count,
        mirror_sum_us: m.mirror.sum_us,
        mirror_p50_us: m.mirror.percentile_us(0.5),
        mirror_p99_us: m.mirror.percentile_us(0.99),
        queue_entries: s.queue_entries,
        queue_bytes: s.queue_bytes,
        queue_oldest_ms: s.queue_oldest_ms,
        direct: s.direct,
        queued: s.queued,
        replayed: s.replayed,
        failed: s.failed,
        rerun: s.rerun,
        replay_rate: m.replay_rate,
    }
}

/// Copies all figures into `buffer` as text for Prometheus (format 0.0.4), histograms included: what a program serves
/// under `/metrics`. Every name begins with `twinpool_` and has the label `pool`, the option `name`. About 10,000 bytes;
/// buffer and length as in `twin_options_get`. The text may have grown between two calls. A callback may call it.
///
/// Errors: `TWIN_ERR_BUFFER`.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn twin_pool_metrics_text(
    pool: *mut twin_pool,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
    err: *mut *mut twin_error,
) -> twin_status {
    // SAFETY: the caller's pointers are as `args` asks.
    let (buffer, err) = unsafe { (Buffer::new(buffer, capacity, length), ErrOut::new(err)) };
    with_anywhere(pool, err, |p: &PoolObject| buffer.put(&p.0.pool.metrics_text()))
}
