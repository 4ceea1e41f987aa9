//! Making a pair of two databases that hold data already: only where both hold the same.

use super::TableComparison;
use super::open::{refuse_same_database, state_if_any};
use super::tables::Tables;
use super::twin_pool::TwinPool;
use super::verify::{compare_all, missing_tables};
use crate::config::Options;
use crate::error::{Error, Result, Side, Status};
use crate::link::Link;
use crate::link::catalog::TableFacts;

/// What was compared. It is a pair now if `differences` is empty and no table differs.
#[derive(Clone, Debug, Default)]
pub struct Adoption {
    /// Differences in tables, columns and keys, a line each.
    pub differences: Vec<String>,
    /// Contents, compared only where the schemas are equal.
    pub tables: Vec<TableComparison>,
}

impl Adoption {
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.tables.iter().all(|t| t.different == 0)
    }
}

/// Compares schemas and rows; where both are equal, establishes the pair. Nothing may write to either meanwhile.
pub fn adopt(options: &Options, progress: &mut dyn FnMut(&str, u64)) -> Result<Adoption> {
    let (settings, _) = options.validate()?;
    let schema = settings.tables.schema.clone().unwrap_or_default();
    let open = |side: Side, node: &crate::config::NodeSettings| {
        let mut link = Link::open(side, &node.connection, &node.link())
            .map_err(|e| e.context(format_args!("adopt: {side}")))?;
        link.set_call_timeout(Some(settings.verify_read_timeout));
        let tables = Tables::new(link.engine(), &schema, &settings.tables.prefix);
        if state_if_any(&mut link, &tables)?.is_some() {
            return Err(Error::new(
                Status::NotAPair,
                format!(
                    "adopt: the {side} belongs to a pair already, or is a copy of such a database; `twinpool uninstall` takes our tables away"
                ),
            ));
        }
        Ok((link, tables))
    };
    let (mut master, tables) = open(Side::Master, &settings.master)?;
    let (mut mirror, mirror_tables) = open(Side::Mirror, &settings.mirror)?;
    refuse_same_database(&mut master, &mut mirror)?;
    let mut adoption = Adoption {
        differences: schema_differences(&mut master, &tables, &mut mirror, &mirror_tables)?,
        tables: Vec::new(),
    };
    if adoption.differences.is_empty() {
        adoption.tables = compare_all(&mut master, &tables, &mut mirror, &mirror_tables, progress)?;
    }
    drop((master, mirror));
    if adoption.is_equal() {
        let mut options = options.clone();
        options.set("schema_check", "on")?;
        let pool = TwinPool::open(&options)?;
        pool.close(std::time::Duration::from_secs(5))?;
    }
    Ok(adoption)
}

fn schema_differences(
    master: &mut Link,
    tables: &Tables,
    mirror: &mut Link,
    mirror_tables: &Tables,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let (both, only_master, only_mirror) = missing_tables(master, tables, mirror, mirror_tables)?;
    found.extend(only_master.iter().map(|t| format!("{t}: missing on the mirror")));
    found.extend(only_mirror.iter().map(|t| format!("{t}: missing on the master")));
    let same_engine = master.engine() == mirror.engine();
    for (schema, mirror_schema, name) in both {
        let here = master.describe_table(Some(&schema), &name)?;
        let there = mirror.describe_table(Some(&mirror_schema), &name)?;
        if let (Some(here), Some(there)) = (here, there) {
            table_differences(&here, &there, same_engine, &mut found);
        }
    }
    Ok(found)
}

fn table_differences(here: &TableFacts, there: &TableFacts, same_engine: bool, found: &mut Vec<String>) {
    let name = &here.name;
    if here.is_view != there.is_view {
        found.push(format!("{name}: a table on one side and a view on the other"));
        return;
    }
    let names = |f: &TableFacts| f.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
    if names(here) != names(there) {
        found.push(format!("{name}: columns: master ({}), mirror ({})", names(here), names(there)));
        return;
    }
    for (a, b) in here.columns.iter().zip(&there.columns) {
        let column = format!("{name}.{}", a.name);
        if same_engine && a.declared != b.declared {
            found.push(format!("{column}: type: master {}, mirror {}", a.declared, b.declared));
        }
        if a.nullable != b.nullable {
            let word = |nullable| if nullable { "nullable" } else { "not null" };
            found.push(format!("{column}: master {}, mirror {}", word(a.nullable), word(b.nullable)));
        }
        if a.default != b.default || a.computed != b.computed || a.on_update != b.on_update {
            found.push(format!("{column}: another default"));
        }
    }
    let key = |k: &[String]| if k.is_empty() { "none".to_owned() } else { k.join(", ") };
    if here.primary_key != there.primary_key {
        found.push(format!(
            "{name}: primary key: master {}, mirror {}",
            key(&here.primary_key),
            key(&there.primary_key)
        ));
    }
    let sorted = |f: &TableFacts| {
        let mut keys = f.unique_keys.clone();
        keys.sort();
        keys
    };
    if sorted(here) != sorted(there) || here.other_unique != there.other_unique {
        found.push(format!("{name}: other unique keys"));
    }
    if here.has_triggers != there.has_triggers || here.has_cascades != there.has_cascades {
        found.push(format!("{name}: triggers, rules or cascading foreign keys on one side only"));
    }
}
