//! What sessions are like when they come out of the pool and when they go back.

use std::time::Duration;

use twinpool::link::{Link, LinkSettings};
use twinpool::{Side, Status};
use twinpool_testkit::{Engine, on_all_engines};

use crate::common::*;

on_all_engines! {
    /// A new session needs more than a connection: it takes a slot in a table, and somebody may hold that.
    fn making_a_session_ends_by_the_pools_limit(pair: &Pair) {
        let pool = open_with(pair, &[("pool.max", "2"), ("pool.connect_timeout_ms", "3000")]);
        let first = acquire(&pool);
        let mut other = Link::open(Side::Master, &pair.master.connection_string(), &LinkSettings::default()).unwrap();
        other.begin(true).unwrap();
        if pair.engine() != Engine::Sqlite {
            other.query("SELECT pool FROM twin_pool FOR UPDATE", &[]).unwrap();
        }
        let e = pool.acquire(Some(Duration::from_secs(12))).err().expect("a session without a slot");
        assert_eq!(e.status(), Status::AcquireTimeout, "{e}");
        assert!(e.message().contains("last connect error"), "no attempt has ended: {e}");
        other.rollback().unwrap();
        let second = acquire(&pool);
        drop((first, second));
        close(pool);
    }

    /// A session that cannot be made as new is thrown away, which is no error of its release.
    fn a_session_that_is_thrown_away_is_released_without_an_error(pair: &Pair) {
        let pool = open_with(pair, &[("pool.max", "1")]);
        let mut s = acquire(&pool);
        // PostgreSQL can undo it; the others make a new session.
        let set = pair.pick("PRAGMA cache_size=4000", "SET statement_timeout=50000", "SET max_statement_time=50");
        run(&mut s, set, &[]);
        s.release().unwrap();
        let before = pool.metrics().pool.opened;
        let mut s = acquire(&pool);
        rows(&mut s, "SELECT 1", &[]);
        assert_eq!(pool.metrics().pool.opened - before, u64::from(pair.engine() != Engine::Postgres));
        assert_eq!(pool.metrics().pool.found_dead, 0);
        drop(s);
        close(pool);
    }
}
