//! Links on real servers: what every trap of the drivers does to us, which is nothing.

mod basics;
mod common;
mod values;
