//! Row by row over all tables of two nodes, through their command-line clients.
//!
//! Each row comes as two texts made by the server: its key and all its columns, in a form that keeps every bit
//! (binary as hexadecimal, numbers in full, NULL apart from ''). Sorting is done here, so collations do not matter.

use std::collections::BTreeSet;

use crate::Engine;
use crate::client::Rows;
use crate::node::Node;

/// Differences shown for one table; the rest is counted.
const SHOWN: usize = 5;

/// A line per difference; empty when both hold the same tables with the same rows. Tables of twinpool itself
/// (`invocation_queue`, `twin_…`) are left out.
#[track_caller]
pub fn differences(master: &Node, mirror: &Node) -> Vec<String> {
    let mut found = Vec::new();
    let (mine, theirs) = (tables(master), tables(mirror));
    for table in mine.symmetric_difference(&theirs) {
        let side = if mine.contains(table) { master } else { mirror };
        found.push(format!("table {table}: only on the {}", side.label()));
    }
    for table in mine.intersection(&theirs) {
        let (a, b) = (columns(master, table), columns(mirror, table));
        let names = |c: &Columns| c.all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if names(&a) != names(&b) {
            found.push(format!(
                "table {table}: columns {:?} on the master, {:?} on the mirror",
                names(&a),
                names(&b)
            ));
            continue;
        }
        compare_rows(table, rows(master, table, &a), rows(mirror, table, &b), &mut found);
    }
    found
}

/// Both lists are sorted by key and row: a merge finds what only one of them has.
fn compare_rows(
    table: &str,
    mine: Vec<(String, String)>,
    theirs: Vec<(String, String)>,
    found: &mut Vec<String>,
) {
    let (mut i, mut k, mut count) = (0, 0, 0);
    let (here, there) = (mine.len(), theirs.len());
    while i < here || k < there {
        let line = match (mine.get(i), theirs.get(k)) {
            (Some(a), Some(b)) if a == b => {
                (i, k) = (i + 1, k + 1);
                continue;
            }
            (Some(a), Some(b)) if a.0 == b.0 && !a.0.is_empty() => {
                (i, k) = (i + 1, k + 1);
                format!("{}\n    master {}\n    mirror {}", a.0, short(&a.1), short(&b.1))
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                i += 1;
                format!("only on the master: {}", short(&a.1))
            }
            (_, Some(b)) => {
                k += 1;
                format!("only on the mirror: {}", short(&b.1))
            }
            (_, None) => break,
        };
        count += 1;
        if count <= SHOWN {
            found.push(format!("table {table}: {line}"));
        }
    }
    if count > SHOWN {
        found.push(format!(
            "table {table}: {count} differences in all ({here} rows on the master, {there} on the mirror)"
        ));
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Names as they stand in SQL, quoted: `"public"."t"`.
#[track_caller]
fn tables(node: &Node) -> BTreeSet<String> {
    let engine = node.engine();
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT '', name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Engine::Postgres => {
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' \
             AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
        }
        Engine::MariaDb => {
            "SELECT '', table_name FROM information_schema.tables \
             WHERE table_schema = database() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
        }
    };
    let text = |cell: &Option<String>| cell.clone().unwrap_or_default();
    let own = |name: &str| name == "invocation_queue" || name.starts_with("twin_");
    let named = node.sql(sql).into_iter().map(|row| (text(&row[0]), text(&row[1])));
    let user = named.filter(|(_, name)| !own(&name.to_ascii_lowercase()));
    user.map(|(schema, name)| match schema.as_str() {
        "" => engine.quote_ident(&name),
        _ => format!("{}.{}", engine.quote_ident(&schema), engine.quote_ident(&name)),
    })
    .collect()
}

struct Columns {
    /// Name and declared type.
    all: Vec<(String, String)>,
    key: Vec<String>,
}

#[track_caller]
fn columns(node: &Node, table: &str) -> Columns {
    let engine = node.engine();
    let literal = engine.quote_text(table);
    // Name, type, place in the primary key (0: none).
    let sql = match engine {
        Engine::Sqlite => {
            let name = engine.quote_text(&table.trim_matches('"').replace("\"\"", "\""));
            format!("SELECT name, type, pk FROM pragma_table_xinfo({name}) WHERE hidden <> 1 ORDER BY cid")
        }
        Engine::Postgres => format!(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0) \
             FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
             WHERE a.attrelid = {literal}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        ),
        Engine::MariaDb => {
            let name = engine.quote_text(&table.trim_matches('`').replace("``", "`"));
            format!(
                "SELECT c.column_name, c.data_type, coalesce(k.ordinal_position, 0) FROM information_schema.columns c \
                 LEFT JOIN information_schema.key_column_usage k ON k.table_schema = c.table_schema \
                 AND k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY' \
                 WHERE c.table_schema = database() AND c.table_name = {name} ORDER BY c.ordinal_position"
            )
        }
    };
    let found: Vec<(String, String, u32)> = (node.sql(&sql).into_iter())
        .map(|row| {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || cells.next().unwrap_or_default();
            (next(), next(), next().parse().unwrap_or(0))
        })
        .collect();
    let mut key: Vec<&(String, String, u32)> = found.iter().filter(|(_, _, place)| *place > 0).collect();
    key.sort_by_key(|(_, _, place)| *place);
    let key = key.into_iter().map(|(name, _, _)| name.clone()).collect();
    Columns { key, all: found.into_iter().map(|(name, kind, _)| (name, kind)).collect() }
}

/// Key and row of every row as texts, sorted. A table without a key is compared as a bag of rows.
#[track_caller]
fn rows(node: &Node, table: &str, columns: &Columns) -> Vec<(String, String)> {
    let engine = node.engine();
    let exact = |(name, kind): &(String, String)| exact_text(engine, &engine.quote_ident(name), kind);
    let all: Vec<String> = columns.all.iter().map(exact).collect();
    let key: Vec<String> =
        columns.all.iter().filter(|(name, _)| columns.key.contains(name)).map(exact).collect();
    let array = match engine {
        Engine::Postgres => "json_build_array",
        _ => "json_array",
    };
    let key = if key.is_empty() { "''".to_owned() } else { format!("{array}({})", key.join(", ")) };
    let session = match engine {
        Engine::Sqlite => "",
        Engine::Postgres => "SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET DateStyle = 'ISO'; ",
        Engine::MariaDb => "SET time_zone = '+00:00'; ",
    };
    let rows: Rows = node.sql(&format!("{session}SELECT {key}, {array}({}) FROM {table}", all.join(", ")));
    let mut rows: Vec<(String, String)> = (rows.into_iter())
        .map(|row| {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect();
    rows.sort_unstable();
    rows
}

/// An expression that gives the column as a text from which no bit is missing.
fn exact_text(engine: Engine, column: &str, kind: &str) -> String {
    match engine {
        // quote() tells 1 from '1' and 1.0, but stops at a NUL inside a text.
        Engine::Sqlite => format!(
            "CASE WHEN typeof({column}) = 'text' AND instr(CAST({column} AS BLOB), x'00') > 0 \
             THEN 'text x''' || hex(CAST({column} AS BLOB)) || '''' ELSE quote({column}) END"
        ),
        Engine::Postgres => format!("{column}::text"),
        Engine::MariaDb => match kind.to_ascii_lowercase().as_str() {
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "bit" | "geometry"
            | "point" => {
                format!("HEX({column})")
            }
            // A FLOAT as text is rounded to six digits; as a DOUBLE it is printed in full.
            "float" => format!("CAST(CAST({column} AS DOUBLE) AS CHAR)"),
            _ => format!("CAST({column} AS CHAR)"),
        },
    }
}
