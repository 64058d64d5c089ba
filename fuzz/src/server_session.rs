//! The server machine under arbitrary operations.
//!
//! An input is a script of lines.  The first one sets things up, a letter each:
//!
//! | letter | meaning |
//! |---|---|
//! | `t` `i` `x` | STARTTLS, TLS from the first byte; there is no engine to be had |
//! | `l` | LMTP |
//! | `e` `E` | every extension there is; none at all |
//! | `a` `n` `S` | AUTH without TLS is allowed; there is no AUTH; there are mechanisms that the embedder speaks |
//! | `r` `R` | TLS is required; AUTH is required |
//! | `b` `u` | bare line ends are taken; content that was not declared is taken |
//! | `s` | small limits |
//! | `1` | input comes byte by byte |
//! | `w` | output is written when `W` says so; else at once |
//!
//! Every further line is an operation, and after each the machine is polled until it waits:
//!
//! | line | meaning |
//! |---|---|
//! | `CNOOP`, `cNO` | the client's line, or bytes without line end |
//! | `H` | the client's TLS handshake |
//! | `L` `\|` | a line end; a bare LF |
//! | `O` | many bytes |
//! | `Aa` | answers: `a` accept, `r` refuse, `d` defer, `m` 250 in two lines, `i` 354, `g` 421, `c` a challenge, `n` none for now |
//! | `W9` | write as many bytes as the character's code, or everything |
//! | `T5` | time passes: two to the power of the digit in seconds |
//! | `D` `d` | the deadline comes; a nanosecond is missing |
//! | `Z` `Q` | the client's end of file; the server is shut down |

use std::sync::Arc;
use std::time::Duration;

use smtp_proto::command::Query;
use smtp_proto::reply::{Code, Reply, ReplyLimits, ReplyParser};
use smtp_proto::server::{Config, Event, FutureRelease, Keyword, Next, Response, Server, ServerError, Tls};
use smtp_proto::{AuthMechanism, Domain, Extension, Instant, Output};

use crate::assert_printable;
use crate::transparent::{Acceptor, DONE};

/// So many lines of a script are carried out.
const MAX_OPERATIONS: usize = 400;
/// More is never handed out at once: the replies that collect, and those to one more command.
const MAX_OUTPUT: usize = 128 << 10;

/// Runs the script, then ends the connection, and checks the invariants of the machine at each step.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|&b| b == b'\n');
    let mut world = World::new(lines.next().unwrap_or_default());
    world.settle();
    for line in lines.take(MAX_OPERATIONS) {
        if let Some((&operation, argument)) = line.split_first() {
            world.operate(operation, argument);
            world.settle();
        }
    }
    world.finish();
}

/// Every extension, and what goes with it.
pub(crate) fn every_extension(config: &mut Config) {
    config.extensions.extend([
        Extension::BinaryMime,
        Extension::DeliverBy,
        Extension::Dsn,
        Extension::Limits,
        Extension::MtPriority,
        Extension::RequireTls,
        Extension::XClient,
    ]);
    config.future_release = FutureRelease::new(999_999_999, "9999-12-31T23:59:60Z").ok();
}

struct World {
    server: Server,
    config: Arc<Config>,
    now: Instant,
    out: Output,
    byte_by_byte: bool,
    eager: bool,
    answer: u8,
    /// A question is open.
    asked: Option<Asked>,
    /// Recipients that were accepted, in a transaction.
    transaction: Option<usize>,
    /// Bytes of content.
    content: u64,
    /// Verdicts of LMTP that were asked for.
    verdicts: usize,
    wire: Wire,
    end: Option<Result<(), ServerError>>,
}

#[derive(Clone, Copy)]
enum Asked {
    Mail,
    Rcpt,
    Message,
    MessageFor,
    Other,
}

impl World {
    fn new(flags: &[u8]) -> Self {
        let has = |flag| flags.contains(&flag);
        let mut config = Config::new("mx.example".parse::<Domain>().expect("a domain"));
        let acceptor = Arc::new(Acceptor { accepts: !has(b'x') });
        config.tls = match (has(b't'), has(b'i')) {
            (true, _) => Tls::StartTls(acceptor),
            (_, true) => Tls::Implicit(acceptor),
            _ => Tls::None,
        };
        if has(b'E') {
            config.extensions.clear();
        } else if has(b'e') {
            every_extension(&mut config);
            config.keywords.extend([Keyword::new("X-LOUD yes"), Keyword::new("-")].into_iter().flatten());
            assert_eq!(config.keywords.iter().map(Keyword::as_str).collect::<Vec<_>>(), ["X-LOUD yes"]);
        }
        config.lmtp = has(b'l');
        config.allow_auth_without_tls = has(b'a');
        if has(b'n') {
            config.auth.clear();
        }
        if has(b'S') {
            config.auth.extend([AuthMechanism::ScramSha256, AuthMechanism::CramMd5]);
        }
        config.require_tls = has(b'r');
        config.require_auth = has(b'R');
        config.allow_bare_line_ends = has(b'b');
        config.allow_undeclared_content = has(b'u');
        if has(b's') {
            let limits = &mut config.limits;
            (limits.line, limits.auth_line) = (100, 100);
            (limits.size, limits.discard) = (Some(50), 100);
            (limits.mails, limits.recipients, limits.domains) = (Some(3), 3, Some(2));
            (limits.errors, limits.idle_commands, limits.refused_recipients) = (6, 12, 3);
            limits.deliver_by = Some(60);
        }
        let config = Arc::new(config);
        Self {
            server: Server::new(config.clone(), Instant::ZERO),
            config,
            now: Instant::ZERO,
            out: Output::new(),
            byte_by_byte: has(b'1'),
            eager: !has(b'w'),
            answer: b'a',
            asked: None,
            transaction: None,
            content: 0,
            verdicts: 0,
            wire: Wire::new(),
            end: None,
        }
    }

    fn operate(&mut self, operation: u8, argument: &[u8]) {
        let first = argument.first().copied();
        match operation {
            b'C' => self.input(&[argument, b"\r\n"].concat()),
            b'c' => self.input(argument),
            b'H' => self.input(&[DONE]),
            b'L' => self.input(b"\r\n"),
            b'|' => self.input(b"\n"),
            b'O' => self.input(&b"many bytes\r\n".repeat(3000)),
            b'A' => {
                self.answer = first.unwrap_or(b'a');
                self.respond();
            }
            b'W' => self.write(first.map_or(usize::MAX, usize::from)),
            b'T' => {
                self.now = self.now + Duration::from_secs(1 << (first.unwrap_or_default() & 15));
                self.server.handle_timeout(self.now);
            }
            b'D' | b'd' => {
                if let Some(deadline) = self.server.deadline() {
                    let early = Duration::from_nanos(u64::from(operation == b'd'));
                    self.now = self.now.max(self.now + (deadline - self.now).saturating_sub(early));
                }
                self.server.handle_timeout(self.now);
            }
            b'Z' => self.server.handle_eof(self.now),
            b'Q' => self.server.shut_down(),
            _ => {}
        }
    }

    fn input(&mut self, bytes: &[u8]) {
        if !self.byte_by_byte || bytes.len() > 1000 {
            return self.server.handle_input(self.now, bytes);
        }
        for byte in bytes {
            self.server.handle_input(self.now, &[*byte]);
            self.settle();
        }
    }

    /// Polls until the machine waits for something that does not come by itself.
    fn settle(&mut self) {
        for _ in 0..200_000 {
            let before = self.out.len();
            let next = self.server.poll(self.now, &mut self.out);
            assert!(before == 0 || self.out.len() == before, "appended to output that was not written");
            assert!(self.out.len() < MAX_OUTPUT, "{} bytes of output", self.out.len());
            assert!(!format!("{:?}", self.server).contains(char::is_control));
            match next {
                Next::Event(event) => {
                    assert!(self.end.is_none(), "{event:?} after the end");
                    self.event(event);
                }
                Next::Wait => {
                    assert!(self.end.is_none(), "waits after the end");
                    if !self.out.is_empty() && self.eager {
                        self.write(usize::MAX);
                    } else {
                        return;
                    }
                }
                Next::Closed(end) => {
                    assert!(self.end.as_ref().is_none_or(|before| *before == end), "it ends once");
                    if let Err(error) = &end {
                        assert_printable(error);
                        assert!(std::error::Error::source(error).is_none());
                    }
                    self.end = Some(end);
                    assert_eq!(self.server.deadline(), None);
                    assert!(!self.server.wants_input());
                    return;
                }
            }
        }
        panic!("polled without end");
    }

    fn event(&mut self, event: Event) {
        assert!(!format!("{event:?}").contains(char::is_control), "{event:?}");
        assert!(self.asked.is_none() || matches!(event, Event::Quit), "{event:?} while a question is open");
        let limit = self.config.limits.size.unwrap_or(u64::MAX);
        self.asked = match event {
            Event::Hello { name, extended } => {
                assert!(!name.is_empty() && !name.contains(|c: char| c.is_control() || c.is_whitespace()));
                assert!(extended || !self.config.lmtp);
                None
            }
            Event::TlsStarted(info) => {
                assert_eq!(self.server.tls_info(), Some(info));
                assert!(self.transaction.is_none());
                None
            }
            Event::Auth(credentials) => {
                assert!(!credentials.identity.is_empty());
                assert_printable(&credentials.identity);
                assert!(self.server.tls_info().is_some() || self.config.allow_auth_without_tls);
                Some(Asked::Other)
            }
            Event::AuthMessage(message) => {
                assert!(self.config.auth.contains(&message.mechanism));
                assert!(message.response.is_some() || message.round == 0);
                Some(Asked::Other)
            }
            Event::Mail { parameters, .. } => {
                assert!(self.transaction.is_none(), "one transaction at a time");
                assert!(!parameters.options.require_tls || self.server.tls_info().is_some());
                assert!(parameters.size.is_none_or(|size| size <= limit));
                (self.content, self.verdicts) = (0, 0);
                Some(Asked::Mail)
            }
            Event::Rcpt { recipient } => {
                assert_printable(&recipient);
                assert!(self.transaction.expect("after MAIL") < self.config.limits.recipients);
                assert_eq!(self.content, 0, "before the content");
                Some(Asked::Rcpt)
            }
            Event::Body(bytes) => {
                assert!(self.transaction.expect("after MAIL") > 0, "after RCPT");
                assert!(!bytes.is_empty());
                self.content += bytes.len() as u64;
                assert!(self.content <= limit, "{} bytes", self.content);
                None
            }
            Event::Message => {
                assert!(self.transaction.expect("after MAIL") > 0 && !self.config.lmtp);
                Some(Asked::Message)
            }
            Event::MessageFor { .. } => {
                self.verdicts += 1;
                assert!(self.verdicts <= self.transaction.expect("after MAIL") && self.config.lmtp);
                Some(Asked::MessageFor)
            }
            Event::Query(query) => {
                assert_printable(&query);
                if let Query::XClient(attributes) = query {
                    assert!(self.transaction.is_none() && !attributes.is_empty());
                    attributes.iter().for_each(|(_, value)| assert_printable(value));
                }
                Some(Asked::Other)
            }
            Event::Reset => {
                assert!(self.transaction.take().is_some(), "what had begun is no more");
                None
            }
            Event::Quit => None,
            _ => panic!("an event that is not known here"),
        };
        if self.asked.is_some() {
            self.respond();
        }
    }

    fn respond(&mut self) {
        let reply = |code, text| Reply::new(Code::new(code).expect("a code"), text).expect("a reply");
        let (response, accepted) = match self.answer {
            b'n' => return,
            b'r' => (Response::refuse(), false),
            b'd' => (Response::defer(), false),
            b'm' => (Response::reply(reply(250, "2.0.0 yes\nand yes again")), true),
            b'i' => (Response::reply(reply(354, "go ahead")), false),
            b'c' => (Response::challenge("challenge"), false),
            b'g' => (reply(421, "4.3.2 going down").into(), false),
            _ => (Response::accept(), true),
        };
        // One for which there is no question does nothing; nor does a question outlive the connection.
        self.server.respond(response.clone());
        let Some(asked) = self.asked.take() else { return };
        match asked {
            Asked::Mail => self.transaction = accepted.then_some(0),
            Asked::Rcpt => {
                if let Some(recipients) = self.transaction.as_mut().filter(|_| accepted) {
                    *recipients += 1;
                }
            }
            Asked::Message => self.transaction = None,
            Asked::MessageFor if Some(self.verdicts) == self.transaction => self.transaction = None,
            Asked::MessageFor | Asked::Other => {}
        }
    }

    fn write(&mut self, n: usize) {
        let n = n.min(self.out.len());
        let bytes: Vec<u8> = self.out.slices(&[]).expect("no range").flatten().copied().take(n).collect();
        self.out.advance(n);
        self.wire.read(&bytes);
        self.server.handle_written(self.now, n);
    }

    /// Whatever has happened, the connection comes to its end.
    fn finish(&mut self) {
        (self.eager, self.answer) = (true, b'a');
        self.respond();
        self.server.handle_eof(self.now);
        for _ in 0..10 {
            self.settle();
            if self.end.is_some() {
                return;
            }
            self.now = self.server.deadline().expect("something is waited for");
            self.server.handle_timeout(self.now);
        }
        panic!("no end");
    }
}

/// What the client reads: well-formed replies, and nothing else.
struct Wire {
    parser: ReplyParser,
    rest: Vec<u8>,
    last: u8,
}

impl Wire {
    fn new() -> Self {
        Self { parser: ReplyParser::new(ReplyLimits::default()), rest: Vec::new(), last: 0 }
    }

    fn read(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            assert_eq!(byte == b'\n', self.last == b'\r', "lines end in CRLF");
            self.last = byte;
        }
        self.rest.extend_from_slice(bytes);
        let mut rest = &self.rest[..];
        while let Some(reply) = self.parser.parse(&mut rest).expect("a reply") {
            assert!((200..560).contains(&reply.code().get()), "{reply}");
        }
        self.rest = rest.to_vec();
    }
}
