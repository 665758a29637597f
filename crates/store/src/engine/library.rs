//! The functions of `libchdb.so`, by their C signatures (`chdb.h` of 26.7.3), and safe handles over them.
//!
//! ```text
//! chdb_connect ─▶ Connection ─┬─ chdb_query_with_params_n ─────────▶ result ─▶ Chunk          (whole answer at once)
//!                             ├─ chdb_stream_query_with_params_n ──▶ Rows   ─▶ Chunk, Chunk … (one block of rows each)
//!                             └─ chdb_stream_insert_with_params_n ─▶ Insert ◀─ append, append … then commit, or cancel
//! chdb_close_conn, and after the last one chdb_shutdown
//! ```
//!
//! The only `unsafe` of this crate. What every call relies on:
//! - handles come from the library and are used only with the functions that the header names for them;
//! - text is passed with its length and copied by the library before the call returns;
//! - a connection runs one statement at a time: every handle below borrows its connection mutably;
//! - the library is never unloaded, since the engine's threads run in it until the process ends.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_double, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{EngineError, Parameters};
use crate::exception::{Code, Exception};

/// `chdb_connection`, `chdb_result *` and `chdb_insert_stream` are all pointers to opaque structs.
type Handle = *mut c_void;
type Text = *const c_char;

/// The `…_with_params_n` functions: connection, statement, format, names, values, count.
type Start = unsafe extern "C" fn(
    Handle,
    Text,
    usize,
    Text,
    usize,
    *const Text,
    *const usize,
    *const Text,
    *const usize,
    usize,
) -> Handle;
type Counter = unsafe extern "C" fn(Handle) -> u64;
type Message = unsafe extern "C" fn(Handle) -> Text;
type Finish = unsafe extern "C" fn(Handle);

/// The loaded library.
pub struct Library {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut Handle,
    close: unsafe extern "C" fn(*mut Handle),
    shutdown: unsafe extern "C" fn() -> c_int,
    query: Start,
    rows: Start,
    rows_fetch: unsafe extern "C" fn(Handle, Handle) -> Handle,
    rows_cancel: unsafe extern "C" fn(Handle, Handle),
    insert: Start,
    insert_append: unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(Handle) -> Handle,
    insert_error: Message,
    insert_destroy: Finish,
    result_buffer: unsafe extern "C" fn(Handle) -> *mut c_char,
    result_length: unsafe extern "C" fn(Handle) -> usize,
    result_elapsed: unsafe extern "C" fn(Handle) -> c_double,
    result_rows: Counter,
    result_read_rows: Counter,
    result_read_bytes: Counter,
    result_written_rows: Counter,
    result_written_bytes: Counter,
    result_error: Message,
    result_destroy: Finish,
}

impl Library {
    /// Loads the library at `path`. Its signal handlers stay off: a fault must end the process, not print and hang.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Load { path: path.to_owned(), source };
        // SAFETY: loading runs the library's initialisers, which is what opening this engine means.
        let library = unsafe { libloading::Library::new(path) }.map_err(failed)?;
        // SAFETY: each symbol's type is the signature that chdb.h declares for it; `keep` forgets the library below,
        // so that the addresses stay valid for the life of the process.
        let loaded = unsafe {
            let set_signal_handlers: unsafe extern "C" fn(c_int) =
                *library.get(b"chdb_set_signal_handlers_enabled\0").map_err(failed)?;
            set_signal_handlers(0);
            Self {
                connect: *library.get(b"chdb_connect\0").map_err(failed)?,
                close: *library.get(b"chdb_close_conn\0").map_err(failed)?,
                shutdown: *library.get(b"chdb_shutdown\0").map_err(failed)?,
                query: *library.get(b"chdb_query_with_params_n\0").map_err(failed)?,
                rows: *library.get(b"chdb_stream_query_with_params_n\0").map_err(failed)?,
                rows_fetch: *library.get(b"chdb_stream_fetch_result\0").map_err(failed)?,
                rows_cancel: *library.get(b"chdb_stream_cancel_query\0").map_err(failed)?,
                insert: *library.get(b"chdb_stream_insert_with_params_n\0").map_err(failed)?,
                insert_append: *library.get(b"chdb_stream_append\0").map_err(failed)?,
                insert_done: *library.get(b"chdb_stream_done\0").map_err(failed)?,
                insert_error: *library.get(b"chdb_stream_insert_error\0").map_err(failed)?,
                insert_destroy: *library.get(b"chdb_destroy_insert_stream\0").map_err(failed)?,
                result_buffer: *library.get(b"chdb_result_buffer\0").map_err(failed)?,
                result_length: *library.get(b"chdb_result_length\0").map_err(failed)?,
                result_elapsed: *library.get(b"chdb_result_elapsed\0").map_err(failed)?,
                result_rows: *library.get(b"chdb_result_rows_read\0").map_err(failed)?,
                result_read_rows: *library.get(b"chdb_result_storage_rows_read\0").map_err(failed)?,
                result_read_bytes: *library.get(b"chdb_result_storage_bytes_read\0").map_err(failed)?,
                result_written_rows: *library.get(b"chdb_result_rows_written\0").map_err(failed)?,
                result_written_bytes: *library.get(b"chdb_result_bytes_written\0").map_err(failed)?,
                result_error: *library.get(b"chdb_result_error\0").map_err(failed)?,
                result_destroy: *library.get(b"chdb_destroy_query_result\0").map_err(failed)?,
            }
        };
        std::mem::forget(library);
        Ok(loaded)
    }

    /// Stops the engine after its last connection is closed; false if a thread of its own goes on (harmless at exit).
    /// Nothing can be opened in this process afterwards.
    pub fn shutdown(&self) -> bool {
        // SAFETY: no arguments; the library refuses by itself while a connection is open.
        unsafe { (self.shutdown)() == 0 }
    }

    /// Takes a finished result apart and destroys it.
    fn take(&self, result: Handle) -> Result<Chunk, Exception> {
        if result.is_null() {
            return Err(Exception::new(Code::UnknownException, "The engine returned no result"));
        }
        // SAFETY: `result` is a live result of this library; error and buffer are copied before it is destroyed, once.
        unsafe {
            let outcome = match message((self.result_error)(result)) {
                Some(text) => Err(Exception::from_engine(&text)),
                None => Ok(Chunk {
                    bytes: copy((self.result_buffer)(result), (self.result_length)(result)),
                    progress: Progress {
                        elapsed: Duration::try_from_secs_f64((self.result_elapsed)(result)).unwrap_or_default(),
                        result_rows: (self.result_rows)(result),
                        read_rows: (self.result_read_rows)(result),
                        read_bytes: (self.result_read_bytes)(result),
                        written_rows: (self.result_written_rows)(result),
                        written_bytes: (self.result_written_bytes)(result),
                    },
                }),
            };
            (self.result_destroy)(result);
            outcome
        }
    }
}

/// A piece of an answer in its output format; empty after the last one.
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// The formatted rows.
    pub bytes: Bytes,
    /// What it took.
    pub progress: Progress,
}

/// Counters of a statement, as `X-ClickHouse-Summary` gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Time in the engine.
    pub elapsed: Duration,
    /// Rows of the answer.
    pub result_rows: u64,
    /// Rows and bytes read from storage.
    pub read_rows: u64,
    pub read_bytes: u64,
    /// Rows and bytes written, those of materialised views included.
    pub written_rows: u64,
    pub written_bytes: u64,
}

/// One connection to the engine: a session of its own that runs one statement at a time.
pub struct Connection {
    library: Arc<Library>,
    slot: NonNull<Handle>,
}

// SAFETY: the library ties a connection to no thread; `&mut self` everywhere keeps its statements one after another.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens one more connection. The first boots the engine, with the server options among `arguments`.
    pub fn open(library: &Arc<Library>, arguments: &[CString]) -> Result<Self, EngineError> {
        let mut argv: Vec<*mut c_char> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
        let argc = c_int::try_from(argv.len()).map_err(|_| EngineError::Connect)?;
        // SAFETY: argc pointers to NUL-terminated text that outlives the call; the library does not write to them.
        let slot = unsafe { (library.connect)(argc, argv.as_mut_ptr()) };
        let slot = NonNull::new(slot).ok_or(EngineError::Connect)?;
        Ok(Self { library: library.clone(), slot })
    }

    fn handle(&self) -> Handle {
        // SAFETY: `slot` points to the connection's handle until `chdb_close_conn`, which only `drop` calls.
        unsafe { *self.slot.as_ptr() }
    }

    fn start(&mut self, start: Start, text: &[u8], format: &str, parameters: &Parameters) -> Handle {
        let (names, name_lengths): (Vec<Text>, Vec<usize>) =
            parameters.keys().map(|name| (name.as_ptr().cast(), name.len())).unzip();
        let (values, value_lengths): (Vec<Text>, Vec<usize>) =
            parameters.values().map(|value| (value.as_ptr().cast(), value.len())).unzip();
        // SAFETY: every pointer goes with its length or count, and outlives the call, which copies what it keeps.
        unsafe {
            start(
                self.handle(),
                text.as_ptr().cast(),
                text.len(),
                format.as_ptr().cast(),
                format.len(),
                names.as_ptr(),
                name_lengths.as_ptr(),
                values.as_ptr(),
                value_lengths.as_ptr(),
                names.len(),
            )
        }
    }

    /// Runs a statement to its end and returns the whole answer.
    pub fn query(&mut self, text: &[u8], format: &str, parameters: &Parameters) -> Result<Chunk, Exception> {
        let result = self.start(self.library.query, text, format, parameters);
        self.library.take(result)
    }

    /// Starts a `SELECT` whose rows are fetched block by block.
    pub fn rows(&mut self, text: &[u8], format: &str, parameters: &Parameters) -> Result<Rows<'_>, Exception> {
        let stream = self.start(self.library.rows, text, format, parameters);
        let rows =
            Rows { library: self.library.clone(), connection: self.handle(), stream, ended: false, of: PhantomData };
        // SAFETY: `stream` is what the library just returned; it takes NULL too.
        match unsafe { message((rows.library.result_error)(stream)) } {
            Some(text) => Err(Exception::from_engine(&text)),
            None => Ok(rows),
        }
    }

    /// Starts an `INSERT` (without its `FORMAT` clause) that takes its rows piece by piece.
    pub fn insert(&mut self, text: &[u8], format: &str, parameters: &Parameters) -> Result<Insert<'_>, Exception> {
        let stream = self.start(self.library.insert, text, format, parameters);
        let insert = Insert { library: self.library.clone(), stream, of: PhantomData };
        match insert.error() {
            Some(exception) => Err(exception),
            None => Ok(insert),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the slot is live, and this is its only close.
        unsafe { (self.library.close)(self.slot.as_ptr()) }
    }
}

/// A running `SELECT`; dropped before its end it is cancelled.
pub struct Rows<'c> {
    library: Arc<Library>,
    connection: Handle,
    stream: Handle,
    ended: bool,
    of: PhantomData<&'c mut Connection>,
}

impl Rows<'_> {
    /// The next block of rows as a document of its own in the output format (headers and all); `None` after the last.
    pub fn next(&mut self) -> Result<Option<Chunk>, Exception> {
        if self.ended {
            return Ok(None);
        }
        // SAFETY: both handles are live, and nothing else uses the connection meanwhile.
        let result = unsafe { (self.library.rows_fetch)(self.connection, self.stream) };
        let chunk = self.library.take(result);
        self.ended = chunk.as_ref().map_or(true, |chunk| chunk.bytes.is_empty());
        chunk.map(|chunk| (!self.ended).then_some(chunk))
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        // SAFETY: both handles are live; the stream is destroyed once, here, after its cancellation.
        unsafe {
            if !self.ended {
                (self.library.rows_cancel)(self.connection, self.stream);
            }
            (self.library.result_destroy)(self.stream);
        }
    }
}

/// A running `INSERT`; dropped before `commit` it is cancelled.
pub struct Insert<'c> {
    library: Arc<Library>,
    stream: Handle,
    of: PhantomData<&'c mut Connection>,
}

impl Insert<'_> {
    /// Hands over some bytes in the input format, cut anywhere; blocks while the engine is behind.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Exception> {
        // SAFETY: the stream is live; the bytes are copied by the call.
        let state = unsafe { (self.library.insert_append)(self.stream, bytes.as_ptr().cast(), bytes.len()) };
        if state == 0 {
            return Ok(());
        }
        Err(self.error().unwrap_or_else(|| Exception::new(Code::Aborted, "The insert was refused")))
    }

    /// Ends the input and writes the last block: what this acknowledges is on disk.
    pub fn commit(self) -> Result<Progress, Exception> {
        // SAFETY: the stream is live and not finished, since `commit` takes it; it is destroyed by `drop`.
        let result = unsafe { (self.library.insert_done)(self.stream) };
        self.library.take(result).map(|chunk| chunk.progress)
    }

    fn error(&self) -> Option<Exception> {
        // SAFETY: the stream is live, or NULL, which the library takes too.
        unsafe { message((self.library.insert_error)(self.stream)) }.map(|text| Exception::from_engine(&text))
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: destroyed once, here; an unfinished stream is cancelled by it.
        unsafe { (self.library.insert_destroy)(self.stream) }
    }
}

/// # Safety
/// `text` is NULL or NUL-terminated and stays valid during the call.
unsafe fn message(text: Text) -> Option<String> {
    // SAFETY: as required of the caller.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// # Safety
/// `buffer` is NULL or points to `length` readable bytes during the call.
unsafe fn copy(buffer: *const c_char, length: usize) -> Bytes {
    if buffer.is_null() || length == 0 {
        return Bytes::new();
    }
    // SAFETY: as required of the caller.
    Bytes::copy_from_slice(unsafe { &*ptr::slice_from_raw_parts(buffer.cast::<u8>(), length) })
}
