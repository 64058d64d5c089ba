//! The mailer with blocking methods.

use std::io;

use smtp_driver::{ConfigError, Error, MailerBuilder, Report};
use smtp_message::{Content, Message, Stamp};
use smtp_proto::{Address, Envelope};

use crate::{BlockingRuntime, block_on};

/// Hands messages to one server, and blocks the calling thread meanwhile; cheap to clone, and shared by any number of
/// threads.  See [`smtp_driver::Mailer`].
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

    /// A mailer with these settings.
    ///
    /// # Errors
    /// The setting that does not work.
    pub fn new(settings: MailerBuilder) -> Result<Self, ConfigError> {
        settings.build(BlockingRuntime).map(Self)
    }

    /// As [`smtp_driver::Mailer::stamp`].
    ///
    /// # Errors
    /// As there.
    pub fn stamp(&self) -> io::Result<Stamp> {
        self.0.stamp()
    }

    /// As [`smtp_driver::Mailer::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&self, message: &Message) -> Result<Report, Error> {
        block_on(self.0.send(message))
    }

    /// As [`smtp_driver::Mailer::send_to`].
    ///
    /// # Errors
    /// As there.
    pub fn send_to(
        &self,
        sender: Option<Address>,
        recipients: Vec<Address>,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        block_on(self.0.send_to(sender, recipients, content))
    }

    /// As [`smtp_driver::Mailer::send_envelope`].
    ///
    /// # Errors
    /// As there.
    pub fn send_envelope(
        &self,
        envelope: Envelope,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        block_on(self.0.send_envelope(envelope, content))
    }

    /// As [`smtp_driver::Mailer::close`].
    pub fn close(&self) {
        block_on(self.0.close());
    }
}
