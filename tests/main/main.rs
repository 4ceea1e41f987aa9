//! The main job, end to end: one process on a pair, the mirror away and back. `make test ONLY=main`.

mod bad_input;
mod both_sides;
mod common;
mod disk_full;
mod driver;
mod load;
mod outages;
mod sessions;
