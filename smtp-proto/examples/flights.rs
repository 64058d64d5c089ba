//! How many flights a message takes: how often the client has to wait for the server before it can go on.
//!
//! Without arguments, against this crate's own server in memory.  With `HOST:PORT`, against a server there; with
//! `--round-trip MS` behind a network that takes so long there and back, the time that each session took is shown in round
//! trips too, from the greeting on, or from the connection with implicit TLS.  `--starttls NAME` or `--tls NAME`, `--ca
//! FILE` and `--login USER:PASSWORD` as the server wants it; `--lmtp` for LMTP; `--from` and `--to` are the addresses;
//! `--only TEXT` picks the session with that name, or else those with that text in it.
#![allow(clippy::print_stdout)] // it is what it is for

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::client::{Chunking, Outcome, TransactionId};
use smtp_proto::envelope::Form;
use smtp_proto::sasl::{Credentials, NONCE};
use smtp_proto::server::{self, Response, Server};
use smtp_proto::tls::rustls::{RustlsAcceptor, RustlsConnector, default_provider};
use smtp_proto::{
    Address, AuthMechanism, Config, Envelope, Event, Host, Instant, Next, Output, Security, Session, Tls,
};

type Failure = Box<dyn Error>;

/// Unguessable bytes for SCRAM.
fn nonce() -> Result<[u8; NONCE], Failure> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)?;
    Ok(nonce)
}

/// What is sent how.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    protection: Protection,
    login: bool,
    /// Messages before those that count, on the same connection.
    before: usize,
    messages: usize,
    recipients: usize,
    chunking: Chunking,
    /// One message begins before the verdict on the one before.
    pipelined: bool,
    /// Counted from when the session is ready.
    from_ready: bool,
    /// What it takes with PIPELINING.
    flights: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Protection {
    None,
    StartTls,
    Implicit,
}

const PLAIN: Scenario = Scenario {
    name: "",
    protection: Protection::None,
    login: false,
    before: 0,
    messages: 1,
    recipients: 1,
    chunking: Chunking::Never,
    pipelined: true,
    from_ready: true,
    flights: 2,
};

const FRESH: Scenario = Scenario { login: true, from_ready: false, ..PLAIN };

const SCENARIOS: [Scenario; 13] = [
    Scenario { name: "STARTTLS, AUTH PLAIN", protection: Protection::StartTls, flights: 7, ..FRESH },
    Scenario {
        name: "STARTTLS, AUTH PLAIN, 100 recipients",
        protection: Protection::StartTls,
        recipients: 100,
        flights: 7,
        ..FRESH
    },
    Scenario { name: "implicit TLS, AUTH PLAIN", protection: Protection::Implicit, flights: 6, ..FRESH },
    Scenario {
        name: "implicit TLS, AUTH PLAIN, 100 recipients",
        protection: Protection::Implicit,
        recipients: 100,
        flights: 6,
        ..FRESH
    },
    Scenario { name: "one more message, DATA", before: 1, ..PLAIN },
    Scenario { name: "one more message, BDAT", before: 1, chunking: Chunking::Safe, ..PLAIN },
    Scenario {
        name: "one more message, streamed BDAT",
        before: 1,
        chunking: Chunking::Streamed,
        flights: 1,
        ..PLAIN
    },
    Scenario { name: "100 messages, DATA", messages: 100, flights: 101, ..PLAIN },
    Scenario { name: "100 messages, BDAT", messages: 100, chunking: Chunking::Safe, flights: 101, ..PLAIN },
    Scenario {
        name: "100 messages, one by one, DATA",
        messages: 100,
        pipelined: false,
        flights: 200,
        ..PLAIN
    },
    Scenario {
        name: "100 messages, one by one, BDAT",
        messages: 100,
        pipelined: false,
        chunking: Chunking::Safe,
        flights: 200,
        ..PLAIN
    },
    Scenario {
        name: "100 messages, 10 recipients each, DATA",
        messages: 100,
        recipients: 10,
        flights: 101,
        ..PLAIN
    },
    Scenario {
        name: "100 messages, streamed BDAT",
        messages: 100,
        chunking: Chunking::Streamed,
        flights: 1,
        ..PLAIN
    },
];

/// Where bytes go and come from.
trait Peer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;
    /// What comes next; nothing at the end.
    fn read(&mut self) -> Result<Vec<u8>, Failure>;
}

impl Peer for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.write_all(bytes)?)
    }

    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; 64 << 10];
        let read = Read::read(self, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// The server machine.
struct InMemory {
    server: Server,
    arrived: Vec<u8>,
}

impl Peer for InMemory {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.arrived.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<u8>, Failure> {
        self.server.handle_input(Instant::ZERO, &std::mem::take(&mut self.arrived));
        let (mut out, mut replies) = (Output::new(), Vec::new());
        loop {
            match self.server.poll(Instant::ZERO, &mut out) {
                server::Next::Event(event) => {
                    use server::Event::{Auth, Mail, Message, Rcpt};
                    if matches!(event, Auth(_) | Mail { .. } | Rcpt { .. } | Message) {
                        self.server.respond(Response::accept());
                    }
                }
                server::Next::Wait if !out.is_empty() => {
                    out.slices(&[])?.for_each(|slice| replies.extend_from_slice(slice));
                    self.server.handle_written(Instant::ZERO, out.len());
                    out.clear();
                }
                server::Next::Wait | server::Next::Closed(_) => return Ok(replies),
            }
        }
    }
}

/// What the client needs to know of the server.
struct Access {
    security: Security,
    credentials: Option<Credentials>,
    from: Address,
    to: String,
    lmtp: bool,
}

/// Runs a session; returns how many flights it took, and how long from the greeting on.
fn run(scenario: &Scenario, access: &Access, peer: &mut impl Peer) -> Result<(u32, Duration), Failure> {
    const CONTENT: &[u8] = b"Subject: one of many\r\n\r\n.\r\nHi\r\n";
    let mut config = Config::new("[127.0.0.1]".parse::<Host>()?);
    config.chunking = scenario.chunking;
    config.pipeline_messages = scenario.pipelined;
    config.lmtp = access.lmtp;
    let mut session = Session::new(config, access.security.clone(), Instant::ZERO);
    let mut out = Output::new();
    let (mut flights, mut unanswered, mut greeted, mut since) = (0, false, false, Clock::now());
    let (mut open, mut before): (Vec<TransactionId>, _) = (Vec::new(), scenario.before);
    let envelope = |recipients| -> Result<Envelope, Failure> {
        let (local, domain) = access.to.split_once('@').ok_or("a recipient without a domain")?;
        let to = (0..recipients).map(|i| match i {
            0 => access.to.parse(),
            i => format!("{local}+{i}@{domain}").parse(),
        });
        let form = Form { size: Some(CONTENT.len() as u64), ..Form::default() };
        Ok(Envelope::new(access.from.clone(), to.collect::<Result<Vec<_>, _>>()?)?.with_form(form))
    };
    let mut started = false;
    loop {
        let mut chunk = &[][..];
        let mut is_ready = false;
        match session.poll(Instant::ZERO, &mut out) {
            Next::Event(Event::Ready) => match &access.credentials {
                Some(credentials) => {
                    let bound = session.channel_binding().is_some();
                    // What the login takes counts where it is a part of the session.
                    let mechanism = match scenario.login {
                        true => AuthMechanism::Plain,
                        false => credentials.choose(session.extensions(), bound).ok_or("no AUTH")?,
                    };
                    session.authenticate(credentials.exchange(mechanism, nonce()?)?)?;
                }
                None => is_ready = true,
            },
            Next::Event(Event::SecretWanted(_)) => {
                let secret = access.credentials.as_ref().and_then(Credentials::secret);
                session.respond(secret.ok_or("no secret")?)?;
            }
            Next::Event(Event::Authenticated(_)) => is_ready = true,
            Next::Event(Event::AuthFailed(error)) => return Err(error.into()),
            Next::Event(Event::Finished(id, outcomes)) => {
                if let Some(outcome) = outcomes.into_iter().find(|outcome: &Outcome| !outcome.is_delivered())
                {
                    return Err(outcome.to_string().into());
                }
                open.retain(|known| *known != id);
                is_ready = open.is_empty() && !started;
            }
            Next::Event(_) => {}
            Next::Body(_) => {
                chunk = CONTENT;
                session.body(Instant::ZERO, chunk, true, &mut out)?;
            }
            Next::Wait if out.is_empty() => {
                if std::mem::take(&mut unanswered) {
                    flights += 1;
                }
                let bytes = peer.read()?;
                if !std::mem::replace(&mut greeted, true) && access_is_plain(scenario) {
                    since = Clock::now();
                }
                match bytes.is_empty() {
                    true => session.handle_eof(Instant::ZERO),
                    false => session.handle_input(Instant::ZERO, &bytes),
                }
            }
            Next::Wait => {}
            Next::Closed(end) => {
                end?;
                return Ok((flights, since.elapsed()));
            }
        }
        if is_ready && before > 0 {
            before -= 1;
            open.push(session.send(envelope(1)?)?);
        } else if is_ready {
            if scenario.from_ready {
                (flights, since) = (0, Clock::now());
            }
            started = true;
            for _ in 0..scenario.messages {
                open.push(session.send(envelope(scenario.recipients)?)?);
            }
            session.quit();
        }
        if !out.is_empty() {
            let bytes: Vec<u8> = out.slices(chunk)?.flatten().copied().collect();
            peer.write(&bytes)?;
            session.handle_written(Instant::ZERO, bytes.len());
            out.clear();
            unanswered = true;
        }
    }
}

/// Whether the server speaks first.
fn access_is_plain(scenario: &Scenario) -> bool {
    scenario.protection != Protection::Implicit
}

/// A server in memory with a certificate of its own, and what a client must know of it.
fn in_memory() -> Result<impl Fn(&Scenario) -> Result<(InMemory, Access), Failure>, Failure> {
    let mut authority = CertificateParams::new([])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["mx.example".to_string()])?.signed_by(&key, &authority)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let time = Arc::new(DefaultTimeProvider);
    let connector = Arc::new(RustlsConnector::with_roots(default_provider(), roots, time.clone())?);
    let acceptor = Arc::new(RustlsAcceptor::with_certificate(
        default_provider(),
        vec![certificate.der().clone()],
        PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        time,
    )?);
    Ok(move |scenario: &Scenario| {
        let mut config = server::Config::new("mx.example".parse::<Host>()?);
        let tls = Tls { connector: connector.clone(), server_name: "mx.example".into() };
        let security = match scenario.protection {
            Protection::None => Security::None,
            Protection::StartTls => {
                config.tls = server::Tls::StartTls(acceptor.clone());
                Security::StartTls(tls)
            }
            Protection::Implicit => {
                config.tls = server::Tls::Implicit(acceptor.clone());
                Security::Implicit(tls)
            }
        };
        let server = Server::new(Arc::new(config), Instant::ZERO);
        let access = Access {
            security,
            credentials: scenario.login.then(|| Credentials::new("user", "password")).transpose()?,
            from: "a@client.example".parse()?,
            to: "b@mx.example".into(),
            lmtp: false,
        };
        Ok((InMemory { server, arrived: Vec::new() }, access))
    })
}

/// The value of an option.
fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

fn access(scenario: &Scenario) -> Result<Option<Access>, Failure> {
    let tls = |server_name| -> Result<Tls, Failure> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(option("--ca").ok_or("give --ca")?)? {
            roots.add(certificate?)?;
        }
        let time = Arc::new(DefaultTimeProvider);
        let connector = RustlsConnector::with_roots(default_provider(), roots, time)?;
        Ok(Tls { connector: Arc::new(connector), server_name })
    };
    // What is counted from when the session is ready is the same under any protection.
    let security = match (scenario.protection, option("--starttls"), option("--tls")) {
        (Protection::None | Protection::StartTls, Some(name), _) => Security::StartTls(tls(name)?),
        (Protection::None | Protection::Implicit, _, Some(name)) => Security::Implicit(tls(name)?),
        (Protection::None, None, None) => Security::None,
        _ => return Ok(None),
    };
    let credentials = match option("--login") {
        Some(login) => {
            let (user, password) = login.split_once(':').ok_or("--login USER:PASSWORD")?;
            Some(Credentials::new(user, password)?)
        }
        None if scenario.login => return Ok(None),
        None => None,
    };
    let from = option("--from").unwrap_or_else(|| "a@client.example".into()).parse()?;
    let to = option("--to").unwrap_or_else(|| "b@mx.example".into());
    let lmtp = std::env::args().any(|argument| argument == "--lmtp");
    Ok(Some(Access { security, credentials, from, to, lmtp }))
}

fn main() -> Result<(), Failure> {
    let server = std::env::args().nth(1);
    let round_trip: Option<f64> = option("--round-trip").map(|ms| ms.parse()).transpose()?;
    println!("{:<42} {:>8} {:>8} {:>12}", "session, QUIT included", "flights", "at best", "round trips");
    let own = in_memory()?;
    let only = option("--only").unwrap_or_default();
    let is_name = SCENARIOS.iter().any(|scenario| scenario.name == only);
    let picked = |scenario: &&Scenario| match is_name {
        true => scenario.name == only,
        false => scenario.name.contains(&only),
    };
    for scenario in SCENARIOS.iter().filter(picked) {
        let (flights, time) = match &server {
            None => {
                let (mut peer, access) = own(scenario)?;
                run(scenario, &access, &mut peer)?
            }
            Some(server) => {
                let Some(access) = access(scenario)? else { continue };
                let mut peer = TcpStream::connect(server)?;
                peer.set_nodelay(true)?;
                run(scenario, &access, &mut peer)?
            }
        };
        let round_trips = match round_trip.filter(|_| server.is_some()) {
            Some(ms) => format!("{:.2}", time.as_secs_f64() * 1000.0 / ms),
            None => "-".into(),
        };
        println!("{:<42} {flights:>8} {:>8} {round_trips:>12}", scenario.name, scenario.flights);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flights_are_as_few_as_they_can_be() {
        let own = in_memory().unwrap();
        for scenario in &SCENARIOS {
            let (mut peer, access) = own(scenario).unwrap();
            let (flights, _) = run(scenario, &access, &mut peer).unwrap();
            assert_eq!(flights, scenario.flights, "{}", scenario.name);
        }
    }
}
