//! All state transitions of the server.
//!
//! Replies collect in `replies` while commands are at hand, so that a pipelined group is answered in one flight
//! (RFC 2920 section 3.2); they go to the caller's output when there is nothing left to do without it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use zeroize::Zeroize;

use super::auth::{AuthProgress, AuthStep};
use super::command::{Command, CommandError, Hello};
use super::decision::{Decision, Refusal, TOO_BIG, Transaction};
use super::lines::{Input, LineError};
use super::order::Order;
use super::parameters::{self, Parameter, ParameterError};
use super::replies::Replies;
use super::state::{Block, Chunk, Data, Said, State};
use super::{Answer, AuthMessage, Config, Event, Next, Recipient, Response, ServerError, Tls};
use crate::address::Address;
use crate::command::Query;
use crate::extensions::Extension;
use crate::output::Output;
use crate::reply::Severity;
use crate::sasl::AuthMechanism;
use crate::time::Instant;
use crate::tls::{Channel, TlsInfo};

/// Replies are handed out before more commands are looked at once they take this much, so that a client that never
/// reads cannot make them pile up.
const REPLIES: usize = 8 << 10;
/// Content is handed out in parts of at most this much.
const PART: usize = 64 << 10;
/// More input than this is not asked for while the embedder or the client's reading is waited for.
const BACKLOG: usize = 64 << 10;

/// A server's side of one connection.
///
/// TLS is inside: what goes in and out is what goes over the wire.
pub struct Server {
    config: Arc<Config>,
    state: State,
    channel: Option<Channel>,
    /// Plain text of the client that was not looked at yet.
    input: Input,
    decrypted: Vec<u8>,
    replies: Replies,
    /// Bytes appended to the caller's output and not reported as written.
    unwritten: usize,
    events: VecDeque<Event>,
    eof: bool,
    close_sent: bool,
    timer: Option<Instant>,
    errors: usize,
    failed_auths: usize,
    idle_commands: usize,
    refused_recipients: usize,
    /// Bytes of refused chunks since MAIL was accepted last.
    discarded: u64,
    mails: usize,
    said: Said,
}

impl Server {
    /// A connection that was accepted just now.
    pub fn new(config: Arc<Config>, now: Instant) -> Self {
        let mut server = Self {
            state: State::Greeting,
            channel: None,
            input: Input::default(),
            decrypted: Vec::new(),
            replies: Replies::new(config.extensions.contains(&Extension::EnhancedStatusCodes)),
            unwritten: 0,
            events: VecDeque::new(),
            eof: false,
            close_sent: false,
            timer: None,
            errors: 0,
            failed_auths: 0,
            idle_commands: 0,
            refused_recipients: 0,
            discarded: 0,
            mails: 0,
            said: Said::default(),
            config,
        };
        if let Tls::Implicit(_) = server.config.tls {
            server.handshake();
        }
        server.arm(now);
        server
    }

    /// Takes bytes from the client.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() || matches!(self.state, State::Closing(_) | State::Closed(_)) {
            return;
        }
        // Whoever speaks TLS has read our 220; whoever speaks plain text now wants it taken for TLS (CVE-2011-0411).
        if matches!(self.state, State::StartTls) {
            self.replies.clear();
            self.close(Err(ServerError::EarlyInput { after: "STARTTLS" }));
        } else if let Some(channel) = &mut self.channel {
            let result = channel.receive(bytes, &mut self.decrypted);
            self.eof |= channel.peer_has_closed();
            self.input.push(&self.decrypted);
            // Commands can be passwords; content is not worth the time.
            if !matches!(self.state, State::Data(_) | State::Chunk(_)) {
                self.decrypted.zeroize();
            }
            self.decrypted.clear();
            if let Err(error) = result {
                // No verdict would reach the client any more, so nothing more is taken from it either.
                self.replies.clear();
                self.close(Err(ServerError::Tls(error)));
            }
        } else {
            self.input.push(bytes);
        }
        self.arm(now);
    }

    /// The client will send no more; what it sent is still worked on and answered.
    pub fn handle_eof(&mut self, _now: Instant) {
        self.eof = true;
    }

    /// Call this when [`deadline`](Self::deadline) has passed.  Earlier it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.state {
            State::Closing(result) => {
                self.state = State::Closed(core::mem::replace(result, Ok(())));
            }
            State::Handshake | State::StartTls => self.close(Err(ServerError::Timeout)),
            _ => {
                self.say(421, "4.4.2", "took too long, closing");
                self.close(Err(ServerError::Timeout));
            }
        }
        self.arm(now);
    }

    /// `n` bytes of the output were written.
    pub fn handle_written(&mut self, now: Instant, n: usize) {
        self.unwritten = self.unwritten.saturating_sub(n);
        if let Some(channel) = &mut self.channel {
            channel.written(n);
        }
        if matches!(self.state, State::StartTls) && self.replies.is_empty() && self.unwritten == 0 {
            self.said = Said::default();
            self.handshake();
            self.arm(now);
        }
    }

    /// What comes next.  While `out` is not empty nothing is appended to it, and no new question is asked.
    pub fn poll(&mut self, now: Instant, out: &mut Output) -> Next {
        if out.is_empty() {
            while self.events.is_empty() && self.replies.len() < REPLIES && self.step() {}
        }
        if let Some(event) = self.events.pop_front() {
            return Next::Event(event);
        }
        if out.is_empty() {
            self.flush(out);
            if out.is_empty() {
                if self.eof && !matches!(self.state, State::Deciding(_)) {
                    self.close(Err(ServerError::Disconnected));
                    self.flush(out);
                }
                if let State::Closing(result) = &mut self.state
                    && out.is_empty()
                {
                    self.state = State::Closed(core::mem::replace(result, Ok(())));
                }
            }
        }
        if let State::Closed(result) = &self.state {
            return Next::Closed(result.clone());
        }
        self.arm(now);
        Next::Wait
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` while the embedder is waited for.
    pub fn deadline(&self) -> Option<Instant> {
        self.patience().and(self.timer)
    }

    /// What an exchange can be bound to, as [`Session::channel_binding`](crate::Session::channel_binding).
    pub fn channel_binding(&self) -> Option<[u8; 32]> {
        self.channel.as_ref()?.binding()
    }

    /// Whether to read from the client.  A driver that does not ask may find a hostile client's pipelined commands
    /// piled up in memory while a question is open.
    pub fn wants_input(&self) -> bool {
        match self.state {
            State::Closing(_) | State::Closed(_) => false,
            _ => !self.eof && self.input.len() < BACKLOG,
        }
    }

    /// Answers the last question.  Does nothing if none is open, for the connection may have ended meanwhile.
    pub fn respond(&mut self, response: Response) {
        if !self.events.is_empty() || !matches!(self.state, State::Deciding(_)) {
            return;
        }
        let State::Deciding(decision) = self.enter(State::Command) else { return };
        let code = match response.0 {
            Answer::Reply(reply) if reply.severity() != Severity::Intermediate => {
                self.replies.encode(&reply);
                reply.code().get()
            }
            Answer::Accept if matches!(decision, Decision::XClient) => {
                self.replies.greet(&self.config.host, self.config.lmtp);
                220
            }
            Answer::Challenge(challenge) if let Decision::AuthMessage { mechanism, round } = decision => {
                let step = AuthStep::Embedder { mechanism, round: round.saturating_add(1) };
                self.say(334, "", BASE64.encode(&challenge));
                self.enter(State::Auth(step));
                return;
            }
            answer => {
                let (code, enhanced, text) = decision.usual_reply(&answer);
                self.say(code, enhanced, text);
                code
            }
        };
        if code == 421 {
            return self.close(Err(ServerError::ShutDown));
        }
        let accepted = code / 100 == 2;
        match decision {
            Decision::Auth | Decision::AuthMessage { .. } if accepted => {
                self.said.authenticated = true;
                self.idle_commands = 0;
            }
            // Not now says nothing about the credentials.
            Decision::Auth | Decision::AuthMessage { .. } if code / 100 == 4 => {}
            Decision::Auth | Decision::AuthMessage { .. } => self.auth_failed(),
            Decision::Mail(transaction) if accepted => {
                self.mails += 1;
                self.discarded = 0;
                self.said.transaction = Some(transaction);
            }
            Decision::Mail(_) => {}
            Decision::Rcpt(_) if !accepted => self.recipient_refused(),
            Decision::Rcpt(recipient) => {
                if let Some(transaction) = &mut self.said.transaction {
                    transaction.accept(recipient, &self.config.limits, self.config.lmtp);
                }
            }
            Decision::Message => self.said.transaction = None,
            Decision::MessageFor => self.ask_verdict(),
            Decision::XClient if accepted => self.said = Said::default(),
            Decision::Vrfy | Decision::Expn | Decision::Help | Decision::XClient => {}
        }
    }

    /// Ends the connection with 421, for instance because the program ends.  An open question is not answered.
    pub fn shut_down(&mut self) {
        if !matches!(self.state, State::Closing(_) | State::Closed(_)) {
            if !matches!(self.state, State::Handshake | State::StartTls) {
                self.say(421, "4.3.2", "shutting down");
            }
            self.close(Err(ServerError::ShutDown));
        }
    }

    /// What TLS was negotiated, once it was.
    pub fn tls_info(&self) -> Option<TlsInfo> {
        self.channel.as_ref().and_then(Channel::info)
    }

    /// Does one thing; `false` if that needs more input, an answer, or the output written.
    fn step(&mut self) -> bool {
        match &mut self.state {
            State::Greeting => {
                self.replies.greet(&self.config.host, self.config.lmtp);
                self.enter(State::Command);
                true
            }
            State::Handshake => {
                let info = self.channel.as_ref().and_then(Channel::info);
                let Some(info) = info else { return false };
                self.idle_commands = 0;
                self.events.push_back(Event::TlsStarted(info));
                let implicit = matches!(self.config.tls, Tls::Implicit(_));
                self.enter(if implicit { State::Greeting } else { State::Command });
                true
            }
            State::Command | State::Auth(_) => self.line(),
            State::Data(_) => self.content(),
            State::Chunk(_) => self.chunk(),
            State::StartTls | State::Deciding(_) | State::Closing(_) | State::Closed(_) => false,
        }
    }

    fn line(&mut self) -> bool {
        let in_auth = matches!(self.state, State::Auth(_));
        let Some(line) = self.input.next_line(&self.config.limits, in_auth) else { return false };
        self.timer = None;
        match line {
            Ok(mut line) => {
                if in_auth {
                    self.auth_line(&line);
                } else {
                    self.command(&line);
                }
                line.zeroize();
            }
            Err(LineError::TooLong) if in_auth => {
                self.enter(State::Command);
                self.say(500, "5.5.6", "line too long");
                self.auth_failed();
            }
            Err(LineError::TooLong) => self.error(500, "5.5.2", "line too long"),
            Err(LineError::TooLongChunk) => self.bad_chunk(500, "5.5.2", "line too long, closing"),
            Err(LineError::BareEnd) => {
                self.say(500, "5.5.2", "lines end in CRLF, bare CR or LF found, closing");
                self.close(Err(ServerError::BareLineEnd));
            }
        }
        true
    }

    fn command(&mut self, line: &[u8]) {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(error) => return self.bad_command(&error),
        };
        let in_progress = match command {
            Command::Rcpt { .. } => self.said.transaction.is_some(),
            Command::Bdat { size, .. } => size > 0 && self.said.transaction.is_some(),
            Command::Quit => true,
            _ => false,
        };
        if !in_progress {
            self.idle_commands += 1;
            if self.idle_commands > self.config.limits.idle_commands {
                self.say(421, "4.7.0", "too many commands without a message, closing");
                return self.close(Err(ServerError::TooManyIdleCommands));
            }
        }
        // DATA comes last in a group (RFC 2920 section 3.1).  What follows was meant as content, and would be taken for
        // commands if DATA were refused.
        if matches!(command, Command::Data) && !self.input.is_empty() {
            self.say(421, "4.7.0", "nothing may follow DATA before its reply, closing");
            return self.close(Err(ServerError::EarlyInput { after: "DATA" }));
        }
        let refusal = self.order().refuses(&command);
        match command {
            Command::Bdat { size, last } => self.bdat(size, last, refusal),
            _ if let Some(refusal) = refusal => self.refuse(refusal),
            Command::Hello { name, kind } => self.hello(name, kind),
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial),
            Command::Mail { sender, parameters } => self.mail(sender, &parameters, line.is_ascii()),
            Command::Rcpt { recipient, parameters } => self.rcpt(recipient, &parameters, line.is_ascii()),
            Command::Data => self.data(),
            Command::Rset => {
                self.reset();
                self.say(250, "2.0.0", "reset");
            }
            Command::Noop => self.say(250, "2.0.0", "nothing done"),
            Command::Query(query) => self.query(query),
            Command::Quit => {
                self.say(221, "2.0.0", "bye");
                self.events.push_back(Event::Quit);
                self.close(Ok(()));
            }
        }
    }

    fn bad_command(&mut self, error: &CommandError) {
        let (code, enhanced) = error.codes();
        match error {
            CommandError::Chunk => self.bad_chunk(code, enhanced, error),
            _ => self.error(code, enhanced, error),
        }
    }

    fn hello(&mut self, name: &str, kind: Hello) {
        let extended = kind != Hello::Helo;
        self.reset();
        self.said.hello = true;
        self.said.extended = extended;
        let keywords = if extended { self.config.keywords(self.channel.is_some()) } else { Vec::new() };
        self.replies.hello(&self.config.host, keywords);
        self.events.push_back(Event::Hello { name: name.into(), extended });
    }

    fn start_tls(&mut self) {
        if !self.input.is_empty() {
            self.say(421, "4.7.0", "nothing may follow STARTTLS, closing");
            return self.close(Err(ServerError::EarlyInput { after: "STARTTLS" }));
        }
        self.say(220, "2.0.0", "go ahead");
        self.enter(State::StartTls);
    }

    fn handshake(&mut self) {
        let (Tls::StartTls(acceptor) | Tls::Implicit(acceptor)) = &self.config.tls else { return };
        match acceptor.accept() {
            Ok(engine) => {
                self.channel = Some(Channel::new(engine));
                self.enter(State::Handshake);
            }
            Err(error) => self.close(Err(ServerError::Tls(error))),
        }
    }

    fn mail(&mut self, sender: Option<Address>, parameters: &[Parameter<'_>], ascii: bool) {
        let parameters = match parameters::of_mail(parameters, |extension| self.order().offers(extension)) {
            Ok(parameters) if self.config.is_in_time(&parameters.options) => parameters,
            Ok(_) => return self.error(501, "5.5.4", "time out of range"),
            Err(error) => return self.bad_parameter(&error),
        };
        if !ascii && !parameters.smtputf8 {
            return self.say(553, "5.6.7", "non-ASCII address without SMTPUTF8");
        }
        if parameters.size.is_some_and(|size| self.is_too_big(size)) {
            return self.say(552, "5.3.4", "message too big");
        }
        let transaction = Transaction::new(&parameters);
        self.ask(Event::Mail { sender, parameters }, Decision::Mail(transaction));
    }

    fn bad_parameter(&mut self, error: &ParameterError) {
        match error {
            ParameterError::Unknown => self.error(555, "5.5.4", "no such parameter"),
            ParameterError::Invalid => self.error(501, "5.5.4", "bad parameter"),
        }
    }

    fn rcpt(&mut self, address: Address, parameters: &[Parameter<'_>], ascii: bool) {
        let options = parameters::of_rcpt(parameters, |extension| self.order().offers(extension));
        let limits = &self.config.limits;
        let Some(transaction) = &mut self.said.transaction else { return };
        let options = match options {
            Ok(options) => options,
            Err(error) => return self.bad_parameter(&error),
        };
        if !ascii && !transaction.smtputf8 {
            self.say(553, "5.6.7", "non-ASCII address without SMTPUTF8");
            return self.recipient_refused();
        }
        if let Some((code, enhanced, text)) = transaction.is_full_for(&address, limits) {
            transaction.excess += 1;
            let hostile = transaction.excess / 10 >= limits.recipients;
            self.say(code, enhanced, text);
            // A client with a long list may well send all of it, and comes back for the rest.
            if hostile {
                self.recipient_refused();
            }
            return;
        }
        let recipient = Recipient { address, options };
        self.ask(Event::Rcpt { recipient: recipient.clone() }, Decision::Rcpt(recipient));
    }

    fn data(&mut self) {
        self.say(354, "", "end with <CRLF>.<CRLF>");
        self.idle_commands = 0;
        self.enter(State::Data(Data::default()));
    }

    fn content(&mut self) -> bool {
        let State::Data(data) = &mut self.state else { return false };
        if self.input.is_empty() {
            return false;
        }
        let limit = self.config.limits.size.unwrap_or(u64::MAX);
        let input = self.input.front(PART);
        let (content, end) = data.read(input, limit);
        let taken = end.unwrap_or(input.len());
        self.input.drop_front(taken);
        if data.block.count(taken) {
            self.timer = None;
        }
        if !content.is_empty() {
            self.events.push_back(Event::Body(Bytes::from(content)));
        }
        let excess = data.size.saturating_sub(limit);
        let bare = data.decoder.has_bare_line_ends();
        let fault = match &self.said.transaction {
            Some(transaction) if end.is_some() => transaction.fault(bare, &data.census, &self.config),
            _ => None,
        };
        if self.is_too_much(excess) {
            self.refuse_content(TOO_BIG);
            self.close(Err(ServerError::TooMuchContent));
        } else if end.is_some() {
            self.content_complete(if excess > 0 { Some(TOO_BIG) } else { fault });
        }
        true
    }

    /// RFC 3030 section 2.  Whatever is wrong, the bytes are read, so that nobody takes them for commands.
    fn bdat(&mut self, size: u64, last: bool, out_of_order: Option<Refusal>) {
        let refusal = match &mut self.said.transaction {
            Some(transaction) if out_of_order.is_none() => transaction.begin_chunk(size, &self.config.limits),
            _ => out_of_order,
        };
        if let Some((code, enhanced, text)) = refusal {
            if self.is_too_much(size) {
                self.say(code, enhanced, text);
                return self.close(Err(ServerError::TooMuchContent));
            }
            self.discarded += size;
        }
        let block = Block::default();
        self.enter(State::Chunk(Chunk { size, left: size, last, out_of_order, block }));
    }

    /// Whether so many bytes of refused content are not read any more.
    fn is_too_much(&self, refused: u64) -> bool {
        self.discarded.saturating_add(refused) > self.config.limits.discard
    }

    /// Nobody can tell what of the input is a chunk.
    fn bad_chunk(&mut self, code: u16, enhanced: &str, text: impl fmt::Display) {
        self.say(code, enhanced, text);
        self.close(Err(ServerError::BadChunk));
    }

    fn chunk(&mut self) -> bool {
        let State::Chunk(chunk) = &mut self.state else { return false };
        if chunk.left == 0 {
            self.chunk_complete();
            return true;
        }
        if self.input.is_empty() {
            return false;
        }
        let part = self.input.front(usize::try_from(chunk.left).unwrap_or(PART).min(PART));
        let taken = part.len();
        chunk.left -= taken as u64;
        if chunk.block.count(taken) {
            self.timer = None;
        }
        let transaction = self.said.transaction.as_mut().filter(|_| chunk.out_of_order.is_none());
        if let Some(chunks) = transaction.and_then(|transaction| transaction.chunks.as_mut())
            && chunks.refusal.is_none()
        {
            chunks.census.count(part);
            chunks.line_ends.count(part);
            self.events.push_back(Event::Body(Bytes::copy_from_slice(part)));
        }
        self.input.drop_front(taken);
        true
    }

    fn chunk_complete(&mut self) {
        let State::Chunk(Chunk { size, last, out_of_order, .. }) = self.enter(State::Command) else { return };
        if let Some((code, enhanced, text)) = out_of_order {
            return self.say(code, enhanced, text);
        }
        let Some(transaction) = &self.said.transaction else { return };
        let Some(chunks) = &transaction.chunks else { return };
        match chunks.refusal {
            refusal if last => {
                let fault = transaction.fault(chunks.line_ends.are_bare(), &chunks.census, &self.config);
                self.idle_commands = 0;
                self.content_complete(refusal.or(fault));
            }
            Some((code, enhanced, text)) => self.say(code, enhanced, text),
            None => self.say(250, "2.0.0", format_args!("{size} bytes received")),
        }
    }

    fn content_complete(&mut self, refusal: Option<Refusal>) {
        self.enter(State::Command);
        match refusal {
            Some(refusal) => self.refuse_content(refusal),
            None => self.ask_verdict(),
        }
    }

    fn refuse_content(&mut self, (code, enhanced, text): Refusal) {
        let accepted = self.said.transaction.as_ref().map_or(0, |transaction| transaction.accepted);
        self.reset();
        for _ in 0..if self.config.lmtp { accepted } else { 1 } {
            self.say(code, enhanced, text);
        }
    }

    /// Asks for what the content is waiting for: once, or with LMTP for the next recipient.
    fn ask_verdict(&mut self) {
        if !self.config.lmtp {
            return self.ask(Event::Message, Decision::Message);
        }
        let next = self.said.transaction.as_mut().and_then(|transaction| transaction.recipients.pop_front());
        match next {
            Some(recipient) => self.ask(Event::MessageFor { recipient }, Decision::MessageFor),
            None => self.said.transaction = None,
        }
    }

    fn query(&mut self, query: Query) {
        let decision = match &query {
            Query::Vrfy(_) => Decision::Vrfy,
            Query::Expn(_) => Decision::Expn,
            Query::Help(_) => Decision::Help,
            Query::XClient(_) => Decision::XClient,
            Query::Noop => return self.say(250, "2.0.0", "nothing done"),
        };
        self.ask(Event::Query(query), decision);
    }

    fn auth(&mut self, mechanism: &str, initial: Option<&str>) {
        let offered = self.config.auth.iter().find(|m| m.name().eq_ignore_ascii_case(mechanism));
        let step = match offered {
            Some(AuthMechanism::Plain) => AuthStep::Plain,
            Some(AuthMechanism::Login) => AuthStep::LoginName,
            // In this one the server speaks first.
            Some(&mechanism @ AuthMechanism::CramMd5) if initial.is_none() => {
                let message = AuthMessage { mechanism, response: None, round: 0 };
                return self.ask(Event::AuthMessage(message), Decision::AuthMessage { mechanism, round: 0 });
            }
            Some(&mechanism) => AuthStep::Embedder { mechanism, round: 0 },
            None => return self.say(504, "5.5.4", "no such mechanism"),
        };
        let challenge = step.challenge();
        self.enter(State::Auth(step));
        match initial {
            Some(initial) => self.auth_line(initial.as_bytes()),
            None => self.say(334, "", challenge),
        }
    }

    /// One line of the client's within AUTH.
    fn auth_line(&mut self, line: &[u8]) {
        let State::Auth(step) = self.enter(State::Command) else { return };
        match step.answer(line) {
            Ok(AuthProgress::Next(step)) => {
                self.say(334, "", step.challenge());
                self.enter(State::Auth(step));
            }
            Ok(AuthProgress::Done(credentials)) => self.ask(Event::Auth(credentials), Decision::Auth),
            Ok(AuthProgress::Message(message)) => {
                let AuthMessage { mechanism, round, .. } = message;
                self.ask(Event::AuthMessage(message), Decision::AuthMessage { mechanism, round });
            }
            Err((enhanced, text)) => {
                self.say(501, enhanced, text);
                self.auth_failed();
            }
        }
    }

    fn auth_failed(&mut self) {
        self.failed_auths += 1;
        if self.failed_auths >= self.config.limits.auth_attempts {
            self.say(421, "4.7.0", "too many failed attempts, closing");
            self.close(Err(ServerError::TooManyAuthAttempts));
        }
    }

    fn recipient_refused(&mut self) {
        self.refused_recipients += 1;
        if self.refused_recipients >= self.config.limits.refused_recipients {
            self.say(421, "4.7.0", "too many refused recipients, closing");
            self.close(Err(ServerError::TooManyRefusedRecipients));
        }
    }

    /// What the rules of order look at.
    fn order(&self) -> Order<'_> {
        let secure = self.channel.is_some();
        Order { config: &self.config, said: &self.said, secure, mails: self.mails }
    }

    fn is_too_big(&self, size: u64) -> bool {
        self.config.limits.size.is_some_and(|limit| size > limit)
    }

    fn reset(&mut self) {
        if self.said.transaction.take().is_some() {
            self.events.push_back(Event::Reset);
        }
    }

    fn ask(&mut self, question: Event, decision: Decision) {
        self.events.push_back(question);
        self.enter(State::Deciding(decision));
    }

    /// Changes the state, which starts a new timer; gives the old one back.
    fn enter(&mut self, state: State) -> State {
        self.timer = None;
        core::mem::replace(&mut self.state, state)
    }

    fn close(&mut self, result: Result<(), ServerError>) {
        if !matches!(self.state, State::Closing(_) | State::Closed(_)) {
            self.input.clear();
            self.enter(State::Closing(result));
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.state.patience(&self.config.limits)
    }

    fn arm(&mut self, now: Instant) {
        if self.timer.is_none() {
            self.timer = self.patience().map(|patience| now + patience);
        }
    }

    /// A command that is not for now, or for nobody.
    fn refuse(&mut self, (code, enhanced, text): Refusal) {
        match code {
            500 | 502 => self.error(code, enhanced, text),
            _ => self.say(code, enhanced, text),
        }
    }

    /// A command that is none.
    fn error(&mut self, code: u16, enhanced: &str, text: impl fmt::Display) {
        self.say(code, enhanced, text);
        self.errors += 1;
        if self.errors >= self.config.limits.errors {
            self.say(421, "4.7.0", "too many errors, closing");
            self.close(Err(ServerError::TooManyErrors));
        }
    }

    fn say(&mut self, code: u16, enhanced: &str, text: impl fmt::Display) {
        self.replies.say(code, enhanced, text);
    }

    /// Hands out what there is to write.
    fn flush(&mut self, out: &mut Output) {
        let before = out.len();
        let replies = self.replies.output();
        let closing = matches!(self.state, State::Closing(_));
        let sealed = match &mut self.channel {
            None => {
                out.append_with(|bytes| replies.parts(&[]).for_each(|part| bytes.extend_from_slice(part)));
                Ok(())
            }
            Some(channel) => {
                let sealed = if replies.is_empty() { Ok(()) } else { channel.seal(replies, &[], out) };
                if closing && !self.close_sent {
                    self.close_sent = true;
                    channel.close();
                }
                channel.flush(out);
                sealed
            }
        };
        self.replies.clear();
        self.unwritten += out.len() - before;
        if let Err(error) = sealed {
            self.close(Err(ServerError::Tls(error)));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("state", &self.state).finish_non_exhaustive()
    }
}
