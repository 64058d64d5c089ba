//! The [`Mailer`]: messages go in, a report for each comes out.
//!
//! The way of a message: [`Mailer::send`] takes a connection that is kept or makes one, asks the content for its form
//! with the server's extensions in hand, and lets the connection's machine do the rest; a connection with nothing
//! unaccounted for is kept for the next message.

mod builder;
mod pool;
mod url;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, io};

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use smtp_message::dkim::Signer;
use smtp_message::{Content, ContentError, MailObject, Stamp};
use smtp_proto::client::{AuthRefusal, Error as SessionError, Failure, Outcome, Phase};
use smtp_proto::envelope::{Envelope, Form};
use smtp_proto::sasl::Credentials;
use smtp_proto::{Address, Config, Extensions, Instant, Security};

pub use builder::{ConfigError, MailerBuilder, UrlError};

use crate::connection::Connection;
use crate::content::AsyncChunks;
use crate::error::{self, Error};
use crate::login::{Ask, Logins};
use crate::mailer::pool::{Pool, Turn};
use crate::observe::{ConnectionId, Observer, Watch};
use crate::report::{Recipient, Report};
use crate::runtime::{Runtime, Transport};

/// So many further transactions there are for a message, and one more for every 50 recipients: a server that takes one
/// recipient at a time cannot have the message ten thousand times.
const MAX_FURTHER: usize = 100;

/// Hands messages to one server; cheap to clone, and shared by any number of tasks or threads.
///
/// Connections are kept open between messages and checked before they are used again.
pub struct Mailer<R: Runtime> {
    shared: Arc<Shared<R>>,
}

struct Shared<R: Runtime> {
    runtime: R,
    server: Server,
    pool: Pool<Connection<R::Transport>>,
    /// How many were made.
    connections: AtomicU64,
}

/// How to reach the server.
struct Server {
    name: error::Server,
    security: Security,
    logins: Logins,
    config: Config,
    connect_timeout: Duration,
    send_timeout: Option<Duration>,
    wait_timeout: Duration,
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    signer: Option<Signer>,
    observer: Arc<Observer>,
}

impl<R: Runtime + Default> Mailer<R> {
    /// A mailer for a server URL; see [`MailerBuilder::from_url`].
    ///
    /// # Errors
    /// What is wrong with the URL, or that TLS cannot be set up.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        MailerBuilder::from_url(url)?.build(R::default())
    }
}

impl<R: Runtime> Mailer<R> {
    fn new(runtime: R, server: Server, pool: Pool<Connection<R::Transport>>) -> Self {
        Self { shared: Arc::new(Shared { runtime, server, pool, connections: AtomicU64::new(0) }) }
    }

    /// The server: a name in A-labels, or an IP address.
    pub fn host(&self) -> &str {
        &self.shared.server.name.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.shared.server.name.port
    }

    /// The time and the randomness that building a message needs.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn stamp(&self) -> io::Result<Stamp> {
        crate::stamp(&self.shared.runtime)
    }

    /// Sends a message to the recipients in its headers, Bcc included: one that was built, a ready-made one
    /// ([`RawMessage`](smtp_message::RawMessage)), or one that was signed.
    ///
    /// `Ok` does not mean that anybody got it: the [`Report`] says what became of each recipient.  Dropping the future
    /// closes its connection; whether the message was delivered is then unknown, as with [`Outcome::Ambiguous`].
    ///
    /// Files of the message are read inside `poll`, which a timeout around this future cannot interrupt.
    ///
    /// # Errors
    /// Nothing was handed over: no connection, no verified TLS, credentials refused, content not readable, no sender or
    /// recipient in the headers.
    pub async fn send(&self, message: &(impl MailObject + ?Sized)) -> Result<Report, Error> {
        self.send_envelope(message.envelope()?, message).await
    }

    /// Sends a content to these recipients, whatever its headers say.  A `sender` of `None` is the empty reverse-path.
    ///
    /// # Errors
    /// As [`send`](Self::send), and an envelope that is not complete.
    pub async fn send_to(
        &self,
        sender: Option<Address>,
        recipients: Vec<Address>,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        self.send_envelope(Envelope::new(sender, recipients)?, content).await
    }

    /// Sends a content in an envelope with options, such as delivery status notifications; its form is of no account.
    ///
    /// If the server takes fewer recipients at once, the others go in further transactions.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_envelope(
        &self,
        envelope: Envelope,
        content: &(impl Content + ?Sized),
    ) -> Result<Report, Error> {
        let until = self.until();
        #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
        if let Some(signer) = &self.shared.server.signer {
            let signed = signer.sign(content, self.shared.runtime.unix_time())?;
            return self.send_all(envelope, &signed, until).await;
        }
        self.send_all(envelope, content, until).await
    }

    /// As many transactions as it takes.
    async fn send_all(
        &self,
        envelope: Envelope,
        content: &(impl Content + ?Sized),
        until: Option<Instant>,
    ) -> Result<Report, Error> {
        let _turn = self.turn(until).await?;
        let mut report = self.send_once(&envelope, content, until).await?;
        // Positions in the report of those whom the last transaction was for.
        let mut positions: Vec<usize> = (0..report.recipients.len()).collect();
        let mut last = envelope;
        for _ in 0..MAX_FURTHER + positions.len() / 50 {
            let outcomes: Vec<_> = positions.iter().map(|&i| report.recipients[i].outcome.clone()).collect();
            let Some((further, left)) = last.further(&outcomes) else { return Ok(report) };
            positions = left.into_iter().map(|i| positions[i]).collect();
            // What was delivered is told even if there is no connection for the others.
            let Ok(more) = self.send_once(&further, content, until).await else { return Ok(report) };
            for (&position, recipient) in positions.iter().zip(more.recipients) {
                report.recipients[position] = recipient;
            }
            last = further;
        }
        Ok(report)
    }

    /// One transaction, by one who has a turn.
    async fn send_once(
        &self,
        envelope: &Envelope,
        content: &(impl Content + ?Sized),
        until: Option<Instant>,
    ) -> Result<Report, Error> {
        loop {
            let (mut connection, kept) = match self.kept(until).await {
                Some(connection) => (connection, true),
                None => {
                    // A file that is missing is found before anybody is connected to.
                    content.form(&Extensions::default())?;
                    (self.connect_and_log_in(until).await?, false)
                }
            };
            // A kept connection may turn out to be closed; the next one may need another form.
            let form = content.form(connection.session().extensions());
            let opened = form.and_then(|form| Ok((form, content.open(&form)?)));
            let report = match opened {
                Ok((form, mut chunks)) => {
                    self.send_on(&mut connection, envelope.clone().with_form(form), &mut chunks).await
                }
                Err(error) => Err(error.into()),
            };
            self.keep(connection).await;
            let report = report?;
            if !(kept && was_stale(&report)) {
                return Ok(report);
            }
        }
    }

    /// Sends a content that comes from a source which may have to be waited for and can be read once, in the form that is
    /// given: one with another size, or with octets above 127 in a 7-bit form, ends before it is complete, and nobody gets it.
    ///
    /// It goes in one transaction: who is too many for that ends [`Deferred`](Outcome::Deferred).
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).  A mailer that signs does not send it.
    pub async fn send_stream(
        &self,
        sender: Option<Address>,
        recipients: Vec<Address>,
        form: Form,
        mut content: impl AsyncChunks,
    ) -> Result<Report, Error> {
        #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
        if self.shared.server.signer.is_some() {
            return Err(Error::UnsignedStream);
        }
        let envelope = Envelope::new(sender, recipients)?.with_form(form);
        let until = self.until();
        let _turn = self.turn(until).await?;
        loop {
            let (mut connection, kept) = match self.kept(until).await {
                Some(connection) => (connection, true),
                None => (self.connect_and_log_in(until).await?, false),
            };
            let mut once = Once { content: &mut content, begun: false };
            let report = self.send_on(&mut connection, envelope.clone(), &mut once).await;
            let begun = once.begun;
            self.keep(connection).await;
            let report = report?;
            // What was read cannot be read again.
            if begun || !(kept && was_stale(&report)) {
                return Ok(report);
            }
        }
    }

    /// Connects and logs in, to see whether that works; the connection is kept for the next message.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn test_connection(&self) -> Result<(), Error> {
        let until = self.until();
        let _turn = self.turn(until).await?;
        // One more would be one too many.
        let oldest = self.shared.pool.make_room();
        self.leave(oldest.into_iter().collect()).await;
        let connection = self.connect_and_log_in(until).await?;
        self.keep(connection).await;
        Ok(())
    }

    /// Ends the connections that are kept, politely: all together have the time of [`Timeouts::quit`] to answer.  The
    /// mailer can be used further.
    ///
    /// [`Timeouts::quit`]: smtp_proto::client::Timeouts::quit
    pub async fn close(&self) {
        let Shared { runtime, server, pool, .. } = &*self.shared;
        let deadline = runtime.now() + server.config.timeouts.quit;
        let mut leaving = Vec::new();
        for mut connection in pool.take_all() {
            if connection.is_reusable(runtime) {
                connection.say_quit(runtime).await;
                leaving.push(connection);
            }
        }
        for connection in leaving {
            connection.finish(runtime, deadline).await;
        }
    }

    /// Until when a message that is sent now has time.
    fn until(&self) -> Option<Instant> {
        self.shared.server.send_timeout.map(|timeout| self.shared.runtime.now() + timeout)
    }

    /// Waits for the right to have a connection.
    async fn turn(&self, until: Option<Instant>) -> Result<Turn<'_, Connection<R::Transport>>, Error> {
        let Shared { runtime, server, pool, .. } = &*self.shared;
        let deadline = earlier(runtime.now() + server.wait_timeout, until);
        let turn = runtime.timeout_at(deadline, pool.turn()).await;
        turn.ok_or(Error::Busy { connections: pool.max() })
    }

    async fn send_on(
        &self,
        connection: &mut Connection<R::Transport>,
        envelope: Envelope,
        content: &mut impl AsyncChunks,
    ) -> Result<Report, Error> {
        let addresses = envelope.recipients().to_vec();
        let tls = connection.session().tls_info();
        let outcomes = connection.send(&self.shared.runtime, envelope, content).await?;
        let recipients = addresses
            .into_iter()
            .zip(outcomes)
            .map(|(address, outcome)| Recipient { address, outcome })
            .collect();
        Ok(Report { recipients, tls })
    }

    /// A new connection that is ready, with the credentials that there are.
    async fn connect_and_log_in(&self, until: Option<Instant>) -> Result<Connection<R::Transport>, Error> {
        let server = &self.shared.server;
        let credentials = self.credentials(Ask::Usual, until).await?;
        let connected = self.connect(credentials.as_ref(), until).await;
        match (connected, credentials) {
            (Err(Error::Auth { source: error, .. }), Some(refused))
                if error.refusal() == Some(AuthRefusal::Credentials) && server.logins.can_renew() =>
            {
                let others = self.credentials(Ask::AfterRefusal(refused.clone()), until).await?;
                if others.as_ref().is_none_or(|others| others.is_same(&refused)) {
                    // One refusal is enough to know it, and two may lock the user out.
                    return Err(server.name.auth(*error));
                }
                self.connect(others.as_ref(), until).await
            }
            (connected, _) => connected,
        }
    }

    async fn credentials(&self, ask: Ask, until: Option<Instant>) -> Result<Option<Credentials>, Error> {
        let Shared { runtime, server, .. } = &*self.shared;
        let asking = server.logins.get(ask);
        let Some(until) = until else { return asking.await };
        let late = || Err(Error::Credentials(Box::new(io::Error::from(io::ErrorKind::TimedOut))));
        runtime.timeout_at(until, asking).await.unwrap_or_else(late)
    }

    /// A new connection that is ready.
    async fn connect(
        &self,
        credentials: Option<&Credentials>,
        until: Option<Instant>,
    ) -> Result<Connection<R::Transport>, Error> {
        let Shared { runtime, server, .. } = &*self.shared;
        let deadline = earlier(runtime.now() + server.connect_timeout, until);
        let connected = runtime.connect(&server.name.host, server.name.port, deadline).await;
        let transport = connected.map_err(|error| server.name.connect(error))?;
        let id = ConnectionId(self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1);
        let watch = Watch::new(id, Arc::clone(&server.observer), transport.peer_addr());
        let mut connection = Connection::new(
            transport,
            server.config.clone(),
            server.security.clone(),
            server.name.clone(),
            watch,
            runtime.now(),
        );
        connection.set_limit(until);
        match connection.establish(runtime, credentials).await {
            Ok(()) => Ok(connection),
            Err(error) => {
                connection.leave(runtime).await;
                Err(error)
            }
        }
    }

    /// A connection that was kept and still works.
    async fn kept(&self, until: Option<Instant>) -> Option<Connection<R::Transport>> {
        let Shared { runtime, pool, .. } = &*self.shared;
        loop {
            let (connection, expired) = pool.take(runtime.now());
            self.leave(expired).await;
            let mut connection = connection?;
            if connection.is_reusable(runtime) {
                connection.set_limit(until);
                connection.reused();
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next message, or ends it; waits for nothing.
    async fn keep(&self, mut connection: Connection<R::Transport>) {
        let Shared { runtime, pool, .. } = &*self.shared;
        if connection.session().is_reusable() {
            connection.set_limit(None);
            self.leave(pool.put(connection, runtime.now())).await;
        } else {
            connection.leave(runtime).await;
        }
    }

    /// Ends connections that were kept.
    async fn leave(&self, connections: Vec<Connection<R::Transport>>) {
        for mut connection in connections {
            if connection.is_reusable(&self.shared.runtime) {
                connection.leave(&self.shared.runtime).await;
            }
        }
    }
}

fn earlier(deadline: Instant, until: Option<Instant>) -> Instant {
    until.map_or(deadline, |until| until.min(deadline))
}

/// Whether nothing was handed over because the server was about to close a kept connection, or had closed it while nobody
/// looked.
fn was_stale(report: &Report) -> bool {
    let mut asked =
        report.recipients.iter().map(|recipient| &recipient.outcome).filter(|o| !is_local(o)).peekable();
    asked.peek().is_some() && asked.all(missed)
}

/// Whether a recipient's outcome was decided without the server.
fn is_local(outcome: &Outcome) -> bool {
    matches!(outcome.failure(), Some(Failure::Unsupported(_) | Failure::TooManyRecipients { reply: None }))
}

/// A source that can be read once.
struct Once<'a, C> {
    content: &'a mut C,
    /// Something was read.
    begun: bool,
}

impl<C: AsyncChunks> AsyncChunks for Once<'_, C> {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        self.begun = true;
        self.content.next(out).await
    }
}

/// Whether a recipient missed a message before DATA was answered.
fn missed(outcome: &Outcome) -> bool {
    let Outcome::Deferred(failure) = outcome else { return false };
    match failure {
        Failure::Connection(SessionError::Disconnected { phase }) => {
            matches!(phase, Phase::Idle | Phase::Reset | Phase::Mail)
        }
        Failure::Connection(SessionError::Refused { phase, reply }) | Failure::Refused { phase, reply } => {
            reply.code().get() == 421 && matches!(phase, Phase::Idle | Phase::Reset | Phase::Mail)
        }
        _ => false,
    }
}

impl<R: Runtime> Clone for Mailer<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runtime> fmt::Debug for Mailer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.shared.server.name;
        f.debug_struct("Mailer")
            .field("host", &server.host)
            .field("port", &server.port)
            .finish_non_exhaustive()
    }
}
