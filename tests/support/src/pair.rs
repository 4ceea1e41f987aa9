//! Two databases for one test: on shared servers, or on servers that the test may harm.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::Engine;
use crate::compare;
use crate::definitions;
use crate::node::Node;
use crate::server::{Server, Settings};
use crate::sqlite::SqliteFile;

pub struct Pair {
    // In this order: the nodes go before the turn is given to the next test.
    pub master: Node,
    pub mirror: Node,
    name: String,
    _turn: Option<Turn>,
}

/// The right to harm servers of one engine: see [`Pair::private`].
struct Turn {
    engine: Engine,
    _guard: MutexGuard<'static, ()>,
}

thread_local! {
    /// Engines whose turn this thread has, a bit each: asking twice would wait for ever.
    static HELD: Cell<u8> = const { Cell::new(0) };
}

impl Turn {
    fn take(engine: Engine) -> Turn {
        static TURNS: [Mutex<()>; 3] = [const { Mutex::new(()) }; 3];
        let bit = 1 << engine as u8;
        assert!(HELD.get() & bit == 0, "a test has one private pair of an engine: {engine}");
        let guard = TURNS[engine as usize].lock().unwrap_or_else(PoisonError::into_inner);
        HELD.set(HELD.get() | bit);
        Turn { engine, _guard: guard }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HELD.set(HELD.get() & !(1 << self.engine as u8));
    }
}

impl Pair {
    /// Two fresh databases on the servers of this test binary, which start with the first who asks.
    pub fn shared(engine: Engine, test: &str) -> Pair {
        let database = database_name(test);
        let [master, mirror] = match shared_servers(engine) {
            None => sqlite_nodes(test),
            Some([a, b]) => [
                Node::on("master", a.clone(), &database, false),
                Node::on("mirror", b.clone(), &database, false),
            ],
        };
        Pair { master, mirror, name: test.to_owned(), _turn: None }
    }

    /// Two servers of its own. One such pair at a time for each engine: outages have deadlines, and a machine
    /// with few cores would miss them.
    pub fn private(engine: Engine, test: &str) -> Pair {
        Pair::private_with(engine, test, &Settings::default())
    }

    pub fn private_with(engine: Engine, test: &str, settings: &Settings) -> Pair {
        let turn = Turn::take(engine);
        let [master, mirror] = if engine.has_server() {
            let [a, b] = start_two(engine, settings);
            let database = database_name(test);
            [Node::on("master", a, &database, true), Node::on("mirror", b, &database, true)]
        } else {
            sqlite_nodes(test)
        };
        Pair { master, mirror, name: test.to_owned(), _turn: Some(turn) }
    }

    /// Two fresh databases on the servers of this pair, which must live at least as long.
    pub fn another(&self, test: &str) -> Pair {
        let database = database_name(test);
        let [master, mirror] = self.nodes().map(|node| node.another(&database));
        Pair { master, mirror, name: test.to_owned(), _turn: None }
    }

    pub fn engine(&self) -> Engine {
        self.master.engine()
    }

    /// The name of the test.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn nodes(&self) -> [&Node; 2] {
        [&self.master, &self.mirror]
    }

    /// The same SQL on both nodes, past the pool: how a test makes its tables.
    #[track_caller]
    pub fn sql_on_both(&self, sql: &str) {
        self.nodes().iter().for_each(|node| drop(node.sql(sql)));
    }

    /// Chooses a word by engine: `pair.pick("BLOB", "BYTEA", "LONGBLOB")`.
    pub fn pick<'a>(&self, sqlite: &'a str, postgres: &'a str, mariadb: &'a str) -> &'a str {
        match self.engine() {
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
            Engine::MariaDb => mariadb,
        }
    }

    /// Compares all tables row by row, except those of twinpool itself, and fails with the first differences.
    #[track_caller]
    pub fn assert_equal(&self) {
        let found = self.differences();
        assert!(found.is_empty(), "{}: the databases differ:\n{}", self.engine(), found.join("\n"));
    }

    /// Compares what both are made of beside their rows: indexes, views, triggers and the like.
    #[track_caller]
    pub fn assert_same_definitions(&self) {
        let found = self.definition_differences();
        assert!(found.is_empty(), "{}: the databases differ:\n{}", self.engine(), found.join("\n"));
    }

    /// What [`Pair::assert_same_definitions`] would complain about, a line each.
    #[track_caller]
    pub fn definition_differences(&self) -> Vec<String> {
        definitions::differences(&self.master, &self.mirror)
    }

    /// What [`Pair::assert_equal`] would complain about, a line each.
    #[track_caller]
    pub fn differences(&self) -> Vec<String> {
        compare::differences(&self.master, &self.mirror)
    }
}

/// Runs a test's body on shared servers: what `on_all_engines!` calls.
pub fn run_shared(engine: Engine, test: &str, body: fn(&Pair)) {
    body(&Pair::shared(engine, test));
}

/// Runs a test's body on servers of its own: what `on_own_servers!` calls.
pub fn run_private(engine: Engine, test: &str, body: fn(&Pair)) {
    body(&Pair::private(engine, test));
}

fn sqlite_nodes(test: &str) -> [Node; 2] {
    [Node::file("master", SqliteFile::create(test)), Node::file("mirror", SqliteFile::create(test))]
}

fn shared_servers(engine: Engine) -> Option<&'static [Arc<Server>; 2]> {
    static POSTGRES: OnceLock<[Arc<Server>; 2]> = OnceLock::new();
    static MARIADB: OnceLock<[Arc<Server>; 2]> = OnceLock::new();
    let servers = match engine {
        Engine::Sqlite => return None,
        Engine::Postgres => &POSTGRES,
        Engine::MariaDb => &MARIADB,
    };
    Some(servers.get_or_init(|| start_two(engine, &Settings::default())))
}

fn start_two(engine: Engine, settings: &Settings) -> [Arc<Server>; 2] {
    let label = |side| format!("{engine}-{side}");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| Arc::new(Server::start(engine, &label("mirror"), settings)));
        let one = Arc::new(Server::start(engine, &label("master"), settings));
        match other.join() {
            Ok(other) => [one, other],
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Short enough for both servers (63 and 64 characters), and different for two tests of one name.
fn database_name(test: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let clean = test.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    let clean: String = clean.take(50).collect();
    format!("{clean}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
