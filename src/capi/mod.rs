//! The C border: `include/twinpool.h`.
//!
//! One file per noun. What is common to all calls lives in four of them: `handle` (tokens), `guard` (panics,
//! forks, callbacks), `args` (pointers in and out), `process` (which process this is).
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
#![allow(non_camel_case_types)]

mod handle;
mod process;
