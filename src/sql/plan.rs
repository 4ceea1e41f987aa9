//! How the effect of a statement comes to the mirror.

use crate::error::{Error, Result, Status};
use crate::link::Engine;
use crate::value::Value;

use super::keys::KeyPlan;

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
    Absolute { parameter: usize },
    /// Becomes a date: a bare time of day would be filled up with the current date.
    Dated { parameter: usize },
}

impl Plan {
    /// The plan for these parameters: this one, or what stands in for it where they do not keep to its
    /// conditions.
    pub fn given(&self, params: &[Value]) -> Result<&Plan, Unsafe> {
        let Plan::Text(text) = self else { return Ok(self) };
        match text.conditions.iter().find(|c| !c.holds(params)) {
            None => Ok(self),
            Some(broken) => match &text.otherwise {
                Some(plan) => plan.given(params),
                None => Err(broken.refusal()),
            },
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
            Condition::Absolute { parameter } => match value(parameter) {
                Value::Text(s) => !is_relative(s),
                _ => true,
            },
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
            Condition::Absolute { parameter } => Unsafe::new(
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
        Value::Decimal(s) | Value::Text(s) => {
            // The leading number counts: '5x' is 5, 'x' is 0.
            let digits = s.trim_start().trim_start_matches(['-', '+']);
            let whole = digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
            whole.bytes().all(|b| b == b'0')
        }
        _ => true,
    }
}

/// Words that PostgreSQL and SQLite read as a time relative to the present.
pub(super) fn is_relative(text: &str) -> bool {
    const WORDS: [&str; 8] = ["now", "today", "tomorrow", "yesterday", "current", "localtime", "utc", "auto"];
    text.len() <= 64
        && text
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|w| WORDS.iter().any(|r| w.eq_ignore_ascii_case(r)))
}

/// What planning needs to know besides the statement.
pub(super) struct Context {
    pub engine: Engine,
}

pub(super) fn plan(
    _engine: Engine,
    _analysis: &super::Analysis,
    _facts: &mut super::classifier::FactsOf,
) -> Result<Plan> {
    Ok(Plan::refuse("plans are still to come", "nothing"))
}
