//! Client session and server machine joined in memory, rustls on both sides.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_proto::client::{Error, Event, Next, Outcome, PeerMisbehaved, Phase};
use smtp_proto::envelope::{BodyType, Envelope, Form};
use smtp_proto::sasl::{Credentials, NONCE};
use smtp_proto::server::{self, Response, Server};
use smtp_proto::tls::rustls::{RustlsAcceptor, RustlsConnector, default_provider};
use smtp_proto::tls::{CertificateError, TlsConnector, TlsEngine, TlsError, TlsInfo};
use smtp_proto::{Config, Instant, Output, Security, Session, Tls};

const NOW: Instant = Instant::ZERO;

/// Connector and acceptor that trust each other, made once.
struct Trust {
    connector: Arc<RustlsConnector>,
    acceptor: Arc<RustlsAcceptor>,
}

impl Trust {
    fn new() -> Self {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(["mx.example".to_string()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let time = Arc::new(DefaultTimeProvider);
        let connector = RustlsConnector::with_roots(default_provider(), roots, time.clone()).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let chain = vec![certificate.der().clone()];
        let acceptor = RustlsAcceptor::with_certificate(default_provider(), chain, key, time).unwrap();
        Self { connector: Arc::new(connector), acceptor: Arc::new(acceptor) }
    }

    fn tls(&self, server_name: &str) -> Tls {
        Tls { connector: self.connector.clone(), server_name: server_name.into() }
    }

    fn server(&self, implicit: bool) -> Arc<server::Config> {
        let mut config = server::Config::new("mx.example".parse::<smtp_proto::Domain>().unwrap());
        let acceptor = self.acceptor.clone();
        config.tls = if implicit { server::Tls::Implicit(acceptor) } else { server::Tls::StartTls(acceptor) };
        config.require_tls = true;
        config.require_auth = true;
        Arc::new(config)
    }
}

/// Both sides, and what each has for the other.
struct Pair {
    session: Session,
    server: Server,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// Bytes handed over at once.
    chunk: usize,
    /// Before this byte of all that the client gets there is a cut as well.
    cut: usize,
    /// How many it has got.
    fed: usize,
    content: Vec<u8>,
    taken: usize,
    told: Vec<String>,
    outcomes: Vec<Outcome>,
    end: Option<Result<(), Error>>,
    /// Content as the server got it; each message ends where the next begins.
    received: Vec<Vec<u8>>,
    receiving: Vec<u8>,
}

impl Pair {
    fn new(security: Security, server: Arc<server::Config>, content: &[u8], chunk: usize) -> Self {
        Self {
            session: Session::new(Config::new("client.example".parse().unwrap()), security, NOW),
            server: Server::new(server, NOW),
            to_server: Vec::new(),
            to_client: Vec::new(),
            chunk,
            cut: 0,
            fed: 0,
            content: content.into(),
            taken: 0,
            told: Vec::new(),
            outcomes: Vec::new(),
            end: None,
            received: Vec::new(),
            receiving: Vec::new(),
        }
    }

    /// Hands bytes over until neither side has any.
    fn run(&mut self) {
        loop {
            self.poll_session();
            self.poll_server();
            if self.to_server.is_empty() && self.to_client.is_empty() {
                return;
            }
            let n = self.chunk.min(self.to_server.len());
            let bytes: Vec<u8> = self.to_server.drain(..n).collect();
            self.server.handle_input(NOW, &bytes);
            self.poll_server();
            let to_cut = self.cut.checked_sub(self.fed).filter(|&n| n > 0).unwrap_or(usize::MAX);
            let n = self.chunk.min(self.to_client.len()).min(to_cut);
            let bytes: Vec<u8> = self.to_client.drain(..n).collect();
            self.fed += n;
            self.session.handle_input(NOW, &bytes);
        }
    }

    fn poll_session(&mut self) {
        let mut out = Output::new();
        loop {
            match self.session.poll(NOW, &mut out) {
                Next::Event(event) => self.on_event(event),
                Next::Body(_) => {
                    let rest = &self.content[self.taken..];
                    let Ok(taken) = self.session.body(NOW, rest, true, &mut out) else { continue };
                    out.slices(rest).unwrap().for_each(|slice| self.to_server.extend_from_slice(slice));
                    self.taken += taken;
                    self.session.handle_written(NOW, out.len());
                    out.clear();
                }
                Next::Wait if out.is_empty() => return,
                Next::Wait => {
                    out.slices(&[]).unwrap().for_each(|slice| self.to_server.extend_from_slice(slice));
                    self.session.handle_written(NOW, out.len());
                    out.clear();
                }
                Next::Closed(end) => {
                    self.end = Some(end);
                    assert_eq!(self.session.deadline(), None, "nothing is left to wait for");
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::TlsEstablished(info) => {
                assert!(info.is_verified());
                self.told.push(format!("{} {}", info.version, info.key_exchange.unwrap()));
            }
            Event::Ready => {
                let credentials = Credentials::new("user", "secret").unwrap();
                let mechanism = credentials.choose(self.session.extensions(), true).unwrap();
                self.session.authenticate(credentials.exchange(mechanism, [0; NONCE]).unwrap()).unwrap();
            }
            Event::SecretWanted(_) => self.session.respond(&"secret".into()).unwrap(),
            Event::Authenticated(_) => {
                self.told.push("authenticated".into());
                let to = ["x@example.org", "refused@example.org", "\u{fc}@example.org"];
                let envelope = Envelope::new(
                    Some("from@example.com".parse().unwrap()),
                    to.map(|to| to.parse().unwrap()),
                );
                let form = Form {
                    size: Some(self.content.len() as u64),
                    body: BodyType::EightBitMime,
                    smtputf8: false,
                };
                self.session.send(envelope.unwrap().with_form(form)).unwrap();
                self.session.quit();
            }
            Event::Finished(_, outcomes) => self.outcomes = outcomes,
            Event::Mail(..) | Event::Rcpt(..) => {}
            other => self.told.push(format!("{other:?}")),
        }
    }

    fn poll_server(&mut self) {
        let mut out = Output::new();
        loop {
            match self.server.poll(NOW, &mut out) {
                server::Next::Event(event) => {
                    let response = self.decide(event);
                    self.server.respond(response);
                }
                server::Next::Wait if out.is_empty() => return,
                server::Next::Wait => {
                    out.slices(&[]).unwrap().for_each(|slice| self.to_client.extend_from_slice(slice));
                    self.server.handle_written(NOW, out.len());
                    out.clear();
                }
                server::Next::Closed(_) => return,
            }
        }
    }

    fn decide(&mut self, event: server::Event) -> Response {
        match event {
            server::Event::Auth(login) if login.password.expose() != "secret" => return Response::refuse(),
            server::Event::Rcpt { recipient } if recipient.to_string().starts_with("refused") => {
                return Response::refuse();
            }
            server::Event::Body(bytes) => self.receiving.extend_from_slice(&bytes),
            server::Event::Message => self.received.push(std::mem::take(&mut self.receiving)),
            _ => {}
        }
        Response::accept()
    }
}

#[test]
fn a_message_goes_through_tls_in_any_pieces() {
    let trust = Trust::new();
    let content = b".dot\r\n..\r\n\xc3\xa9\r\n".repeat(3000);
    for implicit in [false, true] {
        for chunk in [1, 2, 7, 100, 4096, usize::MAX] {
            let tls = trust.tls("mx.example");
            let security = if implicit { Security::Implicit(tls) } else { Security::StartTls(tls) };
            let mut pair = Pair::new(security, trust.server(implicit), &content, chunk);
            pair.run();
            let group = if cfg!(feature = "aws-lc-rs") { "X25519MLKEM768" } else { "X25519" };
            assert_eq!(pair.told, [&*format!("TLSv1.3 {group}"), "authenticated"], "{chunk}");
            let [Outcome::Delivered(_), Outcome::Rejected(_), Outcome::Delivered(_)] = &pair.outcomes[..]
            else {
                panic!("{:?}", pair.outcomes);
            };
            assert_eq!(pair.end, Some(Ok(())));
            assert!(pair.received == [content.clone()], "the content has changed, chunk {chunk}");
        }
    }
}

#[test]
fn case_w30_a_certificate_for_another_name_ends_before_any_command() {
    let trust = Trust::new();
    for implicit in [false, true] {
        // Byte by byte, then cut once before each byte.
        let (mut chunk, mut cut, mut all) = (1, 0, 0);
        while cut <= all {
            let tls = trust.tls("other.example");
            let security = if implicit { Security::Implicit(tls) } else { Security::StartTls(tls) };
            let mut pair = Pair::new(security, trust.server(implicit), b"", chunk);
            pair.cut = cut;
            pair.run();
            (chunk, cut, all) = (usize::MAX, cut + 1, pair.fed);
            let Some(Err(Error::Tls(TlsError::Certificate(CertificateError::NameMismatch {
                expected,
                presented,
            })))) = &pair.end
            else {
                panic!("{:?}", pair.end);
            };
            assert_eq!(
                (expected.as_str(), &presented[..]),
                ("other.example", &["mx.example".to_string()][..])
            );
            assert_eq!(pair.told, [""; 0]);
        }
    }
}

/// A session after STARTTLS and EHLO in plain text, and its output so far.
fn at_starttls(trust: &Trust) -> (Session, Output) {
    let config = Config::new("client.example".parse().unwrap());
    let mut session = Session::new(config, Security::StartTls(trust.tls("mx.example")), NOW);
    let mut out = Output::new();
    for input in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n"] {
        session.handle_input(NOW, input.as_bytes());
        assert!(matches!(session.poll(NOW, &mut out), Next::Wait));
        session.handle_written(NOW, out.len());
        out.clear();
    }
    (session, out)
}

#[test]
fn case_w1_injected_replies_are_never_read() {
    let trust = Trust::new();
    let input = b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n";
    let after_220 = b"220 go\r\n".len();
    for cut in 0..=input.len() {
        let (mut session, mut out) = at_starttls(&trust);
        for piece in [&input[..cut], &input[cut..]] {
            session.handle_input(NOW, piece);
            if matches!(session.poll(NOW, &mut out), Next::Wait) && !out.is_empty() {
                // Only where the reply ends with the segment is a ClientHello due, and an alert behind it.
                assert_eq!(cut, after_220);
                assert!(
                    matches!(out.slices(&[]).unwrap().next(), Some([21 | 22, 3, ..])),
                    "not a TLS record"
                );
                session.handle_written(NOW, out.len());
                out.clear();
            }
        }
        let end = loop {
            match session.poll(NOW, &mut out) {
                Next::Closed(end) => break end,
                Next::Wait => {
                    session.handle_written(NOW, out.len());
                    out.clear();
                }
                other => panic!("{other:?}, cut at {cut}"),
            }
        };
        match end {
            Err(Error::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls)) => assert_ne!(cut, after_220),
            Err(Error::Tls(TlsError::NotTls)) => assert_eq!(cut, after_220),
            other => panic!("{other:?}, cut at {cut}"),
        }
        assert_eq!(session.extensions().iter().count(), 0);
    }
}

/// A session whose message the server has just taken: the verdict, the reply to QUIT and `close_notify` are on their way.
fn at_verdict(trust: &Trust) -> Pair {
    let mut pair = Pair::new(Security::Implicit(trust.tls("mx.example")), trust.server(true), b"hi\r\n", 1);
    while pair.received.is_empty() {
        let bytes = std::mem::take(&mut pair.to_client);
        pair.session.handle_input(NOW, &bytes);
        pair.poll_session();
        let bytes = std::mem::take(&mut pair.to_server);
        pair.server.handle_input(NOW, &bytes);
        pair.poll_server();
    }
    pair
}

#[test]
fn case_w31_tls_that_ends_without_close_notify() {
    let trust = Trust::new();
    // How many bytes make the verdict, by one that gets them one by one.
    let mut pair = at_verdict(&trust);
    let all = pair.to_client.len();
    let verdict = (1..all).find(|&arrived| {
        pair.session.handle_input(NOW, &pair.to_client[arrived - 1..arrived]);
        pair.poll_session();
        !pair.outcomes.is_empty()
    });
    let verdict = verdict.expect("something is left to be lost behind the verdict");
    // The connection ends behind each byte.
    for arrived in 0..=all {
        let mut pair = at_verdict(&trust);
        assert_eq!(pair.to_client.len(), all);
        pair.session.handle_input(NOW, &pair.to_client[..arrived]);
        pair.poll_session();
        assert_eq!(pair.outcomes.is_empty(), arrived < verdict, "{arrived} bytes");
        pair.session.handle_eof(NOW);
        pair.poll_session();
        if arrived < verdict {
            assert!(matches!(pair.outcomes[0], Outcome::Ambiguous(_)), "{arrived}: {:?}", pair.outcomes);
            assert_eq!(pair.end, Some(Err(Error::Disconnected { phase: Phase::Verdict })), "{arrived}");
        } else {
            assert!(matches!(pair.outcomes[0], Outcome::Delivered(_)), "{arrived}: {:?}", pair.outcomes);
            assert_eq!(pair.end, Some(Ok(())), "{arrived}");
        }
    }
}

#[test]
fn the_last_words_of_tls_have_a_deadline() {
    let trust = Trust::new();
    let tls = trust.tls("mx.example");
    let mut pair = Pair::new(Security::Implicit(tls), trust.server(true), b"hi\r\n", 100);
    while pair.received.is_empty() {
        pair.poll_session();
        let bytes = std::mem::take(&mut pair.to_server);
        pair.server.handle_input(NOW, &bytes);
        pair.poll_server();
        if pair.received.is_empty() {
            let bytes = std::mem::take(&mut pair.to_client);
            pair.session.handle_input(NOW, &bytes);
        }
    }
    // The server has gone, and takes no more bytes either.
    pair.session.handle_eof(NOW);
    let mut out = Output::new();
    let mut polled = pair.session.poll(NOW, &mut out);
    while let Next::Event(event) = polled {
        pair.on_event(event);
        polled = pair.session.poll(NOW, &mut out);
    }
    assert!(matches!(polled, Next::Wait) && !out.is_empty(), "close_notify is due");
    let deadline = pair.session.deadline().expect("a deadline");
    pair.session.handle_timeout(deadline);
    let Next::Closed(Err(Error::Disconnected { .. })) = pair.session.poll(deadline, &mut out) else {
        panic!()
    };
    assert_eq!(pair.session.deadline(), None);
}

/// An engine without secrets, which answers a byte of its own as a key update is answered.
#[derive(Debug, Default)]
struct Glass {
    ciphertext: Vec<u8>,
    /// The handshake is over when the server has spoken.
    is_connected: bool,
}

const KEY_UPDATE: u8 = 1;

impl TlsEngine for Glass {
    fn receive(&mut self, ciphertext: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        self.is_connected = true;
        let (updates, text) = ciphertext.iter().partition::<Vec<u8>, _>(|&&b| b == KEY_UPDATE);
        self.ciphertext.extend(updates);
        plain.extend(text);
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), TlsError> {
        self.ciphertext.extend_from_slice(plain);
        Ok(())
    }

    fn take_ciphertext(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.ciphertext);
    }

    fn is_handshaking(&self) -> bool {
        !self.is_connected
    }

    fn close(&mut self) {}

    fn peer_has_closed(&self) -> bool {
        false
    }

    fn info(&self) -> Option<TlsInfo> {
        Some(TlsInfo::new("glass", "none", true))
    }

    fn export_keying_material(&self, _: &mut [u8], _: &[u8], _: Option<&[u8]>) -> Result<(), TlsError> {
        Err(TlsError::NotTls)
    }
}

#[derive(Debug)]
struct GlassConnector;

impl TlsConnector for GlassConnector {
    fn connect(&self, _: &str) -> Result<Box<dyn TlsEngine>, TlsError> {
        Ok(Box::new(Glass::default()))
    }
}

#[test]
fn what_tls_alone_has_to_write_has_a_deadline() {
    let tls = Tls { connector: Arc::new(GlassConnector), server_name: "mx.example".into() };
    let config = Config::new("client.example".parse().unwrap());
    let block = config.timeouts.block;
    let mut session = Session::new(config, Security::Implicit(tls), NOW);
    let mut out = Output::new();
    let mut written = |session: &mut Session, now| -> usize {
        while let Next::Event(_) = session.poll(now, &mut out) {}
        let len = out.len();
        session.handle_written(now, len);
        out.clear();
        len
    };
    for reply in ["220 hi\r\n", "250 hi\r\n"] {
        session.handle_input(NOW, reply.as_bytes());
        written(&mut session, NOW);
    }
    assert!(session.is_reusable());
    assert_eq!(session.deadline(), None);

    // One that is written in time leaves no deadline behind.
    session.handle_input(NOW, &[KEY_UPDATE]);
    assert_eq!(written(&mut session, NOW), 1);
    assert_eq!(session.deadline(), None);

    session.handle_input(NOW, &[KEY_UPDATE]);
    let mut out = Output::new();
    assert!(matches!(session.poll(NOW, &mut out), Next::Wait));
    assert_eq!(session.deadline(), Some(NOW + block));
    session.handle_timeout(NOW + block);
    session.handle_written(NOW + block, out.len());
    out.clear();
    let Next::Closed(end) = session.poll(NOW + block, &mut out) else { panic!("it goes on") };
    assert_eq!(end, Err(Error::TimedOut { phase: Phase::Idle }));
}
