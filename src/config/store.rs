//! The options of a pool as key/value texts, checked for their kind one by one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::options::{self, Kind, Row, TABLE};
use super::secrets::{self, MASK};
use super::settings::Settings;
use super::{document, read, suggest, validate};
use crate::error::{Error, Result, Status};

/// The options of a pool, as key/value strings. Later settings replace earlier ones, whatever they come from.
#[derive(Clone, Default)]
pub struct Options {
    set: BTreeMap<&'static str, String>,
    /// Found while reading; told by `validate`.
    notes: Vec<String>,
}

/// One option as it stands.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: &'static str,
    /// Secrets masked.
    pub value: String,
    /// Set by someone, not the default.
    pub set: bool,
    /// Can be changed while the pool is open.
    pub live: bool,
}

impl Options {
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets one option. `BadOption` names the nearest option when there is none of this name, and what the
    /// option takes when the value is not of its kind.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let row = known(key)?;
        self.set.insert(row.name, canonical(row, value)?);
        Ok(())
    }

    /// The value of an option, or its default; secrets masked.
    pub fn get(&self, key: &str) -> Result<String> {
        let row = known(key)?;
        Ok(shown(row, self.raw(row)))
    }

    /// Back to the default.
    pub fn unset(&mut self, key: &str) -> Result<()> {
        let row = known(key)?;
        self.set.remove(row.name);
        Ok(())
    }

    /// Sets options from `key=value` pairs with `;` between them. A value that holds `;` stands in braces or
    /// quotes. Nothing is set when one of them is wrong.
    pub fn parse(&mut self, text: &str) -> Result<()> {
        let pairs = read::pairs(text)?;
        self.set_all(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())))
    }

    /// Sets options from a TOML file; nested tables are dotted names. Nothing is set when something is wrong.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let pairs = read::file(path)?;
        self.set_all(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            .map_err(|e| e.context(format_args!("options file {}", path.display())))
    }

    /// Sets options from the environment: `TWINPOOL_MIRROR_MODE` is `mirror.mode`.
    pub fn load_env(&mut self) -> Result<()> {
        self.load_env_from(std::env::vars_os())
    }

    fn load_env_from(
        &mut self,
        vars: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    ) -> Result<()> {
        let (pairs, notes) = read::environment(vars)?;
        for (row, value) in &pairs {
            canonical(row, value)
                .map_err(|e| e.context(format_args!("environment variable {}", row.env())))?;
        }
        self.notes.extend(notes);
        self.set_all(pairs.iter().map(|(r, v)| (r.name, v.as_str())))
    }

    /// Takes over what is set in `other`.
    pub fn merge(&mut self, other: &Options) {
        self.set.extend(other.set.iter().map(|(k, v)| (*k, v.clone())));
        self.notes.extend(other.notes.iter().cloned());
    }

    /// All options in the order of the documentation.
    pub fn entries(&self) -> Vec<Entry> {
        TABLE
            .iter()
            .map(|r| Entry {
                name: r.name,
                value: shown(r, self.raw(r)),
                set: self.set.contains_key(r.name),
                live: r.live,
            })
            .collect()
    }

    /// Changes a live option of an open pool and gives the settings that follow. `BadOption` for an option
    /// that is fixed once the pool is open, with nothing changed when the new value does not fit the others.
    pub fn change(&mut self, key: &str, value: &str) -> Result<(Settings, Vec<String>)> {
        let row = known(key)?;
        if !row.live {
            return Err(bad(format!("option '{}' is fixed once the pool is open", row.name)));
        }
        let mut changed = self.clone();
        changed.set(key, value)?;
        let validated = changed.validate()?;
        *self = changed;
        Ok(validated)
    }

    /// The settings that follow, and a line for each silly value that was repaired. Contradictions and
    /// missing connection strings are errors.
    pub fn validate(&self) -> Result<(Settings, Vec<String>)> {
        let (settings, mut warnings) = validate::validate(self)?;
        warnings.splice(0..0, self.notes.iter().cloned());
        Ok((settings, warnings))
    }

    /// `docs/configuration.md`.
    pub fn document() -> String {
        document::document()
    }

    fn set_all<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
        let mut changed = self.clone();
        for (key, value) in pairs {
            changed.set(key, value)?;
        }
        *self = changed;
        Ok(())
    }

    /// Unmasked.
    pub(super) fn raw(&self, row: &Row) -> &str {
        self.set.get(row.name).map_or(row.default, String::as_str)
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.set.get(name).is_some_and(|v| !v.is_empty())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries().iter().filter(|e| e.set).map(|e| (e.name, &e.value))).finish()
    }
}

pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::new(Status::BadOption, message)
}

fn known(key: &str) -> Result<&'static Row> {
    options::find(key).ok_or_else(|| {
        bad(format!("unknown option '{}'; nearest is '{}'", read::one_line(key), suggest::nearest(key)))
    })
}

fn shown(row: &Row, value: &str) -> String {
    match row.kind {
        Kind::Connection => secrets::mask(value),
        Kind::Secret if !value.is_empty() => MASK.to_owned(),
        _ => value.to_owned(),
    }
}

/// The value in the one form in which it is kept, or what the option takes.
fn canonical(row: &Row, value: &str) -> Result<String> {
    let trimmed = value.trim();
    let wrong = |takes: &str| {
        let given = match row.kind {
            Kind::Connection | Kind::Secret => "this text".to_owned(),
            _ => format!("'{}'", read::one_line(value)),
        };
        Err(bad(format!("option '{}' takes {takes}, not {given}", row.name)))
    };
    if value.contains('\0') {
        return wrong("text without NUL characters");
    }
    // An empty value is the default where the default is empty.
    if trimmed.is_empty() && row.default.is_empty() {
        return Ok(String::new());
    }
    match row.kind {
        Kind::Text | Kind::Connection => Ok(trimmed.to_owned()),
        Kind::Secret => Ok(value.to_owned()),
        Kind::Switch => match switch(trimmed) {
            Some(on) => Ok(if on { "on" } else { "off" }.to_owned()),
            None => wrong("on or off"),
        },
        Kind::Number { .. } | Kind::Millis { .. } => match number(trimmed) {
            Some(n) => Ok(n.to_string()),
            None if matches!(row.kind, Kind::Millis { .. }) => wrong("a whole number of milliseconds"),
            None => wrong("a whole number"),
        },
        Kind::MillisOrMinus1 { .. } if trimmed == "-1" => Ok(trimmed.to_owned()),
        Kind::MillisOrMinus1 { .. } => match number(trimmed) {
            Some(n) => Ok(n.to_string()),
            None => wrong("a whole number of milliseconds or -1"),
        },
        Kind::Bytes { .. } => match bytes(trimmed) {
            Some(_) => Ok(trimmed.to_owned()),
            None => wrong("a number of bytes, such as 65536, 64KiB or 1MiB"),
        },
        Kind::Fraction { .. } => match fraction(trimmed) {
            Some(_) => Ok(trimmed.to_owned()),
            None => wrong("a number from 0 to 1, such as 0.025"),
        },
        Kind::Choice(words) => match words.iter().find(|w| w.eq_ignore_ascii_case(trimmed)) {
            Some(w) => Ok((*w).to_owned()),
            None => wrong(&words.join(" or ")),
        },
        Kind::Sqlstates => match sqlstates(trimmed) {
            Some(_) => Ok(trimmed.to_owned()),
            None => wrong(
                "SQLSTATEs of five characters or classes of two, separated by commas, with '!' before those to keep",
            ),
        },
    }
}

pub(super) fn switch(s: &str) -> Option<bool> {
    match s.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

pub(super) fn number(s: &str) -> Option<u64> {
    // `+5` parses in Rust; nobody means it.
    if s.starts_with('+') { None } else { s.replace('_', "").parse().ok() }
}

pub(super) fn bytes(s: &str) -> Option<u64> {
    let digits = s.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match s[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number(digits.trim())?.checked_mul(unit)
}

pub(super) fn fraction(s: &str) -> Option<f64> {
    s.parse::<f64>().ok().filter(|f| f.is_finite() && *f >= 0.0)
}

/// (state or class, to be kept)
pub(super) fn sqlstates(s: &str) -> Option<Vec<(String, bool)>> {
    s.split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(|s| {
            let (state, keep) = s.strip_prefix('!').map_or((s, false), |rest| (rest.trim(), true));
            let fits = matches!(state.len(), 2 | 5) && state.bytes().all(|c| c.is_ascii_alphanumeric());
            fits.then(|| (state.to_ascii_uppercase(), keep))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn said<T: fmt::Debug>(r: Result<T>) -> String {
        let e = r.unwrap_err();
        assert_eq!(e.status(), Status::BadOption);
        e.message().to_owned()
    }

    #[test]
    fn an_unknown_option_names_the_nearest() {
        let mut o = Options::new();
        assert_eq!(said(o.set("pool.maximum", "3")), "unknown option 'pool.maximum'; nearest is 'pool.max'");
        assert_eq!(said(o.get("nmae")), "unknown option 'nmae'; nearest is 'name'");
        assert!(said(o.set("a\nb", "")).lines().count() == 1);
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_the_option_takes() {
        let mut o = Options::new();
        assert_eq!(said(o.set("pool.max", "many")), "option 'pool.max' takes a whole number, not 'many'");
        assert_eq!(
            said(o.set("mirror.timeout_ms", "-5")),
            "option 'mirror.timeout_ms' takes a whole number of milliseconds, not '-5'"
        );
        assert_eq!(said(o.set("mirror.mode", "x")), "option 'mirror.mode' takes sync or async, not 'x'");
        assert_eq!(said(o.set("pool.read_only", "2")), "option 'pool.read_only' takes on or off, not '2'");
        assert!(said(o.set("pool.idle_timeout_variation", "NaN")).contains("from 0 to 1"));
        assert!(said(o.set("replay.batch_bytes", "1 XiB")).contains("bytes"));
        assert!(said(o.set("pool.evict_sqlstates", "080")).contains("SQLSTATE"));
        assert!(!said(o.set("master", "PWD=hid\0den")).contains("den"));
        assert_eq!(o.entries().iter().filter(|e| e.set).count(), 0);
    }

    #[test]
    fn values_are_kept_in_one_form() {
        let mut o = Options::new();
        for (key, given, kept) in [
            ("pool.read_only", "TRUE", "on"),
            ("tables.create", "0", "off"),
            ("mirror.mode", "ASYNC", "async"),
            ("pool.max", " 007 ", "7"),
            ("pool.acquire_timeout_ms", "30_000", "30000"),
            ("pool.init_fail_timeout_ms", "-1", "-1"),
            ("pool.min", "", ""),
        ] {
            o.set(key, given).unwrap();
            assert_eq!(o.get(key).unwrap(), kept);
        }
        assert_eq!(bytes("64 KiB"), Some(65_536));
        assert_eq!(bytes("99999999999999999999"), None);
    }

    #[test]
    fn secrets_are_never_shown() {
        let mut o = Options::new();
        o.parse(r#"master="DSN=a;PWD=hush"; mirror={DSN=b;Password=hush}; mirror.password=hush; master.properties={PWD=hush}"#)
            .unwrap();
        assert_eq!(o.get("master").unwrap(), "DSN=a;PWD=***");
        assert_eq!(o.get("mirror.connection").unwrap(), "DSN=b;Password=***");
        assert_eq!(o.get("mirror.password").unwrap(), "***");
        assert!(!format!("{o:?} {:?}", o.entries()).contains("hush"));
        // Both give PWD: the error does not repeat it.
        assert!(!said(o.validate()).contains("hush"));
        o.unset("mirror.password").unwrap();
        let settings = o.validate().unwrap().0;
        assert!(settings.master.connection.contains("hush"));
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn the_environment_sets_options_and_a_near_miss_is_noted() {
        let mut o = Options::new();
        let var = |k: &str, v: &str| (OsString::from(k), OsString::from(v));
        let vars = [
            var("TWINPOOL_MIRROR_MODE", "async"),
            var("TWINPOOL_POOL_MAX", "3"),
            var("TWINPOOL_POOL_MAXX", "4"),
            var("TWINPOOL_LOG", "debug"),
            var("TWINPOOL_SOMETHING_ELSE_ALTOGETHER", "1"),
            var("PATH", "/bin"),
        ];
        o.load_env_from(vars.into_iter()).unwrap();
        assert_eq!(o.get("mirror.mode").unwrap(), "async");
        assert_eq!(o.get("pool.max").unwrap(), "3");
        assert_eq!(o.notes.len(), 1, "{:?}", o.notes);
        assert_eq!(
            o.notes[0],
            "environment variable TWINPOOL_POOL_MAXX is no option; nearest is TWINPOOL_POOL_MAX"
        );
        let wrong = said(o.load_env_from([var("TWINPOOL_POOL_MAX", "lots")].into_iter()));
        assert_eq!(
            wrong,
            "environment variable TWINPOOL_POOL_MAX: option 'pool.max' takes a whole number, not 'lots'"
        );
    }

    #[test]
    fn nothing_is_set_when_one_of_several_is_wrong() {
        let mut o = Options::new();
        assert!(o.parse("pool.max=3;pool.mim=1").is_err());
        assert_eq!(o.get("pool.max").unwrap(), "10");
    }

    #[test]
    fn what_is_merged_in_wins() {
        let (mut a, mut b) = (Options::new(), Options::new());
        a.parse("pool.max=3;name=one").unwrap();
        b.parse("pool.max=4").unwrap();
        a.merge(&b);
        assert_eq!((a.get("pool.max").unwrap(), a.get("name").unwrap()), ("4".into(), "one".into()));
    }

    #[test]
    fn only_live_options_change_while_the_pool_is_open() {
        let mut o = Options::new();
        o.parse("master={DSN=a};mirror={DSN=b}").unwrap();
        assert_eq!(o.change("pool.max", "20").unwrap().0.pool.max, 20);
        assert_eq!(said(o.change("master", "DSN=c")), "option 'master' is fixed once the pool is open");
        assert!(o.change("pool.max", "x").is_err());
        assert_eq!(o.get("pool.max").unwrap(), "20");
    }

    #[test]
    fn an_evict_rule_prefers_the_whole_state_to_its_class() {
        let mut o = Options::new();
        o.parse("master={DSN=a};mirror={DSN=b};pool.evict_sqlstates='57, !57014,0a000'").unwrap();
        let rule = o.validate().unwrap().0.session.evict;
        assert_eq!(rule.decide("57014"), Some(false));
        assert_eq!(rule.decide("0A000"), Some(true));
        assert_eq!(rule.decide("0A001"), None);
        assert_eq!(rule.decide(""), None);
    }
}
