//! Transcripts of whole connections, each run with its input cut at every byte.
//!
//! `C:` is a line of the client's, `C-` bytes without a line end (both with `\r`, `\n`, `\0`, `\x..`), `S:` a line of
//! the server's, `E:` an event and, after `->`, the answer to it (`accept` if there is none), `T:` so many seconds that
//! pass, `EOF` the client's end, and `Z:` how the connection ends.  Adjacent lines of the client go in one segment.

mod arbitrary;
mod chunks;
mod extensions;
mod lmtp;
mod plain;
mod secure;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::command::Command;
use crate::extensions::Extension;
use crate::output::Output;
use crate::reply::Code;
use crate::time::Instant;
use crate::tls::{TlsAcceptor, TlsEngine};

fn config() -> Config {
    Config::new("mx.test".parse::<crate::Domain>().unwrap())
}

/// A group of the client's bytes (or something else that happens), and what must come of it.
#[derive(Default, Debug)]
struct Group {
    input: Vec<u8>,
    eof: bool,
    seconds: u64,
    said: String,
    events: Vec<String>,
    answers: Vec<Response>,
    end: Option<String>,
}

fn groups(script: &str) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let (kind, text) = line.split_at(line.len().min(2));
        let text = text.strip_prefix(' ').unwrap_or(text);
        let last = groups.last_mut().unwrap();
        let quiet = last.said.is_empty() && last.events.is_empty() && last.end.is_none();
        let follows = kind.starts_with('C') && quiet && !last.eof && last.seconds == 0;
        if matches!(kind, "C:" | "C-" | "T:" | "EO") && !follows {
            groups.push(Group::default());
        }
        let group = groups.last_mut().unwrap();
        match kind {
            "C:" => group.input.extend([unescape(text), b"\r\n".to_vec()].concat()),
            "C-" => group.input.extend(unescape(text)),
            "S:" => group.said.push_str(&format!("{text}\r\n")),
            "T:" => group.seconds = text.parse().unwrap(),
            "EO" => group.eof = true,
            "Z:" => group.end = Some(text.into()),
            "E:" => {
                let (event, answer) = text.split_once(" -> ").unwrap_or((text, "accept"));
                group.events.push(event.into());
                if ["Auth", "Mail", "Rcpt", "Message", "Query"]
                    .iter()
                    .any(|question| event.starts_with(question))
                {
                    group.answers.push(match answer {
                        "accept" => Response::accept(),
                        "refuse" => Response::refuse(),
                        "defer" => Response::defer(),
                        challenge if challenge.starts_with("334 ") => {
                            Response::challenge(&challenge.as_bytes()[4..])
                        }
                        reply => {
                            let code = Code::new(reply[..3].parse().unwrap()).unwrap();
                            Reply::new(code, &reply[4..].replace(" | ", "\n")).unwrap().into()
                        }
                    });
                }
            }
            _ => panic!("not a line of a script: {line}"),
        }
    }
    groups
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b'0' => 0,
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            byte => byte,
        });
    }
    bytes
}

fn is_question(event: &Event) -> bool {
    match event {
        Event::Auth(_)
        | Event::AuthMessage(_)
        | Event::Mail { .. }
        | Event::Rcpt { .. }
        | Event::Query(_) => true,
        Event::Message | Event::MessageFor { .. } => true,
        Event::Hello { .. } | Event::TlsStarted(_) | Event::Body(_) | Event::Reset | Event::Quit => false,
    }
}

/// One run of a script.
struct Run {
    server: Server,
    now: Instant,
    said: String,
    events: Vec<String>,
    answers: VecDeque<Response>,
    end: Option<Result<(), ServerError>>,
}

impl Run {
    /// Polls until nothing comes any more.
    fn pump(&mut self) {
        let mut out = Output::new();
        while self.end.is_none() {
            match self.server.poll(self.now, &mut out) {
                Next::Event(event) => self.event(event),
                Next::Wait if out.is_empty() => return,
                Next::Wait => {
                    // Written in two pieces, so that nothing relies on one.
                    for part in [out.len() / 2, out.len() - out.len() / 2] {
                        let bytes: Vec<u8> = out.parts(&[]).flatten().copied().take(part).collect();
                        self.said.push_str(&String::from_utf8(bytes).unwrap());
                        out.advance(part);
                        self.server.handle_written(self.now, part);
                        if !out.is_empty() {
                            assert!(!matches!(self.server.poll(self.now, &mut out), Next::Closed(_)));
                        }
                    }
                }
                Next::Closed(result) => self.end = Some(result),
            }
        }
    }

    fn event(&mut self, event: Event) {
        let is_question = is_question(&event);
        let text = match event {
            Event::Body(content) => {
                let text = content.escape_ascii().to_string();
                match self.events.last_mut() {
                    Some(before) if before.starts_with("Body ") => {
                        before.push_str(&text);
                        return;
                    }
                    _ => format!("Body {text}"),
                }
            }
            Event::Hello { name, extended } => format!("Hello {name} {extended}"),
            Event::Auth(c) => {
                let on_behalf = c.authorization.map_or(String::new(), |a| format!(" for {a}"));
                format!("Auth {} {} {}{on_behalf}", c.mechanism, c.identity, c.password.expose())
            }
            Event::AuthMessage(m) => {
                let said = m.response.map_or("nothing".into(), |r| r.escape_ascii().to_string());
                format!("AuthMessage {} {} {said}", m.mechanism, m.round)
            }
            Event::Mail { sender, parameters } => {
                format!("Mail <{}>{parameters}", sender.map_or(String::new(), |a| a.to_string()))
            }
            Event::Rcpt { recipient: Recipient { address, options } } => {
                let command = Command::Rcpt { recipient: &address, options: &options }.to_string();
                command.replacen("RCPT TO:", "Rcpt ", 1)
            }
            Event::MessageFor { recipient } => format!("MessageFor <{recipient}>"),
            Event::Query(query) => format!("Query {query}"),
            Event::TlsStarted(info) => format!("TlsStarted {}", info.version),
            other => format!("{other:?}"),
        };
        self.events.push(text);
        if is_question {
            let mut out = Output::new();
            assert!(matches!(self.server.poll(self.now, &mut out), Next::Wait), "a question waits");
            assert_eq!(self.server.deadline(), None, "the client is not to blame");
            if !out.is_empty() {
                // Replies to commands before it go out meanwhile.
                let bytes: Vec<u8> = out.parts(&[]).flatten().copied().collect();
                self.said.push_str(&String::from_utf8(bytes).unwrap());
                self.server.handle_written(self.now, out.len());
            }
            self.server.respond(self.answers.pop_front().unwrap_or(Response::accept()));
            self.server.respond(Response::refuse()); // one too many does nothing
        }
    }
}

/// Runs the script whole, byte by byte, and cut once at every byte.
#[track_caller]
fn check(config: Config, script: &str) {
    let groups = groups(script);
    let total: usize = groups.iter().map(|group| group.input.len()).sum();
    let config = Arc::new(config);
    run(&config, &groups, |input, _| vec![input.len()]);
    run(&config, &groups, |input, _| vec![1; input.len()]);
    for cut in 1..total {
        run(&config, &groups, |input, start| match cut.checked_sub(start) {
            Some(at) if at > 0 && at < input.len() => vec![at, input.len() - at],
            _ => vec![input.len()],
        });
    }
}

#[track_caller]
fn run(config: &Arc<Config>, groups: &[Group], pieces: impl Fn(&[u8], usize) -> Vec<usize>) {
    let now = Instant::ZERO;
    let mut run = Run {
        server: Server::new(config.clone(), now),
        now,
        said: String::new(),
        events: Vec::new(),
        answers: VecDeque::new(),
        end: None,
    };
    let mut start = 0;
    for group in groups {
        run.answers.extend(group.answers.iter().cloned());
        let mut input = &group.input[..];
        for len in pieces(input, start) {
            let (piece, rest) = input.split_at(len);
            run.server.handle_input(run.now, piece);
            run.pump();
            input = rest;
        }
        start += group.input.len();
        if group.seconds > 0 {
            run.now = run.now + Duration::from_secs(group.seconds);
            run.server.handle_timeout(run.now);
        }
        if group.eof {
            run.server.handle_eof(run.now);
        }
        run.pump();
        let input = group.input.escape_ascii();
        assert_eq!(core::mem::take(&mut run.said), group.said, "after {input}");
        assert_eq!(core::mem::take(&mut run.events), group.events, "after {input}");
        let end = run.end.as_ref().map(|end| match end {
            Ok(()) => "Ok".into(),
            Err(error) => format!("{error:?}"),
        });
        assert_eq!(end, group.end, "after {input}");
        assert!(run.end.is_some() || run.server.deadline().is_some(), "something is always waited for");
    }
}

/// No TLS at all, so that transcripts stay readable: the client says `<hello>`, the server `<welcome>`, then plain text
/// passes, and `<close>` is `close_notify`.
#[derive(Debug)]
struct Glass;

#[derive(Debug, Default)]
struct GlassEngine {
    greeting: Vec<u8>,
    pending: Vec<u8>,
    tail: Vec<u8>,
}

impl TlsAcceptor for Glass {
    fn accept(&self) -> Result<Box<dyn TlsEngine>, TlsError> {
        Ok(Box::new(GlassEngine::default()))
    }
}

const HELLO: &[u8] = b"<hello>\r\n";

impl TlsEngine for GlassEngine {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        for &byte in ciphertext {
            if self.is_handshaking() {
                self.greeting.push(byte);
                if !HELLO.starts_with(&self.greeting) {
                    self.pending.extend_from_slice(b"<alert>\r\n");
                    return Err(TlsError::NotTls);
                }
                if self.greeting == HELLO {
                    self.pending.extend_from_slice(b"<welcome>\r\n");
                }
            } else {
                self.tail.push(byte);
                if !b"<close>\r\n".starts_with(&self.tail) {
                    plain.append(&mut self.tail);
                }
            }
        }
        Ok(())
    }
    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        self.pending.extend_from_slice(plain);
        Ok(())
    }
    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.pending);
    }
    fn is_handshaking(&self) -> bool {
        self.greeting != HELLO
    }
    fn close(&mut self) {
        self.pending.extend_from_slice(b"<close>\r\n");
    }
    fn peer_has_closed(&self) -> bool {
        self.tail == b"<close>\r\n"
    }
    fn info(&self) -> Option<TlsInfo> {
        (!self.is_handshaking()).then(|| TlsInfo::new("Glass", "none", false))
    }
    fn export_keying_material(&self, _: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
        Err(TlsError::Configuration { detail: "glass has no keys".into() })
    }
}
