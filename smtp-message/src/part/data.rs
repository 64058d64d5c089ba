//! Where the data of a part comes from: bytes at hand, a file, or a function that opens a reader.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::ContentError;

/// The data of a part, which can be read any number of times.  Cloning it copies nothing large.
///
/// ```
/// use smtp_message::{Data, Part};
///
/// let at_hand = Data::from(vec![1, 2, 3]);
/// let file = Data::file("/srv/report.pdf");
/// let made = Data::open(|| Ok(std::io::Cursor::new("made anew whenever the message is sent")));
/// // What can be read only once is kept in memory, if it is not more than this.
/// let once = Data::read(&mut &b"from a pipe"[..], 1 << 20)?;
/// let part = Part::attachment("report.pdf", file);
/// # Ok::<(), smtp_message::ContentError>(())
/// ```
#[derive(Clone)]
pub struct Data(pub(crate) Source);

#[derive(Clone)]
pub(crate) enum Source {
    Memory(Bytes),
    File(Arc<Path>),
    Open(Arc<Open>),
}

type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// What tells that a file is still the one that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    len: u64,
    modified: Option<SystemTime>,
}

impl Data {
    /// A file, which is opened whenever the message is looked at or sent.
    ///
    /// It must not change in between: a message whose file is not what it was is not sent to its end
    /// ([`ContentError::Changed`]), and it must be a regular file ([`ContentError::NotAFile`]).  What comes from a pipe or
    /// a device goes through [`read`](Self::read).
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into().into()))
    }

    /// What a function opens.  It is called at least twice for each message, and must yield the same every time.
    pub fn open<R: Read + Send + 'static>(open: impl Fn() -> io::Result<R> + Send + Sync + 'static) -> Self {
        Self(Source::Open(Arc::new(move || Ok(Box::new(open()?)))))
    }

    /// Reads a reader to its end, and keeps what it had in memory.  For readers that have to be waited for there is
    /// [`Spool`].
    ///
    /// # Errors
    /// Reading failed, or there is more than `cap` octets; then no more than that was read.
    pub fn read(mut reader: impl Read, cap: usize) -> Result<Self, ContentError> {
        let mut spool = Spool::new(cap);
        let mut piece = [0; 8 << 10];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(spool.finish()),
                Ok(n) => spool.push(&piece[..n])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The data, if it is at hand.
    pub(crate) fn at_hand(&self) -> Option<&Bytes> {
        match &self.0 {
            Source::Memory(bytes) => Some(bytes),
            Source::File(_) | Source::Open(_) => None,
        }
    }

    pub(crate) fn reader(&self) -> Result<Box<dyn Read + Send>, ContentError> {
        match &self.0 {
            Source::Memory(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            Source::File(path) => {
                // Opening a pipe waits for a writer, and some devices have no end.
                regular(path)?;
                Ok(Box::new(File::open(path).map_err(|error| named(path, &error))?))
            }
            Source::Open(open) => Ok(open()?),
        }
    }

    /// The version of a file; of all else there is one only.
    pub(crate) fn version(&self) -> Result<Option<Version>, ContentError> {
        let Source::File(path) = &self.0 else { return Ok(None) };
        let metadata = regular(path)?;
        Ok(Some(Version { len: metadata.len(), modified: metadata.modified().ok() }))
    }
}

/// What there is to know of a file that can be read twice and ends.
fn regular(path: &Path) -> Result<fs::Metadata, ContentError> {
    let metadata = fs::metadata(path).map_err(|error| named(path, &error))?;
    if metadata.is_file() { Ok(metadata) } else { Err(ContentError::NotAFile { path: path.into() }) }
}

/// The error with the file that it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Collects data that comes piece by piece, such as from an asynchronous reader, up to a cap.
///
/// ```
/// use smtp_message::{Part, Spool};
///
/// let mut spool = Spool::new(1 << 20);
/// for piece in ["what ", "arrives"] {
///     spool.push(piece.as_bytes())?;
/// }
/// let part = Part::attachment("a.txt", spool.finish());
/// # Ok::<(), smtp_message::ContentError>(())
/// ```
pub struct Spool {
    bytes: Vec<u8>,
    cap: usize,
}

impl Spool {
    /// An empty one that takes at most `cap` octets.
    pub fn new(cap: usize) -> Self {
        Self { bytes: Vec::new(), cap }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`ContentError::TooLong`]; nothing of the piece is taken.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), ContentError> {
        if piece.len() > self.cap - self.bytes.len() {
            return Err(ContentError::TooLong { cap: self.cap });
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All that it was given.
    pub fn finish(self) -> Data {
        self.bytes.into()
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({} of {} octets)", self.bytes.len(), self.cap)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Memory(bytes) => write!(f, "Data({} octets)", bytes.len()),
            Source::File(path) => write!(f, "Data({path:?})"),
            Source::Open(_) => f.write_str("Data(reader)"),
        }
    }
}

impl From<Bytes> for Data {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl<const N: usize> From<&[u8; N]> for Data {
    fn from(bytes: &[u8; N]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_once_has_a_cap() {
        let data = Data::read(&mut io::repeat(7).take(100), 100).unwrap();
        assert_eq!(data.at_hand().unwrap().len(), 100);
        let error = Data::read(io::repeat(7), 99_999).unwrap_err();
        assert!(matches!(error, ContentError::TooLong { cap: 99_999 }));
        let mut spool = Spool::new(3);
        assert!(spool.push(b"ab").is_ok() && spool.push(b"cd").is_err() && spool.push(b"c").is_ok());
        assert_eq!(spool.finish().at_hand().unwrap(), "abc");
    }

    #[test]
    fn an_error_names_the_file() {
        let missing = Data::file("/nonexistent/name.pdf");
        let error = missing.reader().err().unwrap().to_string();
        assert!(error.contains("/nonexistent/name.pdf"), "{error}");
        assert!(missing.version().is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let mut paths = vec![PathBuf::from("/"), PathBuf::from("/dev/zero"), PathBuf::from("/dev/null")];
        let pipe = std::env::temp_dir().join(format!("smtp-message-pipe-{}", std::process::id()));
        // Opening it would never end.
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if made.is_ok_and(|status| status.success()) {
            paths.push(pipe.clone());
        }
        for path in paths.into_iter().filter(|path| path.exists()) {
            for error in [Data::file(&path).reader().err(), Data::file(&path).version().err()] {
                let error = error.unwrap();
                assert!(
                    matches!(&error, ContentError::NotAFile { path: named } if *named == path),
                    "{error}"
                );
            }
        }
        let _ = fs::remove_file(pipe);
    }
}
