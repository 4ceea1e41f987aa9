//! What statements are found to be and how they are planned, as tables of statements, and properties.

mod captured;
mod keys;
mod kinds;
mod plans;
mod properties;
