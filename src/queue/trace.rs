//! What an entry of DDL that commits by itself says of its objects: their definitions before the DDL, and behind it.
//!
//! Whoever settles the intent of a dead process compares the first with what the master has now; a replay that
//! repeats what a dead one may have done compares the second with what the mirror has.

use std::sync::Arc;

use super::entry::{Entry, Shipped, TRACE};
use crate::error::Result;
use crate::link::Link;
use crate::pair::locks;
use crate::pair::shared::{int, text};
use crate::sql::{DdlObjects, ddl_objects};
use crate::value::Value;

/// The definitions of objects, one after the other: a number each, nothing where there is no such object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(Vec<Option<u64>>);

impl Fingerprint {
    /// As this connection sees them. `database`: where what is named without one stands.
    pub fn take(link: &mut Link, objects: &DdlObjects, database: &str) -> Result<Fingerprint> {
        let one = |object: &crate::sql::DdlObject| {
            let schema = object.schema.as_deref().unwrap_or(database);
            let found = link.definition(object.kind, schema, &object.name)?;
            Ok(found.map(|definition| match objects.has_definer {
                true => locks::hash(&definition),
                false => locks::hash(&without_definer(&definition)),
            }))
        };
        Ok(Fingerprint(objects.objects.iter().map(one).collect::<Result<_>>()?))
    }

    /// Whether the statement alone may have made this of what was `before`: what it makes is there, and was not
    /// there; what it drops is gone.
    pub fn may_follow(&self, before: &Fingerprint, objects: &DdlObjects) -> bool {
        let both = before.0.iter().zip(&self.0);
        both.zip(&objects.objects).all(|((before, now), object)| {
            now.is_some() == object.exists && object.existed.is_none_or(|existed| before.is_some() == existed)
        })
    }

    /// Whether nothing has happened but that some of them are gone.
    pub fn is_part_of(&self, before: &Fingerprint) -> bool {
        self.0.iter().zip(&before.0).all(|(now, before)| now.is_none() || now == before)
    }

    fn write(&self) -> Value {
        let one = |f: &Option<u64>| f.map_or_else(|| "-".to_owned(), |f| format!("{f:016x}"));
        Value::Text(self.0.iter().map(one).collect::<Vec<_>>().join(","))
    }

    fn read(value: &Value) -> Option<Fingerprint> {
        let one = |f: &str| match f {
            "-" => Some(None),
            f => u64::from_str_radix(f, 16).ok().map(Some),
        };
        text(value).split(',').map(one).collect::<Option<_>>().map(Fingerprint)
    }
}

/// ` DEFINER=a@b`: where the statement does not name him it is the user of each side.
fn without_definer(definition: &str) -> String {
    let mut rest = definition;
    let Some(at) = rest.find(" DEFINER=") else { return definition.to_owned() };
    let mut out = rest[..at].to_owned();
    rest = &rest[at + 9..];
    // Two quoted names with `@` between them; quotes inside are doubled.
    let (mut quoted, mut end) = (false, rest.len());
    for (i, c) in rest.char_indices() {
        if c == '`' {
            quoted = !quoted;
        } else if c == ' ' && !quoted {
            end = i;
            break;
        }
    }
    out.push_str(&rest[end..]);
    out
}

/// What is known of the DDL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has looked yet.
    Open = 0,
    /// It happened: its own process said so.
    Told = 1,
    /// Its process died, and its objects look as if it happened.
    Seen = 2,
    /// Nobody can say. That stays so, whatever the objects look like later.
    Question = 3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The number of the session on the master that was to run the DDL.
    pub session: u64,
    /// Where it found what is named without a database.
    pub database: String,
    pub before: Fingerprint,
    /// `None`: not settled, or not to be seen.
    pub after: Option<Fingerprint>,
    pub standing: Standing,
}

impl Trace {
    /// Stands before the DDL in its entry.
    pub fn write(&self) -> Arc<Shipped> {
        let params = vec![
            Value::Int(self.session as i64),
            Value::Text(self.database.clone()),
            self.before.write(),
            self.after.as_ref().map_or(Value::Null, Fingerprint::write),
            Value::Int(self.standing as i64),
        ];
        Arc::new(Shipped { sql: "".into(), params, expected: TRACE })
    }

    /// An entry's trace, and the objects that it is about. `None`: it has none, or was written by a library that
    /// names other objects.
    pub fn read(entry: &Entry, engine: crate::link::Engine) -> Option<(Trace, DdlObjects)> {
        let [trace, ddl] = entry.statements.as_slice() else { return None };
        let [session, database, before, after, standing] = trace.params.as_slice() else { return None };
        if trace.expected != TRACE {
            return None;
        }
        let objects = ddl_objects(engine, &ddl.sql)?;
        let before = Fingerprint::read(before)?;
        let after = match after {
            Value::Null => None,
            after => Some(Fingerprint::read(after)?),
        };
        const ALL: [Standing; 4] = [Standing::Open, Standing::Told, Standing::Seen, Standing::Question];
        let standing = ALL.into_iter().find(|s| *s as i64 == int(standing))?;
        let fits = before.0.len() == objects.objects.len()
            && after.as_ref().is_none_or(|a| a.0.len() == objects.objects.len());
        let trace = Trace { session: int(session) as u64, database: text(database), before, after, standing };
        fits.then_some((trace, objects))
    }

    /// Whether objects that look like this have seen the DDL: they look as on the master behind it, and not as
    /// before. Where both are the same it makes no difference whether it runs once more.
    pub fn has_happened(&self, now: &Fingerprint) -> bool {
        self.after.as_ref().is_some_and(|after| now == after && *after != self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Engine;
    use crate::queue::entry;

    #[test]
    fn a_trace_is_read_back_as_it_was_written() {
        let before = Fingerprint(vec![None, Some(7)]);
        let behind = Fingerprint(vec![Some(u64::MAX), None]);
        for (after, standing) in
            [(None, Standing::Open), (Some(behind.clone()), Standing::Seen), (None, Standing::Question)]
        {
            let trace = Trace { session: 3, database: "app".into(), before: before.clone(), after, standing };
            let ddl = |sql: &str| {
                let ddl = Arc::new(Shipped { sql: sql.into(), params: Vec::new(), expected: entry::DDL });
                entry::decode(&entry::encode(&[], &[trace.write(), ddl], &Arc::default()).unwrap()).unwrap()
            };
            let read = Trace::read(&ddl("RENAME TABLE a TO b"), Engine::MariaDb).unwrap();
            assert_eq!(read.0, trace);
            assert_eq!(Trace::read(&ddl("DROP TABLE a"), Engine::MariaDb), None);
        }
    }

    #[test]
    fn what_another_statement_leaves_is_no_effect_of_this_one() {
        let (none, one, other) =
            (Fingerprint(vec![None]), Fingerprint(vec![Some(1)]), Fingerprint(vec![Some(2)]));
        for (sql, before, now, may) in [
            ("CREATE TABLE t (id INT)", &none, &one, true),
            ("CREATE TABLE IF NOT EXISTS t (id INT)", &one, &other, false),
            ("CREATE OR REPLACE VIEW t AS SELECT 1", &one, &other, true),
            ("ALTER TABLE t ADD a INT", &one, &other, true),
            ("ALTER TABLE t ADD a INT", &one, &none, false),
            ("ALTER TABLE IF EXISTS t ADD a INT", &none, &one, false),
            ("DROP TABLE t", &one, &none, true),
            ("DROP TABLE t", &one, &other, false),
        ] {
            let objects = ddl_objects(Engine::MariaDb, sql).unwrap();
            assert_eq!(now.may_follow(before, &objects), may, "{sql}");
        }
        let objects = ddl_objects(Engine::MariaDb, "RENAME TABLE live TO old, new TO live").unwrap();
        let before = Fingerprint(vec![Some(1), None, Some(2)]);
        assert!(Fingerprint(vec![Some(2), Some(1), None]).may_follow(&before, &objects));
        assert!(!Fingerprint(vec![None, Some(1), Some(2)]).may_follow(&before, &objects));
    }

    #[test]
    fn the_definer_is_taken_out_whatever_his_name() {
        let shown =
            "CREATE ALGORITHM=UNDEFINED DEFINER=`a ``b`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1";
        let plain = "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1";
        assert_eq!(without_definer(shown), plain);
        assert_eq!(without_definer(plain), plain);
    }
}
