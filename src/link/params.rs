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
    lengths: Vec<isize>,
}

impl<'v> Params<'v> {
    pub(crate) fn new(driver: &dyn Driver, values: &'v [Value]) -> Result<Params<'v>> {
        let binds = values.iter().map(|v| driver.bind(v)).collect::<Result<Vec<_>>>()?;
        let lengths = binds
            .iter()
            .map(|bind| match &bind.value {
                Bound::Null => NULL_DATA,
                Bound::Text(text) => text.len() as isize,
                Bound::Bytes(bytes) => bytes.len() as isize,
                _ => 0,
            })
            .collect();
        Ok(Params { binds, lengths })
    }

    /// Binds all parameters. `self` must stay where it is until the statement is executed.
    pub(crate) fn attach(&mut self, stmt: HStmt) -> Result<(), SqlReturn> {
        static EMPTY: [u8; 8] = [0; 8];
        for (i, bind) in self.binds.iter().enumerate() {
            let length = &raw mut self.lengths[i];
            let (c_type, pointer, size): (CDataType, *const u8, usize) = match &bind.value {
                Bound::Null => (CDataType::Char, EMPTY.as_ptr(), 1),
                Bound::Int(v) => (CDataType::SBigInt, (&raw const *v).cast(), 8),
                Bound::Double(v) => (CDataType::Double, (&raw const *v).cast(), 8),
                Bound::Text(text) if text.is_empty() => (CDataType::Char, EMPTY.as_ptr(), 0),
                Bound::Text(text) => (CDataType::Char, text.as_ptr(), text.len()),
                Bound::Bytes([]) => (CDataType::Binary, EMPTY.as_ptr(), 0),
                Bound::Bytes(bytes) => (CDataType::Binary, bytes.as_ptr(), bytes.len()),
                Bound::Date(v) => (CDataType::TypeDate, (&raw const *v).cast(), size_of::<sys::Date>()),
                Bound::Timestamp(v) => {
                    (CDataType::TypeTimestamp, (&raw const *v).cast(), size_of::<sys::Timestamp>())
                }
            };
            let (column_size, digits) = match &bind.value {
                Bound::Timestamp(_) => (26, 6),
                Bound::Date(_) => (10, 0),
                _ => (size.max(1), 0),
            };
            let ret = unsafe {
                sys::SQLBindParameter(
                    stmt,
                    (i + 1) as u16,
                    ParamType::Input,
                    c_type,
                    bind.sql_type,
                    column_size,
                    digits,
                    pointer as sys::Pointer,
                    size as isize,
                    length,
                )
            };
            if !succeeded(ret) {
                return Err(ret);
            }
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
