//! One error type for the whole library, and the one table of statuses behind `TWIN_…` in C and
//! `docs/errors.md`.

use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who an error record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Side {
    /// The library itself.
    Pool = 0,
    Master = 1,
    Mirror = 2,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Pool => "pool",
            Side::Master => "master",
            Side::Mirror => "mirror",
        })
    }
}

/// What a failure means for the connection and for whoever wants to try again. Judged by the engine's
/// dialect from SQLSTATE *and* native code, because no driver here can be trusted with only one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The node cannot be reached, or the connection to it is gone. Nothing was decided by the server.
    Unreachable,
    /// The server understood and said no: constraint, syntax, privilege, missing table.
    Refused,
    /// Deadlock, serialization failure, lock timeout, busy: the same transaction may succeed when repeated.
    Retryable,
    /// The server has run out of something an operator can give back: disk, memory, connections.
    Exhausted,
    /// The connection was lost while the answer to COMMIT was under way.
    OutcomeUnknown,
    /// A limit of ours or of the server's cut the call.
    TimedOut,
}

/// One diagnostic record of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Five characters, as the driver gave them.
    pub sqlstate: String,
    /// The driver's own number. Meaningless in psqlODBC, essential in SQLite.
    pub native: i32,
    pub message: String,
    pub side: Side,
    /// The ODBC function that failed, e.g. `SQLExecute`.
    pub function: &'static str,
}

macro_rules! statuses {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $cname:literal, $cause:literal, $cure:literal;)+) => {
        /// Every status that crosses the C border. 0 is success, positive is success with news, negative is
        /// an error: -1xx the caller, -2xx the pool and timeouts, -3xx the database, -4xx mirror and queue,
        /// -9xx internal. A number once used is never used for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum Status { $($(#[doc = $doc])+ $variant = $number,)+ }

        impl Status {
            /// Every status: (status, name in C, meaning, cause, cure). Drives `docs/errors.md`.
            pub const TABLE: &'static [(Status, &'static str, &'static str, &'static str, &'static str)] =
                &[$((Status::$variant, $cname, concat!($($doc),+), $cause, $cure),)+];
        }
    };
}

statuses! {
    /// Success.
    Ok = 0, "TWIN_OK", "", "";
    /// No more rows.
    Done = 1, "TWIN_DONE", "", "";
    /// The master has committed; the mirror's share waits in the queue.
    Queued = 2, "TWIN_QUEUED", "The mirror is away, behind, or `mirror.mode=async`.",
        "Nothing: the share is replayed in order when the mirror returns. Never repeat the work.";

    /// The master has committed, and the mirror will not get it: it was abandoned.
    Alone = 3, "TWIN_ALONE", "The queue grew beyond a limit with `queue.beyond=detach`.",
        "Nothing for this transaction. The pair needs a new copy: docs/guarantees.md, starting from a copy.";

    /// A handle is NULL, freed, of another kind, or was never made by this library.
    BadHandle = -101, "TWIN_ERR_HANDLE", "Use after free, or a value that is not a handle.", "Fix the caller.";
    /// An argument is out of its range: NULL where a value is needed, bad length, bad index.
    BadArgument = -102, "TWIN_ERR_ARGUMENT", "The message names the argument.", "Fix the caller.";
    /// Text is not valid UTF-8.
    BadUtf8 = -103, "TWIN_ERR_UTF8", "Text arguments are UTF-8.", "Convert the text before the call.";
    /// No such option, or a value that it does not take.
    BadOption = -104, "TWIN_ERR_OPTION", "The message names the option and the nearest known one.", "See docs/configuration.md.";
    /// The call does not fit the state: no transaction open, no result, already closed.
    BadState = -105, "TWIN_ERR_STATE", "Calls in the wrong order.", "See the function's description.";
    /// Another thread is inside this object.
    Busy = -106, "TWIN_ERR_BUSY", "Connections, statements and rows serve one thread at a time.", "Give each thread a connection of its own.";
    /// The pool was opened in another process (fork).
    Forked = -107, "TWIN_ERR_FORKED", "A handle inherited through fork cannot be used.", "Open a pool in the child.";
    /// The library cannot do this, or not on this engine.
    Unsupported = -108, "TWIN_ERR_UNSUPPORTED", "The message names what.", "See docs/guarantees.md.";
    /// The caller's buffer is too small for the text.
    BufferTooSmall = -109, "TWIN_ERR_BUFFER", "The length of the text was stored; nothing else was.", "Call again with a buffer of that length and one byte.";

    /// No session became free in time.
    AcquireTimeout = -201, "TWIN_ERR_ACQUIRE_TIMEOUT", "The pool is exhausted or the master is slow to connect; the message carries pool figures.", "Release sessions sooner, raise `pool.max` or `pool.acquire_timeout_ms`.";
    /// The pool is closed or closing.
    PoolClosed = -202, "TWIN_ERR_POOL_CLOSED", "`twin_pool_close` or `_free` was called.", "Open a new pool.";
    /// The pool is suspended and fails fast.
    PoolSuspended = -203, "TWIN_ERR_POOL_SUSPENDED", "`twin_pool_suspend` with fail-fast.", "`twin_pool_resume`.";
    /// A statement or commit did not come back within its limit.
    Timeout = -204, "TWIN_ERR_TIMEOUT", "`statement.timeout_ms` passed; the call was cut.", "Raise the limit or look at the server.";
    /// The call was cancelled.
    Cancelled = -205, "TWIN_ERR_CANCELLED", "A cancel token was used.", "";

    /// A database cannot be reached, or the connection was lost.
    Unreachable = -301, "TWIN_ERR_UNREACHABLE", "Server down, network, wrong address.", "The message names the side. The session may be used again after a rollback.";
    /// The database refused the statement; the records say why.
    Database = -302, "TWIN_ERR_DATABASE", "Constraint, syntax, privilege and the like.", "See the records: SQLSTATE, native code, driver's text.";
    /// The database rolled the work back for reasons of concurrency; it may be repeated.
    Retry = -303, "TWIN_ERR_RETRY", "Deadlock, serialization failure, lock timeout.", "Roll back and run the whole transaction again.";
    /// The connection was lost during COMMIT and the outcome could not be resolved in time.
    OutcomeUnknown = -304, "TWIN_ERR_OUTCOME_UNKNOWN", "The master could not be reached before the deadline.", "Look at the data before repeating the work.";
    /// The transaction has failed before; only a rollback is possible.
    TxFailed = -305, "TWIN_ERR_TX_FAILED", "An earlier error ended the transaction.", "Roll back.";
    /// Wrong user or password, or no such database.
    Login = -306, "TWIN_ERR_LOGIN", "The server answered and refused the login.", "Check the connection string.";
    /// The ODBC driver is missing.
    NoDriver = -307, "TWIN_ERR_NO_DRIVER", "The driver named in the connection string is not installed.", "Install the package that the message names.";
    /// The database is out of a resource: disk, memory, connections.
    Exhausted = -308, "TWIN_ERR_EXHAUSTED", "Disk full and the like.", "Make room.";

    /// The statement cannot be mirrored with the same effect, and `on_unsafe=refuse`.
    Unsafe = -401, "TWIN_ERR_UNSAFE", "The message says why and what to write instead.", "Rewrite the statement, or use the hint that the message names.";
    /// The mirror has diverged; an operator must decide.
    Diverged = -402, "TWIN_ERR_DIVERGED", "An entry was refused by the mirror or had another outcome there.", "See docs/guarantees.md, leaving diverged.";
    /// This process is fenced: its pool was removed, or the roles have changed.
    Fenced = -403, "TWIN_ERR_FENCED", "Another process removed this pool or promoted the mirror.", "Open the pool again.";
    /// The two connection strings do not lead to a pair.
    NotAPair = -404, "TWIN_ERR_NOT_A_PAIR", "Both lead to the same database, or identities, roles or schemas do not belong together.", "The message says which.";
    /// Our tables are missing, of another version, or cannot be made.
    Tables = -405, "TWIN_ERR_TABLES", "No right to create them, `tables.create=off`, or a newer library made them.", "The message says which.";
    /// The mirror cannot be reached and the call needs it.
    MirrorDown = -406, "TWIN_ERR_MIRROR_DOWN", "Verify and the first open of a pair need both databases.", "Bring the mirror up.";

    /// The queue is full and `queue.beyond=refuse`: writes are refused, reads go on.
    QueueFull = -407, "TWIN_ERR_QUEUE_FULL", "The mirror has been away for long; the message names the limit.", "Bring the mirror back, or raise the limit: it can be changed while the pool is open.";

    /// A bug in the library was caught at the border; the pool is poisoned.
    Panic = -901, "TWIN_ERR_PANIC", "A bug of ours.", "Report it with the message; open a new pool.";
    /// Something that cannot happen happened.
    Internal = -902, "TWIN_ERR_INTERNAL", "A bug of ours or of a driver.", "Report it with the message.";
}

impl Status {
    /// The name in C, e.g. `TWIN_QUEUED`.
    pub fn name(self) -> &'static str {
        Status::TABLE.iter().find(|r| r.0 == self).map_or("TWIN_ERR_INTERNAL", |r| r.1)
    }
}

/// An error: one line for people, and everything a program needs to decide what to do next.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: Status,
    class: Class,
    side: Side,
    message: String,
    records: Vec<Record>,
}

impl Error {
    /// An error of the library itself. `message` is one line, names the option or call, and blames nobody.
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        let class = match status {
            Status::Unreachable | Status::MirrorDown => Class::Unreachable,
            Status::Retry => Class::Retryable,
            Status::OutcomeUnknown => Class::OutcomeUnknown,
            Status::Timeout | Status::AcquireTimeout | Status::Cancelled => Class::TimedOut,
            Status::Exhausted => Class::Exhausted,
            _ => Class::Refused,
        };
        Error(Box::new(Inner {
            status,
            class,
            side: Side::Pool,
            message: message.into(),
            records: Vec::new(),
        }))
    }

    /// An error that a driver reported on `side`. The status follows from the class; [`Error::with_status`]
    /// refines it (login, missing driver).
    pub fn database(side: Side, class: Class, message: impl Into<String>, records: Vec<Record>) -> Error {
        let status = match class {
            Class::Unreachable => Status::Unreachable,
            Class::Refused => Status::Database,
            Class::Retryable => Status::Retry,
            Class::Exhausted => Status::Exhausted,
            Class::OutcomeUnknown => Status::OutcomeUnknown,
            Class::TimedOut => Status::Timeout,
        };
        Error(Box::new(Inner { status, class, side, message: message.into(), records }))
    }

    pub fn with_status(mut self, status: Status) -> Error {
        self.0.status = status;
        self
    }

    pub fn with_class(mut self, class: Class) -> Error {
        self.0.class = class;
        self
    }

    /// Puts what was being done in front of the message: `"open the pool: …"`.
    pub fn context(mut self, doing: impl fmt::Display) -> Error {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    pub fn status(&self) -> Status {
        self.0.status
    }
    pub fn class(&self) -> Class {
        self.0.class
    }
    pub fn side(&self) -> Side {
        self.0.side
    }
    pub fn message(&self) -> &str {
        &self.0.message
    }
    pub fn records(&self) -> &[Record] {
        &self.0.records
    }
    /// SQLSTATE of the first record; `""` where the library itself speaks.
    pub fn sqlstate(&self) -> &str {
        self.0.records.first().map_or("", |r| r.sqlstate.as_str())
    }
    /// True when the whole transaction may be repeated unchanged.
    pub fn retryable(&self) -> bool {
        self.0.class == Class::Retryable
    }
    pub fn outcome_unknown(&self) -> bool {
        self.0.class == Class::OutcomeUnknown
    }
    /// True when the connection it happened on is of no more use.
    pub fn is_lost(&self) -> bool {
        matches!(self.0.class, Class::Unreachable | Class::OutcomeUnknown)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
