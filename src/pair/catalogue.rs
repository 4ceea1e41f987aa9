//! What a pool knows of tables, for all its sessions.
//!
//! Others may change a table at any time, past twinpool too. So what is known here may be old, and a plan that
//! rests on it too; no transaction is committed before the master has said that it was not: see
//! `twin/facts.rs`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::error::Result;
use crate::link::Link;
use crate::link::catalog::TableFacts;

type Name = (String, String);

/// What unqualified names mean, and what is seen at all: the same for all sessions of the same settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Names(u16);

/// So many different settings are told apart; sessions of further ones read for themselves. An application that
/// makes new ones all the time would gain nothing by it.
const MOST_NAMES: u16 = 256;

#[derive(Debug)]
pub struct Catalogue {
    /// By schema and name as statements give them.
    known: RwLock<HashMap<(Names, Name), Arc<TableFacts>>>,
    /// By the settings of sessions; none is the first.
    names: RwLock<HashMap<String, Names>>,
    /// Changes whenever facts of tables have changed; plans are kept for one value of it.
    generation: AtomicU64,
    /// When it was last looked at what versions do not cover; by schema and name of the table.
    looked: Mutex<HashMap<Name, Instant>>,
    max_age: Duration,
}

impl Catalogue {
    pub fn new(max_age: Duration) -> Catalogue {
        Catalogue {
            known: RwLock::new(HashMap::new()),
            names: RwLock::new(HashMap::new()),
            generation: AtomicU64::new(0),
            looked: Mutex::new(HashMap::new()),
            max_age,
        }
    }

    /// What names mean to a session of these settings. `None`: too many different ones were seen.
    pub fn names(&self, settings: &[String], schema: Option<&str>) -> Option<Names> {
        if settings.is_empty() && schema.is_none() {
            return Some(Names(0));
        }
        let key = format!("{schema:?}{settings:?}");
        if let Some(names) = self.names.read().get(&key) {
            return Some(*names);
        }
        let mut all = self.names.write();
        let next = u16::try_from(all.len() + 1).ok().filter(|n| *n < MOST_NAMES);
        match all.get(&key) {
            Some(names) => Some(*names),
            None => next.map(|next| *all.entry(key).or_insert(Names(next))),
        }
    }

    /// The facts of a table, read once and kept until they turn out to be old.
    pub fn facts(
        &self,
        names: Names,
        schema: Option<&str>,
        table: &str,
        link: &mut Link,
    ) -> Result<Option<Arc<TableFacts>>> {
        let key = (names, (schema.unwrap_or("").to_owned(), table.to_owned()));
        if let Some(facts) = self.known.read().get(&key) {
            return Ok(Some(Arc::clone(facts)));
        }
        let asked = Instant::now();
        let facts = link.describe_table(schema, table)?.map(Arc::new);
        // What is not there yet may be made at any time.
        if let Some(f) = facts.as_ref().filter(|f| !f.is_temporary) {
            self.known.write().insert(key, Arc::clone(f));
            self.looked.lock().insert((f.schema.clone(), f.name.clone()), asked);
        }
        Ok(facts)
    }

    /// Some table is not what it was.
    pub fn forget(&self) {
        self.known.write().clear();
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The same facts under another version.
    pub fn renew(&self, names: Names, schema: Option<&str>, table: &str, facts: TableFacts) {
        let key = (names, (schema.unwrap_or("").to_owned(), table.to_owned()));
        self.known.write().insert(key, Arc::new(facts));
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// For how long plans hold, and for whom.
    pub fn generation(&self, names: Names) -> u64 {
        self.generation.load(Ordering::SeqCst) << 16 | u64::from(names.0)
    }

    /// Whether it is time to look at what the version of these facts does not cover. Whoever is told so looks.
    pub fn is_due(&self, facts: &TableFacts) -> bool {
        let now = Instant::now();
        let mut looked = self.looked.lock();
        let key = (facts.schema.clone(), facts.name.clone());
        let due = looked.get(&key).is_none_or(|last| now.duration_since(*last) >= self.max_age);
        if due {
            looked.insert(key, now);
        }
        due
    }
}
