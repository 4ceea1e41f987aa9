//! Small ways of writing: grouped numbers, durations, sizes, JSON texts.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(c);
    }
    shown
}

/// `1 row`, `2 rows`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// `0.42 s`, `37 s`, `12 min 05 s`, `3 h 04 min`, `2 d 03 h`.
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..10 => format!("{:.2} s", d.as_secs_f64()),
        10..60 => format!("{s} s"),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {:02} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {:02} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// `812 bytes`, `3.4 KiB`.
pub fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = 0;
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { count(n, "byte", "bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A JSON string, quotes included.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for c in text.chars() {
        match c {
            '"' => shown.push_str("\\\""),
            '\\' => shown.push_str("\\\\"),
            c if c < ' ' || c == '\u{7f}' => shown.push_str(&format!("\\u{:04x}", c as u32)),
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_durations_and_sizes_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let shown = [0.418, 37.9, 725.0, 11_080.0, 200_000.0].map(|s| duration(Duration::from_secs_f64(s)));
        assert_eq!(shown, ["0.42 s", "37 s", "12 min 05 s", "3 h 04 min", "2 d 07 h"]);
        assert_eq!([1, 812, 3_500, 5 << 20].map(bytes), ["1 byte", "812 bytes", "3.4 KiB", "5.0 MiB"]);
        assert_eq!(count(1, "row", "rows"), "1 row");
    }

    #[test]
    fn json_texts_are_escaped() {
        assert_eq!(json("a\"b\\c\n\u{1f}é"), r#""a\"b\\c\u000a\u001fé""#);
    }
}
