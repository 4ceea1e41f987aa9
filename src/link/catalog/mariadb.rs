//! MariaDB's catalogue.

use super::{ColumnFacts, DefaultKind, KeyColumn, TableFacts, flag, is_constant, keys, text};
use crate::error::Result;
use crate::link::Link;
use crate::value::Value;

const TABLE: &str = "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.TABLE_TYPE, \
    EXISTS (SELECT 1 FROM information_schema.TRIGGERS g WHERE g.EVENT_OBJECT_SCHEMA = t.TABLE_SCHEMA AND g.EVENT_OBJECT_TABLE = t.TABLE_NAME), \
    EXISTS (SELECT 1 FROM information_schema.REFERENTIAL_CONSTRAINTS r WHERE r.UNIQUE_CONSTRAINT_SCHEMA = t.TABLE_SCHEMA \
        AND r.REFERENCED_TABLE_NAME = t.TABLE_NAME \
        AND (r.DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR r.UPDATE_RULE NOT IN ('RESTRICT', 'NO ACTION'))) \
    FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?";

const COLUMNS: &str = "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA FROM information_schema.COLUMNS \
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";

const KEYS: &str = "SELECT INDEX_NAME, COLUMN_NAME, NULLABLE, SUB_PART IS NOT NULL FROM information_schema.STATISTICS \
    WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX";

pub(super) fn describe(link: &mut Link, schema: Option<&str>, name: &str) -> Result<Option<TableFacts>> {
    let schema = schema.map_or(Value::Null, |s| Value::Text(s.to_owned()));
    let rows = link.query(TABLE, &[schema, Value::Text(name.to_owned())])?;
    let Some(r) = rows.first().filter(|r| r.len() == 5) else { return Ok(None) };
    let place = [Value::Text(text(&r[0])), Value::Text(text(&r[1]))];
    let mut facts = TableFacts {
        schema: text(&r[0]),
        name: text(&r[1]),
        columns: Vec::new(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        other_unique: false,
        has_triggers: flag(&r[3]),
        has_cascades: flag(&r[4]),
        has_deferrable: false,
        is_view: !text(&r[2]).ends_with("TABLE"),
        is_temporary: text(&r[2]).contains("TEMPORARY"),
    };
    for c in link.query(COLUMNS, &place)?.iter().filter(|c| c.len() == 5) {
        let (default, extra) = (text(&c[3]), text(&c[4]).to_ascii_lowercase());
        let computed = extra.contains("generated");
        facts.columns.push(ColumnFacts {
            name: text(&c[0]),
            declared: text(&c[1]),
            nullable: flag(&c[2]),
            default: match default.as_str() {
                _ if computed => DefaultKind::None,
                _ if extra.contains("auto_increment") => DefaultKind::Generated,
                "" if c[3] == Value::Null => DefaultKind::None,
                "NULL" => DefaultKind::None,
                d if is_constant(d) => DefaultKind::Constant,
                _ => DefaultKind::Volatile,
            },
            computed,
            on_update: extra.contains("on update"),
        });
    }
    let columns = link
        .query(KEYS, &place)?
        .iter()
        .filter(|k| k.len() == 4)
        .map(|k| KeyColumn {
            index: text(&k[0]),
            primary: text(&k[0]) == "PRIMARY",
            column: (k[1] != Value::Null).then(|| text(&k[1])),
            not_null: !flag(&k[2]),
            limited: flag(&k[3]),
        })
        .collect();
    keys(&mut facts, columns);
    Ok(Some(facts))
}
