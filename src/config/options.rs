//! The one table of options. Parsing, defaults, ranges, suggestions, masking, environment names and
//! `docs/configuration.md` all come from here.

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    /// A connection string: what `PWD=` and its like hold is masked when it is shown.
    Connection,
    /// Masked as a whole when it is shown.
    Secret,
    /// `on` or `off`.
    Switch,
    /// A whole number.
    Number {
        min: u64,
        max: u64,
    },
    /// Milliseconds. Where `off` is true, 0 means "never" or "none" and lies outside the range.
    Millis {
        min: u64,
        max: u64,
        off: bool,
    },
    /// As `Millis`, and -1 has a meaning of its own.
    MillisOrMinus1 {
        max: u64,
    },
    /// Bytes; `KiB` and `MiB` are understood.
    Bytes {
        min: u64,
        max: u64,
    },
    /// A part of 1.
    Fraction {
        min: f64,
        max: f64,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// SQLSTATEs or their two-character classes, separated by commas; `!` in front of one excludes it.
    Sqlstates,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub kind: Kind,
    /// The value when nothing is set. Empty: none, or what the description says.
    pub default: &'static str,
    /// Can be changed while the pool is open.
    pub live: bool,
    /// The version that brought it.
    pub since: &'static str,
    pub description: &'static str,
}

impl Row {
    /// The environment variable that sets it: `TWINPOOL_MIRROR_MODE` for `mirror.mode`.
    pub fn env(&self) -> String {
        format!("TWINPOOL_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// The row of an option. Names are exact; `master.connection` and `mirror.connection` are other ways of
/// writing `master` and `mirror`, because TOML cannot give a name both a text and a table.
pub fn find(name: &str) -> Option<&'static Row> {
    let name = match name {
        "master.connection" => "master",
        "mirror.connection" => "mirror",
        other => other,
    };
    TABLE.iter().find(|r| r.name == name)
}

const DAY: u64 = 86_400_000;

const fn ms(min: u64, max: u64) -> Kind {
    Kind::Millis { min, max, off: false }
}

/// Milliseconds where 0 switches the thing off.
const fn ms_or_off(min: u64, max: u64) -> Kind {
    Kind::Millis { min, max, off: true }
}

const fn row(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Row {
    Row { name, kind, default, live: false, since: "0.1", description }
}

impl Row {
    const fn live(self) -> Row {
        Row { live: true, ..self }
    }
}

use Kind::*;

/// Every option, in the order of the documentation: a name's first part is its section.
pub static TABLE: &[Row] = &[
    row("master", Connection, "", "ODBC connection string of the master. Required."),
    row("mirror", Connection, "", "ODBC connection string of the mirror. Required."),
    row("name", Text, "twinpool", "Name of the pool in logs, errors and metrics."),
    row("on_unsafe", Choice(&["refuse", "warn"]), "refuse",
        "What happens to a statement that cannot be mirrored with the same effect: it is refused, or it runs and is reported."),
    row("durability", Choice(&["force", "report"]), "force",
        "Whether durable commits are forced on both nodes where an application or a server has lowered them, or only reported."),
    row("schema_check", Switch, "on",
        "Compare the tables of master and mirror when the pool opens."),
    row("catalogue.max_age_ms", ms(0, DAY), "1000",
        "MariaDB: for how long a trigger that somebody else makes may go unnoticed; nothing cheap tells of it there. 0: every commit asks. All else that is known of tables is checked at every commit, on every engine."),

    row("master.user", Text, "", "User name, added to the connection string as `UID`. Changed, it counts for new connections; `twin_pool_evict` renews the others.").live(),
    row("master.password", Secret, "", "Password, added to the connection string as `PWD`. Changed as `master.user` is.").live(),
    row("master.properties", Connection, "", "Further attributes for the end of the connection string, `Key=value;Key=value`."),
    row("master.connect_timeout_ms", ms_or_off(10, DAY), "", "`pool.connect_timeout_ms` for the master alone."),
    row("master.init_sql", Text, "", "`pool.init_sql` for the master alone."),
    row("master.validation_query", Text, "", "`pool.validation_query` for the master alone."),

    row("mirror.user", Text, "", "User name, added to the connection string as `UID`. Changed as `master.user` is.").live(),
    row("mirror.password", Secret, "", "Password, added to the connection string as `PWD`. Changed as `master.user` is.").live(),
    row("mirror.properties", Connection, "", "Further attributes for the end of the connection string, `Key=value;Key=value`."),
    row("mirror.connect_timeout_ms", ms_or_off(10, DAY), "", "`pool.connect_timeout_ms` for the mirror alone."),
    row("mirror.init_sql", Text, "", "`pool.init_sql` for the mirror alone."),
    row("mirror.validation_query", Text, "", "`pool.validation_query` for the mirror alone."),
    row("mirror.mode", Choice(&["sync", "async"]), "sync",
        "`sync`: a commit reaches both before it returns. `async`: it returns after the master's commit, and the queue feeds the mirror."),
    row("mirror.timeout_ms", ms(10, DAY), "2000",
        "How long the mirror may hold a transaction up before the transaction goes on without it and its share is queued."),
    row("mirror.retry_min_ms", ms(1, DAY), "200", "First pause between attempts to reach a lost mirror; it doubles up to `mirror.retry_max_ms`."),
    row("mirror.retry_max_ms", ms(1, DAY), "10000", "Longest pause between attempts to reach a lost mirror."),
    row("mirror.poll_ms", ms(10, DAY), "500", "How often a pool looks at the state of the pair that other processes may have changed."),

    row("pool.min", Number { min: 0, max: 10_000 }, "",
        "Sessions kept open, in use or not. Default: as `pool.max`, a pool of fixed size. (HikariCP counts idle ones only.)").live(),
    row("pool.max", Number { min: 1, max: 10_000 }, "10", "Most sessions, in use or not. A session is a connection to the master and, while the mirror is in step, one to the mirror.").live(),
    row("pool.initial", Number { min: 0, max: 10_000 }, "1",
        "Sessions that are there when opening the pool returns; the others up to `pool.min` follow in the background."),
    row("pool.acquire_timeout_ms", ms(0, DAY), "30000", "How long an acquire waits for a session unless the call says otherwise. 0: not at all.").live(),
    row("pool.connect_timeout_ms", ms_or_off(10, DAY), "5000", "Limit of one attempt to connect, login included. 0: none.").live(),
    row("pool.init_fail_timeout_ms", MillisOrMinus1 { max: DAY }, "1",
        "How long opening the pool tries to get its first session before it fails; one attempt is always made. 0: one attempt, and the pool opens all the same when the database is away (not when it refuses). -1: the pool opens at once and connects in the background."),
    row("pool.acquire_increment", Number { min: 1, max: 1_000 }, "1",
        "Sessions opened side by side while callers wait and all others are in use.").live(),
    row("pool.acquire_retries", Number { min: 0, max: 1_000_000 }, "0",
        "Failed attempts to connect, in a row, after which waiting callers get the driver's error instead of waiting on. 0: they wait until their timeout.").live(),
    row("pool.acquire_retry_delay_ms", ms(1, DAY), "100", "Pause after a failed attempt to connect; it doubles with each further one, up to 2 s or this value if that is longer.").live(),
    row("pool.validation", Choice(&["driver", "query"]), "driver", "How a session is asked whether it lives: by the driver's own means or by `pool.validation_query`."),
    row("pool.validation_query", Text, "", "The query for `pool.validation=query`; naming one selects that."),
    row("pool.validation_timeout_ms", ms(10, DAY), "5000", "Limit of one validation. At most half of `pool.acquire_timeout_ms` is used.").live(),
    row("pool.alive_bypass_ms", ms(0, DAY), "500", "A session used this recently is trusted without validation. 0: always validate.").live(),
    row("pool.idle_timeout_ms", ms_or_off(100, 365 * DAY), "600000", "An idle session above `pool.min` is closed after this time, never earlier. 0: never.").live(),
    row("pool.idle_timeout_variation", Fraction { min: 0.0, max: 1.0 }, "0.025",
        "Each session's idle timeout is longer by a random part of it up to this one, so that they do not all go together.").live(),
    row("pool.max_lifetime_ms", ms_or_off(100, 365 * DAY), "1800000",
        "A session is replaced at this age, or up to 2.5 % sooner so that they do not all go together; never while it is in use. 0: never.").live(),
    row("pool.keepalive_ms", ms_or_off(50, 365 * DAY), "120000", "An idle session is validated this long after its last use or validation. 0: never.").live(),
    row("pool.keeper_period_ms", ms(10, DAY), "30000", "How often the keeper looks for idle, old and missing sessions. It looks more often when a shorter limit above asks for it.").live(),
    row("pool.leak_threshold_ms", ms_or_off(50, 365 * DAY), "0", "A session out for longer than this is reported as a suspected leak, with where it was acquired. 0: never.").live(),
    row("pool.init_sql", Text, "", "Statements run on each new connection, separated by `;`."),
    row("pool.isolation", Choice(&["read_committed", "repeatable_read", "serializable"]), "read_committed", "Isolation of sessions as they leave the pool."),
    row("pool.schema", Text, "", "Schema (PostgreSQL) or database (MariaDB) of sessions as they leave the pool. Empty: what the connection string leads to."),
    row("pool.read_only", Switch, "off", "Sessions leave the pool read-only."),
    row("pool.suspension", Switch, "on", "Whether the pool may be suspended."),
    row("pool.suspend_fail_fast", Switch, "off", "While the pool is suspended, an acquire fails at once instead of waiting for its timeout.").live(),
    row("pool.evict_sqlstates", Sqlstates, "", "SQLSTATEs (or their first two characters) after which a session is thrown away at release, beside those known to mean a lost connection; `57,!57014` excepts one of a class."),

    row("statement.timeout_ms", ms_or_off(1, DAY), "0", "Limit of one call to a database; past it the call is cut and its connection lost. 0: none."),
    row("statement.lock_timeout_ms", ms_or_off(1, DAY), "0", "How long a statement waits for a lock. 0: as the database decides (SQLite: 5000)."),
    row("statement.cache", Number { min: 0, max: 10_000 }, "64", "Prepared statements kept per connection."),

    row("replay.batch_entries", Number { min: 1, max: 100_000 }, "500", "Most queued transactions replayed in one transaction of the mirror."),
    row("replay.batch_bytes", Bytes { min: 1024, max: 1 << 30 }, "1MiB", "Most bytes of queued transactions replayed in one transaction of the mirror."),
    row("replay.drain_below", Number { min: 0, max: 1_000_000 }, "100", "Queued transactions left when replay suspends writers to catch up for good."),
    row("replay.suspend_timeout_ms", ms(10, DAY), "1000", "Longest time writers are suspended for the end of a replay; past it they go on and it is tried again."),

    row("replay.reset_ids_above", Number { min: 1, max: 1 << 62 }, "1000000000000000", "Number of an entry above which the end of a replay lets the queue's numbers begin at 1 again."),

    row("queue.max_entries", Number { min: 0, max: 1 << 40 }, "0", "Rows in the queue above which `queue.beyond` happens. 0: no limit.").live(),
    row("queue.max_bytes", Bytes { min: 0, max: 1 << 50 }, "0", "Bytes of payload in the queue above which `queue.beyond` happens. 0: no limit.").live(),
    row("queue.max_age_ms", ms_or_off(100, 365 * DAY), "0", "Age of the queue's oldest entry above which `queue.beyond` happens. 0: no limit.").live(),
    row("queue.beyond", Choice(&["warn", "refuse", "detach"]), "warn",
        "Beyond a limit: `warn` logs it once and goes on; `refuse` refuses writes with `TWIN_ERR_QUEUE_FULL` until replay has made room, reads go on; `detach` abandons the mirror: nothing is queued any more, and only a new copy leads back. Any pool of the pair that has set it does it for all.").live(),

    row("commit.resolve_timeout_ms", ms(1, DAY), "10000", "How long a commit whose answer was lost asks the master for its outcome before it reports the outcome as unknown."),
    row("verify.read_timeout_ms", ms(1, DAY), "300000", "How long `verify` waits for a database's next rows before it gives up. The first rows of a large table come only when it is sorted."),
    row("pending.part_bytes", Bytes { min: 1024, max: 1 << 30 }, "1MiB", "A transaction's record above this size is stored in parts of it."),

    row("value.spill_bytes", Bytes { min: 1024, max: 1 << 31 }, "1MiB", "A value above this size is kept in a temporary file and not in memory while it is on its way to a database or read from one."),
    row("value.spill_folder", Text, "", "Where these files are. They have no names, and nobody else can open them. Empty: what the variable `TMPDIR` names, or `/var/tmp`."),

    row("tables.create", Switch, "on", "Create twinpool's own tables when they are missing."),
    row("tables.schema", Text, "", "Schema (PostgreSQL) or database (MariaDB) of twinpool's own tables. Empty: that of the connection."),
    row("tables.prefix", Text, "", "Text in front of the names of twinpool's own tables."),

    row("log.stderr", Switch, "off", "Write log records to standard error. The variable `TWINPOOL_LOG` (a level, or `module=level,…`) does the same."),
    row("log.level", Choice(&["off", "error", "warn", "info", "debug", "trace"]), "warn", "Least important level that is logged. From `info` up a place in the code gives at most 10 records a second; the next one tells how many were left out."),
];
