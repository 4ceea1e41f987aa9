//! One database of a pair, the same to use on every engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{self, Rows, as_count};
use crate::server::Server;
use crate::sqlite::{self, SqliteFile};
use crate::{Engine, mariadb, postgres};

pub struct Node {
    label: &'static str,
    place: Place,
}

enum Place {
    File(SqliteFile),
    Server { server: Arc<Server>, database: String, own: bool },
}

impl Node {
    pub(crate) fn file(label: &'static str, file: SqliteFile) -> Node {
        Node { label, place: Place::File(file) }
    }

    /// Makes the database. `own`: the server belongs to this node alone, so it may be harmed.
    pub(crate) fn on(label: &'static str, server: Arc<Server>, database: &str, own: bool) -> Node {
        let place = Place::Server { server, database: database.to_owned(), own };
        let node = Node { label, place };
        let quoted = node.engine().quote_ident(database);
        let sql = match node.engine() {
            Engine::Postgres => format!("CREATE DATABASE {quoted} TEMPLATE template0"),
            _ => format!("CREATE DATABASE {quoted} CHARACTER SET utf8mb4"),
        };
        if let Err(error) = node.run_in(node.system_database(), &sql, client::LIMIT) {
            panic!("{label}: {sql}: {error}");
        }
        node
    }

    /// A fresh database at the same place: on the same server, if there is one.
    pub(crate) fn another(&self, database: &str) -> Node {
        match &self.place {
            Place::File(_) => Node::file(self.label, SqliteFile::create(database)),
            Place::Server { server, own, .. } => Node::on(self.label, server.clone(), database, *own),
        }
    }

    /// "master" or "mirror".
    pub fn label(&self) -> &'static str {
        self.label
    }

    pub fn engine(&self) -> Engine {
        match &self.place {
            Place::File(_) => Engine::Sqlite,
            Place::Server { server, .. } => server.engine(),
        }
    }

    /// The ODBC connection string.
    pub fn connection_string(&self) -> String {
        match &self.place {
            Place::File(file) => sqlite::connection_string(file.path()),
            Place::Server { server, .. } => self.connection_string_via(server.port()),
        }
    }

    /// The same through another port of this machine, e.g. that of a [`crate::Proxy`].
    pub fn connection_string_via(&self, port: u16) -> String {
        match &self.place {
            Place::File(_) => panic!("SQLite has no port"),
            Place::Server { database, .. } if self.engine() == Engine::Postgres => {
                postgres::connection_string(port, database)
            }
            Place::Server { database, .. } => mariadb::connection_string(port, database),
        }
    }

    /// As a user who is asked for a password ("pw" is the right one). `None` on SQLite, which has none.
    pub fn connection_string_with_password(&self, password: &str) -> Option<String> {
        match &self.place {
            Place::File(_) => None,
            Place::Server { server, database, .. } => Some(match self.engine() {
                Engine::Postgres => {
                    postgres::connection_string_with_password(server.port(), database, password)
                }
                _ => mariadb::connection_string_with_password(server.port(), database, password),
            }),
        }
    }

    /// The port of the server; 0 for SQLite.
    pub fn port(&self) -> u16 {
        self.server().map_or(0, Server::port)
    }

    /// The name of the database on its server; empty for SQLite.
    pub fn database(&self) -> &str {
        match &self.place {
            Place::File(_) => "",
            Place::Server { database, .. } => database,
        }
    }

    /// The database file; `None` where there is a server.
    pub fn path(&self) -> Option<PathBuf> {
        self.sqlite().map(|file| file.path().to_owned())
    }

    pub fn sqlite(&self) -> Option<&SqliteFile> {
        match &self.place {
            Place::File(file) => Some(file),
            Place::Server { .. } => None,
        }
    }

    pub fn server(&self) -> Option<&Server> {
        match &self.place {
            Place::File(_) => None,
            Place::Server { server, .. } => Some(server),
        }
    }

    /// Runs SQL through the engine's own command-line client. Several statements are fine, of which one may
    /// give rows.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Rows {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{} {}: {error}\n  {sql}", self.engine(), self.label))
    }

    /// [`Node::sql`] for what may fail; Err is the client's message.
    pub fn try_sql(&self, sql: &str) -> Result<Rows, String> {
        self.run_in(self.database(), sql, client::LIMIT)
    }

    /// The first cell, as a number.
    #[track_caller]
    pub fn count(&self, sql: &str) -> i64 {
        as_count(&self.sql(sql))
    }

    /// The first cell of the first row.
    #[track_caller]
    pub fn value(&self, sql: &str) -> Option<String> {
        self.sql(sql).into_iter().next().and_then(|row| row.into_iter().next()).flatten()
    }

    /// The node is gone from one instant to the next. Servers: SIGKILL for the server and its backends.
    /// SQLite: the file is moved away.
    pub fn kill(&self) {
        match &self.place {
            Place::File(file) => file.away(),
            Place::Server { .. } => self.own_server().kill(),
        }
    }

    /// An orderly shutdown. SQLite: as [`Node::kill`].
    pub fn shut_down(&self) {
        match &self.place {
            Place::File(file) => file.away(),
            Place::Server { .. } => self.own_server().shut_down(),
        }
    }

    /// The node is there and does not answer. Servers: SIGSTOP. SQLite: another process holds the write lock.
    pub fn stop(&self) {
        match &self.place {
            Place::File(file) => file.lock(),
            Place::Server { .. } => self.own_server().stop(),
        }
    }

    /// Ends [`Node::stop`].
    pub fn cont(&self) {
        match &self.place {
            Place::File(file) => file.unlock(),
            Place::Server { .. } => self.own_server().cont(),
        }
    }

    /// Back with the same data at the same place, after [`Node::kill`], [`Node::shut_down`] or [`Node::stop`].
    pub fn restart(&self) {
        match &self.place {
            Place::File(file) => {
                file.unlock();
                file.back();
            }
            Place::Server { .. } => self.own_server().restart(),
        }
    }

    /// Takes a copy of what it holds now, with the server stopped for it.
    pub fn save(&self) {
        match &self.place {
            Place::File(file) => file.save(),
            Place::Server { .. } => self.own_server().save(),
        }
    }

    /// It is gone from one instant to the next, and comes back with what [`Node::save`] took.
    pub fn put_back(&self) {
        match &self.place {
            Place::File(file) => file.put_back(),
            Place::Server { .. } => self.own_server().put_back(),
        }
    }

    /// Whether a client would be served now.
    pub fn is_up(&self) -> bool {
        match &self.place {
            Place::File(file) => file.is_up(),
            Place::Server { server, .. } => server.is_up(),
        }
    }

    fn own_server(&self) -> &Server {
        match &self.place {
            Place::Server { server, own: true, .. } => server,
            _ => panic!("this server is shared with other tests: use on_own_servers! or Pair::private"),
        }
    }

    fn system_database(&self) -> &'static str {
        if self.engine() == Engine::Postgres { "postgres" } else { "mysql" }
    }

    fn run_in(&self, database: &str, sql: &str, limit: Duration) -> Result<Rows, String> {
        match &self.place {
            Place::File(file) => file.run_sql(sql, limit),
            Place::Server { server, .. } if self.engine() == Engine::Postgres => {
                postgres::run_sql(server.port(), database, sql, limit)
            }
            Place::Server { server, .. } => mariadb::run_sql(server.port(), database, sql, limit),
        }
    }
}

impl Drop for Node {
    /// Gives a shared server its room back; own servers go as a whole.
    fn drop(&mut self) {
        if let Place::Server { database, own: false, .. } = &self.place {
            let quoted = self.engine().quote_ident(database);
            let force = if self.engine() == Engine::Postgres { " WITH (FORCE)" } else { "" };
            let sql = format!("DROP DATABASE IF EXISTS {quoted}{force}");
            // MariaDB waits for metadata locks of sessions that a failed test left open: not for long.
            let _ = self.run_in(self.system_database(), &sql, Duration::from_secs(3));
        }
    }
}
