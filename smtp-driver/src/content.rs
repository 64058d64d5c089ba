//! Content that the driver has to wait for.

use std::future::Future;

use smtp_message::{Chunks, ContentError, Data, Spool};

/// The bytes of a content, piece by piece, from a source that may make the driver wait.
///
/// While it waits, the connection's replies are read and its deadlines kept.  Under smtp-blocking the future must be
/// ready at once.
///
/// What comes of an asynchronous reader can be sent so as a whole message, without being kept; as a part of a message it
/// is read by [`spool`] before.
pub trait AsyncChunks: Send {
    /// Appends the next piece to `out`, with CRLF line ends and without dot-stuffing.  Returns whether more may come.
    ///
    /// # Errors
    /// What keeps the content from being read.
    fn next(&mut self, out: &mut Vec<u8>) -> impl Future<Output = Result<bool, ContentError>> + Send;
}

/// Reads a source to its end, as the data of a part; what it had is kept in memory.
///
/// ```
/// use smtp_driver::{AsyncChunks, spool};
/// use smtp_message::{ContentError, Part};
///
/// /// Whatever has to be waited for.
/// struct Source(u8);
///
/// impl AsyncChunks for Source {
///     async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
///         self.0 -= 1;
///         out.extend_from_slice(b"piece ");
///         Ok(self.0 > 0)
///     }
/// }
///
/// # async fn example() -> Result<(), ContentError> {
/// let part = Part::attachment("pieces.txt", spool(&mut Source(3), 1 << 20).await?);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Reading failed, or there is more than `cap` octets.
pub async fn spool(source: &mut impl AsyncChunks, cap: usize) -> Result<Data, ContentError> {
    let (mut spool, mut piece) = (Spool::new(cap), Vec::new());
    loop {
        let more = source.next(&mut piece).await?;
        spool.push(&piece)?;
        piece.clear();
        if !more {
            return Ok(spool.finish());
        }
    }
}

impl AsyncChunks for Box<dyn Chunks + '_> {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        Chunks::next(&mut **self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    struct Source(usize);

    impl AsyncChunks for Source {
        async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
            self.0 -= 1;
            out.extend_from_slice(b"piece ");
            Ok(self.0 > 0)
        }
    }

    #[test]
    fn what_is_spooled_has_a_cap() {
        for (cap, fits) in [(18, true), (17, false)] {
            let mut source = Source(3);
            let mut spooled = pin!(spool(&mut source, cap));
            match spooled.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(data)) => assert!(fits && format!("{data:?}") == "Data(18 octets)"),
                Poll::Ready(Err(error)) => {
                    assert!(!fits && matches!(error, ContentError::TooLong { cap: 17 }));
                }
                Poll::Pending => panic!("it never waits"),
            }
        }
    }
}
