//! What two nodes are made of beside their rows: columns, constraints, indexes, views, triggers, sequences, routines.
//!
//! Numbers that sequences have given are left out: the mirror's may be ahead.

use std::collections::BTreeSet;

use crate::Engine;
use crate::node::Node;

/// A line per object, or part of one, that only one node has. Objects of twinpool itself are left out.
#[track_caller]
pub fn differences(master: &Node, mirror: &Node) -> Vec<String> {
    let (mine, theirs) = (all(master), all(mirror));
    let only = |side: &Node, line: &String| format!("definitions: only on the {}: {line}", side.label());
    let here = mine.difference(&theirs).map(|line| only(master, line));
    here.chain(theirs.difference(&mine).map(|line| only(mirror, line))).collect()
}

/// Each line begins with a kind and, where there is one, the table it belongs to.
#[track_caller]
fn all(node: &Node) -> BTreeSet<String> {
    let own = |name: &str| name == "invocation_queue" || name.starts_with("twin_");
    let mut found = BTreeSet::new();
    for sql in queries(node.engine()) {
        for row in node.sql(sql) {
            let cells: Vec<String> =
                row.into_iter().map(|c| c.unwrap_or_else(|| "NULL".to_owned())).collect();
            if !cells.get(1).is_some_and(|table| own(&table.to_ascii_lowercase())) {
                found.insert(cells.join(" | "));
            }
        }
    }
    if node.engine() == Engine::MariaDb {
        for name in node.sql(SEQUENCES).into_iter().flatten().flatten() {
            let sql = format!(
                "SELECT start_value, minimum_value, maximum_value, increment, cycle_option FROM `{name}`"
            );
            found.extend(node.sql(&sql).iter().map(|row| format!("sequence | {name} | {row:?}")));
        }
    }
    found
}

const SEQUENCES: &str = "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_type = 'SEQUENCE'";

/// Queries for: kind, table or object, what else there is to it.
fn queries(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Sqlite => &[
            "SELECT type, tbl_name, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        ],
        Engine::Postgres => &[
            "SELECT 'column', c.relname, n.nspname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
             a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a \
             JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' \
             AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'",
            "SELECT 'index', tablename, schemaname, indexname, indexdef FROM pg_indexes \
             WHERE schemaname <> 'information_schema' AND schemaname NOT LIKE 'pg\\_%'",
            "SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k \
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'",
            "SELECT 'view', c.relname, n.nspname, c.relkind, pg_get_viewdef(c.oid) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' \
             AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'",
            "SELECT 'trigger', c.relname, pg_get_triggerdef(t.oid), t.tgenabled FROM pg_trigger t \
             JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal",
            "SELECT 'sequence', sequencename, schemaname, data_type, start_value, min_value, max_value, increment_by, cycle, \
             cache_size FROM pg_sequences WHERE schemaname NOT LIKE 'pg\\_%'",
            "SELECT 'routine', p.proname, pg_get_functiondef(p.oid) FROM pg_proc p \
             JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') \
             AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' \
             AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
        ],
        Engine::MariaDb => &[
            "SELECT 'table', table_name, table_type, engine, table_collation, create_options, table_comment \
             FROM information_schema.tables WHERE table_schema = database()",
            "SELECT 'column', table_name, column_name, ordinal_position, column_type, is_nullable, column_default, extra, \
             collation_name, generation_expression, column_comment FROM information_schema.columns WHERE table_schema = database()",
            "SELECT 'index', table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type, collation \
             FROM information_schema.statistics WHERE table_schema = database()",
            "SELECT 'constraint', k.table_name, k.constraint_name, k.column_name, k.ordinal_position, \
             k.referenced_table_name, k.referenced_column_name, r.update_rule, r.delete_rule \
             FROM information_schema.key_column_usage k LEFT JOIN information_schema.referential_constraints r \
             ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name \
             AND r.constraint_name = k.constraint_name WHERE k.table_schema = database()",
            "SELECT 'check', table_name, constraint_name, check_clause FROM information_schema.check_constraints \
             WHERE constraint_schema = database()",
            "SELECT 'partition', table_name, partition_name, partition_method, partition_expression, partition_description \
             FROM information_schema.partitions WHERE table_schema = database() AND partition_name IS NOT NULL",
            "SELECT 'view', table_name, view_definition, check_option, security_type FROM information_schema.views \
             WHERE table_schema = database()",
            "SELECT 'trigger', event_object_table, trigger_name, action_timing, event_manipulation, action_statement, action_order \
             FROM information_schema.triggers WHERE trigger_schema = database()",
            "SELECT 'routine', routine_name, routine_type, routine_definition, dtd_identifier, security_type \
             FROM information_schema.routines WHERE routine_schema = database()",
            "SELECT 'event', event_name, event_definition, event_type, execute_at, interval_value, interval_field, status, \
             on_completion FROM information_schema.events WHERE event_schema = database()",
        ],
    }
}
