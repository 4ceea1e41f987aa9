//! `twin_block`: rows column by column, out of a result and into a batch.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::args::bad_argument;
use super::errors::c_text;
use crate::error::{Error, Result, Status};
use crate::large::Spill;
use crate::value::{self, Block, ColumnData, ColumnInfo, Type, Value};

/// A calendar date. The year may be negative or zero where the engine has such dates.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct twin_date {
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0.
    pub reserved: [u8; 2],
}

/// A time of day, or MariaDB's interval of up to 838 hours to either side.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct twin_time {
    pub hour: u16,
    pub minute: u8,
    pub second: u8,
    /// 1 for an interval below zero.
    pub negative: u8,
    /// 0.
    pub reserved: [u8; 3],
    pub nanosecond: u32,
}

/// Date and time without a zone. What a column with a time zone gives is local to the session's zone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct twin_timestamp {
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 0.
    pub reserved: [u8; 3],
    pub nanosecond: u32,
}

/// One column of a block.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_column {
    /// Bytes of this structure; it may grow at its end. On the way in: set by the caller.
    pub struct_size: u32,
    /// One of `TWIN_TYPE_*`.
    pub kind: i32,
    /// One byte for each row: 1 where the value is NULL. On the way in NULL stands for "no NULLs".
    pub nulls: *const u8,
    /// Types of fixed width: an array with an element for each row (see the constants). Decimal, text and bytes:
    /// the bytes of all rows, one after the other, not NUL-terminated. Where a value is NULL the element means
    /// nothing.
    pub data: *const c_void,
    /// Decimal, text and bytes: row i is `data[offsets[i]]` to just before `data[offsets[i + 1]]`; one element more
    /// than rows. Otherwise NULL.
    pub offsets: *const i64,
}

/// Some rows, column by column.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_block {
    /// Bytes of this structure; it may grow at its end. On the way in: set by the caller.
    pub struct_size: u32,
    pub column_count: i32,
    pub row_count: u64,
    /// `column_count` pointers: pointers, so that `twin_column` may grow.
    pub columns: *const *const twin_column,
}

/// What is known of a result's column before its rows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct twin_column_info {
    /// Set by the caller to `sizeof(twin_column_info)`; afterwards the number of bytes filled.
    pub struct_size: u32,
    /// How values are delivered: one of `TWIN_TYPE_*`.
    pub kind: i32,
    /// The name, UTF-8, NUL-terminated. Belongs to what was asked (rows, statement).
    pub name: *const c_char,
    /// Its length without the NUL.
    pub name_len: usize,
    /// Declared size: characters, bytes or digits; 0 where the driver does not say.
    pub size: u64,
    /// The driver's ODBC type code (`SQL_*`), for those who need the exact declared type.
    pub sql_type: i32,
    /// Digits behind the decimal point.
    pub digits: i32,
    /// 0 if the column is known to hold no NULL, otherwise 1.
    pub nullable: i32,
    /// 0.
    pub reserved: i32,
}

pub const COLUMN_INFO_FIRST: usize = size_of::<twin_column_info>();

/// The library's own structures lie in memory like those of the header, and are made of them field by field.
macro_rules! convert {
    ($ours:ty, $theirs:ident, $($field:ident),+) => {
        const _: () = {
            assert!(size_of::<$ours>() == size_of::<$theirs>() && align_of::<$ours>() == align_of::<$theirs>());
            $(assert!(std::mem::offset_of!($ours, $field) == std::mem::offset_of!($theirs, $field));)+
        };
        impl From<$theirs> for $ours {
            fn from(t: $theirs) -> $ours {
                Self { $($field: t.$field,)+ ..Default::default() }
            }
        }
        impl From<$ours> for $theirs {
            fn from(t: $ours) -> $theirs {
                $theirs { $($field: t.$field,)+ reserved: Default::default() }
            }
        }
    };
}

convert!(value::Date, twin_date, year, month, day);
convert!(value::Time, twin_time, hour, minute, second, negative, nanosecond);
convert!(value::Timestamp, twin_timestamp, year, month, day, hour, minute, second, nanosecond);

fn type_of(number: i32) -> Option<Type> {
    use Type::*;
    [Null, Bool, Int, Double, Decimal, Text, Bytes, Date, Time, Timestamp, Uuid]
        .into_iter()
        .find(|t| *t as i32 == number)
}

/// What is known of a result's columns.
pub struct Columns {
    infos: Arc<[ColumnInfo]>,
    /// Their names as C text, once somebody asks.
    names: OnceLock<Vec<CString>>,
}

impl Columns {
    pub fn new(infos: Arc<[ColumnInfo]>) -> Columns {
        Columns { infos, names: OnceLock::new() }
    }

    fn name(&self, index: usize) -> Option<&CString> {
        self.names.get_or_init(|| self.infos.iter().map(|c| c_text(&c.name)).collect()).get(index)
    }

    pub fn len(&self) -> usize {
        self.infos.len()
    }

    pub fn kind(&self, index: usize) -> Option<Type> {
        self.infos.get(index).map(|c| c.kind)
    }

    pub fn info(&self, index: i32) -> Result<twin_column_info> {
        let at = usize::try_from(index).ok();
        match at.and_then(|i| Some((self.infos.get(i)?, self.name(i)?))) {
            Some((info, name)) => Ok(twin_column_info {
                struct_size: 0,
                kind: info.kind as i32,
                name: name.as_ptr(),
                name_len: name.as_bytes().len(),
                size: info.size,
                sql_type: info.sql_type as i32,
                digits: info.digits as i32,
                nullable: info.nullable as i32,
                reserved: 0,
            }),
            None => Err(bad_argument(format!("`index` is {index}; there are {} columns", self.infos.len()))),
        }
    }
}

/// The most memory that a connection keeps of a result that is gone, in bytes.
const KEPT_BYTES: usize = 16 << 10;

/// A block with its view for C. The pointers lead into `block` and into each other; all are renewed by `show`.
pub struct Shown {
    block: Block,
    columns: Vec<twin_column>,
    pointers: Vec<*const twin_column>,
    view: twin_block,
}

// SAFETY: the pointers lead into memory that the same value owns, and are read only through C.
unsafe impl Send for Shown {}
// SAFETY: as above.
unsafe impl Sync for Shown {}

impl Shown {
    pub fn new() -> Shown {
        let view = twin_block {
            struct_size: size_of::<twin_block>() as u32,
            column_count: 0,
            row_count: 0,
            columns: ptr::null(),
        };
        Shown { block: Block::default(), columns: Vec::new(), pointers: Vec::new(), view }
    }

    /// Whether its memory is worth keeping for the next result: without that each small result would cost a handful of
    /// allocations.
    pub fn is_small(&self) -> bool {
        self.block.columns.len() <= 64 && self.block.room() <= KEPT_BYTES
    }

    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The block to be filled. What was shown of it is not valid any more.
    pub fn fill(&mut self) -> &mut Block {
        &mut self.block
    }

    pub fn show(&mut self) -> *const twin_block {
        self.columns.clear();
        self.columns.extend(self.block.columns.iter().map(|c| {
            let (data, offsets): (*const c_void, *const i64) = match &c.data {
                ColumnData::Bool(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Int(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Double(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Date(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Time(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Timestamp(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Uuid(v) => (v.as_ptr().cast(), ptr::null()),
                ColumnData::Var { offsets, bytes } => (bytes.as_ptr().cast(), offsets.as_ptr()),
            };
            let struct_size = size_of::<twin_column>() as u32;
            twin_column { struct_size, kind: c.kind as i32, nulls: c.nulls.as_ptr(), data, offsets }
        }));
        self.pointers.clear();
        self.pointers.extend(self.columns.iter().map(ptr::from_ref));
        self.view.column_count = i32::try_from(self.columns.len()).unwrap_or(i32::MAX);
        self.view.row_count = self.block.rows as u64;
        self.view.columns = self.pointers.as_ptr();
        &self.view
    }
}

/// Copies a block that came through the border into rows of values, checking all of it that can be checked.
///
/// # Safety
/// `block` is NULL or points to a block as the header describes it.
pub unsafe fn rows_of(block: *const twin_block, spill: &Arc<Spill>) -> Result<Vec<Vec<Value>>> {
    // SAFETY: NULL or a block, by the caller's promise.
    let Some(block) = (unsafe { block.as_ref() }) else {
        return Err(bad_argument("`block` is NULL"));
    };
    if (block.struct_size as usize) < size_of::<twin_block>() {
        return Err(bad_argument(format!(
            "`block->struct_size` is {}, which is too small",
            block.struct_size
        )));
    }
    let columns =
        usize::try_from(block.column_count).map_err(|_| bad_argument("`block->column_count` is negative"))?;
    let rows = usize::try_from(block.row_count)
        .ok()
        .filter(|n| *n < isize::MAX as usize / 16)
        .ok_or_else(|| bad_argument("`block->row_count` is out of range"))?;
    if columns > 0 && block.columns.is_null() {
        return Err(bad_argument("`block->columns` is NULL"));
    }
    let mut values: Vec<Vec<Value>> = Vec::new();
    for at in 0..columns {
        // SAFETY: not NULL, and `column_count` pointers long by the caller's promise.
        let column = unsafe { block.columns.add(at).read() };
        // SAFETY: NULL or a column, by the caller's promise.
        let Some(column) = (unsafe { column.as_ref() }) else {
            return Err(bad_argument(format!("column {at} of the block is NULL")));
        };
        // SAFETY: a column with `rows` rows, by the caller's promise.
        let cells = unsafe { cells_of(column, rows, spill) }
            .map_err(|e| e.context(format!("column {at} of the block")))?;
        if values.is_empty() {
            values.resize_with(rows, || Vec::with_capacity(columns));
        }
        for (row, cell) in values.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    if columns == 0 {
        values.resize_with(rows, Vec::new);
    }
    Ok(values)
}

/// # Safety
/// The column's pointers are NULL or good for `rows` rows of its type.
unsafe fn cells_of(column: &twin_column, rows: usize, spill: &Arc<Spill>) -> Result<Vec<Value>> {
    if (column.struct_size as usize) < size_of::<twin_column>() {
        return Err(bad_argument(format!("`struct_size` is {}, which is too small", column.struct_size)));
    }
    // SAFETY: NULL, or a byte for each row, by the caller's promise.
    let nulls = unsafe { slice(column.nulls, rows) };
    let is_null = |i: usize| nulls.is_some_and(|n| n.get(i).is_some_and(|b| *b != 0));
    macro_rules! fixed {
        ($type:ty, $value:expr) => {{
            // SAFETY: NULL, or an element for each row, by the caller's promise.
            let data = unsafe { slice(column.data.cast::<$type>(), rows) }
                .ok_or_else(|| bad_argument("`data` is NULL"))?;
            data.iter()
                .enumerate()
                .map(|(i, v)| if is_null(i) { Ok(Value::Null) } else { $value(*v) })
                .collect()
        }};
    }
    match type_of(column.kind) {
        Some(Type::Null) => Ok(vec![Value::Null; rows]),
        Some(Type::Bool) => fixed!(u8, |v| Ok(Value::Bool(v != 0))),
        Some(Type::Int) => fixed!(i64, |v| Ok(Value::Int(v))),
        Some(Type::Double) => fixed!(f64, |v| Ok(Value::Double(v))),
        Some(Type::Date) => fixed!(twin_date, |v: twin_date| date(v)),
        Some(Type::Time) => fixed!(twin_time, |v: twin_time| time(v)),
        Some(Type::Timestamp) => fixed!(twin_timestamp, |v: twin_timestamp| timestamp(v)),
        Some(Type::Uuid) => fixed!([u8; 16], |v| Ok(Value::Uuid(v))),
        Some(kind @ (Type::Decimal | Type::Text | Type::Bytes)) => {
            // SAFETY: NULL, or an offset for each row and one more, by the caller's promise.
            let offsets = unsafe { slice(column.offsets, rows + 1) }
                .ok_or_else(|| bad_argument("`offsets` is NULL"))?;
            let mut last = offsets.first().copied().unwrap_or(0);
            let first_is_bad = last < 0;
            if first_is_bad || offsets.iter().any(|o| std::mem::replace(&mut last, *o) > *o) {
                return Err(bad_argument("`offsets` must begin at 0 or more and never fall"));
            }
            let total = usize::try_from(last).map_err(|_| bad_argument("`offsets` are out of range"))?;
            // SAFETY: NULL, or as long as the last offset, by the caller's promise.
            let bytes = match unsafe { slice(column.data.cast::<u8>(), total) } {
                Some(bytes) => bytes,
                None if total == 0 => &[],
                None => return Err(bad_argument("`data` is NULL")),
            };
            let cell = |i: usize, from: i64, to: i64| {
                if is_null(i) {
                    return Ok(Value::Null);
                }
                let part = bytes.get(from as usize..to as usize).unwrap_or_default();
                if kind == Type::Bytes {
                    return Value::from_bytes(part, spill);
                }
                let text = std::str::from_utf8(part)
                    .map_err(|_| Error::new(Status::BadUtf8, format!("row {i} is not valid UTF-8")))?;
                if kind == Type::Decimal { decimal(text) } else { Value::from_text(text, spill) }
            };
            offsets
                .iter()
                .zip(offsets.iter().skip(1))
                .enumerate()
                .map(|(i, (a, b))| cell(i, *a, *b))
                .collect()
        }
        None => Err(bad_argument(format!("`kind` is {}; it takes one of TWIN_TYPE_*", column.kind))),
    }
}

/// # Safety
/// `data` is NULL or readable as `len` aligned elements while the result is used.
unsafe fn slice<'a, T>(data: *const T, len: usize) -> Option<&'a [T]> {
    if data.is_null() || !data.is_aligned() || len > isize::MAX as usize / size_of::<T>() {
        return None;
    }
    // SAFETY: checked above, and readable by the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A decimal number in its plain form. Checked here because drivers that cannot bind it get it as text.
pub fn decimal(text: &str) -> Result<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if plain(whole) && plain(fraction) && !(whole.is_empty() && fraction.is_empty()) {
        let text = text.strip_prefix('+').unwrap_or(text);
        Ok(Value::Decimal(text.to_owned()))
    } else {
        Err(bad_argument("a decimal must be written like -12.50"))
    }
}

fn check_date(month: u8, day: u8) -> Result<()> {
    match (month, day) {
        (1..=12, 1..=31) => Ok(()),
        _ => Err(bad_argument(format!("month {month}, day {day} is no date"))),
    }
}

fn check_clock(minute: u8, second: u8, nanosecond: u32) -> Result<()> {
    match (minute, second, nanosecond) {
        (0..=59, 0..=59, 0..=999_999_999) => Ok(()),
        _ => {
            Err(bad_argument(format!("minute {minute}, second {second}, nanosecond {nanosecond} is no time")))
        }
    }
}

pub fn date(d: twin_date) -> Result<Value> {
    check_date(d.month, d.day)?;
    Ok(Value::Date(d.into()))
}

pub fn time(t: twin_time) -> Result<Value> {
    check_clock(t.minute, t.second, t.nanosecond)?;
    if t.hour > 838 {
        return Err(bad_argument(format!("hour {} is no time", t.hour)));
    }
    Ok(Value::Time(value::Time { negative: (t.negative != 0) as u8, ..t.into() }))
}

pub fn timestamp(t: twin_timestamp) -> Result<Value> {
    check_date(t.month, t.day)?;
    check_clock(t.minute, t.second, t.nanosecond)?;
    if t.hour > 23 {
        return Err(bad_argument(format!("hour {} is no time", t.hour)));
    }
    Ok(Value::Timestamp(t.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Column;

    fn column(kind: Type, nulls: &[u8], data: ColumnData) -> Column {
        Column { kind, nulls: nulls.to_vec(), data }
    }

    /// Every type, three rows, a NULL in the middle one.
    fn everything() -> Block {
        let n = &[0, 1, 0];
        let day = |year, month, day| value::Date { year, month, day, ..Default::default() };
        let stamp = value::Timestamp {
            year: 2024,
            month: 2,
            day: 29,
            hour: 23,
            minute: 59,
            second: 59,
            nanosecond: 999_999_999,
            ..Default::default()
        };
        let clock = value::Time {
            hour: 838,
            minute: 59,
            second: 59,
            negative: 1,
            nanosecond: 1,
            ..Default::default()
        };
        let var = |texts: [&[u8]; 3]| {
            let mut offsets = vec![0];
            let mut bytes = Vec::new();
            for t in texts {
                bytes.extend_from_slice(t);
                offsets.push(bytes.len() as i64);
            }
            ColumnData::Var { offsets, bytes: bytes.into() }
        };
        Block {
            rows: 3,
            columns: vec![
                column(Type::Bool, n, ColumnData::Bool(vec![1, 0, 0])),
                column(Type::Int, n, ColumnData::Int(vec![i64::MIN, 0, i64::MAX])),
                column(Type::Double, n, ColumnData::Double(vec![-0.5, 0.0, f64::MAX])),
                column(Type::Decimal, n, var([b"-12.50", b"", b"0.0000000001"])),
                column(Type::Text, n, var(["ä€😀".as_bytes(), b"", b""])),
                column(Type::Bytes, n, var([&[0, 255, 0], b"", b""])),
                column(Type::Date, n, ColumnData::Date(vec![day(-1, 1, 1), day(0, 0, 0), day(9999, 12, 31)])),
                column(Type::Time, n, ColumnData::Time(vec![clock; 3])),
                column(Type::Timestamp, n, ColumnData::Timestamp(vec![stamp; 3])),
                column(Type::Uuid, n, ColumnData::Uuid(vec![[7; 16], [0; 16], [255; 16]])),
            ],
        }
    }

    fn shown(block: Block) -> Shown {
        let mut shown = Shown::new();
        *shown.fill() = block;
        shown
    }

    fn refused(change: impl FnOnce(&mut twin_block, &mut Vec<twin_column>)) -> Status {
        let mut shown = shown(everything());
        let mut view = unsafe { *shown.show() };
        let mut columns: Vec<twin_column> = shown.columns.clone();
        change(&mut view, &mut columns);
        let pointers: Vec<_> = columns.iter().map(ptr::from_ref).collect();
        if !view.columns.is_null() {
            view.columns = pointers.as_ptr();
        }
        unsafe { rows_of(&view, &Arc::default()) }.err().map_or(Status::Ok, |e| e.status())
    }

    #[test]
    fn a_block_that_came_out_goes_in_unchanged() {
        let block = everything();
        let wanted = block.to_rows();
        assert_eq!(unsafe { rows_of(shown(block).show(), &Arc::default()) }.unwrap(), wanted);
        assert_eq!(refused(|_, _| ()), Status::Ok);
    }

    #[test]
    fn a_block_without_nulls_columns_or_rows_is_fine() {
        assert_eq!(refused(|_, c| (c[1].nulls, c[4].nulls) = (ptr::null(), ptr::null())), Status::Ok);
        assert_eq!(refused(|b, _| (b.row_count, b.columns) = (0, ptr::null())), Status::BadArgument);
        assert_eq!(refused(|b, _| (b.column_count, b.columns) = (0, ptr::null())), Status::Ok);
        let empty = unsafe { rows_of(shown(Block::default()).show(), &Arc::default()) }.unwrap();
        assert!(empty.is_empty());
    }

    #[test]
    fn a_malformed_block_is_refused() {
        assert!(unsafe { rows_of(ptr::null(), &Arc::default()) }.is_err());
        assert_eq!(refused(|b, _| b.struct_size = 0), Status::BadArgument);
        assert_eq!(refused(|b, _| b.column_count = -1), Status::BadArgument);
        assert_eq!(refused(|b, _| b.columns = ptr::null()), Status::BadArgument);
        assert_eq!(refused(|b, _| b.row_count = u64::MAX), Status::BadArgument);
        assert_eq!(refused(|_, c| c[0].struct_size = 8), Status::BadArgument);
        assert_eq!(refused(|_, c| c[0].kind = 99), Status::BadArgument);
        assert_eq!(refused(|_, c| c[0].kind = -1), Status::BadArgument);
        assert_eq!(refused(|_, c| c[1].data = ptr::null()), Status::BadArgument);
        assert_eq!(
            refused(|_, c| c[1].data = ptr::without_provenance(3)),
            Status::BadArgument,
            "not aligned"
        );
        assert_eq!(refused(|_, c| c[4].offsets = ptr::null()), Status::BadArgument);
        assert_eq!(refused(|_, c| c[4].data = ptr::null()), Status::BadArgument);
        let falling = [0i64, 5, 3, 5];
        assert_eq!(refused(|_, c| c[4].offsets = falling.as_ptr()), Status::BadArgument);
        let negative = [-1i64, 0, 1, 2];
        assert_eq!(refused(|_, c| c[4].offsets = negative.as_ptr()), Status::BadArgument);
        assert_eq!(refused(|_, c| c[5].kind = TWIN_TYPE_TEXT), Status::BadUtf8);
        assert_eq!(refused(|_, c| c[4].kind = TWIN_TYPE_DECIMAL), Status::BadArgument);
        let no_date = [twin_date { year: 2024, month: 13, ..Default::default() }; 3];
        assert_eq!(refused(|_, c| c[6].data = no_date.as_ptr().cast()), Status::BadArgument);
    }

    use super::super::constants::{TWIN_TYPE_DECIMAL, TWIN_TYPE_TEXT};

    #[test]
    fn decimals_are_plain_numbers() {
        for (text, wanted) in [("1", "1"), ("-12.50", "-12.50"), ("+.5", ".5"), ("0.", "0."), ("007", "007")]
        {
            assert_eq!(decimal(text).unwrap(), Value::Decimal(wanted.to_owned()), "{text}");
        }
        for text in ["", "-", ".", "1e5", "1,5", "--1", "1-", "0x1", "NaN", " 1", "1 ", "1;--", "1.2.3", "١"]
        {
            assert!(decimal(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_outside_the_clock_are_refused() {
        let t = |hour, minute, second, nanosecond| {
            time(twin_time { hour, minute, second, nanosecond, ..Default::default() })
        };
        assert!(t(838, 59, 59, 999_999_999).is_ok());
        for bad in [t(839, 0, 0, 0), t(0, 60, 0, 0), t(0, 0, 60, 0), t(0, 0, 0, 1_000_000_000)] {
            assert_eq!(bad.unwrap_err().status(), Status::BadArgument);
        }
        let stamp = twin_timestamp { year: 1, month: 1, day: 1, hour: 24, ..Default::default() };
        assert!(timestamp(stamp).is_err());
        assert!(date(twin_date { year: 1, month: 0, day: 1, ..Default::default() }).is_err());
    }
}
