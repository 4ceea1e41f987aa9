//! Links on real servers: what every trap of the drivers does to us, which is nothing.

mod basics;
mod batches;
mod catalogs;
mod common;
mod connecting;
mod driver_traps;
mod losses;
mod timeouts;
mod values;
