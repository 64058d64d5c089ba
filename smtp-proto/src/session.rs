//! A [`Client`] and a TLS engine as one machine with the same methods (RFC 3207, RFC 8314).
//!
//! Bytes that go in and come out are those of the connection: plain text first, ciphertext once TLS has begun.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use crate::client::{Client, Config, Error, Event, Misuse, Next, TlsMode, TransactionId};
use crate::command::Query;
use crate::envelope::Envelope;
use crate::extensions::Extensions;
use crate::output::Output;
use crate::sasl::Exchange;
use crate::secret::Secret;
use crate::time::Instant;
use crate::tls::{Channel, TlsConnector, TlsError, TlsInfo};

/// So much written earns the time of a block for the rest.
const BLOCK: usize = 64 << 10;
/// So much content is encrypted in one call of `body`: one TLS record.
const MAX_CHUNK: usize = 16 << 10;

/// How a connection is protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: for servers on this host only.
    None,
    /// By STARTTLS (RFC 3207), which the server must offer and accept.
    StartTls(Tls),
    /// By STARTTLS if the server offers and accepts it, else not at all: for relays that would deliver in plain text
    /// otherwise (RFC 7435).  A handshake that fails ends the connection.
    Opportunistic(Tls),
    /// By TLS from the first byte (RFC 8314 section 3).
    Implicit(Tls),
}

/// What a handshake needs.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Makes the engine.
    pub connector: Arc<dyn TlsConnector>,
    /// The name or IP address the certificate must be for, unless the connector's policy has names of its own.
    pub server_name: String,
}

/// The client side of one SMTP connection with its TLS; see [`client`](crate::client).
pub struct Session {
    client: Client,
    tls: Option<Tls>,
    channel: Option<Channel>,
    /// What the client puts out before it is encrypted.
    inner: Output,
    /// What was decrypted.
    plain: Vec<u8>,
    /// What TLS has put out must be written until then.
    block: Option<Instant>,
    /// How much was written since.
    block_written: usize,
    block_timeout: core::time::Duration,
    /// It is over, and until then the last words of TLS must be written.
    closing: Option<Instant>,
    /// They are written.
    closed: bool,
    close_timeout: core::time::Duration,
}

impl Session {
    /// A session on a connection that has just been made.
    pub fn new(config: Config, security: Security, now: Instant) -> Self {
        let (mode, tls) = match security {
            Security::None => (TlsMode::None, None),
            Security::StartTls(tls) => (TlsMode::StartTls, Some(tls)),
            Security::Opportunistic(tls) => (TlsMode::Opportunistic, Some(tls)),
            Security::Implicit(tls) => (TlsMode::Implicit, Some(tls)),
        };
        let mut session = Self {
            block: None,
            block_written: 0,
            block_timeout: config.timeouts.block,
            close_timeout: config.timeouts.quit,
            client: Client::new(config, mode, now),
            tls,
            channel: None,
            inner: Output::new(),
            plain: Vec::new(),
            closing: None,
            closed: false,
        };
        if mode == TlsMode::Implicit {
            // The client's first event asks for it; nothing that comes before may be taken for plain text.
            let _ = session.client.next_event();
            session.begin_handshake();
        }
        session
    }

    /// As [`Client::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, envelope: Envelope) -> Result<TransactionId, Misuse> {
        self.client.send(envelope)
    }

    /// As [`Client::query`].
    ///
    /// # Errors
    /// As there.
    pub fn query(&mut self, query: Query) -> Result<(), Misuse> {
        self.client.query(query)
    }

    /// As [`Client::cancel`].
    pub fn cancel(&mut self, transaction: TransactionId) {
        self.client.cancel(transaction);
    }

    /// As [`Client::authenticate`]; the exchange is bound to the TLS connection if that can be
    /// ([`channel_binding`](Self::channel_binding)).
    ///
    /// # Errors
    /// As there.
    pub fn authenticate(&mut self, mut exchange: Exchange) -> Result<(), Misuse> {
        if let Some(exporter) = self.channel_binding() {
            exchange.bind(exporter);
        }
        self.client.authenticate(exchange)
    }

    /// What an exchange can be bound to: tls-exporter (RFC 9266).  There is none before TLS 1.3, where keying material
    /// need not be of this connection alone (section 4.2).
    pub fn channel_binding(&self) -> Option<[u8; 32]> {
        self.channel.as_ref()?.binding()
    }

    /// As [`Client::respond`].
    ///
    /// # Errors
    /// As there.
    pub fn respond(&mut self, secret: &Secret) -> Result<(), Misuse> {
        self.client.respond(secret)
    }

    /// As [`Client::abort_auth`].
    ///
    /// # Errors
    /// As there.
    pub fn abort_auth(&mut self) -> Result<(), Misuse> {
        self.client.abort_auth()
    }

    /// As [`Client::quit`].
    pub fn quit(&mut self) {
        self.client.quit();
    }

    /// Bytes came from the server.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        let Some(channel) = &mut self.channel else { return self.client.handle_input(now, bytes) };
        if self.client.is_over() {
            return;
        }
        let was_handshaking = channel.is_handshaking();
        let received = channel.receive(bytes, &mut self.plain);
        let (is_handshaking, closed) = (channel.is_handshaking(), channel.peer_has_closed());
        if was_handshaking
            && !is_handshaking
            && let Some(info) = channel.info()
        {
            self.client.tls_established(now, info);
        }
        self.client.handle_input(now, &self.plain);
        // It may hold the challenges of an AUTH exchange.
        self.plain.zeroize();
        match received {
            Err(error) => self.client.fail(Error::Tls(error)),
            Ok(()) if closed => self.client.handle_eof(now),
            Ok(()) => {}
        }
    }

    /// The server will send no more.
    ///
    /// Without `close_notify` this may be an attacker's doing.  It cannot feign success, because every success needs a
    /// reply of its own; what has none fails.
    pub fn handle_eof(&mut self, now: Instant) {
        self.client.handle_eof(now);
    }

    /// As [`Client::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.closing {
            Some(deadline) if now >= deadline => self.channel = None,
            _ => {
                self.client.handle_timeout(now);
                if self.block.is_some_and(|block| now >= block) {
                    let phase = self.client.phase();
                    self.client.fail(Error::TimedOut { phase });
                }
            }
        }
    }

    /// As [`Client::give_up`]; what TLS still has to say is not waited for either.
    pub fn give_up(&mut self, now: Instant) {
        if self.closing.is_some() {
            self.channel = None;
        } else {
            self.client.give_up(now);
        }
    }

    /// `n` more bytes of the output were written.
    pub fn handle_written(&mut self, now: Instant, n: usize) {
        match &mut self.channel {
            None => self.client.handle_written(now, n),
            Some(channel) => {
                let plain = channel.written(n);
                self.block_written += n;
                if channel.is_written() {
                    self.block = None;
                } else if self.block_written >= BLOCK {
                    // The rest has as much time again.
                    self.block = self.block.map(|_| now + self.block_timeout);
                    self.block_written = 0;
                }
                self.client.handle_written(now, plain);
            }
        }
    }

    /// As [`Client::poll`].  After the end it still wants output written until `close_notify` or an alert is out.
    pub fn poll(&mut self, now: Instant, out: &mut Output) -> Next {
        let next = self.next(now, out);
        self.start_timer(now);
        next
    }

    fn next(&mut self, now: Instant, out: &mut Output) -> Next {
        loop {
            let next = match &mut self.channel {
                None => self.client.poll(now, out),
                Some(channel) => {
                    if let Some(event) = self.client.next_event() {
                        return Next::Event(event);
                    }
                    if self.client.is_over() && self.closing.is_none() {
                        self.closing = Some(now + self.close_timeout);
                        channel.close();
                    }
                    if !out.is_empty() {
                        return Next::Wait;
                    }
                    if channel.is_handshaking() && !self.client.is_over() {
                        channel.flush(out);
                        return Next::Wait;
                    }
                    self.poll_sealed(now, out)
                }
            };
            match next {
                Next::Event(Event::StartTls) => self.begin_handshake(),
                next => return next,
            }
        }
    }

    /// The client knows of its own bytes only; the answer to a key update may be all that is on its way.
    fn start_timer(&mut self, now: Instant) {
        if self.block.is_none() && self.channel.as_ref().is_some_and(|channel| !channel.is_written()) {
            self.block = Some(now + self.block_timeout);
            self.block_written = 0;
        }
    }

    fn poll_sealed(&mut self, now: Instant, out: &mut Output) -> Next {
        let next = self.client.poll(now, &mut self.inner);
        let Some(channel) = &mut self.channel else { return next };
        match next {
            Next::Event(_) | Next::Body(_) => next,
            Next::Wait => {
                let sealed = channel.seal(&self.inner, &[], out);
                self.inner.clear();
                if let Err(error) = sealed {
                    self.client.fail(Error::Tls(error));
                }
                Next::Wait
            }
            Next::Closed(end) => {
                channel.flush(out);
                self.closed = out.is_empty();
                if self.closed { Next::Closed(end) } else { Next::Wait }
            }
        }
    }

    /// As [`Client::deadline`].
    pub fn deadline(&self) -> Option<Instant> {
        match (&self.channel, self.closing) {
            (Some(_), Some(closing)) => (!self.closed).then_some(closing),
            _ if self.client.is_over() => None,
            _ => self.client.deadline().into_iter().chain(self.block).min(),
        }
    }

    /// As [`Client::body`].  Under TLS at most 16 KiB are taken at once, `out` does not refer to `chunk`, and `chunk` is
    /// free when this returns.
    ///
    /// # Errors
    /// As there.
    pub fn body(
        &mut self,
        now: Instant,
        chunk: &[u8],
        last: bool,
        out: &mut Output,
    ) -> Result<usize, Misuse> {
        let Some(channel) = &mut self.channel else { return self.client.body(now, chunk, last, out) };
        if !out.is_empty() {
            return Err(Misuse::OutputNotEmpty);
        }
        let piece = &chunk[..chunk.len().min(MAX_CHUNK)];
        let taken = self.client.body(now, piece, last && piece.len() == chunk.len(), &mut self.inner)?;
        let sealed = channel.seal(&self.inner, piece, out);
        self.inner.clear();
        if let Err(error) = sealed {
            self.client.fail(Error::Tls(error));
        }
        self.start_timer(now);
        Ok(taken)
    }

    /// As [`Client::extensions`].
    pub fn extensions(&self) -> &Extensions {
        self.client.extensions()
    }

    /// As [`Client::is_reusable`].
    pub fn is_reusable(&self) -> bool {
        self.client.is_reusable()
            && self.inner.is_empty()
            && self.channel.as_ref().is_none_or(Channel::is_written)
    }

    /// Whether the connection has ended; `poll` still tells what became of what was open.
    pub fn is_over(&self) -> bool {
        self.client.is_over()
    }

    /// What TLS was negotiated; `None` while there is none.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.channel.as_ref()?.info()
    }

    /// Keying material of the TLS connection (RFC 5705), for channel bindings (RFC 9266).
    ///
    /// # Errors
    /// If there is no TLS connection, or its engine cannot.
    pub fn export_keying_material(
        &self,
        out: &mut [u8],
        label: &[u8],
        context: Option<&[u8]>,
    ) -> Result<(), TlsError> {
        match &self.channel {
            Some(channel) => channel.export_keying_material(out, label, context),
            None => Err(TlsError::Configuration { detail: "there is no TLS connection".into() }),
        }
    }

    fn begin_handshake(&mut self) {
        // `new` has set it in every mode in which the client asks for TLS.
        let Some(tls) = &self.tls else { return };
        match tls.connector.connect(&tls.server_name) {
            Ok(engine) => self.channel = Some(Channel::new(engine)),
            Err(error) => self.client.fail(Error::Tls(error)),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client", &self.client)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
