//! The kind of a statement, from its tokens: the first words say what it is, and everything that may hide
//! a write further in is looked for.

use crate::link::Engine;
use crate::twin::Isolation;

use super::reads::{self, Verdict};
use super::scan::{Rules, Scan, TokenKind};
use super::split;

/// What a statement is to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but blanks, comments and semicolons.
    Empty,
    /// Writes nothing and locks nothing: not shipped, may run on either side. What views, rules and
    /// operators of the user's own making hide is not seen here.
    Read,
    /// Locks rows, tables or names and writes nothing: `SELECT … FOR UPDATE`, `LOCK TABLE`,
    /// `pg_advisory_lock()`. Runs on the master, in the transaction, and is not shipped: locks order what
    /// happens on the master, and the mirror follows that order.
    Lock,
    /// May write. [`super::Plan`] says how it is shipped.
    Write(Verb),
    /// Changes tables and other objects rather than rows.
    Ddl,
    /// Changes the state of the session rather than data.
    Session(SessionKind),
    Begin(Begin),
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    /// The name without quotes; folded to lower case where it had none.
    Savepoint(String),
    RollbackTo(String),
    Release(String),
    /// More than one statement in the text: [`super::split`] it.
    Multi,
}

impl Kind {
    /// Whether it belongs to transaction control, which the session does by calls of its own.
    pub fn is_transaction_control(&self) -> bool {
        use Kind::*;
        matches!(self, Begin(_) | Commit { .. } | Rollback { .. } | Savepoint(_) | RollbackTo(_) | Release(_))
    }
}

impl Kind {
    /// The kind of an `EXPLAIN ANALYZE` of this: what is no mere query cannot be taken apart any more.
    fn executed(self) -> Kind {
        match self {
            Kind::Read | Kind::Lock => self,
            _ => Kind::Write(Verb::Unknown),
        }
    }
}

/// What writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Insert,
    /// `REPLACE` of MariaDB and SQLite.
    Replace,
    Update,
    Delete,
    Merge,
    /// A query that may write: a function that is not known to read only, `INTO`, a write in a WITH.
    Select,
    /// A query that only draws numbers from sequences.
    Sequence,
    Call,
    /// `COPY`, `LOAD DATA`.
    Load,
    /// `VACUUM`, `ANALYZE`, `OPTIMIZE TABLE`: care of one node, of no concern to the other.
    Maintain,
    /// What cannot be understood.
    Unknown,
}

/// What of a session's state a statement changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// `SET name = …`, `RESET`.
    Set,
    /// `SET LOCAL`, `SET CONSTRAINTS`: until the transaction ends.
    SetLocal,
    /// `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`: isolation, read only.
    Transaction,
    /// MariaDB's `SET autocommit`.
    Autocommit(bool),
    /// MariaDB's `SET @x = …`, `SELECT … INTO @x`, `INTO OUTFILE`: never part of what is shipped, so of no concern to the mirror.
    Variable,
    /// `SET GLOBAL`, `ALTER SYSTEM`: a setting of one node.
    Server,
    /// `USE`, `SET search_path`, `SET SCHEMA`.
    Schema,
    /// `CREATE TEMPORARY TABLE` and kin. Plans made before may no longer hold: names can mean another table.
    TempTable,
    Pragma,
    /// `DECLARE`, `FETCH`, `MOVE`, `CLOSE`, `HANDLER`.
    Cursor,
    /// `PREPARE`, `DEALLOCATE`.
    Prepared,
    /// `LISTEN`, `UNLISTEN`, `NOTIFY`.
    Listen,
    /// `ATTACH`, `DETACH`.
    Attach,
    /// `DISCARD`, `RESET ALL`: undoes what the session layer has set up.
    Reset,
    /// MariaDB's `LOCK TABLES`, `UNLOCK TABLES`.
    LockTables,
}

/// What a `BEGIN` asks for; `None`: not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    pub isolation: Option<Isolation>,
    pub read_only: Option<bool>,
    pub mode: Option<BeginMode>,
}

/// SQLite's ways to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginMode {
    Deferred,
    Immediate,
    Exclusive,
}

/// The kind of a text and whether the engine ends the open transaction to run it.
pub(super) struct Classified {
    pub kind: Kind,
    pub commits: bool,
    pub alone: bool,
}

pub(super) fn classify(scan: &Scan, engine: Engine) -> Classified {
    if scan.broken || scan.executable_comment {
        return Classified { kind: Kind::Write(Verb::Unknown), commits: false, alone: false };
    }
    let mut kind = one_or_more(scan, engine);
    // Under another sql_mode the strings may end elsewhere. What is then broken the engine refuses.
    if kind == Kind::Read && scan.backslash {
        let other = Scan::with(scan.text, Rules::of(engine).other_backslash());
        if !other.broken && one_or_more(&other, engine) != Kind::Read {
            kind = Kind::Write(Verb::Unknown);
        }
    }
    let commits = engine == Engine::MariaDb && commits_implicitly(scan, &kind);
    let alone = runs_alone(scan, engine);
    Classified { kind, commits, alone }
}

fn one_or_more(scan: &Scan, engine: Engine) -> Kind {
    match split::statements(scan, engine).as_slice() {
        [] => Kind::Empty,
        [one] => {
            let s = Statement { scan, engine, from: one.start, to: one.end };
            s.kind()
        }
        _ => Kind::Multi,
    }
}

/// MariaDB commits what is open before it runs these (and after).
fn commits_implicitly(scan: &Scan, kind: &Kind) -> bool {
    match kind {
        Kind::Ddl | Kind::Begin(_) => true,
        Kind::Session(SessionKind::LockTables) => true,
        Kind::Session(SessionKind::Autocommit(on)) => *on,
        Kind::Write(Verb::Maintain) => !scan.is_any(0, &["KILL"]),
        _ => false,
    }
}

/// What the engine refuses inside a transaction.
fn runs_alone(scan: &Scan, engine: Engine) -> bool {
    let object = |i: usize| scan.is_any(i, &["DATABASE", "TABLESPACE", "SYSTEM", "SUBSCRIPTION"]);
    match engine {
        Engine::Postgres => {
            scan.is(0, "VACUUM")
                || (scan.is_any(0, &["CREATE", "DROP", "ALTER", "REINDEX"])
                    && object(1)
                    && !scan.is(2, "OWNED"))
                || (scan.is_any(0, &["CREATE", "DROP", "REINDEX"])
                    && (1..6).any(|i| scan.is(i, "CONCURRENTLY")))
                || (scan.is(0, "DISCARD") && scan.is(1, "ALL"))
                || (scan.is(0, "CLUSTER") && scan.len() == 1)
        }
        Engine::Sqlite => {
            scan.is_any(0, &["VACUUM", "ATTACH", "DETACH"])
                || (scan.is(0, "PRAGMA") && (1..4).any(|i| scan.is(i, "WAL_CHECKPOINT")))
        }
        Engine::MariaDb => false,
    }
}

/// One statement: the tokens `from..to`.
#[derive(Clone, Copy)]
pub(super) struct Statement<'s, 'a> {
    pub scan: &'s Scan<'a>,
    pub engine: Engine,
    pub from: usize,
    pub to: usize,
}

impl Statement<'_, '_> {
    fn is(&self, n: usize, keyword: &str) -> bool {
        self.from + n < self.to && self.scan.is(self.from + n, keyword)
    }

    fn is_any(&self, n: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|k| self.is(n, k))
    }

    fn len(&self) -> usize {
        self.to - self.from
    }

    /// Whether the keyword stands anywhere in the statement.
    fn has(&self, keyword: &str) -> bool {
        (self.from..self.to).any(|i| self.scan.is(i, keyword))
    }

    fn part(&self, from: usize) -> Self {
        Statement { from: (self.from + from).min(self.to), ..*self }
    }

    fn kind(&self) -> Kind {
        use Engine::*;
        let first = self.scan.str(self.from);
        if self.scan.kind(self.from) == Some(TokenKind::Punct(b'(')) {
            return self.query();
        }
        // `{call p(?)}`, `{? = call f(?)}`: whatever the driver makes of it, it calls something.
        if self.scan.punct(self.from, b'{') {
            return Kind::Write(if self.has("CALL") { Verb::Call } else { Verb::Unknown });
        }
        if self.scan.kind(self.from) != Some(TokenKind::Word) || first.len() > 16 {
            return Kind::Write(Verb::Unknown);
        }
        let mut upper = [0u8; 16];
        let upper = uppercase(first, &mut upper);
        match (upper, self.engine) {
            ("SELECT" | "WITH" | "VALUES", _) | ("TABLE", Postgres | MariaDb) => self.query(),
            ("INSERT", _) => Kind::Write(Verb::Insert),
            ("UPDATE", _) => Kind::Write(Verb::Update),
            ("DELETE", _) => Kind::Write(Verb::Delete),
            ("REPLACE", _) => Kind::Write(Verb::Replace),
            ("MERGE", _) => Kind::Write(Verb::Merge),
            ("CALL", _) => Kind::Write(Verb::Call),
            ("COPY", Postgres) => Kind::Write(Verb::Load),
            ("DO", Postgres) => Kind::Write(Verb::Call),
            ("DO", MariaDb) => self.part(1).query(),
            ("EXECUTE", _) => Kind::Write(Verb::Call),

            ("BEGIN", _) => self.begin(1),
            ("START", Postgres | MariaDb) if self.is(1, "TRANSACTION") => self.begin(2),
            ("COMMIT", _) | ("END", Postgres | Sqlite) => self.end(false),
            ("ROLLBACK", _) | ("ABORT", Postgres) => self.end(true),
            ("SAVEPOINT", _) => self.named(1, Kind::Savepoint),
            ("RELEASE", _) => self.named(1 + usize::from(self.is(1, "SAVEPOINT")), Kind::Release),

            ("EXPLAIN", _) | ("DESCRIBE" | "DESC", MariaDb) => self.explain(),
            ("SHOW", Postgres | MariaDb) => Kind::Read,
            ("HELP", MariaDb) => Kind::Read,
            ("CHECKSUM", MariaDb) if self.is_any(1, &["TABLE", "TABLES"]) => Kind::Read,
            ("PRAGMA", Sqlite) => self.pragma(),

            ("CREATE", _) => self.create(),
            ("DROP", MariaDb) if self.is(1, "TEMPORARY") => Kind::Session(SessionKind::TempTable),
            ("DROP", MariaDb) if self.is(1, "PREPARE") => Kind::Session(SessionKind::Prepared),
            ("ALTER", Postgres) if self.is(1, "SYSTEM") => Kind::Session(SessionKind::Server),
            ("DROP" | "ALTER" | "COMMENT", _) => Kind::Ddl,
            ("TRUNCATE" | "GRANT" | "REVOKE", Postgres | MariaDb) => Kind::Ddl,
            ("RENAME", MariaDb) => Kind::Ddl,
            ("REASSIGN" | "SECURITY" | "REFRESH", Postgres) => Kind::Ddl,

            ("VACUUM" | "ANALYZE" | "REINDEX", Postgres | Sqlite) | ("CLUSTER" | "CHECKPOINT", Postgres) => {
                Kind::Write(Verb::Maintain)
            }
            ("ANALYSE", Postgres) => Kind::Write(Verb::Maintain),
            ("ANALYZE", MariaDb) => self.analyze_mariadb(),
            ("OPTIMIZE" | "REPAIR" | "CHECK" | "FLUSH" | "RESET" | "KILL" | "CACHE" | "PURGE", MariaDb) => {
                Kind::Write(Verb::Maintain)
            }
            ("LOAD", MariaDb) if self.is(1, "INDEX") => Kind::Write(Verb::Maintain),
            ("LOAD", MariaDb) => Kind::Write(Verb::Load),

            ("SET", Postgres) => self.set_postgres(),
            ("SET", MariaDb) => self.set_mariadb(),
            ("RESET", Postgres) => Kind::Session(match self.is(1, "ALL") {
                true => SessionKind::Reset,
                false => SessionKind::Set,
            }),
            ("DISCARD", Postgres) => Kind::Session(SessionKind::Reset),
            ("USE", MariaDb) => Kind::Session(SessionKind::Schema),
            ("DECLARE", Postgres) => self.declare(),
            ("FETCH" | "MOVE" | "CLOSE", Postgres) | ("HANDLER", MariaDb) => {
                Kind::Session(SessionKind::Cursor)
            }
            ("PREPARE", Postgres) if self.is(1, "TRANSACTION") => Kind::Write(Verb::Unknown),
            ("PREPARE", Postgres | MariaDb) => Kind::Session(SessionKind::Prepared),
            ("DEALLOCATE", Postgres | MariaDb) => Kind::Session(SessionKind::Prepared),
            ("LISTEN" | "UNLISTEN" | "NOTIFY", Postgres) => Kind::Session(SessionKind::Listen),
            ("ATTACH" | "DETACH", Sqlite) => Kind::Session(SessionKind::Attach),
            ("LOCK", Postgres) => Kind::Lock,
            ("LOCK" | "UNLOCK", MariaDb) => Kind::Session(SessionKind::LockTables),
            _ => Kind::Write(Verb::Unknown),
        }
    }

    fn query(&self) -> Kind {
        match reads::verdict(*self) {
            Verdict::Read => Kind::Read,
            Verdict::Lock => Kind::Lock,
            Verdict::Sequence => Kind::Write(Verb::Sequence),
            Verdict::Variable => Kind::Session(SessionKind::Variable),
            Verdict::Writes(verb) => Kind::Write(verb),
        }
    }

    /// `BEGIN …`, `START TRANSACTION …`, the words from `n` on.
    fn begin(&self, n: usize) -> Kind {
        let mut begin = Begin::default();
        let mut i = n;
        while self.from + i < self.to {
            let (isolation, words) = match () {
                _ if self.is(i, "ISOLATION") && self.is(i + 1, "LEVEL") => match () {
                    _ if self.is(i + 2, "SERIALIZABLE") => (Some(Isolation::Serializable), 3),
                    _ if self.is(i + 2, "REPEATABLE") => (Some(Isolation::RepeatableRead), 4),
                    _ if self.is(i + 2, "READ") => (Some(Isolation::ReadCommitted), 4),
                    _ => return Kind::Write(Verb::Unknown),
                },
                _ => (None, 0),
            };
            if isolation.is_some() {
                begin.isolation = isolation;
                i += words;
            } else if self.is(i, "READ") && self.is_any(i + 1, &["ONLY", "WRITE"]) {
                begin.read_only = Some(self.is(i + 1, "ONLY"));
                i += 2;
            } else if self.is_any(i, &["DEFERRED", "IMMEDIATE", "EXCLUSIVE"]) && self.engine == Engine::Sqlite
            {
                begin.mode = Some(match () {
                    _ if self.is(i, "DEFERRED") => BeginMode::Deferred,
                    _ if self.is(i, "IMMEDIATE") => BeginMode::Immediate,
                    _ => BeginMode::Exclusive,
                });
                i += 1;
            } else if self.is_any(i, &["WORK", "TRANSACTION"]) || self.scan.punct(self.from + i, b',') {
                i += 1;
            } else if self.is(i, "NOT") && self.is(i + 1, "DEFERRABLE") && self.engine == Engine::Postgres {
                i += 2;
            } else if self.is(i, "DEFERRABLE") && self.engine == Engine::Postgres {
                i += 1;
            } else if self.is(i, "WITH") && self.is(i + 1, "CONSISTENT") && self.is(i + 2, "SNAPSHOT") {
                begin.isolation = Some(Isolation::RepeatableRead);
                i += 3;
            } else {
                // BEGIN NOT ATOMIC and whatever else begins so.
                return Kind::Write(Verb::Unknown);
            }
        }
        Kind::Begin(begin)
    }

    /// `COMMIT`, `END`, `ROLLBACK`, `ABORT`.
    fn end(&self, back: bool) -> Kind {
        let mut i = 1 + usize::from(self.is_any(1, &["WORK", "TRANSACTION"]));
        if back && self.is(i, "TO") {
            i += 1 + usize::from(self.is(i + 1, "SAVEPOINT"));
            return self.named(i, Kind::RollbackTo);
        }
        let mut chain = false;
        if self.is(i, "AND") {
            chain = self.is(i + 1, "CHAIN");
            i += if chain { 2 } else { 3 };
        }
        if self.engine == Engine::MariaDb && self.is(i, "NO") && self.is(i + 1, "RELEASE") {
            i += 2;
        }
        // Also COMMIT PREPARED, COMMIT AND … RELEASE.
        if self.len() != i {
            return Kind::Write(Verb::Unknown);
        }
        if back { Kind::Rollback { chain } } else { Kind::Commit { chain } }
    }

    fn named(&self, n: usize, kind: fn(String) -> Kind) -> Kind {
        let named = matches!(self.scan.kind(self.from + n), Some(TokenKind::Word | TokenKind::Quoted));
        if self.len() == n + 1 && named {
            kind(self.scan.name(self.from + n))
        } else {
            Kind::Write(Verb::Unknown)
        }
    }

    /// `EXPLAIN` runs nothing, unless it is told to.
    fn explain(&self) -> Kind {
        let mut i = 1;
        if self.engine == Engine::Postgres && self.scan.punct(self.from + 1, b'(') {
            i = self.scan.after_parens(self.from + 1).saturating_sub(self.from);
        }
        // The options end where the statement begins.
        const BEGINS: [&str; 9] =
            ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "VALUES", "TABLE"];
        while self.from + i < self.to && !self.is_any(i, &BEGINS) && !self.scan.punct(self.from + i, b'(') {
            i += 1;
        }
        let options = self.from + 1..(self.from + i).min(self.to);
        let runs = options.clone().any(|j| self.scan.is_any(j, &["ANALYZE", "ANALYSE"]));
        let statement = self.part(i);
        if !runs && (self.engine != Engine::MariaDb || statement.len() == 0) {
            return Kind::Read;
        }
        // MariaDB may run subqueries in FROM to explain what is around them.
        match statement.kind_or_unknown() {
            kind if runs => kind.executed(),
            Kind::Write(Verb::Select | Verb::Sequence | Verb::Unknown | Verb::Call) => {
                Kind::Write(Verb::Unknown)
            }
            _ => Kind::Read,
        }
    }

    /// `ANALYZE TABLE t` cares for a table, `ANALYZE SELECT …` runs a statement.
    fn analyze_mariadb(&self) -> Kind {
        let mut i = 1;
        if self.is(i, "FORMAT") {
            i += 3;
        }
        if self.is_any(i, &["TABLE", "TABLES", "NO_WRITE_TO_BINLOG", "LOCAL"]) {
            return Kind::Write(Verb::Maintain);
        }
        self.part(i).kind_or_unknown().executed()
    }

    fn create(&self) -> Kind {
        let mut i = 1;
        if self.is(i, "OR") && self.is(i + 1, "REPLACE") {
            i += 2;
        }
        if self.is_any(i, &["GLOBAL", "LOCAL"]) {
            i += 1;
        }
        if self.is_any(i, &["TEMP", "TEMPORARY"]) {
            return match self.has("SELECT") || self.has("EXECUTE") {
                // The query that fills it may write.
                true => match reads::verdict(self.part(i)) {
                    Verdict::Writes(_) | Verdict::Sequence if !self.is(i + 1, "TRIGGER") => {
                        Kind::Write(Verb::Unknown)
                    }
                    _ => Kind::Session(SessionKind::TempTable),
                },
                false => Kind::Session(SessionKind::TempTable),
            };
        }
        Kind::Ddl
    }

    fn declare(&self) -> Kind {
        match self.query() {
            Kind::Read => Kind::Session(SessionKind::Cursor),
            other => other,
        }
    }

    fn set_postgres(&self) -> Kind {
        let mut i = 1;
        let local = self.is(i, "LOCAL");
        if local || self.is(i, "SESSION") {
            i += 1;
        }
        Kind::Session(match () {
            _ if self.is(i, "CHARACTERISTICS") || self.is(i, "TRANSACTION") => SessionKind::Transaction,
            _ if self.is_any(i, &["TRANSACTION_ISOLATION", "TRANSACTION_READ_ONLY"]) => {
                SessionKind::Transaction
            }
            _ if self.is_any(i, &["DEFAULT_TRANSACTION_ISOLATION", "DEFAULT_TRANSACTION_READ_ONLY"]) => {
                SessionKind::Transaction
            }
            _ if self.is(i, "CONSTRAINTS") || local => SessionKind::SetLocal,
            _ if self.is_any(i, &["SEARCH_PATH", "SCHEMA"]) => SessionKind::Schema,
            _ => SessionKind::Set,
        })
    }

    fn set_mariadb(&self) -> Kind {
        if self.is(1, "STATEMENT") {
            // SET STATEMENT name = value, … FOR statement
            let mut i = 2;
            while i < self.len() && !self.is(i, "FOR") {
                i += 1;
            }
            return match self.part(i + 1).kind_or_unknown() {
                Kind::Read => Kind::Read,
                _ => Kind::Write(Verb::Unknown),
            };
        }
        if self.is(1, "PASSWORD") || self.is(1, "DEFAULT") || self.is(1, "ROLE") {
            return if self.is(1, "ROLE") { Kind::Session(SessionKind::Set) } else { Kind::Ddl };
        }
        // The values are expressions, and a function in them can write.
        match reads::verdict(self.part(1)) {
            Verdict::Writes(_) | Verdict::Sequence => return Kind::Write(Verb::Unknown),
            Verdict::Read | Verdict::Lock | Verdict::Variable => {}
        }
        let mut i = 1;
        let global = self.is_any(i, &["GLOBAL", "PERSIST"]) || self.is_any(i, &["@@GLOBAL"]);
        if self.is_any(i, &["SESSION", "LOCAL", "GLOBAL"]) {
            i += 1;
        }
        let single = !(self.from..self.to).any(|j| self.scan.punct(j, b','));
        let name = self.scan.str(self.from + i);
        let variables = self.assigned().iter().all(|&j| {
            let s = self.scan.str(j);
            s.starts_with('@') && !s.starts_with("@@")
        });
        Kind::Session(match () {
            _ if self.is(i, "TRANSACTION") => SessionKind::Transaction,
            _ if variables => SessionKind::Variable,
            _ if global => SessionKind::Server,
            _ if single && ["AUTOCOMMIT", "@@AUTOCOMMIT"].iter().any(|a| name.eq_ignore_ascii_case(a)) => {
                let last = self.scan.str(self.to - 1);
                match last {
                    "1" => SessionKind::Autocommit(true),
                    "0" => SessionKind::Autocommit(false),
                    _ if self.scan.is_any(self.to - 1, &["ON", "TRUE"]) => SessionKind::Autocommit(true),
                    _ if self.scan.is_any(self.to - 1, &["OFF", "FALSE"]) => SessionKind::Autocommit(false),
                    _ => return Kind::Write(Verb::Unknown),
                }
            }
            // Hidden among other settings, what it means for the transaction would be missed.
            _ if self.assigned().iter().any(|&j| self.scan.is_any(j, &["AUTOCOMMIT"]))
                || self.autocommit() =>
            {
                return Kind::Write(Verb::Unknown);
            }
            _ => SessionKind::Set,
        })
    }

    fn autocommit(&self) -> bool {
        (self.from..self.to).any(|j| self.scan.str(j).to_ascii_lowercase().contains("autocommit"))
    }

    /// What stands to the left of the assignments of MariaDB's `SET a = 1, @b = 2`.
    fn assigned(&self) -> Vec<usize> {
        let mut out = vec![self.from + 1];
        let mut depth = 0usize;
        for j in self.from + 1..self.to {
            match self.scan.kind(j) {
                Some(TokenKind::Punct(b'(')) => depth += 1,
                Some(TokenKind::Punct(b')')) => depth = depth.saturating_sub(1),
                Some(TokenKind::Punct(b',')) if depth == 0 => out.push(j + 1),
                _ => {}
            }
        }
        out
    }

    fn kind_or_unknown(&self) -> Kind {
        if self.len() == 0 { Kind::Write(Verb::Unknown) } else { self.kind() }
    }

    /// <https://www.sqlite.org/pragma.html>
    fn pragma(&self) -> Kind {
        let mut i = 1;
        if self.scan.punct(self.from + i + 1, b'.') {
            i += 2;
        }
        let name = self.scan.name(self.from + i);
        let given = self.len() > i + 1;
        match name.as_str() {
            "table_info" | "table_xinfo" | "table_list" | "index_list" | "index_info" | "index_xinfo"
            | "foreign_key_list" | "foreign_key_check" | "integrity_check" | "quick_check"
            | "database_list" | "collation_list" | "function_list" | "module_list" | "pragma_list"
            | "compile_options" | "freelist_count" | "page_count" | "data_version" | "stats" => Kind::Read,
            "incremental_vacuum" | "wal_checkpoint" | "optimize" | "shrink_memory" => {
                Kind::Write(Verb::Maintain)
            }
            "writable_schema" | "schema_version" | "default_cache_size" if given => {
                Kind::Write(Verb::Unknown)
            }
            // Kept in the file, next to the data.
            "user_version" | "application_id" if given => Kind::Ddl,
            _ if given => Kind::Session(SessionKind::Pragma),
            _ => Kind::Read,
        }
    }
}

/// The word in upper case, in a buffer of the caller's. Words with other letters are given back as they are.
pub(super) fn uppercase<'b>(word: &str, buffer: &'b mut [u8; 16]) -> &'b str {
    let n = word.len().min(buffer.len());
    for (to, from) in buffer.iter_mut().zip(word.bytes()) {
        *to = from.to_ascii_uppercase();
    }
    std::str::from_utf8(&buffer[..n]).unwrap_or("")
}
