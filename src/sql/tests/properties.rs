//! What must hold of any text.

use proptest::prelude::*;

use crate::link::Engine::{self, *};
use crate::sql::scan::{Scan, TokenKind};
use crate::sql::{Classifier, Kind, split, summary};

fn engine() -> impl Strategy<Value = Engine> {
    prop_oneof![Just(Sqlite), Just(Postgres), Just(MariaDb)]
}

/// Pieces of SQL that are whole in themselves on every engine, and hold no semicolon outside of strings.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[A-Z][a-z0-9_]{0,8}",
        "[0-9]{1,4}",
        Just("?".to_string()),
        Just("'it''s; here'".to_string()),
        Just("'-- ; /*'".to_string()),
        Just("\"a; b\"".to_string()),
        Just("/* ; ' */".to_string()),
        Just("-- ; '\n".to_string()),
        Just("(a, b)".to_string()),
        Just("= <> + *".to_string()),
        Just("$1.x".to_string()),
        Just("größe".to_string()),
        "'[a-z;() äß\"-]{0,8}'",
        prop_oneof![
            Just("SELECT"),
            Just("FROM t"),
            Just("WHERE"),
            Just("UPDATE t SET"),
            Just("DELETE FROM"),
            Just("INSERT INTO"),
            Just("INTO"),
            Just("FOR UPDATE"),
            Just("REPLACE"),
            Just("MERGE"),
            Just("WITH x AS"),
            Just("lower("),
            Just("VALUES"),
            Just("case when a then b end"),
        ]
        .prop_map(str::to_string),
    ]
}

fn statement() -> impl Strategy<Value = String> {
    // CREATE, BEGIN and the like open bodies; they have tests of their own.
    ("[k-z]{3,7}", proptest::collection::vec(piece(), 0..10)).prop_filter_map(
        "opens a body",
        |(first, rest)| {
            let text = format!("{first} {}", rest.join(" "));
            let body = ["loop", "while", "repeat"].contains(&first.as_str());
            (!body).then(|| text.trim().to_string())
        },
    )
}

/// Whether the text may be more than blanks and comments, and where it does not begin with what runs nothing.
fn writes(sql: &str, engine: Engine) -> bool {
    let scan = Scan::new(sql, engine);
    let begins = (0..scan.len()).find(|&i| !scan.punct(i, b';')).unwrap_or(0);
    let explains =
        scan.is_any(begins, &["EXPLAIN", "DESC", "DESCRIBE", "SHOW", "HELP", "PRAGMA", "CHECKSUM"]);
    !explains
        && (0..scan.len()).any(|i| {
            let word = scan.kind(i) == Some(TokenKind::Word);
            // INSERT() and REPLACE() are also functions.
            let call = scan.punct(i + 1, b'(') && scan.is_any(i, &["INSERT", "REPLACE"]);
            word && !call && scan.is_any(i, &["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "INTO"])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splitting_what_was_joined_gives_the_statements_back(
        statements in proptest::collection::vec(statement(), 1..6),
        engine in engine(),
        last in any::<bool>(),
    ) {
        let whole: Vec<&String> =
            statements.iter().filter(|s| !Scan::new(s, engine).broken && Scan::new(s, engine).len() > 0).collect();
        prop_assume!(whole.len() == statements.len());
        // A line comment at the end would swallow the semicolon.
        let mut script = statements.join("\n;");
        if last {
            script.push_str("\n;");
        }
        prop_assert_eq!(split(&script, engine), statements);
    }

    #[test]
    fn a_text_with_a_writing_keyword_is_never_a_read(
        pieces in proptest::collection::vec(piece(), 1..12),
        engine in engine(),
    ) {
        let sql = format!("SELECT {}", pieces.join(" "));
        let kind = Classifier::new(engine).analyse(&sql).kind.clone();
        if writes(&sql, engine) {
            prop_assert_ne!(kind, Kind::Read, "{}", sql);
        }
    }

    #[test]
    fn any_text_at_all_is_classified_planned_split_and_summed_up(sql in any::<String>(), engine in engine()) {
        let classifier = Classifier::new(engine);
        let analysis = classifier.analyse(&sql);
        if writes(&sql, engine) {
            prop_assert_ne!(&analysis.kind, &Kind::Read);
        }
        classifier.plan(&analysis, None, &mut |_, _| Ok(None)).unwrap();
        let pieces = split(&sql, engine);
        prop_assert!(pieces.iter().map(|p| p.len()).sum::<usize>() <= sql.len());
        prop_assert!(!summary(&sql).contains('\n'));
    }

    #[test]
    fn texts_made_of_sql_characters_do_no_harm(
        sql in r#"([;'"`$?@:#\[\]{}()*/!.,\\-]|--|/\*|\*/|\$\$|E'|SELECT|UPDATE t SET|INSERT INTO t|WHERE|VALUES|ON CONFLICT|WITH|AS|DELETE FROM|BEGIN|END|CREATE|SET|[a-z ]|\n|é){0,40}"#,
        engine in engine(),
    ) {
        let classifier = Classifier::new(engine);
        let analysis = classifier.analyse(&sql);
        if writes(&sql, engine) {
            prop_assert_ne!(&analysis.kind, &Kind::Read, "{}", sql);
        }
        let mut facts = |_: Option<&str>, name: &str| Ok(super::plans::catalogue(name).map(std::sync::Arc::new));
        classifier.plan(&analysis, None, &mut facts).unwrap();
        split(&sql, engine);
    }
}
