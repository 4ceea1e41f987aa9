//! The nearest known name to one that is not known.

use super::hikari;
use super::options::TABLE;

/// The option that was probably meant. Knows HikariCP's names too.
pub fn nearest(wanted: &str) -> &'static str {
    let wanted = wanted.trim();
    let plain = squeeze(wanted);
    if let Some(name) = hikari::option(|h| squeeze(h) == plain) {
        return name;
    }
    // A right last part in the wrong section, or without one, beats any misspelling.
    let last = |s: &'static str| squeeze(s.rsplit('.').next().unwrap_or(s));
    TABLE
        .iter()
        .min_by_key(|r| {
            let name = squeeze(r.name);
            let whole = distance(&plain, &name) * 2;
            let part = distance(&plain, &last(r.name)) * 2 + 1;
            // "maximum" for "max": what begins alike is nearer than its length says.
            let prefix = if common_prefix(&plain, &name) >= name.len() {
                2 + (plain.len() - name.len()) / 2
            } else {
                usize::MAX
            };
            whole.min(part).min(prefix)
        })
        .map_or("master", |r| r.name)
}

/// Letters and digits only, in lower case: `poolMax`, `pool-max` and `pool.max` are the same typo.
fn squeeze(s: &str) -> String {
    s.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(64).collect()
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count()
}

/// Edits (insert, delete, change, swap of neighbours) that lead from one text to the other.
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_option_leads_to_the_one_that_was_meant() {
        for (typo, meant) in [
            ("pool.maximum", "pool.max"),
            ("pool.maxx", "pool.max"),
            ("pool_max", "pool.max"),
            ("max", "pool.max"),
            ("Master", "master"),
            ("mastr", "master"),
            ("mirror.mod", "mirror.mode"),
            ("mirror.tiemout_ms", "mirror.timeout_ms"),
            ("acquire_timeout", "pool.acquire_timeout_ms"),
            ("pool.acquire_timeout", "pool.acquire_timeout_ms"),
            ("onunsafe", "on_unsafe"),
            ("replay.batch", "replay.batch_bytes"),
        ] {
            assert_eq!(nearest(typo), meant, "{typo}");
        }
    }

    #[test]
    fn hikaricps_names_lead_to_ours() {
        assert_eq!(nearest("maximumPoolSize"), "pool.max");
        assert_eq!(nearest("keepaliveTime"), "pool.keepalive_ms");
        assert_eq!(nearest("acquireIncrement"), "pool.acquire_increment");
        assert_eq!(nearest("jdbcUrl"), "master");
        assert_eq!(nearest("acquireRetryAttempts"), "pool.acquire_retries");
    }

    #[test]
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(distance("tiemout", "timeout"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
