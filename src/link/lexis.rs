//! Cutting SQL text into pieces: markers, comments, quoted parts, the rest. One scanner for all dialects.

/// A dialect's rules of quoting and commenting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexis {
    /// `\` escapes inside `'…'` (MariaDB, unless NO_BACKSLASH_ESCAPES).
    pub backslash: bool,
    /// `"…"` is a string with the rules of `'…'` rather than an identifier.
    pub double_quote_is_string: bool,
    /// `E'…'` strings with backslashes and `$tag$…$tag$` strings.
    pub postgres_strings: bool,
    /// `` `…` `` identifiers.
    pub backtick: bool,
    /// `[…]` identifiers.
    pub bracket: bool,
    /// `# …` comments, `--` only before white space, `/*! … */` is code.
    pub mysql_comments: bool,
    /// `/* /* */ */`
    pub nested_comments: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A `?` that stands for a parameter.
    Marker,
    Comment,
    /// A string or quoted identifier, quotes included.
    Quoted,
    /// `;` between statements.
    Semicolon,
    Other,
}

/// The pieces of a text in order; together they are the whole text.
pub struct Pieces<'a> {
    lexis: Lexis,
    text: &'a str,
    at: usize,
}

impl Lexis {
    pub fn pieces<'a>(&self, text: &'a str) -> Pieces<'a> {
        Pieces { lexis: *self, text, at: 0 }
    }

    /// How many parameters a text takes.
    pub fn count_markers(&self, text: &str) -> usize {
        if !text.contains('?') {
            return 0;
        }
        self.pieces(text).filter(|(piece, _)| *piece == Piece::Marker).count()
    }

    /// The first word that is neither comment, white space nor an opening parenthesis, in upper case.
    pub fn first_word(&self, text: &str) -> String {
        self.words(text).next().unwrap_or_default()
    }

    /// The bare words of a text in upper case, without quoted parts and comments.
    pub fn words<'a>(&self, text: &'a str) -> impl Iterator<Item = String> + use<'a> {
        self.pieces(text).filter(|(piece, _)| *piece == Piece::Other).flat_map(|(_, part)| {
            part.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty())
                .map(str::to_ascii_uppercase)
        })
    }

    /// The text without its comments; a space takes the place of each.
    pub fn without_comments(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for (piece, part) in self.pieces(text) {
            clean.push_str(if piece == Piece::Comment { " " } else { part });
        }
        clean
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (Piece, &'a str);

    fn next(&mut self) -> Option<(Piece, &'a str)> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        if start >= bytes.len() {
            return None;
        }
        if let Some((piece, end)) = self.special(start) {
            self.at = end;
            return Some((piece, &self.text[start..end]));
        }
        let mut end = start + 1;
        while end < bytes.len() && self.special(end).is_none() {
            end += 1;
        }
        self.at = end;
        Some((Piece::Other, &self.text[start..end]))
    }
}

impl Pieces<'_> {
    /// The piece that begins at `at`, if it is not just text; and where it ends. All bytes looked at are
    /// ASCII, so ends lie between characters.
    fn special(&self, at: usize) -> Option<(Piece, usize)> {
        let bytes = self.text.as_bytes();
        let lexis = &self.lexis;
        match bytes[at] {
            b'?' => Some((Piece::Marker, at + 1)),
            b';' => Some((Piece::Semicolon, at + 1)),
            b'\'' => {
                let escaped = lexis.backslash || (lexis.postgres_strings && self.is_e_string(at));
                Some((Piece::Quoted, self.quote_end(at, b'\'', escaped)))
            }
            b'"' => {
                let escaped = lexis.backslash && lexis.double_quote_is_string;
                Some((Piece::Quoted, self.quote_end(at, b'"', escaped)))
            }
            b'`' if lexis.backtick => Some((Piece::Quoted, self.quote_end(at, b'`', false))),
            b'[' if lexis.bracket => {
                let end = self.text[at..].find(']').map_or(bytes.len(), |i| at + i + 1);
                Some((Piece::Quoted, end))
            }
            b'$' if lexis.postgres_strings => self.dollar_end(at).map(|end| (Piece::Quoted, end)),
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                let blank = bytes.get(at + 2).is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control());
                (!lexis.mysql_comments || blank).then(|| (Piece::Comment, self.line_end(at)))
            }
            b'#' if lexis.mysql_comments => Some((Piece::Comment, self.line_end(at))),
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let code = lexis.mysql_comments
                    && (bytes.get(at + 2) == Some(&b'!') || bytes.get(at + 2..at + 4) == Some(b"M!"));
                (!code).then(|| (Piece::Comment, self.comment_end(at)))
            }
            _ => None,
        }
    }

    fn quote_end(&self, at: usize, quote: u8, backslash: bool) -> usize {
        let bytes = self.text.as_bytes();
        let mut i = at + 1;
        while i < bytes.len() {
            if backslash && bytes[i] == b'\\' {
                i += 2;
            } else if bytes[i] == quote {
                if bytes.get(i + 1) == Some(&quote) {
                    i += 2;
                } else {
                    return i + 1;
                }
            } else {
                i += 1;
            }
        }
        self.text.len()
    }

    /// `E'` or `e'` where the letter is a word of its own.
    fn is_e_string(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        at > 0
            && matches!(bytes[at - 1], b'e' | b'E')
            && (at < 2
                || !(bytes[at - 2].is_ascii_alphanumeric() || matches!(bytes[at - 2], b'_' | b'$' | 0x80..)))
    }

    fn dollar_end(&self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
        // `a$b$` is an identifier, `$1` a parameter of the server's own notation.
        if at > 0 && (word(bytes[at - 1]) || bytes[at - 1] == b'$') {
            return None;
        }
        let mut i = at + 1;
        while i < bytes.len() && word(bytes[i]) {
            i += 1;
        }
        if bytes.get(i) != Some(&b'$') || bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let tag = &self.text[at..=i];
        Some(self.text[i + 1..].find(tag).map_or(self.text.len(), |j| i + 1 + j + tag.len()))
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |i| at + i + 1)
    }

    fn comment_end(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let (mut depth, mut i) = (1, at + 2);
        while i < bytes.len() {
            match (bytes[i], bytes.get(i + 1)) {
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        return i;
                    }
                }
                (b'/', Some(b'*')) if self.lexis.nested_comments => {
                    depth += 1;
                    i += 2;
                }
                _ => i += 1,
            }
        }
        self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialects::{Engine, dialect};

    fn count(engine: Engine, sql: &str) -> usize {
        dialect(engine).lexis().count_markers(sql)
    }

    #[test]
    fn markers_in_strings_comments_and_identifiers_do_not_count() {
        use Engine::*;
        for engine in [Sqlite, Postgres, MariaDb] {
            assert_eq!(count(engine, "select ?, '?', 'it''s ?' from t where a = ?"), 2, "{engine}");
            assert_eq!(count(engine, "select /* ? */ 1 -- ?\n, ?"), 1, "{engine}");
            assert_eq!(count(engine, "select '?"), 0, "{engine}");
            assert_eq!(count(engine, "select \"a?\" from t where ä = ?"), 1, "{engine}");
        }
        assert_eq!(count(Sqlite, "select [a?], `b?`, ? -- don't\n, '\\', ?"), 2);
        assert_eq!(count(Postgres, "select $$ ? $$, $a$ $$ ? $a$, a$b$ ?, E'\\'?', '\\', ?"), 2);
        assert_eq!(count(Postgres, "select /* /* ? */ ? */ ?, $1"), 1);
        assert_eq!(count(MariaDb, "select `a?`, 'it\\'s ?', \"\\\"?\", ? # ?\n, 1--?"), 2);
        assert_eq!(count(MariaDb, "select /*! ? */ 1"), 1);
    }

    #[test]
    fn the_pieces_are_the_text() {
        let sql = "select 'a', \"b\" /* c */ from t -- d\n where x = ?; x";
        for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
            let text: String = dialect(engine).lexis().pieces(sql).map(|(_, part)| part).collect();
            assert_eq!(text, sql);
        }
    }

    #[test]
    fn words_skip_comments_and_quotes() {
        let lexis = dialect(Engine::MariaDb).lexis();
        assert_eq!(lexis.first_word(" /* x */ -- y\n (values (5))"), "VALUES");
        let words: Vec<String> = lexis.words("set statement a='for' for select 1").take(6).collect();
        assert_eq!(words, ["SET", "STATEMENT", "A", "FOR", "SELECT", "1"]);
    }
}
