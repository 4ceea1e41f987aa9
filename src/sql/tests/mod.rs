//! What statements are found to be and how they are planned, as tables of statements, and properties.

mod kinds;
mod plans;
mod properties;
