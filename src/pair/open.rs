//! Opening a pool: are these two a pair, do our tables stand, who else is there.

use super::locks::{self, Held};
use super::restored::{self, Standing};
use super::shared::{Pair, PairParts, Setup, View, clip, int, now_text, read_state, text};
use super::state::{MirrorState, StateRow};
use super::tables::{FORMAT, NAMES, Tables};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::config::QueueSettings;
use crate::error::{Error, Result, Status};
use crate::link::{Engine, Link, LinkSettings};
use crate::metrics::Metrics;
use crate::queue::replay::read_applied;
use crate::twin::half::MirrorTarget;
use crate::value::Value;

/// How long an opener waits for another that is just making the tables.
const ESTABLISH_LIMIT: Duration = Duration::from_secs(20);
/// How long after a restart of the master nobody is removed.
const GRACE: Duration = Duration::from_secs(15);
/// How long a new pool waits for its own lock.
const REGISTER_LIMIT: Duration = Duration::from_secs(2);

/// What `open` needs to know.
pub struct OpenSpec {
    pub setup: Setup,
    pub master: String,
    pub master_settings: LinkSettings,
    pub mirror: String,
    pub mirror_settings: LinkSettings,
    pub schema: String,
    pub prefix: String,
    pub create_tables: bool,
    pub check_schema: bool,
    pub metrics: Arc<Metrics>,
    pub queue: QueueSettings,
}

/// An opened pair and the lock that proves it alive.
pub struct Opened {
    pub pair: Pair,
    pub liveness: Held,
}

/// 32 hexadecimal digits from the kernel.
pub fn new_id() -> Result<String> {
    let mut bytes = [0u8; 16];
    // SAFETY: the buffer is as long as we say.
    let n = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if n != bytes.len() as isize {
        return Err(Error::new(Status::Internal, "the kernel gave no random bytes"));
    }
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

pub fn open(mut spec: OpenSpec) -> Result<Opened> {
    let fresh_files = both_files_missing(&spec);
    spec.master_settings.create = fresh_files;
    spec.mirror_settings.create = fresh_files;
    let mut master = Link::open(crate::Side::Master, &spec.master, &spec.master_settings)
        .map_err(|e| e.context("open: master"))?;
    let mirror = Link::open(crate::Side::Mirror, &spec.mirror, &spec.mirror_settings);
    spec.master_settings.create = false;
    spec.mirror_settings.create = false;

    let tables = Tables::of(&mut master, &spec.schema, &spec.prefix)?;
    let known = state_if_any(&mut master, &tables)?;
    let mut mirror = match (mirror, &known) {
        (Ok(link), _) => Ok(link),
        (Err(e), Some(_)) if e.class() != crate::Class::Refused => Err(e),
        (Err(e), None) if e.class() != crate::Class::Refused => {
            return Err(Error::new(
                Status::MirrorDown,
                format!("open: mirror: the first open of a pair needs both databases: {e}"),
            ));
        }
        // Refused: a wrong password or a missing driver does not heal by waiting.
        (Err(e), _) => return Err(e.context("open: mirror")),
    };
    let mirror_tables = match &mut mirror {
        Ok(link) => Tables::of(link, &spec.schema, &spec.prefix)?,
        Err(_) => Tables::new(master.engine(), &spec.schema, &spec.prefix),
    };
    let mut row = known.clone();
    if let Ok(link) = &mut mirror {
        let made = refuse_same_database(&mut master, link)
            .and_then(|()| establish(&spec, &mut master, &tables, known, link, &mirror_tables));
        match made {
            Ok(made) => row = Some(made),
            // It went away while it was looked at: as if it had been away before.
            Err(e) if row.is_some() && link.is_lost() => mirror = Err(e),
            Err(e) => return Err(e),
        }
    }
    let row = row.ok_or_else(|| Error::new(Status::Internal, "open: no state"))?;
    check_format(&row, "master")?;
    if row.role != "master" {
        return Err(Error::new(
            Status::NotAPair,
            format!(
                "open: the database given as master has the role {}; exchange the connection strings",
                row.role
            ),
        ));
    }
    // What waits in the queue may be just what makes the mirror's tables.
    if spec.check_schema
        && let Ok(link) = &mut mirror
        && queue_is_empty(&mut master, &tables)?
    {
        match compare_schemas(&mut master, &tables, link, &mirror_tables) {
            Err(e) if link.is_lost() => mirror = Err(e),
            answer => answer?,
        }
    }
    if let Some(warning) = master.durability() {
        log::warn!(target: "twinpool::pair", "{}: master: {warning}", spec.setup.name);
    }

    let id = new_id()?;
    let liveness = register(&spec, &id, &tables)?;
    let view = View {
        state: row.mirror_state,
        epoch: row.epoch,
        term: row.term,
        asynchronous: row.asynchronous,
        abandoned: row.abandoned,
    };
    let pair = Pair::new(PairParts {
        id,
        setup: spec.setup,
        tables,
        mirror_tables,
        master_connection: spec.master,
        master_settings: spec.master_settings,
        mirror: MirrorTarget {
            connection: RwLock::new(spec.mirror),
            settings: spec.mirror_settings,
            standing: Standing::default(),
        },
        control: master,
        view,
        metrics: spec.metrics,
        queue: spec.queue,
    });
    set_mode(&pair, &row)?;
    if pair.view().state == MirrorState::InSync || pair.view().state.wants_replay() {
        let looked = mirror.as_mut().map(|link| (restored::look_if_free(&pair, link), link.is_lost()));
        match looked {
            Ok((Err(e), true)) => mirror = Err(e),
            Ok((answer, _)) => drop(answer?),
            Err(_) => {}
        }
    }
    match mirror {
        Ok(mut mirror) => {
            // What cannot be settled now is no harm: rule F looks at dead pools too.
            if let Err(e) = settle_the_dead(&pair, &mut mirror, false) {
                log::info!(target: "twinpool::pair", "{}: dead pools were not settled: {e}", pair.setup.name);
            }
        }
        Err(e) => {
            {
                let mut seen = pair.seen.lock();
                seen.mirror_reachable = false;
                seen.last_error = Some(e.clone());
            }
            pair.flip(&format!("the mirror was away when a pool was opened: {e}"))?;
        }
    }
    Ok(Opened { pair, liveness })
}

/// SQLite files are made only for a new pair: never one beside an established one.
fn both_files_missing(spec: &OpenSpec) -> bool {
    let missing = |cs: &str| sqlite_path(cs).is_some_and(|p| !std::path::Path::new(&p).exists());
    missing(&spec.master) && missing(&spec.mirror)
}

/// The file named in a SQLite connection string.
fn sqlite_path(connection_string: &str) -> Option<String> {
    let keys: Vec<(String, String)> = connection_string
        .split(';')
        .filter_map(|kv| kv.split_once('='))
        .map(|(k, v)| {
            (k.trim().to_ascii_lowercase(), v.trim().trim_matches(|c| c == '{' || c == '}').to_owned())
        })
        .collect();
    let get = |name: &str| keys.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
    get("driver").filter(|d| d.to_ascii_lowercase().contains("sqlite"))?;
    get("database").filter(|d| !d.starts_with(':') && !d.starts_with("file:"))
}

/// The state's row if our tables stand; None if the database is new to us.
pub(super) fn state_if_any(link: &mut Link, tables: &Tables) -> Result<Option<StateRow>> {
    if !own_tables(link, tables)?.iter().any(|table| table.ends_with("twin_state")) {
        return Ok(None);
    }
    match read_state(link, tables) {
        Ok(row) => Ok(Some(row)),
        // Made but not filled: an open that died in between.
        Err(e) if e.status() == Status::Tables => Ok(None),
        Err(e) => Err(e),
    }
}

fn check_format(row: &StateRow, side: &str) -> Result<()> {
    if row.format == FORMAT {
        return Ok(());
    }
    Err(Error::new(
        Status::Tables,
        format!("open: the tables on the {side} have format {}, this library knows {FORMAT}", row.format),
    ))
}

/// Makes what is missing on both sides and checks that the two belong together.
fn establish(
    spec: &OpenSpec,
    master: &mut Link,
    tables: &Tables,
    known: Option<StateRow>,
    mirror: &mut Link,
    mirror_tables: &Tables,
) -> Result<StateRow> {
    // Several processes may open a new pair at once: one makes it, the others find it made.
    let _making = match known {
        Some(_) => None,
        None => {
            let open = || Link::open(crate::Side::Master, &spec.master, &spec.master_settings);
            Some(locks::lock(open, "twin-establish", true, ESTABLISH_LIMIT)?)
        }
    };
    let known = match known {
        Some(row) => Some(row),
        None => state_if_any(master, tables)?,
    };
    let theirs = state_if_any(mirror, mirror_tables)?;
    match (&known, &theirs) {
        (Some(a), Some(b)) if a.peer == b.node && b.peer == a.node => {
            check_format(b, "mirror")?;
            return Ok(a.clone());
        }
        (Some(a), Some(b)) => {
            return Err(Error::new(
                Status::NotAPair,
                format!(
                    "open: the databases do not belong together: the master {} expects the mirror {}, found {}",
                    a.node, a.peer, b.node
                ),
            ));
        }
        (Some(_), None) => {
            return Err(Error::new(
                Status::NotAPair,
                "open: the master belongs to a pair, but the mirror has no tables of ours: it is another database, or a new one",
            ));
        }
        (None, Some(b)) if b.role == "master" => {
            return Err(Error::new(
                Status::NotAPair,
                "open: the database given as mirror is the master of a pair; exchange the connection strings",
            ));
        }
        // An open that died after the mirror and before the master, or a foreign mirror: only an untouched
        // one is taken over.
        (None, Some(b))
            if b.role == "mirror" && !read_applied(mirror, &mirror_tables.read_applied)?.is_empty() =>
        {
            return Err(Error::new(
                Status::NotAPair,
                "open: the database given as mirror is the mirror of another master",
            ));
        }
        _ => {}
    }
    let usable = spec.create_tables || (all_made(master, tables)? && all_made(mirror, mirror_tables)?);
    if !usable {
        return Err(Error::new(
            Status::Tables,
            "open: our tables are missing and tables.create is off; run the DDL that `twinpool init --print` shows",
        ));
    }
    let (a, b) = (new_id()?, new_id()?);
    let mode = if spec.setup.asynchronous { "async" } else { "sync" };
    let state = if spec.setup.asynchronous { "queueing" } else { "in_sync" };
    // The mirror first: a master with tables means an established pair.
    create(mirror, mirror_tables, spec.create_tables, [&b, &a, "mirror", state, mode])?;
    crate::failpoint!(&spec.setup.name, "tables_on_mirror");
    create(master, tables, spec.create_tables, [&a, &b, "master", state, mode])?;
    crate::failpoint!(&spec.setup.name, "tables_on_both");
    read_state(master, tables)
}

/// Whether somebody has run our DDL by hand.
fn all_made(link: &mut Link, tables: &Tables) -> Result<bool> {
    Ok(own_tables(link, tables)?.len() == NAMES.len())
}

/// Which of our tables stand.
pub(super) fn own_tables(link: &mut Link, tables: &Tables) -> Result<Vec<String>> {
    // The catalogue shows the database of the connection, which need not be that of our tables.
    if let Some((sql, params)) = tables.list_elsewhere() {
        let names = link.query(&sql, &params)?.into_iter().filter_map(|r| r.first().map(text));
        return Ok(names.filter(|table| tables.is_ours_by_name(table)).collect());
    }
    let listed = link.list_tables()?.into_iter().filter(|(s, t)| tables.is_ours(s, t));
    Ok(listed.map(|(_, table)| table).collect())
}

/// Our tables on one node, unless they were made by hand, and the state: (node, peer, role, state, mode).
fn create(link: &mut Link, tables: &Tables, ddl: bool, row: [&str; 5]) -> Result<()> {
    let side = link.side();
    let failed = |e: Error| {
        e.context(format!("open: making our tables on the {side} (option tables.create)"))
            .with_status(Status::Tables)
    };
    for sql in tables.ddl().iter().filter(|_| ddl) {
        link.run_once(sql).map_err(failed)?;
    }
    let state = tables.name("twin_state");
    link.begin(true)?;
    link.run_once(&format!("DELETE FROM {state}")).map_err(failed)?;
    let sql = format!(
        "INSERT INTO {state} (id, format, node, peer, role, term, mirror_state, mode, epoch, reason, changed_at, changed_by) \
         VALUES (1, {FORMAT}, ?, ?, ?, 1, ?, ?, 1, '', ?, '')"
    );
    let mut params: Vec<Value> = row.iter().map(|s| Value::Text((*s).to_owned())).collect();
    params.push(Value::Text(now_text()));
    link.run(&sql, &params).map_err(failed)?;
    link.commit()
}

/// Both connection strings leading to one database would double every write.
pub(super) fn refuse_same_database(master: &mut Link, mirror: &mut Link) -> Result<()> {
    if master.engine() != mirror.engine() {
        return Ok(());
    }
    let same = match master.engine() {
        Engine::Sqlite => {
            use std::os::unix::fs::MetadataExt;
            let (a, b) = (locks::sqlite_file(master)?, locks::sqlite_file(mirror)?);
            match (std::fs::metadata(&a), std::fs::metadata(&b)) {
                (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
                _ => a == b,
            }
        }
        Engine::Postgres => {
            let key = [Value::Int((u64::from_str_radix(&new_id()?[..15], 16).unwrap_or(1)) as i64)];
            master.query("SELECT pg_advisory_lock(?)", &key)?;
            let sql = "SELECT CASE WHEN pg_try_advisory_lock(?) THEN 1 ELSE 0 END";
            let free = mirror.query(sql, &key)?.first().and_then(|r| r.first()).map(int) == Some(1);
            if free {
                mirror.query("SELECT pg_advisory_unlock(?)", &key)?;
            }
            master.query("SELECT pg_advisory_unlock(?)", &key)?;
            !free
        }
        Engine::MariaDb => {
            let key = [Value::Text(format!("twin:{}", new_id()?))];
            let name = |link: &mut Link| -> Result<String> {
                Ok(link
                    .query("SELECT DATABASE()", &[])?
                    .first()
                    .and_then(|r| r.first())
                    .map(text)
                    .unwrap_or_default())
            };
            let same_name = name(master)? == name(mirror)?;
            master.query("SELECT GET_LOCK(?, 0)", &key)?;
            let rows = mirror.query("SELECT COALESCE(IS_USED_LOCK(?), 0)", &key)?;
            let seen = rows.first().and_then(|r| r.first()).map(int) != Some(0);
            master.query("SELECT RELEASE_LOCK(?)", &key)?;
            same_name && seen
        }
    };
    if same {
        return Err(Error::new(Status::NotAPair, "open: both connection strings lead to the same database"));
    }
    Ok(())
}

fn queue_is_empty(master: &mut Link, tables: &Tables) -> Result<bool> {
    let rows = master.query(&tables.read_queue_size, &[])?;
    Ok(rows.first().and_then(|r| r.first()).map(int) == Some(0))
}

/// A table that the mirror lacks would stop the first transaction that touches it.
fn compare_schemas(
    master: &mut Link,
    tables: &Tables,
    mirror: &mut Link,
    mirror_tables: &Tables,
) -> Result<()> {
    let same_engine = master.engine() == mirror.engine();
    let names = |link: &mut Link, t: &Tables| -> Result<Vec<String>> {
        let qualified = link.engine() == Engine::Postgres && same_engine;
        Ok(link
            .list_tables()?
            .into_iter()
            .filter(|(schema, table)| !t.is_ours(schema, table))
            .map(|(schema, table)| if qualified { format!("{schema}.{table}") } else { table })
            .collect())
    };
    let there = names(mirror, mirror_tables)?;
    let missing: Vec<String> = names(master, tables)?.into_iter().filter(|t| !there.contains(t)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
    Err(Error::new(
        Status::NotAPair,
        format!("open: the mirror lacks {shown}{more}: create them there, or set schema_check=off"),
    ))
}

/// Registers the pool under a UUID of its own, locked as alive first.
fn register(spec: &OpenSpec, id: &str, tables: &Tables) -> Result<Held> {
    let sql = format!(
        "INSERT INTO {} (pool, name, host, process, opened_at, library) VALUES (?, ?, ?, ?, ?, ?)",
        tables.name("twin_pool")
    );
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let row = [
        Value::Text(id.to_owned()),
        Value::Text(spec.setup.name.chars().take(64).collect()),
        Value::Text(host.trim().to_owned()),
        Value::Int(i64::from(std::process::id())),
        Value::Text(now_text()),
        Value::Text(env!("CARGO_PKG_VERSION").to_owned()),
    ];
    // The lock first: a registered pool that is not locked is dead to others. Somebody who looks for files of
    // the dead may hold it for an instant.
    let open = || Link::open(crate::Side::Master, &spec.master, &spec.master_settings);
    let held = locks::lock(open, &format!("twin-{id}"), false, REGISTER_LIMIT)?;
    let mut link = open()?;
    link.run(&sql, &row)?;
    crate::failpoint!(&spec.setup.name, "registered");
    Ok(held)
}

/// The mode belongs to the pair: the pool that is opened last decides.
fn set_mode(pair: &Pair, row: &StateRow) -> Result<()> {
    let wanted = pair.setup.asynchronous;
    if row.asynchronous != wanted {
        let mode = Value::Text(if wanted { "async" } else { "sync" }.to_owned());
        let params = [mode, Value::Text(now_text()), Value::Text(pair.id.clone())];
        pair.control(|link| link.run(&pair.tables.set_mode, &params).map(drop))?;
    }
    if wanted && row.mirror_state == MirrorState::InSync {
        pair.flip("mirror.mode is async")?;
    }
    pair.refresh().map(drop)
}

/// Pools that are registered and no longer alive: their transactions that stand between two COMMITs turn the
/// state to `queueing`; a pool that has nothing left is removed. `locked`: the caller holds the replay lock. How
/// many were removed.
pub fn settle_the_dead(pair: &Pair, mirror: &mut Link, locked: bool) -> Result<usize> {
    let t = &pair.tables;
    let pools = pair.control(|link| link.query(&format!("SELECT pool FROM {}", t.name("twin_pool")), &[]))?;
    let pools: Vec<String> = pools.iter().filter_map(|r| r.first()).map(text).collect();
    if t.engine == Engine::Sqlite {
        pair.control(|link| locks::sweep(link, &pools))?;
    }
    let calm = is_calm(pair)?;
    let mut removed = 0;
    for pool in pools.iter().filter(|p| **p != pair.id) {
        let link = pair.open_master()?;
        let Some(_dead) = locks::try_lock(link, &format!("twin-{pool}"), false)? else { continue };
        // Somebody must hold the replay lock, and keep it: see `bury`.
        let replay = match locked {
            true => None,
            false => locks::try_lock(pair.open_master()?, "twin-replay", true)?,
        };
        if locked || replay.is_some() {
            removed += usize::from(bury(pair, pool, mirror, calm)?);
        }
    }
    Ok(removed)
}

/// After a restart of the master, or of our connection to it, nobody has his proof of life before he has
/// noticed: until then the living look like the dead. They are not removed so soon.
fn is_calm(pair: &Pair) -> Result<bool> {
    if pair.calm_since.lock().is_some_and(|since| since.elapsed() < GRACE) {
        return Ok(false);
    }
    let sql = match pair.tables.engine {
        // A lock on a file ends with its process only.
        Engine::Sqlite => return Ok(true),
        Engine::Postgres => {
            "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp() - pg_postmaster_start_time()) AS bigint)"
        }
        Engine::MariaDb => {
            "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status WHERE variable_name = 'UPTIME'"
        }
    };
    let rows = pair.control(|link| link.query(sql, &[]))?;
    Ok(rows.first().and_then(|r| r.first()).map_or(0, int) as u64 >= GRACE.as_secs())
}

/// One dead pool. Its lock is held, so nobody else does the same and nobody can be it; and so is the replay
/// lock: a replayer that has read the pool's rows and not yet applied them must not find their positions gone,
/// it would take "no position" for "not applied". Older lists are fenced by a new lease number. Whether it was
/// removed; without `remove` it is only looked at.
fn bury(pair: &Pair, pool: &str, mirror: &mut Link, remove: bool) -> Result<bool> {
    let t = &pair.tables;
    let own = Value::Text(pool.to_owned());
    let mut link = pair.open_master()?;
    let _turn = pair.writers_turn()?;
    link.begin(true)?;
    // No slot is added behind this lock; and locking its rows waits for whatever of it the server has not
    // ended yet.
    link.query(&t.lock_registration, std::slice::from_ref(&own))?;
    let update = if t.engine == Engine::Sqlite { "" } else { " FOR UPDATE" };
    let sql = format!("SELECT slot, seq FROM {} WHERE pool = ?{update}", t.name("twin_pending"));
    let rows = link.query(&sql, std::slice::from_ref(&own))?;
    let mut unapplied = 0;
    for r in rows.iter().filter(|r| int(&r[1]) > 0) {
        // Under the lock of its position row nothing of it is in flight any more.
        let name = [own.clone(), r[0].clone()];
        mirror.begin(true)?;
        let at = mirror.query(&pair.mirror_tables().lock_applied, &name);
        mirror.rollback()?;
        if at?.first().and_then(|r| r.first()).map_or(0, int) < int(&r[1]) {
            unapplied += 1;
        }
    }
    let sql = format!(
        "SELECT COUNT(*), SUM(CASE WHEN parts = 0 THEN 1 ELSE 0 END) FROM {} WHERE pool = ?",
        t.name("invocation_queue")
    );
    let queued = link.query(&sql, std::slice::from_ref(&own))?;
    let figure = |n: usize| queued.first().and_then(|r| r.get(n)).map_or(0, int);
    if unapplied > 0 || figure(0) > 0 {
        link.rollback()?;
        if figure(1) > 0 {
            super::intents::look(pair, Some(pool))?;
        } else if unapplied > 0 {
            pair.flip(&clip(&format!("{unapplied} transactions of a pool that died wait for the mirror")))?;
        }
        return Ok(false);
    }
    if !remove {
        return link.rollback().map(|()| false);
    }
    for r in &rows {
        let name = [own.clone(), r[0].clone()];
        for table in ["twin_pending", "twin_pending_part"] {
            link.run(&format!("DELETE FROM {} WHERE pool = ? AND slot = ?", t.name(table)), &name)?;
        }
    }
    crate::failpoint!(&pair.setup.name, "before_burial");
    link.commit()?;
    crate::failpoint!(&pair.setup.name, "buried_on_master");

    // The registration goes last, so that positions are never without one: whoever finds a registration
    // with nothing pending goes on here. A pool that was only paused may have taken a new slot meanwhile.
    link.begin(true)?;
    let registered = !link.query(&t.lock_registration, std::slice::from_ref(&own))?.is_empty();
    let sql = format!("SELECT COUNT(*) FROM {} WHERE pool = ?", t.name("twin_pending"));
    let slots = link.query(&sql, std::slice::from_ref(&own))?.first().and_then(|r| r.first()).map_or(0, int);
    if !registered || slots > 0 {
        return link.rollback().map(|()| false);
    }
    let applied = pair.mirror_tables().name("twin_applied");
    let sql = format!("SELECT slot FROM {applied} WHERE pool = ?");
    let positions = mirror.query(&sql, std::slice::from_ref(&own))?;
    mirror.begin(true)?;
    mirror.run(&pair.mirror_tables().take_lease, &[])?;
    let sql = format!("DELETE FROM {applied} WHERE pool = ? AND slot = ?");
    for r in &positions {
        mirror.run(&sql, &[own.clone(), r[0].clone()])?;
    }
    mirror.commit()?;
    crate::failpoint!(&pair.setup.name, "buried_on_mirror");
    link.run(&format!("DELETE FROM {} WHERE pool = ?", t.name("twin_pool")), std::slice::from_ref(&own))?;
    link.commit().map(|()| true)
}

/// At an orderly close: takes our rows away if nothing of them is needed. Failing is no harm, another pool
/// does it later.
pub fn leave(pair: &Pair) {
    if pair.view().state != MirrorState::InSync {
        return;
    }
    let gone = pair.open_mirror().and_then(|mut mirror| {
        let replay = locks::try_lock(pair.open_master()?, "twin-replay", true)?;
        if replay.is_some() {
            bury(pair, &pair.id, &mut mirror, true)?;
        }
        drop(replay);
        restored::part(pair, &mut mirror)
    });
    if let Err(e) = gone {
        log::debug!(target: "twinpool::pair", "{}: the registration stays for others to remove: {e}", pair.setup.name);
    }
}
