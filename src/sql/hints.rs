//! Hints: what the caller knows better, written as a comment `/*twin:…*/` in the statement.

/// A caller's word on a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// `/*twin:read*/`: writes nothing, although it looks as if it might. Believed of queries, calls and of
    /// what cannot be parsed; never of a plain INSERT, UPDATE or DELETE.
    Read,
    /// `/*twin:write*/`: ship the text as it is, the caller answers for its effect being the same.
    Write,
    /// `/*twin:local*/`: run on the master only.
    Local,
}

/// The hint that the inside of a comment gives, if any.
pub(super) fn read(comment: &str) -> Option<Hint> {
    let word = comment.trim().strip_prefix("twin:")?.trim();
    match word {
        _ if word.eq_ignore_ascii_case("read") => Some(Hint::Read),
        _ if word.eq_ignore_ascii_case("write") => Some(Hint::Write),
        _ if word.eq_ignore_ascii_case("local") => Some(Hint::Local),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_read_with_or_without_blanks_and_in_any_case() {
        assert_eq!(read("twin:read"), Some(Hint::Read));
        assert_eq!(read(" twin:WRITE "), Some(Hint::Write));
        assert_eq!(read("twin: local"), Some(Hint::Local));
        for other in ["twin", "twin:", "twin:reads", "a twin:read", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
