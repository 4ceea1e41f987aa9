//! The classifier: analyses texts, keeps what it found, and plans.

use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::error::Result;
use crate::link::Engine;
use crate::link::catalog::{NamedTable, TableFacts};

use super::classify::{self, Kind, Verb};
use super::hints::Hint;
use super::plan::Plan;
use super::scan::Scan;

/// Texts longer than this are not kept: they carry their values in them and hardly come twice.
const LONGEST_KEPT: usize = 16 * 1024;
/// Bytes of text kept, about; what belongs to a text is of the same order.
const KEPT_BYTES: u64 = 8 * 1024 * 1024;

/// Says what statements do. One for all sessions of a pool.
pub struct Classifier {
    engine: Engine,
    known: Cache<Box<str>, Arc<Analysis>, ByLength>,
}

#[derive(Clone)]
struct ByLength;

impl Weighter<Box<str>, Arc<Analysis>> for ByLength {
    fn weight(&self, text: &Box<str>, _: &Arc<Analysis>) -> u64 {
        text.len() as u64 + 256
    }
}

/// What a text is found to be.
#[derive(Debug)]
pub struct Analysis {
    pub kind: Kind,
    pub hint: Option<Hint>,
    /// Number of `?` parameters.
    pub markers: usize,
    /// MariaDB ends the open transaction to run this (and commits).
    pub commits: bool,
    /// The engine refuses it inside a transaction: `VACUUM`, `CREATE INDEX CONCURRENTLY`.
    pub alone: bool,
    pub(super) text: Box<str>,
    pub(super) planned: Mutex<Option<(u64, Arc<Planned>)>>,
}

/// A plan, and the tables whose facts it rests on.
#[derive(Debug)]
pub struct Planned {
    pub plan: Plan,
    pub tables: Vec<NamedTable>,
    /// Sequences it draws from by their names.
    pub draws: Vec<String>,
}

impl Analysis {
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// How planning asks for a table: schema as written in the statement, name. `None`: no such table.
pub type FactsOf<'f> = dyn FnMut(Option<&str>, &str) -> Result<Option<Arc<TableFacts>>> + 'f;

impl Classifier {
    pub fn new(engine: Engine) -> Classifier {
        Classifier { engine, known: Cache::with_weighter(4096, KEPT_BYTES, ByLength) }
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// What kind of statement this is. Kept by text.
    pub fn analyse(&self, sql: &str) -> Arc<Analysis> {
        if let Some(found) = self.known.get(sql) {
            return found;
        }
        let analysis = Arc::new(analyse(sql, self.engine));
        if sql.len() <= LONGEST_KEPT {
            self.known.insert(sql.into(), Arc::clone(&analysis));
        }
        analysis
    }

    /// How its effect comes to the mirror.
    ///
    /// The plan is kept with the analysis for one `generation` of the catalogue: a number that the caller
    /// changes whenever facts may have changed (DDL, another schema or search path, a temporary table made
    /// in this session). `None` keeps nothing. A table that is not there is asked for again: it may be made at any
    /// time. Transaction control, reads and `Multi` need no plan; they
    /// get [`Plan::Local`] and, for `Multi`, [`Plan::Unsafe`].
    pub fn plan(
        &self,
        analysis: &Analysis,
        generation: Option<u64>,
        facts: &mut FactsOf,
    ) -> Result<Arc<Planned>> {
        if let Some(wanted) = generation
            && let Some((kept, plan)) = &*analysis.planned.lock()
            && *kept == wanted
        {
            return Ok(Arc::clone(plan));
        }
        let mut tables = Vec::new();
        let mut all_there = true;
        let mut noting = |schema: Option<&str>, name: &str| {
            let found = facts(schema, name)?;
            match &found {
                Some(facts) => tables.push(NamedTable {
                    schema: schema.map(str::to_owned),
                    name: name.to_owned(),
                    facts: Arc::clone(facts),
                }),
                None => all_there = false,
            }
            Ok(found)
        };
        let plan = super::plan::plan(self.engine, analysis, &mut noting)?;
        let draws = match plan {
            Plan::Rows(_) | Plan::Local => {
                super::draws::draws(&Scan::new(&analysis.text, self.engine), self.engine)
            }
            _ => Vec::new(),
        };
        let planned = Arc::new(Planned { plan, tables, draws });
        if let Some(generation) = generation.filter(|_| all_there) {
            *analysis.planned.lock() = Some((generation, Arc::clone(&planned)));
        }
        Ok(planned)
    }
}

impl std::fmt::Debug for Classifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Classifier").field("engine", &self.engine).field("known", &self.known.len()).finish()
    }
}

fn analyse(sql: &str, engine: Engine) -> Analysis {
    let scan = Scan::new(sql, engine);
    let found = classify::classify(&scan, engine);
    let kind = match (scan.hint, found.kind) {
        (
            Some(Hint::Read),
            Kind::Write(Verb::Select | Verb::Sequence | Verb::Call | Verb::Unknown) | Kind::Lock,
        ) => Kind::Read,
        (Some(Hint::Write), Kind::Read | Kind::Lock) => Kind::Write(Verb::Select),
        (_, kind) => kind,
    };
    Analysis {
        kind,
        hint: scan.hint,
        markers: scan.markers(),
        commits: found.commits,
        alone: found.alone,
        text: sql.into(),
        planned: Mutex::new(None),
    }
}
