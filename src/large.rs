//! Bytes that may be many: in memory while they are few, in a temporary file when they are not.
//!
//! The file has no name, so that nothing is left of it however the process ends, and it is mapped: whoever works on
//! bytes need not know where they lie. Its pages are the file system's cache and not the process's memory.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result, Status};
use crate::value::{Type, Value};

/// Parts of a file that are shorter than this are copied when they are taken out of it.
const SHARED: usize = 64 << 10;
/// A file grows by at least this much.
const STEP: usize = 1 << 20;

/// Which bytes go to a file, and where the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// A value longer than this.
    pub above: usize,
    pub folder: PathBuf,
}

impl Spill {
    /// `folder` as the option has it; empty: where temporary files go.
    pub fn new(above: usize, folder: &str) -> Spill {
        let folder = match folder {
            // Not /tmp, which is memory on many systems.
            "" => std::env::var_os("TMPDIR").filter(|t| !t.is_empty()).unwrap_or_else(|| "/var/tmp".into()),
            named => named.into(),
        };
        Spill { above, folder: folder.into() }
    }
}

impl Default for Spill {
    fn default() -> Spill {
        Spill::new(1 << 20, "")
    }
}

/// A file without a name, and where it is mapped.
struct Mapping {
    /// Needed to grow only. A process may open few files, and a transaction have many large values.
    file: Mutex<Option<File>>,
    at: NonNull<u8>,
    room: usize,
    spill: Arc<Spill>,
}

// SAFETY: memory that is reached through the owner only, like that of a Vec.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(room: usize, spill: &Arc<Spill>) -> Result<Mapping> {
        let failed = |e: io::Error| failed(&e, room, spill);
        let room = rounded(room);
        let file = nameless(&spill.folder).map_err(failed)?;
        reserve(&file, room).map_err(failed)?;
        // SAFETY: a new mapping of a file as long as it.
        let at = unsafe {
            libc::mmap(
                ptr::null_mut(),
                room,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        let at = mapped(at).map_err(failed)?;
        Ok(Mapping { file: Mutex::new(Some(file)), at, room, spill: Arc::clone(spill) })
    }

    /// No more growing: the mapping is what keeps the file.
    fn seal(&self) {
        *self.file.lock() = None;
    }

    /// False where it was sealed.
    fn grow(&mut self, least: usize) -> Result<bool> {
        let failed = |e: io::Error| failed(&e, least, &self.spill);
        let Some(file) = self.file.get_mut() else { return Ok(false) };
        let room = rounded(least.max(self.room + self.room / 2));
        let room = match reserve(file, room) {
            // Where there is no room to spare, what is needed may still fit.
            Err(_) if rounded(least) < room => {
                reserve(file, rounded(least)).map_err(failed)?;
                rounded(least)
            }
            done => done.map(|()| room).map_err(failed)?,
        };
        // SAFETY: our own mapping; nothing leads into it, for it is borrowed mutably.
        let at = unsafe { libc::mremap(self.at.as_ptr().cast(), self.room, room, libc::MREMAP_MAYMOVE) };
        self.at = mapped(at).map_err(failed)?;
        self.room = room;
        Ok(true)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and nobody's any more.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.room) };
    }
}

fn rounded(room: usize) -> usize {
    room.max(1).saturating_add(STEP - 1) / STEP * STEP
}

fn mapped(at: *mut libc::c_void) -> io::Result<NonNull<u8>> {
    match NonNull::new(at.cast::<u8>()) {
        Some(at) if at.as_ptr().cast() != libc::MAP_FAILED => Ok(at),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the room on the disk now: a page that finds none when it is written to would end the process.
fn reserve(file: &File, room: usize) -> io::Result<()> {
    let room = libc::off_t::try_from(room).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    loop {
        // SAFETY: an open file.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, room) } {
            0 => return Ok(()),
            libc::EINTR => {}
            e => return Err(io::Error::from_raw_os_error(e)),
        }
    }
}

fn open(path: &Path, how: libc::c_int) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let how = how | libc::O_RDWR | libc::O_CLOEXEC | libc::O_EXCL;
    // SAFETY: a NUL-terminated path.
    match unsafe { libc::open(path.as_ptr(), how, 0o600) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: a descriptor that is ours alone.
        fd => Ok(unsafe { File::from_raw_fd(fd) }),
    }
}

fn nameless(folder: &Path) -> io::Result<File> {
    match open(folder, libc::O_TMPFILE) {
        Err(e) if matches!(e.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL)) => {
            unnamed(folder)
        }
        done => done,
    }
}

/// Where the file system knows no files without names: one that loses its name at once.
fn unnamed(folder: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".twinpool-{}-{n}", std::process::id()));
        match open(&path, libc::O_CREAT) {
            // Left by a process of the same number that was killed between these two calls.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
        }
    }
}

fn failed(e: &io::Error, bytes: usize, spill: &Spill) -> Error {
    Error::new(
        Status::Exhausted,
        format!(
            "a value of {bytes} bytes or more cannot be kept in a temporary file in {} ({e}): make room there, or name \
             another folder with value.spill_folder",
            spill.folder.display()
        ),
    )
}

fn no_memory(bytes: usize) -> Error {
    Error::new(Status::Exhausted, format!("no memory for a value of {bytes} bytes"))
}

/// Bytes at the end of which more can be put.
pub struct Bulk(Storage);

enum Storage {
    Memory(Vec<u8>),
    /// A part of a file that others may hold parts of, too.
    File {
        map: Arc<Mapping>,
        start: usize,
        len: usize,
    },
}

impl Bulk {
    pub const fn new() -> Bulk {
        Bulk(Storage::Memory(Vec::new()))
    }

    pub fn is_spilled(&self) -> bool {
        matches!(self.0, Storage::File { .. })
    }

    /// Bytes that there is room for, in memory or in the file.
    pub fn room(&self) -> usize {
        match &self.0 {
            Storage::Memory(bytes) => bytes.capacity(),
            Storage::File { map, .. } => map.room,
        }
    }

    /// Forgets the bytes, and the file.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Storage::Memory(bytes) => bytes.clear(),
            Storage::File { .. } => *self = Bulk::new(),
        }
    }

    /// Makes room for `more` bytes, which a file takes if they are too many.
    pub fn reserve(&mut self, more: usize, spill: &Arc<Spill>) -> Result<()> {
        let whole = self.len().checked_add(more).ok_or_else(|| no_memory(more))?;
        match &mut self.0 {
            Storage::Memory(bytes) if more <= spill.above => {
                bytes.try_reserve(more).map_err(|_| no_memory(whole))
            }
            Storage::File { map, start: 0, .. } => {
                let has_room = match Arc::get_mut(map) {
                    Some(map) => map.room >= whole || map.grow(whole)?,
                    // Others hold parts of it, which must stay where they are.
                    None => false,
                };
                if has_room { Ok(()) } else { self.move_to_file(whole, spill) }
            }
            _ => self.move_to_file(whole, spill),
        }
    }

    fn move_to_file(&mut self, room: usize, spill: &Arc<Spill>) -> Result<()> {
        let map = Mapping::new(room, spill)?;
        let len = self.len();
        // SAFETY: a new mapping with room for at least as many bytes.
        unsafe { ptr::copy_nonoverlapping(self.as_ptr(), map.at.as_ptr(), len) };
        self.0 = Storage::File { map: Arc::new(map), start: 0, len };
        Ok(())
    }

    /// Where the next byte goes.
    pub fn end(&mut self) -> *mut u8 {
        let len = self.len();
        // SAFETY: one past the last byte at most.
        unsafe { self.start().add(len) }
    }

    fn start(&mut self) -> *mut u8 {
        match &mut self.0 {
            Storage::Memory(bytes) => bytes.as_mut_ptr(),
            // SAFETY: within the mapping.
            Storage::File { map, start, .. } => unsafe { map.at.as_ptr().add(*start) },
        }
    }

    /// # Safety
    /// So many bytes were reserved and written.
    pub unsafe fn set_len(&mut self, new: usize) {
        match &mut self.0 {
            // SAFETY: the caller's promise.
            Storage::Memory(bytes) => unsafe { bytes.set_len(new) },
            Storage::File { len, .. } => *len = new,
        }
    }

    /// Puts bytes behind those that are there; a file takes them all if they are too many together.
    pub fn append(&mut self, bytes: &[u8], spill: &Arc<Spill>) -> Result<()> {
        let whole = self.len().saturating_add(bytes.len());
        match &self.0 {
            Storage::Memory(_) if whole > spill.above => self.move_to_file(whole, spill)?,
            _ => self.reserve(bytes.len(), spill)?,
        }
        // SAFETY: just reserved, and `bytes` are not ours, for we are borrowed mutably.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.end(), bytes.len());
            self.set_len(whole);
        }
        Ok(())
    }

    /// Puts a few bytes behind those that are there, in memory if there is a choice.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let spill = match &self.0 {
            Storage::Memory(_) => None,
            Storage::File { map, .. } => Some(Arc::clone(&map.spill)),
        };
        if spill.is_some_and(|spill| self.append(bytes, &spill).is_ok()) {
            return;
        }
        if self.is_spilled() {
            self.0 = Storage::Memory(self.to_vec());
        }
        if let Storage::Memory(all) = &mut self.0 {
            all.extend_from_slice(bytes);
        }
    }

    /// Writes over what is there; what does not fit is left out.
    pub fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let n = bytes.len().min(self.len().saturating_sub(at));
        // SAFETY: within what is there.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start().add(at.min(self.len())), n) };
    }

    /// A part, which shares the file where it is a long part of one.
    pub fn part(&self, range: Range<usize>) -> Bulk {
        match &self.0 {
            Storage::File { map, start, len }
                if range.len() >= SHARED && range.start <= range.end && range.end <= *len =>
            {
                map.seal();
                Bulk(Storage::File { map: Arc::clone(map), start: start + range.start, len: range.len() })
            }
            _ => Bulk::from(self.get(range).unwrap_or_default().to_vec()),
        }
    }

    /// The bytes; or itself, sealed, where they lie in a file.
    fn into_memory(self) -> Result<Vec<u8>, Bulk> {
        match self.0 {
            Storage::Memory(bytes) => Ok(bytes),
            Storage::File { map, start, len } => {
                map.seal();
                Err(Bulk(Storage::File { map, start, len }))
            }
        }
    }
}

impl Deref for Bulk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Storage::Memory(bytes) => bytes,
            Storage::File { map, start, len } => {
                // SAFETY: within the mapping, which lives as long as `self`.
                unsafe { std::slice::from_raw_parts(map.at.as_ptr().add(*start), *len) }
            }
        }
    }
}

impl From<Vec<u8>> for Bulk {
    fn from(bytes: Vec<u8>) -> Bulk {
        Bulk(Storage::Memory(bytes))
    }
}

impl Default for Bulk {
    fn default() -> Bulk {
        Bulk::new()
    }
}

impl Clone for Bulk {
    fn clone(&self) -> Bulk {
        self.part(0..self.len())
    }
}

impl PartialEq for Bulk {
    fn eq(&self, other: &Bulk) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Storage::Memory(bytes) => bytes.fmt(f),
            Storage::File { len, .. } => write!(f, "({len} bytes in a file)"),
        }
    }
}

/// A value of text or bytes that lies in a file. Clones share it.
#[derive(Clone, PartialEq, Debug)]
pub struct Large {
    text: bool,
    bytes: Bulk,
}

impl Large {
    pub fn kind(&self) -> Type {
        if self.text { Type::Text } else { Type::Bytes }
    }

    /// The bytes, also of a text.
    pub fn raw(&self) -> &[u8] {
        &self.bytes
    }

    pub fn text(&self) -> Option<&str> {
        // SAFETY: what is marked as text was found to be UTF-8, and a file that is shared is not written to.
        self.text.then(|| unsafe { std::str::from_utf8_unchecked(&self.bytes) })
    }

    /// A copy in memory.
    pub fn in_memory(&self) -> Value {
        match self.text() {
            Some(text) => Value::Text(text.to_owned()),
            None => Value::Bytes(self.raw().to_vec()),
        }
    }

    /// The bytes of a text.
    pub fn into_bytes(self) -> Large {
        Large { text: false, ..self }
    }

    /// An empty buffer, and what decides where its bytes go: as it was for these.
    pub fn like(&self) -> Option<(Bulk, Arc<Spill>)> {
        match &self.bytes.0 {
            Storage::File { map, .. } => Some((Bulk::new(), Arc::clone(&map.spill))),
            Storage::Memory(_) => None,
        }
    }
}

/// What came of a buffer that was to be a value.
pub enum Taken<M> {
    Memory(M),
    File(Large),
}

/// The bytes of a value.
pub fn bytes(buffer: Bulk) -> Taken<Vec<u8>> {
    match buffer.into_memory() {
        Ok(bytes) => Taken::Memory(bytes),
        Err(bytes) => Taken::File(Large { text: false, bytes }),
    }
}

/// The text of a value; where it is none, from which byte on.
pub fn text(buffer: Bulk) -> Result<Taken<String>, usize> {
    match buffer.into_memory() {
        Ok(bytes) => String::from_utf8(bytes).map(Taken::Memory).map_err(|e| e.utf8_error().valid_up_to()),
        Err(bytes) => match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Taken::File(Large { text: true, bytes })),
            Err(e) => Err(e.valid_up_to()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spill(above: usize) -> Arc<Spill> {
        Arc::new(Spill::new(above, ""))
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| ((i * 31) >> 3) as u8).collect()
    }

    #[test]
    fn bytes_lie_in_memory_up_to_the_limit_and_in_a_file_above_it() {
        let spill = spill(100_000);
        for (len, in_file) in
            [(0, false), (1, false), (99_999, false), (100_000, false), (100_001, true), (5_000_000, true)]
        {
            for piece in [7_777, 5_000_000] {
                let (all, mut buffer) = (pattern(len), Bulk::new());
                for part in all.chunks(piece) {
                    buffer.append(part, &spill).unwrap();
                }
                assert_eq!(buffer.is_spilled(), in_file, "{len}");
                assert!(*buffer == all[..], "{len} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn parts_of_a_file_outlive_what_happens_to_the_whole() {
        let (all, mut buffer, spill) = (pattern(3_000_000), Bulk::new(), spill(10));
        buffer.append(&all, &spill).unwrap();
        let (part, few) = (buffer.part(1_000..2_000_000), buffer.part(5..10));
        assert!(part.is_spilled() && !few.is_spilled());
        buffer.append(&all, &spill).unwrap();
        buffer.overwrite(1_000, b"changed");
        assert_eq!(&buffer[998..1_009], [&all[998..1_000], b"changed", &all[1_007..1_009]].concat());
        buffer.clear();
        assert!(buffer.is_empty() && !buffer.is_spilled());
        assert!(*part == all[1_000..2_000_000] && *few == all[5..10]);
    }

    #[test]
    fn a_character_may_be_cut_between_pieces_and_not_at_the_end() {
        let spill = spill(1_000);
        let all = "e€😀".repeat(1_000);
        for piece in [1, 2, 3, 5] {
            let mut buffer = Bulk::new();
            for part in all.as_bytes().chunks(piece) {
                buffer.append(part, &spill).unwrap();
            }
            match text(buffer).unwrap() {
                Taken::File(large) => assert_eq!(large.text(), Some(&*all)),
                Taken::Memory(_) => panic!("it lies in memory"),
            }
        }
        let mut cut = Bulk::new();
        cut.append(&all.as_bytes()[..all.len() - 1], &spill).unwrap();
        assert_eq!(text(cut).err(), Some(all.len() - 4));
    }

    #[test]
    fn a_file_is_for_its_owner_alone_and_has_no_name() {
        use std::os::unix::fs::MetadataExt;
        let folder = std::env::temp_dir().join(format!("twinpool-large-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // What a killed process may have left.
        std::fs::write(folder.join(format!(".twinpool-{}-0", std::process::id())), "").unwrap();
        for file in [nameless(&folder).unwrap(), unnamed(&folder).unwrap()] {
            let found = file.metadata().unwrap();
            assert_eq!((found.mode() & 0o777, found.nlink()), (0o600, 0));
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_value_keeps_no_file_open_and_nor_do_parts_of_a_block() {
        let folder = std::env::temp_dir().join(format!("twinpool-large-open-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let spill = Arc::new(Spill::new(100_000, folder.to_str().unwrap()));
        let open = || {
            let all = std::fs::read_dir("/proc/self/fd").unwrap();
            all.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
                .filter(|to| to.starts_with(&folder))
                .count()
        };
        let all = pattern(3_000_000);
        let values: Vec<Value> = (0..20).map(|_| Value::from_bytes(&all, &spill).unwrap()).collect();
        assert_eq!(open(), 0);
        let mut block = Bulk::new();
        block.append(&all, &spill).unwrap();
        assert_eq!(open(), 1);
        let part = block.part(0..2_000_000);
        assert_eq!(open(), 0);
        drop(part);
        // Nobody holds a part any more, and it grows in a file of its own.
        block.append(&all, &spill).unwrap();
        assert!(*block == [&all[..], &all[..]].concat());
        assert!(values.iter().all(|value| value.bytes() == Some(&all[..])));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named_in_the_error() {
        let nowhere = Arc::new(Spill::new(10, "/nonexistent"));
        let mut buffer = Bulk::new();
        buffer.append(b"few", &nowhere).unwrap();
        let e = buffer.append(&[0; 100], &nowhere).unwrap_err();
        assert_eq!(e.status(), Status::Exhausted);
        assert!(
            e.to_string().contains("/nonexistent") && e.to_string().contains("value.spill_folder"),
            "{e}"
        );
        assert_eq!(&*buffer, b"few");
    }
}
