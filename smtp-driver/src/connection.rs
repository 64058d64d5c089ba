//! The driver loop: one connection, its [`Session`], and the only place where the two exchange bytes.
//!
//! A future of the caller's is polled together with the I/O by [`Connection::while_waiting`], so that replies are read
//! and deadlines kept while the caller thinks.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use smtp_message::ContentError;
use smtp_proto::client::{Event, Next, Outcome};
use smtp_proto::envelope::{BodyType, Envelope, Form};
use smtp_proto::sasl::{Credentials, NONCE};
use smtp_proto::{Config, Instant, Output, Security, Session};

use crate::content::AsyncChunks;
use crate::error::{Error, Server};
use crate::observe::Watch;
use crate::pipe::{Moved, Pipe};
use crate::runtime::{Runtime, Transport};

/// Content is fetched until there is so much, so that it goes out in few calls.
const CONTENT_BUFFER: usize = 32 << 10;

pub(crate) struct Connection<T> {
    pipe: Pipe<T>,
    session: Session,
    out: Output,
    /// Content that `out` refers to from `start` on.
    content: Vec<u8>,
    start: usize,
    /// Until then the caller waits, and no longer.
    limit: Option<Instant>,
    /// For errors.
    server: Server,
    watch: Watch,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(
        transport: T,
        config: Config,
        security: Security,
        server: Server,
        watch: Watch,
        now: Instant,
    ) -> Self {
        Self {
            pipe: Pipe::new(transport),
            session: Session::new(config, security, now),
            out: Output::new(),
            content: Vec::new(),
            start: 0,
            limit: None,
            server,
            watch,
        }
    }

    /// Nothing is waited for after that.
    pub(crate) fn set_limit(&mut self, limit: Option<Instant>) {
        self.limit = limit;
    }

    /// Tells that it is used again.
    pub(crate) fn reused(&self) {
        self.watch.reused();
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Goes on until the server has said what it can do, and the credentials are accepted if there are any.
    pub(crate) async fn establish<R: Runtime<Transport = T>>(
        &mut self,
        runtime: &R,
        credentials: Option<&Credentials>,
    ) -> Result<(), Error> {
        loop {
            match self.next(runtime).await {
                Next::Event(event) => {
                    self.watch.event(&event);
                    match event {
                        Event::Ready => {
                            let Some(credentials) = credentials else { return Ok(()) };
                            self.authenticate(runtime, credentials)?;
                        }
                        Event::SecretWanted(_) => match credentials.and_then(Credentials::secret) {
                            Some(secret) => self.session.respond(secret),
                            None => self.session.abort_auth(),
                        }
                        .map_err(|error| self.server.misuse(error))?,
                        Event::Authenticated(_) => return Ok(()),
                        Event::AuthFailed(error) => return Err(self.server.auth(error)),
                        _ => {}
                    }
                }
                Next::Closed(Err(error)) => return Err(self.server.session(error)),
                // Neither can be before a request of ours.
                Next::Closed(Ok(())) | Next::Body(_) | Next::Wait => return Err(self.server.closed()),
            }
        }
    }

    /// Begins the strongest exchange that there can be.
    fn authenticate<R: Runtime>(&mut self, runtime: &R, credentials: &Credentials) -> Result<(), Error> {
        let bound = self.session.channel_binding().is_some();
        let Some(mechanism) = credentials.choose(self.session.extensions(), bound) else {
            return Err(Error::no_mechanism(self.session.extensions()));
        };
        let mut nonce = [0; NONCE];
        runtime.fill_random(&mut nonce).map_err(Error::Randomness)?;
        let exchange = credentials.exchange(mechanism, nonce);
        let exchange = exchange.map_err(|error| Error::Credentials(Box::new(error)))?;
        self.session.authenticate(exchange).map_err(|error| self.server.misuse(error))
    }

    /// Sends one message; there is an outcome for each recipient, in order.
    pub(crate) async fn send<R: Runtime<Transport = T>>(
        &mut self,
        runtime: &R,
        envelope: Envelope,
        chunks: &mut impl AsyncChunks,
    ) -> Result<Vec<Outcome>, Error> {
        let form = envelope.form();
        let id = self.session.send(envelope).map_err(|error| self.server.misuse(error))?;
        self.content.clear();
        self.start = 0;
        let (mut next, mut sent, mut last, mut broken) = (0, 0_u64, false, None);
        loop {
            match self.next(runtime).await {
                Next::Event(event) => {
                    self.watch.event(&event);
                    if let Event::Finished(finished, outcomes) = event
                        && finished == id
                    {
                        return match broken {
                            None => Ok(outcomes),
                            Some(error) => Err(Error::Content(error)),
                        };
                    }
                }
                Next::Body(_) => {
                    if next == self.content.len() && !last {
                        let mut content = std::mem::take(&mut self.content);
                        content.clear();
                        next = 0;
                        let filled =
                            self.while_waiting(runtime, fill(chunks, &mut content, form.size, sent)).await;
                        self.content = content;
                        // A source that blocks lets nothing else notice that time has run out: what it has now comes too late.
                        self.keep_time(runtime.now());
                        // The connection has ended meanwhile: its last events say how.
                        let Some(filled) = filled.filter(|_| !self.session.is_over()) else { continue };
                        sent += self.content.len() as u64;
                        match filled.and_then(|more| check(more, &self.content, sent, form)) {
                            Ok(more) => last = !more,
                            Err(error) => {
                                broken = Some(error);
                                self.session.cancel(id);
                                continue;
                            }
                        }
                    }
                    self.start = next;
                    let rest = &self.content[next..];
                    // Content with a bare line end ends the session, whose events say so.
                    if let Ok(taken) = self.session.body(runtime.now(), rest, last, &mut self.out) {
                        next += taken;
                    }
                }
                Next::Closed(Err(error)) => return Err(self.server.session(error)),
                // The transaction ends first.
                Next::Closed(Ok(())) | Next::Wait => return Err(self.server.closed()),
            }
        }
    }

    /// Says QUIT as far as that needs no waiting.
    pub(crate) async fn say_quit<R: Runtime<Transport = T>>(&mut self, runtime: &R) {
        self.session.quit();
        self.flush(runtime).await;
    }

    /// Waits until the server has answered QUIT, but not after `deadline`.
    pub(crate) async fn finish<R: Runtime<Transport = T>>(mut self, runtime: &R, deadline: Instant) {
        self.limit = Some(deadline);
        while let Next::Event(event) = self.next(runtime).await {
            self.watch.event(&event);
        }
    }

    /// Ends the connection politely and waits for nothing, neither for room to say QUIT nor for the reply to it: what
    /// the caller wants to know is known.
    pub(crate) async fn leave<R: Runtime<Transport = T>>(mut self, runtime: &R) {
        // Of a session that has failed nothing more may leave: the end of a content may be among it.
        if self.session.is_over() && !self.out.is_empty() {
            return;
        }
        self.say_quit(runtime).await;
        // TLS is closed by this side too (RFC 8446 section 6.1).
        self.session.handle_eof(runtime.now());
        self.flush(runtime).await;
    }

    /// Writes what can be written without waiting.
    async fn flush<R: Runtime<Transport = T>>(&mut self, runtime: &R) {
        loop {
            match self.session.poll(runtime.now(), &mut self.out) {
                Next::Event(event) => self.watch.event(&event),
                Next::Wait if !self.out.is_empty() => {
                    // A deadline that has passed: one attempt.
                    let Moved::Wrote(n) =
                        self.pipe.exchange(&self.out, &[], false, Some(Instant::ZERO)).await
                    else {
                        return;
                    };
                    self.out.advance(n);
                    self.session.handle_written(runtime.now(), n);
                }
                Next::Wait | Next::Body(_) | Next::Closed(_) => return,
            }
        }
    }

    /// Whether it can be used for another message: nothing is unaccounted for, and the server has neither closed it nor
    /// said anything (such as 421) since.
    pub(crate) fn is_reusable<R: Runtime<Transport = T>>(&mut self, runtime: &R) -> bool {
        if !self.pipe.is_open() || !self.session.is_reusable() || !self.out.is_empty() {
            return false;
        }
        self.hear(runtime.now()) && self.session.is_reusable()
    }

    /// Takes what has arrived; whether it was all there is, and not the end.
    fn hear(&mut self, now: Instant) -> bool {
        // TLS has messages of its own, such as session tickets, but never many.
        for _ in 0..16 {
            match self.pipe.arrived() {
                None => return true,
                Some([]) => return false,
                Some(bytes) => self.session.handle_input(now, bytes),
            }
        }
        false
    }

    /// The next thing that is not waiting.
    async fn next<R: Runtime<Transport = T>>(&mut self, runtime: &R) -> Next {
        loop {
            match self.session.poll(runtime.now(), &mut self.out) {
                Next::Wait => self.exchange(runtime).await,
                next => return next,
            }
        }
    }

    /// Runs a future of the caller's, and the connection until it is ready.  `None` if the connection ended first.
    pub(crate) async fn while_waiting<R: Runtime<Transport = T>, F: Future>(
        &mut self,
        runtime: &R,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        while !self.session.is_over() {
            let mut exchange = pin!(self.exchange(runtime));
            let ready = poll_fn(|context| match future.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => exchange.as_mut().poll(context).map(|()| None),
            });
            if let Some(output) = ready.await {
                return Some(output);
            }
        }
        None
    }

    /// Moves bytes once, or lets time pass until the deadline.
    async fn exchange<R: Runtime<Transport = T>>(&mut self, runtime: &R) {
        let chunk = self.content.get(self.start..).unwrap_or_default();
        let late = self.is_late(runtime.now());
        let deadline = self.session.deadline().into_iter().chain(self.limit).min();
        let moved = self.pipe.exchange(&self.out, chunk, true, deadline).await;
        let now = runtime.now();
        match moved {
            Moved::Read(bytes) => self.session.handle_input(now, bytes),
            Moved::Wrote(n) => {
                self.out.advance(n);
                self.session.handle_written(now, n);
            }
            Moved::TimedOut | Moved::WriteClosed => {}
            Moved::Eof => self.session.handle_eof(now),
            Moved::Gone => {
                // Nobody is there for what is left to say.
                self.out.clear();
                self.session.handle_eof(now);
            }
        }
        // Bytes that end no wait must not keep the deadline from being seen.
        self.session.handle_timeout(now);
        if late {
            // What was there already is moved.
            self.session.give_up(now);
        }
    }

    /// Ends the session if its deadline or the limit has passed, and what is awaited has not arrived already.
    fn keep_time(&mut self, now: Instant) {
        if self.session.deadline().into_iter().chain(self.limit).all(|at| now < at) {
            return;
        }
        self.hear(now);
        self.session.handle_timeout(now);
        if self.is_late(now) {
            self.session.give_up(now);
        }
    }

    fn is_late(&self, now: Instant) -> bool {
        self.limit.is_some_and(|limit| now >= limit)
    }
}

/// Fetches content; says whether there may be more.
async fn fill(
    chunks: &mut impl AsyncChunks,
    content: &mut Vec<u8>,
    size: Option<u64>,
    sent: u64,
) -> Result<bool, ContentError> {
    while chunks.next(content).await? {
        let total = sent + content.len() as u64;
        // At the announced size the source is asked once more: the end mark is to go out with the last bytes.
        if size.is_some_and(|size| total > size) || (content.len() >= CONTENT_BUFFER && size != Some(total)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A content of another size or kind than was announced must not be taken for whole.
fn check(more: bool, piece: &[u8], sent: u64, form: Form) -> Result<bool, ContentError> {
    let fits = form.size.is_none_or(|size| sent == size || (more && sent < size));
    let announced = form.body != BodyType::SevenBit || piece.is_ascii();
    if fits && announced { Ok(more) } else { Err(ContentError::Changed) }
}
