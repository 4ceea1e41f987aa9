//! From texts to settings: silly values are repaired with a warning, contradictions are refused.

use std::time::Duration;

use super::options::{Kind, Row, find};
use super::secrets;
use super::settings::*;
use super::store::{Options, bad, bytes, fraction, number, sqlstates, switch};
use crate::error::{Error, Result, Status};
use crate::large::Spill;
use crate::twin::Isolation;

pub fn validate(options: &Options) -> Result<(Settings, Vec<String>)> {
    let mut v = Validator { options, warnings: Vec::new() };
    let settings = v.settings()?;
    Ok((settings, v.warnings))
}

struct Validator<'a> {
    options: &'a Options,
    warnings: Vec<String>,
}

impl Validator<'_> {
    fn settings(&mut self) -> Result<Settings> {
        let master = self.node("master")?;
        let mirror = self.node("mirror")?;
        if master.connection == mirror.connection {
            return Err(Error::new(
                Status::NotAPair,
                "options 'master' and 'mirror' are the same connection string",
            ));
        }
        let pool = self.pool()?;
        let (mirror_retry_min, mirror_retry_max) =
            (self.millis("mirror.retry_min_ms")?, self.millis("mirror.retry_max_ms")?);
        if mirror_retry_min > mirror_retry_max {
            return Err(self.contradiction("mirror.retry_min_ms", "is above", "mirror.retry_max_ms"));
        }
        Ok(Settings {
            name: pool.name.clone(),
            master,
            mirror,
            pool,
            session: SessionSettings {
                isolation: match self.text("pool.isolation")? {
                    "repeatable_read" => Isolation::RepeatableRead,
                    "serializable" => Isolation::Serializable,
                    _ => Isolation::ReadCommitted,
                },
                read_only: self.switch("pool.read_only")?,
                schema: self.optional("pool.schema")?,
                evict: self.evict_rule()?,
            },
            mirror_mode: if self.text("mirror.mode")? == "async" {
                MirrorMode::Async
            } else {
                MirrorMode::Sync
            },
            mirror_timeout: self.millis("mirror.timeout_ms")?,
            mirror_retry_min,
            mirror_retry_max,
            mirror_poll: self.millis("mirror.poll_ms")?,
            replay: ReplaySettings {
                batch_entries: self.count("replay.batch_entries")?,
                batch_bytes: self.count("replay.batch_bytes")?,
                drain_below: self.count("replay.drain_below")?,
                suspend_timeout: self.millis("replay.suspend_timeout_ms")?,
                reset_ids_above: self.number("replay.reset_ids_above")?,
            },
            queue: QueueSettings {
                max_entries: Some(self.number("queue.max_entries")?).filter(|n| *n > 0),
                max_bytes: Some(self.number("queue.max_bytes")?).filter(|n| *n > 0),
                max_age: self.limit("queue.max_age_ms")?,
                beyond: match self.text("queue.beyond")? {
                    "refuse" => Beyond::Refuse,
                    "detach" => Beyond::Detach,
                    _ => Beyond::Warn,
                },
            },
            tables: TableSettings {
                create: self.switch("tables.create")?,
                schema: self.optional("tables.schema")?,
                prefix: self.text("tables.prefix")?.to_owned(),
            },
            on_unsafe: if self.text("on_unsafe")? == "warn" { OnUnsafe::Warn } else { OnUnsafe::Refuse },
            durability: self.durability()?,
            catalogue_age: self.millis("catalogue.max_age_ms")?,
            schema_check: self.switch("schema_check")?,
            resolve_timeout: self.millis("commit.resolve_timeout_ms")?,
            verify_read_timeout: self.millis("verify.read_timeout_ms")?,
            part_bytes: self.count("pending.part_bytes")?,
            spill: Spill::new(self.count("value.spill_bytes")?, self.text("value.spill_folder")?),
            log: LogSettings {
                stderr: self.switch("log.stderr")?,
                level: self.text("log.level")?.parse().unwrap_or(log::LevelFilter::Warn),
            },
        })
    }

    fn node(&mut self, side: &str) -> Result<NodeSettings> {
        let mut connection = self.text(side)?.to_owned();
        if connection.is_empty() {
            return Err(bad(format!(
                "option '{side}' is required: the ODBC connection string of the {side}"
            )));
        }
        for (option, attribute, spellings) in
            [("user", "UID", ["uid", "user", "username"]), ("password", "PWD", ["pwd", "password", "passwd"])]
        {
            let name = format!("{side}.{option}");
            let value = self.text(&name)?;
            if value.is_empty() {
                continue;
            }
            if secrets::names(&connection, &spellings) {
                return Err(bad(format!(
                    "option '{name}' and the connection string '{side}' both give {attribute}"
                )));
            }
            secrets::append(&mut connection, attribute, value);
        }
        let properties = self.text(&format!("{side}.properties"))?;
        if !properties.is_empty() {
            secrets::append_raw(&mut connection, properties);
        }
        Ok(NodeSettings {
            connection,
            connect_timeout: self.limit(&self.or_shared(side, "connect_timeout_ms"))?,
            call_timeout: self.limit("statement.timeout_ms")?,
            lock_timeout: self.limit("statement.lock_timeout_ms")?,
            statement_cache: self.count("statement.cache")?,
            durable: self.durability()? == Durability::Force,
            init_sql: statements(self.text(&self.or_shared(side, "init_sql"))?),
            validation: self.validation(side)?,
        })
    }

    /// The node's own option where it is set, else the pool's.
    fn or_shared(&self, side: &str, option: &str) -> String {
        let own = format!("{side}.{option}");
        if self.options.is_set(&own) { own } else { format!("pool.{option}") }
    }

    fn validation(&self, side: &str) -> Result<Validation> {
        let name = self.or_shared(side, "validation_query");
        let query = self.text(&name)?;
        match (self.text("pool.validation")?, query.is_empty()) {
            ("query", true) => {
                Err(bad("option 'pool.validation' is query, and 'pool.validation_query' is not set"))
            }
            ("driver", false) if self.options.is_set("pool.validation") => {
                Err(bad(format!("option 'pool.validation' is driver, and '{name}' is set")))
            }
            (_, false) => Ok(Validation::Query(query.to_owned())),
            (_, true) => Ok(Validation::Driver),
        }
    }

    fn pool(&mut self) -> Result<PoolSettings> {
        let max = self.count("pool.max")?;
        let mut min = if self.text("pool.min")?.is_empty() { max } else { self.count("pool.min")? };
        if min > max {
            self.repaired("pool.min", "is above pool.max", &max.to_string());
            min = max;
        }
        let mut initial = self.count("pool.initial")?;
        if initial > max {
            self.repaired("pool.initial", "is above pool.max", &max.to_string());
            initial = max;
        }
        let acquire_timeout = self.millis("pool.acquire_timeout_ms")?;
        let mut validation_timeout = self.millis("pool.validation_timeout_ms")?;
        // One dead session must leave time to try another. An acquire that does not wait has no such limit.
        let half = acquire_timeout / 2;
        if !half.is_zero() && validation_timeout > half {
            if self.options.is_set("pool.validation_timeout_ms") {
                self.repaired(
                    "pool.validation_timeout_ms",
                    "is above half of pool.acquire_timeout_ms",
                    &half.as_millis().to_string(),
                );
            }
            validation_timeout = half.max(Duration::from_millis(1));
        }
        let max_lifetime = self.limit("pool.max_lifetime_ms")?;
        let mut idle_timeout = self.limit("pool.idle_timeout_ms")?;
        let mut keepalive = self.limit("pool.keepalive_ms")?;
        if let Some(lifetime) = max_lifetime {
            if idle_timeout.is_some_and(|t| t >= lifetime) {
                if self.options.is_set("pool.idle_timeout_ms") {
                    self.repaired("pool.idle_timeout_ms", "is not below pool.max_lifetime_ms", "0 (never)");
                }
                idle_timeout = None;
            }
            if keepalive.is_some_and(|t| t >= lifetime) {
                if self.options.is_set("pool.keepalive_ms") {
                    self.repaired("pool.keepalive_ms", "is not below pool.max_lifetime_ms", "0 (never)");
                }
                keepalive = None;
            }
        }
        if min == max && self.options.is_set("pool.idle_timeout_ms") && idle_timeout.is_some() {
            self.warnings.push(
                "option 'pool.idle_timeout_ms' has no effect while pool.min equals pool.max".to_owned(),
            );
        }
        let suspension = self.switch("pool.suspension")?;
        let suspend_fail_fast = self.switch("pool.suspend_fail_fast")?;
        if suspend_fail_fast && !suspension {
            return Err(bad("option 'pool.suspend_fail_fast' is on, and 'pool.suspension' is off"));
        }
        Ok(PoolSettings {
            name: self.text("name")?.to_owned(),
            min,
            max,
            initial,
            acquire_timeout,
            // What a session waits for is its connection to the master.
            connect_timeout: self.limit(&self.or_shared("master", "connect_timeout_ms"))?,
            init_fail: match self.text("pool.init_fail_timeout_ms")? {
                "-1" => InitFail::Background,
                "0" => InitFail::OnlyIfRefused,
                _ => InitFail::After(self.millis("pool.init_fail_timeout_ms")?),
            },
            acquire_increment: self.count("pool.acquire_increment")?,
            acquire_retries: match self.number("pool.acquire_retries")? {
                0 => None,
                n => Some(u32::try_from(n).unwrap_or(u32::MAX)),
            },
            acquire_retry_delay: self.millis("pool.acquire_retry_delay_ms")?,
            validation_timeout,
            alive_bypass: self.millis("pool.alive_bypass_ms")?,
            idle_timeout,
            idle_timeout_variation: self.fraction("pool.idle_timeout_variation")?,
            max_lifetime,
            keepalive,
            keeper_period: self.millis("pool.keeper_period_ms")?,
            leak_threshold: self.limit("pool.leak_threshold_ms")?,
            suspension,
            suspend_fail_fast,
        })
    }

    fn durability(&self) -> Result<Durability> {
        Ok(if self.text("durability")? == "report" { Durability::Report } else { Durability::Force })
    }

    fn evict_rule(&self) -> Result<EvictRule> {
        let states = sqlstates(self.text("pool.evict_sqlstates")?).unwrap_or_default();
        let (keep, evict): (Vec<_>, Vec<_>) = states.into_iter().partition(|(_, keep)| *keep);
        let plain = |v: Vec<(String, bool)>| -> Vec<String> { v.into_iter().map(|(s, _)| s).collect() };
        let rule = EvictRule { evict: plain(evict), keep: plain(keep) };
        match rule.evict.iter().find(|s| rule.keep.contains(s)) {
            Some(s) => Err(bad(format!("option 'pool.evict_sqlstates' has both {s} and !{s}"))),
            None => Ok(rule),
        }
    }

    fn row(&self, name: &str) -> Result<&'static Row> {
        find(name).ok_or_else(|| Error::new(Status::Internal, format!("option '{name}' is not in the table")))
    }

    fn text(&self, name: &str) -> Result<&str> {
        Ok(self.options.raw(self.row(name)?))
    }

    fn optional(&self, name: &str) -> Result<Option<String>> {
        Ok(Some(self.text(name)?).filter(|s| !s.is_empty()).map(str::to_owned))
    }

    fn switch(&self, name: &str) -> Result<bool> {
        self.text(name)?.parse_with(name, switch)
    }

    fn millis(&mut self, name: &str) -> Result<Duration> {
        Ok(Duration::from_millis(self.number(name)?))
    }

    /// A limit of which 0 says that there is none.
    fn limit(&mut self, name: &str) -> Result<Option<Duration>> {
        Ok(Some(self.millis(name)?).filter(|d| !d.is_zero()))
    }

    fn count(&mut self, name: &str) -> Result<usize> {
        Ok(usize::try_from(self.number(name)?).unwrap_or(usize::MAX))
    }

    /// A number, brought into the option's range.
    fn number(&mut self, name: &str) -> Result<u64> {
        let row = self.row(name)?;
        let (given, min, max) = match row.kind {
            Kind::Bytes { min, max } => (self.text(name)?.parse_with(name, bytes)?, min, max),
            Kind::Number { min, max } => (self.text(name)?.parse_with(name, number)?, min, max),
            Kind::Millis { min, max, off } => {
                let given = self.text(name)?.parse_with(name, number)?;
                if off && given == 0 {
                    return Ok(0);
                }
                (given, min, max)
            }
            Kind::MillisOrMinus1 { max } => (self.text(name)?.parse_with(name, number)?, 0, max),
            _ => return Err(Error::new(Status::Internal, format!("option '{name}' is no number"))),
        };
        let used = given.clamp(min, max);
        if used != given {
            let why = if given < min { format!("is below {min}") } else { format!("is above {max}") };
            self.repaired(name, &why, &used.to_string());
        }
        Ok(used)
    }

    fn fraction(&mut self, name: &str) -> Result<f64> {
        let given = self.text(name)?.parse_with(name, fraction)?;
        let Kind::Fraction { min, max } = self.row(name)?.kind else { return Ok(given) };
        let used = given.clamp(min, max);
        if used != given {
            self.repaired(name, &format!("is above {max}"), &used.to_string());
        }
        Ok(used)
    }

    fn repaired(&mut self, name: &str, why: &str, used: &str) {
        let given = find(name).map_or("", |r| self.options.raw(r));
        let line = format!("option '{name}' is {given}, which {why}; {used} is used");
        if !self.warnings.contains(&line) {
            self.warnings.push(line);
        }
    }

    fn contradiction(&self, a: &str, relation: &str, b: &str) -> Error {
        let value = |n: &str| find(n).map_or("", |r| self.options.raw(r)).to_owned();
        bad(format!("option '{a}' ({}) {relation} '{b}' ({})", value(a), value(b)))
    }
}

/// Texts were checked when they were set; this is for the table's own defaults.
trait ParseWith {
    fn parse_with<T>(&self, name: &str, how: impl Fn(&str) -> Option<T>) -> Result<T>;
}

impl ParseWith for str {
    fn parse_with<T>(&self, name: &str, how: impl Fn(&str) -> Option<T>) -> Result<T> {
        how(self).ok_or_else(|| bad(format!("option '{name}' is empty")))
    }
}

/// Cuts text into statements at semicolons outside quotes.
fn statements(sql: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quote = None;
    for c in sql.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if c == ';' => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.into_iter().map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::options::TABLE;
    use super::*;

    fn with(text: &str) -> Options {
        let mut o = Options::new();
        o.parse("master={DSN=a};mirror={DSN=b}").unwrap();
        o.parse(text).unwrap();
        o
    }

    fn settings(text: &str) -> Settings {
        let (settings, warnings) = with(text).validate().unwrap();
        assert_eq!(warnings, Vec::<String>::new(), "{text}");
        settings
    }

    fn warned(text: &str) -> (Settings, String) {
        let (settings, warnings) = with(text).validate().unwrap();
        assert_eq!(warnings.len(), 1, "{text}: {warnings:?}");
        (settings, warnings[0].clone())
    }

    fn refused(text: &str) -> String {
        with(text).validate().unwrap_err().message().to_owned()
    }

    #[test]
    fn the_defaults_are_valid_and_need_no_repair() {
        let s = settings("");
        assert_eq!((s.pool.min, s.pool.max, s.pool.initial), (10, 10, 1));
        assert_eq!(s.pool.acquire_timeout, Duration::from_secs(30));
        assert_eq!(s.replay.batch_bytes, 1 << 20);
        assert_eq!(s.session.isolation, Isolation::ReadCommitted);
        assert_eq!(s.mirror_mode, MirrorMode::Sync);
        assert_eq!(s.log.level, log::LevelFilter::Warn);
        assert_eq!(PoolSettings::default(), s.pool);
    }

    #[test]
    fn every_number_of_the_table_is_brought_into_its_range() {
        for row in TABLE {
            let too_much = match row.kind {
                Kind::Number { max, .. } | Kind::Millis { max, .. } | Kind::Bytes { max, .. } => max + 1,
                Kind::MillisOrMinus1 { max } => max + 1,
                _ => continue,
            };
            let mut o = with("mirror.retry_max_ms=86400000");
            o.set(row.name, &too_much.to_string()).unwrap();
            let (_, warnings) = o.validate().unwrap();
            assert!(
                warnings.iter().any(|w| w.contains(row.name) && w.contains("is above")),
                "{}: {warnings:?}",
                row.name
            );
        }
    }

    #[test]
    fn both_connection_strings_are_required() {
        let e = Options::new().validate().unwrap_err();
        assert_eq!(e.message(), "option 'master' is required: the ODBC connection string of the master");
        let mut o = Options::new();
        o.set("master", "DSN=a").unwrap();
        assert!(o.validate().unwrap_err().message().starts_with("option 'mirror' is required"));
    }

    #[test]
    fn nonsense_is_repaired_with_a_warning() {
        let (s, w) = warned("pool.max=0;pool.min=0");
        assert_eq!((s.pool.max, w.as_str()), (1, "option 'pool.max' is 0, which is below 1; 1 is used"));
        assert_eq!(warned("pool.min=20").0.pool.min, 10);
        assert_eq!(warned("pool.initial=11").0.pool.initial, 10);
        assert_eq!(warned("pool.idle_timeout_variation=7").0.pool.idle_timeout_variation, 1.0);
        assert_eq!(warned("pool.keepalive_ms=9999999").0.pool.keepalive, None);
        assert_eq!(warned("pool.idle_timeout_ms=9999999;pool.min=1").0.pool.idle_timeout, None);
        assert_eq!(
            warned("pool.validation_timeout_ms=4000;pool.acquire_timeout_ms=1000").0.pool.validation_timeout,
            Duration::from_millis(500)
        );
        assert!(warned("pool.idle_timeout_ms=60000").1.contains("no effect"));
        // Defaults that do not fit a user's value follow it silently.
        let s = settings("pool.max_lifetime_ms=60000;pool.acquire_timeout_ms=100");
        assert_eq!((s.pool.keepalive, s.pool.validation_timeout), (None, Duration::from_millis(50)));
        assert_eq!(settings("pool.max=3").pool.min, 3);
    }

    #[test]
    fn contradictions_are_refused() {
        for (text, message) in [
            (
                "pool.validation=query",
                "option 'pool.validation' is query, and 'pool.validation_query' is not set",
            ),
            (
                "pool.validation=driver;mirror.validation_query=SELECT 1",
                "option 'pool.validation' is driver, and 'mirror.validation_query' is set",
            ),
            (
                "mirror.retry_min_ms=500;mirror.retry_max_ms=100",
                "option 'mirror.retry_min_ms' (500) is above 'mirror.retry_max_ms' (100)",
            ),
            (
                "pool.suspension=off;pool.suspend_fail_fast=on",
                "option 'pool.suspend_fail_fast' is on, and 'pool.suspension' is off",
            ),
            ("pool.evict_sqlstates='08,!08'", "option 'pool.evict_sqlstates' has both 08 and !08"),
            (
                "master={DSN=a;Uid=x};master.user=y",
                "option 'master.user' and the connection string 'master' both give UID",
            ),
            ("mirror={DSN=a}", "options 'master' and 'mirror' are the same connection string"),
        ] {
            assert_eq!(refused(text), message);
        }
    }

    #[test]
    fn a_node_may_differ_from_the_other() {
        let s = settings(
            "pool.init_sql='SET a = ''x;y''; SET b = 1';mirror.init_sql=SET c;pool.validation_query=SELECT 1;\
             mirror.validation_query=SELECT 2;mirror.connect_timeout_ms=70;mirror.user=u;mirror.password='p;w';\
             mirror.properties={Port=1}",
        );
        assert_eq!(s.master.init_sql, ["SET a = 'x;y'", "SET b = 1"]);
        assert_eq!(s.mirror.init_sql, ["SET c"]);
        assert_eq!(s.mirror.validation, Validation::Query("SELECT 2".into()));
        assert_eq!(s.mirror.link().connect_timeout, Duration::from_millis(70));
        assert_eq!(s.mirror.connection, "DSN=b;UID=u;PWD={p;w};Port=1");
        assert_eq!(s.master.connect_timeout, Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_first_session_may_be_waited_for_tried_or_left_to_the_background() {
        assert_eq!(settings("pool.init_fail_timeout_ms=-1").pool.init_fail, InitFail::Background);
        assert_eq!(settings("pool.init_fail_timeout_ms=0").pool.init_fail, InitFail::OnlyIfRefused);
        assert_eq!(settings("").pool.init_fail, InitFail::After(Duration::from_millis(1)));
    }
}
