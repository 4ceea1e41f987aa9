//! Cells into columns: parsing what drivers give as text, and falling back to text where a value does not
//! fit its column's kind.

use crate::large::Bulk;
use crate::value::{Column, ColumnData, Date, Time, Timestamp, Type};

/// An empty column of a kind.
pub(crate) fn empty(kind: Type) -> Column {
    let data = match kind {
        Type::Bool => ColumnData::Bool(Vec::new()),
        Type::Int => ColumnData::Int(Vec::new()),
        Type::Double => ColumnData::Double(Vec::new()),
        Type::Date => ColumnData::Date(Vec::new()),
        Type::Time => ColumnData::Time(Vec::new()),
        Type::Timestamp => ColumnData::Timestamp(Vec::new()),
        Type::Uuid => ColumnData::Uuid(Vec::new()),
        Type::Null | Type::Decimal | Type::Text | Type::Bytes => {
            ColumnData::Var { offsets: vec![0], bytes: Bulk::new() }
        }
    };
    Column { kind, nulls: Vec::new(), data }
}

/// The same, with the memory of a used one.
pub(crate) fn clear(column: &mut Column, kind: Type) {
    column.nulls.clear();
    let fits = match (&mut column.data, kind) {
        (ColumnData::Bool(v), Type::Bool) => {
            v.clear();
            true
        }
        (ColumnData::Int(v), Type::Int) => {
            v.clear();
            true
        }
        (ColumnData::Double(v), Type::Double) => {
            v.clear();
            true
        }
        (ColumnData::Date(v), Type::Date) => {
            v.clear();
            true
        }
        (ColumnData::Time(v), Type::Time) => {
            v.clear();
            true
        }
        (ColumnData::Timestamp(v), Type::Timestamp) => {
            v.clear();
            true
        }
        (ColumnData::Uuid(v), Type::Uuid) => {
            v.clear();
            true
        }
        (ColumnData::Var { offsets, bytes }, Type::Null | Type::Decimal | Type::Text | Type::Bytes) => {
            offsets.truncate(1);
            bytes.clear();
            true
        }
        _ => false,
    };
    if fits {
        column.kind = kind;
    } else {
        *column = empty(kind);
    }
}

pub(crate) fn push_null(column: &mut Column, _row: usize) {
    column.nulls.push(1);
    match &mut column.data {
        ColumnData::Bool(v) => v.push(0),
        ColumnData::Int(v) => v.push(0),
        ColumnData::Double(v) => v.push(0.0),
        ColumnData::Date(v) => v.push(Date::default()),
        ColumnData::Time(v) => v.push(Time::default()),
        ColumnData::Timestamp(v) => v.push(Timestamp::default()),
        ColumnData::Uuid(v) => v.push([0; 16]),
        ColumnData::Var { offsets, bytes } => offsets.push(bytes.len() as i64),
    }
}

pub(crate) fn push_int(column: &mut Column, row: usize, value: i64) {
    match &mut column.data {
        ColumnData::Int(v) => {
            v.push(value);
            column.nulls.push(0);
        }
        _ => push_text(column, row, value.to_string().as_bytes()),
    }
}

pub(crate) fn push_double(column: &mut Column, row: usize, value: f64) {
    match &mut column.data {
        ColumnData::Double(v) => {
            v.push(value);
            column.nulls.push(0);
        }
        _ => push_text(column, row, value.to_string().as_bytes()),
    }
}

/// Appends a cell that came as text. What does not parse makes a text column of the block's column.
pub(crate) fn push_text(column: &mut Column, row: usize, text: &[u8]) {
    fn add<T>(v: &mut Vec<T>, value: Option<T>) -> bool {
        value.map(|x| v.push(x)).is_some()
    }
    let word = std::str::from_utf8(text).ok().map(str::trim);
    let decimal = column.kind == Type::Decimal;
    let fits = match &mut column.data {
        ColumnData::Bool(v) => add(v, word.and_then(bool_of)),
        ColumnData::Int(v) => add(v, word.and_then(|w| w.parse().ok())),
        ColumnData::Double(v) => add(v, word.and_then(double_of)),
        ColumnData::Date(v) => add(v, word.and_then(date_of)),
        ColumnData::Time(v) => add(v, word.and_then(time_of)),
        ColumnData::Timestamp(v) => add(v, word.and_then(timestamp_of)),
        ColumnData::Uuid(v) => add(v, word.and_then(uuid_of)),
        ColumnData::Var { offsets, bytes } if !decimal || word.is_some_and(is_number) => {
            bytes.extend_from_slice(text);
            offsets.push(bytes.len() as i64);
            true
        }
        ColumnData::Var { .. } => false,
    };
    if fits {
        column.nulls.push(0);
        return;
    }
    make_text(column, row);
    push_text(column, row, text);
}

/// Turns a column into text, with what is in it so far.
fn make_text(column: &mut Column, rows: usize) {
    let mut text = empty(Type::Text);
    if let ColumnData::Var { .. } = &column.data {
        column.kind = Type::Text;
        return;
    }
    if let ColumnData::Var { offsets, bytes } = &mut text.data {
        for row in 0..rows {
            if column.nulls[row] == 0 {
                let value = match &column.data {
                    ColumnData::Bool(v) => v[row].to_string(),
                    ColumnData::Int(v) => v[row].to_string(),
                    ColumnData::Double(v) => v[row].to_string(),
                    ColumnData::Date(v) => v[row].to_string(),
                    ColumnData::Time(v) => v[row].to_string(),
                    ColumnData::Timestamp(v) => v[row].to_string(),
                    ColumnData::Uuid(v) => super::dialects::uuid_text(&v[row]),
                    ColumnData::Var { .. } => String::new(),
                };
                bytes.extend_from_slice(value.as_bytes());
            }
            offsets.push(bytes.len() as i64);
        }
    }
    column.kind = Type::Text;
    column.data = text.data;
}

fn bool_of(text: &str) -> Option<u8> {
    match text {
        // MariaDB's BIT(1) is a byte.
        "0" | "f" | "false" | "\0" => Some(0),
        "1" | "t" | "true" | "\u{1}" => Some(1),
        _ => None,
    }
}

fn double_of(text: &str) -> Option<f64> {
    match text {
        // SQLite's and PostgreSQL's words.
        "Inf" | "Infinity" => Some(f64::INFINITY),
        "-Inf" | "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    text == "NaN" || double_of(text).is_some()
}

/// `n` digits at the front, and what follows.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    Some((text[..count].parse().ok()?, &text[count..]))
}

fn day(text: &str) -> Option<(Date, &str)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (year, rest) = digits(text, 4, 6)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2, 2)?;
    if month > 12 || day > 31 {
        return None;
    }
    let year = if negative { -(year as i32) } else { year as i32 };
    Some((Date { year, month: month as u8, day: day as u8, reserved: [0; 2] }, rest))
}

/// `hh:mm[:ss[.fraction]]`
fn clock(text: &str) -> Option<(Time, &str)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (1, rest),
        None => (0, text),
    };
    let (hour, rest) = digits(text, 2, 3)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest, 2, 2)?,
        None => (0, rest),
    };
    let (nanosecond, rest) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if count == 0 || count > 9 {
                return None;
            }
            let value: u32 = fraction[..count].parse().ok()?;
            (value * 10u32.pow(9 - count as u32), &fraction[count..])
        }
        None => (0, rest),
    };
    if minute > 59 || second > 60 {
        return None;
    }
    let time = Time {
        hour: hour as u16,
        minute: minute as u8,
        second: second as u8,
        negative,
        reserved: [0; 3],
        nanosecond,
    };
    Some((time, rest))
}

/// ` BC` behind a PostgreSQL date: year 1 BC is 0.
fn era(mut date: Date, rest: &str) -> Option<Date> {
    match rest {
        "" => Some(date),
        " BC" => {
            date.year = 1 - date.year;
            Some(date)
        }
        _ => None,
    }
}

pub(crate) fn date_of(text: &str) -> Option<Date> {
    let (date, rest) = day(text)?;
    era(date, rest)
}

pub(crate) fn time_of(text: &str) -> Option<Time> {
    let (time, rest) = clock(text)?;
    rest.is_empty().then_some(time)
}

pub(crate) fn timestamp_of(text: &str) -> Option<Timestamp> {
    let (date, rest) = day(text)?;
    let (time, rest) = clock(rest.strip_prefix(' ')?)?;
    if time.negative != 0 || time.hour > 24 {
        return None;
    }
    let date = era(date, rest)?;
    Some(Timestamp {
        year: date.year,
        month: date.month,
        day: date.day,
        hour: time.hour as u8,
        minute: time.minute,
        second: time.second,
        reserved: [0; 3],
        nanosecond: time.nanosecond,
    })
}

pub(crate) fn uuid_of(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    let mut digits = text.chars().filter(|c| *c != '-');
    if text.len() != 36 {
        return None;
    }
    for byte in &mut bytes {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 12:34:56.000001"] {
            assert_eq!(timestamp_of(text).unwrap().to_string(), text);
        }
        assert_eq!(timestamp_of("0044-03-15 00:00:00 BC").unwrap().year, -43);
        assert_eq!(time_of("-838:59:59").unwrap().to_string(), "-838:59:59");
        assert_eq!(date_of("12024-01-01").unwrap().year, 12024);
        for text in
            ["infinity", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-01-01", "2024-13-01 00:00:00"]
        {
            assert!(timestamp_of(text).is_none(), "{text}");
        }
        let uuid = "0123abcd-0000-ffff-8888-0123456789ab";
        assert_eq!(super::super::dialects::uuid_text(&uuid_of(uuid).unwrap()), uuid);
    }

    #[test]
    fn a_value_that_does_not_fit_makes_its_column_text_and_loses_nothing() {
        let mut column = empty(Type::Int);
        push_text(&mut column, 0, b"-9223372036854775808");
        push_null(&mut column, 1);
        push_text(&mut column, 2, "zwölf".as_bytes());
        push_int(&mut column, 3, 7);
        let block = crate::value::Block { rows: 4, columns: vec![column] };
        use crate::value::Value::*;
        let values: Vec<_> = (0..4).map(|r| block.value(r, 0)).collect();
        assert_eq!(
            values,
            [Text("-9223372036854775808".into()), Null, Text("zwölf".into()), Text("7".into())]
        );
    }
}
