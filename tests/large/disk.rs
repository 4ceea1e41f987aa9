//! The files of large values: nothing is left of them, and a disk without room harms nothing.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use twinpool_testkit::{Engine, Folder, Pair, on_all_engines};

use crate::common::wait_for;
use crate::host::{Given, OK, Source};
use crate::{make_tables, open, turn};

const INSERT: &str = "INSERT INTO big (id, raw) VALUES (?, ?)";

/// Files of this process in a folder: with a name, or without one and open or mapped.
fn files_in(folder: &Path, process: &str) -> usize {
    let named = std::fs::read_dir(folder).unwrap().count();
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let open =
        open.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok()).filter(|to| to.starts_with(folder));
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mapped = maps.lines().filter(|line| line.contains(folder.to_str().unwrap()));
    named + open.count() + mapped.count()
}

/// A file system of 6 MiB; unmounted when dropped.
struct SmallDisk(String);

impl SmallDisk {
    /// None where this process may not mount.
    fn mount(path: &str) -> Option<SmallDisk> {
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs", path]).status();
        done.is_ok_and(|done| done.success()).then(|| SmallDisk(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

on_all_engines! {
    fn a_stream_that_gives_up_leaves_the_transaction_as_it_was_and_no_file(pair: &Pair) {
        let _turn = turn();
        make_tables(pair);
        let folder = Folder::new("spilled");
        let host = open(pair, &[("value.spill_folder", folder.path().to_str().unwrap())]);
        host.begin();
        assert_eq!(host.give(INSERT, 1, &mut Given::Whole(false, b"before")), Ok(OK));
        let mut source = Source::new(false, 8 << 20);
        source.give_up_at = 4 << 20;
        let e = host.give(INSERT, 2, &mut Given::Stream(source)).unwrap_err();
        assert!(e.contains("parameter 2 gave up (-5)"), "{e}");
        assert_eq!(files_in(folder.path(), "self"), 0);
        assert_eq!(host.give(INSERT, 3, &mut Given::Stream(Source::new(false, 2 << 20))), Ok(OK));
        assert!(files_in(folder.path(), "self") > 0, "until the commit the mirror may need it again");
        assert_eq!(host.commit(), Ok(OK));
        for node in pair.nodes() {
            assert_eq!(node.count("SELECT sum(id) FROM big"), 4);
        }
        host.close();
        assert_eq!(files_in(folder.path(), "self"), 0);
    }

    fn a_disk_without_room_is_an_error_and_the_transaction_goes_on(pair: &Pair) {
        let _turn = turn();
        let folder = Folder::new("small-disk");
        let path = folder.path().to_str().unwrap();
        let Some(_disk) = SmallDisk::mount(path) else {
            println!("no small disk: this process may not mount");
            return;
        };
        make_tables(pair);
        let host = open(pair, &[("value.spill_folder", path)]);
        host.begin();
        assert_eq!(host.give(INSERT, 1, &mut Given::Whole(false, b"before")), Ok(OK));
        for mut value in [
            Given::Stream(Source::new(false, 20 << 20)),
            Given::Pieces(Source::new(false, 20 << 20), 1 << 20),
            Given::Whole(false, &vec![1; 20 << 20]),
        ] {
            let e = host.give(INSERT, 2, &mut value).unwrap_err();
            assert!(e.contains(path) && e.contains("No space left") && e.contains("value.spill_folder"), "{e}");
        }
        assert_eq!(host.give(INSERT, 3, &mut Given::Stream(Source::new(false, 2 << 20))), Ok(OK));
        assert_eq!(host.commit(), Ok(OK));
        // What is read has no room either: the transaction goes on all the same.
        let length = pair.pick("zeroblob(20000000)", "decode(repeat('00', 20000000), 'hex')", "repeat('x', 20000000)");
        pair.sql_on_both(&format!("UPDATE big SET raw = {length} WHERE id = 1"));
        host.begin();
        let e = host.read("SELECT raw FROM big WHERE id = 1").unwrap_err();
        assert!(e.contains("No space left"), "{e}");
        assert_eq!(host.give(INSERT, 4, &mut Given::Whole(false, b"after")), Ok(OK));
        assert_eq!(host.commit(), Ok(OK));
        host.close();
        for node in pair.nodes() {
            assert_eq!(node.count("SELECT sum(id) FROM big"), 8);
        }
    }
}

/// What the child of the next test does: a stream of which half is given, and then nothing more.
#[test]
fn child() {
    let Ok(arguments) = std::env::var("TWINPOOL_TEST_CHILD") else { return };
    let [master, mirror, folder] = *arguments.split('\n').collect::<Vec<_>>() else { panic!("{arguments}") };
    let host =
        crate::host::Host::open(&[("master", master), ("mirror", mirror), ("value.spill_folder", folder)]);
    let mut source = Source::new(false, 32 << 20);
    source.half = Some(|| {
        println!("half");
        std::thread::sleep(Duration::from_secs(600));
    });
    let _ = host.give(INSERT, 1, &mut Given::Stream(source));
}

/// A process that is killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_that_is_killed_within_a_stream_leaves_no_file() {
    let _turn = turn();
    let pair = Pair::shared(Engine::Sqlite, "killed_within_a_stream");
    make_tables(&pair);
    let folder = Folder::new("killed");
    let path = folder.path().to_str().unwrap();
    let arguments =
        [pair.master.connection_string(), pair.mirror.connection_string(), path.to_owned()].join("\n");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "disk::child", "--nocapture"])
        .env("TWINPOOL_TEST_CHILD", arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let child = Killed(child);
    let process = child.0.id().to_string();
    wait_for("the file of the stream", Duration::from_secs(60), || files_in(folder.path(), &process) > 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has a name");
    drop(child);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(pair.master.count("SELECT count(*) FROM big"), 0);
}
