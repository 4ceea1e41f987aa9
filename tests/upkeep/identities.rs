//! Promise 7: two databases that do not belong together are refused, whatever is wrong with them.

use twinpool::{Status, TwinPool};
use twinpool_testkit::{Node, Pair, on_all_engines};

use crate::common::*;

#[track_caller]
fn refused(master: &Node, mirror: &Node, words: &str) {
    // Spelled otherwise, so that one database under two names comes as far as this.
    let mirror = mirror.connection_string().replacen("Driver=", "DRIVER=", 1);
    let options = options_of("mismatch", &master.connection_string(), &mirror, &[]);
    let error = TwinPool::open(&build(&options)).map(close).unwrap_err();
    assert_eq!(error.status(), Status::NotAPair, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

on_all_engines! {
    fn nodes_of_different_pairs_are_refused(pair: &Pair) {
        let other = Pair::shared(pair.engine(), "another_pair");
        let fresh = Pair::shared(pair.engine(), "a_fresh_pair");
        for p in [pair, &other, &fresh] {
            make_items(p);
        }
        for p in [pair, &other] {
            let pool = open(p);
            assert_eq!(insert(&mut acquire(&pool), 1).unwrap(), Status::Ok);
            // A mirror that was used keeps positions.
            pool.detach().unwrap();
            insert(&mut acquire(&pool), 2).unwrap();
            pool.attach().unwrap();
            settle(p, &pool);
            pool.detach().unwrap();
            close(pool);
        }
        refused(&pair.master, &other.mirror, "do not belong together");
        refused(&other.master, &pair.mirror, "do not belong together");
        refused(&pair.master, &other.master, "do not belong together");
        refused(&pair.master, &fresh.mirror, "the mirror has no tables of ours");
        refused(&fresh.master, &pair.mirror, "the mirror of another master");
        refused(&fresh.master, &pair.master, "exchange the connection strings");
        refused(&pair.mirror, &pair.master, "exchange the connection strings");
        refused(&fresh.master, &fresh.master, "the same database");
        // Nothing was touched by all that.
        for p in [pair, &other] {
            let pool = open(p);
            pool.attach().unwrap();
            settle(p, &pool);
            close(pool);
            p.assert_equal();
        }
        close(open(&fresh));
    }
}
