//! Promise 4: the same values on both sides. `make test ONLY=values`.

mod captured;
mod changed;
#[path = "../main/common.rs"]
#[allow(dead_code)]
mod common;
mod context;
mod corpus;
mod random;
mod same;
mod statements;
mod together;
