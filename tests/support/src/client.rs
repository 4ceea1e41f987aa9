//! Running an engine's command-line client: input in, rows out, with a limit in time.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Rows as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// How long a client may take. A stopped server never answers; a test that asks one has a mistake.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Bytes that separate fields and records, and stand for NULL, in what clients print.
pub const FIELD: char = '\u{1f}';
pub const RECORD: char = '\u{1e}';
pub const NULL: &str = "\u{1a}";

/// The first cell as a number: what `SELECT count(*)` gives.
pub fn as_count(rows: &Rows) -> i64 {
    let cell = rows.first().and_then(|r| r.first()).and_then(|c| c.as_deref());
    cell.and_then(|t| t.parse().ok()).unwrap_or_else(|| panic!("not a number: {rows:?}"))
}

/// Runs `command` with `input` on its standard input. Err is what it wrote to standard error.
pub fn run(mut command: Command, input: &str, limit: Duration) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child =
        command.spawn().map_err(|e| format!("{program}: {e} (scripts/setup.sh test installs it)"))?;
    let (mut stdin, mut stdout, mut stderr) =
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(i), Some(o), Some(e)) => (i, o, e),
            _ => return Err(format!("{program}: no pipes")),
        };
    let input = input.to_owned();
    // A client that fails early closes its input; its own message says why.
    let writer = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let out = thread::spawn(move || read_all(&mut stdout));
    let err = thread::spawn(move || read_all(&mut stderr));
    let end = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if Instant::now() >= end => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program}: no answer within {limit:?}"));
            }
            None => thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(10));
    };
    let _ = writer.join();
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if status.success() {
        Ok(out)
    } else {
        Err(if err.trim().is_empty() { out } else { err }.trim().to_owned())
    }
}

fn read_all(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Takes apart what `psql` and `sqlite3` print with our separators. psql ends a result with a line feed
/// instead of the record separator.
pub fn parse_separated(text: &str) -> Rows {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix(RECORD).unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    let cell = |c: &str| (c != NULL).then(|| c.to_owned());
    text.split(RECORD).map(|record| record.split(FIELD).map(cell).collect()).collect()
}

/// Takes apart what `mariadb --xml` prints, the only form in which it tells NULL from the text "NULL".
pub fn parse_xml(text: &str) -> Rows {
    let mut rows = Rows::new();
    for row in text.split("<row>").skip(1) {
        let row = row.split("</row>").next().unwrap_or(row);
        let mut cells = Vec::new();
        for field in row.split("<field name=\"").skip(1) {
            // The name's own quotes are escaped, so the first one ends it.
            let rest = field.split_once('"').map_or("", |(_, rest)| rest);
            if rest.starts_with(" xsi:nil=\"true\"") {
                cells.push(None);
            } else {
                let value = rest.strip_prefix('>').and_then(|v| v.split_once("</field>"));
                cells.push(Some(unescape(value.map_or("", |(v, _)| v))));
            }
        }
        rows.push(cells);
    }
    rows
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_and_a_null_are_told_apart() {
        let rows = parse_separated("a\u{1f}\u{1f}\u{1a}\u{1e}b\u{1f}x\ny\u{1f}NULL\n");
        let cell = |t: &str| Some(t.to_owned());
        assert_eq!(rows, [vec![cell("a"), cell(""), None], vec![cell("b"), cell("x\ny"), cell("NULL")]]);
        let xml = "<row>\n\t<field name=\"a &quot;\">&lt;NULL&gt; &amp;amp;</field>\n\t<field name=\"b\" xsi:nil=\"true\" />\n</row>";
        assert_eq!(parse_xml(xml), [vec![cell("<NULL> &amp;"), None]]);
    }
}
