//! PostgreSQL's catalogue.

use super::{ColumnFacts, DefaultKind, KeyColumn, TableFacts, flag, is_constant, keys, text};
use crate::error::Result;
use crate::link::Link;
use crate::value::Value;

const TABLE: &str = "SELECT CAST(c.oid AS bigint), n.nspname, c.relname, c.relkind, c.relpersistence, \
    CASE WHEN EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) \
           OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN') THEN 1 ELSE 0 END, \
    CASE WHEN EXISTS (SELECT 1 FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f' \
           AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))) THEN 1 ELSE 0 END, \
    CASE WHEN EXISTS (SELECT 1 FROM pg_constraint k WHERE (k.conrelid = c.oid OR k.confrelid = c.oid) AND k.condeferrable) \
           OR EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgdeferrable) THEN 1 ELSE 0 END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(CAST(? AS text))";

const COLUMNS: &str = "SELECT a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 1 ELSE 0 END, \
    coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault), CAST(a.attidentity AS text), CAST(a.attgenerated AS text) \
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
    WHERE a.attrelid = CAST(CAST(? AS bigint) AS oid) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const KEYS: &str = "SELECT CAST(i.indexrelid AS bigint), CASE WHEN i.indisprimary THEN 1 ELSE 0 END, a.attname, \
    CASE WHEN a.attnotnull THEN 1 ELSE 0 END, CASE WHEN i.indpred IS NULL THEN 0 ELSE 1 END \
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, ord) \
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0 \
    WHERE i.indrelid = CAST(CAST(? AS bigint) AS oid) AND i.indisunique AND i.indisvalid AND k.ord <= i.indnkeyatts \
    ORDER BY i.indexrelid, k.ord";

pub(super) fn describe(link: &mut Link, schema: Option<&str>, name: &str) -> Result<Option<TableFacts>> {
    let quoted = link.dialect().quote_ident(name);
    let full = match schema {
        Some(schema) => format!("{}.{quoted}", link.dialect().quote_ident(schema)),
        None => quoted,
    };
    let rows = link.query(TABLE, &[Value::Text(full)])?;
    let Some(r) = rows.first().filter(|r| r.len() == 8) else { return Ok(None) };
    let oid = [r[0].clone()];
    let mut facts = TableFacts {
        schema: text(&r[1]),
        name: text(&r[2]),
        columns: Vec::new(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        other_unique: false,
        has_triggers: flag(&r[5]),
        has_cascades: flag(&r[6]),
        has_deferrable: flag(&r[7]),
        is_view: !matches!(text(&r[3]).as_str(), "r" | "p"),
        is_temporary: text(&r[4]) == "t",
    };
    for c in link.query(COLUMNS, &oid)?.iter().filter(|c| c.len() == 6) {
        let (default, identity, computed) = (text(&c[3]), text(&c[4]), !text(&c[5]).trim().is_empty());
        facts.columns.push(ColumnFacts {
            name: text(&c[0]),
            declared: text(&c[1]),
            nullable: !flag(&c[2]),
            default: match default.as_str() {
                _ if computed => DefaultKind::None,
                _ if !identity.trim().is_empty() => DefaultKind::Generated,
                "" => DefaultKind::None,
                d if d.starts_with("nextval(") => DefaultKind::Generated,
                d if is_constant(d) => DefaultKind::Constant,
                _ => DefaultKind::Volatile,
            },
            computed,
            on_update: false,
        });
    }
    let columns = link
        .query(KEYS, &oid)?
        .iter()
        .filter(|k| k.len() == 5)
        .map(|k| KeyColumn {
            index: text(&k[0]),
            primary: flag(&k[1]),
            column: (k[2] != Value::Null).then(|| text(&k[2])),
            not_null: flag(&k[3]),
            limited: flag(&k[4]),
        })
        .collect();
    keys(&mut facts, columns);
    Ok(Some(facts))
}
