//! What validated options become: plain fields in their inner form.

use std::fmt;
use std::time::Duration;

use super::secrets;
use crate::large::Spill;
use crate::link::LinkSettings;
use crate::twin::Isolation;

/// Everything a pool needs to know. Made by [`Options::validate`](super::Options::validate).
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    pub master: NodeSettings,
    pub mirror: NodeSettings,
    pub pool: PoolSettings,
    pub session: SessionSettings,
    pub mirror_mode: MirrorMode,
    /// How long the mirror may hold a transaction up.
    pub mirror_timeout: Duration,
    pub mirror_retry_min: Duration,
    pub mirror_retry_max: Duration,
    pub mirror_poll: Duration,
    pub replay: ReplaySettings,
    pub queue: QueueSettings,
    pub tables: TableSettings,
    pub on_unsafe: OnUnsafe,
    pub durability: Durability,
    pub schema_check: bool,
    /// How old may be what is known of a table and has no version.
    pub catalogue_age: Duration,
    pub resolve_timeout: Duration,
    pub verify_read_timeout: Duration,
    pub part_bytes: usize,
    pub spill: Spill,
    pub log: LogSettings,
}

/// How one node is reached and what its connections are like.
#[derive(Clone)]
pub struct NodeSettings {
    /// The whole connection string: user, password and properties are in it. Secret.
    pub connection: String,
    pub connect_timeout: Option<Duration>,
    pub call_timeout: Option<Duration>,
    pub lock_timeout: Option<Duration>,
    pub statement_cache: usize,
    pub durable: bool,
    pub init_sql: Vec<String>,
    pub validation: Validation,
}

impl NodeSettings {
    pub fn link(&self) -> LinkSettings {
        LinkSettings {
            // "None" is a limit far beyond any use: a connect without an end would keep its thread for ever.
            connect_timeout: self.connect_timeout.unwrap_or(Duration::from_secs(86_400)),
            call_timeout: self.call_timeout,
            lock_timeout: self.lock_timeout,
            durable: self.durable,
            create: false,
            statement_cache: self.statement_cache,
            init_sql: self.init_sql.clone(),
            ..LinkSettings::default()
        }
    }

    /// The connection string without its passwords.
    pub fn masked(&self) -> String {
        secrets::mask(&self.connection)
    }
}

impl fmt::Debug for NodeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeSettings")
            .field("connection", &self.masked())
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("statement_cache", &self.statement_cache)
            .field("durable", &self.durable)
            // Statements may hold secrets too (`SET ROLE … PASSWORD …`).
            .field("init_sql", &format_args!("{} statements", self.init_sql.len()))
            .field("validation", &self.validation)
            .finish()
    }
}

/// How a connection is asked whether it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validation {
    Driver,
    Query(String),
}

/// Size, times and habits of a pool. All but `initial`, `init_fail` and `suspension` can be changed while
/// it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSettings {
    pub name: String,
    pub min: usize,
    pub max: usize,
    pub initial: usize,
    pub acquire_timeout: Duration,
    /// Limit of one attempt to connect; `None`: none.
    pub connect_timeout: Option<Duration>,
    pub init_fail: InitFail,
    pub acquire_increment: usize,
    /// `None`: no limit but the acquire timeout.
    pub acquire_retries: Option<u32>,
    pub acquire_retry_delay: Duration,
    pub validation_timeout: Duration,
    pub alive_bypass: Duration,
    pub idle_timeout: Option<Duration>,
    /// 0 to 1: a session's idle timeout is longer by up to this part of it.
    pub idle_timeout_variation: f64,
    pub max_lifetime: Option<Duration>,
    pub keepalive: Option<Duration>,
    pub keeper_period: Duration,
    pub leak_threshold: Option<Duration>,
    pub suspension: bool,
    pub suspend_fail_fast: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        let mut options = super::Options::new();
        // The table's defaults are valid (a test says so); they only need two strings that differ.
        let _ = options.set("master", "DSN=master").and_then(|_| options.set("mirror", "DSN=mirror"));
        match options.validate() {
            Ok((settings, _)) => settings.pool,
            Err(e) => unreachable!("the defaults of the option table: {e}"),
        }
    }
}

/// What opening a pool does when its first session cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitFail {
    /// Try for this long, at least once; then fail.
    After(Duration),
    /// One attempt; open all the same when the database is away, fail when it refuses.
    OnlyIfRefused,
    /// Open at once, connect in the background.
    Background,
}

/// What sessions are like when they leave the pool, and when they are thrown away.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    pub isolation: Isolation,
    pub read_only: bool,
    /// `None`: what the connection string leads to.
    pub schema: Option<String>,
    pub evict: EvictRule,
}

/// The user's word on which SQLSTATEs end a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvictRule {
    /// States, or classes of two characters.
    pub evict: Vec<String>,
    pub keep: Vec<String>,
}

impl EvictRule {
    /// `Some(true)`: throw the session away; `Some(false)`: keep it; `None`: judge by the error's class.
    /// A whole state beats its class, and `keep` beats `evict`.
    pub fn decide(&self, sqlstate: &str) -> Option<bool> {
        let class = sqlstate.get(..2)?;
        for wanted in [sqlstate, class] {
            if self.keep.iter().any(|s| s == wanted) {
                return Some(false);
            }
            if self.evict.iter().any(|s| s == wanted) {
                return Some(true);
            }
        }
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorMode {
    Sync,
    Async,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnsafe {
    Refuse,
    Warn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    Force,
    Report,
}

#[derive(Clone, Debug)]
pub struct ReplaySettings {
    pub batch_entries: usize,
    pub batch_bytes: usize,
    pub drain_below: usize,
    pub suspend_timeout: Duration,
    pub reset_ids_above: u64,
}

/// How large the queue may grow; all can be changed while a pool runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// `None`: no limit.
    pub max_entries: Option<u64>,
    pub max_bytes: Option<u64>,
    pub max_age: Option<Duration>,
    pub beyond: Beyond,
}

/// What happens when the queue has grown beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    Warn,
    Refuse,
    Detach,
}

#[derive(Clone, Debug)]
pub struct TableSettings {
    pub create: bool,
    /// `None`: that of the connection.
    pub schema: Option<String>,
    pub prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    pub stderr: bool,
    pub level: log::LevelFilter,
}
