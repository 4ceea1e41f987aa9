//! SQLite's catalogue, read through its pragma functions.

use super::{ColumnFacts, DefaultKind, KeyColumn, TableFacts, flag, is_constant, keys, text};
use crate::error::Result;
use crate::link::Link;

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn describe(link: &mut Link, schema: Option<&str>, name: &str) -> Result<Option<TableFacts>> {
    let (table, schema) = (quote(name), schema.unwrap_or("main").to_ascii_lowercase());
    // A temporary table hides one of the same name.
    let sql = format!(
        "SELECT 'temp', name, type FROM sqlite_temp_master WHERE type IN ('table', 'view') AND name = {table} COLLATE NOCASE \
         UNION ALL SELECT 'main', name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name = {table} COLLATE NOCASE"
    );
    let rows = link.query(&sql, &[])?;
    let Some(r) = rows.first().filter(|r| r.len() == 3) else { return Ok(None) };
    let (place, real) = (text(&r[0]), text(&r[1]));
    if schema != "main" && schema != place {
        return Ok(None);
    }
    let q = quote(&real);
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = {q} COLLATE NOCASE), \
         (SELECT COUNT(*) FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' \
          AND f.\"table\" = {q} COLLATE NOCASE \
          AND (f.on_delete NOT IN ('NO ACTION', 'RESTRICT') OR f.on_update NOT IN ('NO ACTION', 'RESTRICT')))"
    );
    let effects = link.query(&sql, &[])?;
    let count = |n: usize| effects.first().and_then(|r| r.get(n)).is_some_and(|v| text(v) != "0");
    let mut facts = TableFacts {
        schema: place.clone(),
        name: real.clone(),
        columns: Vec::new(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        other_unique: false,
        has_triggers: count(0),
        has_cascades: count(1),
        has_deferrable: false,
        is_view: text(&r[2]) == "view",
        is_temporary: place == "temp",
    };
    let sql = format!(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo({q}) ORDER BY cid"
    );
    let columns = link.query(&sql, &[])?;
    let mut key: Vec<(i64, String, String)> = Vec::new();
    for c in columns.iter().filter(|c| c.len() == 6) {
        let (name, declared, default) = (text(&c[0]), text(&c[1]), text(&c[3]));
        let place: i64 = text(&c[4]).parse().unwrap_or(0);
        if place > 0 {
            key.push((place, name.clone(), declared.clone()));
        }
        facts.columns.push(ColumnFacts {
            default: match default.as_str() {
                "" => DefaultKind::None,
                d if d.eq_ignore_ascii_case("null") => DefaultKind::None,
                // "x" in double quotes is a string here, for history's sake.
                d if is_constant(d) || (d.starts_with('"') && d.ends_with('"')) => DefaultKind::Constant,
                _ => DefaultKind::Volatile,
            },
            name,
            declared,
            nullable: !flag(&c[2]) && place == 0,
            computed: matches!(text(&c[5]).as_str(), "2" | "3"),
            on_update: false,
        });
    }
    key.sort();
    // The one column that stands for the rowid gets a number of its own when none is given.
    if let [(_, name, declared)] = key.as_slice()
        && declared.eq_ignore_ascii_case("integer")
        && let Some(c) = facts.columns.iter_mut().find(|c| c.name == *name)
    {
        c.default = DefaultKind::Generated;
    }
    facts.primary_key = key.into_iter().map(|k| k.1).collect();
    let sql = format!(
        "SELECT l.name, x.name, l.partial FROM pragma_index_list({q}) l, pragma_index_info(l.name) x \
         WHERE l.\"unique\" = 1 AND l.origin <> 'pk' ORDER BY l.name, x.seqno"
    );
    let indexes = link.query(&sql, &[])?;
    let unique = indexes
        .iter()
        .filter(|k| k.len() == 3)
        .map(|k| {
            let column = (k[1] != crate::value::Value::Null).then(|| text(&k[1]));
            let not_null = column.as_ref().and_then(|c| facts.column(c)).is_some_and(|c| !c.nullable);
            KeyColumn { index: text(&k[0]), primary: false, column, not_null, limited: flag(&k[2]) }
        })
        .collect();
    keys(&mut facts, unique);
    Ok(Some(facts))
}
