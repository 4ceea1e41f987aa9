//! Death and company: processes killed at any moment and at every step, several processes on one pair, lost
//! answers to COMMIT, and what all that leaves behind. `make test ONLY=death`; `TWINPOOL_ROUNDS=200` for more.

mod common;
mod killed;
mod leftovers;
mod load;
mod lost_answers;
mod order;
mod steps;
mod together;
mod worker;
mod workers;

/// Not a test: what other processes run. Those who wait for a killed process start this binary again.
#[test]
fn worker_process() {
    worker::main();
}
