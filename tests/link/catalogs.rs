//! What the catalogues say.

use twinpool::link::catalog::DefaultKind;
use twinpool_testkit::{Engine, on_all_engines};

use crate::common::*;

on_all_engines! {
    fn tables_are_listed_in_order_without_views(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE b (id INT PRIMARY KEY); CREATE TABLE a (id INT PRIMARY KEY); CREATE VIEW v AS SELECT * FROM a");
        let mut link = link(node);
        let schema = pair.pick("main", "public", node.database()).to_owned();
        let tables = link.list_tables().unwrap();
        assert_eq!(tables, [(schema.clone(), "a".to_owned()), (schema, "b".to_owned())]);
    }

    fn a_table_is_described_with_its_keys_and_defaults(pair: &Pair) {
        let node = &pair.master;
        node.sql(pair.pick(
            "CREATE TABLE \"T x\" (id INTEGER PRIMARY KEY, code TEXT NOT NULL DEFAULT 'it''s', n INT DEFAULT 5, \
             made TIMESTAMP DEFAULT CURRENT_TIMESTAMP, twice INT GENERATED ALWAYS AS (n * 2), a INT NOT NULL, b INT NOT NULL, \
             o INT UNIQUE, UNIQUE (code), UNIQUE (b, a))",
            "CREATE TABLE \"T x\" (id SERIAL PRIMARY KEY, code VARCHAR(20) NOT NULL DEFAULT 'it''s', n INT DEFAULT 5, \
             made TIMESTAMP DEFAULT now(), twice INT GENERATED ALWAYS AS (n * 2) STORED, a INT NOT NULL, b INT NOT NULL, \
             o INT UNIQUE, UNIQUE (code), UNIQUE (b, a))",
            "CREATE TABLE `T x` (id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(20) NOT NULL DEFAULT 'it''s', n INT DEFAULT 5, \
             made TIMESTAMP DEFAULT current_timestamp(), twice INT AS (n * 2) STORED, a INT NOT NULL, b INT NOT NULL, \
             o INT UNIQUE, UNIQUE (code), UNIQUE (b, a))",
        ));
        let mut link = link(node);
        assert!(link.describe_table(None, "nowhere").unwrap().is_none());
        let schema = pair.pick("main", "public", node.database());
        for given in [None, Some(schema)] {
            let facts = link.describe_table(given, "T x").unwrap().unwrap();
            assert_eq!((facts.schema.as_str(), facts.name.as_str()), (schema, "T x"));
            assert_eq!(facts.primary_key, ["id"]);
            let mut unique = facts.unique_keys.clone();
            unique.sort();
            assert_eq!(unique, [vec!["b".to_owned(), "a".to_owned()], vec!["code".to_owned()]]);
            assert_eq!(facts.row_key().unwrap(), ["id"]);
            let kinds: Vec<DefaultKind> = facts.columns.iter().map(|c| c.default.clone()).collect();
            use DefaultKind::*;
            assert_eq!(kinds, [Generated, Constant, Constant, Volatile, None, None, None, None], "{facts:?}");
            assert!(facts.column("CODE").is_some_and(|c| !c.nullable && !c.computed));
            assert!(facts.column("twice").is_some_and(|c| c.computed));
            assert!(facts.column("n").is_some_and(|c| c.nullable));
            assert!(!(facts.has_triggers || facts.has_cascades || facts.has_deferrable));
            assert!(!(facts.is_view || facts.is_temporary));
        }
    }

    fn triggers_cascades_views_and_temporary_tables_are_noticed(pair: &Pair) {
        let node = &pair.master;
        node.sql("CREATE TABLE parent (id INT PRIMARY KEY); CREATE TABLE plain (id INT PRIMARY KEY, p INT REFERENCES parent (id)); \
                  CREATE VIEW seen AS SELECT id FROM parent");
        let mut link = link(node);
        assert!(!link.describe_table(None, "parent").unwrap().unwrap().has_cascades);
        link.run_once("CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)").unwrap();
        assert!(link.describe_table(None, "parent").unwrap().unwrap().has_cascades);
        assert!(!link.describe_table(None, "child").unwrap().unwrap().has_cascades);
        if pair.engine() == Engine::Postgres {
            link.run_once("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'").unwrap();
            link.run_once("CREATE TABLE d (id INT PRIMARY KEY, x INT UNIQUE DEFERRABLE)").unwrap();
            let facts = link.describe_table(None, "d").unwrap().unwrap();
            assert!(facts.has_deferrable && facts.unique_keys.is_empty());
        }
        link.run_once(pair.pick(
            "CREATE TRIGGER g AFTER INSERT ON child BEGIN SELECT 1; END",
            "CREATE TRIGGER g BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE TRIGGER g BEFORE INSERT ON child FOR EACH ROW SET NEW.p = NEW.p",
        )).unwrap();
        assert!(link.describe_table(None, "child").unwrap().unwrap().has_triggers);
        assert!(!link.describe_table(None, "parent").unwrap().unwrap().has_triggers);
        assert!(link.describe_table(None, "seen").unwrap().unwrap().is_view);
        // A temporary table hides the other.
        link.run_once("CREATE TEMPORARY TABLE parent (id INT PRIMARY KEY, extra INT NOT NULL)").unwrap();
        let facts = link.describe_table(None, "parent").unwrap().unwrap();
        assert!(facts.is_temporary, "{facts:?}");
        assert_eq!(facts.columns.len(), 2);
        assert_eq!(facts.primary_key, ["id"]);
        assert!(!facts.columns[1].nullable);
    }

    fn describing_a_missing_table_leaves_the_transaction_open(pair: &Pair) {
        let mut link = link(&pair.master);
        link.begin(true).unwrap();
        assert!(link.describe_table(None, "nowhere").unwrap().is_none());
        assert_eq!(link.tx(), twinpool::link::TxState::Open);
        link.commit().unwrap();
    }
}
