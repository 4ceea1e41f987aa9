//! MariaDB's catalogue: `information_schema`, and `SHOW` for temporary tables, which it does not list.
//!
//! Triggers are visible only to users with the TRIGGER privilege on the table.

use crate::error::{Class, Error, Result};
use crate::link::Link;
use crate::link::catalog::{
    ColumnFacts, DefaultKind, NamedTable, ObjectKind, Sequence, TableFacts, any, is_literal, keys, rows,
};
use crate::value::Value;

/// The version where the engine has none that tells.
const NO_VERSION: &str = "any";

/// The version of a table's facts: when its definition was written, to the second. One of this very second tells
/// nothing yet; the rest is for clocks that a file system reads coarsely. Asking costs about 15 µs, the columns
/// themselves would cost 400. Triggers are kept elsewhere and leave it as it is, and so does DDL of other storage
/// engines. A table that is written stays as it is until the transaction ends: DDL waits for the metadata lock.
const VERSION: &str = "coalesce((SELECT CASE WHEN engine <> 'InnoDB' OR create_time IS NULL THEN 'any' \
    WHEN unix_timestamp(create_time) + 1.05 < unix_timestamp(sysdate(6)) THEN unix_timestamp(create_time) \
    ELSE 'unsettled' END FROM information_schema.tables WHERE table_schema = ? AND table_name = ?), 'none')";

pub(super) fn versions_sql(tables: usize) -> String {
    format!("concat_ws(',', {})", vec![VERSION; tables].join(", "))
}

pub(super) fn versions_params(tables: &[NamedTable]) -> Vec<Value> {
    let name = |t: &NamedTable| [Value::Text(t.facts.schema.clone()), Value::Text(t.facts.name.clone())];
    tables.iter().flat_map(name).collect()
}

pub(super) fn uncovered_facts_hold(link: &mut Link, facts: &TableFacts) -> Result<bool> {
    if facts.version == NO_VERSION {
        let now = describe_table(link, Some(&facts.schema), &facts.name)?;
        return Ok(now.is_some_and(|now| now.agree(facts)));
    }
    let key = [Value::Text(facts.schema.clone()), Value::Text(facts.name.clone())];
    Ok(has_triggers(link, &key)? == facts.has_triggers)
}

/// `trigger_schema` is what the server finds the table's own file by.
fn has_triggers(link: &mut Link, key: &[Value]) -> Result<bool> {
    let sql = "SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = ? AND event_object_table = ?";
    any(link, sql, key)
}

/// As `SHOW CREATE` gives it, without what rows change: the next number of a table.
pub(super) fn definition(
    link: &mut Link,
    kind: ObjectKind,
    schema: &str,
    name: &str,
) -> Result<Option<String>> {
    let quote = |name: &str| link.dialect().quote_ident(name);
    let full = format!("{}.{}", quote(schema), quote(name));
    // What it is asked by, and the columns that are the definition. NULL is one that this user may not see.
    let (sql, columns): (String, &[usize]) = match kind {
        ObjectKind::Table => (format!("SHOW CREATE TABLE {full}"), &[1]),
        ObjectKind::Trigger => (format!("SHOW CREATE TRIGGER {full}"), &[1, 2]),
        ObjectKind::Procedure => (format!("SHOW CREATE PROCEDURE {full}"), &[1, 2]),
        ObjectKind::Function => (format!("SHOW CREATE FUNCTION {full}"), &[1, 2]),
        ObjectKind::Database => (format!("SHOW CREATE DATABASE {}", quote(name)), &[1]),
    };
    // A prepared SHOW CREATE gives the view that was there when it was prepared, also when it is gone.
    let shown = match link.query_once(&sql) {
        Ok(shown) => shown,
        // No such database, table, procedure or trigger.
        Err(e) if e.records().first().is_some_and(|r| matches!(r.native, 1049 | 1146 | 1305 | 1360)) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    let row = shown.first();
    // As it is also where it is so long that it lies in a file.
    let text = |value: &Value| match value.bytes() {
        Some(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        None => value.text().map(str::to_owned),
    };
    let texts: Option<Vec<String>> = columns.iter().map(|&i| row.and_then(|r| text(r.get(i)?))).collect();
    let Some(texts) = texts else {
        let text = format!("the user of the {} may not see the definition of {full}", link.side());
        return Err(Error::database(link.side(), Class::Refused, text, Vec::new()));
    };
    Ok(Some(without_next_number(&texts.join("\n"))))
}

/// ` AUTO_INCREMENT=7` among the table's options, which stand behind its last line of columns.
fn without_next_number(definition: &str) -> String {
    let option = definition.rfind("\n) ").and_then(|options| {
        let at = options + definition[options..].find(" AUTO_INCREMENT=")?;
        let end = definition[at + 16..].find(|c: char| !c.is_ascii_digit());
        Some((at, end.map_or(definition.len(), |end| at + 16 + end)))
    });
    match option {
        Some((at, end)) => format!("{}{}", &definition[..at], &definition[end..]),
        None => definition.to_owned(),
    }
}

pub(super) fn list_tables(link: &mut Link) -> Result<Vec<(String, String)>> {
    let sql = "SELECT table_schema, table_name FROM information_schema.tables \
               WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
               AND table_schema = coalesce(database(), table_schema) \
               AND table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') \
               ORDER BY BINARY table_schema, BINARY table_name";
    Ok(rows(link, sql, &[])?.iter().map(|r| (r.text(0), r.text(1))).collect())
}

pub(super) fn describe_table(
    link: &mut Link,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<TableFacts>> {
    let by_default = schema.is_none();
    let schema = match schema {
        Some(schema) => schema.to_owned(),
        None => match rows(link, "SELECT database()", &[])?.first().and_then(|r| r.optional(0)) {
            Some(schema) => schema,
            None => return Ok(None),
        },
    };
    if let Some(facts) = temporary(link, &schema, name)? {
        return Ok(Some(facts));
    }
    let key = [Value::Text(schema), Value::Text(name.to_owned())];
    let version =
        rows(link, &format!("SELECT {VERSION}"), &key)?.first().map(|r| r.text(0)).unwrap_or_default();
    let sql = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
               WHERE table_schema = ? AND table_name = ? AND table_type <> 'SEQUENCE'";
    let found = rows(link, sql, &key)?;
    let Some(table) = found.first() else { return Ok(None) };
    let sql = "SELECT column_name, column_type, is_nullable, column_default, extra, is_generated \
               FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";
    let mut columns: Vec<ColumnFacts> = rows(link, sql, &key)?
        .iter()
        .map(|r| {
            let (extra, computed) = (r.text(4).to_ascii_lowercase(), r.text(5) == "ALWAYS");
            ColumnFacts {
                name: r.text(0),
                declared: r.text(1),
                nullable: r.text(2) == "YES",
                default: default_kind(r.optional(3).as_deref(), &extra, computed),
                computed,
                on_update: extra.contains("on update"),
                sequence: sequence(r.optional(3).as_deref(), &key, by_default),
            }
        })
        .collect();
    for sequence in columns.iter_mut().filter_map(|c| c.sequence.as_mut()) {
        let found = rows(link, &format!("SELECT increment FROM {}", sequence.name), &[])?;
        sequence.step = found.first().map_or(1, |r| r.int(0));
    }
    let sql = "SELECT index_name, column_name, nullable <> 'YES' AND sub_part IS NULL \
               FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? AND non_unique = 0 \
               ORDER BY index_name, seq_in_index";
    let found = rows(link, sql, &key)?;
    let mut primary_key = Vec::new();
    let mut unique_keys = Vec::new();
    let computed = |name: &str| columns.iter().any(|c| c.name == name && c.computed);
    let mut unique_columns: Option<Vec<String>> = Some(found.iter().map(|r| r.text(1)).collect());
    unique_columns = unique_columns.filter(|all| !all.iter().any(|name| computed(name)));
    for (index, columns) in keys(found.iter().map(|r| (r.text(0), r.text(1), r.is(2)))) {
        if index == "PRIMARY" {
            primary_key = columns;
        } else {
            unique_keys.push(columns);
        }
    }
    let sql = "SELECT count(DISTINCT index_name) FROM information_schema.statistics \
               WHERE table_schema = ? AND table_name = ? AND non_unique = 0";
    let unique = rows(link, sql, &key)?.first().map_or(0, |r| r.int(0)) as usize;
    let other_unique = unique > unique_keys.len() + usize::from(!primary_key.is_empty());
    let has_triggers = has_triggers(link, &key)?;
    let sql = "SELECT count(*) FROM information_schema.referential_constraints \
               WHERE unique_constraint_schema = ? AND referenced_table_name = ? \
               AND (delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') \
               OR update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))";
    let has_cascades = any(link, sql, &key)?;
    Ok(Some(TableFacts {
        version,
        schema: table.text(0),
        name: table.text(1),
        columns,
        primary_key,
        unique_keys,
        other_unique,
        unique_columns,
        has_triggers,
        has_cascades,
        has_deferrable: false,
        hidden: (table.text(2) == "SYSTEM VERSIONED").then_some("keeps its history: the times in it"),
        is_view: table.text(2).ends_with("VIEW"),
        is_temporary: false,
    }))
}

/// Without the database where it is the connection's: the mirror's may have another name.
fn sequence(default: Option<&str>, key: &[Value; 2], by_default: bool) -> Option<Sequence> {
    let name = default?.strip_prefix("nextval(")?.strip_suffix(')')?;
    let Value::Text(schema) = &key[0] else { return None };
    let own = format!("`{}`.", schema.replace('`', "``"));
    let plain = name.strip_prefix(&own).filter(|_| by_default);
    Some(Sequence { name: plain.unwrap_or(name).to_owned(), step: 1 })
}

fn default_kind(default: Option<&str>, extra: &str, computed: bool) -> DefaultKind {
    if extra.contains("auto_increment") {
        return DefaultKind::Generated;
    }
    // `ON UPDATE current_timestamp()` makes a value where the statement gives none, too.
    if extra.contains("on update") {
        return DefaultKind::Volatile;
    }
    match default {
        _ if computed => DefaultKind::None,
        None | Some("NULL") => DefaultKind::None,
        Some(sequence) if sequence.starts_with("nextval(") => DefaultKind::Generated,
        Some(literal) if is_literal(literal) => DefaultKind::Constant,
        Some(_) => DefaultKind::Volatile,
    }
}

/// A temporary table hides one of the same name.
fn temporary(link: &mut Link, schema: &str, name: &str) -> Result<Option<TableFacts>> {
    let quoted = format!("{}.{}", link.dialect().quote_ident(schema), link.dialect().quote_ident(name));
    let shown = match rows(link, &format!("SHOW CREATE TABLE {quoted}"), &[]) {
        Ok(shown) => shown,
        // No such table, or not allowed to see its text: then it is none of this session's own.
        Err(error)
            if error.records().first().is_some_and(|r| matches!(r.native, 1146 | 1142 | 1049 | 1044)) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !shown.first().is_some_and(|r| r.text(1).starts_with("CREATE TEMPORARY")) {
        return Ok(None);
    }
    let columns = rows(link, &format!("SHOW COLUMNS FROM {quoted}"), &[])?
        .iter()
        .map(|r| {
            let extra = r.text(5).to_ascii_lowercase();
            let computed = extra.contains("generated");
            // The default is shown without its quotes here.
            let default = match default_kind(r.optional(4).as_deref(), &extra, computed) {
                DefaultKind::Constant => DefaultKind::Volatile,
                other => other,
            };
            let (name, declared, nullable) = (r.text(0), r.text(1), r.text(2) == "YES");
            ColumnFacts {
                name,
                declared,
                nullable,
                default,
                computed,
                on_update: extra.contains("on update"),
                sequence: None,
            }
        })
        .collect();
    let mut found: Vec<(String, i64, String, bool)> = rows(link, &format!("SHOW INDEX FROM {quoted}"), &[])?
        .iter()
        .filter(|r| !r.is(1))
        .map(|r| (r.text(2), r.int(3), r.text(4), r.text(9) != "YES" && r.optional(7).is_none()))
        .collect();
    found.sort();
    let indexes = found.iter().map(|f| f.0.clone()).collect::<std::collections::BTreeSet<_>>().len();
    let all = keys(found.into_iter().map(|(index, _, column, usable)| (index, column, usable)));
    let other_unique = indexes > all.len();
    let (primary, unique): (Vec<_>, Vec<_>) = all.into_iter().partition(|(index, _)| index == "PRIMARY");
    Ok(Some(TableFacts {
        version: NO_VERSION.to_owned(),
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns,
        primary_key: primary.into_iter().next().map(|(_, columns)| columns).unwrap_or_default(),
        unique_keys: unique.into_iter().map(|(_, columns)| columns).collect(),
        other_unique,
        unique_columns: None,
        has_triggers: false,
        has_cascades: false,
        has_deferrable: false,
        hidden: None,
        is_view: false,
        is_temporary: true,
    }))
}
