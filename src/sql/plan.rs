//! How the effect of a statement comes to the mirror.

use crate::error::{Error, Result, Status};
use crate::link::Engine;
use crate::link::catalog::TableFacts;
use crate::value::Value;

use super::classifier::{Analysis, FactsOf};
use super::classify::{Kind, Statement, Verb};
use super::hints::Hint;
use super::keys::KeyPlan;
use super::rows::RowsPlan;
use super::scan::{Scan, TokenKind};
use super::target::Target;
use super::{insert, other, reads, split, update};

/// What is shipped. Depends on the text and the catalogue only, so that it can be kept;
/// [`Plan::given`] then looks at the parameters of one execution.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Runs on the master and is not shipped.
    Local,
    /// The text and its parameters, as they are.
    Text(TextPlan),
    /// The keys of the rows are read and locked first; then a statement that names them runs on both sides.
    Keys(KeyPlan),
    /// Runs on the master alone; the rows it wrote are captured there and shipped as rows.
    Rows(RowsPlan),
    /// Goes to both connections, is repeated when the mirror half is made anew, and undone at release.
    Session,
    /// The text on both sides; the session knows what that means on its engine.
    Ddl,
    /// Cannot be shipped with the same effect: the policy `on_unsafe` decides.
    Unsafe(Unsafe),
}

/// Why a statement cannot be shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// One line, without the statement's values.
    pub reason: String,
    /// What to write instead.
    pub instead: String,
}

impl Unsafe {
    pub(super) fn new(reason: impl Into<String>, instead: impl Into<String>) -> Unsafe {
        Unsafe { reason: reason.into(), instead: instead.into() }
    }

    /// The error for `on_unsafe = refuse`.
    pub fn error(&self) -> Error {
        Error::new(Status::Unsafe, self.to_string())
    }
}

impl std::fmt::Display for Unsafe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the statement cannot be mirrored: {}; instead: {}", self.reason, self.instead)
    }
}

/// A statement that is shipped as text, as long as its parameters keep to the conditions.
#[derive(Clone, Debug)]
pub struct TextPlan {
    pub conditions: Vec<Condition>,
    /// The plan where a condition does not hold and the plan is not simply refused.
    pub otherwise: Option<Box<Plan>>,
}

/// What a parameter must be for the text to mean the same on both sides. Parameters count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The column would get a value of its own making for NULL (and for 0 where `zero`).
    Given { parameter: usize, column: String, zero: bool },
    /// Compared with a character column: a number would match every row that reads as that number.
    Characters { parameter: usize },
    /// Compared with a number column: a floating point number may match more than one row.
    Exact { parameter: usize },
    /// Becomes a date or a time: not `'now'`, `'today'` and the like.
    Absolute { parameter: usize, words: &'static [&'static str] },
    /// Becomes a date: a bare time of day would be filled up with the current date.
    Dated { parameter: usize },
}

impl Plan {
    /// The plan for these parameters: this one, or what stands in for it where they do not keep to its
    /// conditions.
    pub fn given(&self, params: &[Value]) -> Result<&Plan, Unsafe> {
        let (conditions, otherwise) = match self {
            Plan::Text(text) => (&text.conditions, text.otherwise.as_deref()),
            Plan::Keys(keys) => (&keys.conditions, None),
            _ => return Ok(self),
        };
        match (conditions.iter().find(|c| !c.holds(params)), otherwise) {
            (None, _) => Ok(self),
            (Some(_), Some(plan)) => plan.given(params),
            (Some(broken), None) => Err(broken.refusal()),
        }
    }

    pub(super) fn refuse(reason: impl Into<String>, instead: impl Into<String>) -> Plan {
        Plan::Unsafe(Unsafe::new(reason, instead))
    }

    pub(super) fn text() -> Plan {
        Plan::Text(TextPlan { conditions: Vec::new(), otherwise: None })
    }
}

impl Condition {
    pub fn holds(&self, params: &[Value]) -> bool {
        let value = |n: &usize| params.get(*n).unwrap_or(&Value::Null);
        match self {
            Condition::Given { parameter, zero, .. } => {
                let v = value(parameter);
                *v != Value::Null && !(*zero && may_be_zero(v))
            }
            Condition::Characters { parameter } => !matches!(
                value(parameter),
                Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Decimal(_)
            ),
            Condition::Exact { parameter } => !matches!(value(parameter), Value::Double(_)),
            Condition::Absolute { parameter, words } => {
                value(parameter).text().is_none_or(|s| !is_relative(s, words))
            }
            Condition::Dated { parameter } => !matches!(value(parameter), Value::Time(_)),
        }
    }

    fn refusal(&self) -> Unsafe {
        match self {
            Condition::Given { parameter, column, zero } => Unsafe::new(
                format!(
                    "parameter {} leaves the value of column {column} to the database (NULL{})",
                    parameter + 1,
                    if *zero { " or 0" } else { "" }
                ),
                format!("give the value of column {column} explicitly"),
            ),
            Condition::Characters { parameter } | Condition::Exact { parameter } => Unsafe::new(
                format!(
                    "parameter {} is compared with a column of another type, more rows may match",
                    parameter + 1
                ),
                "bind it with the column's type",
            ),
            Condition::Absolute { parameter, .. } => Unsafe::new(
                format!("parameter {} is a time relative to now", parameter + 1),
                "bind the date and time themselves",
            ),
            Condition::Dated { parameter } => Unsafe::new(
                format!(
                    "parameter {} is a time of day for a date column, which adds today's date",
                    parameter + 1
                ),
                "bind a full timestamp",
            ),
        }
    }
}

/// MariaDB generates a value for whatever converts to 0.
fn may_be_zero(v: &Value) -> bool {
    match v {
        Value::Int(n) => *n == 0,
        Value::Bool(b) => !b,
        Value::Double(d) => d.abs() < 1.0,
        Value::Decimal(s) => begins_with_zero(s),
        _ => v.text().is_none_or(begins_with_zero),
    }
}

/// The leading number counts: '5x' is 5, 'x' is 0.
fn begins_with_zero(text: &str) -> bool {
    let digits = text.trim_start().trim_start_matches(['-', '+']);
    let whole = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    whole.bytes().all(|b| b == b'0')
}

/// Whether a text, read as a date or time, begins with one of these words.
pub(super) fn is_relative(text: &str, words: &[&str]) -> bool {
    let mut found = text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty());
    let first = found.next().unwrap_or("");
    words.iter().any(|r| first.eq_ignore_ascii_case(r)) && found.count() < 3
}

/// Plans a statement. What it asks of the catalogue is asked through `facts`.
pub(super) fn plan(engine: Engine, analysis: &Analysis, facts: &mut FactsOf) -> Result<Plan> {
    match (analysis.hint, &analysis.kind) {
        (Some(Hint::Local), _) => return Ok(Plan::Local),
        (Some(Hint::Write), Kind::Write(_)) => return Ok(Plan::text()),
        _ => {}
    }
    let scan = Scan::new(&analysis.text, engine);
    let (from, to) = match split::statements(&scan, engine).as_slice() {
        [one] => (one.start, one.end),
        _ => (0, scan.len()),
    };
    let s = Statement { scan: &scan, engine, from, to };
    if (from..to).any(|i| scan.kind(i) == Some(TokenKind::Param)) && matches!(analysis.kind, Kind::Write(_)) {
        return Ok(Plan::refuse(
            "parameters other than ? cannot be bound through ODBC",
            "write ? for each parameter",
        ));
    }
    let verb = match &analysis.kind {
        Kind::Write(verb) => *verb,
        Kind::Ddl => return other::ddl(s, facts),
        Kind::Session(kind) => return Ok(other::session(*kind, s)),
        Kind::Multi => {
            return Ok(Plan::refuse("the text holds several statements", "give each statement by itself"));
        }
        _ => return Ok(Plan::Local),
    };
    match verb {
        Verb::Insert | Verb::Replace => match insert::read(s) {
            Ok(insert) => on_table(&insert.target, s, facts, |f| insert::plan(&insert, f)),
            Err(u) => Ok(Plan::Unsafe(u)),
        },
        Verb::Update | Verb::Delete => match update::read(s) {
            Ok(dml) => on_table(&dml.target, s, facts, |f| update::plan(&dml, f)),
            Err(u) => Ok(Plan::Unsafe(u)),
        },
        Verb::Sequence | Verb::Maintain => Ok(Plan::Local),
        other => Ok(Plan::Unsafe(other::refusal(other, s))),
    }
}

fn on_table(
    target: &Target,
    s: Statement,
    facts: &mut FactsOf,
    plan: impl FnOnce(&TableFacts) -> Plan,
) -> Result<Plan> {
    let Some(table) = facts(target.schema.as_deref(), &target.name)? else {
        return Ok(Plan::refuse(
            format!("table {} is not in the catalogue", target.name),
            "name a table of the database",
        ));
    };
    if table.is_temporary {
        // Temporary tables are on the master only: nothing that is shipped ever reads them.
        return Ok(reads::local_refusal(s).map_or(Plan::Local, Plan::Unsafe));
    }
    if table.is_view {
        return Ok(Plan::refuse(format!("{} is a view", target.name), "write its table"));
    }
    if table.has_triggers {
        return Ok(Plan::refuse(
            format!("table {} has triggers, whose effect cannot be seen", target.name),
            "the hint /*twin:write*/ ships the statement as it is, and the trigger runs on both sides",
        ));
    }
    if let Some(what) = table.hidden {
        return Ok(Plan::refuse(
            format!("table {} {what} cannot be mirrored", target.name),
            "the hint /*twin:write*/ ships the statement as it is; both sides then do it by themselves",
        ));
    }
    Ok(plan(&table))
}
