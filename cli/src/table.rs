//! Results as aligned tables.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use twinpool::link::Cursor;
use twinpool::{Block, Type, Value};

use crate::failure::Failure;
use crate::output::grouped;

/// Rows that are aligned together. A longer result comes in pieces, so that memory has a bound.
const PIECE: usize = 10_000;
/// Characters of a cell that are shown.
const CELL: usize = 1_000;
/// Bytes of a blob that are shown.
const BLOB: usize = 16;

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction('│'))
    .header_separator(LineStyle::none().fill('─').junction('┼'))
    .content_lines(ContentLineStyle::none().junction('│'));

/// A table with these headings; `right` tells which columns hold numbers.
pub fn new(headings: &[&str], right: &[bool]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(headings.iter().map(|h| cell(h)).collect::<Vec<_>>());
    for (n, right) in right.iter().enumerate() {
        if let Some(column) = table.column_mut(n).filter(|_| *right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes a table without blanks at the ends of lines.
pub fn write(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes a whole result and says how many rows it had.
pub fn write_result(out: &mut dyn Write, mut rows: Cursor) -> Result<u64, Failure> {
    let names: Vec<String> = rows.columns().iter().map(|c| c.name.clone()).collect();
    let headings: Vec<&str> = names.iter().map(String::as_str).collect();
    let right: Vec<bool> =
        rows.columns().iter().map(|c| matches!(c.kind, Type::Int | Type::Double | Type::Decimal)).collect();
    let mut total = 0u64;
    let mut block = Block::default();
    let mut more = true;
    while more {
        let mut table = new(&headings, &right);
        let mut held = 0;
        while held < PIECE {
            more = rows.next_block(1_000, &mut block)?;
            if !more {
                break;
            }
            for row in 0..block.rows {
                table.add_row(
                    (0..block.columns.len()).map(|c| show(&block.value(row, c))).collect::<Vec<_>>(),
                );
            }
            held += block.rows;
        }
        if held > 0 || total == 0 {
            write(out, &table)?;
        }
        total += held as u64;
    }
    writeln!(out, "({} {})\n", grouped(total), if total == 1 { "row" } else { "rows" })?;
    Ok(total)
}

/// A value as it stands in a cell.
pub fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Double(d) => d.to_string(),
        Value::Decimal(text) => text.clone(),
        Value::Text(text) => cell(text),
        Value::Bytes(bytes) => blob(bytes),
        Value::Large(large) => large.text().map_or_else(|| blob(large.raw()), cell),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Timestamp(timestamp) => timestamp.to_string(),
        Value::Uuid(bytes) => uuid(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn blob(bytes: &[u8]) -> String {
    match bytes.get(..BLOB) {
        Some(head) if bytes.len() > BLOB => {
            format!("x'{}…' ({} bytes)", hex(head), grouped(bytes.len() as u64))
        }
        _ => format!("x'{}'", hex(bytes)),
    }
}

fn uuid(bytes: &[u8; 16]) -> String {
    let h = hex(bytes);
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

/// Text on one line: what would break the table or steer the terminal is shown as an escape.
pub fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(CELL));
    for (n, c) in text.chars().enumerate() {
        if n == CELL {
            shown.push_str(&format!("… ({} characters)", grouped(text.chars().count() as u64)));
            break;
        }
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_control() => shown.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_on_their_line() {
        assert_eq!(cell("a\nb\tc\u{1b}[0m"), "a\\nb\\tc\\u{1b}[0m");
        assert_eq!(cell(&"é".repeat(1_200)), format!("{}… (1,200 characters)", "é".repeat(1_000)));
    }

    #[test]
    fn blobs_are_shortened_and_nothing_is_not_empty() {
        assert_eq!(show(&Value::Bytes(vec![])), "x''");
        assert_eq!(show(&Value::Bytes(vec![0, 255])), "x'00ff'");
        let long = show(&Value::Bytes(vec![0xab; 4_000]));
        assert_eq!(long, format!("x'{}…' (4,000 bytes)", "ab".repeat(16)));
        assert_eq!(show(&Value::Null), "NULL");
        assert_eq!(show(&Value::Text(String::new())), "");
        assert_eq!(show(&Value::Uuid([0x11; 16])), "11111111-1111-1111-1111-111111111111");
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let mut table = new(&["id", "name"], &[true, false]);
        table.add_row(["7", "Ærø"]);
        table.add_row(["1200", "東京"]);
        let mut out = Vec::new();
        write(&mut out, &table).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "   id │ name\n──────┼──────\n    7 │ Ærø\n 1200 │ 東京\n"
        );
    }
}
