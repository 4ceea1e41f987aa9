//! Looking after a pair: limits of the queue, databases that were put back, ids, versions, adopting, grants,
//! uninstalling. `make test ONLY=upkeep`.

#[path = "../death/common.rs"]
#[allow(dead_code)]
mod common;
mod ddl;
mod grants;
mod identities;
mod ids;
mod limits;
#[path = "../death/load.rs"]
#[allow(dead_code)]
mod load;
mod removal;
mod restored;
mod versions;
#[path = "../death/worker.rs"]
#[allow(dead_code)]
mod worker;
#[path = "../death/workers.rs"]
#[allow(dead_code)]
mod workers;

/// Not a test: what other processes run.
#[test]
fn worker_process() {
    worker::main();
}
