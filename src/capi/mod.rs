//! The C border: `include/twinpool.h`.
//!
//! One file per noun, or per thing that a noun does. What is common to all calls lives in four of them: `handle` (tokens), `guard` (panics,
//! forks, callbacks), `args` (pointers in and out), `process` (which process this is). An exported function
//! wraps its pointers by `args`, and does the rest inside the guard without `unsafe`.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
#![allow(non_camel_case_types)]

mod args;
mod block;
mod cancel;
mod conn;
mod connection;
mod constants;
#[cfg(test)]
mod documents;
mod errors;
mod events;
#[allow(dead_code)] // Some constants are for the header alone.
mod generated;
mod guard;
mod handle;
mod lending;
mod listing;
mod metrics;
mod mirror;
mod options;
mod pool;
mod process;
mod rows;
mod settings;
mod stmt;
mod streams;
mod transaction;
mod values;
mod version;
