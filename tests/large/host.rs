//! A host of the C interface: values in pieces and through streams are there only.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

type Handle = *mut c_void;

#[repr(C)]
struct PieceOfBlock {
    struct_size: u32,
    column_count: i32,
    row_count: u64,
}

unsafe extern "C" {
    fn twin_options_new(out: *mut Handle, err: *mut Handle) -> i32;
    fn twin_options_set(o: Handle, k: *const u8, kl: usize, v: *const u8, vl: usize, err: *mut Handle)
    -> i32;
    fn twin_options_free(o: Handle);
    fn twin_pool_open(o: Handle, out: *mut Handle, err: *mut Handle) -> i32;
    fn twin_pool_acquire(p: Handle, access: i32, wait: i32, out: *mut Handle, err: *mut Handle) -> i32;
    fn twin_pool_detach(p: Handle, err: *mut Handle) -> i32;
    fn twin_pool_attach(p: Handle, err: *mut Handle) -> i32;
    fn twin_pool_close(p: Handle, wait: i32, err: *mut Handle) -> i32;
    fn twin_pool_free(p: Handle);
    fn twin_conn_begin(c: Handle, err: *mut Handle) -> i32;
    fn twin_conn_commit(c: Handle, err: *mut Handle) -> i32;
    fn twin_conn_execute(
        c: Handle,
        sql: *const u8,
        len: usize,
        n: *mut i64,
        rows: *mut Handle,
        err: *mut Handle,
    ) -> i32;
    fn twin_conn_prepare(c: Handle, sql: *const u8, len: usize, out: *mut Handle, err: *mut Handle) -> i32;
    fn twin_conn_free(c: Handle);
    fn twin_stmt_bind_int64(s: Handle, i: i32, v: i64, err: *mut Handle) -> i32;
    fn twin_stmt_bind_null(s: Handle, i: i32, err: *mut Handle) -> i32;
    fn twin_stmt_bind_text(s: Handle, i: i32, at: *const u8, len: usize, err: *mut Handle) -> i32;
    fn twin_stmt_bind_bytes(s: Handle, i: i32, at: *const u8, len: usize, err: *mut Handle) -> i32;
    fn twin_stmt_put(s: Handle, i: i32, kind: i32, at: *const u8, len: usize, err: *mut Handle) -> i32;
    fn twin_stmt_bind_stream(
        s: Handle,
        i: i32,
        kind: i32,
        read: Read,
        user: *mut c_void,
        err: *mut Handle,
    ) -> i32;
    fn twin_stmt_execute(s: Handle, n: *mut i64, rows: *mut Handle, err: *mut Handle) -> i32;
    fn twin_stmt_free(s: Handle);
    fn twin_rows_next(r: Handle, max: usize, out: *mut *const PieceOfBlock, err: *mut Handle) -> i32;
    fn twin_rows_is_null(r: Handle, row: usize, column: i32, out: *mut i32, err: *mut Handle) -> i32;
    fn twin_rows_get_text(
        r: Handle,
        row: usize,
        column: i32,
        out: *mut *const u8,
        len: *mut usize,
        err: *mut Handle,
    ) -> i32;
    fn twin_rows_read(
        r: Handle,
        row: usize,
        column: i32,
        from: u64,
        to: *mut u8,
        room: usize,
        len: *mut usize,
        err: *mut Handle,
    ) -> i32;
    fn twin_rows_free(r: Handle);
    fn twin_error_message(e: Handle) -> *const c_char;
    fn twin_error_free(e: Handle);
}

pub type Read = unsafe extern "C" fn(*mut c_void, usize, *mut c_void) -> i64;

pub const OK: i32 = 0;
pub const QUEUED: i32 = 2;
const DONE: i32 = 1;
const TEXT: i32 = 5;
const BYTES: i32 = 6;
const WRITE: i32 = 0;
const DEFAULT: i32 = -1;

/// What a call gave, or the text of its error.
type Answer = Result<i32, String>;

fn told(call: impl FnOnce(*mut Handle) -> i32) -> Answer {
    let mut e = null_mut();
    let status = call(&mut e);
    if status >= 0 {
        return Ok(status);
    }
    let message = unsafe { CStr::from_ptr(twin_error_message(e)) }.to_string_lossy().into_owned();
    unsafe { twin_error_free(e) };
    Err(format!("{status}: {message}"))
}

/// A value of `size` bytes without being in memory: a pattern over and over.
pub struct Source {
    pub text: bool,
    pub size: usize,
    pub place: usize,
    /// The stream gives up here; 0: never.
    pub give_up_at: usize,
    /// Called once, when half of it was given.
    pub half: Option<fn()>,
}

/// No divisor of any buffer's size.
const PERIOD: usize = 300_007;

fn pattern(text: bool) -> Vec<u8> {
    match text {
        true => "e€😀".bytes().cycle().take(8 * (PERIOD / 8)).collect(),
        false => (0..PERIOD).map(|i| ((i * 2_654_435_761) >> 7) as u8).collect(),
    }
}

impl Source {
    pub fn new(text: bool, size: usize) -> Source {
        // A text does not end within a character.
        let size = if text { size / 8 * 8 + (size % 8).min(1) } else { size };
        Source { text, size, place: 0, give_up_at: 0, half: None }
    }

    /// The next bytes.
    fn fill(&mut self, to: &mut [u8], pattern: &[u8]) -> usize {
        let n = to.len().min(self.size - self.place);
        let mut given = 0;
        while given < n {
            let from = &pattern[(self.place + given) % pattern.len()..];
            let some = from.len().min(n - given);
            to[given..given + some].copy_from_slice(&from[..some]);
            given += some;
        }
        self.place += n;
        n
    }

    pub fn whole(text: bool, size: usize) -> Vec<u8> {
        let mut source = Source::new(text, size);
        let mut all = vec![0; source.size];
        source.fill(&mut all, &pattern(text));
        all
    }

    /// Whether these are the bytes at `place`.
    pub fn is_at(&self, place: usize, bytes: &[u8], pattern: &[u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            let from = &pattern[(place + at) % pattern.len()..];
            let n = from.len().min(bytes.len() - at);
            if from[..n] != bytes[at..at + n] {
                return false;
            }
            at += n;
        }
        true
    }
}

unsafe extern "C" fn read(to: *mut c_void, room: usize, user: *mut c_void) -> i64 {
    let (source, pattern) = unsafe { &mut *user.cast::<(Source, Vec<u8>)>() };
    if source.give_up_at > 0 && source.place >= source.give_up_at {
        return -5;
    }
    if source.place > source.size / 2
        && let Some(half) = source.half.take()
    {
        half();
    }
    // An odd size, so that pieces end within characters.
    source.fill(unsafe { std::slice::from_raw_parts_mut(to.cast(), room.min(64_001)) }, pattern) as i64
}

pub struct Host {
    pool: Handle,
    pub conn: Handle,
}

impl Host {
    pub fn open(options: &[(&str, &str)]) -> Host {
        let (mut o, mut pool, mut conn) = (null_mut(), null_mut(), null_mut());
        told(|e| unsafe { twin_options_new(&mut o, e) }).unwrap();
        for (k, v) in options {
            told(|e| unsafe { twin_options_set(o, k.as_ptr(), k.len(), v.as_ptr(), v.len(), e) }).unwrap();
        }
        told(|e| unsafe { twin_pool_open(o, &mut pool, e) }).unwrap();
        unsafe { twin_options_free(o) };
        told(|e| unsafe { twin_pool_acquire(pool, WRITE, DEFAULT, &mut conn, e) }).unwrap();
        Host { pool, conn }
    }

    pub fn detach(&self) {
        told(|e| unsafe { twin_pool_detach(self.pool, e) }).unwrap();
    }
    pub fn attach(&self) {
        told(|e| unsafe { twin_pool_attach(self.pool, e) }).unwrap();
    }
    pub fn begin(&self) {
        told(|e| unsafe { twin_conn_begin(self.conn, e) }).unwrap();
    }
    pub fn commit(&self) -> Answer {
        told(|e| unsafe { twin_conn_commit(self.conn, e) })
    }
    /// Runs a statement with a number and a value.
    pub fn give(&self, sql: &str, id: i64, value: &mut Given<'_>) -> Answer {
        let mut s = null_mut();
        told(|e| unsafe { twin_conn_prepare(self.conn, sql.as_ptr(), sql.len(), &mut s, e) })?;
        let done = self.give_to(s, id, value);
        unsafe { twin_stmt_free(s) };
        done
    }

    fn give_to(&self, s: Handle, id: i64, value: &mut Given<'_>) -> Answer {
        told(|e| unsafe { twin_stmt_bind_int64(s, 1, id, e) })?;
        let kind = |text: bool| if text { TEXT } else { BYTES };
        let mut streamed;
        match value {
            Given::Null => told(|e| unsafe { twin_stmt_bind_null(s, 2, e) })?,
            Given::Whole(true, bytes) => {
                told(|e| unsafe { twin_stmt_bind_text(s, 2, bytes.as_ptr(), bytes.len(), e) })?
            }
            Given::Whole(false, bytes) => {
                told(|e| unsafe { twin_stmt_bind_bytes(s, 2, bytes.as_ptr(), bytes.len(), e) })?
            }
            Given::Pieces(source, size) => {
                let (pattern, mut piece, mut status) = (pattern(source.text), vec![0; *size], OK);
                loop {
                    let n = source.fill(&mut piece, &pattern);
                    if n == 0 && source.size > 0 {
                        break;
                    }
                    status =
                        told(|e| unsafe { twin_stmt_put(s, 2, kind(source.text), piece.as_ptr(), n, e) })?;
                    if source.size == 0 {
                        break;
                    }
                }
                status
            }
            Given::Stream(source) => {
                let source = std::mem::replace(source, Source::new(false, 0));
                let pattern = pattern(source.text);
                let text = kind(source.text);
                streamed = (source, pattern);
                told(|e| unsafe { twin_stmt_bind_stream(s, 2, text, read, (&raw mut streamed).cast(), e) })?
            }
        };
        told(|e| unsafe { twin_stmt_execute(s, null_mut(), null_mut(), e) })
    }

    /// Whether the only value of a query is this one; read in pieces. None: it must be NULL.
    pub fn holds(&self, sql: &str, wanted: Option<&Source>) -> bool {
        let (mut rows, mut block) = (null_mut(), std::ptr::null());
        told(|e| unsafe { twin_conn_execute(self.conn, sql.as_ptr(), sql.len(), null_mut(), &mut rows, e) })
            .unwrap();
        assert_eq!(told(|e| unsafe { twin_rows_next(rows, 0, &mut block, e) }), Ok(OK));
        let mut null = 0;
        told(|e| unsafe { twin_rows_is_null(rows, 0, 0, &mut null, e) }).unwrap();
        let good = match wanted {
            None => null == 1,
            Some(source) => null == 0 && is_value(rows, source),
        };
        unsafe { twin_rows_free(rows) };
        good
    }

    /// The next rows of a query.
    pub fn read(&self, sql: &str) -> Answer {
        let (mut rows, mut block) = (null_mut(), std::ptr::null());
        told(|e| unsafe { twin_conn_execute(self.conn, sql.as_ptr(), sql.len(), null_mut(), &mut rows, e) })?;
        let answer = told(|e| unsafe { twin_rows_next(rows, 0, &mut block, e) });
        unsafe { twin_rows_free(rows) };
        answer
    }

    pub fn close(self) {
        unsafe { twin_conn_free(self.conn) };
        told(|e| unsafe { twin_pool_close(self.pool, 20_000, e) }).unwrap();
        unsafe { twin_pool_free(self.pool) };
    }
}

fn is_value(rows: Handle, source: &Source) -> bool {
    let (pattern, mut piece, mut place, mut n) = (pattern(source.text), vec![0; 100_003], 0, 0);
    while told(|e| unsafe {
        twin_rows_read(rows, 0, 0, place as u64, piece.as_mut_ptr(), piece.len(), &mut n, e)
    }) != Ok(DONE)
    {
        if place + n > source.size || !source.is_at(place, &piece[..n], &pattern) {
            return false;
        }
        place += n;
    }
    if !source.text {
        return place == source.size;
    }
    let (mut at, mut len) = (std::ptr::null(), 0);
    told(|e| unsafe { twin_rows_get_text(rows, 0, 0, &mut at, &mut len, e) }).unwrap();
    let text = unsafe { std::slice::from_raw_parts(at, len + 1) };
    place == source.size && len == place && source.is_at(0, &text[..len], &pattern) && text[len] == 0
}

/// How the host has a value.
pub enum Given<'v> {
    Null,
    Whole(bool, &'v [u8]),
    Pieces(Source, usize),
    Stream(Source),
}

/// Whether a block's bytes are those of the source.
pub fn is_whole(bytes: &[u8], source: &Source) -> bool {
    bytes.len() == source.size && source.is_at(0, bytes, &pattern(source.text))
}
