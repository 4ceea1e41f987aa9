//! PostgreSQL's catalogue: `pg_catalog`, which every user may read.

use crate::error::Result;
use crate::link::Link;
use crate::link::catalog::{
    ColumnFacts, DefaultKind, NamedTable, Sequence, TableFacts, any, is_literal, keys, rows,
};
use crate::link::dialects::quoted;
use crate::value::Value;

/// The version of a table's facts, `c` being its row: every DDL that changes one of them writes one of these
/// rows anew, so that its `xmin` is another. Foreign keys show by their triggers, on both tables; domains have
/// defaults of their own. A table that is
/// written stays as it is until the transaction ends: DDL waits for the lock of the write.
const VERSION: &str = "concat(c.oid, ':', hashtextextended(concat(c.xmin, \
    (SELECT string_agg(concat(a.attnum, ':', a.xmin, ':', \
    (SELECT d.xmin FROM pg_catalog.pg_type d WHERE d.oid = a.atttypid AND d.typtype = 'd')), ' ' ORDER BY a.attnum) \
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0), '/', \
    (SELECT string_agg(concat(i.indexrelid, ':', i.xmin), ' ' ORDER BY i.indexrelid) FROM pg_catalog.pg_index i \
    WHERE i.indrelid = c.oid), '/', \
    (SELECT string_agg(concat(t.oid, ':', t.xmin), ' ' ORDER BY t.oid) FROM pg_catalog.pg_trigger t \
    WHERE t.tgrelid = c.oid), '/', \
    (SELECT string_agg(concat(r.oid, ':', r.xmin), ' ' ORDER BY r.oid) FROM pg_catalog.pg_rewrite r \
    WHERE r.ev_class = c.oid)), 0))";

pub(super) fn versions_sql() -> String {
    format!(
        "(SELECT string_agg(coalesce((SELECT {VERSION} FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(n.name)), \
         'none'), ',' ORDER BY n.place) FROM unnest(?::text[]) WITH ORDINALITY AS n(name, place))"
    )
}

/// The tables as the statements name them, so that another one that has come to hide one of them counts too; the
/// very tables where these names may mean others by now.
pub(super) fn versions_params(tables: &[NamedTable], own_names: bool) -> Vec<Value> {
    let quoted = |t: &NamedTable| match &t.schema {
        _ if own_names => format!("{}.{}", quote(&t.facts.schema), quote(&t.facts.name)),
        Some(schema) => format!("{}.{}", quote(schema), quote(&t.name)),
        None => quote(&t.name),
    };
    let element = |t| format!("\"{}\"", quoted(t).replace('\\', "\\\\").replace('"', "\\\""));
    let names: Vec<String> = tables.iter().map(element).collect();
    vec![Value::Text(format!("{{{}}}", names.join(",")))]
}

fn quote(name: &str) -> String {
    quoted(name, '"')
}

pub(super) fn list_tables(link: &mut Link) -> Result<Vec<(String, String)>> {
    // A partition's rows are its parent's.
    let sql = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' \
               AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
               ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";
    Ok(rows(link, sql, &[])?.iter().map(|r| (r.text(0), r.text(1))).collect())
}

pub(super) fn describe_table(
    link: &mut Link,
    schema: Option<&str>,
    name: &str,
) -> Result<Option<TableFacts>> {
    let quoted = match schema {
        Some(schema) => {
            format!("{}.{}", link.dialect().quote_ident(schema), link.dialect().quote_ident(name))
        }
        None => link.dialect().quote_ident(name),
    };
    let sql = format!(
        "SELECT c.oid::int8, n.nspname, c.relname, c.relkind IN ('v', 'm'), c.relpersistence = 't', {VERSION} \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = to_regclass(?) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    );
    let found = rows(link, &sql, &[Value::Text(quoted)])?;
    let Some(table) = found.first() else { return Ok(None) };
    let oid = [Value::Int(table.int(0))];
    let sql = "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull OR t.typnotnull, \
               a.attidentity <> '', a.attgenerated <> '', coalesce(pg_get_expr(d.adbin, d.adrelid), CASE WHEN t.typtype = 'd' THEN t.typdefault END, ''), \
               (SELECT quote_ident(n.nspname) || '.' || quote_ident(s.relname) FROM pg_catalog.pg_class s \
               JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace WHERE s.relkind = 'S' AND s.oid = coalesce( \
               (SELECT p.objid FROM pg_catalog.pg_depend p WHERE p.refclassid = 'pg_catalog.pg_class'::regclass \
               AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i' \
               AND p.classid = 'pg_catalog.pg_class'::regclass LIMIT 1), \
               (SELECT p.refobjid FROM pg_catalog.pg_depend p JOIN pg_catalog.pg_class q ON q.oid = p.refobjid \
               AND q.relkind = 'S' WHERE p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid \
               AND p.refclassid = 'pg_catalog.pg_class'::regclass LIMIT 1))) \
               FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
               LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
               WHERE a.attrelid = ?::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    let mut columns: Vec<ColumnFacts> = rows(link, sql, &oid)?
        .iter()
        .map(|r| {
            let (identity, computed, default) = (r.is(3), r.is(4), r.text(5));
            ColumnFacts {
                name: r.text(0),
                declared: r.text(1),
                nullable: !r.is(2),
                default: match default.as_str() {
                    _ if identity => DefaultKind::Generated,
                    _ if computed => DefaultKind::None,
                    "" => DefaultKind::None,
                    serial if serial.starts_with("nextval(") => DefaultKind::Generated,
                    literal if is_literal(literal) => DefaultKind::Constant,
                    _ => DefaultKind::Volatile,
                },
                computed,
                on_update: false,
                sequence: r
                    .optional(6)
                    .filter(|_| default.starts_with("nextval(") || identity)
                    .map(|name| Sequence { name, step: 1 }),
            }
        })
        .collect();
    for sequence in columns.iter_mut().filter_map(|c| c.sequence.as_mut()) {
        let sql = "SELECT seqincrement FROM pg_catalog.pg_sequence WHERE seqrelid = to_regclass(?)";
        let found = rows(link, sql, &[Value::Text(sequence.name.clone())])?;
        sequence.step = found.first().map_or(1, |r| r.int(0));
    }
    let sql = "SELECT i.indexrelid::int8, a.attname, a.attnotnull, i.indisprimary FROM pg_catalog.pg_index i \
               CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, position) \
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
               WHERE i.indrelid = ?::oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL \
               AND i.indisvalid AND (i.indimmediate OR i.indisprimary) AND k.position <= i.indnkeyatts \
               ORDER BY i.indexrelid, k.position";
    let found = rows(link, sql, &oid)?;
    let primary = found.iter().find(|r| r.is(3)).map(|r| r.text(0));
    let mut unique_keys = Vec::new();
    let mut primary_key = Vec::new();
    for (index, columns) in keys(found.iter().map(|r| (r.text(0), r.text(1), r.is(2)))) {
        if Some(&index) == primary.as_ref() {
            primary_key = columns;
        } else {
            unique_keys.push(columns);
        }
    }
    let sql = "SELECT count(*) FROM pg_catalog.pg_index WHERE indrelid = ?::oid AND indisunique";
    let unique = rows(link, sql, &oid)?.first().map_or(0, |r| r.int(0)) as usize;
    let other_unique = unique > unique_keys.len() + usize::from(!primary_key.is_empty());
    let sql = "SELECT DISTINCT a.attname, a.attname IS NULL OR a.attgenerated <> '' OR i.indpred IS NOT NULL \
               FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey) AS k(attnum) \
               LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
               WHERE i.indrelid = ?::oid AND (i.indisunique OR i.indisexclusion)";
    let found = rows(link, sql, &oid)?;
    let unique_columns = (!found.iter().any(|r| r.is(1))).then(|| found.iter().map(|r| r.text(0)).collect());
    // Rules do what triggers do.
    let sql = "SELECT (SELECT count(*) FROM pg_catalog.pg_trigger WHERE tgrelid = ?::oid AND NOT tgisinternal) \
               + (SELECT count(*) FROM pg_catalog.pg_rewrite WHERE ev_class = ?::oid AND rulename <> '_RETURN')";
    let twice = [oid[0].clone(), oid[0].clone()];
    let has_triggers = any(link, sql, &twice)?;
    let sql = "SELECT count(*) FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = ?::oid \
               AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))";
    let has_cascades = any(link, sql, &oid)?;
    let sql = "SELECT count(*) FROM pg_catalog.pg_constraint \
               WHERE (conrelid = ?::oid OR confrelid = ?::oid) AND (condeferrable OR contype = 't')";
    let has_deferrable = any(link, sql, &twice)?;
    Ok(Some(TableFacts {
        version: table.text(5),
        schema: table.text(1),
        name: table.text(2),
        columns,
        primary_key,
        unique_keys,
        other_unique,
        unique_columns,
        has_triggers,
        has_cascades,
        has_deferrable,
        hidden: None,
        is_view: table.is(3),
        is_temporary: table.is(4),
    }))
}
