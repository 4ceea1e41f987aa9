//! Connection strings: read, and completed without overriding what the user wrote.

use crate::error::{Error, Result, Status};

/// The attributes of a connection string in their order.
#[derive(Clone, Debug, Default)]
pub struct Attributes(Vec<Attribute>);

#[derive(Clone, Debug)]
struct Attribute {
    key: String,
    value: String,
    /// The value as the user wrote it, with its braces.
    raw: String,
}

impl Attributes {
    /// `key=value;key={value;with;semicolons};`, a closing brace inside braces is written twice.
    pub fn parse(text: &str) -> Result<Attributes> {
        let refused = |why: String| Err(Error::new(Status::BadOption, format!("connection string: {why}")));
        if text.contains('\0') {
            return refused("it contains a NUL character".into());
        }
        let mut attributes = Vec::new();
        let mut rest = text.trim_start_matches([';', ' ', '\n', '\t']);
        while !rest.is_empty() {
            let Some(equals) = rest.find('=') else {
                return refused("a word without '=' at its end".into());
            };
            let key = rest[..equals].trim();
            if key.is_empty() || key.contains(';') {
                return refused("a word without '=' in it".into());
            }
            let after = rest[equals + 1..].trim_start_matches(' ');
            let (value, raw);
            if let Some(braced) = after.strip_prefix('{') {
                let mut inner = String::new();
                let mut chars = braced.char_indices().peekable();
                let mut end = None;
                while let Some((i, c)) = chars.next() {
                    match (c, chars.peek()) {
                        ('}', Some((_, '}'))) => {
                            inner.push('}');
                            chars.next();
                        }
                        ('}', _) => {
                            end = Some(i + 1);
                            break;
                        }
                        _ => inner.push(c),
                    }
                }
                let Some(end) = end else {
                    return refused(format!("the value of {key} opens a brace that is never closed"));
                };
                value = inner;
                raw = after[..end + 1].to_owned();
                rest = &braced[end..];
                rest = rest.trim_start();
                if !rest.is_empty() && !rest.starts_with(';') {
                    return refused(format!("text behind the closing brace of {key}"));
                }
            } else {
                let end = after.find(';').unwrap_or(after.len());
                value = after[..end].trim_end().to_owned();
                raw = value.clone();
                rest = &after[end..];
            }
            attributes.push(Attribute { key: key.to_owned(), value, raw });
            rest = rest.trim_start_matches([';', ' ', '\n', '\t']);
        }
        Ok(Attributes(attributes))
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|a| a.key.eq_ignore_ascii_case(key)).map(|a| a.value.as_str())
    }

    /// The first of several spellings that is there.
    pub fn any(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Adds what is missing.
    pub fn default(&mut self, key: &str, value: &str) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    pub fn set(&mut self, key: &str, value: &str) {
        let plain = !value.contains([';', '{', '}', '=']) && value.trim() == value;
        let raw = if plain { value.to_owned() } else { format!("{{{}}}", value.replace('}', "}}")) };
        let fresh = Attribute { key: key.to_owned(), value: value.to_owned(), raw };
        match self.0.iter_mut().find(|a| a.key.eq_ignore_ascii_case(key)) {
            Some(old) => *old = fresh,
            None => self.0.push(fresh),
        }
    }

    pub fn text(&self) -> String {
        self.0.iter().map(|a| format!("{}={};", a.key, a.raw)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_is_read_and_written_back() {
        let mut a =
            Attributes::parse("Driver={SQLite3};Database=/tmp/a b.db; PWD={x;}}y} ;Timeout=5").unwrap();
        assert_eq!(a.get("database"), Some("/tmp/a b.db"));
        assert_eq!(a.get("pwd"), Some("x;}y"));
        a.default("timeout", "1");
        a.default("FKSupport", "1");
        assert_eq!(a.text(), "Driver={SQLite3};Database=/tmp/a b.db;PWD={x;}}y};Timeout=5;FKSupport=1;");
    }

    #[test]
    fn broken_connection_strings_are_refused_with_a_reason() {
        for (text, reason) in [
            ("Driver", "without '='"),
            ("Driver={x", "never closed"),
            ("Driver={x}y;A=b", "behind the closing brace"),
            ("A=b\0", "NUL"),
            ("a;b=c", "without '='"),
        ] {
            let error = Attributes::parse(text).unwrap_err();
            assert!(error.message().contains(reason), "{text}: {error}");
        }
    }
}
