//! Plays a scenario with one host on one pair of databases.

use std::time::Duration;

use twinpool_testkit::{Pair, within};

use crate::hosts::{Host, Hosts, Library};
use crate::runner::{Runner, Usage};
use crate::script::{Act, Script, Step};

/// How long `?>` asks.
const PATIENCE: Duration = Duration::from_secs(30);
/// Memory that a host may take for its own purposes between two looks.
const ROOM_KIB: u64 = 6 * 1024;

/// A query that takes a minute; SQLite can do nothing but count.
const LONG_ON_SQLITE: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) \
                              SELECT count(*) FROM n";

struct Scene<'a> {
    pair: Pair,
    host: Host,
    hosts: &'a Hosts,
    runner: Option<Runner>,
    sample: Option<Usage>,
}

/// Err says at which line of the scenario what was otherwise.
pub fn play(script: &Script, hosts: &Hosts, host: Host, servers: &Pair) -> Result<(), String> {
    let pair = servers.another(&format!("{}_{}", script.name, host.name()));
    let mut scene = Scene { pair, host, hosts, runner: None, sample: None };
    for step in &script.steps {
        if let Err(why) = scene.step(step) {
            // The servers serve the next scenario too.
            if !scene.pair.mirror.is_up() {
                scene.pair.mirror.restart();
            }
            return Err(format!("line {}: {why}", step.line));
        }
    }
    scene.runner.take().map_or(Ok(()), Runner::finish)
}

impl Scene<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let wanted = step.wanted(self.pair.engine());
        let wanted: Vec<String> = wanted.iter().map(|l| self.fill_in(l)).collect();
        match &step.act {
            Act::Command(command) => {
                let command = self.fill_in(command);
                let found = self.ask(&command)?;
                compare(&command, &wanted, &found)
            }
            Act::Until(command) => {
                let command = self.fill_in(command);
                let mut last = Err(String::new());
                within(PATIENCE, || {
                    last = self.ask(&command).and_then(|found| compare(&command, &wanted, &found));
                    last.is_ok()
                });
                last.map_err(|why| format!("not within {PATIENCE:?}: {why}"))
            }
            Act::Kit(words) => {
                let words = self.fill_in(words);
                let found = self.kit(&words)?;
                compare(&words, &wanted, &found)
            }
        }
    }

    fn ask(&mut self, command: &str) -> Result<Vec<String>, String> {
        let found = self.runner()?.ask(command)?;
        Ok(found.iter().map(|line| with_doubles(line)).collect())
    }

    fn runner(&mut self) -> Result<&mut Runner, String> {
        if self.runner.is_none() {
            let mut runner = Runner::start(self.hosts.runner(self.host, Library::Built))?;
            compare("start", &["= ready".into()], &runner.answer()?)?;
            self.runner = Some(runner);
        }
        Ok(self.runner.as_mut().expect("just made"))
    }

    /// Words in braces: the pair's options, the engine's names of types, a query that takes long.
    fn fill_in(&self, line: &str) -> String {
        if !line.contains('{') {
            return line.to_owned();
        }
        let mut line = line.to_owned();
        if line.contains("{pair}") {
            let options = [
                ("master", self.pair.master.connection_string()),
                ("mirror", self.pair.mirror.connection_string()),
                ("mirror.timeout_ms", "1500".into()),
                ("mirror.retry_min_ms", "50".into()),
                ("mirror.retry_max_ms", "300".into()),
                ("mirror.poll_ms", "100".into()),
                ("pool.acquire_timeout_ms", "20000".into()),
            ];
            let words: Vec<_> = options.iter().map(|(k, v)| format!("{k}={}", percent(v))).collect();
            line = line.replace("{pair}", &words.join(" "));
        }
        for (word, sqlite, postgres, mariadb) in [
            ("{bytes}", "BLOB", "BYTEA", "LONGBLOB"),
            ("{text}", "TEXT", "TEXT", "LONGTEXT"),
            ("{double}", "DOUBLE", "DOUBLE PRECISION", "DOUBLE"),
            ("{bool}", "BOOLEAN", "BOOLEAN", "BOOLEAN"),
            ("{timestamp}", "TIMESTAMP", "TIMESTAMP", "DATETIME(6)"),
            ("{time}", "TIME", "TIME", "TIME(6)"),
            ("{uuid}", "CHAR(36)", "UUID", "CHAR(36)"),
            ("{serial}", "INTEGER", "BIGINT GENERATED ALWAYS AS IDENTITY", "BIGINT AUTO_INCREMENT"),
            ("{long}", LONG_ON_SQLITE, "SELECT pg_sleep(60)", "SELECT SLEEP(60)"),
        ] {
            line = line.replace(word, self.pair.pick(sqlite, postgres, mariadb));
        }
        line
    }

    /// What the test kit does.
    fn kit(&mut self, words: &str) -> Result<Vec<String>, String> {
        let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
        match (verb, rest) {
            ("both", sql) => {
                self.pair.master.try_sql(sql)?;
                self.pair.mirror.try_sql(sql)?;
            }
            ("master" | "mirror", "kill") => self.node(verb).kill(),
            ("master" | "mirror", "restart") => self.node(verb).restart(),
            // What a node holds, past the library.
            ("master" | "mirror", sql) => {
                let rows = self.node(verb).try_sql(sql)?;
                let value = rows.into_iter().next().and_then(|r| r.into_iter().next()).flatten();
                return Ok(vec![format!("= {}", value.unwrap_or_else(|| "null".into()))]);
            }
            ("equal", "") => {
                let found = self.pair.differences();
                return if found.is_empty() { Ok(Vec::new()) } else { Err(found.join("\n")) };
            }
            ("library", which) => return self.refused(which),
            ("sample", "") => self.sample = Some(self.runner()?.usage()),
            ("flat", "") => return self.flat(),
            _ => return Err(format!("the test kit knows no '{words}'")),
        }
        Ok(Vec::new())
    }

    fn node(&self, label: &str) -> &twinpool_testkit::Node {
        if label == "master" { &self.pair.master } else { &self.pair.mirror }
    }

    /// A runner that cannot use the library it finds ends, and says why.
    fn refused(&mut self, which: &str) -> Result<Vec<String>, String> {
        let (library, part) = match which {
            "missing" => (Library::Missing, "libtwinpool"),
            "old" => (Library::Old, "ABI 4711"),
            _ => return Err(format!("no library is {which}")),
        };
        let words = match Runner::start(self.hosts.runner(self.host, library))?.answer() {
            Ok(answer) => return Err(format!("the runner started: {answer:?}")),
            Err(words) => words,
        };
        let clean = words.starts_with("ended (exit status: ") && !words.starts_with("ended (exit status: 0)");
        // A traceback is no message.
        let said =
            words.contains(part) && !words.contains("Traceback") && !words.contains("Exception in thread");
        if clean && said { Ok(vec!["= refused".into()]) } else { Err(words) }
    }

    fn flat(&mut self) -> Result<Vec<String>, String> {
        let before = self.sample.clone().ok_or("flat without sample")?;
        let runner = self.runner()?;
        let mut now = runner.usage();
        // SQLite closes a file later where another of its connections has a lock on it.
        let most = before.descriptors.len() + 2;
        // The pool's own threads open connections for a moment from time to time; what leaks stays.
        within(Duration::from_secs(5), || {
            now = runner.usage();
            now.descriptors.len() <= most
        });
        if now.descriptors.len() > most {
            return Err(format!("descriptors {:?}, before {:?}", now.descriptors, before.descriptors));
        }
        if now.kib > before.kib + ROOM_KIB {
            return Err(format!("{} KiB of memory, {} before", now.kib, before.kib));
        }
        Ok(Vec::new())
    }
}

fn percent(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20")
}

/// Runners show a double as its bits, for each language writes numbers in its own way.
fn with_doubles(line: &str) -> String {
    let word = |word: &str| match word.strip_prefix("double:#").map(|hex| u64::from_str_radix(hex, 16)) {
        Some(Ok(bits)) => format!("double:{:?}", f64::from_bits(bits)),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn compare(what: &str, wanted: &[String], found: &[String]) -> Result<(), String> {
    let same = |wanted: &String, found: &String| match wanted.strip_prefix("=~ ") {
        Some(part) => found.contains(part),
        None => wanted == found,
    };
    if wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| same(w, f)) {
        return Ok(());
    }
    Err(format!(
        "{what}\n  wanted: {}\n  found:  {}",
        wanted.join("\n          "),
        found.join("\n          ")
    ))
}

#[test]
fn an_answer_that_lacks_a_line_or_has_another_is_no_match() {
    let lines = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    assert!(compare("", &lines("row int:1/= ok"), &lines("row int:1/= ok")).is_ok());
    assert!(compare("", &lines("=~ pool"), &lines("= the pool is full")).is_ok());
    for other in ["row int:2/= ok", "row int:1", "= ok", "row int:1/row int:1/= ok"] {
        assert!(compare("", &lines("row int:1/= ok"), &lines(other)).is_err(), "{other}");
    }
    assert_eq!(with_doubles("row double:#3fe0000000000000 null"), "row double:0.5 null");
}
