//! Parameters: from values to what a driver takes.

use std::borrow::Cow;

use odbc_api::sys::{self, CDataType, HStmt, NULL_DATA, ParamType, SqlDataType, SqlReturn};

use super::dialects::Driver;
use super::handles::succeeded;
use crate::error::{Error, Result, Status};
use crate::value::{Date, Timestamp, Value};

/// A value in the form in which a driver gets it.
pub(crate) enum Bound<'v> {
    Null,
    Int(i64),
    Double(f64),
    Text(Cow<'v, str>),
    Bytes(&'v [u8]),
    Date(sys::Date),
    Timestamp(sys::Timestamp),
}

/// A bound value and the type that is claimed for it.
pub(crate) struct Bind<'v> {
    pub value: Bound<'v>,
    pub sql_type: SqlDataType,
}

impl<'v> Bind<'v> {
    pub(crate) fn new(value: Bound<'v>, sql_type: SqlDataType) -> Bind<'v> {
        Bind { value, sql_type }
    }
}

/// A date as ODBC has it; None where its year does not fit.
pub(crate) fn odbc_date(date: &Date) -> Option<sys::Date> {
    Some(sys::Date { year: date.year.try_into().ok()?, month: date.month.into(), day: date.day.into() })
}

pub(crate) fn odbc_timestamp(t: &Timestamp) -> Option<sys::Timestamp> {
    Some(sys::Timestamp {
        year: t.year.try_into().ok()?,
        month: t.month.into(),
        day: t.day.into(),
        hour: t.hour.into(),
        minute: t.minute.into(),
        second: t.second.into(),
        fraction: t.nanosecond,
    })
}

/// The parameters of one execution. The driver keeps pointers into it until the execution is over.
pub(crate) struct Params<'v> {
    binds: Vec<Bind<'v>>,
}

/// Where the driver finds a parameter, for as long as its statement is kept: a value of fixed width is written anew for
/// each execution, and bound once.
#[derive(Default)]
pub(crate) struct Slot {
    value: [u64; 2],
    length: isize,
    /// What it is bound as, while `value` is what is bound.
    of: Option<(CDataType, SqlDataType)>,
}

impl Slot {
    /// Takes the value, if it has a fixed width: its type, and its bytes.
    fn take(&mut self, value: &Bound<'_>) -> Option<(CDataType, usize)> {
        let room = (&raw mut self.value).cast::<u8>();
        self.length = 0;
        // SAFETY: 16 bytes, aligned for each of these types, none of which is longer.
        unsafe {
            Some(match value {
                Bound::Null => {
                    self.length = NULL_DATA;
                    (CDataType::Char, 1)
                }
                Bound::Int(v) => {
                    room.cast::<i64>().write(*v);
                    (CDataType::SBigInt, 8)
                }
                Bound::Double(v) => {
                    room.cast::<f64>().write(*v);
                    (CDataType::Double, 8)
                }
                Bound::Date(v) => {
                    room.cast::<sys::Date>().write(*v);
                    (CDataType::TypeDate, size_of::<sys::Date>())
                }
                Bound::Timestamp(v) => {
                    room.cast::<sys::Timestamp>().write(*v);
                    (CDataType::TypeTimestamp, size_of::<sys::Timestamp>())
                }
                Bound::Text(_) | Bound::Bytes(_) => return None,
            })
        }
    }
}

const _: () = assert!(size_of::<sys::Timestamp>() <= 16 && align_of::<sys::Timestamp>() <= align_of::<u64>());

impl<'v> Params<'v> {
    pub(crate) fn new(driver: &dyn Driver, values: &'v [Value]) -> Result<Params<'v>> {
        Ok(Params { binds: values.iter().map(|v| driver.bind(v)).collect::<Result<_>>()? })
    }

    /// Binds all parameters that are not bound as they are. `self` must stay until the statement is executed, and
    /// `slots` for as long as it is not bound to others.
    pub(crate) fn attach(&self, stmt: HStmt, slots: &mut Box<[Slot]>) -> Result<(), SqlReturn> {
        static EMPTY: [u8; 8] = [0; 8];
        if slots.len() != self.binds.len() {
            *slots = self.binds.iter().map(|_| Slot::default()).collect();
        }
        for ((number, bind), slot) in (1..).zip(&self.binds).zip(slots.iter_mut()) {
            let fixed = slot.take(&bind.value);
            let bound_as = fixed.map(|(c_type, _)| (c_type, bind.sql_type));
            if bound_as.is_some() && slot.of == bound_as {
                continue;
            }
            let (c_type, pointer, size): (CDataType, *const u8, usize) = match (&bind.value, fixed) {
                (_, Some((c_type, size))) => (c_type, slot.value.as_ptr().cast(), size),
                (Bound::Bytes([]), _) => (CDataType::Binary, EMPTY.as_ptr(), 0),
                (Bound::Bytes(bytes), _) => (CDataType::Binary, bytes.as_ptr(), bytes.len()),
                (Bound::Text(text), _) if !text.is_empty() => (CDataType::Char, text.as_ptr(), text.len()),
                _ => (CDataType::Char, EMPTY.as_ptr(), 0),
            };
            if fixed.is_none() {
                slot.length = size as isize;
            }
            let (column_size, digits) = match &bind.value {
                Bound::Timestamp(_) => (26, 6),
                Bound::Date(_) => (10, 0),
                _ => (size.max(1), 0),
            };
            slot.of = None;
            let ret = unsafe {
                sys::SQLBindParameter(
                    stmt,
                    number,
                    ParamType::Input,
                    c_type,
                    bind.sql_type,
                    column_size,
                    digits,
                    pointer as sys::Pointer,
                    size as isize,
                    &mut slot.length,
                )
            };
            if !succeeded(ret) {
                return Err(ret);
            }
            slot.of = bound_as;
        }
        Ok(())
    }
}

/// The text with each marker as the driver needs it for these values: with a cast where it would lose
/// the type otherwise.
pub(crate) fn mark<'a>(driver: &dyn Driver, sql: &'a str, values: &[Value]) -> Result<Cow<'a, str>> {
    let lexis = driver.lexis();
    let markers = lexis.count_markers(sql);
    if markers != values.len() {
        let text =
            format!("the statement has {markers} parameter markers and {} values were given", values.len());
        return Err(Error::new(Status::BadArgument, text));
    }
    let prepared = driver.prepare(sql);
    if values.iter().all(|v| driver.marker(v) == "?") {
        return Ok(prepared);
    }
    let mut text = String::with_capacity(sql.len() + values.len() * 8);
    let mut next = values.iter();
    for (piece, part) in lexis.pieces(&prepared) {
        match piece {
            super::lexis::Piece::Marker => match next.next() {
                Some(value) => text.push_str(driver.marker(value)),
                None => text.push('?'),
            },
            _ => text.push_str(part),
        }
    }
    Ok(Cow::Owned(text))
}
