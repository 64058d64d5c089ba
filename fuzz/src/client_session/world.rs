//! What surrounds the machine: a socket, a clock, a user; and a model of what must come of what they do.
//!
//! The model counts what is put out, written and answered by itself, from the bytes alone, and holds every event against
//! that.

mod user;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use data_encoding::BASE64;
use smtp_proto::client::{Chunking, Client, Event, Next, TlsMode, Trace, TransactionId};
use smtp_proto::reply::{Reply, ReplyLimits, ReplyParser};
use smtp_proto::{Address, Config, Extension, Instant, Output, Security, Session, Tls};

use super::Setup;
use super::engine::{Connector, DONE, Reader, records};
use super::machine::{End, Machine};
use super::outcome::{self, Open};
use crate::assert_printable;

/// What no event, no trace and no `Debug` may show, nor its base64.
const SECRET: &str = "tanstaaf*tanstaaf";

/// Messages in one script, so that it comes to an end.
const MAX_MESSAGES: usize = 30;

/// The secret in every form it has here: plain, and the middle of its base64 at each of the three ways to align it; and
/// these as `Debug` shows bytes.
static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let encoded = |shift| {
        let encoded = BASE64.encode([&b"xxx"[..shift], SECRET.as_bytes()].concat().as_slice());
        encoded[4..encoded.len() - 4].to_owned()
    };
    let texts = [SECRET.to_owned(), encoded(0), encoded(1), encoded(2)];
    let bytes = texts.each_ref().map(|text| format!("{:?}", text.as_bytes()));
    let bytes = bytes.map(|bytes| bytes.trim_matches(['[', ']']).to_owned());
    texts.into_iter().chain(bytes).collect()
});

/// Whether the text shows the secret.
pub(super) fn has_secret(text: &str) -> bool {
    FORMS.iter().any(|form| text.contains(form))
}

/// A command that is put out, or the end of a content, which will have a reply.
struct Expected {
    what: What,
    line: String,
    len: usize,
    /// Where it ends in the plain text.
    end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Greeting,
    Hello,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Query,
    XClient,
    /// The end of this transaction's content, or of one that nobody is to receive.
    Verdict(Option<TransactionId>),
    Reset,
    Quit,
}

pub(super) struct World {
    machine: Machine,
    tls: TlsMode,
    limits: ReplyLimits,
    pipeline_limit: usize,
    chunks: bool,
    insecure_auth: bool,
    byte_by_byte: bool,
    eager: bool,
    polling: bool,
    now: Instant,
    out: Output,
    chunk: Vec<u8>,

    /// Whether ciphertext comes out of the session.
    sealed: Arc<AtomicBool>,
    reader: Reader,
    /// TLS was asked for and is not there yet.
    handshaking: bool,
    secure: Option<bool>,
    verified: bool,

    /// Bytes that came out and were written: ciphertext where there is any, and plain text.
    produced: u64,
    written: u64,
    plain_produced: u64,
    plain_written: u64,
    /// What `plain_written` was when events were last taken.
    plain_written_before: u64,
    /// Records on their way: where each ends on the wire and in the plain text.
    marks: VecDeque<(u64, u64)>,

    expected: VecDeque<Expected>,
    parser: ReplyParser,
    mid_reply: bool,
    /// The machine must have ended the connection.
    must_be_over: bool,
    answered: VecDeque<(Expected, Reply)>,
    trace: bool,
    /// Lines that were put out and not traced, or traced and not put out: under TLS a line is sealed after its trace.
    sent: VecDeque<String>,
    traced: VecDeque<String>,

    ready: bool,
    in_auth: usize,
    authenticated: bool,
    challenged: bool,
    answered_early: bool,
    /// The secret is given as soon as it is wanted.
    gives_secret: bool,
    queries: usize,
    quit: bool,
    ids: Vec<TransactionId>,
    open: HashMap<TransactionId, Open>,
    wanted: Option<TransactionId>,
    closed: Option<End>,
    /// Events that may come.
    allowance: usize,
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut config = Config::new("client.example".parse().expect("a host"));
        config.allow_insecure_auth = setup.insecure_auth;
        config.helo_fallback = setup.helo;
        config.trace = setup.trace;
        config.chunking = if setup.chunks { Chunking::Safe } else { Chunking::IfNeeded };
        if setup.short_replies {
            config.reply_limits = ReplyLimits { line: 60, lines: 8, bytes: 200 };
        }
        if setup.short_pipeline {
            config.pipeline_limit = 40;
        }
        let sealed = Arc::new(AtomicBool::new(false));
        let (limits, pipeline_limit) = (config.reply_limits, config.pipeline_limit);
        let machine = if setup.session {
            let tls = Tls {
                connector: Arc::new(Connector {
                    verified: setup.verified,
                    connects: setup.connects,
                    begun: sealed.clone(),
                }),
                server_name: "mx.example".into(),
            };
            let security = match setup.tls {
                TlsMode::None => Security::None,
                TlsMode::StartTls => Security::StartTls(tls),
                TlsMode::Opportunistic => Security::Opportunistic(tls),
                TlsMode::Implicit => Security::Implicit(tls),
            };
            Machine::Session(Box::new(Session::new(config, security, Instant::ZERO)))
        } else {
            Machine::Client(Box::new(Client::new(config, setup.tls, Instant::ZERO)))
        };
        let implicit = setup.tls == TlsMode::Implicit;
        let mut world = Self {
            machine,
            tls: setup.tls,
            limits,
            pipeline_limit,
            chunks: setup.chunks,
            insecure_auth: setup.insecure_auth,
            byte_by_byte: setup.byte_by_byte,
            eager: setup.eager,
            polling: true,
            now: Instant::ZERO,
            out: Output::new(),
            chunk: Vec::new(),
            sealed,
            reader: Reader::default(),
            handshaking: implicit,
            secure: None,
            verified: setup.verified,
            produced: 0,
            written: 0,
            plain_produced: 0,
            plain_written: 0,
            plain_written_before: 0,
            marks: VecDeque::new(),
            expected: VecDeque::new(),
            parser: ReplyParser::new(limits),
            mid_reply: false,
            must_be_over: false,
            answered: VecDeque::new(),
            trace: setup.trace,
            sent: VecDeque::new(),
            traced: VecDeque::new(),
            ready: false,
            in_auth: 0,
            authenticated: false,
            challenged: false,
            answered_early: false,
            gives_secret: false,
            queries: 0,
            quit: false,
            ids: Vec::new(),
            open: HashMap::new(),
            wanted: None,
            closed: None,
            allowance: 0,
        };
        if !implicit {
            world.expect(What::Greeting, String::new(), 0);
        }
        world
    }

    // What the server does.

    /// The server's bytes as they come out of the socket.
    pub(super) fn input(&mut self, bytes: &[u8]) {
        if self.byte_by_byte {
            bytes.chunks(1).for_each(|byte| self.piece(byte));
        } else if !bytes.is_empty() {
            self.piece(bytes);
        }
    }

    fn piece(&mut self, bytes: &[u8]) {
        let over = self.machine.is_over();
        self.machine.handle_input(self.now, bytes);
        if over {
            return;
        }
        let mut plain = Vec::new();
        if self.sealed.load(Ordering::Relaxed) {
            plain.extend(bytes.iter().filter_map(|&byte| self.reader.read(byte)));
            if self.reader.done && self.handshaking {
                self.tls_is_there(self.verified);
            }
        } else {
            plain.extend_from_slice(bytes);
        }
        self.expect_from(&plain);
        self.must_be_over |= self.reader.broken || self.reader.closed;
        assert!(!self.must_be_over || self.machine.is_over(), "the connection should be over");
    }

    /// What must come of plain text from the server.
    fn expect_from(&mut self, mut plain: &[u8]) {
        while !plain.is_empty() && !self.must_be_over {
            if self.handshaking {
                self.must_be_over = true;
                return;
            }
            let reply = match self.parser.parse(&mut plain) {
                Ok(Some(reply)) => reply,
                Ok(None) => break,
                Err(_) => {
                    self.must_be_over = true;
                    return;
                }
            };
            self.allowance += 4;
            let answers = self.expected.front().is_some_and(|expected| expected.end <= self.plain_written);
            let Some(expected) = self.expected.pop_front().filter(|_| answers) else {
                // It answers nothing, or what is not wholly written.
                self.must_be_over = true;
                return;
            };
            if expected.what == What::StartTls && reply.is_positive() {
                self.handshaking = true;
            }
            if reply.code().get() == 421 {
                self.must_be_over = true;
            }
            if let What::Verdict(Some(id)) = expected.what
                && let Some(open) = self.open.get_mut(&id)
            {
                open.verdict = Some(reply.clone());
            }
            if matches!(expected.what, What::Mail | What::Rcpt | What::Query | What::XClient) {
                self.answered.push_back((expected, reply));
            }
        }
        self.mid_reply = self.parser.is_mid_reply();
    }

    /// TLS is established.
    pub(super) fn handshake(&mut self, verified: bool) {
        match &mut self.machine {
            Machine::Client(client) => {
                let over = client.is_over();
                let result = client.tls_ready(self.now, verified);
                if self.handshaking && !over {
                    assert_eq!(result, Ok(()));
                    self.tls_is_there(verified);
                }
            }
            Machine::Session(_) => self.input(&[DONE]),
        }
    }

    fn tls_is_there(&mut self, verified: bool) {
        self.handshaking = false;
        self.secure = Some(verified);
        self.parser = ReplyParser::new(self.limits);
        self.allowance += 2;
        if self.tls == TlsMode::Implicit {
            self.expect(What::Greeting, String::new(), 0);
        }
    }

    pub(super) fn end_of_file(&mut self) {
        self.machine.handle_eof(self.now);
        assert!(self.machine.is_over());
    }

    // What the clock and the socket do.

    pub(super) fn write(&mut self, n: usize) {
        let n = n.min(self.out.len());
        self.out.advance(n);
        self.written += n as u64;
        if self.sealed.load(Ordering::Relaxed) {
            while let Some((_, plain)) = self.marks.pop_front_if(|(wire, _)| *wire <= self.written) {
                self.plain_written = plain;
            }
        } else {
            self.plain_written = self.written;
        }
        self.machine.handle_written(self.now, n);
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    /// The deadline comes, or it has not quite come.
    pub(super) fn deadline(&mut self, comes: bool) {
        let Some(deadline) = self.machine.deadline() else {
            let over = self.machine.is_over();
            self.machine.handle_timeout(self.now);
            assert_eq!(self.machine.is_over(), over, "there was no deadline");
            return;
        };
        if comes {
            self.now = self.now.max(deadline);
            self.machine.handle_timeout(self.now);
            assert!(self.machine.is_over(), "the deadline has come");
        } else if let Some(before) = deadline.as_duration().checked_sub(Duration::from_nanos(1)) {
            let before = Instant::from_duration(before);
            if before > self.now {
                self.now = before;
                let over = self.machine.is_over();
                self.machine.handle_timeout(self.now);
                assert_eq!(self.machine.is_over(), over, "the deadline has not come");
            }
        }
    }

    pub(super) fn toggle_polling(&mut self) {
        self.polling = !self.polling;
    }

    /// Ends the connection; every transaction must come to an end.
    pub(super) fn finish(&mut self) {
        (self.polling, self.eager) = (true, true);
        self.settle();
        self.check_shown(&format!("{:?}{:?}", self.machine, self.out));
        self.end_of_file();
        self.settle();
        self.check_shown(&format!("{:?}{:?}", self.machine, self.out));
        assert!(self.closed.is_some(), "the end does not come");
        let end = self.closed.clone();
        self.machine.handle_timeout(self.now + Duration::from_secs(1 << 40));
        self.input(b"250 ok\r\n");
        self.settle();
        assert_eq!(self.closed, end);
    }

    // What the machine does.

    /// Does what the machine wants done, and checks all that must hold in between.
    pub(super) fn settle(&mut self) {
        if self.polling {
            self.poll();
        }
        self.check_state();
    }

    fn poll(&mut self) {
        self.allowance += 4;
        self.wanted = None;
        loop {
            let before = self.bytes_of_out();
            let next = self.machine.poll(self.now, &mut self.out);
            let after = self.bytes_of_out();
            if before.is_empty() {
                self.on_output(&after, &[], None);
            } else {
                assert!(before == after, "output was changed before it was written");
            }
            assert!(self.closed.is_none() || matches!(next, Next::Closed(_)), "closed, and then {next:?}");
            match next {
                Next::Event(event) => {
                    self.allowance = self.allowance.checked_sub(1).expect("fewer events");
                    self.on_event(event);
                }
                Next::Body(id) => {
                    assert!(after.is_empty(), "content is wanted before all is written");
                    self.wanted = Some(id);
                    break;
                }
                Next::Wait if self.eager && !self.out.is_empty() => {
                    self.plain_written_before = self.plain_written;
                    self.write(usize::MAX);
                }
                Next::Wait => break,
                Next::Closed(end) => {
                    self.on_closed(end);
                    break;
                }
            }
        }
        self.plain_written_before = self.plain_written;
        if !self.machine.is_over() {
            assert!(self.answered.is_empty(), "a reply that nobody heard of");
            assert!(self.sent.is_empty() && self.traced.is_empty() || !self.out.is_empty());
        }
    }

    fn on_closed(&mut self, end: End) {
        assert!(self.machine.is_over());
        assert!(self.open.is_empty(), "a transaction has no end");
        match &end {
            Ok(()) => assert!(self.quit, "only quit ends it well"),
            Err(error) => outcome::check_error(error),
        }
        let first = self.closed.get_or_insert_with(|| end.clone());
        assert_eq!(*first, end);
    }

    fn check_state(&mut self) {
        let deadline = self.machine.deadline();
        if self.closed.is_some() {
            assert_eq!(deadline, None, "a deadline after the end");
        }
        let unwritten = self.plain_written < self.plain_produced;
        let waiting = !self.expected.is_empty() || unwritten || self.handshaking || self.wanted.is_some();
        if self.polling && waiting && !self.machine.is_over() {
            assert!(deadline.is_some(), "a wait without end");
        }
        if self.polling && self.machine.is_reusable() {
            assert!(self.open.is_empty() && self.expected.is_empty() && !unwritten);
            assert!(self.ready && self.in_auth == 0 && !self.quit && !self.mid_reply && !self.handshaking);
            assert!(!self.machine.is_over() && deadline.is_none());
        }
        if self.secure.is_some() && !self.machine.is_over() {
            assert!(self.machine.has_tls() || matches!(self.machine, Machine::Client(_)));
        }
        // It takes longer than all the rest, so only where there is something to hide, and once more at the end.
        if self.in_auth > 0 {
            self.check_shown(&format!("{:?}{:?}", self.machine, self.out));
        }
    }

    fn check_shown(&self, text: &str) {
        assert!(!has_secret(text), "a secret in {text}");
        assert!(!text.contains(['\r', '\n', '\0', '\x1b']), "a control character in {text:?}");
    }

    fn bytes_of_out(&self) -> Vec<u8> {
        let bytes = self.out.slices(&self.chunk).unwrap().collect::<Vec<_>>().concat();
        assert_eq!(bytes.len(), self.out.len());
        bytes
    }

    /// Takes note of what came out: framed content, then commands.
    fn on_output(&mut self, wire: &[u8], content: &[u8], ended: Option<TransactionId>) {
        let mut plain = Vec::new();
        if self.sealed.load(Ordering::Relaxed) {
            let before = self.plain_produced;
            let mut position = self.produced;
            for (len, text) in records(wire) {
                position += len as u64;
                plain.extend_from_slice(text);
                self.marks.push_back((position, before + plain.len() as u64));
            }
        } else {
            plain.extend_from_slice(wire);
        }
        self.produced += wire.len() as u64;
        let commands = plain.strip_prefix(content).expect("the content as it was framed");
        self.plain_produced += content.len() as u64;
        if let Some(id) = ended {
            self.open.get_mut(&id).expect("an open transaction").end = Some(self.plain_produced);
            self.expect(What::Verdict(Some(id)), String::new(), 0);
        }
        for line in commands.split_inclusive(|&b| b == b'\n') {
            self.plain_produced += line.len() as u64;
            self.on_command(line);
        }
    }

    fn on_command(&mut self, line: &[u8]) {
        let text = line.strip_suffix(b"\r\n").expect("a line ends in CRLF");
        let text = std::str::from_utf8(text).expect("UTF-8");
        assert!(!text.contains(char::is_control), "control character in {text:?}");
        assert!(self.closed.is_none() && !self.handshaking);
        let verb = text.split([' ', ':']).next().unwrap_or_default();
        let what = match verb {
            "EHLO" | "HELO" => What::Hello,
            "STARTTLS" => What::StartTls,
            "MAIL" => What::Mail,
            "RCPT" => What::Rcpt,
            "DATA" => What::Data,
            "NOOP" | "HELP" | "VRFY" | "EXPN" => What::Query,
            "XCLIENT" => What::XClient,
            "RSET" => What::Reset,
            "QUIT" => What::Quit,
            "." => What::Verdict(None),
            _ => What::Auth,
        };
        if matches!(self.tls, TlsMode::StartTls | TlsMode::Implicit) && self.secure.is_none() {
            assert!(self.tls == TlsMode::StartTls && (verb == "EHLO" || what == What::StartTls), "{text}");
        }
        if what == What::Auth {
            assert!(self.in_auth > 0, "{text}");
            assert!(self.secure == Some(true) || self.insecure_auth, "{text}");
            assert!(verb != "AUTH" || line.len() <= 512, "a long line of AUTH");
        } else {
            assert!(!has_secret(text), "{text}");
        }
        if let Some(last) = self.expected.back() {
            let group = matches!(last.what, What::Mail | What::Rcpt | What::Verdict(_) | What::Reset);
            assert!(group && self.machine.extensions().has(Extension::Pipelining), "{text} too early");
            let unanswered = self.expected.iter().map(|expected| expected.len).sum::<usize>();
            assert!(unanswered < self.pipeline_limit, "{unanswered} bytes without an answer");
        }
        if self.trace && what != What::Verdict(None) {
            self.sent.push_back(text.into());
            self.match_trace();
        }
        let len = if what == What::Verdict(None) { 0 } else { line.len() };
        self.expect(what, text.into(), len);
    }

    fn expect(&mut self, what: What, line: String, len: usize) {
        self.expected.push_back(Expected { what, line, len, end: self.plain_produced });
    }

    /// Each line that is put out is traced, and no other.
    fn match_trace(&mut self) {
        while !self.sent.is_empty()
            && let Some(line) = self.traced.pop_front()
        {
            let sent = self.sent.pop_front().unwrap_or_default();
            let masked = line.strip_suffix("****").is_some_and(|start| sent.starts_with(start));
            assert!(line == sent || masked, "{line:?} for {sent:?}");
        }
    }

    /// What the reply that is told answers.
    fn answered(&mut self, what: &[What], told: &Reply) -> Expected {
        let (expected, answer) = self.answered.pop_front().expect("an answer");
        // What repeats a secret is masked.
        let masked = told.text() == "****" && told.code() == answer.code();
        assert!(masked || *told == answer, "{told} is told for {answer}");
        assert!(what.contains(&expected.what), "{}", expected.line);
        expected
    }

    fn on_event(&mut self, event: Event) {
        self.check_shown(&format!("{event:?}"));
        match event {
            Event::StartTls => {
                // While nothing polls, TLS may be there before the event is taken.
                assert!(matches!(self.machine, Machine::Client(_)));
                assert!(self.handshaking || self.secure.is_some());
            }
            Event::TlsEstablished(info) => assert_eq!(Some(info.is_verified()), self.secure),
            Event::Ready => {
                let may_be = matches!(self.tls, TlsMode::None | TlsMode::Opportunistic);
                assert!(may_be || self.secure.is_some(), "ready without TLS");
                assert!(!self.ready, "ready twice");
                self.ready = true;
            }
            Event::SecretWanted(_) => {
                assert!(self.in_auth > 0);
                self.challenged = !std::mem::take(&mut self.answered_early);
                if self.gives_secret {
                    self.respond(b's');
                }
            }
            Event::Authenticated(reply) => {
                assert!(self.in_auth > 0 && reply.is_positive());
                self.in_auth -= 1;
                self.authenticated = true;
            }
            Event::AuthFailed(error) => {
                assert_printable(&error);
                assert!(self.in_auth > 0);
                self.in_auth -= 1;
            }
            Event::Mail(id, reply) => {
                let expected = self.answered(&[What::Mail], &reply);
                let open = self.open.get_mut(&id).expect("an open transaction");
                let sender = open.envelope.sender().map(Address::to_string).unwrap_or_default();
                assert!(expected.line.starts_with(&format!("MAIL FROM:<{sender}>")), "{}", expected.line);
                assert!(open.mail.replace(reply).is_none(), "two replies to one MAIL");
            }
            Event::Rcpt(id, recipient, reply) => {
                let expected = self.answered(&[What::Rcpt], &reply);
                let open = self.open.get_mut(&id).expect("an open transaction");
                let to = format!("RCPT TO:<{}>", open.envelope.recipients()[recipient]);
                assert!(expected.line.starts_with(&to), "{}", expected.line);
                assert!(expected.line == to || self.machine.extensions().has(Extension::Dsn));
                assert!(open.rcpt[recipient].replace(reply).is_none(), "two replies to one RCPT");
            }
            Event::Answer(reply) => {
                let expected = self.answered(&[What::Query, What::XClient], &reply);
                if expected.what == What::XClient {
                    // It begins anew, or goes on.
                    self.ready = !reply.is_positive();
                    self.authenticated &= !reply.is_positive();
                }
            }
            Event::NotOffered(id, extension) => {
                assert!(self.open.contains_key(&id) && !self.machine.extensions().has(extension));
            }
            Event::Finished(id, outcomes) => {
                let open = self.open.remove(&id).expect("a transaction ends once");
                assert_eq!(outcomes.len(), open.envelope.recipients().len(), "one outcome per recipient");
                for (i, outcome) in outcomes.iter().enumerate() {
                    let before_events = self.plain_written_before;
                    outcome::check_outcome(&open, i, outcome, before_events..=self.plain_written);
                }
            }
            Event::Trace(Trace::Sent(line)) => {
                assert!(self.trace);
                self.traced.push_back(line);
                self.match_trace();
            }
            Event::Trace(Trace::Received(reply)) => assert_printable(&reply),
            Event::PeerFault(_) | Event::Trace(_) => {}
            other => panic!("an event that is not known here: {other:?}"),
        }
    }
}
