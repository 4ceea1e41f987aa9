//! Acquire and release in other pools, with a connection that does nothing: millions of cycles a second of all
//! threads together. The pools made for tasks are measured on tasks, as many as the others have threads.

mod bounds;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Threads and connections.
const SHAPES: [(usize, usize); 5] = [(1, 10), (8, 10), (64, 10), (64, 32), (400, 50)];

struct Nothing;

impl r2d2::ManageConnection for Nothing {
    type Connection = u64;
    type Error = std::fmt::Error;
    fn connect(&self) -> Result<u64, Self::Error> {
        Ok(1)
    }
    fn is_valid(&self, _: &mut u64) -> Result<(), Self::Error> {
        Ok(())
    }
    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

impl bb8::ManageConnection for Nothing {
    type Connection = u64;
    type Error = Infallible;
    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(1)
    }
    async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

impl deadpool::managed::Manager for Nothing {
    type Type = u64;
    type Error = Infallible;
    async fn create(&self) -> Result<u64, Infallible> {
        Ok(1)
    }
    async fn recycle(
        &self,
        _: &mut u64,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

fn seconds() -> Duration {
    let each = std::env::var("SECONDS_EACH").ok().and_then(|s| s.parse().ok()).unwrap_or(2.0);
    Duration::from_secs_f64(each)
}

fn tell(name: &str, threads: usize, conns: usize, cycles: u64, elapsed: Duration) {
    let millions = cycles as f64 / elapsed.as_secs_f64() / 1e6;
    println!("figure {name}_millions_{threads}_threads_{conns}_sessions {millions:.3}");
}

fn on_threads(name: &str, threads: usize, conns: usize, cycle: impl Fn() + Sync) {
    let (stop, together) = (AtomicBool::new(false), Barrier::new(threads + 1));
    let (cycles, elapsed) = std::thread::scope(|s| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                s.spawn(|| {
                    together.wait();
                    let mut n = 0;
                    while !stop.load(Ordering::Relaxed) {
                        cycle();
                        n += 1;
                    }
                    n
                })
            })
            .collect();
        // Before the others set off: on few processors they may work for long before this thread goes on.
        let start = Instant::now();
        together.wait();
        std::thread::sleep(seconds());
        stop.store(true, Ordering::Relaxed);
        let elapsed = start.elapsed();
        (all.into_iter().map(|t| t.join().expect("no thread panics")).sum(), elapsed)
    });
    tell(name, threads, conns, cycles, elapsed);
}

/// `one` is a task that cycles until it is told to stop.
fn on_tasks<F>(name: &str, threads: usize, conns: usize, one: impl Fn(Arc<AtomicBool>) -> F)
where
    F: Future<Output = u64> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let tasks: Vec<_> = (0..threads).map(|_| tokio::spawn(one(stop.clone()))).collect();
    std::thread::sleep(seconds());
    stop.store(true, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let cycles = tasks.into_iter().map(cycles_of).sum();
    tell(name, threads, conns, cycles, elapsed);
}

fn cycles_of(task: tokio::task::JoinHandle<u64>) -> u64 {
    tokio::runtime::Handle::current().block_on(task).expect("no task panics")
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let _inside = runtime.enter();
    for (threads, conns) in SHAPES {
        let stack = bounds::Stack::new(conns);
        on_threads("bound_locked_stack", threads, conns, || stack.cycle());
        let slots = bounds::Slots::new(conns);
        on_threads("bound_slots", threads, conns, || slots.cycle());

        let pool = r2d2::Pool::builder().max_size(conns as u32).test_on_check_out(false).build(Nothing);
        let pool = pool.expect("nothing fails");
        on_threads("r2d2", threads, conns, || drop(pool.get().expect("nothing fails")));

        let pool: deadpool::managed::Pool<Nothing> =
            deadpool::managed::Pool::builder(Nothing).max_size(conns).build().expect("nothing is missing");
        on_tasks("deadpool", threads, conns, |stop| {
            let pool = pool.clone();
            async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    drop(pool.get().await.expect("nothing fails"));
                    n += 1;
                }
                n
            }
        });

        let pool = bb8::Pool::builder().max_size(conns as u32).test_on_check_out(false);
        let pool = runtime.block_on(pool.build(Nothing)).expect("nothing fails");
        on_tasks("bb8", threads, conns, |stop| {
            let pool = pool.clone();
            async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    drop(pool.get().await.expect("nothing fails"));
                    n += 1;
                }
                n
            }
        });
    }
}
