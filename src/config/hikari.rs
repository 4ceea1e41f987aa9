//! For those who come from HikariCP: what each of its settings is called here, or why there is none.

use std::fmt::Write;

/// What stands here for a setting of HikariCP's.
enum Here {
    /// Options, the first one first of all.
    Options(&'static [&'static str]),
    /// Something else does it, or nothing has to.
    None(&'static str),
}

use Here::{None, Options};

/// A heading, and HikariCP's names with what is here and a word on the difference.
type Part = (&'static str, &'static [(&'static str, Here, &'static str)]);

/// From the sources of HikariCP 6.0 and 7, and of 1.1 and 1.4 for what is no more.
static PARTS: &[Part] = &[
    (
        "Settings of HikariCP 6 and 7",
        &[
            (
                "dataSourceClassName",
                Options(&["master", "mirror"]),
                "`Driver=` or `DSN=` in the connection string names what connects",
            ),
            (
                "jdbcUrl",
                Options(&["master", "mirror"]),
                "a connection string of ODBC instead of a URL, one for each database",
            ),
            (
                "dataSource",
                None("connections are made by an ODBC driver, which the connection string names"),
                "",
            ),
            ("dataSourceJNDI", None("of the Java platform; a `DSN=` is a name that is looked up"), ""),
            ("driverClassName", Options(&["master", "mirror"]), "`Driver=` in the connection string"),
            ("dataSourceProperties", Options(&["master.properties", "mirror.properties"]), ""),
            ("username", Options(&["master.user", "mirror.user"]), "live"),
            ("password", Options(&["master.password", "mirror.password"]), "live"),
            (
                "credentials, credentialsProvider, credentialsProviderClassName",
                Options(&["master.user", "master.password"]),
                "set with `twin_pool_set` when they change; with a new user set the name first: attempts that fail in between are repeated",
            ),
            (
                "autoCommit",
                None("`twin_conn_set_autocommit`; connections leave the pool with autocommit on"),
                "",
            ),
            (
                "connectionTimeout",
                Options(&["pool.acquire_timeout_ms", "pool.connect_timeout_ms"]),
                "how long a caller waits, and how long one attempt to connect may take",
            ),
            ("idleTimeout", Options(&["pool.idle_timeout_ms", "pool.idle_timeout_variation"]), ""),
            ("keepaliveTime", Options(&["pool.keepalive_ms"]), "the mirror's connection is asked too"),
            ("maxLifetime", Options(&["pool.max_lifetime_ms"]), ""),
            (
                "connectionTestQuery",
                Options(&["pool.validation_query", "master.validation_query", "mirror.validation_query"]),
                "",
            ),
            (
                "minimumIdle",
                Options(&["pool.min"]),
                "counts connections in use too; HikariCP counts idle ones",
            ),
            ("maximumPoolSize", Options(&["pool.max"]), ""),
            (
                "metricRegistry, metricsTrackerFactory",
                None(
                    "figures are always kept: `twin_pool_metrics`, and `twin_pool_metrics_text` for Prometheus; `name` labels them",
                ),
                "",
            ),
            (
                "healthCheckRegistry, healthCheckProperties",
                None("`twin_pool_status` and `twin_conn_is_valid` answer at any time"),
                "",
            ),
            ("poolName", Options(&["name"]), ""),
            (
                "initializationFailTimeout",
                Options(&["pool.init_fail_timeout_ms"]),
                "the same values mean the same",
            ),
            ("isolateInternalQueries", None("validation runs outside of any transaction"), ""),
            (
                "allowPoolSuspension",
                Options(&["pool.suspension"]),
                "on unless switched off; it costs nothing",
            ),
            (
                "readOnly",
                Options(&["pool.read_only"]),
                "kept by the library: a statement that writes is refused",
            ),
            (
                "registerMbeans",
                None(
                    "of the Java platform; `twin_pool_set`, `_suspend`, `_resume`, `_evict` and `_status` do what the beans do",
                ),
                "",
            ),
            ("catalog", Options(&["pool.schema"]), "of MariaDB"),
            ("schema", Options(&["pool.schema"]), "of PostgreSQL"),
            (
                "connectionInitSql",
                Options(&["pool.init_sql", "master.init_sql", "mirror.init_sql"]),
                "several statements may be given",
            ),
            ("transactionIsolation", Options(&["pool.isolation"]), ""),
            ("validationTimeout", Options(&["pool.validation_timeout_ms"]), ""),
            (
                "leakDetectionThreshold",
                Options(&["pool.leak_threshold_ms"]),
                "instead of a stack trace: thread, time, last statement, and what `twin_conn_set_label` said",
            ),
            (
                "threadFactory",
                None(
                    "of the Java platform; the library's threads are named `twinpool-…` and block all signals",
                ),
                "",
            ),
            (
                "scheduledExecutor",
                None("of the Java platform; a pool has one keeper thread, see `pool.keeper_period_ms`"),
                "",
            ),
            (
                "exceptionOverrideClassName, exceptionOverride",
                Options(&["pool.evict_sqlstates"]),
                "a list of SQLSTATEs instead of a class",
            ),
        ],
    ),
    (
        "System properties",
        &[
            ("com.zaxxer.hikari.aliveBypassWindowMs", Options(&["pool.alive_bypass_ms"]), ""),
            (
                "com.zaxxer.hikari.blockUntilFilled",
                Options(&["pool.initial"]),
                "how many connections opening the pool waits for",
            ),
            ("com.zaxxer.hikari.enableRequestBoundaries", None("of JDBC 4.3; ODBC has no such calls"), ""),
            ("com.zaxxer.hikari.housekeeping.periodMs", Options(&["pool.keeper_period_ms"]), ""),
            (
                "com.zaxxer.hikari.minimumLoginTimeoutSecs",
                Options(&["pool.connect_timeout_ms"]),
                "a limit of its own, in milliseconds",
            ),
            (
                "com.zaxxer.hikari.legacy.supportUserPassDataSourceOverride",
                None("there is no data source that has credentials of its own"),
                "",
            ),
            (
                "com.zaxxer.hikari.lifeTimeVarianceFactor",
                None(
                    "a session's life is up to 2.5 % shorter than `pool.max_lifetime_ms`, as HikariCP's default has it",
                ),
                "",
            ),
            ("com.zaxxer.hikari.pool_number", None("pools are told apart by `name`"), ""),
            ("com.zaxxer.hikari.throwIfSuspended", Options(&["pool.suspend_fail_fast"]), ""),
            (
                "com.zaxxer.hikari.timeoutMs.floor",
                None("each option has a range; what lies outside is repaired with a warning"),
                "",
            ),
            ("com.zaxxer.hikari.useWeakReferences", None("of the Java platform"), ""),
            (
                "hikaricp.configurationFile",
                None("`twin_options_load` reads a file, `twin_options_load_env` the environment"),
                "",
            ),
        ],
    ),
    (
        "Settings of HikariCP 1.x that are no more",
        &[
            ("acquireIncrement", Options(&["pool.acquire_increment"]), ""),
            ("acquireRetries, acquireRetryAttempts", Options(&["pool.acquire_retries"]), ""),
            ("acquireRetryDelay", Options(&["pool.acquire_retry_delay_ms"]), ""),
            ("minimumPoolSize", Options(&["pool.min"]), ""),
            ("jdbc4ConnectionTest", Options(&["pool.validation"]), "`driver` is true, `query` false"),
            ("initializationFailFast", Options(&["pool.init_fail_timeout_ms"]), "`1` is true, `0` false"),
            (
                "connectionCustomizer, connectionCustomizerClassName",
                Options(&["pool.init_sql"]),
                "by statements",
            ),
            ("recordMetrics, metricsTrackerClassName", None("figures are always kept"), ""),
        ],
    ),
    (
        "Of JDBC and its drivers",
        &[
            ("networkTimeout", Options(&["statement.timeout_ms"]), ""),
            (
                "loginTimeout",
                Options(&[
                    "pool.connect_timeout_ms",
                    "master.connect_timeout_ms",
                    "mirror.connect_timeout_ms",
                ]),
                "",
            ),
            ("prepStmtCacheSize, preparedStatementCacheQueries", Options(&["statement.cache"]), ""),
        ],
    ),
];

/// The first option for the setting of HikariCP's that `is_meant`.
pub fn option(is_meant: impl Fn(&str) -> bool) -> Option<&'static str> {
    let mut rows = PARTS.iter().flat_map(|(_, rows)| rows.iter());
    rows.find_map(|(name, here, _)| match here {
        Options(names) if name.split(", ").any(&is_meant) => names.first().copied(),
        _ => Option::None,
    })
}

/// Puts the section behind the others.
pub fn write(d: &mut String) {
    d.push_str("\n## Coming from HikariCP\n");
    for (title, rows) in PARTS {
        let _ = write!(d, "\n### {title}\n\n| HikariCP | here | |\n|---|---|---|\n");
        for (name, here, note) in *rows {
            let _ = match here {
                Options(names) => writeln!(
                    d,
                    "| {name} | {} | {note} |",
                    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
                ),
                None(why) => writeln!(d, "| {name} | – | {why} |"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::find;

    #[test]
    fn every_name_given_for_a_setting_of_hikaricp_is_an_option() {
        for (hikari, here, _) in PARTS.iter().flat_map(|(_, rows)| rows.iter()) {
            if let Options(names) = here {
                assert!(!names.is_empty(), "{hikari}");
                names.iter().for_each(|n| assert!(find(n).is_some(), "{hikari}: {n}"));
            }
        }
    }
}
