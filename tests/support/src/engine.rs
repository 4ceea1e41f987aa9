//! The three engines every behaviour is tested on.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

impl Engine {
    pub const ALL: [Engine; 3] = [Engine::Sqlite, Engine::Postgres, Engine::MariaDb];

    pub fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
            Engine::MariaDb => "mariadb",
        }
    }

    /// Engines with a server process: all but SQLite.
    pub fn has_server(self) -> bool {
        self != Engine::Sqlite
    }

    pub fn quote_ident(self, name: &str) -> String {
        match self {
            Engine::MariaDb => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Text as a literal, for names of tables and the like (not for arbitrary bytes).
    pub fn quote_text(self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self {
            Engine::MariaDb => format!("'{}'", doubled.replace('\\', "\\\\")),
            _ => format!("'{doubled}'"),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
