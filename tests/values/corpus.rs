//! The statements in `corpus/`: one on each line, `way: statement`, parameters behind `<-`.

use twinpool::Value;
use twinpool_testkit::Engine;

pub struct Line {
    /// Where it stands, for messages.
    pub place: String,
    pub way: String,
    pub sql: String,
    pub params: Vec<Value>,
}

pub struct Corpus {
    pub schema: Vec<String>,
    pub lines: Vec<Line>,
}

const ALL: (&str, &str) = ("all.txt", include_str!("corpus/all.txt"));

pub fn file(engine: Engine) -> (&'static str, &'static str) {
    match engine {
        Engine::Sqlite => ("sqlite.txt", include_str!("corpus/sqlite.txt")),
        Engine::Postgres => ("postgres.txt", include_str!("corpus/postgres.txt")),
        Engine::MariaDb => ("mariadb.txt", include_str!("corpus/mariadb.txt")),
    }
}

pub fn of(engine: Engine) -> Corpus {
    let mut corpus = Corpus { schema: Vec::new(), lines: Vec::new() };
    read(file(engine), &mut corpus);
    corpus
}

fn read((name, text): (&str, &str), corpus: &mut Corpus) {
    for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let place = format!("{name}:{}", n + 1);
        let (way, rest) = line.split_once(':').unwrap_or_else(|| panic!("{place}: no way"));
        match way {
            "all" => read(ALL, corpus),
            "schema" => corpus.schema.push(rest.trim().to_owned()),
            way => {
                let (sql, params) = rest.split_once(" <- ").unwrap_or((rest, ""));
                let params = parameters(params, &place);
                let (way, sql) = (way.to_owned(), sql.trim().to_owned());
                corpus.lines.push(Line { place, way, sql, params });
            }
        }
    }
}

/// Numbers, NULL and quoted texts without commas.
fn parameters(text: &str, place: &str) -> Vec<Value> {
    let one = |word: &str| match word {
        "null" => Value::Null,
        quoted if quoted.starts_with('\'') => Value::Text(quoted.trim_matches('\'').replace("''", "'")),
        number => Value::Int(number.parse().unwrap_or_else(|_| panic!("{place}: parameter {number}"))),
    };
    text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(one).collect()
}
