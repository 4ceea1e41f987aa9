//! Arguments: the pointers of a C call, wrapped once, then used without `unsafe`.
//!
//! Each wrapper's `new` is `unsafe`: the caller of the exported function promises that a pointer that is
//! not NULL is good for what the header says (readable text of that length, room for one value) until the
//! function returns. NULL, lengths and UTF-8 are checked in the safe methods, in the order in which the
//! function looks at its arguments.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::time::Duration;

use super::constants::{TWIN_NTS, TWIN_WAIT_DEFAULT, TWIN_WAIT_FOREVER};
use crate::error::{Error, Result, Status};

/// "As long as it takes": far enough away for people, near enough for arithmetic with clocks.
pub const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

pub fn bad_argument(message: impl Into<String>) -> Error {
    Error::new(Status::BadArgument, message)
}

fn null(name: &str) -> Error {
    bad_argument(format!("`{name}` is NULL"))
}

/// `const char *text, size_t len` or `const void *data, size_t len`.
#[derive(Clone, Copy)]
pub struct In<'a> {
    data: *const u8,
    len: usize,
    call: PhantomData<&'a [u8]>,
}

impl<'a> In<'a> {
    /// # Safety
    /// `data` is NULL or readable for `len` bytes (or up to its NUL, with `TWIN_NTS`) during the call.
    pub unsafe fn text(data: *const c_char, len: usize) -> In<'a> {
        In { data: data.cast(), len, call: PhantomData }
    }

    /// # Safety
    /// `data` is NULL or readable for `len` bytes during the call.
    pub unsafe fn bytes(data: *const u8, len: usize) -> In<'a> {
        In { data, len, call: PhantomData }
    }

    /// The bytes as they are; `TWIN_NTS` is not a length here.
    pub fn raw(self, name: &str) -> Result<&'a [u8]> {
        if self.len > isize::MAX as usize {
            return Err(bad_argument(format!("the length of `{name}` is out of range")));
        }
        match (self.data.is_null(), self.len) {
            (true, 0) => Ok(&[]),
            (true, _) => Err(null(name)),
            // SAFETY: not NULL, readable by the promise of `new`, and of a length that a slice may have.
            (false, len) => Ok(unsafe { std::slice::from_raw_parts(self.data, len) }),
        }
    }

    /// UTF-8 text, which may hold NUL characters.
    pub fn value(self, name: &str) -> Result<&'a str> {
        let bytes = if self.len == TWIN_NTS && !self.data.is_null() {
            // SAFETY: not NULL, and NUL-terminated by the promise of `new`.
            unsafe { CStr::from_ptr(self.data.cast()) }.to_bytes()
        } else {
            self.raw(name)?
        };
        std::str::from_utf8(bytes).map_err(|e| {
            Error::new(
                Status::BadUtf8,
                format!("`{name}` is not valid UTF-8 from byte {} on", e.valid_up_to()),
            )
        })
    }

    /// UTF-8 text without NUL characters: drivers and files take such text only up to the NUL.
    pub fn get(self, name: &str) -> Result<&'a str> {
        let text = self.value(name)?;
        match text.find('\0') {
            None => Ok(text),
            Some(at) => Err(bad_argument(format!("`{name}` holds a NUL character at byte {at}"))),
        }
    }

    /// Text as [`In::get`] gives it, and something in it.
    pub fn some(self, name: &str) -> Result<&'a str> {
        match self.get(name)? {
            "" => Err(bad_argument(format!("`{name}` is empty"))),
            text => Ok(text),
        }
    }
}

/// `const T *value`.
pub struct Ref<'a, T>(*const T, PhantomData<&'a T>);

impl<'a, T: Copy> Ref<'a, T> {
    /// # Safety
    /// `value` is NULL or points to a `T` that stays unchanged during the call.
    pub unsafe fn new(value: *const T) -> Ref<'a, T> {
        Ref(value, PhantomData)
    }

    pub fn get(&self, name: &str) -> Result<T> {
        if self.0.is_null() {
            return Err(null(name));
        }
        // SAFETY: not NULL, and readable by the promise of `new`. Read without asking for alignment: a host
        // may hand over a place inside a buffer of bytes.
        Ok(unsafe { self.0.read_unaligned() })
    }
}

/// `T *out`: written on success only.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `out` is NULL or has room for a `T` during the call.
    pub unsafe fn new(out: *mut T) -> Out<T> {
        Out(out)
    }

    /// Refuses NULL. Asked before the work, so that a call whose answer has no place does nothing.
    pub fn needed(&self, name: &str) -> Result<()> {
        if self.0.is_null() { Err(null(name)) } else { Ok(()) }
    }

    pub fn wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Writes; nothing where the caller gave NULL.
    pub fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, and has room by the promise of `new`. What was there needs no drop.
            unsafe { self.0.write_unaligned(value) }
        }
    }
}

impl<T> Out<*mut T> {
    /// For handles: NULL until the call has succeeded.
    ///
    /// # Safety
    /// As [`Out::new`].
    pub unsafe fn handle(out: *mut *mut T) -> Out<*mut T> {
        let out = Out(out);
        out.set(std::ptr::null_mut());
        out
    }
}

/// `char *buffer, size_t capacity, size_t *length`: text copied out.
pub struct Buffer {
    to: *mut c_char,
    capacity: usize,
    length: Out<usize>,
}

impl Buffer {
    /// # Safety
    /// `to` is NULL or has room for `capacity` bytes, `length` is NULL or has room for one `size_t`.
    pub unsafe fn new(to: *mut c_char, capacity: usize, length: *mut usize) -> Buffer {
        Buffer { to, capacity, length: Out(length) }
    }

    /// Copies the text and a NUL; the length (without the NUL) is told also when there is no room.
    pub fn put(&self, text: &str) -> Result<Status> {
        self.length.set(text.len());
        if self.to.is_null() && self.capacity > 0 {
            return Err(null("buffer"));
        }
        if self.capacity <= text.len() {
            return Err(Error::new(
                Status::BufferTooSmall,
                format!(
                    "the buffer has {} bytes, the text and its NUL need {}",
                    self.capacity,
                    text.len() + 1
                ),
            ));
        }
        // SAFETY: `to` is not NULL and has room for `capacity`, which is more than the text's length.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.to.cast(), text.len());
            self.to.add(text.len()).write(0);
        }
        Ok(Status::Ok)
    }

    /// Copies as many bytes as there is room for; how many is told.
    pub fn fill(&self, bytes: &[u8]) -> Result<usize> {
        self.length.needed("length")?;
        if self.to.is_null() && self.capacity > 0 {
            return Err(null("buffer"));
        }
        let n = bytes.len().min(self.capacity);
        if n > 0 {
            // SAFETY: `to` is not NULL and has room for `capacity`, of which n is not more.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.to.cast(), n) };
        }
        self.length.set(n);
        Ok(n)
    }
}

/// A structure whose first field is its size: filled as far as the caller's version of it reaches.
pub struct OutStruct<T>(*mut T);

impl<T: Copy> OutStruct<T> {
    /// # Safety
    /// `out` is NULL or points to its `uint32_t struct_size`, and has room for so many bytes.
    pub unsafe fn new(out: *mut T) -> OutStruct<T> {
        OutStruct(out)
    }

    /// The size that the caller states; refused if it is below that of the first release.
    pub fn needed(&self, name: &str, first_release: usize) -> Result<usize> {
        if self.0.is_null() {
            return Err(null(name));
        }
        // SAFETY: not NULL, and begins with its size by the promise of `new`.
        let size = unsafe { self.0.cast::<u32>().read_unaligned() } as usize;
        if size < first_release {
            return Err(bad_argument(format!(
                "`{name}->struct_size` is {size}; it must be set to the structure's size, at least {first_release}"
            )));
        }
        Ok(size.min(size_of::<T>()))
    }

    /// Fills the structure, and its `struct_size` with the number of bytes filled.
    pub fn set(&self, name: &str, first_release: usize, mut value: T) -> Result<Status> {
        let size = self.needed(name, first_release)?;
        // SAFETY: every structure handed here is `repr(C)` and begins with a `u32`.
        unsafe { (&raw mut value).cast::<u32>().write(size as u32) };
        // SAFETY: the caller has room for at least `size` bytes, and a `T` is at least that long.
        unsafe { std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), self.0.cast::<u8>(), size) };
        Ok(Status::Ok)
    }
}

/// `int32_t timeout_ms`; `None`: the option's default.
pub fn timeout(ms: i32) -> Result<Option<Duration>> {
    match ms {
        0.. => Ok(Some(Duration::from_millis(ms as u64))),
        TWIN_WAIT_DEFAULT => Ok(None),
        TWIN_WAIT_FOREVER => Ok(Some(FOREVER)),
        _ => Err(bad_argument(format!("`timeout_ms` is {ms}; it takes 0 and more, or one of TWIN_WAIT_*"))),
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn text(bytes: &[u8]) -> In<'_> {
        unsafe { In::bytes(bytes.as_ptr(), bytes.len()) }
    }

    fn status<T>(r: Result<T>) -> Status {
        r.err().map_or(Status::Ok, |e| e.status())
    }

    #[test]
    fn text_is_taken_by_length_or_up_to_its_nul() {
        let c = c"name";
        unsafe {
            assert_eq!(In::text(c.as_ptr(), usize::MAX).get("t").unwrap(), "name");
            assert_eq!(In::text(c.as_ptr(), 2).get("t").unwrap(), "na");
            assert_eq!(In::text(ptr::null(), 0).get("t").unwrap(), "");
            assert_eq!(status(In::text(ptr::null(), 3).get("t")), Status::BadArgument);
            assert_eq!(status(In::text(ptr::null(), usize::MAX).get("t")), Status::BadArgument);
            assert_eq!(status(In::text(c.as_ptr(), usize::MAX - 1).get("t")), Status::BadArgument);
        }
    }

    #[test]
    fn text_that_is_not_utf8_or_holds_a_nul_is_refused() {
        assert_eq!(status(text(b"a\xFF").get("t")), Status::BadUtf8);
        assert_eq!(status(text(b"\xED\xA0\x80").get("t")), Status::BadUtf8, "a lone surrogate");
        assert_eq!(status(text(b"a\0b").get("t")), Status::BadArgument);
        assert_eq!(text(b"a\0b").value("t").unwrap(), "a\0b");
        assert_eq!(status(text(b"").some("t")), Status::BadArgument);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_left_alone_and_the_length_is_told() {
        let mut room = [7 as c_char; 4];
        let mut len = 99usize;
        let put = |room: &mut [c_char], len: &mut usize, t| unsafe {
            Buffer::new(room.as_mut_ptr(), room.len(), len).put(t)
        };
        assert_eq!(status(put(&mut room, &mut len, "four")), Status::BufferTooSmall);
        assert_eq!((len, room), (4, [7; 4]));
        assert_eq!(status(put(&mut room, &mut len, "abc")), Status::Ok);
        assert_eq!((len, room), (3, [97, 98, 99, 0]));
        let asked = unsafe { Buffer::new(ptr::null_mut(), 0, &mut len) }.put("longer");
        assert_eq!((status(asked), len), (Status::BufferTooSmall, 6));
    }

    #[derive(Clone, Copy)]
    #[repr(C)]
    struct Grown {
        struct_size: u32,
        first: u32,
        second: u64,
    }

    #[test]
    fn a_structure_is_filled_as_far_as_its_caller_knows_it() {
        let ask = |size| {
            let mut g = Grown { struct_size: size, first: 0, second: 0 };
            let r =
                unsafe { OutStruct::new(&mut g) }.set("g", 8, Grown { struct_size: 0, first: 1, second: 2 });
            (status(r), g.struct_size, g.first, g.second)
        };
        assert_eq!(ask(16), (Status::Ok, 16, 1, 2));
        assert_eq!(ask(8), (Status::Ok, 8, 1, 0));
        assert_eq!(ask(0), (Status::BadArgument, 0, 0, 0));
        assert_eq!(ask(u32::MAX), (Status::Ok, 16, 1, 2));
    }

    #[test]
    fn timeouts_are_milliseconds_or_a_named_wait() {
        assert_eq!(timeout(0).unwrap(), Some(Duration::ZERO));
        assert_eq!(timeout(1500).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(timeout(TWIN_WAIT_DEFAULT).unwrap(), None);
        assert_eq!(timeout(TWIN_WAIT_FOREVER).unwrap(), Some(FOREVER));
        assert_eq!(status(timeout(-3)), Status::BadArgument);
        assert_eq!(status(timeout(i32::MIN)), Status::BadArgument);
    }
}
