//! Content that the driver has to wait for.

use std::future::Future;

use smtp_message::{Chunks, ContentError};

/// The bytes of a content, piece by piece, from a source that may make the driver wait.
///
/// While it waits, the connection's replies are read and its deadlines kept.  Under smtp-blocking the future must be
/// ready at once.
///
/// What comes of an asynchronous reader can be sent so as a whole message, without being kept; as a part of a message it
/// goes through a [`Spool`](smtp_message::Spool).
pub trait AsyncChunks: Send {
    /// Appends the next piece to `out`, with CRLF line ends and without dot-stuffing.  Returns whether more may come.
    ///
    /// # Errors
    /// What keeps the content from being read.
    fn next(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<bool, ContentError>> + Send;
}

impl AsyncChunks for Box<dyn Chunks + '_> {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        Chunks::next(&mut **self, out)
    }
}
