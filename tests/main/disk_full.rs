//! Promise 6: a mirror whose disk is full takes nobody down. A small file system really runs full; the work
//! goes on and is replayed when there is room again. Needs root for the mount.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use twinpool::{MirrorState, Status};
use twinpool_testkit::{Engine, Folder, on_own_servers};

use crate::common::*;

/// A file system of 6 MiB, mostly taken by one file. Unmounted when dropped.
struct SmallDisk {
    path: PathBuf,
    _folder: Folder,
}

impl SmallDisk {
    /// None where this process may not mount.
    fn mount() -> Option<SmallDisk> {
        let folder = Folder::new("small-disk");
        folder.give_to_server();
        let path = folder.path().to_owned();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m,mode=777", "tmpfs"])
            .arg(&path)
            .output()
            .ok()?;
        if !done.status.success() {
            println!("no small disk: {}", String::from_utf8_lossy(&done.stderr).trim());
            return None;
        }
        Some(SmallDisk { path, _folder: folder })
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Takes what is free but for `leave` bytes.
    fn fill(&self, leave: u64) {
        let free = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.path).output().unwrap();
        let text = String::from_utf8_lossy(&free.stdout).into_owned();
        let free: u64 = text.lines().last().unwrap().trim().parse().unwrap();
        std::fs::write(self.ballast(), vec![0; free.saturating_sub(leave) as usize]).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A server may still have files open there: lazily.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn on(path: &Path, name: &str) -> String {
    path.join(name).display().to_string()
}

on_own_servers! {
    fn a_full_disk_on_the_mirror_only_queues(pair: &Pair) {
        let Some(disk) = SmallDisk::mount() else { return };
        make_items(pair);
        let mut mirror = pair.mirror.connection_string();
        match pair.engine() {
            Engine::Sqlite => {
                mirror = format!("Driver={{SQLite3}};Database={};", on(&disk.path, "mirror.db"));
                let made = Command::new("sqlite3").arg(on(&disk.path, "mirror.db"))
                    .arg("CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name TEXT, n INTEGER NOT NULL DEFAULT 0)").status().unwrap();
                assert!(made.success());
            }
            Engine::Postgres => {
                let place = on(&disk.path, "space");
                std::fs::create_dir(&place).unwrap();
                let _ = Command::new("chown").args(["65534:65534", &place]).status();
                pair.mirror.sql(&format!("CREATE TABLESPACE small LOCATION '{place}'"));
                pair.mirror.sql("ALTER TABLE items SET TABLESPACE small");
            }
            Engine::MariaDb => {
                pair.mirror.sql("DROP TABLE items");
                pair.mirror.sql(&format!(
                    "CREATE TABLE items (id INTEGER NOT NULL PRIMARY KEY, name LONGTEXT, n INTEGER NOT NULL DEFAULT 0) DATA DIRECTORY='{}'",
                    disk.path.display()
                ));
                pair.master.sql("ALTER TABLE items MODIFY name LONGTEXT");
            }
        }
        let pool = twinpool::TwinPool::open(&options_for(pair, &pair.master.connection_string(), &mirror))
            .unwrap_or_else(|e| panic!("open: {e}"));
        let mut s = acquire(&pool);
        disk.fill(300_000);
        // Does not compress well: PostgreSQL keeps long texts packed.
        let mut rng = twinpool_testkit::Rng::new(1);
        let mut row = || -> String { (0..20_000).map(|_| char::from(b'!' + rng.below(90) as u8)).collect() };
        let mut id = 0;
        let mut first_queued = None;
        while id < 80 {
            id += 1;
            let (status, n) = run(&mut s, "INSERT INTO items (id, name, n) VALUES (?, ?, 1)", &[int(id), text(&row())]);
            assert_eq!(n, 1);
            if status == Status::Queued && first_queued.is_none() {
                first_queued = Some(id);
            }
            if first_queued.is_some_and(|f| id > f + 5) {
                break;
            }
        }
        assert!(first_queued.is_some(), "the disk never ran full");
        std::thread::sleep(Duration::from_millis(500));
        let status = pool.status();
        assert_ne!(status.mirror_state, MirrorState::Diverged, "{status:?}");
        assert!(!status.reason.is_empty() && !status.reason.contains('\n'), "{status:?}");
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM items"), id);
        disk.make_room();
        wait_in_sync(&pool);
        let compared = pool.verify(&mut |_, _| {}).unwrap();
        let items = compared.iter().find(|c| c.table == "items").unwrap();
        assert_eq!((items.master_rows, items.mirror_rows, items.different), (id as u64, id as u64, 0));
        drop(s);
        close(pool);
        // The server goes before its disk does.
        pair.mirror.shut_down();
    }
}
