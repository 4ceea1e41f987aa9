//! Whether a condition names its rows by equality on a whole unique key.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as Literal};

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, TableFacts};

use super::determinate::{Checker, RELATIVE, string};
use super::parse;
use super::plan::{Condition, is_relative};
use super::target::{self, Family};

/// The rows a predicate names.
pub(super) struct Named {
    /// More than one row may be named.
    pub many: bool,
}

/// Whether the predicate names rows by equality on a whole unique key. Further conditions on the row's own
/// columns are fine: the row is named, and its lock orders what they see.
pub(super) fn rows_named(e: &Expr, facts: &TableFacts, checker: &mut Checker) -> Option<Named> {
    let mut many = false;
    let alternatives = flatten(e, &BinaryOperator::Or);
    for alternative in &alternatives {
        let mut given: Vec<&ColumnFacts> = Vec::new();
        for condition in flatten(alternative, &BinaryOperator::And) {
            match equality(condition, checker) {
                Some((columns, several)) => {
                    given.extend(columns);
                    many |= several;
                }
                None => checker.check(condition).ok()?,
            }
        }
        let whole =
            |key: &Vec<String>| !key.is_empty() && key.iter().all(|k| given.iter().any(|c| c.name == *k));
        if !whole(&facts.primary_key) && !facts.unique_keys.iter().any(whole) {
            return None;
        }
    }
    Some(Named { many: many || alternatives.len() > 1 })
}

/// The operands of a chain of ANDs or ORs.
fn flatten<'e>(e: &'e Expr, chain: &BinaryOperator) -> Vec<&'e Expr> {
    let mut found = Vec::new();
    let mut left = vec![e];
    while let Some(e) = left.pop() {
        match e {
            Expr::Nested(inner) => left.push(inner),
            Expr::BinaryOp { left: a, op, right: b } if op == chain => {
                left.push(b);
                left.push(a);
            }
            other => found.push(other),
        }
    }
    found
}

/// `column = constant`, `column IN (constants)`, and the same with row values: the columns, and whether
/// there are several constants.
fn equality<'f>(e: &Expr, checker: &mut Checker<'f>) -> Option<(Vec<&'f ColumnFacts>, bool)> {
    match e {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            if let (Some(columns), Some(values)) = (columns_of(left, checker), tuple(right)) {
                return matches(&columns, &values, checker).then_some((columns, false));
            }
            let (columns, values) = (columns_of(right, checker)?, tuple(left)?);
            matches(&columns, &values, checker).then_some((columns, false))
        }
        Expr::InList { expr, list, negated: false } => {
            let columns = columns_of(expr, checker)?;
            for value in list {
                if !matches(&columns, &tuple(value)?, checker) {
                    return None;
                }
            }
            Some((columns, list.len() > 1))
        }
        _ => None,
    }
}

fn columns_of<'f>(e: &Expr, checker: &Checker<'f>) -> Option<Vec<&'f ColumnFacts>> {
    match e {
        Expr::Nested(e) => columns_of(e, checker),
        Expr::Tuple(list) => list.iter().map(|e| column_of(e, checker)).collect(),
        e => column_of(e, checker).map(|c| vec![c]),
    }
}

fn column_of<'f>(e: &Expr, checker: &Checker<'f>) -> Option<&'f ColumnFacts> {
    let (name, table) = match e {
        Expr::Nested(e) => return column_of(e, checker),
        Expr::Identifier(name) => (name, None),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] if parts.len() < 4 => (name, Some(table)),
            _ => return None,
        },
        _ => return None,
    };
    if let Some(table) = table {
        let written = table.quote_style.map_or(table.value.clone(), |q| format!("{q}{}{q}", table.value));
        if !checker.target.is_called(&written, checker.engine) {
            return None;
        }
    }
    target::column(checker.facts, checker.engine, &name.value, name.quote_style.is_some())
}

fn tuple(e: &Expr) -> Option<Vec<&Expr>> {
    match e {
        Expr::Tuple(list) => Some(list.iter().collect()),
        e => Some(vec![e]),
    }
}

fn matches(columns: &[&ColumnFacts], values: &[&Expr], checker: &mut Checker) -> bool {
    columns.len() == values.len() && columns.iter().zip(values).all(|(c, v)| is_constant_for(v, c, checker))
}

/// Whether comparing the column with this constant can match one row only. Where the column's value would
/// be converted for the comparison (MariaDB compares a text with a number as floating point), more may.
fn is_constant_for(e: &Expr, column: &ColumnFacts, checker: &mut Checker) -> bool {
    let family = target::family(column, checker.engine);
    let mariadb = checker.engine == Engine::MariaDb;
    match e {
        Expr::Nested(e) => is_constant_for(e, column, checker),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => match &**expr {
            Expr::Value(v) if matches!(v.value, Literal::Number(..)) => {
                is_constant_for(expr, column, checker)
            }
            _ => false,
        },
        Expr::Value(v) => match &v.value {
            Literal::Placeholder(p) => {
                let Some(parameter) = parse::marker(p) else { return false };
                match family {
                    Family::Integer | Family::Decimal => checker.add(Condition::Exact { parameter }),
                    Family::Characters if mariadb => checker.add(Condition::Characters { parameter }),
                    _ => {}
                }
                if family.is_temporal() || (family == Family::Other && checker.engine == Engine::Postgres) {
                    checker.add(Condition::Absolute { parameter, words: RELATIVE });
                }
                if mariadb && matches!(family, Family::Temporal | Family::Instant) {
                    checker.add(Condition::Dated { parameter });
                }
                !(mariadb && matches!(family, Family::Decimal | Family::Float | Family::Other))
            }
            Literal::Number(n, _) => match family {
                Family::Integer | Family::Decimal => !n.contains(['e', 'E']) || !mariadb,
                _ => !mariadb,
            },
            Literal::Boolean(_) | Literal::Null => !mariadb || family == Family::Integer,
            v => match string(v) {
                Some(s) => {
                    let relative = checker.engine == Engine::Postgres && is_relative(s, RELATIVE);
                    let fits = !mariadb || !matches!(family, Family::Decimal | Family::Float | Family::Other);
                    fits && !(relative && family != Family::Characters)
                }
                None => matches!(v, Literal::HexStringLiteral(_)) && !mariadb,
            },
        },
        // PostgreSQL's `$1::uuid`; not to a floating point type, which bigger numbers share.
        Expr::Cast { expr, data_type, .. } if checker.engine == Engine::Postgres => {
            let name = data_type.to_string().to_lowercase();
            let exact = [
                "int",
                "bigint",
                "smallint",
                "uuid",
                "text",
                "varchar",
                "character varying",
                "numeric",
                "date",
            ];
            exact.iter().any(|t| name.starts_with(t))
                && !name.starts_with("interval")
                && is_constant_for(expr, column, checker)
        }
        _ => false,
    }
}
