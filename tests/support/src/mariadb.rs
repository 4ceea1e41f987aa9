//! MariaDB: how a data folder is made and a server started, how its client is called.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::client::{self, Rows};
use crate::folder::{Folder, mark};
use crate::process::as_server_user;
use crate::server::Launch;

pub const USER: &str = "app";
pub const PASSWORD: &str = "pw";

/// Small files, so that a copy of the data folder is quick. The log's size must be the same at every start.
const SIZES: [&str; 2] = ["--innodb-log-file-size=32M", "--innodb-data-file-path=ibdata1:12M:autoextend"];

/// A data folder made once for the process; servers start on copies.
pub fn template() -> &'static Path {
    static TEMPLATE: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, data) = TEMPLATE.get_or_init(|| {
        let folder = Folder::new("maria-template");
        folder.give_to_server();
        let data = folder.join("data");
        let mut install = Command::new("mariadb-install-db");
        install.arg("--no-defaults").arg(format!("--datadir={}", data.display())).args(SIZES);
        // Wherever TMPDIR leads, the server's user may not write there.
        install.arg(format!("--tmpdir={}", folder.path().display()));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
        as_server_user(&mut install);
        if let Err(error) = client::run(install, "", client::LIMIT) {
            panic!("mariadb-install-db: {error}");
        }
        // Run at every start: the user that tests connect as.
        let users = format!(
            "CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        );
        fs::write(data.join("init.sql"), users).expect("the new data folder can be written to");
        (folder, data)
    });
    data
}

/// Debian puts the server where an ordinary user's PATH does not look.
fn server_program() -> PathBuf {
    let places = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd", "/usr/local/bin/mariadbd"];
    places.iter().map(PathBuf::from).find(|p| p.exists()).unwrap_or_else(|| "mariadbd".into())
}

pub fn server_command(launch: &Launch<'_>) -> Command {
    let data = launch.data.display();
    let mut command = Command::new(server_program());
    command.arg("--no-defaults").arg(format!("--datadir={data}")).arg(format!("--port={}", launch.port));
    command
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--socket={data}/s"))
        .arg(format!("--pid-file={data}/pid"))
        // Its own: a server that starts removes the temporary tables it finds, those of the others too.
        .arg(format!("--tmpdir={data}"));
    command.arg(format!("--init-file={data}/init.sql")).args(SIZES);
    command.args(["--skip-name-resolve", "--max-connections=300", "--max-connect-errors=1000000"]);
    command.args(["--character-set-server=utf8mb4", "--max-allowed-packet=256M", "--loose-skip-log-bin"]);
    command.arg(format!("--innodb-buffer-pool-size={}M", launch.settings.buffers_mb));
    if !launch.settings.durable {
        // Log records go to the kernel at every commit and to the disk once a second.
        command.args(["--innodb-flush-log-at-trx-commit=2"]);
    }
    command.args(launch.settings.extra.iter().map(|option| format!("--{option}")));
    as_server_user(&mut command);
    command
}

pub fn sweep(data: &Path) {
    let _ = fs::remove_file(data.join("pid"));
    let _ = fs::remove_file(data.join("s"));
}

/// Waits for the greeting: a protocol number (10), or 255 for an error such as "too many connections".
pub fn answers(port: u16, limit: Duration) -> bool {
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        let mut head = [0u8; 5];
        stream.read_exact(&mut head)?;
        Ok(head[4])
    };
    ask().is_ok_and(|answer| answer == 10)
}

pub fn run_sql(port: u16, database: &str, sql: &str, limit: Duration) -> Result<Rows, String> {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "--default-character-set=utf8mb4"]);
    // Binary mode: no client commands and no translation of line ends inside the SQL.
    command.args(["--batch", "--xml", "--binary-mode", "--max-allowed-packet=1G"]);
    command.arg(format!("-P{port}")).arg(format!("-u{USER}")).arg(database);
    command.env("MYSQL_PWD", PASSWORD).env("TWINPOOL_MARK", mark());
    client::run(command, sql, limit).map(|text| client::parse_xml(&text))
}

pub fn connection_string(port: u16, database: &str) -> String {
    connection_string_with_password(port, database, PASSWORD)
}

pub fn connection_string_with_password(port: u16, database: &str, password: &str) -> String {
    format!(
        "Driver={{MariaDB Unicode}};Server=127.0.0.1;Port={port};Database={database};UID={USER};PWD={password};"
    )
}
