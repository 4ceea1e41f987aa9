//! What drivers say about a failure: all their records, cleaned of passwords, made into one error.

use odbc_api::sys::{self, Handle, HandleType, SqlReturn};

use super::dialects::Driver;
use super::handles::succeeded;
use crate::error::{Class, Error, Record, Side};

/// A driver that never says `SQL_NO_DATA` must not keep us here.
const MOST_RECORDS: i16 = 32;

/// All diagnostic records of a handle. They are gone after the next call on it.
pub(crate) fn records(kind: HandleType, handle: Handle, side: Side, function: &'static str) -> Vec<Record> {
    let mut found = Vec::new();
    let mut text = vec![0u8; 1024];
    let mut number = 1;
    while number <= MOST_RECORDS {
        let mut state = [0u8; 6];
        let mut native = 0i32;
        let mut length = 0i16;
        let ret = unsafe {
            sys::SQLGetDiagRec(
                kind,
                handle,
                number,
                state.as_mut_ptr(),
                &mut native,
                text.as_mut_ptr(),
                text.len() as i16,
                &mut length,
            )
        };
        if !succeeded(ret) {
            break;
        }
        let length = length.max(0) as usize;
        if ret == SqlReturn::SUCCESS_WITH_INFO && length >= text.len() && text.len() < i16::MAX as usize {
            text.resize((length + 1).min(i16::MAX as usize), 0);
            continue;
        }
        let shown = &text[..length.min(text.len() - 1)];
        found.push(Record {
            sqlstate: state[..5].iter().take_while(|b| **b != 0).map(|b| *b as char).collect(),
            native,
            message: String::from_utf8_lossy(shown).trim().to_owned(),
            side,
            function,
        });
        number += 1;
    }
    found
}

/// What must not appear in any error: the passwords of a connection string.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(attributes: &super::connstr::Attributes) -> Secrets {
        let mut secrets: Vec<String> = ["PWD", "Password", "SSLKeyPassword", "TLSKeyPwd"]
            .iter()
            .filter_map(|key| attributes.get(key))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect();
        // Inside psqlODBC's pqopt there may be a password too.
        if let Some(options) = attributes.get("pqopt") {
            let words = options.split_whitespace();
            secrets.extend(words.filter_map(|w| w.strip_prefix("password=")).map(str::to_owned));
        }
        Secrets(secrets)
    }

    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut clean = mask_values(text);
        for secret in &self.0 {
            // A password of one or two letters would turn every text into stars; `PWD=` is masked anyway.
            if secret.len() > 2 && clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "***");
            }
        }
        clean
    }
}

/// `PWD=...;` becomes `PWD=***;` wherever a driver repeats a connection string.
fn mask_values(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = ["pwd=", "password="]
            .iter()
            .filter_map(|key| lower[at..].find(key).map(|i| at + i + key.len()))
            .min();
        let Some(value) = next else { break };
        clean.push_str(&text[at..value]);
        clean.push_str("***");
        let rest = &text[value..];
        let end = match rest.strip_prefix('{') {
            Some(braced) => braced.find('}').map_or(rest.len(), |i| i + 2),
            None => rest.find([';', ' ', '\'', '"', '\n']).unwrap_or(rest.len()),
        };
        at = value + end;
    }
    clean.push_str(&text[at..]);
    clean
}

/// One line of what may be several.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The error that a set of records amounts to.
pub(crate) fn error(
    driver: &dyn Driver,
    side: Side,
    function: &'static str,
    mut records: Vec<Record>,
    secrets: &Secrets,
) -> Error {
    for record in &mut records {
        record.message = secrets.scrub(&record.message);
    }
    let class =
        records.iter().map(|r| driver.classify(r)).find(|c| *c != Class::Refused).unwrap_or(Class::Refused);
    let message = match records.first() {
        Some(first) => {
            let mut text = format!("{function} on the {side}: {}", one_line(&first.message));
            text.push_str(&format!(" ({}", first.sqlstate));
            if first.native != 0 {
                text.push_str(&format!(", {}", first.native));
            }
            text.push(')');
            text
        }
        None => format!("{function} on the {side}: the driver failed and gave no reason"),
    };
    Error::database(side, class, message, records)
}

#[cfg(test)]
mod tests {
    use super::super::connstr::Attributes;
    use super::*;

    #[test]
    fn no_password_survives_in_a_drivers_text() {
        let secrets = Secrets::of(&Attributes::parse("Driver={X};UID=app;PWD={hun;ter2};").unwrap());
        assert_eq!(secrets.scrub("no such user app/hun;ter2"), "no such user app/***");
        assert_eq!(secrets.scrub("in 'DSN=a;pwd={x;y};UID=app'"), "in 'DSN=a;pwd=***;UID=app'");
        assert_eq!(secrets.scrub("password=geheim user=app"), "password=*** user=app");
        assert_eq!(secrets.scrub("password authentication failed"), "password authentication failed");
    }
}
