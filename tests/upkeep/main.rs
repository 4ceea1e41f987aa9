//! Looking after a pair: limits of the queue, databases that were put back, ids, versions, adopting, grants,
//! uninstalling. `make test ONLY=upkeep`.

#[path = "../death/common.rs"]
#[allow(dead_code)]
mod common;
mod limits;
