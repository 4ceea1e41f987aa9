//! Intents of DDL that commits by itself, and what becomes of those whose process, connection or server died.
//!
//! A connection runs such DDL under a lock of the server, from before its intent is committed until it is settled.
//! So whoever has the lock and sees an intent knows that nobody works on it any more, and that its DDL does not run:
//! the server lets go of the lock only when the connection's last statement has ended. DDL is atomic there, so it
//! has happened or it has not, and the definitions of its objects tell which, as long as nobody changes them past
//! twinpool. Where they could have come about in another way, an operator is asked, and nothing is guessed.

use std::time::Duration;

use super::locks;
use super::shared::{Pair, text};
use crate::error::{Class, Result, Side};
use crate::large::Bulk;
use crate::link::Link;
use crate::queue::entry::{self, Entry};
use crate::queue::trace::{Fingerprint, Standing, Trace};
use crate::sql::DdlObjects;
use crate::value::Value;

pub const QUESTION: &str = "a process died inside a DDL statement: look on the master whether it happened, run it on the mirror if so, then skip the entry and attach";

/// The name of the lock under which DDL runs on a node. From where the queue stands, which every pool knows: the
/// mirror may have been away when it was opened.
pub fn lock_name(pair: &Pair, side: Side) -> String {
    // One that is spelled in another case may be the same.
    format!("{}\0ddl\0{side}", pair.tables.name("invocation_queue").to_lowercase())
}

/// An intent in the queue, as it was read.
pub struct Found {
    /// (pool, slot, seq)
    name: [Value; 3],
    payload: Bulk,
    entry: Entry,
}

impl Found {
    pub fn new(name: [Value; 3], payload: Bulk) -> Result<Found> {
        let entry = entry::decode(&payload)?;
        Ok(Found { name, payload, entry })
    }

    fn pool(&self) -> String {
        text(&self.name[0])
    }

    fn trace(&self, pair: &Pair) -> Option<(Trace, DdlObjects)> {
        Trace::read(&self.entry, pair.tables.engine)
    }

    fn is_question(&self, pair: &Pair) -> bool {
        self.trace(pair).is_some_and(|(trace, _)| trace.standing == Standing::Question)
    }

    /// Writes down what became of it. Only of what still stands as it was read: should the lock have gone with its
    /// connection meanwhile, somebody else has said so before us, and may have run DDL behind it.
    fn write(&self, pair: &Pair, trace: &Trace) -> Result<()> {
        let mut statements = self.entry.statements.clone();
        if let Some(first) = statements.first_mut() {
            *first = trace.write();
        }
        let parts = if trace.standing == Standing::Question { 0 } else { 1 };
        let payload = entry::encode(&self.entry.context, &statements, &pair.setup.spill)?;
        let mut row = vec![Value::Int(parts), Value::Bytes(payload.to_vec())];
        row.extend_from_slice(&self.name);
        row.push(Value::Bytes(self.payload.to_vec()));
        pair.control(|link| link.run(&pair.tables.settle_traced, &row)).map(drop)
    }

    fn remove(&self, pair: &Pair) -> Result<()> {
        let mut row = self.name.to_vec();
        row.push(Value::Bytes(self.payload.to_vec()));
        pair.control(|link| link.run(&pair.tables.drop_traced, &row)).map(drop)
    }
}

fn read(pair: &Pair) -> Result<Vec<Found>> {
    let rows = pair.control(|link| link.query(&pair.tables.read_intents, &[]))?;
    let mut found = Vec::new();
    for row in rows {
        let Ok([pool, slot, seq, payload]) = <[Value; 4]>::try_from(row) else { continue };
        let mut whole = Bulk::new();
        whole.append(payload.bytes().unwrap_or_default(), &pair.setup.spill)?;
        // One of a newer library waits for it.
        found.extend(Found::new([pool, slot, seq], whole).ok());
    }
    Ok(found)
}

/// What the intent's own process knows of its DDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Happened,
    /// The server would not do it. DROP of several has dropped some all the same, and does so on the mirror.
    Refused,
    Nothing,
}

/// Settles one intent under the lock; false: it is a question, and stays one.
pub fn settle(pair: &Pair, intent: &Found, known: Known) -> Result<bool> {
    let Some((trace, objects)) = intent.trace(pair) else { return Ok(false) };
    if trace.standing == Standing::Question {
        return Ok(false);
    }
    let now = match pair.control(|link| Fingerprint::take(link, &objects, &trace.database)) {
        Ok(now) => Some(now),
        // An object that is there and cannot be shown: damaged (a sequence whose server was killed behind CREATE
        // SEQUENCE has lost its row), or taken from this user.
        Err(e) if e.class() == Class::Refused => {
            log::warn!(target: "twinpool::pair", "{}: what DDL has left cannot be read: {e}", pair.setup.name);
            None
        }
        Err(e) => return Err(e),
    };
    let changed = now.as_ref().is_none_or(|now| *now != trace.before);
    let standing = match (known, &now) {
        (Known::Happened, _) => Standing::Told,
        (Known::Refused, _) if !objects.drops_several => return intent.remove(pair).map(|()| true),
        (_, Some(_)) if !changed => return intent.remove(pair).map(|()| true),
        (Known::Refused, Some(now)) if now.is_part_of(&trace.before) => Standing::Told,
        (Known::Nothing, Some(now)) if now.may_follow(&trace.before, &objects) => Standing::Seen,
        // A crash has stopped DROP of several in the middle, where the mirror would not stop; or others were at it.
        _ => Standing::Question,
    };
    intent.write(pair, &Trace { after: now, standing, ..trace })?;
    Ok(standing != Standing::Question)
}

/// Settles under the lock what others have left.
pub fn settle_left(pair: &Pair) -> Result<()> {
    for intent in read(pair)? {
        settle(pair, &intent, Known::Nothing)?;
    }
    Ok(())
}

/// The same for whoever does not have the lock: where it is held, DDL runs, and its intent is none of the dead's.
/// `dead`: a pool that the caller knows to be. Whether a question was put to an operator.
pub fn look(pair: &Pair, dead: Option<&str>) -> Result<bool> {
    let is_dead = |pool: &str| Ok(dead == Some(pool) || (pool != pair.id && pair.is_dead(pool)?));
    let left = read(pair)?;
    if left.is_empty() {
        return Ok(false);
    }
    let mut link = pair.open_master()?;
    let name = lock_name(pair, Side::Master);
    if !locks::hold(&mut link, &name, Duration::ZERO)? {
        // The server may go on with the DDL of a process that died, or not have noticed that it did.
        for intent in left {
            if let Some((trace, _)) = intent.trace(pair)
                && is_dead(&intent.pool())?
            {
                end(&mut link, &name, trace.session)?;
            }
        }
        return Ok(false);
    }
    settle_left(pair)?;
    for intent in read(pair)? {
        // Of what has no trace its own process may still say what became of it.
        if intent.is_question(pair) || (intent.trace(pair).is_none() && is_dead(&intent.pool())?) {
            pair.stop_replay(QUESTION)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Ends the session that was to run DDL, if it is that which has the lock: after a restart of the server its number
/// may be anybody's.
pub fn end(link: &mut Link, lock: &str, session: u64) -> Result<()> {
    if locks::holder(link, lock)? == Some(session)
        && let Some(sql) = link.dialect().kill_sql(session)
        && let Err(e) = link.run_once(&sql)
    {
        log::debug!(target: "twinpool::pair", "the session {session} was not ended: {e}");
    }
    Ok(())
}

/// What a replay does with DDL whose objects are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMirror {
    Run,
    /// It is there already, as far as can be seen: a replay that died has run it, or an operator.
    There,
    /// It was seen on the master that it happened, nobody has said so: the mirror, which looks as the master did, has
    /// to look like the master behind it.
    RunAndCompare,
    /// The same, and the mirror does not look as the master did: it could not be compared.
    Unlike,
}

pub fn on_mirror(pair: &Pair, entry: &Entry, database: &str) -> Result<OnMirror> {
    let Some((trace, now)) = seen_on_mirror(pair, entry, database)? else { return Ok(OnMirror::Run) };
    Ok(match trace.standing {
        _ if trace.has_happened(&now) => OnMirror::There,
        Standing::Seen if now == trace.before => OnMirror::RunAndCompare,
        Standing::Seen => OnMirror::Unlike,
        _ => OnMirror::Run,
    })
}

/// Whether the mirror looks like the master behind the DDL.
pub fn is_alike(pair: &Pair, entry: &Entry, database: &str) -> Result<bool> {
    let seen = seen_on_mirror(pair, entry, database)?;
    Ok(seen.is_some_and(|(trace, now)| trace.after.as_ref() == Some(&now)))
}

fn seen_on_mirror(pair: &Pair, entry: &Entry, database: &str) -> Result<Option<(Trace, Fingerprint)>> {
    let Some((trace, objects)) = Trace::read(entry, pair.mirror_tables().engine) else { return Ok(None) };
    if trace.after.is_none() {
        return Ok(None);
    }
    // A connection of its own: settings of the entry's session change how definitions are shown.
    let now = Fingerprint::take(&mut pair.open_mirror()?, &objects, database)?;
    Ok(Some((trace, now)))
}

/// What unqualified names mean to this connection.
pub fn database(link: &mut Link) -> Result<String> {
    let rows = link.query(link.dialect().current_schema_sql(), &[])?;
    Ok(rows.first().and_then(|r| r.first()).map(text).unwrap_or_default())
}
