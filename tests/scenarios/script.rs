//! Reads the scenarios. The format is described in README.md.

use std::path::PathBuf;

use twinpool_testkit::Engine;

pub struct Script {
    pub name: String,
    /// The first line.
    pub head: String,
    pub steps: Vec<Step>,
}

pub struct Step {
    pub line: usize,
    pub act: Act,
    /// The answer's lines, each for the engines it is meant for.
    pub answer: Vec<(Vec<Engine>, String)>,
}

pub enum Act {
    /// `> command`: for the runner.
    Command(String),
    /// `?> command`: for the runner, again and again until the answer is as wanted.
    Until(String),
    /// `! words`: for the test kit.
    Kit(String),
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/list")
}

/// All scenarios, in the order of their names; with `TWINPOOL_SCENARIO=08` those whose names hold that, which one
/// test then takes amiss.
pub fn all() -> Vec<Script> {
    let part = std::env::var("TWINPOOL_SCENARIO").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().contains(&part));
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file).unwrap();
            parse(&name, &text).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
        })
        .collect()
}

fn parse(name: &str, text: &str) -> Result<Script, String> {
    let head = text.lines().next().unwrap_or_default().to_owned();
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let act = if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(command) = line.strip_prefix("> ") {
            Act::Command(command.to_owned())
        } else if let Some(command) = line.strip_prefix("?> ") {
            Act::Until(command.to_owned())
        } else if let Some(words) = line.strip_prefix("! ") {
            Act::Kit(words.to_owned())
        } else {
            let step = steps.last_mut().ok_or("an answer before the first command")?;
            step.answer.push(answer(line).map_err(|why| format!("line {}: {why}", number + 1))?);
            continue;
        };
        steps.push(Step { line: number + 1, act, answer: Vec::new() });
    }
    Ok(Script { name: name.to_owned(), head, steps })
}

/// `[sqlite,mariadb] row int:1`: the engines, and the line.
fn answer(line: &str) -> Result<(Vec<Engine>, String), String> {
    let Some((names, rest)) = line.strip_prefix('[').and_then(|l| l.split_once("] ")) else {
        return Ok((Engine::ALL.to_vec(), line.to_owned()));
    };
    let engine =
        |name: &str| Engine::ALL.into_iter().find(|e| e.name() == name).ok_or(format!("no engine {name}"));
    let engines = names.split(',').map(engine).collect::<Result<_, _>>()?;
    Ok((engines, rest.to_owned()))
}

impl Step {
    /// The answer wanted on an engine.
    pub fn wanted(&self, engine: Engine) -> Vec<&str> {
        self.answer.iter().filter(|(engines, _)| engines.contains(&engine)).map(|(_, l)| l.as_str()).collect()
    }
}
