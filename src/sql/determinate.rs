//! Whether an expression gives the same value on both sides: constants, parameters and the row's own
//! columns, through operators and functions known to be determinate. What is not on the list is not.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, Subscript, UnaryOperator, Value as Literal,
};

use crate::link::Engine;
use crate::link::catalog::{ColumnFacts, TableFacts};

use super::functions::{self, Effect};
use super::parse;
use super::plan::{Condition, Unsafe, is_relative};
use super::target::{self, Family, Target};

/// Expressions nested deeper than this are not looked at.
const DEEPEST: usize = 400;

/// Looks at expressions of one statement.
pub(super) struct Checker<'a> {
    pub engine: Engine,
    pub facts: &'a TableFacts,
    pub target: &'a Target,
    /// Whether the row's own columns may be used: not in VALUES, where there is no row yet.
    pub columns: bool,
    /// Whether the new row of an upsert is known, as `excluded` or through `VALUES(column)`.
    pub excluded: bool,
    /// The column that the expression is for.
    pub assigned: Option<&'a ColumnFacts>,
    /// What the parameters must be for all this to hold.
    pub conditions: Vec<Condition>,
}

type Checked = Result<(), Unsafe>;

/// Words that PostgreSQL reads as a time relative to the present, where a date or time is wanted.
pub(super) const RELATIVE: &[&str] = &["now", "today", "tomorrow", "yesterday"];
/// What makes SQLite's date functions ask the clock or the machine's time zone.
const MODIFIERS: &[&str] = &["now", "localtime", "utc", "auto"];

const AS_PARAMETER: &str = "pass the value as a parameter";

impl Checker<'_> {
    pub fn check(&mut self, e: &Expr) -> Checked {
        // What is assigned as it stands is converted to the column's type by assignment.
        self.expr(e, 0, self.assigned.is_some())
    }

    /// `direct`: the value itself becomes the column's value.
    fn expr(&mut self, e: &Expr, depth: usize, direct: bool) -> Checked {
        if depth > DEEPEST {
            return Err(Unsafe::new("an expression is nested too deeply", "simplify the expression"));
        }
        let d = depth + 1;
        match e {
            Expr::Value(v) => self.literal(&v.value, direct),
            Expr::Identifier(name) => self.identifier(name),
            Expr::CompoundIdentifier(parts) => self.compound(parts),
            Expr::Nested(e) => self.expr(e, d, direct),
            Expr::IsFalse(e)
            | Expr::IsNotFalse(e)
            | Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsNull(e)
            | Expr::IsNotNull(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotUnknown(e) => self.expr(e, d, false),
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => self.all([a, b], d),
            Expr::InList { expr, list, .. } => {
                self.expr(expr, d, false)?;
                list.iter().try_for_each(|e| self.expr(e, d, false))
            }
            Expr::Between { expr, low, high, .. } => self.all([expr, low, high], d),
            Expr::BinaryOp { left, op, right } => {
                self.operator(op)?;
                self.all([left, right], d)
            }
            Expr::Like { expr, pattern, escape_char, .. }
            | Expr::ILike { expr, pattern, escape_char, .. }
            | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                self.all([expr, pattern], d)?;
                escape_char.as_ref().map_or(Ok(()), |e| self.expr(e, d, false))
            }
            Expr::RLike { expr, pattern, .. } if self.engine == Engine::MariaDb => {
                self.all([expr, pattern], d)
            }
            Expr::AnyOp { left, compare_op, right, .. } | Expr::AllOp { left, compare_op, right } => {
                self.operator(compare_op)?;
                self.all([left, right], d)
            }
            Expr::UnaryOp { op, expr } => {
                use UnaryOperator::*;
                match op {
                    Plus | Minus | Not | PGAbs | PGSquareRoot | BitwiseNot | BangNot => {
                        self.expr(expr, d, false)
                    }
                    _ => Err(not_known("an operator")),
                }
            }
            Expr::Cast { expr, data_type, .. } => {
                self.data_type(data_type)?;
                self.no_bare_time(data_type)?;
                self.expr(expr, d, false)
            }
            Expr::Convert { expr, data_type, styles, .. } => {
                if let Some(data_type) = data_type {
                    self.data_type(data_type)?;
                }
                styles.iter().try_for_each(|e| self.expr(e, d, false))?;
                self.expr(expr, d, false)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.all([timestamp, time_zone], d),
            Expr::Extract { expr, .. } | Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } => {
                self.expr(expr, d, false)
            }
            Expr::Position { expr, r#in } => self.all([expr, r#in], d),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.expr(expr, d, false)?;
                self.optional(substring_from, d)?;
                self.optional(substring_for, d)
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                self.expr(expr, d, false)?;
                self.optional(trim_what, d)?;
                trim_characters.iter().flatten().try_for_each(|e| self.expr(e, d, false))
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.all([expr, overlay_what, overlay_from], d)?;
                self.optional(overlay_for, d)
            }
            Expr::Collate { expr, .. } => self.expr(expr, d, direct),
            // MariaDB's `_utf8mb4'…'`.
            Expr::Prefixed { value, .. } if self.engine == Engine::MariaDb => self.expr(value, d, direct),
            Expr::TypedString(typed) => {
                self.data_type(&typed.data_type)?;
                self.no_bare_time(&typed.data_type)?;
                self.literal(&typed.value.value, false)
            }
            Expr::Function(f) => self.function(f, d),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.optional(operand, d)?;
                for when in conditions {
                    self.expr(&when.condition, d, false)?;
                    self.expr(&when.result, d, direct)?;
                }
                else_result.as_ref().map_or(Ok(()), |e| self.expr(e, d, direct))
            }
            Expr::Tuple(list) => list.iter().try_for_each(|e| self.expr(e, d, false)),
            Expr::Array(array) => array.elem.iter().try_for_each(|e| self.expr(e, d, false)),
            Expr::Interval(interval) => self.expr(&interval.value, d, false),
            Expr::CompoundFieldAccess { root, access_chain } if self.engine == Engine::Postgres => {
                self.expr(root, d, false)?;
                for access in access_chain {
                    match access {
                        AccessExpr::Subscript(Subscript::Index { index }) => self.expr(index, d, false)?,
                        AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                            for e in [lower_bound, upper_bound, stride].into_iter().flatten() {
                                self.expr(e, d, false)?;
                            }
                        }
                        AccessExpr::Dot(_) => {}
                    }
                }
                Ok(())
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => Err(Unsafe::new(
                "a subquery reads other rows",
                "read the value first and pass it as a parameter",
            )),
            _ => Err(not_known("an expression")),
        }
    }

    fn all<const N: usize>(&mut self, list: [&Expr; N], depth: usize) -> Checked {
        list.into_iter().try_for_each(|e| self.expr(e, depth, false))
    }

    fn optional(&mut self, e: &Option<Box<Expr>>, depth: usize) -> Checked {
        e.as_ref().map_or(Ok(()), |e| self.expr(e, depth, false))
    }

    fn family(&self) -> Option<Family> {
        self.assigned.map(|c| target::family(c, self.engine))
    }

    fn literal(&mut self, v: &Literal, direct: bool) -> Checked {
        if let Literal::Placeholder(name) = v {
            let Some(parameter) = parse::marker(name) else { return Err(not_known("a parameter")) };
            self.parameter(parameter, direct);
            return Ok(());
        }
        // PostgreSQL turns 'now' into the time when it becomes a date or time, which a column that is no
        // date rules out.
        let absolute = direct && self.family().is_some_and(|f| !f.is_temporal() && f != Family::Other);
        match (self.engine, string(v)) {
            (Engine::Postgres, Some(s)) if !absolute && is_relative(s, RELATIVE) => Err(Unsafe::new(
                "a string constant may be read as a time relative to now",
                "give the date and time as a parameter",
            )),
            _ => Ok(()),
        }
    }

    /// What holds for a parameter in this place.
    pub fn parameter(&mut self, parameter: usize, direct: bool) {
        let family = self.family();
        let temporal = family.is_some_and(Family::is_temporal);
        let condition = match self.engine {
            // A parameter that becomes a date by assignment, or may by a function or comparison.
            Engine::Postgres if temporal || !direct => Condition::Absolute { parameter, words: RELATIVE },
            Engine::MariaDb if matches!(family, Some(Family::Temporal | Family::Instant)) => {
                Condition::Dated { parameter }
            }
            _ => return,
        };
        self.add(condition);
    }

    pub fn add(&mut self, condition: Condition) {
        // A parameter asks for the same within one expression, not all over a long list of rows.
        if !self.conditions.iter().rev().take(16).any(|c| *c == condition) {
            self.conditions.push(condition);
        }
    }

    fn identifier(&mut self, name: &Ident) -> Checked {
        let quoted = name.quote_style.is_some();
        if self.columns
            && let Some(column) = target::column(self.facts, self.engine, &name.value, quoted)
        {
            return self.own_column(column);
        }
        // SQLite takes a name in double quotes that is no column for a string.
        let row_id = ["rowid", "oid", "_rowid_"].iter().any(|r| name.value.eq_ignore_ascii_case(r));
        if self.engine == Engine::Sqlite && name.quote_style == Some('"') && !row_id {
            return Ok(());
        }
        if !quoted {
            if name.value.starts_with("@@") {
                return Err(Unsafe::new(format!("{} is a setting of one server", name.value), AS_PARAMETER));
            }
            if name.value.starts_with('@') {
                return Err(Unsafe::new(
                    format!("the user variable {} is known on the master only", name.value),
                    AS_PARAMETER,
                ));
            }
            if let Some(effect) = functions::effect(self.engine, &name.value.to_lowercase())
                && matches!(effect, Effect::Clock | Effect::Reads)
            {
                return Err(by_effect(&name.value, Some(effect)));
            }
        }
        Err(Unsafe::new(format!("{} is not a column of the table", name.value), AS_PARAMETER))
    }

    fn own_column(&mut self, column: &ColumnFacts) -> Checked {
        match self.is_dated() && target::family(column, self.engine) == Family::TimeOfDay {
            true => Err(bare_time(format!("column {}", column.name))),
            false => Ok(()),
        }
    }

    /// Whether the value becomes a date in MariaDB, which completes a bare time of day with today's date.
    fn is_dated(&self) -> bool {
        self.engine == Engine::MariaDb && matches!(self.family(), Some(Family::Temporal | Family::Instant))
    }

    fn no_bare_time(&self, t: &DataType) -> Checked {
        match self.is_dated() && matches!(t, DataType::Time(..)) {
            true => Err(bare_time("a constant".into())),
            false => Ok(()),
        }
    }

    fn compound(&mut self, parts: &[Ident]) -> Checked {
        let (column, table) = match parts {
            [table, column] => (column, table),
            [_schema, table, column] => (column, table),
            _ => return Err(not_known("a name")),
        };
        let written = match table.quote_style {
            Some(q) => format!("{q}{}{q}", table.value),
            None => table.value.clone(),
        };
        let excluded = self.excluded && table.value.eq_ignore_ascii_case("excluded");
        let own = self.columns && self.target.is_called(&written, self.engine);
        if !excluded && !own {
            return Err(Unsafe::new(
                format!("{}.{} is a column of another table", table.value, column.value),
                "read the value first and pass it as a parameter",
            ));
        }
        match target::column(self.facts, self.engine, &column.value, column.quote_style.is_some()) {
            Some(column) => self.own_column(column),
            None => Err(Unsafe::new(format!("{} is not a column of the table", column.value), AS_PARAMETER)),
        }
    }

    fn operator(&mut self, op: &BinaryOperator) -> Checked {
        use BinaryOperator::*;
        let common = matches!(
            op,
            Plus | Minus
                | Multiply
                | Divide
                | Modulo
                | StringConcat
                | Gt
                | Lt
                | GtEq
                | LtEq
                | Eq
                | NotEq
                | And
                | Or
                | BitwiseAnd
                | BitwiseOr
                | Arrow
                | LongArrow
        );
        let own = match self.engine {
            Engine::Postgres => matches!(
                op,
                PGBitwiseShiftLeft
                    | PGBitwiseShiftRight
                    | PGBitwiseXor
                    | PGOverlap
                    | PGRegexMatch
                    | PGRegexIMatch
                    | PGRegexNotMatch
                    | PGRegexNotIMatch
                    | PGLikeMatch
                    | PGILikeMatch
                    | PGNotLikeMatch
                    | PGNotILikeMatch
                    | PGStartsWith
                    | HashArrow
                    | HashLongArrow
                    | AtArrow
                    | ArrowAt
                    | HashMinus
            ),
            Engine::MariaDb => matches!(
                op,
                Spaceship
                    | Xor
                    | BitwiseXor
                    | MyIntegerDivide
                    | PGBitwiseShiftLeft
                    | PGBitwiseShiftRight
                    | Regexp
            ),
            Engine::Sqlite => matches!(op, PGBitwiseShiftLeft | PGBitwiseShiftRight | Glob),
        };
        if common || own { Ok(()) } else { Err(not_known(format!("the operator {op}"))) }
    }

    /// Types whose values are looked up in the catalogue differ from node to node.
    fn data_type(&mut self, t: &DataType) -> Checked {
        let name = t.to_string().to_lowercase();
        if name.starts_with("reg") {
            return Err(Unsafe::new(format!("a cast to {name} reads the catalogue"), AS_PARAMETER));
        }
        Ok(())
    }

    fn function(&mut self, f: &Function, depth: usize) -> Checked {
        let parts: Vec<&Ident> = f.name.0.iter().filter_map(|p| p.as_ident()).collect();
        let name = match parts.as_slice() {
            [name] => *name,
            [schema, name]
                if self.engine == Engine::Postgres && schema.value.eq_ignore_ascii_case("pg_catalog") =>
            {
                name
            }
            _ => return Err(by_effect(&f.name.to_string(), None)),
        };
        let folded = name.value.to_lowercase();
        let plain = f.over.is_none()
            && f.filter.is_none()
            && f.within_group.is_empty()
            && f.null_treatment.is_none()
            && f.parameters == FunctionArguments::None;
        let args = match &f.args {
            FunctionArguments::None => &[][..],
            FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                list.args.as_slice()
            }
            _ => return Err(by_effect(&name.value, None)),
        };
        let effect = functions::effect(self.engine, &folded);
        match effect {
            // The new row of an upsert, known only there.
            Some(Effect::Determinate) if folded == "values" || folded == "value" => {
                return match self.excluded && self.engine == Engine::MariaDb {
                    true => self.excluded_value(args),
                    false => Err(by_effect(&name.value, None)),
                };
            }
            Some(Effect::Determinate) if plain => {}
            Some(Effect::Dates) if plain => self.dates(&folded, args)?,
            _ => return Err(by_effect(&name.value, effect)),
        }
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.argument(e, depth)?,
                FunctionArg::Named { arg: FunctionArgExpr::Expr(e), .. } => self.argument(e, depth)?,
                _ => return Err(not_known(format!("an argument of {}()", name.value))),
            }
        }
        Ok(())
    }

    /// Units such as the `DAY` of MariaDB's `timestampdiff(DAY, a, b)` look like columns.
    fn argument(&mut self, e: &Expr, depth: usize) -> Checked {
        const UNITS: [&str; 9] =
            ["microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
        match e {
            Expr::Identifier(name)
                if self.engine == Engine::MariaDb
                    && name.quote_style.is_none()
                    && UNITS.iter().any(|u| name.value.eq_ignore_ascii_case(u)) =>
            {
                Ok(())
            }
            _ => self.expr(e, depth, false),
        }
    }

    fn excluded_value(&mut self, args: &[FunctionArg]) -> Checked {
        match args {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)))]
                if target::column(self.facts, self.engine, &name.value, false).is_some() =>
            {
                Ok(())
            }
            _ => Err(not_known("an argument of VALUES()")),
        }
    }

    /// SQLite: a date function without a time, or with `'now'`, `'localtime'` or `'utc'`, asks the clock.
    fn dates(&mut self, name: &str, args: &[FunctionArg]) -> Checked {
        let needed = if matches!(name, "strftime" | "timediff") { 2 } else { 1 };
        if args.len() < needed {
            return Err(by_effect(name, Some(Effect::Clock)));
        }
        for arg in args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(v))) = arg else { continue };
            match &v.value {
                Literal::Placeholder(p) => {
                    let Some(parameter) = parse::marker(p) else { return Err(not_known("a parameter")) };
                    self.add(Condition::Absolute { parameter, words: MODIFIERS });
                }
                v if string(v).is_some_and(|s| is_relative(s, MODIFIERS)) => {
                    return Err(by_effect(name, Some(Effect::Clock)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The text of a string literal.
pub(super) fn string(v: &Literal) -> Option<&str> {
    match v {
        Literal::SingleQuotedString(s)
        | Literal::DoubleQuotedString(s)
        | Literal::EscapedStringLiteral(s)
        | Literal::UnicodeStringLiteral(s)
        | Literal::NationalStringLiteral(s) => Some(s),
        Literal::DollarQuotedString(s) => Some(&s.value),
        _ => None,
    }
}

fn bare_time(what: String) -> Unsafe {
    Unsafe::new(
        format!("{what} is a time of day, which a date column completes with today's date"),
        "pass the timestamp as a parameter",
    )
}

fn not_known(what: impl std::fmt::Display) -> Unsafe {
    Unsafe::new(format!("{what} is not known to give the same value on both sides"), AS_PARAMETER)
}

/// Why a function's value cannot be shipped.
pub(super) fn by_effect(name: &str, effect: Option<Effect>) -> Unsafe {
    let name = name.to_lowercase();
    match effect {
        Some(Effect::Clock) => {
            Unsafe::new(format!("{name} gives the time, another one on the mirror"), AS_PARAMETER)
        }
        Some(Effect::Sequence) => Unsafe::new(
            format!("{name}() draws from a sequence, which stands elsewhere on the mirror"),
            "draw the number with a query first and pass it as a parameter",
        ),
        Some(Effect::Locks) => {
            Unsafe::new(format!("{name}() takes a lock"), "take the lock with a query of its own")
        }
        Some(_) => Unsafe::new(format!("{name}() may give another value on the mirror"), AS_PARAMETER),
        None => Unsafe::new(
            format!("{name}() is not known to be determinate and without side effects"),
            "pass its value as a parameter, or use the hint /*twin:write*/ if it gives the same on both sides",
        ),
    }
}
