//! The mailer.

use std::ops::Deref;

use smtp_driver::{ConfigError, MailerBuilder};

use crate::TokioRuntime;

/// Hands messages to one server; cheap to clone, and shared by any number of tasks.
///
/// It is smtp-driver's mailer on tokio.  Its methods that send are below, those from [`Deref`].
#[derive(Clone, Debug)]
pub struct Mailer(smtp_driver::Mailer<TokioRuntime>);

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
    /// use smtp_tokio::{Mailer, MailerBuilder};
    ///
    /// let settings = MailerBuilder::new("mail.example.com").starttls().credentials("me@example.com", "hunter2");
    /// let mailer = Mailer::new(settings)?;
    /// # Ok::<(), smtp_tokio::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The setting that does not work.
    pub fn new(settings: MailerBuilder) -> Result<Self, ConfigError> {
        settings.build(TokioRuntime).map(Self)
    }
}

/// What a mailer can do is the same on all runtimes.
impl Deref for Mailer {
    type Target = smtp_driver::Mailer<TokioRuntime>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
