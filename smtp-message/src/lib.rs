//! Mail messages: typed headers that cannot be injected, bodies encoded on the way, DKIM signatures.
//!
//! A [`Message`] is built from typed parts, a [`RawMessage`] was made elsewhere; both are [`Content`] that a driver can
//! send any number of times, and a [`MailObject`] that says to whom.  The crate reads no clock and no entropy: what it needs of them comes in a [`Stamp`].

mod content;
mod date;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub mod dkim;
mod fields;
mod header;
#[cfg(feature = "html")]
mod html;
mod line_ends;
mod mailbox;
mod message;
mod object;
mod part;
mod raw;
mod stamp;
mod steps;

pub use content::{Chunks, Content, ContentError};
pub use date::{Date, DateError};
pub use fields::{Field, Fields};
pub use header::{ContentType, ContentTypeError, HeaderValue, MessageId, MessageIdError};
#[cfg(feature = "html")]
pub use html::HtmlPolicy;
pub use mailbox::{Mailbox, MailboxEntry, MailboxError, MailboxList};
pub use message::{AutoSubmitted, BuildError, Importance, Message, MessageBuilder, Problem, Resent, Rule};
pub use object::{MailObject, NoEnvelope};
pub use part::{Data, Disposition, Part, PartError, Spool, TransferEncoding};
pub use raw::{Bcc, LineEnds, RawEnvelopeError, RawError, RawMessage};
pub use smtp_proto::envelope::BodyType;
pub use stamp::Stamp;
