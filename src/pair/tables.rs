//! Our own tables: their names, their DDL, and every statement of the protocol on them, per engine.
//!
//! Both nodes carry all tables, so that a role is data and not a place. Which rows matter where:
//! master: `twin_pending`, `twin_pending_part`, `invocation_queue`, `twin_guard`, `twin_pool`,
//! `twin_quarantine`; mirror: `twin_applied`, `twin_replayer`; both: `twin_state`.

use crate::error::Result;
use crate::link::dialects::dialect;
use crate::link::{Engine, Link};
use crate::value::Value;

/// Version of the tables. A library refuses tables of a version it does not know.
pub const FORMAT: i64 = 2;

/// The unqualified names, for those who list user tables.
pub const NAMES: [&str; 9] = [
    "invocation_queue",
    "twin_pending",
    "twin_pending_part",
    "twin_applied",
    "twin_replayer",
    "twin_state",
    "twin_guard",
    "twin_pool",
    "twin_quarantine",
];

/// The statements of the protocol, spelled once for an engine, a schema and a prefix.
#[derive(Clone, Debug)]
pub struct Tables {
    pub engine: Engine,
    schema: String,
    /// The schema that qualifies the names: the one above, or where they were found without one.
    place: String,
    prefix: String,
    /// (own row of `twin_state`) mirror_state, mode, epoch, term, role, node, peer, reason, format
    pub read_state: String,
    /// mirror_state, epoch; and whether the slot's row exists: (pool, slot)
    pub read_own: String,
    /// entries, bytes, oldest created_at
    pub read_queue_size: String,
    /// See [`Tables::guard`].
    guard: Option<String>,
    /// (last_seq, seq, epoch, parts, payload, pool, slot, epoch)
    pub journal: String,
    /// The journal's answer carries the foreign pending rows (one more parameter: pool), and behind them the
    /// versions of the facts that the transaction rests on, which the markers of queued transactions give too
    /// (one more parameter: the tables).
    pub journal_returns: bool,
    /// The journal for isolation levels that see an old state: without the check. (last_seq, seq, epoch,
    /// parts, payload, pool, slot)
    pub journal_unchecked: String,
    /// Foreign pending rows as `count|pool:slot:seq,…`. (pool)
    pub foreign: String,
    /// A queued transaction's marker, only while not in sync. (last_seq, pool, slot)
    pub mark_queued: String,
    /// A transaction's marker where the mirror was abandoned, only while it is. (last_seq, pool, slot)
    pub mark_alone: String,
    /// The marker of a transaction of which the mirror gets nothing, or nobody knows yet. (last_seq,
    /// local_seq, pool, slot)
    pub mark_local: String,
    /// The same without the state's check. (last_seq, pool, slot)
    pub mark: String,
    /// Takes back the own journal: nothing is pending. (last_seq, pool, slot)
    pub unjournal: String,
    /// (pool, slot, part, payload)
    pub insert_pending_part: String,
    /// (pool, slot)
    pub delete_pending_parts: String,
    /// (pool, slot)
    pub read_pending_parts: String,
    /// (pool, slot, seq, part, parts, epoch, created_at, statements, summary, payload)
    pub append: String,
    /// (reason, changed_at, changed_by)
    pub flip: String,
    /// (pool, slot)
    pub lock_last_seq: String,
    /// (pool) with a row lock
    pub lock_registration: String,
    /// (pool, slot)
    pub insert_pending: String,
    /// All pending rows: pool, slot, seq, parts, payload
    pub read_pending: String,
    /// pool, slot, last_seq, seq, prev, local_seq, whether anything of it is queued, the last number of it in the
    /// quarantine
    pub read_positions: String,
    /// (pool, slot)
    pub read_last_seq: String,
    /// On the mirror: its own mark as slot 0, and slot, seq of a pool's positions. (pool)
    pub read_standing: String,
    /// 2: the own mark; 3: what is known of the other node's.
    pub read_marks: String,
    pub take_mark: String,
    /// (mark, mark)
    pub note_mark: String,
    /// (reason, changed_at, changed_by)
    pub set_diverged: String,
    /// (limit) last parts in order up to the first unsettled intent: id, pool, slot, seq, parts, payload
    pub read_queue: String,
    /// How many intents of DDL are not settled.
    pub count_intents: String,
    /// The intents that are not settled: pool, slot, seq, payload
    pub read_intents: String,
    /// The DDL has happened: (pool, slot, seq)
    pub settle_intent: String,
    /// What became of it, while nobody else has said so: (parts, payload, pool, slot, seq, payload as it was read)
    pub settle_traced: String,
    /// (pool, slot, seq, payload as it was read)
    pub drop_traced: String,
    /// It has not: (pool, slot, seq)
    pub drop_intent: String,
    /// (pool, slot, seq) payloads of all parts in order
    pub read_parts: String,
    /// (pool, slot, seq): everything up to seq of a slot is applied
    pub purge: String,
    /// On the mirror, in the transaction: (seq, pool, slot, seq, term)
    pub apply: String,
    /// (pool, slot)
    pub insert_applied: String,
    /// (pool, slot) with a row lock
    pub lock_applied: String,
    /// pool, slot, seq
    pub read_applied: String,
    /// (seq, pool, slot)
    pub set_applied: String,
    /// Takes the next lease number on the mirror.
    pub take_lease: String,
    pub read_lease: String,
    /// The lease, locked until the batch's end.
    pub lock_lease: String,
    /// The drain's lock, first statement of its transaction; None: BEGIN itself is the lock.
    pub drain_lock: Option<String>,
    /// (changed_at, changed_by)
    pub set_in_sync: String,
    /// (state, reason, changed_at, changed_by): from any queueing state
    pub set_stopped: String,
    /// (state, reason, changed_at, changed_by): by an operator, from any state but that of an abandoned mirror
    pub set_state: String,
    /// (reason, changed_at, changed_by): nothing is queued any more
    pub abandon: String,
    /// (mode, changed_at, changed_by)
    pub set_mode: String,
}

impl Tables {
    pub fn new(engine: Engine, schema: &str, prefix: &str) -> Tables {
        Tables::placed(engine, schema, schema, prefix)
    }

    /// Names that stay true when a session gives unqualified ones another meaning.
    pub fn of(link: &mut Link, schema: &str, prefix: &str) -> Result<Tables> {
        if link.engine() == Engine::Sqlite || !schema.is_empty() {
            return Ok(Tables::new(link.engine(), schema, prefix));
        }
        let rows = link.query(link.dialect().current_schema_sql(), &[])?;
        let place = match rows.first().and_then(|r| r.first()) {
            Some(Value::Text(place)) => place.clone(),
            _ => String::new(),
        };
        Ok(Tables::placed(link.engine(), schema, &place, prefix))
    }

    /// Whether the names stay true whatever a session does to its search path.
    pub fn are_placed(&self) -> bool {
        self.engine != Engine::Postgres || !self.place.is_empty()
    }

    /// The same tables, where this connection finds them; before anybody changes its search path.
    pub fn place(&self, link: &mut Link) -> Result<Tables> {
        Tables::of(link, &self.schema, &self.prefix)
    }

    fn placed(engine: Engine, schema: &str, place: &str, prefix: &str) -> Tables {
        let q = |name: &str| qualify(engine, place, prefix, name);
        let (pending, part, queue, state, guard, applied, replayer, quarantine) = (
            q("twin_pending"),
            q("twin_pending_part"),
            q("invocation_queue"),
            q("twin_state"),
            q("twin_guard"),
            q("twin_applied"),
            q("twin_replayer"),
            q("twin_quarantine"),
        );
        let for_update = if engine == Engine::Sqlite { "" } else { " FOR UPDATE" };
        let concat = match engine {
            Engine::Postgres => {
                "count(*) || '|' || coalesce(string_agg(o.pool || ':' || o.slot || ':' || o.seq, ','), '')"
            }
            Engine::MariaDb => {
                "CONCAT(COUNT(*), '|', COALESCE(GROUP_CONCAT(CONCAT(o.pool, ':', o.slot, ':', o.seq) SEPARATOR ','), ''))"
            }
            Engine::Sqlite => {
                "count(*) || '|' || coalesce(group_concat(o.pool || ':' || o.slot || ':' || o.seq, ','), '')"
            }
        };
        let foreign = format!("SELECT {concat} FROM {pending} o WHERE o.pool <> ? AND o.seq > 0");
        let ignore = |table: &str, columns: &str, values: &str| match engine {
            Engine::MariaDb => format!("INSERT IGNORE INTO {table} ({columns}) VALUES ({values})"),
            _ => format!("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING"),
        };
        let versions = dialect(engine).versions_sql(1);
        let (returning, returning_versions) = match engine {
            Engine::Postgres => {
                (format!(" RETURNING ({foreign}), {versions}"), format!(" RETURNING {versions}"))
            }
            _ => (String::new(), String::new()),
        };
        let age = "created_at";
        Tables {
            engine,
            schema: schema.to_owned(),
            place: place.to_owned(),
            prefix: prefix.to_owned(),
            read_state: format!(
                "SELECT mirror_state, mode, epoch, term, role, node, peer, reason, format FROM {state} WHERE id = 1"
            ),
            read_own: format!(
                "SELECT s.mirror_state, s.epoch, (SELECT COUNT(*) FROM {pending} WHERE pool = ? AND slot = ?) \
                 FROM {state} s WHERE s.id = 1"
            ),
            read_queue_size: format!(
                "SELECT COUNT(*), COALESCE(SUM(LENGTH(payload)), 0), MIN({age}) FROM {queue}"
            ),
            guard: (engine == Engine::MariaDb)
                .then(|| format!("({foreign}) FROM {guard} WHERE id = 1 LOCK IN SHARE MODE")),
            journal: format!(
                "UPDATE {pending} SET prev = last_seq, last_seq = ?, seq = ?, epoch = ?, parts = ?, payload = ? WHERE pool = ? AND slot = ? \
                 AND EXISTS (SELECT 1 FROM {state} WHERE id = 1 AND mirror_state = 'in_sync' AND epoch = ?){returning}"
            ),
            journal_returns: engine == Engine::Postgres,
            journal_unchecked: format!(
                "UPDATE {pending} SET prev = last_seq, last_seq = ?, seq = ?, epoch = ?, parts = ?, payload = ? WHERE pool = ? AND slot = ?"
            ),
            foreign,
            mark_queued: format!(
                "UPDATE {pending} SET last_seq = ? WHERE pool = ? AND slot = ? \
                 AND EXISTS (SELECT 1 FROM {state} WHERE id = 1 AND mirror_state <> 'in_sync'){returning_versions}"
            ),
            mark_alone: format!(
                "UPDATE {pending} SET last_seq = ? WHERE pool = ? AND slot = ? \
                 AND EXISTS (SELECT 1 FROM {state} WHERE id = 1 AND mirror_state = 'abandoned')"
            ),
            mark_local: format!(
                "UPDATE {pending} SET last_seq = ?, local_seq = ? WHERE pool = ? AND slot = ?"
            ),
            mark: format!(
                "UPDATE {pending} SET last_seq = ? WHERE pool = ? AND slot = ?{returning_versions}"
            ),
            unjournal: format!(
                "UPDATE {pending} SET last_seq = ?, seq = 0, parts = 0, payload = NULL WHERE pool = ? AND slot = ?"
            ),
            insert_pending_part: format!(
                "INSERT INTO {part} (pool, slot, part, payload) VALUES (?, ?, ?, ?)"
            ),
            delete_pending_parts: format!("DELETE FROM {part} WHERE pool = ? AND slot = ?"),
            read_pending_parts: format!(
                "SELECT payload FROM {part} WHERE pool = ? AND slot = ? ORDER BY part"
            ),
            append: format!(
                "INSERT INTO {queue} (pool, slot, seq, part, parts, epoch, created_at, statements, summary, payload) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            flip: format!(
                "UPDATE {state} SET mirror_state = 'queueing', epoch = epoch + 1, reason = ?, changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mirror_state = 'in_sync'"
            ),
            lock_last_seq: format!("SELECT last_seq FROM {pending} WHERE pool = ? AND slot = ?{for_update}"),
            lock_registration: format!("SELECT pool FROM {} WHERE pool = ?{for_update}", q("twin_pool")),
            insert_pending: ignore(&pending, "pool, slot, last_seq, seq, epoch, parts", "?, ?, 0, 0, 0, 0"),
            read_pending: format!(
                "SELECT pool, slot, seq, parts, payload FROM {pending} WHERE seq > 0 ORDER BY pool, slot"
            ),
            // One statement, so that all of it is seen at one instant.
            read_positions: format!(
                "SELECT p.pool, p.slot, p.last_seq, p.seq, p.prev, p.local_seq, \
                 CASE WHEN EXISTS (SELECT 1 FROM {queue} q WHERE q.pool = p.pool AND q.slot = p.slot) THEN 1 ELSE 0 END, \
                 (SELECT COALESCE(MAX(k.seq), 0) FROM {quarantine} k WHERE k.pool = p.pool AND k.slot = p.slot) \
                 FROM {pending} p"
            ),
            read_last_seq: format!("SELECT last_seq FROM {pending} WHERE pool = ? AND slot = ?"),
            read_standing: format!(
                "SELECT 0, lease FROM {replayer} WHERE id = 2 UNION ALL SELECT slot, seq FROM {applied} WHERE pool = ?"
            ),
            read_marks: format!("SELECT id, lease FROM {replayer} WHERE id IN (2, 3)"),
            take_mark: format!("UPDATE {replayer} SET lease = lease + 1 WHERE id = 2"),
            note_mark: format!("UPDATE {replayer} SET lease = ? WHERE id = 3 AND lease < ?"),
            set_diverged: format!(
                "UPDATE {state} SET mirror_state = 'diverged', epoch = epoch + 1, reason = ?, changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mirror_state IN ('in_sync', 'queueing', 'replaying')"
            ),
            read_queue: format!(
                "SELECT q.id, q.pool, q.slot, q.seq, q.parts, q.payload FROM {queue} q WHERE q.part = q.parts \
                 AND q.id < COALESCE((SELECT MIN(i.id) FROM {queue} i WHERE i.parts = 0), 9223372036854775807) \
                 ORDER BY q.id LIMIT ?"
            ),
            count_intents: format!("SELECT COUNT(*) FROM {queue} WHERE parts = 0"),
            settle_intent: format!(
                "UPDATE {queue} SET parts = 1 WHERE pool = ? AND slot = ? AND seq = ? AND parts = 0"
            ),
            read_intents: format!("SELECT pool, slot, seq, payload FROM {queue} WHERE parts = 0 ORDER BY id"),
            settle_traced: format!(
                "UPDATE {queue} SET parts = ?, payload = ? \
                 WHERE pool = ? AND slot = ? AND seq = ? AND parts = 0 AND payload = ?"
            ),
            drop_traced: format!(
                "DELETE FROM {queue} WHERE pool = ? AND slot = ? AND seq = ? AND parts = 0 AND payload = ?"
            ),
            drop_intent: format!("DELETE FROM {queue} WHERE pool = ? AND slot = ? AND seq = ? AND parts = 0"),
            read_parts: format!(
                "SELECT payload FROM {queue} WHERE pool = ? AND slot = ? AND seq = ? ORDER BY part"
            ),
            purge: format!("DELETE FROM {queue} WHERE pool = ? AND slot = ? AND seq <= ?"),
            apply: format!(
                "UPDATE {applied} SET seq = ? WHERE pool = ? AND slot = ? AND seq < ? \
                 AND EXISTS (SELECT 1 FROM {state} WHERE id = 1 AND role = 'mirror' AND term = ?)"
            ),
            insert_applied: ignore(&applied, "pool, slot, seq", "?, ?, 0"),
            lock_applied: format!("SELECT seq FROM {applied} WHERE pool = ? AND slot = ?{for_update}"),
            read_applied: format!("SELECT pool, slot, seq FROM {applied} ORDER BY pool, slot"),
            set_applied: format!("UPDATE {applied} SET seq = ? WHERE pool = ? AND slot = ?"),
            take_lease: format!("UPDATE {replayer} SET lease = lease + 1 WHERE id = 1"),
            read_lease: format!("SELECT lease FROM {replayer} WHERE id = 1"),
            lock_lease: format!("SELECT lease FROM {replayer} WHERE id = 1{for_update}"),
            drain_lock: match engine {
                Engine::Postgres => Some(format!("LOCK TABLE {pending}, {queue} IN EXCLUSIVE MODE")),
                Engine::MariaDb => Some(format!("SELECT id FROM {guard} WHERE id = 1 FOR UPDATE")),
                Engine::Sqlite => None,
            },
            set_in_sync: format!(
                "UPDATE {state} SET mirror_state = 'in_sync', epoch = epoch + 1, reason = '', changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mode = 'sync' AND mirror_state IN ('queueing', 'replaying')"
            ),
            set_stopped: format!(
                "UPDATE {state} SET mirror_state = ?, reason = ?, changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mirror_state IN ('queueing', 'replaying')"
            ),
            set_state: format!(
                "UPDATE {state} SET mirror_state = ?, epoch = epoch + 1, reason = ?, changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mirror_state <> 'abandoned'"
            ),
            abandon: format!(
                "UPDATE {state} SET mirror_state = 'abandoned', epoch = epoch + 1, reason = ?, changed_at = ?, changed_by = ? \
                 WHERE id = 1 AND mirror_state NOT IN ('in_sync', 'abandoned')"
            ),
            set_mode: format!("UPDATE {state} SET mode = ?, changed_at = ?, changed_by = ? WHERE id = 1"),
        }
    }

    /// What precedes journal and markers, on engines that need it: waits for a drain; answers the versions of the
    /// facts of so many tables, and the foreign pending rows. (what the versions ask for, pool)
    pub fn guard(&self, tables: usize) -> Option<String> {
        let guard = self.guard.as_ref()?;
        let versions = match tables {
            0 => "''".to_owned(),
            n => dialect(self.engine).versions_sql(n),
        };
        Some(format!("SELECT {versions}, {guard}"))
    }

    /// What a user needs beside the rights on the application's own tables, when somebody else has made ours.
    pub fn grants(&self, user: &str) -> Vec<String> {
        if self.engine == Engine::Sqlite {
            return Vec::new();
        }
        let rows = "SELECT, INSERT, UPDATE, DELETE";
        let mut grants = Vec::new();
        if self.engine == Engine::Postgres && !self.schema.is_empty() {
            grants.push(format!("GRANT USAGE ON SCHEMA {} TO {user}", quote(self.engine, &self.schema)));
        }
        // Locking a row asks for the right to change it.
        for (rights, table) in [
            ("SELECT, UPDATE", "twin_state"),
            (rows, "twin_pending"),
            ("SELECT, INSERT, DELETE", "twin_pending_part"),
            (rows, "invocation_queue"),
            (rows, "twin_applied"),
            ("SELECT, UPDATE", "twin_replayer"),
            ("SELECT, UPDATE", "twin_guard"),
            (rows, "twin_pool"),
            ("SELECT, INSERT", "twin_quarantine"),
        ] {
            grants.push(format!("GRANT {rights} ON {} TO {user}", self.name(table)));
        }
        // For new numbers of the queue only; without it they go on.
        grants.push(match self.engine {
            Engine::Postgres => {
                format!("GRANT UPDATE ON SEQUENCE {} TO {user}", self.name("invocation_queue_id_seq"))
            }
            _ => format!("GRANT ALTER ON {} TO {user}", self.name("invocation_queue")),
        });
        grants
    }

    /// Lets the numbers of the empty queue begin at 1 again.
    pub fn renumber(&self) -> (String, Vec<Value>) {
        let queue = self.name("invocation_queue");
        match self.engine {
            Engine::Postgres => (
                "SELECT setval(pg_get_serial_sequence(?, 'id'), 1, false)".to_owned(),
                vec![Value::Text(queue)],
            ),
            Engine::MariaDb => (format!("ALTER TABLE {queue} AUTO_INCREMENT = 1"), Vec::new()),
            Engine::Sqlite => {
                let plain = format!("{}invocation_queue", self.prefix);
                ("DELETE FROM sqlite_sequence WHERE name = ?".to_owned(), vec![Value::Text(plain)])
            }
        }
    }

    /// A table of ours by its plain name, qualified.
    pub fn name(&self, plain: &str) -> String {
        qualify(self.engine, &self.place, &self.prefix, plain)
    }

    /// Whether a table that the catalogue lists is ours.
    pub fn is_ours(&self, schema: &str, table: &str) -> bool {
        let own_schema = self.schema.is_empty() || self.schema.eq_ignore_ascii_case(schema);
        own_schema && self.is_ours_by_name(table)
    }

    pub fn is_ours_by_name(&self, table: &str) -> bool {
        table.strip_prefix(self.prefix.as_str()).is_some_and(|t| NAMES.contains(&t))
    }

    /// Where our tables stand in a database of their own: how to list what stands there.
    pub fn list_elsewhere(&self) -> Option<(String, Vec<Value>)> {
        let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ?";
        let elsewhere = self.engine == Engine::MariaDb && !self.schema.is_empty();
        elsewhere.then(|| (sql.to_owned(), vec![Value::Text(self.schema.clone())]))
    }

    /// The DDL, idempotent, and the fixed rows; in the order in which it must run.
    pub fn ddl(&self) -> Vec<String> {
        let t = |name: &str| self.name(name);
        let (key, text, blob, ident, tail) = match self.engine {
            Engine::Postgres => {
                ("varchar(32)", "text", "bytea", "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "")
            }
            Engine::MariaDb => (
                "varchar(32) CHARACTER SET ascii COLLATE ascii_bin",
                "text",
                "longblob",
                "bigint NOT NULL AUTO_INCREMENT PRIMARY KEY",
                " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
            ),
            Engine::Sqlite => ("varchar(32)", "text", "blob", "integer PRIMARY KEY AUTOINCREMENT", ""),
        };
        // The pending row is updated in place by every transaction: room on its page keeps it there.
        let roomy = if self.engine == Engine::Postgres { " WITH (fillfactor = 40)" } else { tail };
        let mut ddl = Vec::new();
        if self.engine == Engine::Postgres && !self.schema.is_empty() {
            ddl.push(format!("CREATE SCHEMA IF NOT EXISTS {}", quote(self.engine, &self.schema)));
        }
        ddl.extend([
            format!(
                "CREATE TABLE IF NOT EXISTS {} (id integer NOT NULL PRIMARY KEY, format integer NOT NULL, node {key} NOT NULL, \
                 peer {key} NOT NULL, role varchar(8) NOT NULL, term bigint NOT NULL, mirror_state varchar(16) NOT NULL, \
                 mode varchar(8) NOT NULL, epoch bigint NOT NULL, reason {text} NOT NULL, changed_at varchar(32) NOT NULL, \
                 changed_by {key} NOT NULL){roomy}",
                t("twin_state")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (pool {key} NOT NULL, slot bigint NOT NULL, last_seq bigint NOT NULL, \
                 seq bigint NOT NULL, prev bigint NOT NULL DEFAULT 0, local_seq bigint NOT NULL DEFAULT 0, epoch bigint NOT NULL, parts integer NOT NULL, payload {blob}, PRIMARY KEY (pool, slot)){roomy}",
                t("twin_pending")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (pool {key} NOT NULL, slot bigint NOT NULL, part integer NOT NULL, \
                 payload {blob} NOT NULL, PRIMARY KEY (pool, slot, part)){tail}",
                t("twin_pending_part")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (id {ident}, pool {key} NOT NULL, slot bigint NOT NULL, seq bigint NOT NULL, \
                 part integer NOT NULL, parts integer NOT NULL, epoch bigint NOT NULL, created_at varchar(32) NOT NULL, \
                 statements integer NOT NULL, summary {text} NOT NULL, payload {blob} NOT NULL, \
                 UNIQUE (pool, slot, seq, part)){tail}",
                t("invocation_queue")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (pool {key} NOT NULL, slot bigint NOT NULL, seq bigint NOT NULL, \
                 PRIMARY KEY (pool, slot)){roomy}",
                t("twin_applied")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (id integer NOT NULL PRIMARY KEY, lease bigint NOT NULL){tail}",
                t("twin_replayer")
            ),
            format!("CREATE TABLE IF NOT EXISTS {} (id integer NOT NULL PRIMARY KEY){tail}", t("twin_guard")),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (pool {key} NOT NULL PRIMARY KEY, name varchar(64) NOT NULL, host varchar(255) NOT NULL, \
                 process bigint NOT NULL, opened_at varchar(32) NOT NULL, library varchar(32) NOT NULL){tail}",
                t("twin_pool")
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {} (pool {key} NOT NULL, slot bigint NOT NULL, seq bigint NOT NULL, part integer NOT NULL, \
                 parts integer NOT NULL, created_at varchar(32) NOT NULL, moved_at varchar(32) NOT NULL, reason {text} NOT NULL, \
                 summary {text} NOT NULL, payload {blob} NOT NULL, PRIMARY KEY (pool, slot, seq, part)){tail}",
                t("twin_quarantine")
            ),
        ]);
        for (table, columns, values) in [
            ("twin_guard", "id", "1"),
            ("twin_replayer", "id, lease", "1, 0"),
            ("twin_replayer", "id, lease", "2, 0"),
            ("twin_replayer", "id, lease", "3, 0"),
        ] {
            ddl.push(match self.engine {
                Engine::MariaDb => format!("INSERT IGNORE INTO {} ({columns}) VALUES ({values})", t(table)),
                _ => format!("INSERT INTO {} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING", t(table)),
            });
        }
        ddl
    }
}

fn quote(engine: Engine, name: &str) -> String {
    match engine {
        Engine::MariaDb => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// Plain names stay unquoted, so that people can type them; anything else is quoted.
fn qualify(engine: Engine, schema: &str, prefix: &str, name: &str) -> String {
    let plain = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let show = |s: String| if plain(&s) { s } else { quote(engine, &s) };
    let table = show(format!("{prefix}{name}"));
    if schema.is_empty() { table } else { format!("{}.{table}", show(schema.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_tables_are_known_by_schema_and_prefix() {
        let t = Tables::new(Engine::Postgres, "app", "x_");
        assert_eq!(t.name("twin_state"), "app.x_twin_state");
        assert!(t.is_ours("app", "x_twin_state"));
        assert!(!t.is_ours("app", "twin_state"));
        assert!(!t.is_ours("other", "x_twin_state"));
        assert!(!t.is_ours("app", "x_orders"));
    }

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(Tables::new(Engine::MariaDb, "My App", "").name("twin_pool"), "`My App`.twin_pool");
        assert_eq!(Tables::new(Engine::Sqlite, "", "A").name("twin_pool"), "\"Atwin_pool\"");
    }
}
