//! The proxy, between a client made of plain sockets and a server that answers every line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use twinpool_testkit::{Direction, Engine, Pair, Proxy, eventually};

/// Answers every line with "ok", and tells which lines it got.
fn server() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut answers = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                    let _ = answers.write_all(b"ok\n");
                }
            });
        }
    });
    (port, receiver)
}

/// `None`: the connection was cut.
fn ask(stream: &mut TcpStream, line: &str) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).ok()?;
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(0) => None,
        Ok(_) => Some(answer.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some("(silence)".to_owned()),
        Err(_) => None,
    }
}

fn got(receiver: &mpsc::Receiver<String>) -> Vec<String> {
    thread::sleep(Duration::from_millis(50));
    receiver.try_iter().collect()
}

#[test]
fn the_answer_to_a_commit_is_lost_after_the_server_has_done_it() {
    let (port, receiver) = server();
    let proxy = Proxy::to(port);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    assert_eq!(ask(&mut client, "BEGIN").as_deref(), Some("ok"));
    proxy.lose_answer_to("commit");
    assert_eq!(ask(&mut client, "INSERT").as_deref(), Some("ok"));
    assert_eq!(ask(&mut client, "COMMIT"), None);
    assert_eq!(got(&receiver), ["BEGIN", "INSERT", "COMMIT"]);
    assert_eq!(proxy.struck(), 1);
    let mut again = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    assert_eq!(ask(&mut again, "COMMIT").as_deref(), Some("ok"));
}

#[test]
fn round_trips_are_counted_and_not_what_is_sent() {
    let (port, _receiver) = server();
    let proxy = Proxy::to(port);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let mut other = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    client.write_all(b"half a ").unwrap();
    thread::sleep(Duration::from_millis(50));
    assert_eq!(ask(&mut client, "line").as_deref(), Some("ok"));
    assert_eq!(proxy.asked(), 1);
    assert_eq!(ask(&mut client, "more").as_deref(), Some("ok"));
    assert_eq!(ask(&mut other, "of another").as_deref(), Some("ok"));
    assert_eq!(proxy.asked(), 3);
}

#[test]
fn a_commit_is_lost_before_the_server_sees_it() {
    let (port, receiver) = server();
    let proxy = Proxy::to(port);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    proxy.lose("COMMIT");
    assert_eq!(ask(&mut client, "INSERT").as_deref(), Some("ok"));
    assert_eq!(ask(&mut client, "commit"), None);
    assert_eq!(got(&receiver), ["INSERT"]);
}

#[test]
fn connections_are_delayed_hung_cut_and_refused() {
    let (port, receiver) = server();
    let proxy = Proxy::to(port);
    let connect = || TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let mut client = connect();

    proxy.delay(Duration::from_millis(60));
    let start = Instant::now();
    assert_eq!(ask(&mut client, "a").as_deref(), Some("ok"));
    assert!(start.elapsed() >= Duration::from_millis(120));
    proxy.heal();

    proxy.hang(true);
    assert_eq!(ask(&mut client, "b").as_deref(), Some("(silence)"));
    assert_eq!(got(&receiver), ["a"]);
    proxy.hang(false);
    eventually(Duration::from_secs(5), "the line arrives late", || receiver.try_iter().any(|l| l == "b"));
    let mut late = [0u8; 3];
    client.read_exact(&mut late).unwrap();

    proxy.cut();
    assert_eq!(ask(&mut client, "c"), None);
    proxy.refuse(true);
    assert_eq!(ask(&mut connect(), "d"), None);
    proxy.refuse(false);

    proxy.cut_after(Direction::ToServer, 3);
    assert_eq!(ask(&mut connect(), "0123456789"), None);
    assert!(got(&receiver).iter().all(|line| line.len() <= 3), "no more than three bytes arrive");
    proxy.heal();
    proxy.cut_after(Direction::ToClient, 1);
    let mut last = connect();
    assert_eq!(ask(&mut last, "e").as_deref(), Some("o"));
    assert_eq!(ask(&mut last, "f"), None);
}

#[test]
fn a_real_client_works_through_the_proxy() {
    let pair = Pair::shared(Engine::Postgres, "through_the_proxy");
    let proxy = Proxy::to(pair.master.port());
    let text = pair.master.connection_string_via(proxy.port());
    assert!(text.contains(&format!("Port={};", proxy.port())), "{text}");
    let out = std::process::Command::new("psql")
        .args([
            "-X",
            "-At",
            "-h",
            "127.0.0.1",
            "-U",
            "app",
            "-c",
            "SELECT 42",
            "-p",
            &proxy.port().to_string(),
        ])
        .arg(pair.master.database())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), "42", "{}", String::from_utf8_lossy(&out.stderr));
}
