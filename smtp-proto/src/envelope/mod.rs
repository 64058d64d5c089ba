//! The envelope of a message (RFC 5321 section 2.3.1), and the form its content has on the wire.

mod options;
pub(crate) mod xtext;

use alloc::vec::Vec;
use core::fmt;

pub use options::{
    ByMode, DeliverBy, EnvelopeId, Hold, HoldSeconds, HoldTime, MailOptions, Notify, OptionError, OptionRule,
    OriginalRecipient, Priority, RcptOptions, Ret, Submitter,
};

use crate::address::Address;

/// Who gets a message, and who hears of failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    sender: Option<Address>,
    recipients: Vec<Address>,
    form: Form,
    options: MailOptions,
    /// By recipient; empty if nobody has any.
    rcpt_options: Vec<RcptOptions>,
}

impl Envelope {
    /// An envelope; a `sender` of `None` is the empty reverse-path `<>` of notifications.
    ///
    /// ```
    /// # use smtp_proto::{Address, envelope::Envelope};
    /// let to: Address = "postmaster@example.com".parse()?;
    /// let envelope = Envelope::new(None, [to])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// No recipient, or a sender without a domain.
    pub fn new(
        sender: impl Into<Option<Address>>,
        recipients: impl IntoIterator<Item = Address>,
    ) -> Result<Self, EnvelopeError> {
        let envelope = Self {
            sender: sender.into(),
            recipients: recipients.into_iter().collect(),
            form: Form::default(),
            options: MailOptions::default(),
            rcpt_options: Vec::new(),
        };
        if envelope.recipients.is_empty() {
            return Err(EnvelopeError::NoRecipient);
        }
        if envelope.sender.as_ref().is_some_and(|sender| sender.host().is_none()) {
            return Err(EnvelopeError::SenderWithoutDomain);
        }
        Ok(envelope)
    }

    /// The same with the form of its content.
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same with what is asked for the message as a whole.
    #[must_use]
    pub fn with_options(self, options: MailOptions) -> Self {
        Self { options, ..self }
    }

    /// The same with what is asked for each recipient.
    ///
    /// ```
    /// # use smtp_proto::{Address, envelope::Envelope};
    /// use smtp_proto::envelope::{Notify, RcptOptions};
    ///
    /// let to: Address = "a@example.com".parse()?;
    /// let envelope = Envelope::new(None, [to])?.with_rcpt_options(|to| {
    ///     let mut options = RcptOptions::default();
    ///     options.notify = Some(Notify::SUCCESS.and(Notify::FAILURE));
    ///     options.original = Some(Box::new(to.into()));
    ///     options
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_rcpt_options(self, options: impl FnMut(&Address) -> RcptOptions) -> Self {
        let rcpt_options = self.recipients.iter().map(options).collect();
        Self { rcpt_options, ..self }
    }

    /// The same for the recipients at these positions only; `None` if there are none.
    pub(crate) fn with_recipients_at(&self, positions: &[usize]) -> Option<Self> {
        let at = |&i: &usize| self.recipients.get(i).cloned();
        let recipients: Vec<_> = positions.iter().filter_map(at).collect();
        let rcpt_options = positions.iter().filter_map(|&i| self.rcpt_options.get(i).cloned()).collect();
        let (sender, options) = (self.sender.clone(), self.options.clone());
        (!recipients.is_empty()).then_some(Self {
            sender,
            recipients,
            form: self.form,
            options,
            rcpt_options,
        })
    }

    /// The reverse-path; `None` is the empty one.
    pub fn sender(&self) -> Option<&Address> {
        self.sender.as_ref()
    }

    /// The forward-paths, in order; there is at least one.
    pub fn recipients(&self) -> &[Address] {
        &self.recipients
    }

    /// The form of the content.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What is asked for the message as a whole.
    pub fn options(&self) -> &MailOptions {
        &self.options
    }

    /// What is asked for the recipient at this position.
    pub fn rcpt_options(&self, recipient: usize) -> &RcptOptions {
        self.rcpt_options.get(recipient).unwrap_or(&RcptOptions::NONE)
    }
}

/// What is wrong with an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// There is no recipient.
    NoRecipient,
    /// The sender is a local part alone, which only a recipient can be (RFC 5321 section 4.1.1.3).
    SenderWithoutDomain,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRecipient => "the envelope has no recipient",
            Self::SenderWithoutDomain => "the envelope's sender has no domain",
        })
    }
}

impl core::error::Error for EnvelopeError {}

/// How the content of a message goes to a server, chosen with the server's
/// [`Extensions`](crate::Extensions) in hand; it decides the parameters of MAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// Bytes of the content with CRLF line ends and without dot-stuffing, if known before it is sent (RFC 1870).
    pub size: Option<u64>,
    /// What bytes the content has.
    pub body: BodyType,
    /// Whether headers or body parts need SMTPUTF8 (RFC 6531), whatever the addresses of the envelope need.
    pub smtputf8: bool,
}

/// What bytes a content has (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BodyType {
    /// ASCII in lines of at most 998 bytes: any server takes it.
    #[default]
    SevenBit,
    /// Bytes from 128 up occur, in lines of at most 998 bytes: needs 8BITMIME.
    EightBitMime,
    /// Any bytes, in lines of any length or none (RFC 3030 section 3): needs BINARYMIME and CHUNKING.
    BinaryMime,
}
