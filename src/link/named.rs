//! Statements that the server keeps under a name of ours, for texts of many statements: `EXECUTE name (…)`
//! spares it the parsing and planning that a literal text costs each time.
//!
//! PostgreSQL only. The named text is the one that [`Link::run`] prepares, casts of the markers included, so
//! that a value means the same on either way.

use std::collections::HashMap;

use super::lexis::Piece;
use super::link::{Link, direct};
use super::statement;
use crate::value::Value;

/// Kept per connection; more distinct texts than this travel as they are.
const MOST: usize = 100;

/// What a connection has named; by text and forms of the markers. `None`: the server would not have it.
#[derive(Debug, Default)]
pub(super) struct Named {
    names: HashMap<(Box<str>, Vec<&'static str>), Option<u32>>,
    next: u32,
}

impl Named {
    pub(super) fn clear(&mut self) {
        self.names.clear();
    }
}

impl Link {
    /// `EXECUTE …` for this statement, where the server knows it by name or can be told it now.
    pub(super) fn by_name(&mut self, sql: &str, values: &[Value]) -> Option<String> {
        let driver = self.driver();
        // A name outlives the transaction whose settings its literals would be read under.
        if values.is_empty()
            || self.local_settings
            || !matches!(driver.lexis().first_word(sql).as_str(), "INSERT" | "UPDATE" | "DELETE")
        {
            return None;
        }
        let forms: Vec<&'static str> = values.iter().map(|v| driver.marker(v)).collect();
        let key = (Box::from(sql), forms);
        let number = match self.named.names.get(&key) {
            Some(known) => (*known)?,
            None if self.named.names.len() >= MOST => return None,
            None => {
                let number = self.named.next;
                self.named.next += 1;
                let kept = self.tell_name(number, sql, &key.1);
                self.named.names.insert(key, kept.then_some(number));
                if !kept {
                    return None;
                }
                number
            }
        };
        let mut text = format!("EXECUTE twinpool_{number} (");
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                text.push_str(", ");
            }
            driver.literal(value, &mut text).ok()?;
        }
        text.push(')');
        Some(text)
    }

    /// Behind a savepoint: what the server refuses to name must not cost the transaction.
    fn tell_name(&mut self, number: u32, sql: &str, forms: &[&'static str]) -> bool {
        let driver = self.driver();
        let mut text = format!("SAVEPOINT twinpool_name;PREPARE twinpool_{number} AS ");
        let mut next = 0;
        for (piece, part) in driver.lexis().pieces(sql) {
            match piece {
                Piece::Marker => {
                    let Some(form) = forms.get(next) else { return false };
                    next += 1;
                    text.push_str(&format!(" {} ", form.replacen('?', &format!("${next}"), 1)));
                }
                Piece::Comment => text.push(' '),
                Piece::Semicolon => return false,
                _ => text.push_str(part),
            }
        }
        if next != forms.len() {
            return false;
        }
        text.push_str(";RELEASE SAVEPOINT twinpool_name");
        let told = {
            let core = self.core().clone();
            let _busy = core.busy.lock();
            let Ok(stmt) = statement::allocate(&core) else { return false };
            let called = direct(&core, &stmt, &text);
            let mut told = called.ok();
            while told {
                match statement::more_results(&core, &stmt) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => told = false,
                }
            }
            statement::close(&core, &stmt);
            told
        };
        if !told && !self.is_lost() {
            let _ = self.control("ROLLBACK TO SAVEPOINT twinpool_name");
        }
        told
    }
}
