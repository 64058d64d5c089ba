//! A script put to use: an ordinary server for whatever it has no rule for, which notes what the client does wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64;
use smtp_proto::escape::Escaped;
use smtp_proto::reply::{ReplyLimits, ReplyParser};
use smtp_proto::tls::TlsAcceptor;
use smtp_proto::{Extension, Extensions, Instant};

use super::certificates::Certificates;
use super::link::{Link, Over};
use super::script::{Identity, Script, Step};
use crate::{Runtime, Transport};

/// A [`Script`] that serves connections.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use smtp_driver::hostile::{Certificates, Play, Seen};
/// use smtp_driver::sim::Sim;
/// use smtp_driver::{MailerBuilder, Runtime};
/// use smtp_message::{Bcc, LineEnds, RawMessage};
///
/// let sim = Sim::new(1);
/// let script = "C: MAIL\n S: 000 no\n !over went on after what is no reply".parse()?;
/// let wrong = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&wrong);
/// let play = Play::new(script, &Certificates::new()?, sim.runtime()).on_seen(move |_, seen| {
///     if let Seen::Wrong(what) = seen {
///         log.lock().unwrap().push(what);
///     }
/// });
/// let play = Arc::new(play);
/// sim.listen("peer.example", 25, move |transport| {
///     let play = Arc::clone(&play);
///     async move { play.run(transport).await }
/// });
///
/// let mailer = MailerBuilder::new("peer.example").port(25).dangerous_plaintext().build(sim.runtime())?;
/// let message = RawMessage::parse("Subject: hi\n\nhi\n", LineEnds::Normalise, Bcc::Keep)?;
/// let report = sim.block_on(mailer.send_to(None, vec!["to@b.example".parse()?], &message))?;
/// assert!(report.recipients()[0].outcome.to_string().contains("not a reply line"));
/// assert!(wrong.lock().unwrap().is_empty());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct Play {
    script: Script,
    ordinary: Script,
    acceptor: Option<Arc<dyn TlsAcceptor>>,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    on_seen: Box<dyn Fn(u64, Seen) + Send + Sync>,
    connections: AtomicU64,
}

/// What a server has seen of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// It has connected.
    Connected,
    /// A line, escaped; credentials are masked.
    Line(String),
    /// TLS is established.
    Tls,
    /// TLS is not established, with the reason if the client gave one.
    NoTls(String),
    /// A whole content, or a chunk of it: so many bytes.
    Content(u64),
    /// It has done something wrong.
    Wrong(String),
    /// The connection has ended, or the server does not look at it any more.
    Ended,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::Line(line) => write!(f, "C: {line}"),
            Self::Tls => f.write_str("TLS"),
            Self::NoTls(why) => write!(f, "no TLS: {why}"),
            Self::Content(bytes) => write!(f, "C: ({bytes} bytes of content)"),
            Self::Wrong(what) => write!(f, "WRONG: the client {what}"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

impl Play {
    /// Serves `script`; certificates are those that `tls` in the script names.
    pub fn new(script: Script, certificates: &Certificates, runtime: impl Runtime) -> Self {
        let acceptor = script.tls.and_then(|identity| certificates.acceptor(identity));
        Self {
            ordinary: Script { rules: Vec::new(), ..script.clone() },
            script,
            acceptor,
            now: Box::new(move || runtime.now()),
            on_seen: Box::new(|_, _| {}),
            connections: AtomicU64::new(0),
        }
    }

    /// Is told of what clients do, with the number of the connection, from 1.
    #[must_use]
    pub fn on_seen(mut self, observer: impl Fn(u64, Seen) + Send + Sync + 'static) -> Self {
        self.on_seen = Box::new(observer);
        self
    }

    /// Serves one connection to its end.
    pub async fn run<T: Transport>(&self, transport: T) {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let is_ordinary = self.script.alternate && connection.is_multiple_of(2);
        let mut conversation = Conversation {
            play: self,
            connection,
            script: if is_ordinary { &self.ordinary } else { &self.script },
            link: Link::new(transport),
            used: BTreeMap::new(),
            extensions: Extensions::default(),
            code: 0,
            transaction: Transaction::default(),
            messages: 0,
            challenges: Vec::new(),
            nonce: String::new(),
            wrong: BTreeSet::new(),
        };
        conversation.see(Seen::Connected);
        let Err(Over) = conversation.serve().await;
        conversation.see(Seen::Ended);
    }
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").field("script", &self.script).finish_non_exhaustive()
    }
}

const FOR_NOBODY: &str = "sent content though no recipient was accepted";

/// A verdict shows no more of an address.
const MAX_ADDRESS: usize = 256;

/// A message on its way.
#[derive(Default)]
struct Transaction {
    /// The address in the first RCPT, which the verdict names.
    first: Option<String>,
    recipients: usize,
    accepted: usize,
    /// Looked at only if the server has a limit.
    domains: BTreeSet<String>,
    refused_chunk: bool,
    /// MAIL was accepted.
    open: bool,
}

/// One connection.
struct Conversation<'a, T> {
    play: &'a Play,
    connection: u64,
    script: &'a Script,
    link: Link<T>,
    /// How often each rule's words have come.
    used: BTreeMap<&'a str, usize>,
    /// What the last reply to EHLO has offered.
    extensions: Extensions,
    /// The first byte of what was said last.
    code: u8,
    transaction: Transaction,
    messages: usize,
    /// What an AUTH exchange still says before it succeeds, the last first.
    challenges: Vec<&'static str>,
    /// What a SCRAM client has sent as `r=` (RFC 5802 section 5.1).
    nonce: String,
    /// What was noted already.
    wrong: BTreeSet<String>,
}

impl<T: Transport> Conversation<'_, T> {
    fn see(&self, seen: Seen) {
        (self.play.on_seen)(self.connection, seen);
    }

    /// Each kind once for a connection.
    fn wrong(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.wrong.insert(what.clone()) {
            self.see(Seen::Wrong(what));
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Over> {
        if self.script.implicit {
            self.tls().await?;
        }
        self.event("(CONNECT)").await?;
        loop {
            let (line, _) = self.link.line().await?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let command = text.to_ascii_uppercase();
            let verb = command.split(' ').next().unwrap_or_default();
            self.see_line(&line, verb == "AUTH");
            self.judge(&text, verb);
            match verb {
                "AUTH" => {
                    self.remember_nonce(text.split(' ').nth(2).unwrap_or_default());
                    self.event(&command).await?;
                    while self.code == b'3' {
                        let (line, _) = self.link.line().await?;
                        self.see_line(b"***", false);
                        self.remember_nonce(&String::from_utf8_lossy(&line));
                        let response = match &*line {
                            b"*" => "(CANCEL)".to_owned(),
                            b"" => "(RESPONSE) =".to_owned(),
                            line => {
                                format!("(RESPONSE) {}", String::from_utf8_lossy(line).to_ascii_uppercase())
                            }
                        };
                        self.event(&response).await?;
                    }
                }
                "MAIL" => {
                    self.transaction = Transaction::default();
                    self.used.retain(|words, _| !words.starts_with("RCPT"));
                    self.messages += 1;
                    self.event(&command).await?;
                    self.transaction.open = self.code == b'2';
                }
                "RCPT" => {
                    self.recipient(&text);
                    self.event(&command).await?;
                    self.transaction.accepted += usize::from(self.code == b'2');
                }
                "DATA" => {
                    self.event("DATA").await?;
                    if self.code == b'3' {
                        self.content().await?;
                        self.event(".").await?;
                    }
                }
                "BDAT" => {
                    let size = command.split(' ').nth(1).and_then(|size| size.parse().ok()).unwrap_or(0);
                    self.link.skip(size).await?;
                    self.see(Seen::Content(size));
                    if size > 0 && self.transaction.accepted == 0 {
                        self.wrong(FOR_NOBODY);
                    }
                    self.event(&command).await?;
                    self.transaction.refused_chunk |= self.code != b'2';
                }
                "RSET" => {
                    self.transaction = Transaction::default();
                    self.event("RSET").await?;
                }
                "QUIT" => {
                    self.event("QUIT").await?;
                    self.link.end_tls().await;
                    return Err(Over);
                }
                "EHLO" | "LHLO" | "HELO" | "STARTTLS" | "NOOP" | "VRFY" | "EXPN" | "HELP" => {
                    self.event(&command).await?;
                }
                _ => self.event("(ELSE)").await?,
            }
        }
    }

    fn remember_nonce(&mut self, response: &str) {
        let message = BASE64.decode(response.as_bytes()).unwrap_or_default();
        let message = String::from_utf8_lossy(&message);
        if let Some(nonce) = message.split(',').find_map(|part| part.strip_prefix("r=")) {
            nonce.clone_into(&mut self.nonce);
        }
    }

    fn see_line(&self, line: &[u8], is_auth: bool) {
        let shown = if is_auth {
            let mut words = line.split(|&byte| byte == b' ');
            let mechanism = words.nth(1).unwrap_or_default();
            let initial = if words.next().is_some() { " ***" } else { "" };
            format!("AUTH {}{initial}", Escaped(mechanism))
        } else {
            Escaped(&line[..line.len().min(1000)]).to_string()
        };
        self.see(Seen::Line(shown));
    }

    /// What is wrong with a command whatever the script says.
    fn judge(&mut self, text: &str, verb: &str) {
        if !self.link.input().is_empty() && !self.extensions.has(Extension::Pipelining) && verb != "BDAT" {
            self.wrong("did not wait for a reply, though PIPELINING was not offered");
        }
        if let Some(identity) = self.script.tls.filter(|&identity| identity != Identity::Good) {
            match (self.link.is_secure(), verb) {
                (true, "QUIT") => {}
                (true, _) => self.wrong(format!("went on with a certificate that is {}", identity.word())),
                (false, "MAIL") => self.wrong("sent mail without TLS"),
                (false, _) => {}
            }
        }
        match verb {
            "AUTH" if !self.link.is_secure() => self.wrong("sent credentials without TLS"),
            // RFC 4954 section 4.
            "AUTH" if text.len() + 2 > 512 => self.wrong("sent an AUTH line of more than 512 bytes"),
            "AUTH" if !self.extensions.has(Extension::Auth) => self.wrong("used AUTH, which was not offered"),
            "BDAT" if !self.extensions.has(Extension::Chunking) => {
                self.wrong("used BDAT, which was not offered");
            }
            "BDAT" if self.transaction.refused_chunk && !self.extensions.has(Extension::Pipelining) => {
                self.wrong("sent a chunk after one was refused");
            }
            "MAIL" => {
                let parameters = text.rsplit_once('>').map_or("", |(_, parameters)| parameters);
                for parameter in parameters.split_ascii_whitespace() {
                    let name = parameter.split('=').next().unwrap_or_default().to_ascii_uppercase();
                    let extension = match name.as_str() {
                        "SIZE" => Extension::Size,
                        "SMTPUTF8" => Extension::SmtpUtf8,
                        "RET" | "ENVID" => Extension::Dsn,
                        "AUTH" => Extension::Auth,
                        "BODY" if parameter.to_ascii_uppercase().ends_with("BINARYMIME") => {
                            Extension::BinaryMime
                        }
                        "BODY" => Extension::EightBitMime,
                        _ => continue,
                    };
                    if !self.extensions.has(extension) {
                        self.wrong(format!("used the parameter {name}, which was not offered"));
                    }
                }
                if self.extensions.limits().mails.is_some_and(|limit| self.messages >= limit) {
                    self.wrong("sent more messages on one connection than LIMITS allows");
                }
            }
            _ => {}
        }
    }

    fn recipient(&mut self, text: &str) {
        let address = text.split(['<', '>']).nth(1).unwrap_or_default();
        let limits = self.extensions.limits();
        let transaction = &mut self.transaction;
        transaction.recipients += 1;
        // One domain too many says it all.
        if limits.domains.is_some_and(|limit| transaction.domains.len() <= limit) {
            let domain = address.rsplit('@').next().unwrap_or_default();
            transaction.domains.insert(domain.to_ascii_lowercase());
        }
        let (recipients, domains) = (transaction.recipients, transaction.domains.len());
        transaction.first.get_or_insert_with(|| address.chars().take(MAX_ADDRESS).collect());
        if limits.recipients.is_some_and(|limit| recipients > limit) {
            self.wrong("gave a message more recipients than LIMITS allows");
        }
        if limits.domains.is_some_and(|limit| domains > limit) {
            self.wrong("gave a message recipients in more domains than LIMITS allows");
        }
    }

    /// Content up to the lone dot.
    async fn content(&mut self) -> Result<(), Over> {
        let mut bytes = 0;
        loop {
            let (line, size) = self.link.line().await?;
            if line == b"." {
                self.see(Seen::Content(bytes));
                if bytes > 0 && self.transaction.accepted == 0 {
                    self.wrong(FOR_NOBODY);
                }
                return Ok(());
            }
            bytes += size;
        }
    }

    /// Does what the script says for what has come.
    async fn event(&mut self, what: &str) -> Result<(), Over> {
        let script = self.script;
        let words = script.rules.iter().map(|(words, _)| words.as_str());
        let longest = words.filter(|words| what.starts_with(words)).max_by_key(|words| words.len());
        let Some(words) = longest else { return self.ordinary(what).await };
        let count = self.used.entry(words).or_default();
        let mut rules = script.rules.iter().filter(|(other, _)| other == words);
        let last = rules.clone().next_back();
        let rule = rules.nth(*count).or(last);
        *count += 1;
        let mut steps = rule.map(|(_, steps)| steps.iter()).unwrap_or_default().peekable();
        let mut saying = Vec::new();
        while let Some(step) = steps.next() {
            if let Step::Say(bytes) = step {
                saying.extend_from_slice(bytes);
                if matches!(steps.peek(), Some(Step::Say(_))) {
                    continue;
                }
                self.say(what, &std::mem::take(&mut saying)).await?;
                continue;
            }
            match step {
                Step::Say(_) => {}
                Step::Challenge(code, text) => {
                    let challenge = BASE64.encode(text.replace("$nonce", &self.nonce).as_bytes());
                    self.say(what, format!("{code} {challenge}\r\n").as_bytes()).await?;
                }
                Step::Forever(bytes) => return Err(self.link.say_forever(bytes).await),
                Step::Drip(time, bytes) => {
                    for &byte in bytes.iter().cycle() {
                        self.link.say(&[byte]).await?;
                        let now = &self.play.now;
                        self.link.read_until(now, now() + *time).await?;
                    }
                }
                Step::Ordinary => self.ordinary(what).await?,
                Step::Tls => self.tls().await?,
                Step::Hold => self.link.more().await?,
                Step::Stall => {
                    self.see(Seen::Ended);
                    std::future::pending::<()>().await;
                }
                Step::Close => {
                    self.link.end_tls().await;
                    return Err(Over);
                }
                Step::Drop => return Err(Over),
                Step::Wrong(text) => self.wrong(text),
                Step::Over(text) => return Err(self.over(text).await),
            }
        }
        Ok(())
    }

    /// Waits for the client to leave, or to go on, which ends the connection too.
    async fn over(&mut self, text: &str) -> Over {
        while let Ok(()) = self.link.more().await {
            match self.link.input().first() {
                // An alert of TLS, which does not go on with anything.
                Some(21) => {
                    self.link.input().clear();
                    continue;
                }
                // A handshake, in which nothing is a line.
                Some(22) => {
                    self.wrong(text);
                    return Over;
                }
                _ => {}
            }
            let Ok((line, _)) = self.link.line().await else { return Over };
            let is_auth = line.len() > 4 && line[..4].eq_ignore_ascii_case(b"AUTH");
            match self.code {
                // A response, or what the client takes for one.
                b'3' if !is_auth => self.see_line(b"***", false),
                _ => self.see_line(&line, is_auth),
            }
            let said = match line.to_ascii_uppercase().as_slice() {
                b"QUIT" => {
                    // Whether it is heard is all the same.
                    let _ = self.link.say(b"221 2.0.0 bye\r\n").await;
                    self.link.end_tls().await;
                    return Over;
                }
                // Cancels AUTH.
                b"*" if self.code == b'3' => self.link.say(b"501 5.7.0 cancelled\r\n").await,
                _ => {
                    self.wrong(text);
                    return Over;
                }
            };
            if said.is_err() {
                return Over;
            }
        }
        Over
    }

    async fn say(&mut self, what: &str, bytes: &[u8]) -> Result<(), Over> {
        self.code = bytes.first().copied().unwrap_or_default();
        if ["EHLO", "LHLO", "HELO"].iter().any(|verb| what.starts_with(verb)) {
            self.extensions = Extensions::default();
            let mut rest = bytes;
            if !what.starts_with("HELO")
                && let Ok(Some(reply)) = ReplyParser::new(ReplyLimits::default()).parse(&mut rest)
            {
                self.extensions = Extensions::parse(reply);
            }
        }
        self.link.say(bytes).await
    }

    /// What a server does that means no harm.
    async fn ordinary(&mut self, what: &str) -> Result<(), Over> {
        let verb = what.split(' ').next().unwrap_or_default();
        let transaction = &self.transaction;
        let first = transaction.first.as_deref().unwrap_or_default();
        let reply = match verb {
            "(CONNECT)" => "220 hostile.example ESMTP\r\n".to_owned(),
            "EHLO" | "LHLO" => {
                let mut lines = vec!["hostile.example".to_owned()];
                lines.extend_from_slice(&self.script.offers);
                if self.play.acceptor.is_some() && !self.link.is_secure() {
                    lines.push("STARTTLS".to_owned());
                }
                let last = lines.len() - 1;
                let line = |(i, line)| format!("250{}{line}\r\n", if i < last { '-' } else { ' ' });
                lines.iter().enumerate().map(line).collect()
            }
            "STARTTLS" if self.play.acceptor.is_some() && !self.link.is_secure() => {
                self.say(what, b"220 go\r\n").await?;
                return self.tls().await;
            }
            "AUTH" => {
                let mut words = what.split(' ').skip(1);
                self.challenges = match words.next() {
                    Some("LOGIN") => vec!["334 UGFzc3dvcmQ6\r\n", "334 VXNlcm5hbWU6\r\n"],
                    _ => vec!["334 \r\n"],
                };
                if words.next().is_some() {
                    self.challenges.pop();
                }
                self.challenges.pop().unwrap_or("235 2.7.0 ok\r\n").to_owned()
            }
            "(RESPONSE)" => self.challenges.pop().unwrap_or("235 2.7.0 ok\r\n").to_owned(),
            "(CANCEL)" => "501 5.7.0 cancelled\r\n".to_owned(),
            "RCPT" | "DATA" if !transaction.open => "503 5.5.1 MAIL first\r\n".to_owned(),
            "RCPT" => "250 2.1.5 ok\r\n".to_owned(),
            "DATA" | "BDAT" if transaction.accepted == 0 => "554 5.5.1 no valid recipients\r\n".to_owned(),
            "DATA" => "354 go\r\n".to_owned(),
            "BDAT" if !what.ends_with(" LAST") => "250 2.0.0 chunk\r\n".to_owned(),
            "." | "BDAT" if self.script.lmtp => {
                format!("250 2.0.0 for {first}\r\n").repeat(transaction.accepted)
            }
            "." if transaction.accepted == 0 => "554 5.5.1 no valid recipients\r\n".to_owned(),
            "." | "BDAT" => format!("250 2.0.0 for {first}\r\n"),
            "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
            "HELO" | "MAIL" | "RSET" | "NOOP" => "250 2.0.0 ok\r\n".to_owned(),
            "VRFY" => "252 2.0.0 maybe\r\n".to_owned(),
            _ => "500 5.5.1 what\r\n".to_owned(),
        };
        self.say(what, reply.as_bytes()).await
    }

    async fn tls(&mut self) -> Result<(), Over> {
        let Some(acceptor) = &self.play.acceptor else { return Err(Over) };
        match self.link.handshake(acceptor).await {
            Ok(()) => {
                self.extensions = Extensions::default();
                self.see(Seen::Tls);
                Ok(())
            }
            Err(why) => {
                self.see(Seen::NoTls(why.map_or("the client has left".to_owned(), |why| why.to_string())));
                Err(Over)
            }
        }
    }
}
