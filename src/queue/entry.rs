//! One write transaction as it waits for the mirror: what stands in `payload`.
//!
//! The format is versioned and checksummed, little-endian:
//!
//! ```text
//! "TWQ" version(u8) crc32-of-the-rest(u32)
//! n(u32)  n × text              session context: statements that set it up
//! n(u32)  n × statement         text sql · expected(i64) · params(u32) × value
//! value = type(u8) + fixed data, or length(u32) + bytes
//! text  = length(u32) + UTF-8
//! ```

use std::sync::Arc;

use crate::error::{Error, Result, Status};
use crate::large::{Bulk, Spill};
use crate::value::{Date, Time, Timestamp, Value};

/// The payload version this library writes; it reads the older ones too.
///
/// 2: `expected` may be [`UNCOUNTED`], [`FOR_TRANSACTION`] or [`TRACE`]. A library that knows only version 1 would take them
/// for [`DDL`], or run a setting outside its transaction.
pub const VERSION: u8 = 2;
const OLDEST: u8 = 1;
const MAGIC: &[u8; 3] = b"TWQ";
const HEADER: usize = 8;

/// No count to compare: DDL, which may commit what stands before it.
pub const DDL: i64 = -1;
/// No count to compare: the engine counts it by its own rules.
pub const UNCOUNTED: i64 = -2;
/// A setting that ends with the transaction: the entry has one of its own on the mirror.
pub const FOR_TRANSACTION: i64 = -3;
/// No statement: what was known about the objects of the DDL behind it. See [`super::trace`].
pub const TRACE: i64 = -4;

/// One statement as it is shipped to the mirror: text, parameters, and what it did on the master.
#[derive(Clone, Debug, PartialEq)]
pub struct Shipped {
    pub sql: Arc<str>,
    pub params: Vec<Value>,
    /// Rows it affected on the master, or one of [`DDL`], [`UNCOUNTED`], [`FOR_TRANSACTION`], [`TRACE`].
    pub expected: i64,
}

/// A transaction's statements and the session context they need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub context: Vec<String>,
    pub statements: Vec<Arc<Shipped>>,
}

fn put_bytes(out: &mut Vec<u8>, b: &[u8]) {
    out.extend_from_slice(&(b.len() as u32).to_le_bytes());
    out.extend_from_slice(b);
}

/// A payload as it grows. What is long goes past `fresh`, so that it is in memory nowhere.
struct Writer<'s> {
    done: Bulk,
    fresh: Vec<u8>,
    spill: &'s Arc<Spill>,
}

impl Writer<'_> {
    fn flush(&mut self) -> Result<()> {
        self.done.append(&self.fresh, self.spill)?;
        self.fresh.clear();
        Ok(())
    }

    fn value(&mut self, v: &Value) -> Result<()> {
        match v {
            Value::Large(large) => {
                self.fresh.push(v.kind() as u8);
                self.fresh.extend_from_slice(&(large.raw().len() as u32).to_le_bytes());
                self.flush()?;
                self.done.append(large.raw(), self.spill)?;
            }
            _ => put_value(&mut self.fresh, v),
        }
        if self.fresh.len() > self.spill.above { self.flush() } else { Ok(()) }
    }
}

fn put_value(out: &mut Vec<u8>, v: &Value) {
    out.push(v.kind() as u8);
    match v {
        Value::Null => {}
        Value::Bool(b) => out.push(*b as u8),
        Value::Int(i) => out.extend_from_slice(&i.to_le_bytes()),
        Value::Double(d) => out.extend_from_slice(&d.to_bits().to_le_bytes()),
        Value::Decimal(s) | Value::Text(s) => put_bytes(out, s.as_bytes()),
        Value::Bytes(b) => put_bytes(out, b),
        Value::Large(large) => put_bytes(out, large.raw()),
        Value::Date(d) => {
            out.extend_from_slice(&d.year.to_le_bytes());
            out.extend_from_slice(&[d.month, d.day]);
        }
        Value::Time(t) => {
            out.extend_from_slice(&t.hour.to_le_bytes());
            out.extend_from_slice(&[t.minute, t.second, t.negative]);
            out.extend_from_slice(&t.nanosecond.to_le_bytes());
        }
        Value::Timestamp(t) => {
            out.extend_from_slice(&t.year.to_le_bytes());
            out.extend_from_slice(&[t.month, t.day, t.hour, t.minute, t.second]);
            out.extend_from_slice(&t.nanosecond.to_le_bytes());
        }
        Value::Uuid(u) => out.extend_from_slice(u),
    }
}

/// The payload of a transaction. Borrows, so that a session need not clone its statements to write them.
pub fn encode(context: &[String], statements: &[Arc<Shipped>], spill: &Arc<Spill>) -> Result<Bulk> {
    let size = statements.iter().map(|s| s.sql.len() + 20 + s.params.len() * 12).sum::<usize>();
    let fresh = Vec::with_capacity((HEADER + 8 + size).min(spill.above));
    let mut writer = Writer { done: Bulk::new(), fresh, spill };
    let out = &mut writer.fresh;
    out.extend_from_slice(MAGIC);
    out.push(VERSION);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(context.len() as u32).to_le_bytes());
    for c in context {
        put_bytes(out, c.as_bytes());
    }
    out.extend_from_slice(&(statements.len() as u32).to_le_bytes());
    for s in statements {
        let out = &mut writer.fresh;
        put_bytes(out, s.sql.as_bytes());
        out.extend_from_slice(&s.expected.to_le_bytes());
        out.extend_from_slice(&(s.params.len() as u32).to_le_bytes());
        for p in &s.params {
            writer.value(p)?;
        }
    }
    let mut payload = match writer.done.is_empty() {
        true => Bulk::from(writer.fresh),
        false => {
            writer.flush()?;
            writer.done
        }
    };
    let crc = crc32fast::hash(&payload[HEADER..]);
    payload.overwrite(4, &crc.to_le_bytes());
    Ok(payload)
}

struct Reader<'a> {
    payload: &'a Bulk,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.saturating_add(n);
        let taken = self.payload.get(self.at..end).ok_or_else(|| damaged("it ends too early"))?;
        self.at = end;
        Ok(taken)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut a = [0; N];
        a.copy_from_slice(self.take(N)?);
        Ok(a)
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }
    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }
    fn bytes(&mut self) -> Result<&'a [u8]> {
        let n = self.u32()? as usize;
        self.take(n)
    }
    /// The bytes of a value: long ones stay where they are.
    fn part(&mut self) -> Result<Bulk> {
        let n = self.bytes()?.len();
        Ok(self.payload.part(self.at - n..self.at))
    }
    fn text(&mut self) -> Result<String> {
        let b = self.bytes()?;
        std::str::from_utf8(b).map(str::to_owned).map_err(|_| damaged("a text in it is not UTF-8"))
    }
    fn value(&mut self) -> Result<Value> {
        Ok(match self.u8()? {
            0 => Value::Null,
            1 => Value::Bool(self.u8()? != 0),
            2 => Value::Int(self.i64()?),
            3 => Value::Double(f64::from_bits(self.i64()? as u64)),
            4 => Value::Decimal(self.text()?),
            5 => Value::of_text(self.part()?).map_err(|_| damaged("a text in it is not UTF-8"))?,
            6 => Value::of_bytes(self.part()?),
            7 => {
                let year = i32::from_le_bytes(self.array()?);
                let [month, day] = self.array()?;
                Value::Date(Date { year, month, day, reserved: [0; 2] })
            }
            8 => {
                let hour = u16::from_le_bytes(self.array()?);
                let [minute, second, negative] = self.array()?;
                let nanosecond = self.u32()?;
                Value::Time(Time { hour, minute, second, negative, reserved: [0; 3], nanosecond })
            }
            9 => {
                let year = i32::from_le_bytes(self.array()?);
                let [month, day, hour, minute, second] = self.array()?;
                let nanosecond = self.u32()?;
                Value::Timestamp(Timestamp {
                    year,
                    month,
                    day,
                    hour,
                    minute,
                    second,
                    reserved: [0; 3],
                    nanosecond,
                })
            }
            10 => Value::Uuid(self.array()?),
            other => return Err(damaged(&format!("it holds a value of unknown type {other}"))),
        })
    }
}

fn damaged(why: &str) -> Error {
    Error::new(Status::Internal, format!("a queue payload cannot be read: {why}"))
}

/// Reads a payload back. Refuses what is damaged or of a version this library does not know.
pub fn decode(payload: &Bulk) -> Result<Entry> {
    if payload.len() < HEADER || &payload[..3] != MAGIC {
        return Err(damaged("it does not begin as one"));
    }
    let version = payload[3];
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(Error::new(
            Status::Tables,
            format!(
                "a queue payload has version {version}, this library reads versions {OLDEST} to {VERSION}: use the \
                 library that wrote it"
            ),
        ));
    }
    let mut r = Reader { payload, at: 4 };
    let crc = r.u32()?;
    if crc != crc32fast::hash(&payload[HEADER..]) {
        return Err(damaged("its checksum is wrong"));
    }
    let mut entry = Entry::default();
    for _ in 0..r.u32()? {
        entry.context.push(r.text()?);
    }
    for _ in 0..r.u32()? {
        let sql: Arc<str> = r.text()?.into();
        let expected = r.i64()?;
        if expected < if version == 1 { DDL } else { TRACE } {
            return Err(damaged("a statement in it expects what its version does not know"));
        }
        let mut params = Vec::new();
        for _ in 0..r.u32()? {
            params.push(r.value()?);
        }
        entry.statements.push(Arc::new(Shipped { sql, params, expected }));
    }
    if r.at != payload.len() {
        return Err(damaged("something follows its end"));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i64>().prop_map(|i| Value::Double(i as f64 / 3.0)),
            "-?[0-9]{1,40}\\.[0-9]{1,20}".prop_map(Value::Decimal),
            any::<String>().prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(Value::Bytes),
            (any::<i32>(), any::<[u8; 2]>()).prop_map(|(year, [month, day])| Value::Date(Date {
                year,
                month,
                day,
                reserved: [0; 2]
            })),
            (any::<u16>(), any::<[u8; 3]>(), any::<u32>()).prop_map(
                |(hour, [minute, second, negative], nanosecond)| Value::Time(Time {
                    hour,
                    minute,
                    second,
                    negative,
                    reserved: [0; 3],
                    nanosecond
                })
            ),
            any::<[u8; 16]>().prop_map(Value::Uuid),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_is_read_back_as_it_was_written(
            context in proptest::collection::vec(any::<String>(), 0..3),
            statements in proptest::collection::vec(
                (any::<String>(), proptest::collection::vec(value(), 0..6), TRACE..), 0..6),
        ) {
            let statements: Vec<_> = statements
                .into_iter()
                .map(|(sql, params, expected)| Arc::new(Shipped { sql: sql.into(), params, expected }))
                .collect();
            for above in [usize::MAX, 100, 0] {
                let payload = encode(&context, &statements, &Arc::new(Spill::new(above, ""))).unwrap();
                prop_assert_eq!(decode(&payload).unwrap(), Entry { context: context.clone(), statements: statements.clone() });
            }
        }

        #[test]
        fn a_damaged_entry_is_refused(at in 0usize..60, bit in 0u8..8) {
            let s = Arc::new(Shipped { sql: "UPDATE t SET a = ? WHERE id = ?".into(), params: vec![Value::Int(1), Value::Text("ü".into())], expected: 1 });
            let mut payload = encode(&[], &[s], &Arc::default()).unwrap();
            let at = at % payload.len();
            let damaged = payload[at] ^ 1 << bit;
            payload.overwrite(at, &[damaged]);
            prop_assert!(decode(&payload).is_err());
        }

        #[test]
        fn an_entry_of_the_first_version_is_read_and_holds_only_what_that_version_knew(expected in -6i64..5) {
            let s = Arc::new(Shipped { sql: "SET LOCAL x = 1".into(), params: Vec::new(), expected });
            let mut payload = encode(&[], std::slice::from_ref(&s), &Arc::default()).unwrap();
            prop_assert_eq!(decode(&payload).is_ok(), expected >= TRACE);
            payload.overwrite(3, &[1]);
            prop_assert_eq!(decode(&payload).is_ok(), expected >= DDL);
            for other in [0, VERSION + 1] {
                payload.overwrite(3, &[other]);
                prop_assert_eq!(decode(&payload).unwrap_err().status(), Status::Tables);
            }
        }

        #[test]
        fn nothing_that_is_not_an_entry_panics(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes.into());
        }
    }

    #[test]
    fn a_long_value_is_written_and_read_without_being_in_memory() {
        let spill = Arc::new(Spill::default());
        let long = "e€😀".repeat(300_000);
        let params = vec![
            Value::Text("before".into()),
            Value::from_text(&long, &spill).unwrap(),
            Value::from_bytes(&vec![7; 3 << 20], &spill).unwrap(),
            Value::Int(5),
        ];
        let wanted = Shipped { sql: "INSERT INTO t VALUES (?, ?, ?, ?)".into(), params, expected: 1 };
        let payload = encode(&["SET a".into()], &[Arc::new(wanted.clone())], &spill).unwrap();
        assert!(payload.is_spilled());
        let entry = decode(&payload).unwrap();
        assert_eq!(*entry.statements[0], wanted);
        assert!(matches!(entry.statements[0].params[1..3], [Value::Large(_), Value::Large(_)]));
    }
}
