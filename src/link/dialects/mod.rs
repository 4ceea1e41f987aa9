//! What differs between the engines, one file each. Nothing outside this folder names an engine's quirks.

mod mariadb;
mod postgres;
mod sqlite;

/// The engines that are promised. Found from the driver's own answer (`SQL_DBMS_NAME`), not from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

/// An engine's ways.
pub trait Dialect: Send + Sync {
    fn engine(&self) -> Engine;
}
