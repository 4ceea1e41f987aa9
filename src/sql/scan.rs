//! Cuts SQL text into tokens the way each engine does, so that nothing inside a string or a comment is
//! taken for SQL, and nothing that the engine would run is taken for a comment.
//!
//! The rules come from the engines' own lexers: PostgreSQL `scan.l`, MariaDB `sql_lex.cc`, SQLite
//! `tokenize.c`. Where a setting changes them (`sql_mode`, `standard_conforming_strings`) the engine's
//! default is taken, and [`Rules::other_backslash`] gives the other reading for those who must be sure.

use crate::link::Engine;

use super::hints::{self, Hint};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An unquoted name or keyword; in MariaDB also `@variable`.
    Word,
    /// A quoted name, quotes included.
    Quoted,
    /// A string literal, quotes included (its prefix, as in `E'…'`, is a word of its own).
    Str,
    Number,
    /// The parameter marker `?`.
    Marker,
    /// A parameter in the engine's own spelling (`$1`, `:name`, `?3`): not usable through ODBC.
    Param,
    /// One character that is none of the above.
    Punct(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
}

/// How to read a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    engine: Engine,
    /// Whether `\` escapes in plain string literals.
    backslash: bool,
}

impl Rules {
    pub fn of(engine: Engine) -> Rules {
        Rules { engine, backslash: engine == Engine::MariaDb }
    }

    /// The same engine with `NO_BACKSLASH_ESCAPES` or `standard_conforming_strings = off`.
    pub fn other_backslash(self) -> Rules {
        Rules { backslash: !self.backslash, ..self }
    }
}

/// A text and its tokens. Comments and blanks are not among them.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub text: &'a str,
    pub tokens: Vec<Token>,
    /// The places of the markers among the tokens.
    marker_places: Vec<u32>,
    pub hint: Option<Hint>,
    /// `/*! … */` or `/*M! … */`: MariaDB runs what is inside.
    pub executable_comment: bool,
    /// A string, name or comment does not end, or the text holds a NUL.
    pub broken: bool,
    /// A plain string holds a backslash, so that the two readings may differ.
    pub backslash: bool,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str, engine: Engine) -> Scan<'a> {
        Scan::with(text, Rules::of(engine))
    }

    pub fn with(text: &'a str, rules: Rules) -> Scan<'a> {
        let mut lexer = Lexer {
            bytes: text.as_bytes(),
            at: 0,
            rules,
            escape_run: None,
            scan: Scan {
                text,
                tokens: Vec::with_capacity(text.len() / 5 + 4),
                marker_places: Vec::new(),
                hint: None,
                executable_comment: false,
                broken: u32::try_from(text.len()).is_err(),
                backslash: false,
            },
        };
        if !lexer.scan.broken {
            lexer.run();
        }
        lexer.scan
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The token's own text; empty past the end.
    pub fn str(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |t| &self.text[t.start as usize..t.end as usize])
    }

    pub fn kind(&self, i: usize) -> Option<TokenKind> {
        self.tokens.get(i).map(|t| t.kind)
    }

    /// Whether token `i` is this keyword, unquoted, in any case.
    pub fn is(&self, i: usize, keyword: &str) -> bool {
        self.kind(i) == Some(TokenKind::Word) && self.str(i).eq_ignore_ascii_case(keyword)
    }

    pub fn is_any(&self, i: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|k| self.is(i, k))
    }

    /// Whether these keywords follow each other from token `i` on.
    pub fn are(&self, i: usize, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(n, k)| self.is(i + n, k))
    }

    pub fn punct(&self, i: usize, c: u8) -> bool {
        self.kind(i) == Some(TokenKind::Punct(c))
    }

    /// The place behind the parenthesis that closes the one at `i`; the end where none does.
    pub fn after_parens(&self, i: usize) -> usize {
        let mut depth = 0usize;
        for j in i..self.len() {
            if self.punct(j, b'(') {
                depth += 1;
            } else if self.punct(j, b')') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return j + 1;
                }
            }
        }
        self.len()
    }

    pub fn markers(&self) -> usize {
        self.marker_places.len()
    }

    /// How many markers stand before token `i`.
    pub fn markers_before(&self, i: usize) -> usize {
        self.marker_places.partition_point(|&place| (place as usize) < i)
    }

    /// The name that a word or quoted name stands for, folded as the engines compare it.
    pub fn name(&self, i: usize) -> String {
        unquote(self.str(i))
    }
}

/// Takes the quotes off a name. Unquoted names are folded to lower case: PostgreSQL does so, the others
/// compare without case.
pub(super) fn unquote(s: &str) -> String {
    let quote = match s.as_bytes().first() {
        Some(b'"') => '"',
        Some(b'`') => '`',
        Some(b'\'') => '\'',
        Some(b'[') => ']',
        _ => return s.to_lowercase(),
    };
    let inner = s.get(1..s.len().saturating_sub(1)).unwrap_or("");
    let doubled: String = [quote, quote].iter().collect();
    inner.replace(&doubled, &quote.to_string())
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    rules: Rules,
    /// PostgreSQL: where an `E'…'` literal ended; a literal on a later line continues it with its escapes.
    escape_run: Option<usize>,
    scan: Scan<'a>,
}

fn starts_word(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl Lexer<'_> {
    fn peek(&self, n: usize) -> u8 {
        self.bytes.get(self.at + n).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.scan.tokens.push(Token { kind, start: start as u32, end: self.at as u32 });
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            let start = self.at;
            let b = self.bytes[start];
            match b {
                0 => {
                    self.scan.broken = true;
                    return;
                }
                _ if is_space(b) => self.at += 1,
                b'-' if self.peek(1) == b'-' && self.dashes_comment() => self.line_comment(),
                b'#' if self.rules.engine == Engine::MariaDb => self.line_comment(),
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                b'\'' => self.string(start),
                b'"' if self.rules.engine == Engine::MariaDb => self.string(start),
                b'"' => self.quoted(start, b'"'),
                b'`' if self.rules.engine != Engine::Postgres => self.quoted(start, b'`'),
                b'[' if self.rules.engine == Engine::Sqlite => self.quoted(start, b']'),
                b'$' => self.dollar(start),
                b'@' if self.rules.engine != Engine::Postgres => self.variable(start),
                b':' if self.rules.engine == Engine::Sqlite => self.variable(start),
                b'?' => self.marker(start),
                _ if b.is_ascii_digit() || (b == b'.' && self.number_may_start()) => self.number(start),
                _ if starts_word(b) => self.word(start),
                _ => {
                    self.at += 1;
                    self.push(TokenKind::Punct(b), start);
                }
            }
        }
    }

    /// MariaDB takes `--` for a comment only before a blank, a control character or the end.
    fn dashes_comment(&self) -> bool {
        self.rules.engine != Engine::MariaDb || self.at + 2 >= self.bytes.len() || {
            let b = self.peek(2);
            is_space(b) || b.is_ascii_control()
        }
    }

    fn line_comment(&mut self) {
        while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
            // PostgreSQL ends a line comment at a carriage return too. What the others would still take
            // for comment is then seen as SQL: the careful side.
            if self.bytes[self.at] == b'\r' && self.rules.engine == Engine::Postgres {
                break;
            }
            if self.bytes[self.at] == 0 {
                self.scan.broken = true;
            }
            self.at += 1;
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        self.at += 2;
        let mut depth = 1;
        while self.at < self.bytes.len() {
            match (self.bytes[self.at], self.peek(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                (b'/', b'*') if self.rules.engine == Engine::Postgres => {
                    self.at += 2;
                    depth += 1;
                }
                (0, _) => {
                    self.scan.broken = true;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if depth > 0 {
            self.scan.broken = true;
            return;
        }
        let body = &self.scan.text[start + 2..self.at - 2];
        if self.rules.engine == Engine::MariaDb && (body.starts_with('!') || body.starts_with("M!")) {
            self.scan.executable_comment = true;
        }
        if self.scan.hint.is_none() {
            self.scan.hint = hints::read(body);
        }
    }

    fn string(&mut self, start: usize) {
        let quote = self.bytes[start];
        let escapes = self.rules.backslash || self.escape_prefix(start) || self.continues(start);
        self.at = start + 1;
        loop {
            match self.bytes.get(self.at) {
                None | Some(0) => {
                    self.scan.broken = true;
                    self.at = self.bytes.len();
                    break;
                }
                Some(b'\\') => {
                    self.scan.backslash = true;
                    self.at += if escapes { 2 } else { 1 };
                }
                Some(&b) if b == quote => {
                    self.at += 1;
                    if self.peek(0) != quote {
                        break;
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        self.at = self.at.min(self.bytes.len());
        while !self.scan.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        let prefixed = self.rules.engine == Engine::Postgres && escapes;
        self.escape_run = prefixed.then_some(self.at);
        self.push(TokenKind::Str, start);
    }

    /// `E'…'`: the prefix is the word directly before.
    fn escape_prefix(&self, start: usize) -> bool {
        self.rules.engine == Engine::Postgres
            && self.scan.tokens.last().is_some_and(|t| {
                t.kind == TokenKind::Word
                    && t.end as usize == start
                    && t.end - t.start == 1
                    && self.bytes[t.start as usize].eq_ignore_ascii_case(&b'e')
            })
    }

    /// SQL joins literals with a line break between them; an `E` at the first one holds for all.
    fn continues(&self, start: usize) -> bool {
        self.escape_run.is_some_and(|end| {
            self.scan.tokens.last().is_some_and(|t| t.end as usize == end)
                && self.bytes[end..start].iter().any(|&b| b == b'\n' || b == b'\r')
        })
    }

    fn quoted(&mut self, start: usize, close: u8) {
        self.at = start + 1;
        loop {
            match self.bytes.get(self.at) {
                None | Some(0) => {
                    self.scan.broken = true;
                    self.at = self.bytes.len();
                    break;
                }
                Some(&b) if b == close => {
                    self.at += 1;
                    if self.peek(0) != close || close == b']' {
                        break;
                    }
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        self.push(TokenKind::Quoted, start);
    }

    fn dollar(&mut self, start: usize) {
        match self.rules.engine {
            Engine::MariaDb => self.word(start),
            Engine::Sqlite => self.variable(start),
            Engine::Postgres => {
                let mut end = start + 1;
                while self.bytes.get(end).is_some_and(|&b| starts_word(b) || b.is_ascii_digit()) {
                    end += 1;
                }
                let tag_ok = !self.bytes.get(start + 1).is_some_and(u8::is_ascii_digit);
                if tag_ok && self.bytes.get(end) == Some(&b'$') {
                    let tag = &self.scan.text[start..=end];
                    match self.scan.text[end + 1..].find(tag) {
                        Some(n) => self.at = end + 1 + n + tag.len(),
                        None => {
                            self.scan.broken = true;
                            self.at = self.bytes.len();
                        }
                    }
                    if self.bytes[start..self.at].contains(&0) {
                        self.scan.broken = true;
                    }
                    self.push(TokenKind::Str, start);
                } else if !tag_ok {
                    self.at = start + 1;
                    while self.peek(0).is_ascii_digit() {
                        self.at += 1;
                    }
                    self.push(TokenKind::Param, start);
                } else {
                    self.at = start + 1;
                    self.push(TokenKind::Punct(b'$'), start);
                }
            }
        }
    }

    /// `@name`, `@@name`, `@'name'` in MariaDB; `@name`, `:name`, `$name` in SQLite.
    fn variable(&mut self, start: usize) {
        self.at = start + 1;
        if self.rules.engine == Engine::MariaDb {
            if self.peek(0) == b'@' {
                self.at += 1;
            }
            let quote = self.peek(0);
            if matches!(quote, b'\'' | b'"' | b'`') {
                let opened = self.at;
                if quote == b'`' {
                    self.quoted(opened, b'`')
                } else {
                    self.string(opened)
                }
                self.scan.tokens.pop();
                self.push(TokenKind::Word, start);
                return;
            }
        }
        while self.word_goes_on() {
            self.at += 1;
        }
        let kind = match self.rules.engine {
            Engine::MariaDb => TokenKind::Word,
            _ if self.at > start + 1 => TokenKind::Param,
            _ => TokenKind::Punct(self.bytes[start]),
        };
        self.push(kind, start);
    }

    fn marker(&mut self, start: usize) {
        self.at += 1;
        if self.rules.engine == Engine::Sqlite && self.peek(0).is_ascii_digit() {
            while self.peek(0).is_ascii_digit() {
                self.at += 1;
            }
            return self.push(TokenKind::Param, start);
        }
        self.scan.marker_places.push(self.scan.tokens.len() as u32);
        self.push(TokenKind::Marker, start);
    }

    /// `.5` is a number, `t.5` is not.
    fn number_may_start(&self) -> bool {
        self.peek(1).is_ascii_digit()
            && !self.scan.tokens.last().is_some_and(|t| {
                t.end as usize == self.at && matches!(t.kind, TokenKind::Word | TokenKind::Quoted)
            })
    }

    /// Digits only: `1INTO` is a number and a word to some versions of PostgreSQL, so it is to us.
    fn number(&mut self, start: usize) {
        let hex = self.bytes[start] == b'0' && matches!(self.peek(1), b'x' | b'X');
        if hex {
            self.at += 2;
            while self.peek(0).is_ascii_hexdigit() {
                self.at += 1;
            }
        } else {
            self.digits();
            if self.peek(0) == b'.' {
                self.at += 1;
                self.digits();
            }
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if matches!(self.peek(0), b'e' | b'E') && self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.digits();
            }
        }
        self.push(TokenKind::Number, start);
    }

    fn digits(&mut self) {
        while self.peek(0).is_ascii_digit() || (self.peek(0) == b'_' && self.peek(1).is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word_goes_on(&self) -> bool {
        let b = self.peek(0);
        starts_word(b) || b.is_ascii_digit() || b == b'$'
    }

    fn word(&mut self, start: usize) {
        self.at += 1;
        while self.word_goes_on() {
            self.at += 1;
        }
        self.push(TokenKind::Word, start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str, engine: Engine) -> Vec<&str> {
        let scan = Scan::new(sql, engine);
        assert!(!scan.broken, "{sql}");
        (0..scan.len()).map(|i| scan.str(i)).collect()
    }

    #[test]
    fn each_engine_has_its_own_comments() {
        use Engine::*;
        assert_eq!(words("a -- b\nc", Postgres), ["a", "c"]);
        assert_eq!(words("a --b\nc", MariaDb), ["a", "-", "-", "b", "c"]);
        assert_eq!(words("a --\tb\nc", MariaDb), ["a", "c"]);
        assert_eq!(words("a # b\nc", MariaDb), ["a", "c"]);
        assert_eq!(words("a # b", Postgres), ["a", "#", "b"]);
        assert_eq!(words("a /* /* */ b */ c", Postgres), ["a", "c"]);
        assert_eq!(words("a /* /* */ b", Sqlite), ["a", "b"]);
        assert!(Scan::new("a /*! b */", MariaDb).executable_comment);
        assert!(Scan::new("a /*M!100100 b */", MariaDb).executable_comment);
        assert!(!Scan::new("a /*! b */", Sqlite).executable_comment);
        assert!(!Scan::new("a '/*! b */'", MariaDb).executable_comment);
    }

    #[test]
    fn each_engine_has_its_own_strings() {
        use Engine::*;
        assert_eq!(words(r"'a\' b", Postgres), [r"'a\'", "b"]);
        assert_eq!(words(r"'a\' b'", MariaDb), [r"'a\' b'"]);
        assert_eq!(words(r"E'a\' b'", Postgres), ["E", r"'a\' b'"]);
        assert_eq!(words("E'a'\n'\\' b'", Postgres), ["E", "'a'", "'\\' b'"]);
        assert_eq!(words("'it''s' b", Sqlite), ["'it''s'", "b"]);
        assert_eq!(words("$$ a ' b $$ c", Postgres), ["$$ a ' b $$", "c"]);
        assert_eq!(words("$x$ $$ $x$ c", Postgres), ["$x$ $$ $x$", "c"]);
        assert_eq!(words("a$$b$$", Postgres), ["a$$b$$"]);
        assert_eq!(words("[a b] `c d` \"e f\"", Sqlite), ["[a b]", "`c d`", "\"e f\""]);
        assert_eq!(Scan::new("\"a\"", MariaDb).kind(0), Some(TokenKind::Str));
        assert_eq!(Scan::new("\"a\"", Postgres).kind(0), Some(TokenKind::Quoted));
        for open in ["'a", "\"a", "/* a", "$$a"] {
            assert!(Scan::new(open, Postgres).broken, "{open}");
        }
        assert!(Scan::new("SELECT 1\0; DELETE FROM t", Postgres).broken);
    }

    #[test]
    fn markers_are_counted_outside_of_strings_and_comments() {
        for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
            let scan = Scan::new("SELECT '?', \"?\", /* ? */ ? -- ?\n, a=?", engine);
            assert_eq!(scan.markers(), 2);
        }
        assert_eq!(Scan::new("?1", Engine::Sqlite).kind(0), Some(TokenKind::Param));
        assert_eq!(Scan::new("$1", Engine::Postgres).kind(0), Some(TokenKind::Param));
        assert_eq!(Scan::new(":a", Engine::Sqlite).kind(0), Some(TokenKind::Param));
        assert_eq!(Scan::new("@a", Engine::MariaDb).kind(0), Some(TokenKind::Word));
    }

    #[test]
    fn text_that_is_not_ascii_is_cut_at_characters() {
        assert_eq!(words("SELECT größe, 'ü\\é'", Engine::MariaDb), ["SELECT", "größe", ",", "'ü\\é'"]);
        assert!(Scan::new("'\\é", Engine::MariaDb).broken);
    }
}
