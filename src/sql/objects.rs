//! The objects that a DDL statement of MariaDB changes: by their definitions it can be seen afterwards whether it
//! happened.
//!
//! Careful in one direction: where the definitions might look the same before and after, or where the statement can
//! happen in part, there is no answer, and whoever asks has to leave the question to a person.

use crate::link::Engine;
use crate::link::catalog::ObjectKind;

use super::scan::{Scan, TokenKind};
use super::target::{AliasRule, Target};

/// An object as the statement names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlObject {
    pub kind: ObjectKind,
    pub schema: Option<String>,
    pub name: String,
    /// Whether there was one, if the statement has changed anything. `None`: either way.
    pub existed: Option<bool>,
    /// Whether there is one when the statement has happened.
    pub exists: bool,
}

impl DdlObject {
    fn from(self, existed: Option<bool>) -> DdlObject {
        DdlObject { existed, ..self }
    }

    fn gone(self) -> DdlObject {
        DdlObject { existed: None, exists: false, ..self }
    }

    fn is_called(&self, other: &DdlObject) -> bool {
        (&self.schema, &self.name) == (&other.schema, &other.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlObjects {
    pub objects: Vec<DdlObject>,
    /// Each goes by itself, so that a crash can leave some of them: DROP of several.
    pub drops_several: bool,
    /// The statement says who a view or routine belongs to; else that is whoever runs it.
    pub has_definer: bool,
}

/// `None`: it is not known what the statement changes, or it may change what no definition shows.
pub fn ddl_objects(engine: Engine, sql: &str) -> Option<DdlObjects> {
    let scan = Scan::new(sql, engine);
    if engine != Engine::MariaDb || scan.executable_comment || scan.broken {
        return None;
    }
    let (objects, drops) = Reader { scan: &scan, at: 1 }.read()?;
    let has_definer = (0..scan.len()).any(|i| scan.is(i, "DEFINER") && scan.punct(i + 1, b'='));
    Some(DdlObjects { drops_several: drops && objects.len() > 1, objects, has_definer })
}

struct Reader<'a> {
    scan: &'a Scan<'a>,
    at: usize,
}

impl Reader<'_> {
    fn read(mut self) -> Option<(Vec<DdlObject>, bool)> {
        let scan = self.scan;
        if (0..scan.len()).any(|i| scan.is(i, "TEMPORARY")) {
            return None;
        }
        // More than one statement, unless it is the body of one.
        let follows = |i: usize| scan.punct(i, b';') && i + 1 < scan.len() && !scan.punct(i + 1, b';');
        if (0..scan.len()).any(follows) && !(0..scan.len()).any(|i| scan.is(i, "BEGIN")) {
            return None;
        }
        let found = match () {
            _ if scan.is(0, "CREATE") => self.create()?,
            _ if scan.is(0, "ALTER") => self.alter()?,
            _ if scan.is(0, "RENAME") => self.rename()?,
            _ if scan.is(0, "DROP") => self.drop()?,
            _ => return None,
        };
        Some((found, scan.is(0, "DROP")))
    }

    fn create(&mut self) -> Option<Vec<DdlObject>> {
        let replaces = self.skip(&["OR", "REPLACE"]);
        let what = self.what()?;
        match what.as_str() {
            // The old one may be gone with its rows and the new one look the same.
            "table" | "sequence" | "database" | "schema" if replaces => return None,
            "index" => return self.indexed(),
            // A function of a shared library has no text.
            "function" if (self.at..self.scan.len()).any(|i| self.scan.is(i, "SONAME")) => return None,
            _ => {}
        }
        self.skip_if();
        let made = self.one(kind_of(&what)?)?;
        Some(vec![made.from(if replaces { None } else { Some(false) })])
    }

    fn alter(&mut self) -> Option<Vec<DdlObject>> {
        let what = self.what()?;
        match what.as_str() {
            "view" | "procedure" | "function" => {
                self.one(kind_of(&what)?).map(|object| vec![object.from(Some(true))])
            }
            "table" => {
                self.skip_if();
                let altered = self.one(ObjectKind::Table)?.from(Some(true));
                if self.may_hide_its_effect() {
                    return None;
                }
                match self.new_name()? {
                    None => Some(vec![altered]),
                    Some(new) => renamed(vec![(altered, new)]),
                }
            }
            // A sequence may be set to another number; a database may be meant that is not named.
            _ => None,
        }
    }

    fn rename(&mut self) -> Option<Vec<DdlObject>> {
        if !self.skip(&["TABLE"]) && !self.skip(&["TABLES"]) {
            return None;
        }
        self.skip_if();
        let mut pairs = Vec::new();
        loop {
            let from = self.one(ObjectKind::Table)?;
            if !self.skip(&["TO"]) {
                return None;
            }
            pairs.push((from, self.one(ObjectKind::Table)?));
            if !self.comma() {
                break;
            }
        }
        if self.is_end() { renamed(pairs) } else { None }
    }

    fn drop(&mut self) -> Option<Vec<DdlObject>> {
        let what = self.what()?;
        match what.as_str() {
            "index" => return self.indexed(),
            // Its tables go one by one.
            "database" | "schema" => return None,
            _ => {}
        }
        self.skip_if();
        let kind = kind_of(&what)?;
        let mut found = vec![self.one(kind)?.gone()];
        while self.comma() {
            found.push(self.one(kind)?.gone());
        }
        Some(found)
    }

    /// The word that says what is made or dropped.
    fn what(&mut self) -> Option<String> {
        const WHAT: [&str; 10] = [
            "TABLE",
            "TABLES",
            "VIEW",
            "SEQUENCE",
            "TRIGGER",
            "PROCEDURE",
            "FUNCTION",
            "INDEX",
            "DATABASE",
            "SCHEMA",
        ];
        self.skip_prefix();
        let at = Some(self.at).filter(|&i| self.scan.is_any(i, &WHAT))?;
        self.at = at + 1;
        let what = self.scan.str(at).to_ascii_lowercase();
        Some(if what == "tables" { "table".to_owned() } else { what })
    }

    /// What may stand between CREATE or ALTER and that word, and nothing else: behind EVENT or PACKAGE such words
    /// are somebody else's.
    fn skip_prefix(&mut self) {
        const ALONE: [&str; 6] = ["AGGREGATE", "UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "IGNORE"];
        let scan = self.scan;
        loop {
            match () {
                _ if scan.is_any(self.at, &ALONE) => self.at += 1,
                _ if scan.are(self.at, &["SQL", "SECURITY"]) => self.at += 3,
                _ if scan.is(self.at, "ALGORITHM") && scan.punct(self.at + 1, b'=') => self.at += 3,
                // A user may be called `table`: `a@b`, `CURRENT_USER()`.
                _ if scan.is(self.at, "DEFINER") => {
                    self.at += 2 + usize::from(scan.punct(self.at + 1, b'='));
                    if scan.punct(self.at, b'(') {
                        self.at = scan.after_parens(self.at);
                    }
                    if scan.str(self.at).starts_with('@') {
                        self.at += if scan.str(self.at) == "@" { 2 } else { 1 };
                    }
                }
                _ => return,
            }
        }
    }

    /// `… ON table`: an index belongs to its table.
    fn indexed(&mut self) -> Option<Vec<DdlObject>> {
        self.at = (self.at..self.scan.len()).find(|&i| self.scan.is(i, "ON"))? + 1;
        self.one(ObjectKind::Table).map(|table| vec![table.from(Some(true))])
    }

    fn one(&mut self, kind: ObjectKind) -> Option<DdlObject> {
        let (target, next) = Target::read(self.scan, Engine::MariaDb, self.at, AliasRule::None)?;
        if kind == ObjectKind::Database && target.schema.is_some() {
            return None;
        }
        self.at = next;
        Some(DdlObject { kind, schema: target.schema, name: target.name, existed: None, exists: true })
    }

    /// Whether an ALTER TABLE may change rows, counters or columns and leave the definition as it looks: what is
    /// in partitions and tablespaces, the next number, a column that goes and another of its name that comes.
    fn may_hide_its_effect(&self) -> bool {
        const HIDDEN: [&str; 6] =
            ["PARTITION", "PARTITIONING", "TRUNCATE", "EXCHANGE", "TABLESPACE", "SYSTEM"];
        const NO_COLUMN: [&str; 9] =
            ["INDEX", "KEY", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK", "UNIQUE", "FULLTEXT", "SPATIAL"];
        let scan = self.scan;
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for i in self.at..scan.len() {
            let number = matches!(scan.kind(i + 1), Some(TokenKind::Number)) || scan.punct(i + 1, b'=');
            if scan.is_any(i, &HIDDEN) || (scan.is(i, "AUTO_INCREMENT") && number) {
                return true;
            }
            let mut at = i + 1;
            at += usize::from(scan.is(at, "COLUMN"));
            if scan.is(at, "IF") {
                at += if scan.is(at + 1, "NOT") { 3 } else { 2 };
            }
            match () {
                _ if scan.is(i, "DROP") && !scan.is_any(at, &NO_COLUMN) => gone.push(column(scan, at)),
                // Several may stand in parentheses.
                _ if scan.is(i, "ADD") && scan.punct(at, b'(') => {
                    come.extend((at..scan.after_parens(at)).map(|i| column(scan, i)));
                }
                _ if scan.is(i, "ADD") && !scan.is_any(at, &NO_COLUMN) => come.push(column(scan, at)),
                _ if scan.is(i, "CHANGE") || scan.are(i, &["RENAME", "COLUMN"]) => {
                    let next = at + 1 + usize::from(scan.is(at + 1, "TO"));
                    if column(scan, at) != column(scan, next) {
                        gone.push(column(scan, at));
                        come.push(column(scan, next));
                    }
                }
                _ => {}
            }
        }
        gone.iter().any(|name| come.contains(name))
    }

    /// `RENAME TO other` in an ALTER TABLE, none or one.
    fn new_name(&mut self) -> Option<Option<DdlObject>> {
        let scan = self.scan;
        let Some(at) = (self.at..scan.len())
            .find(|&i| scan.is(i, "RENAME") && !scan.is_any(i + 1, &["COLUMN", "INDEX", "KEY"]))
        else {
            return Some(None);
        };
        self.at = at + 1 + usize::from(scan.is_any(at + 1, &["TO", "AS"]) || scan.punct(at + 1, b'='));
        self.one(ObjectKind::Table).map(Some)
    }

    fn skip(&mut self, words: &[&str]) -> bool {
        let found = self.scan.are(self.at, words);
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn skip_if(&mut self) {
        let _ = self.skip(&["IF", "NOT", "EXISTS"]) || self.skip(&["IF", "EXISTS"]);
    }

    fn comma(&mut self) -> bool {
        let found = self.scan.punct(self.at, b',');
        self.at += usize::from(found);
        found
    }

    fn is_end(&self) -> bool {
        (self.at..self.scan.len()).all(|i| self.scan.punct(i, b';'))
    }
}

/// Columns are compared without case, quoted ones too.
fn column(scan: &Scan<'_>, i: usize) -> String {
    scan.name(i).to_lowercase()
}

/// Tables that get other names, one after the other. `None`: they are exchanged, and as one may look like the other it
/// could not be seen.
fn renamed(pairs: Vec<(DdlObject, DdlObject)>) -> Option<Vec<DdlObject>> {
    let mut found: Vec<DdlObject> = Vec::new();
    let mut set = |table: DdlObject, existed: bool| match found.iter_mut().find(|t| t.is_called(&table)) {
        Some(known) => known.exists = !existed,
        None => found.push(DdlObject { existed: Some(existed), exists: !existed, ..table }),
    };
    for (from, to) in pairs {
        set(from, true);
        set(to, false);
    }
    found.iter().any(|table| table.existed != Some(table.exists)).then_some(found)
}

fn kind_of(what: &str) -> Option<ObjectKind> {
    Some(match what {
        "table" | "view" | "sequence" => ObjectKind::Table,
        "trigger" => ObjectKind::Trigger,
        "procedure" => ObjectKind::Procedure,
        "function" => ObjectKind::Function,
        "database" | "schema" => ObjectKind::Database,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(sql: &str) -> Option<String> {
        let found = ddl_objects(Engine::MariaDb, sql)?;
        let names = found.objects.iter().map(|o| {
            let (before, after) =
                (o.existed.map_or("?", |e| if e { "+" } else { "-" }), if o.exists { "+" } else { "-" });
            let schema = o.schema.as_ref().map_or_else(String::new, |schema| format!("{schema}."));
            format!("{before}{after}{:?} {schema}{}", o.kind, o.name)
        });
        Some(names.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn ddl_names_what_it_changes() {
        // Each with whether it was there before (`?`: either way) and is there behind it.
        for (sql, objects) in [
            ("CREATE TABLE t (id INT)", "-+Table t"),
            ("create table if not exists `my db`.`t` (id INT)", "-+Table my db.t"),
            ("CREATE UNIQUE INDEX IF NOT EXISTS i ON db.t (a)", "++Table db.t"),
            ("DROP INDEX i ON t;", "++Table t"),
            ("ALTER ONLINE TABLE IF EXISTS t ADD COLUMN b INT NOT NULL DEFAULT 3", "++Table t"),
            ("ALTER TABLE t DROP INDEX i, ADD INDEX k (a)", "++Table t"),
            ("ALTER TABLE t CHANGE a b INT", "++Table t"),
            ("ALTER TABLE t MODIFY id INT AUTO_INCREMENT", "++Table t"),
            ("ALTER TABLE t ADD b INT, RENAME TO u", "+-Table t, -+Table u"),
            ("RENAME TABLE a TO b, c.d TO e", "+-Table a, -+Table b, +-Table c.d, -+Table e"),
            ("RENAME TABLE live TO old, new TO live", "++Table live, -+Table old, +-Table new"),
            ("DROP TABLE IF EXISTS a, b", "?-Table a, ?-Table b"),
            (
                "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT 1",
                "?+Table v",
            ),
            ("CREATE TABLE Mixed (id INT)", "-+Table Mixed"),
            ("RENAME TABLE a TO t, t TO b", "+-Table a, --Table t, -+Table b"),
            (
                "CREATE DEFINER=CURRENT_USER() SQL SECURITY INVOKER FUNCTION f() RETURNS INT RETURN 1",
                "-+Function f",
            ),
            ("CREATE DEFINER='table' @ 'h' AGGREGATE FUNCTION f() RETURNS INT RETURN 1", "-+Function f"),
            ("CREATE DEFINER = table@localhost VIEW v AS SELECT 1", "-+Table v"),
            ("CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1", "-+Trigger x"),
            ("CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END", "-+Procedure p"),
            ("DROP PROCEDURE p", "?-Procedure p"),
            ("CREATE FUNCTION f() RETURNS INT RETURN 1", "-+Function f"),
            ("CREATE SEQUENCE s", "-+Table s"),
            ("CREATE DATABASE IF NOT EXISTS d", "-+Database d"),
        ] {
            assert_eq!(named(sql).as_deref(), Some(objects), "{sql}");
        }
    }

    #[test]
    fn ddl_whose_effect_the_definitions_need_not_show_is_not_named() {
        for sql in [
            "TRUNCATE TABLE t",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DROP TABLE t",
            "ALTER EVENT e DO DROP TABLE t",
            "DROP TABLE t; DROP TABLE u",
            "CREATE OR REPLACE PACKAGE k AS PROCEDURE p(); END",
            "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (DATABASE d)",
            "ALTER TABLE t DROP COLUMN a, ADD COLUMN `A` INT",
            "GRANT SELECT ON t TO u",
            "DROP DATABASE d",
            "CREATE OR REPLACE TABLE t (id INT)",
            "CREATE OR REPLACE SEQUENCE s",
            "ALTER SEQUENCE s RESTART 5",
            "ALTER TABLE t AUTO_INCREMENT = 7",
            "ALTER TABLE t AUTO_INCREMENT 7",
            "ALTER TABLE t TRUNCATE PARTITION p",
            "ALTER TABLE t DROP COLUMN a, ADD COLUMN a INT",
            "ALTER TABLE t DROP a, ADD IF NOT EXISTS (b INT, a INT)",
            "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
            "ALTER TABLE t CHANGE a b INT, CHANGE b a INT",
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "RENAME TABLE a TO tmp, b TO a, tmp TO b",
            "CREATE /*! OR REPLACE */ TABLE t (id INT)",
            "CREATE FUNCTION f RETURNS INTEGER SONAME 'f.so'",
        ] {
            assert_eq!(named(sql), None, "{sql}");
        }
        assert_eq!(ddl_objects(Engine::Postgres, "CREATE TABLE t (id INT)"), None);
    }
}
