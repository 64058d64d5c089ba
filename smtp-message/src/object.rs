//! Contents that know whom they are from and for: mail objects (RFC 5321 section 2.3.1).

use std::fmt;

use smtp_proto::envelope::{Envelope, EnvelopeError};

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use crate::dkim::Signed;
use crate::{Content, Message, RawEnvelopeError, RawMessage};

/// A content with an envelope of its own: what a mailer sends without being told to whom.
///
/// ```
/// use smtp_message::{Bcc, LineEnds, MailObject, RawMessage};
///
/// let eml = "From: a@example.com\nTo: b@example.org\nBcc: c@example.net\n\nHello\n";
/// let envelope = RawMessage::parse(eml, LineEnds::Normalise, Bcc::Remove)?.envelope()?;
/// assert_eq!(envelope.sender().unwrap().to_string(), "a@example.com");
/// assert_eq!(envelope.recipients().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MailObject: Content {
    /// Whom it is from and for, by its headers.
    ///
    /// # Errors
    /// Why they do not say it.
    fn envelope(&self) -> Result<Envelope, NoEnvelope>;
}

impl MailObject for Message {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        Ok(Envelope::new(self.sender().clone(), self.recipients().iter().cloned())?)
    }
}

/// The headers of strangers need not have one sender; never is it sent with the empty reverse-path for that.
impl MailObject for RawMessage {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        let sender = self.sender().map_err(|error| NoEnvelope::Header(error.clone()))?;
        let recipients = self.recipients().map_err(|error| NoEnvelope::Header(error.clone()))?;
        let sender = sender.ok_or(NoEnvelope::NoSender)?;
        Ok(Envelope::new(sender.clone(), recipients.iter().cloned())?)
    }
}

/// That of what was signed.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
impl<C: MailObject> MailObject for Signed<C> {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        self.content().envelope()
    }
}

impl<C: MailObject + ?Sized> MailObject for &C {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        (**self).envelope()
    }
}

impl<C: MailObject + ?Sized> MailObject for Box<C> {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        (**self).envelope()
    }
}

impl<C: MailObject + ?Sized> MailObject for std::sync::Arc<C> {
    fn envelope(&self) -> Result<Envelope, NoEnvelope> {
        (**self).envelope()
    }
}

/// Why there is no envelope for a content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoEnvelope {
    /// A field that names senders or recipients cannot be read, or it is not clear who passed the message on last.
    Header(RawEnvelopeError),
    /// There is neither Sender, nor From with one author; of a message that was passed on, Resent-Sender and Resent-From.
    NoSender,
    /// The envelope is not complete.
    Incomplete(EnvelopeError),
}

impl fmt::Display for NoEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => write!(f, "the headers do not say who sends the message to whom: {error}"),
            Self::NoSender => f.write_str(
                "the headers have neither Sender nor From with one author (if the message was passed on: neither \
                 Resent-Sender nor Resent-From with one)",
            ),
            Self::Incomplete(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoEnvelope {
    /// The cause's own: that is in the text.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Header(error) => error.source(),
            Self::NoSender => None,
            Self::Incomplete(error) => error.source(),
        }
    }
}

impl From<EnvelopeError> for NoEnvelope {
    fn from(error: EnvelopeError) -> Self {
        Self::Incomplete(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bcc, LineEnds};

    fn envelope(message: &str) -> Result<Envelope, NoEnvelope> {
        RawMessage::parse(message, LineEnds::Normalise, Bcc::Remove).unwrap().envelope()
    }

    #[test]
    fn ready_made_messages_may_have_no_envelope() {
        let whole = envelope("From: a@x, b@x\nSender: c@x\nTo: d@x\nCc: e@x\n\n").unwrap();
        assert_eq!((whole.sender().unwrap().to_string(), whole.recipients().len()), ("c@x".into(), 2));
        assert_eq!(envelope("From: a@x, b@x\nTo: d@x\n\n"), Err(NoEnvelope::NoSender));
        assert_eq!(envelope("To: d@x\n\n"), Err(NoEnvelope::NoSender));
        let incomplete = NoEnvelope::Incomplete(EnvelopeError::NoRecipient);
        assert_eq!(envelope("From: a@x\n\n"), Err(incomplete));
        assert!(matches!(envelope("From: a@x\nTo: @\n\n"), Err(NoEnvelope::Header(_))));
        assert!(matches!(envelope("From: @\nTo: a@x\n\n"), Err(NoEnvelope::Header(_))));
    }
}
