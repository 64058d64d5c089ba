//! What a driver needs of a message's content: its form first, its bytes second.

use std::fmt;
use std::io;
use std::path::PathBuf;

use smtp_proto::Extensions;
use smtp_proto::envelope::Form;

/// The content of a message, which can be sent any number of times, to servers of different abilities.
///
/// Sending is two passes.  [`form`](Self::form) says what the server must be told and be able to; whether it is able
/// to is judged by the protocol machine, before MAIL.  [`open`](Self::open) yields the bytes.
///
/// With [`Extensions::default`] the form is the one that every server takes, or the least that the content needs: what is
/// signed is that form, and is sent in no other.
///
/// Both passes may read files, and block while they do.  That is rarely noticed, but a program whose files are slow (on a
/// network) can keep them from an async runtime's threads: read them into memory first, or make chunks of an
/// asynchronous source and send those (`AsyncChunks` of smtp-driver).
///
/// ```
/// use smtp_message::{Bcc, Content, LineEnds, RawMessage};
///
/// let message = RawMessage::parse(b"From: a@example.com\n\nHello", LineEnds::Normalise, Bcc::Remove)?;
/// let form = message.form(&smtp_proto::Extensions::default())?;
/// let (mut chunks, mut bytes) = (message.open(&form)?, Vec::new());
/// while chunks.next(&mut bytes)? {}
/// assert_eq!(bytes, b"From: a@example.com\r\n\r\nHello\r\n");
/// assert_eq!(form.size, Some(bytes.len() as u64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Content: Send + Sync {
    /// The form that the content has for a server with these extensions, its exact size if it is known.
    ///
    /// # Errors
    /// What keeps the content from being read.
    fn form(&self, extensions: &Extensions) -> Result<Form, ContentError>;

    /// Opens the content in a form that came from [`form`](Self::form).
    ///
    /// # Errors
    /// What keeps the content from being read.
    fn open(&self, form: &Form) -> Result<Box<dyn Chunks>, ContentError>;
}

impl<C: Content + ?Sized> Content for &C {
    fn form(&self, extensions: &Extensions) -> Result<Form, ContentError> {
        (**self).form(extensions)
    }

    fn open(&self, form: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        (**self).open(form)
    }
}

impl<C: Content + ?Sized> Content for Box<C> {
    fn form(&self, extensions: &Extensions) -> Result<Form, ContentError> {
        (**self).form(extensions)
    }

    fn open(&self, form: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        (**self).open(form)
    }
}

impl<C: Content + ?Sized> Content for std::sync::Arc<C> {
    fn form(&self, extensions: &Extensions) -> Result<Form, ContentError> {
        (**self).form(extensions)
    }

    fn open(&self, form: &Form) -> Result<Box<dyn Chunks>, ContentError> {
        (**self).open(form)
    }
}

/// The bytes of a content, piece by piece.
pub trait Chunks: Send {
    /// Appends the next piece to `out`: about 16 KiB, with CRLF line ends and without dot-stuffing.  Returns whether
    /// more may come; the content ends with CRLF.
    ///
    /// # Errors
    /// What keeps the content from being read; what was appended before is then worth nothing.
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError>;
}

/// Why a content cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ContentError {
    /// Reading a file or another source failed.
    Io(io::Error),
    /// A pipe, a device or a directory was given as a file: it cannot be read twice, or has no end.
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// The content is not what it was when its form was found, or not of the form that was given.
    Changed,
    /// The data of a part does not fit the transfer encoding that was asked for it.
    Encoding,
    /// There is more data than may be kept.
    TooLong {
        /// How much may be kept, in octets.
        cap: usize,
    },
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "reading the content of a message: {error}"),
            Self::NotAFile { path } => write!(f, "{}: this is not a regular file", path.display()),
            Self::Changed => f.write_str("the content of a message is not what it was, or was said to be"),
            Self::Encoding => f.write_str("the data of a part does not fit its transfer encoding"),
            Self::TooLong { cap } => write!(f, "there is more data than {cap} octets"),
        }
    }
}

impl std::error::Error for ContentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::NotAFile { .. } | Self::Changed | Self::Encoding | Self::TooLong { .. } => None,
        }
    }
}

impl From<io::Error> for ContentError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Bytes of a piece.
pub(crate) const CHUNK: usize = 16 << 10;
