//! The first words of a statement, for people who look at the queue.

/// How long a summary gets, in characters.
const LENGTH: usize = 120;

/// The statement's first characters on one line. The text is kept as it is otherwise: the queue stands in
/// the same database as the data, and whoever reads it needs to find the statement again.
pub fn summary(sql: &str) -> String {
    let mut out = String::with_capacity(LENGTH + 4);
    let mut count = 0;
    for word in sql.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if count > 0 {
            out.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= LENGTH {
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_line_cut_at_a_character() {
        assert_eq!(summary("  UPDATE t\n\tSET a = 1 \r\n"), "UPDATE t SET a = 1");
        assert_eq!(summary(""), "");
        let long = summary(&"ü ".repeat(300));
        assert!(long.ends_with('…'));
        assert!(long.chars().count() <= LENGTH + 1);
    }
}
