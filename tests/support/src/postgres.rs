//! PostgreSQL: where it is, how a cluster is made and started, how its clients are called.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::client::{self, FIELD, NULL, RECORD, Rows};
use crate::folder::{Folder, mark};
use crate::process::as_server_user;
use crate::server::Launch;

pub const USER: &str = "app";
/// A second user, who is asked for a password: [`USER`] is trusted, which keeps connecting cheap.
pub const GUARDED_USER: &str = "guarded";
pub const PASSWORD: &str = "pw";

/// The newest version below Debian's folder, which is not on PATH; `TWINPOOL_PG_BIN` names another.
fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        if let Some(path) = std::env::var_os("TWINPOOL_PG_BIN") {
            return path.into();
        }
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let numbered =
            versions.filter_map(|e| Some((e.file_name().to_str()?.parse::<u32>().ok()?, e.path())));
        match numbered.filter(|(_, p)| p.join("bin/initdb").exists()).max() {
            Some((_, path)) => path.join("bin"),
            None => panic!("PostgreSQL is not installed: scripts/setup.sh test installs it"),
        }
    })
}

/// A cluster made once for the process; servers start on copies.
pub fn template() -> &'static Path {
    static TEMPLATE: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, data) = TEMPLATE.get_or_init(|| {
        let folder = Folder::new("pg-template");
        folder.give_to_server();
        let data = folder.join("data");
        let mut initdb = Command::new(bin().join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", USER, "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8", "-N"]);
        as_server_user(&mut initdb);
        succeed(client::run(initdb, "", client::LIMIT), "initdb");

        let hba = format!(
            "local all all trust\nhost all {GUARDED_USER} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        );
        fs::write(data.join("pg_hba.conf"), hba).expect("the new cluster can be written to");
        let mut single = Command::new(bin().join("postgres"));
        single.args(["--single", "-j", "-c", "fsync=off", "-D"]).arg(&data).arg("postgres");
        as_server_user(&mut single);
        let role = format!("CREATE ROLE {GUARDED_USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}';\n");
        succeed(client::run(single, &role, client::LIMIT), "postgres --single");
        (folder, data)
    });
    data
}

#[track_caller]
fn succeed(result: Result<String, String>, what: &str) {
    if let Err(error) = result {
        panic!("{what}: {error}");
    }
}

pub fn server_command(launch: &Launch<'_>) -> Command {
    let mut command = Command::new(bin().join("postgres"));
    command.arg("-D").arg(launch.data).arg("-p").arg(launch.port.to_string());
    let mut set = |option: String| {
        command.arg("-c").arg(option);
    };
    set("listen_addresses=127.0.0.1".into());
    set(format!("unix_socket_directories={}", launch.data.display()));
    // Shows in the titles of the backends, which carry no path: see guardian.
    set(format!("cluster_name={}", mark()));
    set("max_connections=300".into());
    set("max_prepared_transactions=20".into());
    set(format!("shared_buffers={}MB", launch.settings.buffers_mb));
    if !launch.settings.durable {
        set("fsync=off".into());
    }
    launch.settings.extra.iter().cloned().for_each(set);
    as_server_user(&mut command);
    command
}

/// Removes the files of a dead postmaster and the System V segment it could not remove itself.
pub fn sweep(data: &Path) {
    let pid_file = data.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap_or_default();
    let segment = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)?.parse::<i32>().ok());
    if let Some(id) = segment {
        // SAFETY: marks one segment for removal by its id; nobody is attached, and a stale id is refused.
        unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    }
    let _ = fs::remove_file(pid_file);
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Sends a startup packet and looks whether the server wants to go on ("R") or is still starting ("E").
pub fn answers(port: u16, limit: Duration) -> bool {
    let mut body = 196_608u32.to_be_bytes().to_vec();
    body.extend_from_slice(format!("user\0{USER}\0database\0postgres\0\0").as_bytes());
    let mut packet = (body.len() as u32 + 4).to_be_bytes().to_vec();
    packet.extend_from_slice(&body);
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(&packet)?;
        let mut first = [0u8];
        stream.read_exact(&mut first)?;
        // Terminate, so that nothing is logged as a lost connection.
        stream.write_all(&[b'X', 0, 0, 0, 4])?;
        Ok(first[0])
    };
    ask().is_ok_and(|answer| answer == b'R')
}

pub fn run_sql(port: u16, database: &str, sql: &str, limit: Duration) -> Result<Rows, String> {
    let mut psql = Command::new(bin().join("psql"));
    psql.args([
        "-X",
        "-q",
        "-A",
        "-t",
        "-h",
        "127.0.0.1",
        "-U",
        USER,
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        database,
    ]);
    psql.arg("-p").arg(port.to_string());
    psql.arg("-F").arg(FIELD.to_string()).arg("-R").arg(RECORD.to_string());
    psql.arg("-P").arg(format!("null={NULL}")).args(["-f", "-"]);
    for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS", "PGPASSWORD", "PGTZ"] {
        psql.env_remove(name);
    }
    psql.env("PGCLIENTENCODING", "UTF8").env("PGAPPNAME", mark());
    client::run(psql, sql, limit).map(|text| client::parse_separated(&text))
}

pub fn connection_string(port: u16, database: &str) -> String {
    format!("Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={port};Database={database};UID={USER};")
}

pub fn connection_string_with_password(port: u16, database: &str, password: &str) -> String {
    format!(
        "Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={port};Database={database};UID={GUARDED_USER};PWD={password};"
    )
}
