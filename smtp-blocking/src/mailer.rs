//! The mailer with blocking methods.

use std::io::{self, Read};

use smtp_driver::{AsyncChunks, ConfigError, Error, MailerBuilder, Report};
use smtp_message::{Content, ContentError, MailObject, Stamp};
use smtp_proto::Address;
use smtp_proto::envelope::{Envelope, Form};

use crate::{BlockingRuntime, block_on};

/// Hands messages to one server, and blocks the calling thread meanwhile; cheap to clone, and shared by any number of
/// threads.
///
/// Connections are kept open between messages and checked before they are used again.
#[derive(Clone, Debug)]
pub struct Mailer(smtp_driver::Mailer<BlockingRuntime>);

impl Mailer {
    /// A mailer for a server URL; see [`MailerBuilder::from_url`].
    ///
    /// # Errors
    /// What is wrong with the URL, or that TLS cannot be set up.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::new(MailerBuilder::from_url(url)?)
    }

    /// A mailer with these settings.  Nothing is connected yet.
    ///
    /// ```no_run
    /// use smtp_blocking::{Mailer, MailerBuilder};
    ///
    /// let settings = MailerBuilder::new("mail.example.com").starttls().credentials("me@example.com", "hunter2");
    /// let mailer = Mailer::new(settings)?;
    /// # Ok::<(), smtp_blocking::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The setting that does not work.
    pub fn new(settings: MailerBuilder) -> Result<Self, ConfigError> {
        settings.build(BlockingRuntime).map(Self)
    }

    /// The server: a name in A-labels, or an IP address.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The time and the randomness that building a message needs.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn stamp(&self) -> io::Result<Stamp> {
        self.0.stamp()
    }

    /// Sends a message to the recipients in its headers, Bcc included: one that was built, a ready-made one
    /// ([`RawMessage`](crate::RawMessage)), or one that was signed.
    ///
    /// `Ok` does not mean that anybody got it: the [`Report`] says what became of each recipient.
    ///
    /// # Errors
    /// Nothing was handed over: no connection, no verified TLS, credentials refused, content not readable, no sender or
    /// recipient in the headers.
    pub fn send(&self, message: &(impl MailObject + ?Sized)) -> Result<Report, Error> {
        block_on(self.0.send(message))
    }

    /// Sends a content to these recipients, whatever its headers say.  A `sender` of `None` is the empty reverse-path.
    ///
    /// # Errors
    /// As [`send`](Self::send), and an envelope that is not complete.
    pub fn send_to(
        &self,
        sender: Option<Address>,
        recipients: Vec<Address>,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        block_on(self.0.send_to(sender, recipients, content))
    }

    /// Sends a content in an envelope with options, such as delivery status notifications; its form is of no account.
    ///
    /// If the server takes fewer recipients at once, the others go in further transactions.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_envelope(
        &self,
        envelope: Envelope,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        block_on(self.0.send_envelope(envelope, content))
    }

    /// Sends a whole message that comes from a reader and is read once, with CRLF line ends and in the form that is
    /// given: a reader with another size, or with octets above 127 in a 7-bit form, ends the message before it is complete,
    /// and nobody gets it.
    ///
    /// It goes in one transaction: who is too many for that ends [`Deferred`](crate::Outcome::Deferred).  While the reader
    /// blocks nothing is done for the connection, and a server may lose patience.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use smtp_blocking::{BodyType, Form, Mailer};
    ///
    /// let mailer = Mailer::from_url("smtp://localhost?tls=none")?;
    /// // 8-bit, of unknown size; the headers are ASCII.
    /// let form = Form { size: None, body: BodyType::EightBitMime, smtputf8: false };
    /// let (from, to) = ("me@example.com".parse()?, "you@example.org".parse()?);
    /// mailer.send_stream(Some(from), vec![to], form, File::open("message.eml")?)?.all_delivered()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).  A mailer that signs does not send it.
    pub fn send_stream(
        &self,
        sender: Option<Address>,
        recipients: Vec<Address>,
        form: Form,
        content: impl Read + Send,
    ) -> Result<Report, Error> {
        block_on(self.0.send_stream(sender, recipients, form, Reader(content)))
    }

    /// Connects and logs in, to see whether that works; the connection is kept for the next message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn test_connection(&self) -> Result<(), Error> {
        block_on(self.0.test_connection())
    }

    /// Ends the connections that are kept, politely: all together have the time of [`Timeouts::quit`](crate::Timeouts::quit)
    /// to answer.  The mailer can be used further.
    pub fn close(&self) {
        block_on(self.0.close());
    }
}

/// What is read of a reader at a time.
const PIECE: u64 = 16 << 10;

struct Reader<R>(R);

impl<R: Read + Send> AsyncChunks for Reader<R> {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        Ok((&mut self.0).take(PIECE).read_to_end(out)? as u64 == PIECE)
    }
}
