//! Least rights: a user who has only what `twinpool init --grants` prints, and the application's own tables.

use std::time::Duration;

use twinpool::link::Engine as LinkEngine;
use twinpool::pair::tables::Tables;
use twinpool::{MirrorState, Status};
use twinpool_testkit::{Engine, Pair, eventually, on_own_servers};

use crate::common::*;
use crate::load;
use crate::workers::{Book, Worker};

/// The pair as this user reaches it; None on SQLite, which has no users.
fn as_user(pair: &Pair, user: &str) -> Option<Vec<(String, String)>> {
    let (account, make, engine) = match pair.engine() {
        Engine::Sqlite => return None,
        Engine::Postgres => (user.to_owned(), format!("CREATE ROLE {user} LOGIN"), LinkEngine::Postgres),
        Engine::MariaDb => {
            let account = format!("'{user}'@'127.0.0.1'");
            (account.clone(), format!("CREATE USER {account} IDENTIFIED BY 'pw'"), LinkEngine::MariaDb)
        }
    };
    pair.sql_on_both(&make);
    let mut grants = Tables::new(engine, "", "").grants(&account);
    for table in ["accounts", "ledger", "jobs", "steps", "items"] {
        grants.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {account}"));
    }
    pair.sql_on_both(&grants.join(";\n"));
    let reach = |s: String| s.replace("UID=app;", &format!("UID={user};"));
    let (master, mirror) = (reach(pair.master.connection_string()), reach(pair.mirror.connection_string()));
    assert!(master.contains(user));
    Some(options_of(&format!("{}-{user}", pair.name()), &master, &mirror, &[("pending.part_bytes", "2KiB")]))
}

on_own_servers! {
    fn a_user_with_the_printed_grants_can_do_all_that_the_library_does(pair: &Pair) {
        load::make(pair);
        make_items(pair);
        // Somebody else makes the tables.
        close(open(pair));
        let Some(options) = as_user(pair, "least") else { return };
        let pool = open_with(&options);
        // Direct, with a payload in parts; a process that dies and is removed; a mirror that goes and comes.
        let mut s = acquire(&pool);
        assert_eq!(insert(&mut s, 1).unwrap(), Status::Ok);
        let long = "x".repeat(150);
        s.begin().unwrap();
        for id in 10..60 {
            s.execute("INSERT INTO items (id, name) VALUES (?, ?)", &[int(id), text(&long)]).unwrap();
        }
        assert_eq!(s.commit().unwrap(), Status::Ok);
        let mut book = Book::default();
        let mut worker = Worker::start_on(pair, "load", 0, &options, 3, None);
        worker.must_say("ack", 10);
        book.add(&worker.kill());
        pair.mirror.kill();
        assert_eq!(insert(&mut s, 2).unwrap(), Status::Queued);
        s.begin().unwrap();
        for id in 110..160 {
            s.execute("INSERT INTO items (id, name) VALUES (?, ?)", &[int(id), text(&long)]).unwrap();
        }
        assert_eq!(s.commit().unwrap(), Status::Queued);
        pair.mirror.restart();
        settle(pair, &pool);
        eventually(Duration::from_secs(60), "the dead are removed", || {
            pair.master.count("SELECT COUNT(*) FROM twin_pool") == 1
        });
        // The operator's calls.
        pool.detach().unwrap();
        insert(&mut s, 3).unwrap();
        let id = pool.queue_list(10).unwrap()[0].id;
        pool.queue_skip(id).unwrap();
        pool.attach().unwrap();
        settle(pair, &pool);
        pool.queue_renumber(Duration::from_secs(20)).unwrap();
        assert_eq!(pool.verify(&mut |_, _| {}).unwrap().iter().map(|t| t.different).sum::<u64>(), 1);
        s.execute("DELETE FROM items WHERE id = 3", &[]).unwrap();
        drop(s);
        settle_or_skip(pair, &pool);
        load::check(pair, &book);
        close(pool);
        assert_eq!(pair.master.count("SELECT COUNT(*) FROM twin_pool"), 0);
    }
}

/// The row that was skipped is on the master only: its DELETE finds nothing on the mirror.
fn settle_or_skip(pair: &Pair, pool: &twinpool::TwinPool) {
    eventually(Duration::from_secs(60), "the DELETE is noticed", || {
        pool.refresh().is_ok_and(|s| s.mirror_state == MirrorState::Diverged)
    });
    let id = pool.queue_list(10).unwrap()[0].id;
    pool.queue_skip(id).unwrap();
    pool.attach().unwrap();
    settle(pair, pool);
}
