//! `C:` / `S:` scripts for the client machine.
//!
//! A script is a list of lines: `S: ` bytes of the server, `C: ` bytes of the client, each with a CRLF behind it; `S| `
//! and `C| ` without; `\r`, `\n`, `\0`, `\t` and `\xHH` are escapes.  Lines that begin with `!` act: `!eof`,
//! `!timeout`, `!cancel`, `!send` (all messages, once more), `!quit`, `!abort`, `!auth`, `!respond`, `!at SECONDS` (what
//! time it is), `!deadline SECONDS` (when the next deadline must be).  Consecutive server lines come in one piece, and in
//! every test once more cut at every byte and byte by byte: events and output must be the same.  The replies to MAIL and
//! RCPT that were told must be those that the outcomes go back to.

use std::time::Duration;

use smtp_proto::client::{
    Chunking, Client, Config, Event, Failure, Next, Outcome, Phase, TlsMode, TransactionId,
};
use smtp_proto::command::Query;
use smtp_proto::envelope::{Envelope, Form};
use smtp_proto::reply::Reply;
use smtp_proto::sasl::{Credentials, NONCE};
use smtp_proto::{Address, Instant, Output};

/// What the embedder does.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) messages: Vec<(Envelope, Vec<u8>)>,
    /// Before them.
    pub(crate) queries: Vec<Query>,
    pub(crate) quit: bool,
    /// Say that TLS is established when the machine asks for it.
    pub(crate) handshake: bool,
    /// With the server's identity verified.
    pub(crate) verified: bool,
    /// Do not give the secret when it is asked for.
    pub(crate) keep_secret: bool,
    /// Nor content.
    pub(crate) keep_content: bool,
    /// The nonce of SCRAM, and what the connection can be bound to.
    pub(crate) nonce: [u8; NONCE],
    pub(crate) binding: Option<[u8; 32]>,
}

impl Setup {
    /// One message to these recipients; then QUIT, when all is over.
    pub(crate) fn message(recipients: &[&str], content: &str) -> Self {
        let mut config = Config::new("client.example".parse().unwrap());
        config.trace = true;
        let setup = Self {
            config,
            tls: TlsMode::None,
            credentials: None,
            messages: Vec::new(),
            queries: Vec::new(),
            quit: true,
            handshake: true,
            verified: true,
            keep_secret: false,
            keep_content: false,
            nonce: [0; NONCE],
            binding: None,
        };
        setup.and_message(recipients, content, Form::default())
    }

    /// No message; only `!` lines say what happens.
    pub(crate) fn idle() -> Self {
        Self { messages: Vec::new(), quit: false, ..Self::message(&["a@b.example"], "") }
    }

    pub(crate) fn and_message(mut self, recipients: &[&str], content: &str, form: Form) -> Self {
        let recipients: Vec<Address> = recipients.iter().map(|to| to.parse().unwrap()).collect();
        let envelope = Envelope::new(Some("from@a.example".parse().unwrap()), recipients).unwrap();
        self.messages.push((envelope.with_form(form), content.into()));
        self
    }

    pub(crate) fn login(mut self) -> Self {
        self.credentials = Some(Credentials::new("user", "secret").unwrap());
        self.config.allow_insecure_auth = true;
        self
    }

    pub(crate) fn starttls(mut self) -> Self {
        self.tls = TlsMode::StartTls;
        self
    }

    /// Content in chunks.
    pub(crate) fn chunked(mut self, chunking: Chunking) -> Self {
        self.config.chunking = chunking;
        self
    }

    /// Every message says how large it is.
    pub(crate) fn sized(mut self) -> Self {
        for (envelope, content) in &mut self.messages {
            let form = Form { size: Some(content.len() as u64), ..envelope.form() };
            *envelope = envelope.clone().with_form(form);
        }
        self
    }

    pub(crate) fn stay(mut self) -> Self {
        self.quit = false;
        self
    }
}

/// Runs the script at every split and compares what the embedder was told with `expected`, one line each.
#[track_caller]
pub(crate) fn check(setup: &Setup, script: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect();
    for (cut, told) in outcomes(setup, script).into_iter().enumerate() {
        assert_eq!(told, expected, "cut {cut}");
    }
}

/// What the embedder was told with all input uncut.
pub(crate) fn outcome(setup: &Setup, script: &str) -> Vec<String> {
    Run::new(setup, Cut::At(0)).run(&parse(script))
}

/// What the embedder was told, uncut first, then for each cut.
pub(crate) fn outcomes(setup: &Setup, script: &str) -> Vec<Vec<String>> {
    let steps = parse(script);
    let server: usize =
        steps.iter().map(|step| if let Step::Server(bytes) = step { bytes.len() } else { 0 }).sum();
    (0..=server).map(Cut::At).chain([Cut::Everywhere]).map(|cut| Run::new(setup, cut).run(&steps)).collect()
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// Before this byte of all that the server says.
    At(usize),
    Everywhere,
}

enum Step {
    Server(Vec<u8>),
    Client(Vec<u8>),
    Act(String),
}

fn parse(script: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        if let Some(action) = line.strip_prefix('!') {
            steps.push(Step::Act(action.trim().into()));
            continue;
        }
        let (who, rest) = line.split_at(2);
        let mut bytes = unescape(rest.strip_prefix(' ').unwrap_or(rest));
        if who.ends_with(':') {
            bytes.extend_from_slice(b"\r\n");
        }
        match (who, steps.last_mut()) {
            ("S:" | "S|", Some(Step::Server(before))) | ("C:" | "C|", Some(Step::Client(before))) => {
                before.extend_from_slice(&bytes);
            }
            ("S:" | "S|", _) => steps.push(Step::Server(bytes)),
            ("C:" | "C|", _) => steps.push(Step::Client(bytes)),
            _ => panic!("not a script line: {line}"),
        }
    }
    steps
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'r') => bytes.push(b'\r'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'0') => bytes.push(0),
            Some(b'x') => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            other => panic!("unknown escape {other:?}"),
        }
    }
    bytes
}

struct Run<'a> {
    setup: &'a Setup,
    client: Client,
    now: Instant,
    cut: Cut,
    fed: usize,
    sent: Vec<u8>,
    told: Vec<String>,
    open: Vec<Open<'a>>,
    closed: bool,
}

/// A message on its way, and what was told of it.
struct Open<'a> {
    id: TransactionId,
    content: &'a [u8],
    mail: Option<Reply>,
    rcpt: Vec<Option<Reply>>,
}

impl Open<'_> {
    /// Whether an outcome goes back to the replies that were told.
    fn explains(&self, recipient: usize, outcome: &Outcome) -> bool {
        let rcpt = self.rcpt[recipient].as_ref();
        let accepted = rcpt.is_some_and(Reply::is_positive);
        match (outcome, outcome.failure()) {
            (Outcome::Delivered(_) | Outcome::Ambiguous(_), _) => accepted,
            (_, Some(Failure::Refused { phase: Phase::Mail, reply })) => self.mail.as_ref() == Some(reply),
            (_, Some(Failure::Refused { phase: Phase::Rcpt, reply })) => rcpt == Some(reply) && !accepted,
            (_, Some(Failure::Refused { .. })) => accepted,
            (_, Some(Failure::TooManyRecipients { reply })) => rcpt == reply.as_ref() && !accepted,
            (_, Some(Failure::Unsupported(_))) => rcpt.is_none(),
            // A refusal that was told is what counts.
            _ => rcpt.is_none() || accepted,
        }
    }
}

impl<'a> Run<'a> {
    fn new(setup: &'a Setup, cut: Cut) -> Self {
        let client = Client::new(setup.config.clone(), setup.tls, Instant::ZERO);
        Self {
            setup,
            client,
            now: Instant::ZERO,
            cut,
            fed: 0,
            sent: Vec::new(),
            told: Vec::new(),
            open: Vec::new(),
            closed: false,
        }
    }

    fn run(mut self, steps: &[Step]) -> Vec<String> {
        self.poll();
        for step in steps {
            match step {
                Step::Server(bytes) => {
                    assert_eq!(
                        show(&self.sent),
                        "",
                        "unexpected output before {}, {:?}",
                        show(bytes),
                        self.cut
                    );
                    self.feed(bytes);
                }
                Step::Client(bytes) => {
                    let sent = std::mem::take(&mut self.sent);
                    assert_eq!(show(&sent), show(bytes), "{:?}; told: {:#?}", self.cut, self.told);
                }
                Step::Act(action) => {
                    let (verb, seconds) = action.split_once(' ').unwrap_or((action, "0"));
                    let time = Instant::from_duration(Duration::from_secs_f64(seconds.parse().unwrap()));
                    match verb {
                        "at" => self.now = time,
                        "deadline" => {
                            assert_eq!(
                                self.client.deadline(),
                                Some(time),
                                "{:?}; told: {:#?}",
                                self.cut,
                                self.told
                            );
                            // Before it nothing happens.
                            let before = time.as_duration().saturating_sub(Duration::from_nanos(1));
                            self.client.handle_timeout(Instant::from_duration(before));
                        }
                        "respond" => self.client.respond(&"secret".into()).unwrap(),
                        "auth" => self.authenticate(),
                        "eof" => self.client.handle_eof(self.now),
                        "timeout" => {
                            self.now = self.client.deadline().expect("nothing is waited for");
                            self.client.handle_timeout(self.now);
                        }
                        "send" => self.send(),
                        "cancel" => self.client.cancel(self.open.first().expect("nothing is open").id),
                        "quit" => self.client.quit(),
                        "abort" => self.client.abort_auth().unwrap(),
                        other => panic!("unknown action {other}"),
                    }
                    self.poll();
                }
            }
        }
        assert_eq!(show(&self.sent), "", "output that the script does not expect, {:?}", self.cut);
        if !self.closed {
            self.told.push(if self.client.is_reusable() { "open, reusable" } else { "open" }.into());
        }
        self.told
    }

    fn feed(&mut self, bytes: &[u8]) {
        let pieces: Vec<&[u8]> = match self.cut {
            Cut::Everywhere => bytes.chunks(1).collect(),
            Cut::At(cut) => match cut.checked_sub(self.fed).filter(|&at| at > 0 && at < bytes.len()) {
                Some(at) => vec![&bytes[..at], &bytes[at..]],
                None => vec![bytes],
            },
        };
        self.fed += bytes.len();
        for piece in pieces {
            self.client.handle_input(self.now, piece);
            self.poll();
        }
    }

    /// Does all that the machine wants done.
    fn poll(&mut self) {
        let mut out = Output::new();
        loop {
            match self.client.poll(self.now, &mut out) {
                Next::Event(event) => self.on_event(event),
                Next::Body(_) if self.setup.keep_content => return,
                Next::Body(id) => {
                    let mut rest = self.opened(id).content;
                    while let Ok(taken) = self.client.body(self.now, rest, true, &mut out) {
                        self.write(&mut out, rest);
                        rest = &rest[taken..];
                        if rest.is_empty() {
                            break;
                        }
                    }
                }
                Next::Wait if !out.is_empty() => self.write(&mut out, &[]),
                Next::Wait => return,
                Next::Closed(end) => {
                    if !std::mem::replace(&mut self.closed, true) {
                        self.told.push(match end {
                            Ok(()) => "closed".into(),
                            Err(error) => format!("closed: {error}"),
                        });
                    }
                    assert_eq!(self.client.deadline(), None);
                    return;
                }
            }
        }
    }

    fn write(&mut self, out: &mut Output, chunk: &[u8]) {
        out.slices(chunk).unwrap().for_each(|slice| self.sent.extend_from_slice(slice));
        self.client.handle_written(self.now, out.len());
        out.clear();
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Ready => {
                self.told.push("ready".into());
                match &self.setup.credentials {
                    Some(_) => self.authenticate(),
                    None => self.send(),
                }
            }
            Event::Authenticated(reply) => {
                self.told.push(format!("authenticated: {reply}"));
                self.send();
            }
            Event::AuthFailed(error) => self.told.push(format!("not authenticated: {error}")),
            Event::SecretWanted(_) if self.setup.keep_secret => self.told.push("secret wanted".into()),
            Event::SecretWanted(_) => self.client.respond(&"secret".into()).unwrap(),
            Event::StartTls => {
                self.told.push("start TLS".into());
                if self.setup.handshake {
                    self.client.tls_ready(self.now, self.setup.verified).unwrap();
                }
            }
            Event::Finished(id, outcomes) => {
                let ended = self.open.iter().position(|open| open.id == id).expect("it is open");
                assert_eq!(ended, 0, "in the order in which they were sent");
                let open = self.open.remove(ended);
                assert_eq!(outcomes.len(), open.rcpt.len());
                for (recipient, outcome) in outcomes.iter().enumerate() {
                    assert!(open.explains(recipient, outcome), "{outcome}: {:?}, {:?}", open.mail, open.rcpt);
                }
                self.told.extend(outcomes.iter().map(ToString::to_string));
            }
            Event::PeerFault(fault) => self.told.push(format!("fault: {fault:?}")),
            Event::Trace(trace) => {
                let line = format!("{trace:?}");
                assert!(
                    !line.contains("secret") && !line.contains("c2VjcmV0"),
                    "a secret in the trace: {line}"
                );
            }
            Event::Answer(reply) => self.told.push(format!("answer: {reply}")),
            Event::NotOffered(_, extension) => self.told.push(format!("not offered: {extension}")),
            Event::Mail(id, reply) => {
                assert!(self.opened(id).mail.replace(reply).is_none(), "two replies to one MAIL");
            }
            Event::Rcpt(id, recipient, reply) => {
                let open = self.opened(id);
                assert!(open.mail.is_some(), "the reply to RCPT before that to MAIL");
                assert!(open.rcpt[recipient].replace(reply).is_none(), "two replies to one RCPT");
            }
            other => panic!("unexpected event {other:?}"),
        }
    }

    fn opened(&mut self, id: TransactionId) -> &mut Open<'a> {
        self.open.iter_mut().find(|open| open.id == id).expect("an open transaction")
    }

    fn authenticate(&mut self) {
        let credentials = Credentials::new("user", "secret").unwrap();
        let credentials = self.setup.credentials.as_ref().unwrap_or(&credentials);
        let bound = self.setup.binding.is_some();
        let Some(mechanism) = credentials.choose(self.client.extensions(), bound) else {
            return self.told.push("no mechanism".into());
        };
        let mut exchange = credentials.exchange(mechanism, self.setup.nonce).unwrap();
        if let Some(exporter) = self.setup.binding {
            exchange.bind(exporter);
        }
        if let Err(error) = self.client.authenticate(exchange) {
            self.told.push(format!("misuse: {error}"));
        }
    }

    fn send(&mut self) {
        for query in &self.setup.queries {
            if let Err(error) = self.client.query(query.clone()) {
                self.told.push(format!("misuse: {error}"));
            }
        }
        for (envelope, content) in &self.setup.messages {
            match self.client.send(envelope.clone()) {
                Ok(id) => {
                    let rcpt = vec![None; envelope.recipients().len()];
                    self.open.push(Open { id, content, mail: None, rcpt });
                }
                Err(error) => self.told.push(format!("misuse: {error}")),
            }
        }
        if self.setup.quit {
            self.client.quit();
        }
    }
}

pub(crate) fn show(bytes: &[u8]) -> String {
    smtp_proto::escape::Escaped(bytes).to_string().replace("\\r\\n", "\r\n")
}
