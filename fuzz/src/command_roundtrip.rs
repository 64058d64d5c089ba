//! Commands: what the encoder writes, the server reads as the same values.
//!
//! Each line of an input is a command.  Its first letter says which, and fields follow, separated by `|`; those that are
//! missing or not allowed are left out.
//!
//! | line | fields |
//! |---|---|
//! | `M` | sender, size, body (`7` `8` `b`), SMTPUTF8 (`u`), RET (`f` `h`), ENVID, AUTH (`<>` or an address), REQUIRETLS (`t`), MT-PRIORITY, BY in seconds, its mode (`r` `n`, `R` `N` with trace), HOLDFOR, HOLDUNTIL |
//! | `R` | recipient, NOTIFY (`-` `s` `f` `d`), ORCPT's kind, its address; if that is missing, the recipient |
//! | `B` | `BDAT`: content, `l` for LAST |
//! | `A` | AUTH: authorization, identity, password, `l` for LOGIN |
//! | `H` | LHLO or EHLO: the name, `l` for LHLO |
//! | `V` `X` `?` `N` | VRFY, EXPN, HELP, NOOP, and its text |
//! | `P` | XCLIENT: values, in the order of the names |
//! | `=` | a line as it is; if the server reads it, what it reads is written and read again |

use std::sync::Arc;

use smtp_proto::command::{Command, MailParameters, Query, QueryText, XClientName};
use smtp_proto::envelope::{
    BodyType, ByMode, DeliverBy, EnvelopeId, Hold, Notify, OptionError, OriginalRecipient, Priority,
    RcptOptions, Ret, Submitter,
};
use smtp_proto::server::{Config, Event, Next, Recipient, Response, Server, Tls};
use smtp_proto::{Address, AuthMechanism, Domain, Host, Instant, Output};

use crate::assert_printable;
use crate::server_session::every_extension;
use crate::transparent::{Acceptor, DONE, ENDS};

const NOW: Instant = Instant::ZERO;
/// So many lines are looked at.
const MAX_LINES: usize = 30;

/// Writes each command, lets a server read it, and compares.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.split('\n').take(MAX_LINES) {
        let mut characters = line.chars();
        let Some(command) = characters.next() else { continue };
        // To the engine these are no plain text.
        if line.as_bytes().iter().any(|byte| ENDS.contains(byte)) {
            continue;
        }
        let fields = Fields(characters.as_str().split('|').collect());
        match command {
            'M' => check_mail(&fields),
            'R' => check_rcpt(&fields),
            'B' => check_bdat(&fields),
            'A' => check_auth(&fields),
            'H' => check_hello(&fields),
            'V' | 'X' | '?' | 'N' => check_query(command, characters.as_str()),
            'P' => check_xclient(&fields),
            '=' => check_raw(characters.as_str()),
            _ => {}
        }
    }
}

struct Fields<'a>(Vec<&'a str>);

impl<'a> Fields<'a> {
    fn get(&self, i: usize) -> Option<&'a str> {
        self.0.get(i).copied().filter(|field| !field.is_empty())
    }

    fn parse<T: std::str::FromStr>(&self, i: usize) -> Option<T> {
        self.get(i)?.parse().ok()
    }
}

/// What is refused says why.
fn allowed<T>(result: Result<T, OptionError>) -> Option<T> {
    result
        .map_err(|error| {
            assert_printable(&error);
            assert!(error.to_string().starts_with(error.option()), "{error:?} {:?}", error.rule());
        })
        .ok()
}

fn check_mail(fields: &Fields<'_>) {
    let mut parameters = MailParameters::default();
    let sender: Option<Address> = fields.parse(0);
    parameters.size = fields.parse(1);
    parameters.body = match fields.get(2) {
        Some("7") => Some(BodyType::SevenBit),
        Some("8") => Some(BodyType::EightBitMime),
        Some("b") => Some(BodyType::BinaryMime),
        _ => None,
    };
    parameters.smtputf8 = fields.get(3).is_some() || sender.as_ref().is_some_and(|sender| !sender.is_ascii());
    let options = &mut parameters.options;
    options.ret = match fields.get(4) {
        Some("f") => Some(Ret::Full),
        Some("h") => Some(Ret::Headers),
        _ => None,
    };
    options.envelope_id = fields.get(5).and_then(|id| {
        let id = allowed(EnvelopeId::new(id))?;
        assert!((1..=100).contains(&id.to_string().len()) && !id.as_str().is_empty());
        Some(id)
    });
    options.submitter = match fields.get(6) {
        Some("<>") => Some(Submitter::Unknown),
        _ => fields.parse(6).map(Submitter::Mailbox),
    };
    options.require_tls = fields.get(7).is_some();
    options.priority = fields.parse(8).and_then(|value: i8| {
        let priority = allowed(Priority::new(value))?;
        assert_eq!(priority.get(), value);
        Some(priority)
    });
    options.deliver_by = fields.parse(9).and_then(|seconds: i64| {
        let (mode, trace) = match fields.get(10) {
            Some("R") => (ByMode::Return, true),
            Some("N") => (ByMode::Notify, true),
            Some("n") => (ByMode::Notify, false),
            _ => (ByMode::Return, false),
        };
        let by = allowed(DeliverBy::new(seconds, mode))?;
        let by = if trace { by.with_trace() } else { by };
        assert_eq!((by.seconds(), by.mode(), by.has_trace()), (seconds, mode, trace));
        Some(by)
    });
    let until = fields.get(12).and_then(|time| allowed(Hold::until(time)));
    options.hold = fields.parse(11).and_then(|seconds| allowed(Hold::seconds(seconds))).or(until);
    match &options.hold {
        Some(Hold::For(seconds)) => assert!(seconds.get() > 0),
        Some(Hold::Until(time)) => assert_eq!(time.as_str().len(), 20),
        None => {}
    }
    let command = Command::Mail { sender: sender.as_ref(), parameters: &parameters };
    let event = World::new(false).send(&command);
    match event {
        Some(Event::Mail { sender: read, parameters: as_read }) => {
            assert_eq!((read, as_read), (sender, parameters));
        }
        other => panic!("{command}: {other:?}"),
    }
}

fn check_rcpt(fields: &Fields<'_>) {
    let Some(address) = fields.parse::<Address>(0) else { return };
    let mut options = RcptOptions::default();
    options.notify = fields.get(1).map(|letters| {
        let known = [('s', Notify::SUCCESS), ('f', Notify::FAILURE), ('d', Notify::DELAY)];
        let chosen = known.into_iter().filter(|(letter, _)| letters.contains(*letter));
        let notify = chosen.clone().fold(Notify::NEVER, |all, (_, one)| all.and(one));
        chosen.for_each(|(_, one)| assert!(notify.contains(one)));
        notify
    });
    options.original = match (fields.get(2), fields.get(3)) {
        (Some(kind), Some(original)) => allowed(OriginalRecipient::new(kind, original)).inspect(|original| {
            assert!(original.kind() == kind && !original.address().is_empty());
            assert!(original.to_string().is_ascii() && original.to_string().len() <= 500);
        }),
        (Some(_), None) => Some((&address).into()),
        _ => None,
    }
    .map(Box::new);
    let mut world = World::new(false);
    world.send_line(b"MAIL FROM:<> SMTPUTF8\r\n").expect("MAIL is read");
    let command = Command::Rcpt { recipient: &address, options: &options };
    match world.send(&command) {
        Some(Event::Rcpt { recipient: Recipient { address: read, options: as_read, .. } }) => {
            assert_eq!((read, as_read), (address, options));
        }
        other => panic!("{command}: {other:?}"),
    }
}

fn check_bdat(fields: &Fields<'_>) {
    let content = fields.get(0).unwrap_or_default();
    let last = fields.get(1).is_some();
    let mut world = World::new(false);
    world.send_line(b"MAIL FROM:<> BODY=BINARYMIME SMTPUTF8\r\n").expect("MAIL is read");
    world.send_line(b"RCPT TO:<postmaster>\r\n").expect("RCPT is read");
    let mut wire = Vec::new();
    let command = Command::Bdat { size: content.len() as u64, last };
    command.encode(&mut wire);
    wire.extend_from_slice(content.as_bytes());
    let end = world.send_line(&wire);
    assert_eq!(world.content, content.as_bytes());
    // Without the empty line behind the headers a NUL is one in them; with BINARYMIME it may be anywhere.
    assert_eq!(end.is_some(), last, "{command}: {end:?}");
    assert!(matches!(end, None | Some(Event::Message)));
    assert!(matches!(world.send(&Command::Rset), Some(Event::Reset) | None), "what follows is a command");
}

fn check_auth(fields: &Fields<'_>) {
    let field = |i| fields.get(i).unwrap_or_default();
    let (authorization, identity, password) = (fields.get(0), field(1), field(2));
    let texts = [authorization.unwrap_or_default(), identity, password];
    let is_good = !identity.is_empty()
        && !password.is_empty()
        && !texts.iter().any(|text| text.chars().any(char::is_control));
    let mut world = World::new(false);
    let event = if fields.get(3).is_some() {
        let hello = world.send(&Command::Auth { mechanism: AuthMechanism::Login, initial: None });
        assert!(hello.is_none(), "a challenge first");
        world.send(&Command::AuthResponse(identity.as_bytes()));
        let event = world.send(&Command::AuthResponse(password.as_bytes()));
        (event, None)
    } else {
        let response = texts.join("\0");
        let auth = Command::Auth { mechanism: AuthMechanism::Plain, initial: Some(response.as_bytes()) };
        assert!(auth.is_secret() && !auth.to_string().contains('\0'));
        (world.send(&auth), authorization)
    };
    match event {
        (Some(Event::Auth(read)), authorization) => {
            assert_eq!(read.authorization.as_deref(), authorization);
            assert_eq!((&*read.identity, read.password.expose()), (identity, password));
        }
        (other, _) => assert!(!is_good, "{fields:?}: {other:?}", fields = fields.0),
    }
    world.send(&Command::AuthCancel);
}

fn check_hello(fields: &Fields<'_>) {
    let Some(host) = fields.parse::<Host>(0) else { return };
    let lmtp = fields.get(1).is_some();
    let event = match lmtp {
        true => World::new(true).send(&Command::Lhlo(&host)),
        false => World::new(false).send(&Command::Ehlo(&host)),
    };
    match event {
        Some(Event::Hello { name, extended: true }) => assert_eq!(name.parse(), Ok(host)),
        other => panic!("{host}: {other:?}"),
    }
    assert!(World::new(true).send(&Command::Helo(&"a".parse().expect("a host"))).is_none(), "not with LMTP");
}

fn check_query(kind: char, text: &str) {
    let text = QueryText::new(text).ok();
    if let Some(text) = &text {
        assert_printable(text.as_str());
    }
    let query = match (kind, text) {
        ('V', Some(text)) => Query::Vrfy(text),
        ('X', Some(text)) => Query::Expn(text),
        ('?', text) => Query::Help(text),
        ('N', _) => Query::Noop,
        _ => return,
    };
    match World::new(false).send(&Command::Query(&query)) {
        Some(Event::Query(read)) => assert_eq!(read, query),
        None => assert_eq!(query, Query::Noop),
        other => panic!("{query}: {other:?}"),
    }
}

fn check_xclient(fields: &Fields<'_>) {
    const NAMES: [XClientName; 8] = [
        XClientName::Name,
        XClientName::Addr,
        XClientName::Port,
        XClientName::Proto,
        XClientName::Helo,
        XClientName::Login,
        XClientName::DestAddr,
        XClientName::DestPort,
    ];
    let values = fields.0.iter().map(|&value| value.to_owned());
    let attributes: Vec<(XClientName, String)> = NAMES.into_iter().zip(values).collect();
    let is_good = !attributes.iter().any(|(_, value)| value.chars().any(char::is_control));
    let query = Query::XClient(attributes);
    let mut world = World::new(false);
    match world.send(&Command::Query(&query)) {
        Some(Event::Query(read)) => {
            assert_eq!(read, query);
            assert!(world.send_line(b"MAIL FROM:<>\r\n").is_none(), "it begins anew");
        }
        other => assert!(!is_good, "{query}: {other:?}"),
    }
}

/// What a server reads is written so that it is read as the same.
fn check_raw(line: &str) {
    let mut world = World::new(false);
    let line = [line.replace(['\r', '\n'], "").as_bytes(), b"\r\n"].concat();
    if line.to_ascii_uppercase().starts_with(b"RCPT") {
        world.send_line(b"MAIL FROM:<> SMTPUTF8\r\n").expect("MAIL is read");
    }
    match world.send_line(&line) {
        Some(Event::Mail { sender, parameters }) => {
            let command = Command::Mail { sender: sender.as_ref(), parameters: &parameters };
            assert_printable(&command);
            match World::new(false).send(&command) {
                Some(Event::Mail { sender: again, parameters: and_again }) => {
                    assert_eq!((&again, &and_again), (&sender, &parameters));
                }
                other => panic!("{command}: {other:?}"),
            }
        }
        Some(Event::Rcpt { recipient: Recipient { address, options, .. } }) => {
            let mut world = World::new(false);
            world.send_line(b"MAIL FROM:<> SMTPUTF8\r\n").expect("MAIL is read");
            let command = Command::Rcpt { recipient: &address, options: &options };
            assert_printable(&command);
            match world.send(&command) {
                Some(Event::Rcpt { recipient }) => {
                    assert_eq!((recipient.address, recipient.options), (address, options));
                }
                other => panic!("{command}: {other:?}"),
            }
        }
        Some(Event::Query(query)) => match World::new(false).send(&Command::Query(&query)) {
            Some(Event::Query(again)) => assert_eq!(again, query),
            other => panic!("{query}: {other:?}"),
        },
        _ => {}
    }
}

/// A server with every extension, under TLS.
struct World {
    server: Server,
    content: Vec<u8>,
}

impl World {
    /// After EHLO, or before any hello with LMTP.
    fn new(lmtp: bool) -> Self {
        let mut config = Config::new("mx.example".parse::<Domain>().expect("a domain"));
        config.tls = Tls::Implicit(Arc::new(Acceptor { accepts: true }));
        config.lmtp = lmtp;
        (config.limits.size, config.limits.line, config.limits.auth_line) = (None, 1 << 20, 1 << 20);
        config.allow_undeclared_content = true;
        every_extension(&mut config);
        let mut world = Self { server: Server::new(Arc::new(config), NOW), content: Vec::new() };
        world.send_line(&[DONE]);
        if !lmtp {
            world.send_line(b"EHLO client.example\r\n");
        }
        world
    }

    fn send(&mut self, command: &Command<'_>) -> Option<Event> {
        let mut wire = Vec::new();
        command.encode(&mut wire);
        assert_eq!(wire.iter().filter(|&&byte| byte == b'\n').count(), 1, "{command}");
        assert!(wire.ends_with(b"\r\n") && !wire[..wire.len() - 2].contains(&b'\r'), "{command}");
        assert!(!format!("{command:?}").contains(char::is_control));
        self.send_line(&wire)
    }

    /// What the server tells of it, beside content.
    fn send_line(&mut self, wire: &[u8]) -> Option<Event> {
        let (mut out, mut last) = (Output::new(), None);
        self.server.handle_input(NOW, wire);
        loop {
            match self.server.poll(NOW, &mut out) {
                Next::Event(Event::Body(bytes)) => self.content.extend_from_slice(&bytes),
                Next::Event(event) => {
                    assert!(last.is_none(), "two events: {last:?} and {event:?}");
                    last = Some(event);
                    self.server.respond(Response::accept());
                }
                Next::Wait if out.is_empty() => return last,
                Next::Wait => {
                    let n = out.len();
                    out.clear();
                    self.server.handle_written(NOW, n);
                }
                Next::Closed(_) => return last,
            }
        }
    }
}
