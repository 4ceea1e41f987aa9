//! Connection strings: what may be shown of them, and what is added to them.

/// What stands in for a secret.
pub const MASK: &str = "***";

/// One `key=value` of a connection string, as byte ranges of it.
struct Attribute {
    key: std::ops::Range<usize>,
    /// With its braces or quotes.
    value: std::ops::Range<usize>,
}

/// Cuts a connection string at its semicolons. A value in braces runs to the first `}` that is not doubled,
/// as ODBC has it; one in quotes to its quote. What never closes runs to the end.
fn attributes(s: &str) -> Vec<Attribute> {
    let b = s.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    while i < b.len() {
        let start = i;
        while i < b.len() && b[i] != b'=' && b[i] != b';' {
            i += 1;
        }
        let key = start..i;
        if i == b.len() || b[i] == b';' {
            i += 1;
            continue;
        }
        i += 1;
        let value = i;
        let mut first = i;
        while first < b.len() && b[first].is_ascii_whitespace() {
            first += 1;
        }
        let close = match b.get(first) {
            Some(b'{') => Some(b'}'),
            Some(q @ (b'"' | b'\'')) => Some(*q),
            _ => None,
        };
        if let Some(close) = close {
            i = first + 1;
            while i < b.len() {
                if b[i] == close {
                    if b.get(i + 1) == Some(&close) {
                        i += 1;
                    } else {
                        break;
                    }
                }
                i += 1;
            }
            // A quote that never closes was part of a plain value; a brace was not.
            if i >= b.len() && close != b'}' {
                i = first;
            }
        }
        while i < b.len() && b[i] != b';' {
            i += 1;
        }
        found.push(Attribute { key, value: value..i });
        i += 1;
    }
    found
}

fn is_secret_key(key: &str) -> bool {
    let key = key.trim().to_ascii_lowercase();
    ["pwd", "password", "passwd", "passphrase", "secret", "token", "accesskey"]
        .iter()
        .any(|s| key.contains(s))
}

/// The connection string without its passwords.
pub fn mask(connection: &str) -> String {
    let mut shown = String::with_capacity(connection.len());
    let mut at = 0;
    for a in attributes(connection) {
        let value = &connection[a.value.clone()];
        let lower = value.to_ascii_lowercase();
        // Attributes inside attributes (`pqopt={password=…}`) are hidden whole.
        let nested = lower.contains("pwd") || lower.contains("password");
        if !value.trim().is_empty() && (is_secret_key(&connection[a.key.clone()]) || nested) {
            shown.push_str(&connection[at..a.value.start]);
            shown.push_str(MASK);
            at = a.value.end;
        }
    }
    shown.push_str(&connection[at..]);
    shown
}

/// Whether one of `keys` stands in the connection string.
pub fn names(connection: &str, keys: &[&str]) -> bool {
    attributes(connection)
        .iter()
        .any(|a| keys.iter().any(|k| connection[a.key.clone()].trim().eq_ignore_ascii_case(k)))
}

/// Adds `key=value`, in braces where the value needs them.
pub fn append(connection: &mut String, key: &str, value: &str) {
    append_raw(connection, "");
    connection.push_str(key);
    connection.push('=');
    let plain = value.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.@/:+,~%^*".contains(&c));
    if plain {
        connection.push_str(value);
    } else {
        connection.push('{');
        connection.push_str(&value.replace('}', "}}"));
        connection.push('}');
    }
}

/// Adds attributes as they are.
pub fn append_raw(connection: &mut String, attributes: &str) {
    if !connection.is_empty() && !connection.trim_end().ends_with(';') {
        connection.push(';');
    }
    connection.push_str(attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_however_they_are_written() {
        for (given, shown) in [
            ("DSN=a;UID=u;PWD=secret", "DSN=a;UID=u;PWD=***"),
            ("DSN=a;pwd = secret ;UID=u", "DSN=a;pwd =***;UID=u"),
            ("Password=secret;Driver={X Y}", "Password=***;Driver={X Y}"),
            ("PWD={se;cr}}et};UID=u", "PWD=***;UID=u"),
            ("PWD={secret;UID=u", "PWD=***"),
            ("PWD='se;cret';UID=u", "PWD=***;UID=u"),
            ("PWD='secret;UID=u", "PWD=***;UID=u"),
            ("sslpassword=secret", "sslpassword=***"),
            ("pqopt={password=secret connect_timeout=5};UID=u", "pqopt=***;UID=u"),
            ("PWD=;UID=u", "PWD=;UID=u"),
            ("PWD=a=secret", "PWD=***"),
            ("PWD=\u{e9}t\u{e9}secret;x", "PWD=***;x"),
        ] {
            assert_eq!(mask(given), shown, "{given}");
        }
    }

    #[test]
    fn a_password_with_odd_characters_is_put_in_braces() {
        let mut c = "DSN=a".to_owned();
        append(&mut c, "UID", "me");
        append(&mut c, "PWD", "a;b}c");
        assert_eq!(c, "DSN=a;UID=me;PWD={a;b}}c}");
        assert_eq!(mask(&c), "DSN=a;UID=me;PWD=***");
        assert!(names(&c, &["user", "uid"]));
        assert!(!names(&c, &["password"]));
    }
}
