//! Options from text: `key=value` pairs, TOML files, the environment.

use std::ffi::OsString;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::options::{Kind, Row, TABLE, find};
use super::store::bad;
use super::suggest;
use crate::error::Result;

/// The text on one line and of a length fit for a message.
pub fn one_line(s: &str) -> String {
    let mut line: String = s.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if s.chars().nth(60).is_some() {
        line.push('…');
    }
    line
}

/// `key=value; key={value; with semicolons}; key="another; one"`. Braces nest, so that a connection string
/// with braces of its own can stand in them; a doubled quote is a quote.
pub fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim_start_matches(is_filler);
    while !rest.is_empty() {
        let stop = rest.find(['=', ';']).unwrap_or(rest.len());
        let key = rest[..stop].trim();
        if !rest[stop..].starts_with('=') {
            // The text may be the rest of a password: it is not repeated.
            return Err(bad(format!(
                "options: after {} there is a piece without '='{}",
                place(&found),
                hint(&found)
            )));
        }
        if find(key).is_none() && !hint(&found).is_empty() && is_odbc(key) {
            return Err(bad(format!("unknown option '{}'{}", one_line(key), hint(&found))));
        }
        rest = rest[stop + 1..].trim_start();
        let (value, after) = match rest.chars().next() {
            Some('{') => braced(rest),
            Some(q @ ('"' | '\'')) => quoted(rest, q),
            _ => {
                let end = rest.find(';').unwrap_or(rest.len());
                Some((rest[..end].trim().to_owned(), &rest[end..]))
            }
        }
        .ok_or_else(|| bad(format!("option '{}': its brace or quote is not closed", one_line(key))))?;
        let after = after.trim_start();
        if !after.is_empty() && !after.starts_with(';') {
            return Err(bad(format!(
                "option '{}': after the closing brace or quote a ';' is expected",
                one_line(key)
            )));
        }
        found.push((key.to_owned(), value));
        rest = after.trim_start_matches(is_filler);
    }
    Ok(found)
}

fn is_filler(c: char) -> bool {
    c == ';' || c.is_whitespace()
}

fn braced(s: &str) -> Option<(String, &str)> {
    let mut depth = 0usize;
    for (i, c) in s.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((s[1..i].to_owned(), &s[i + 1..]));
        }
    }
    None
}

fn quoted(s: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = s.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.next_if(|&(_, next)| next == quote).is_some() {
            value.push(quote);
        } else {
            return Some((value, &s[i + 1..]));
        }
    }
    None
}

fn place(found: &[(String, String)]) -> String {
    found.last().map_or("the beginning".to_owned(), |(k, _)| format!("'{}'", one_line(k)))
}

/// The usual mistake: a connection string given bare falls apart at its first semicolon.
fn hint(found: &[(String, String)]) -> &'static str {
    let connection = |(k, _): &(String, String)| find(k).is_some_and(|r| r.kind == Kind::Connection);
    if found.last().is_some_and(connection) {
        "; a connection string with ';' stands in braces: master={…}"
    } else {
        ""
    }
}

fn is_odbc(key: &str) -> bool {
    [
        "dsn",
        "driver",
        "server",
        "servername",
        "host",
        "port",
        "database",
        "db",
        "uid",
        "user",
        "username",
        "pwd",
        "password",
    ]
    .iter()
    .any(|k| key.eq_ignore_ascii_case(k))
}

/// The options of a TOML file, nested tables as dotted names.
pub fn file(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| bad(format!("options file {}: cannot be read: {e}", path.display())))?;
    toml(&text).map_err(|e| e.context(format_args!("options file {}", path.display())))
}

fn toml(text: &str) -> Result<Vec<(String, String)>> {
    let table = DeTable::parse(text).map_err(|e| {
        // Only the parser's words and the line's number: the line itself may hold a password.
        let line =
            e.span().and_then(|s| text.get(..s.start)).map_or(1, |before| before.matches('\n').count() + 1);
        bad(format!("line {line}: {}", one_line(e.message())))
    })?;
    let mut found = Vec::new();
    flatten(table.get_ref(), "", &mut found)?;
    Ok(found)
}

fn flatten(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(String, String)>) -> Result<()> {
    for (key, value) in table.iter() {
        let name =
            if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(inner) if name.ends_with(".properties") => found.push((name, attributes(inner)?)),
            DeValue::Table(inner) => flatten(inner, &name, found)?,
            DeValue::Array(items) => {
                // A list is what the option's text has separators for: statements or SQLSTATEs.
                let glue = if find(&name).is_some_and(|r| r.kind == Kind::Sqlstates) { "," } else { ";\n" };
                let items: Option<Vec<String>> = items.iter().map(|v| scalar(v.get_ref())).collect();
                let items = items
                    .ok_or_else(|| bad(format!("option '{}' takes texts in its list", one_line(&name))))?;
                found.push((name, items.join(glue)));
            }
            other => match scalar(other) {
                Some(text) => found.push((name, text)),
                None => return Err(bad(format!("option '{}' takes no date or time", one_line(&name)))),
            },
        }
    }
    Ok(())
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(s) => Some(s.to_string()),
        DeValue::Integer(i) => match i128::from_str_radix(i.as_str(), i.radix()) {
            Ok(n) => Some(n.to_string()),
            Err(_) => Some(i.as_str().to_owned()),
        },
        DeValue::Float(f) => Some(f.as_str().to_owned()),
        DeValue::Boolean(b) => Some(if *b { "on" } else { "off" }.to_owned()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// `[master.properties]` with one key per attribute.
fn attributes(table: &DeTable<'_>) -> Result<String> {
    let mut text = String::new();
    for (key, value) in table.iter() {
        let value = scalar(value.get_ref())
            .ok_or_else(|| bad(format!("property '{}' takes text or a number", one_line(key.get_ref()))))?;
        super::secrets::append(&mut text, key.get_ref(), &value);
    }
    Ok(text)
}

/// The variables that are options, and a line for each that nearly is one.
#[allow(clippy::type_complexity)]
pub fn environment(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(Vec<(&'static Row, String)>, Vec<String>)> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    for (key, value) in vars {
        let Some(key) = key.to_str().filter(|k| k.starts_with("TWINPOOL_") && *k != crate::logging::VARIABLE)
        else {
            continue;
        };
        if let Some(row) = TABLE.iter().find(|r| r.env() == key) {
            let value =
                value.into_string().map_err(|_| bad(format!("environment variable {key}: not UTF-8")))?;
            found.push((row, value));
        } else if let Some(near) = TABLE.iter().map(Row::env).min_by_key(|e| suggest::distance(e, key))
            && suggest::distance(&near, key) <= 3
        {
            notes.push(format!("environment variable {} is no option; nearest is {near}", one_line(key)));
        }
    }
    Ok((found, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(s: &str) -> Vec<(String, String)> {
        pairs(s).unwrap()
    }

    fn one(k: &str, v: &str) -> (String, String) {
        (k.to_owned(), v.to_owned())
    }

    #[test]
    fn values_in_braces_or_quotes_may_hold_semicolons() {
        assert_eq!(
            parsed("master={Driver={PostgreSQL Unicode};Server=x}; mirror = 'DSN=b;PWD=it''s' ;pool.max=4;"),
            [
                one("master", "Driver={PostgreSQL Unicode};Server=x"),
                one("mirror", "DSN=b;PWD=it's"),
                one("pool.max", "4")
            ]
        );
        assert_eq!(parsed("  ;; "), []);
        assert_eq!(parsed("a=;b={}"), [one("a", ""), one("b", "")]);
        assert_eq!(parsed("a=x=y {z}"), [one("a", "x=y {z}")]);
        assert_eq!(parsed("a=\u{201e}\u{fc}\u{201c}"), [one("a", "\u{201e}\u{fc}\u{201c}")]);
    }

    #[test]
    fn a_bare_connection_string_is_explained_and_its_password_not_repeated() {
        let e = pairs("master=DSN=a;PWD=hush;pool.max=4").unwrap_err();
        assert_eq!(
            e.message(),
            "unknown option 'PWD'; a connection string with ';' stands in braces: master={…}"
        );
        let e = pairs("master={DSN=a}x").unwrap_err();
        assert!(e.message().contains("';' is expected"), "{e}");
        let e = pairs("master={DSN=a").unwrap_err();
        assert_eq!(e.message(), "option 'master': its brace or quote is not closed");
        let e = pairs("pool.max=3;hush").unwrap_err();
        assert_eq!(e.message(), "options: after 'pool.max' there is a piece without '='");
    }

    #[test]
    fn toml_tables_are_dotted_names() {
        let found = toml(
            r#"
            name = "n"
            [master]
            connection = "DSN=a"
            [master.properties]
            Port = 5_432
            Note = "a;b"
            [mirror]
            connection = "DSN=b"
            mode = "async"
            [pool]
            max = 0x10
            read_only = true
            idle_timeout_variation = 0.5
            init_sql = ["SET a = 1", "SET b = 2"]
            evict_sqlstates = ["08", "!57P03"]
            "#,
        )
        .unwrap();
        for pair in [
            one("name", "n"),
            one("master.connection", "DSN=a"),
            one("mirror.mode", "async"),
            one("pool.max", "16"),
            one("pool.read_only", "on"),
            one("pool.idle_timeout_variation", "0.5"),
            one("pool.init_sql", "SET a = 1;\nSET b = 2"),
            one("pool.evict_sqlstates", "08,!57P03"),
            one("master.properties", "Note={a;b};Port=5432"),
        ] {
            assert!(found.contains(&pair), "{pair:?} in {found:?}");
        }
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_but_not_its_content() {
        let e = toml("name = \"n\"\nmaster = \"PWD=hush\nx = 1").unwrap_err();
        assert!(e.message().starts_with("line 2: "), "{e}");
        assert!(!e.message().contains("hush") && e.message().lines().count() == 1, "{e}");
        let e = file(Path::new("/nowhere/twinpool.toml")).unwrap_err();
        assert!(e.message().starts_with("options file /nowhere/twinpool.toml: cannot be read"), "{e}");
        let e = toml("[pool]\nmax = 2020-01-01").unwrap_err();
        assert_eq!(e.message(), "option 'pool.max' takes no date or time");
    }
}
