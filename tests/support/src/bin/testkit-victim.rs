//! Starts servers and waits to be killed: the subject of `a_killed_test_process_leaves_nothing_behind`.

use std::io::Write;

use twinpool_testkit::{Engine, Pair};

/// Prints the folder of this process and the pids of its servers. One server is stopped, one file locked.
fn main() {
    let postgres = Pair::private(Engine::Postgres, "victim");
    let mariadb = Pair::private(Engine::MariaDb, "victim");
    let files = Pair::private(Engine::Sqlite, "victim");
    postgres.mirror.stop();
    files.mirror.stop();
    let pids = postgres.nodes().into_iter().chain(mariadb.nodes()).filter_map(|n| n.server()?.pid());
    let pids: Vec<String> = pids.map(|pid| pid.to_string()).collect();
    let folder = files.mirror.path().and_then(|p| Some(p.parent()?.parent()?.to_owned()));
    println!("{} {}", folder.unwrap_or_default().display(), pids.join(" "));
    let _ = std::io::stdout().flush();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
