//! How a statement of this session would come to the mirror.

use std::sync::Arc;

use super::session::TwinSession;
use crate::error::Result;
use crate::pair::catalogue::Names;
use crate::sql::{Analysis, Kind, Plan, Planned};
use crate::value::Value;

/// The ways of a statement, as `docs/statements.md` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// The text and its parameters.
    Text,
    /// The keys of its rows are read and locked first; a statement that names them runs on both sides.
    Keys,
    /// It runs on the master; the rows it wrote are shipped.
    Rows,
    /// DDL: the text.
    Ddl,
    /// Session settings: both connections.
    Session,
    /// Of no concern to the mirror.
    Local,
    /// `on_unsafe` decides.
    Refused,
}

impl Way {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Way::Text => "text",
            Way::Keys => "keys",
            Way::Rows => "rows",
            Way::Ddl => "ddl",
            Way::Session => "session",
            Way::Local => "local",
            Way::Refused => "refused",
        }
    }
}

impl TwinSession {
    /// Whether names may mean other tables here than in any other session, or than a moment ago: temporary tables,
    /// `SET LOCAL`.
    pub(super) fn has_own_names(&self) -> bool {
        self.own_tables || self.tx.as_ref().is_some_and(|tx| tx.local_names)
    }

    /// Under what the tables that this session sees are known: sessions of the same settings see the same. `None`:
    /// what it sees is its own, also by DDL that is not committed.
    pub(super) fn names(&self) -> Option<Names> {
        let own = self.has_own_names() || self.tx.as_ref().is_some_and(|tx| tx.own_ddl);
        match own {
            true => None,
            false => self.pair.catalogue.names(&self.settings, self.schema.as_deref()),
        }
    }

    pub(super) fn plan(&mut self, analysis: &Analysis) -> Result<Arc<Planned>> {
        let pair = Arc::clone(&self.pair);
        let names = self.names();
        let generation = names.map(|names| pair.catalogue.generation(names));
        let master = self.master()?;
        let mut facts = |schema: Option<&str>, table: &str| match names {
            None => Ok(master.describe_table(schema, table)?.map(Arc::new)),
            Some(names) => pair.facts(names, schema, table, master),
        };
        pair.classifier.plan(analysis, generation, &mut facts)
    }

    /// Whether it is DDL of which a transaction, and so the mirror, can have no part.
    fn must_be_alone(&mut self, analysis: &Analysis) -> Result<bool> {
        Ok(analysis.alone && !self.master()?.dialect().ddl_commits())
    }

    /// The way that a statement would take, without running it.
    pub fn way(&mut self, sql: &str, params: &[Value]) -> Result<Way> {
        self.ensure_master()?;
        let analysis = self.pair.classifier.analyse(sql);
        match &analysis.kind {
            Kind::Session(kind) if self.session_refusal(sql, *kind).is_some() => return Ok(Way::Refused),
            Kind::Commit { chain: true } | Kind::Rollback { chain: true } => return Ok(Way::Refused),
            Kind::Begin(how) if self.begins_otherwise(how) => return Ok(Way::Refused),
            _ if !self.master()?.takes(sql) => return Ok(Way::Refused),
            _ => {}
        }
        let planned = self.plan(&analysis)?;
        if matches!(planned.plan, Plan::Ddl)
            && (self.ddl_refusal(sql)?.is_some() || self.must_be_alone(&analysis)?)
        {
            return Ok(Way::Refused);
        }
        Ok(match planned.plan.given(params) {
            Err(_) | Ok(Plan::Unsafe(_)) => Way::Refused,
            Ok(Plan::Text(_)) => Way::Text,
            Ok(Plan::Keys(_)) => Way::Keys,
            Ok(Plan::Rows(_)) => Way::Rows,
            Ok(Plan::Ddl) => Way::Ddl,
            Ok(Plan::Session) => Way::Session,
            Ok(Plan::Local) => Way::Local,
        })
    }
}
