//! What the engines' own functions do. A function that is not here may do anything: it is the user's own,
//! or has an effect besides its result.
//!
//! Sources: PostgreSQL 15 `pg_proc` (determinate: every variant immutable, or stable only because it reads
//! settings that travel with an entry, such as the time zone), MariaDB 10.11
//! `information_schema.SQL_FUNCTIONS` and its manual, SQLite `pragma_function_list` and its manual.
//! Left out of the determinate ones, though the engines call some of them so: what is computed by the C
//! library's mathematics (`exp`, `ln`, `power`, `sin` …), which two machines may round differently, and what
//! depends on a locale's names for months, days and money.

use crate::link::Engine;

/// What calling a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Gives the same result for the same arguments, on every node.
    Determinate,
    /// SQLite's date functions: determinate for given times, not for `'now'` or local time.
    Dates,
    /// Gives the time.
    Clock,
    /// Changes nothing, but may give another result on another node.
    Reads,
    /// Takes or gives back an advisory lock.
    Locks,
    /// Draws a number from a sequence.
    Sequence,
}

/// What the engine's function of this name does; `None`: not known. The name is in lower case.
pub(super) fn effect(engine: Engine, name: &str) -> Option<Effect> {
    let found = |table: &[&str]| table.binary_search(&name).is_ok();
    let (determinate, clock, reads, locks): (&[&str], &[&str], &[&str], &[&str]) = match engine {
        Engine::Postgres => (POSTGRES_DETERMINATE, POSTGRES_CLOCK, POSTGRES_READS, POSTGRES_LOCKS),
        Engine::MariaDb => (MARIADB_DETERMINATE, MARIADB_CLOCK, MARIADB_READS, MARIADB_LOCKS),
        Engine::Sqlite => (SQLITE_DETERMINATE, SQLITE_CLOCK, SQLITE_READS, &[]),
    };
    match name {
        _ if found(determinate) => Some(Effect::Determinate),
        _ if found(clock) => Some(Effect::Clock),
        _ if found(reads) => Some(Effect::Reads),
        _ if engine == Engine::Sqlite && found(SQLITE_DATES) => Some(Effect::Dates),
        // The table-valued pragmas exist only for pragmas without side effects.
        _ if engine == Engine::Sqlite && name.starts_with("pragma_") => Some(Effect::Reads),
        _ if found(locks) => Some(Effect::Locks),
        "nextval" if engine != Engine::Sqlite => Some(Effect::Sequence),
        _ => None,
    }
}

/// PostgreSQL: the same result for the same arguments.
#[rustfmt::skip]
static POSTGRES_DETERMINATE: &[&str] = &[
    "abs", "array", "array_append", "array_cat", "array_fill", "array_length", "array_lower",
    "array_ndims", "array_position", "array_positions", "array_prepend", "array_remove",
    "array_replace", "array_to_json", "array_to_string", "array_upper", "ascii", "bit_count",
    "bit_length", "btrim", "cardinality", "cast", "ceil", "ceiling", "char_length", "character_length",
    "chr", "coalesce", "concat", "concat_ws", "date", "date_bin", "date_part", "date_trunc",
    "daterange", "decode", "div", "encode", "extract", "factorial", "floor", "gcd", "get_bit",
    "get_byte", "greatest", "initcap", "int4range", "int8range", "isfinite", "json_array_length",
    "json_build_array", "json_build_object", "json_extract_path", "json_extract_path_text",
    "json_object", "json_strip_nulls", "json_typeof", "jsonb_array_length", "jsonb_build_array",
    "jsonb_build_object", "jsonb_exists", "jsonb_exists_all", "jsonb_exists_any", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert",
    "jsonb_object", "jsonb_pretty", "jsonb_set", "jsonb_set_lax", "jsonb_strip_nulls", "jsonb_typeof",
    "justify_days", "justify_hours", "justify_interval", "lcm", "least", "left", "length", "lower",
    "lower_inc", "lower_inf", "lpad", "ltrim", "make_date", "make_interval", "make_time",
    "make_timestamp", "make_timestamptz", "md5", "min_scale", "mod", "normalize", "nullif",
    "num_nonnulls", "num_nulls", "numrange", "octet_length", "overlay", "position", "quote_ident",
    "quote_literal", "quote_nullable", "regexp_count", "regexp_instr", "regexp_like", "regexp_match",
    "regexp_replace", "regexp_split_to_array", "regexp_substr", "repeat", "replace", "reverse", "right",
    "round", "row", "rpad", "rtrim", "scale", "set_bit", "set_byte", "sha224", "sha256", "sha384",
    "sha512", "sign", "split_part", "sqrt", "starts_with", "string_to_array", "strpos", "substr",
    "substring", "timezone", "to_hex", "to_json", "to_jsonb", "translate", "treat", "trim",
    "trim_array", "trim_scale", "trunc", "tsrange", "tstzrange", "upper", "upper_inc", "upper_inf",
    "width_bucket",
];

/// PostgreSQL: what time it is.
#[rustfmt::skip]
static POSTGRES_CLOCK: &[&str] = &[
    "age", "clock_timestamp", "current_date", "current_time", "current_timestamp", "localtime",
    "localtimestamp", "now", "statement_timestamp", "timeofday", "transaction_timestamp",
];

/// PostgreSQL: reads only, but may give another value on another node.
#[rustfmt::skip]
static POSTGRES_READS: &[&str] = &[
    "acos", "acosd", "acosh", "array_agg", "array_dims", "asin", "asind", "asinh", "atan", "atan2",
    "atan2d", "atand", "atanh", "avg", "bigint", "binary", "bit", "bit_and", "bit_or", "bit_xor",
    "blob", "bool", "bool_and", "bool_or", "boolean", "bpchar", "bytea", "cbrt", "char", "character",
    "col_description", "corr", "cos", "cosd", "cosh", "cot", "cotd", "count", "covar_pop", "covar_samp",
    "cube", "cume_dist", "current_catalog", "current_database", "current_query", "current_role",
    "current_schema", "current_schemas", "current_setting", "current_user", "currval", "datetime",
    "dec", "decimal", "degrees", "dense_rank", "double", "enum_first", "enum_last", "enum_range",
    "every", "exp", "first_value", "float", "format", "format_type", "gen_random_uuid",
    "generate_series", "generate_subscripts", "getdatabaseencoding", "grouping",
    "has_any_column_privilege", "has_column_privilege", "has_database_privilege",
    "has_function_privilege", "has_language_privilege", "has_schema_privilege",
    "has_sequence_privilege", "has_server_privilege", "has_table_privilege", "has_tablespace_privilege",
    "has_type_privilege", "host", "hostmask", "inet_client_addr", "inet_client_port",
    "inet_server_addr", "inet_server_port", "int", "integer", "interval", "is_normalized", "json_agg",
    "json_array", "json_array_elements", "json_array_elements_text", "json_each", "json_each_text",
    "json_exists", "json_object_agg", "json_object_keys", "json_populate_record",
    "json_populate_recordset", "json_query", "json_scalar", "json_serialize", "json_table",
    "json_to_record", "json_to_recordset", "json_value", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_agg",
    "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_exists_tz", "jsonb_path_match",
    "jsonb_path_match_tz", "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_array_tz",
    "jsonb_path_query_first", "jsonb_path_query_first_tz", "jsonb_path_query_tz",
    "jsonb_populate_record", "jsonb_populate_recordset", "jsonb_to_record", "jsonb_to_recordset", "lag",
    "last_value", "lastval", "lead", "ln", "log", "log10", "masklen", "max", "merge_action", "min",
    "mode", "mxid_age", "nchar", "netmask", "network", "nth_value", "ntile", "number", "numeric",
    "nvarchar", "obj_description", "parse_ident", "percent_rank", "percentile_cont", "percentile_disc",
    "pg_backend_pid", "pg_blocking_pids", "pg_client_encoding", "pg_collation_for",
    "pg_column_compression", "pg_column_size", "pg_conf_load_time", "pg_current_logfile",
    "pg_current_snapshot", "pg_current_wal_flush_lsn", "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn", "pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_database_size",
    "pg_describe_object", "pg_encoding_to_char", "pg_function_is_visible", "pg_get_constraintdef",
    "pg_get_expr", "pg_get_function_arguments", "pg_get_function_identity_arguments",
    "pg_get_function_result", "pg_get_functiondef", "pg_get_indexdef", "pg_get_keywords",
    "pg_get_partkeydef", "pg_get_ruledef", "pg_get_serial_sequence", "pg_get_statisticsobjdef",
    "pg_get_triggerdef", "pg_get_userbyid", "pg_get_viewdef", "pg_has_role", "pg_identify_object",
    "pg_indexes_size", "pg_is_in_recovery", "pg_is_other_temp_schema", "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp", "pg_listening_channels",
    "pg_lock_status", "pg_my_temp_schema", "pg_opclass_is_visible", "pg_operator_is_visible",
    "pg_options_to_table", "pg_partition_ancestors", "pg_partition_root", "pg_partition_tree",
    "pg_postmaster_start_time", "pg_relation_filenode", "pg_relation_filepath", "pg_relation_size",
    "pg_safe_snapshot_blocking_pids", "pg_sequence_last_value", "pg_sequence_parameters",
    "pg_show_all_settings", "pg_size_bytes", "pg_size_pretty", "pg_sleep", "pg_sleep_for",
    "pg_sleep_until", "pg_stat_get_activity", "pg_table_is_visible", "pg_table_size",
    "pg_tablespace_location", "pg_tablespace_size", "pg_timezone_abbrevs", "pg_timezone_names",
    "pg_total_relation_size", "pg_trigger_depth", "pg_type_is_visible", "pg_typeof",
    "pg_visible_in_snapshot", "pg_wal_lsn_diff", "pg_walfile_name", "pg_xact_commit_timestamp",
    "pg_xact_status", "phraseto_tsquery", "pi", "plainto_tsquery", "pow", "power", "radians", "random",
    "range_agg", "range_merge", "rank", "real", "regclass", "regexp_matches", "regexp_split_to_table",
    "regproc", "regprocedure", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
    "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "rollup", "row_number", "row_security_active",
    "row_to_json", "session_user", "setweight", "shobj_description", "signed", "sin", "sind", "sinh",
    "smallint", "stddev", "stddev_pop", "stddev_samp", "string_agg", "string_to_table", "strip", "sum",
    "system_user", "tan", "tand", "tanh", "text", "time", "timestamp", "timestamptz", "timetz",
    "tinyint", "to_ascii", "to_char", "to_date", "to_number", "to_regclass", "to_regnamespace",
    "to_regproc", "to_regprocedure", "to_regrole", "to_regtype", "to_timestamp", "to_tsquery",
    "to_tsvector", "ts_debug", "ts_delete", "ts_filter", "ts_headline", "ts_lexize", "ts_rank",
    "ts_rank_cd", "tsvector_to_array", "txid_current", "txid_current_if_assigned",
    "txid_current_snapshot", "txid_snapshot_xip", "txid_snapshot_xmax", "txid_snapshot_xmin",
    "txid_status", "txid_visible_in_snapshot", "unistr", "unnest", "unsigned", "user", "uuid",
    "var_pop", "var_samp", "varbinary", "varbit", "varchar", "variance", "varying", "version",
    "websearch_to_tsquery", "xml_is_well_formed", "xml_is_well_formed_content",
    "xml_is_well_formed_document", "xmlagg", "xmlattributes", "xmlcomment", "xmlconcat", "xmlelement",
    "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot", "xmlserialize",
    "xmltable", "xpath", "xpath_exists", "year",
];

/// PostgreSQL: advisory locks.
#[rustfmt::skip]
static POSTGRES_LOCKS: &[&str] = &[
    "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
    "pg_try_advisory_lock", "pg_try_advisory_lock_shared", "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
];

/// MariaDB: the same result for the same arguments.
#[rustfmt::skip]
static MARIADB_DETERMINATE: &[&str] = &[
    "abs", "add_months", "adddate", "addtime", "ascii", "bin", "binary", "bit_count", "bit_length",
    "cast", "ceil", "ceiling", "char", "char_length", "character_length", "chr", "coalesce", "concat",
    "concat_ws", "conv", "convert", "crc32", "date", "date_add", "date_sub", "datediff", "day",
    "dayofmonth", "dayofweek", "dayofyear", "elt", "extract", "field", "find_in_set", "floor",
    "from_base64", "from_days", "greatest", "hex", "hour", "if", "ifnull", "inet6_aton", "inet6_ntoa",
    "inet_aton", "inet_ntoa", "insert", "instr", "interval", "is_ipv4", "is_ipv6", "isnull",
    "json_array", "json_array_append", "json_array_insert", "json_compact", "json_contains",
    "json_contains_path", "json_depth", "json_exists", "json_extract", "json_insert", "json_keys",
    "json_length", "json_merge", "json_merge_patch", "json_merge_preserve", "json_object", "json_query",
    "json_quote", "json_remove", "json_replace", "json_search", "json_set", "json_type", "json_unquote",
    "json_valid", "json_value", "last_day", "lcase", "least", "left", "length", "lengthb", "locate",
    "lower", "lpad", "ltrim", "makedate", "maketime", "md5", "microsecond", "mid", "minute", "mod",
    "month", "nullif", "nvl", "nvl2", "oct", "octet_length", "ord", "period_add", "period_diff",
    "position", "quarter", "quote", "regexp_instr", "regexp_replace", "regexp_substr", "repeat",
    "replace", "reverse", "right", "round", "rpad", "rtrim", "sec_to_time", "second", "sha", "sha1",
    "sha2", "sign", "soundex", "space", "sqrt", "strcmp", "subdate", "substr", "substring",
    "substring_index", "subtime", "time_to_sec", "timestampadd", "timestampdiff", "to_base64",
    "to_days", "to_seconds", "trim", "truncate", "ucase", "unhex", "upper", "value", "values",
    "weekday", "year",
];

/// MariaDB: what time it is.
#[rustfmt::skip]
static MARIADB_CLOCK: &[&str] = &[
    "curdate", "current_date", "current_time", "current_timestamp", "curtime", "localtime",
    "localtimestamp", "now", "sysdate", "unix_timestamp", "utc_date", "utc_time", "utc_timestamp",
];

/// MariaDB: reads only, but may give another value on another node.
#[rustfmt::skip]
static MARIADB_READS: &[&str] = &[
    "acos", "aes_decrypt", "aes_encrypt", "asin", "atan", "atan2", "avg", "benchmark", "bigint", "bit",
    "bit_and", "bit_or", "bit_xor", "blob", "bool", "boolean", "bpchar", "bytea", "character",
    "coercibility", "collation", "column_add", "column_check", "column_create", "column_delete", "column_exists", "column_get",
    "column_json", "column_list", "compress", "connection_id", "convert_tz", "cos", "cot", "count",
    "crc32c", "cume_dist", "current_role", "current_user", "database", "date_format", "datetime",
    "dayname", "dec", "decimal", "decode", "default", "degrees", "dense_rank", "double", "encode",
    "encrypt", "exp", "export_set", "extractvalue", "first_value", "float", "format", "found_rows",
    "from_unixtime", "geometrycollection", "geomfromtext", "get_format", "group_concat", "int",
    "integer", "is_free_lock", "is_used_lock", "json_arrayagg", "json_detailed", "json_equals",
    "json_loose", "json_normalize", "json_objectagg", "json_overlaps", "json_pretty", "json_table",
    "lag", "last_insert_id", "last_value", "lastval", "lead", "linestring", "ln", "load_file", "log",
    "log10", "log2", "make_set", "max", "median", "min", "monthname", "name_const", "natural_sort_key",
    "nchar", "nth_value", "ntile", "number", "numeric", "nvarchar", "old_password", "password",
    "percent_rank", "percentile_cont", "percentile_disc", "pi", "point", "polygon", "pow", "power",
    "procedure", "radians", "rand", "random_bytes", "rank", "real", "rollup", "row", "row_count",
    "row_number", "schema", "session_user", "sformat", "signed", "sin", "sleep", "smallint", "st_area",
    "st_asbinary", "st_asgeojson", "st_astext", "st_aswkb", "st_buffer", "st_centroid", "st_contains",
    "st_crosses", "st_difference", "st_distance", "st_distance_sphere", "st_dwithin", "st_equals",
    "st_geomfromtext", "st_geomfromwkb", "st_intersection", "st_intersects", "st_length", "st_overlaps",
    "st_pointfromtext", "st_srid", "st_touches", "st_within", "st_x", "st_y", "std", "stddev",
    "stddev_pop", "stddev_samp", "str_to_date", "sum", "sys_guid", "system_user", "tan", "text", "time",
    "time_format", "timediff", "timestamp", "timestamptz", "timetz", "tinyint", "to_char", "uncompress",
    "uncompressed_length", "unsigned", "updatexml", "user", "uuid", "uuid_short", "var_pop", "var_samp",
    "varbinary", "varbit", "varchar", "variance", "varying", "version", "week", "weekofyear",
    "yearweek",
];

/// MariaDB: advisory locks.
#[rustfmt::skip]
static MARIADB_LOCKS: &[&str] = &[
    "get_lock", "release_all_locks", "release_lock",
];

/// SQLite: the same result for the same arguments.
#[rustfmt::skip]
static SQLITE_DETERMINATE: &[&str] = &[
    "abs", "cast", "ceil", "ceiling", "char", "coalesce", "concat", "concat_ws", "floor", "format",
    "glob", "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_length",
    "json_extract", "json_insert", "json_object", "json_patch", "json_quote", "json_remove",
    "json_replace", "json_set", "json_type", "json_valid", "length", "like", "likelihood", "likely",
    "lower", "ltrim", "max", "min", "mod", "nullif", "octet_length", "printf", "quote", "replace",
    "round", "rtrim", "sign", "soundex", "sqrt", "substr", "substring", "trim", "trunc", "typeof",
    "unhex", "unicode", "unlikely", "upper", "zeroblob",
];

/// SQLite: determinate unless asked for the current time.
#[rustfmt::skip]
static SQLITE_DATES: &[&str] = &[
    "date", "datetime", "julianday", "strftime", "time", "timediff", "unixepoch",
];

/// SQLite: what time it is.
#[rustfmt::skip]
static SQLITE_CLOCK: &[&str] = &[
    "current_date", "current_time", "current_timestamp",
];

/// SQLite: reads only, but may give another value on another node.
#[rustfmt::skip]
static SQLITE_READS: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "bigint", "binary", "bit",
    "blob", "bm25", "bool", "boolean", "bpchar", "bytea", "changes", "character", "cos", "cosh",
    "count", "cume_dist", "dec", "decimal", "decimal_add", "decimal_cmp", "decimal_mul", "decimal_sub",
    "decimal_sum", "degrees", "dense_rank", "double", "exp", "first_value", "float", "generate_series",
    "group_concat", "highlight", "int", "integer", "interval", "json_each", "json_error_position",
    "json_group_array", "json_group_object", "json_pretty", "json_tree", "jsonb", "jsonb_array",
    "jsonb_extract", "jsonb_object", "jsonb_set", "lag", "last_insert_rowid", "last_value", "lead",
    "ln", "log", "log10", "log2", "match", "matchinfo", "nchar", "nth_value", "ntile", "number",
    "numeric", "nvarchar", "offsets", "percent_rank", "pi", "pow", "power", "radians", "raise",
    "random", "randomblob", "rank", "real", "regexp", "regexpi", "row_number", "sha3", "signed", "sin",
    "sinh", "smallint", "snippet", "sqlite_compileoption_get", "sqlite_compileoption_used",
    "sqlite_offset", "sqlite_source_id", "sqlite_version", "string_agg", "sum", "tan", "tanh", "text",
    "timestamp", "timestamptz", "timetz", "tinyint", "total", "total_changes", "unsigned", "uuid",
    "varbinary", "varbit", "varchar", "varying", "year",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_each_name_stands_in_one() {
        let engines: [&[&[&str]]; 3] = [
            &[POSTGRES_DETERMINATE, POSTGRES_CLOCK, POSTGRES_READS, POSTGRES_LOCKS],
            &[MARIADB_DETERMINATE, MARIADB_CLOCK, MARIADB_READS, MARIADB_LOCKS],
            &[SQLITE_DETERMINATE, SQLITE_DATES, SQLITE_CLOCK, SQLITE_READS],
        ];
        for tables in engines {
            let mut all: Vec<&str> = Vec::new();
            for table in tables {
                assert!(table.windows(2).all(|w| w[0] < w[1]), "{table:?}");
                all.extend(*table);
            }
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count);
        }
    }

    #[test]
    fn what_writes_or_runs_other_statements_is_not_known() {
        for name in [
            "setval",
            "set_config",
            "query_to_xml",
            "lo_create",
            "dblink_exec",
            "pg_terminate_backend",
            "pg_notify",
        ] {
            assert_eq!(effect(Engine::Postgres, name), None, "{name}");
        }
        for name in ["load_extension", "writefile", "fts3_tokenizer", "edit"] {
            assert_eq!(effect(Engine::Sqlite, name), None, "{name}");
        }
        for name in ["setval", "sys_exec", "master_pos_wait"] {
            assert_eq!(effect(Engine::MariaDb, name), None, "{name}");
        }
    }
}
