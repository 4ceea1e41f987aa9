//! SQLite's catalogue: `sqlite_master` and the table-valued pragmas.

use crate::error::Result;
use crate::link::Link;
use crate::link::catalog::{ColumnFacts, DefaultKind, TableFacts, any, is_literal, keys, rows};
use crate::value::Value;

pub(super) fn list_tables(link: &mut Link) -> Result<Vec<(String, String)>> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";
    Ok(rows(link, sql, &[])?.iter().map(|r| ("main".to_owned(), r.text(0))).collect())
}

/// The catalogue of a schema, quoted.
fn master(link: &Link, schema: &str) -> String {
    format!("{}.sqlite_master", link.dialect().quote_ident(schema))
}

pub(super) fn describe_table(
    link: &mut Link,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<TableFacts>> {
    let given = Value::Text(name.to_owned());
    // As SQLite resolves a bare name: temporary tables first, then main, then what is attached.
    let schemas = match schema {
        Some(schema) => vec![schema.to_owned()],
        None => {
            let sql = "SELECT name FROM pragma_database_list ORDER BY CASE name WHEN 'temp' THEN 0 WHEN 'main' THEN 1 ELSE 2 END, seq";
            let mut found: Vec<String> = rows(link, sql, &[])?.iter().map(|r| r.text(0)).collect();
            if !found.iter().any(|s| s == "temp") {
                found.insert(0, "temp".to_owned());
            }
            found
        }
    };
    for schema in schemas {
        let sql = format!(
            "SELECT name, type, sql FROM {} WHERE type IN ('table', 'view') AND lower(name) = lower(?)",
            master(link, &schema)
        );
        if let Some(found) = rows(link, &sql, std::slice::from_ref(&given))?.first() {
            let (name, kind, sql) = (found.text(0), found.text(1), found.text(2));
            return describe(link, schema, name, &kind, &sql).map(Some);
        }
    }
    Ok(None)
}

fn describe(link: &mut Link, schema: String, name: String, kind: &str, text: &str) -> Result<TableFacts> {
    let by_name = [Value::Text(name.clone()), Value::Text(schema.clone())];
    let version = format!("SELECT {}", link.dialect().versions_sql(1));
    let version = rows(link, &version, &[])?.first().map(|r| r.text(0)).unwrap_or_default();
    let sql = "SELECT name, type, \"notnull\", coalesce(dflt_value, ''), pk, hidden FROM pragma_table_xinfo(?, ?) \
               ORDER BY cid";
    let found = rows(link, sql, &by_name)?;
    let mut primary: Vec<(i64, String)> =
        found.iter().filter(|r| r.is(4)).map(|r| (r.int(4), r.text(0))).collect();
    primary.sort();
    let without_rowid = text.to_ascii_uppercase().contains("WITHOUT ROWID");
    let columns = found
        .iter()
        .map(|r| {
            let default = r.text(3);
            // `INTEGER PRIMARY KEY`, spelled so, is the rowid.
            let rowid =
                primary.len() == 1 && r.is(4) && r.text(1).eq_ignore_ascii_case("integer") && !without_rowid;
            ColumnFacts {
                name: r.text(0),
                declared: r.text(1),
                nullable: !(r.is(2) || rowid || (without_rowid && r.is(4))),
                default: match default.as_str() {
                    _ if rowid => DefaultKind::Generated,
                    "" => DefaultKind::None,
                    literal if is_literal(literal) => DefaultKind::Constant,
                    _ => DefaultKind::Volatile,
                },
                computed: matches!(r.int(5), 2 | 3),
                on_update: false,
                sequence: None,
            }
        })
        .collect::<Vec<_>>();
    let usable = |column: &str| columns.iter().any(|c: &ColumnFacts| c.name == column && !c.nullable);
    let sql = "SELECT l.name, coalesce(i.name, '') FROM pragma_index_list(?, ?) l, pragma_index_info(l.name, ?) i \
               WHERE l.\"unique\" = 1 AND l.partial = 0 AND l.origin <> 'pk' ORDER BY l.name, i.seqno";
    let by_name_twice = [by_name[0].clone(), by_name[1].clone(), by_name[1].clone()];
    let unique = rows(link, sql, &by_name_twice)?;
    let unique_keys: Vec<Vec<String>> =
        keys(unique.iter().map(|r| (r.text(0), r.text(1), usable(&r.text(1)))))
            .into_iter()
            .map(|(_, k)| k)
            .collect();
    let sql = "SELECT count(*) FROM pragma_index_list(?, ?) WHERE \"unique\" = 1 AND origin <> 'pk'";
    let indexes = rows(link, sql, &by_name)?.first().map_or(0, |r| r.int(0)) as usize;
    let other_unique = indexes > unique_keys.len();
    let sql = "SELECT coalesce(i.name, ''), l.partial FROM pragma_index_list(?, ?) l, pragma_index_info(l.name, ?) i \
               WHERE l.\"unique\" = 1";
    let found = rows(link, sql, &by_name_twice)?;
    let plain = |name: &str| columns.iter().any(|c| c.name == name && !c.computed);
    let unique_columns = found.iter().all(|r| !r.is(1) && plain(&r.text(0))).then(|| {
        found.iter().map(|r| r.text(0)).chain(primary.iter().map(|(_, column)| column.clone())).collect()
    });
    let one = std::slice::from_ref(&by_name[0]);
    let mut has_triggers = false;
    for place in [schema.as_str(), "temp"] {
        let sql = format!(
            "SELECT count(*) FROM {} WHERE type = 'trigger' AND lower(tbl_name) = lower(?)",
            master(link, place)
        );
        has_triggers |= any(link, &sql, one)?;
    }
    let sql = format!(
        "SELECT count(*) FROM {} m, pragma_foreign_key_list(m.name, ?) f WHERE m.type = 'table' \
         AND lower(f.\"table\") = lower(?) AND (f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT') \
         OR f.on_update IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))",
        master(link, &schema)
    );
    let has_cascades = any(link, &sql, &[by_name[1].clone(), by_name[0].clone()])?;
    Ok(TableFacts {
        version,
        is_temporary: schema == "temp",
        schema,
        name,
        columns,
        primary_key: primary.into_iter().map(|(_, column)| column).collect(),
        unique_keys,
        other_unique,
        unique_columns,
        has_triggers,
        has_cascades,
        hidden: text
            .get(..14)
            .is_some_and(|words| words.eq_ignore_ascii_case("create virtual"))
            .then_some("is virtual: what its module does"),
        has_deferrable: link.dialect().lexis().words(text).any(|word| word == "DEFERRED"),
        is_view: kind == "view",
    })
}
