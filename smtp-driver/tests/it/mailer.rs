//! The mailer in simulations: TLS and passwords, content that makes it wait, servers that are not there.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::time_provider::DefaultTimeProvider;
use smtp_driver::sim::{Sim, SimRuntime, SimTransport};
use smtp_driver::{AsyncChunks, ConfigError, Error, Mailer, MailerBuilder, Report, Runtime, serve};
use smtp_message::{Bcc, ContentError, LineEnds, Message, RawMessage};
use smtp_proto::client::{AuthError, Chunking, Error as SessionError, Event, Outcome};
use smtp_proto::envelope::{BodyType, Form};
use smtp_proto::reply::{Code, Reply};
use smtp_proto::server::{self, Response, Server};
use smtp_proto::tls::rustls::{RustlsAcceptor, default_provider};
use smtp_proto::tls::{CertificateError, Pin, TlsError, TlsPolicy, Verification};
use smtp_proto::{Address, Extension};

pub(crate) const HOST: &str = "mx.example";

/// A certificate for [`HOST`] and its authority in PEM.
pub(crate) fn certificate(authority_name: &str) -> (Arc<RustlsAcceptor>, String) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.distinguished_name.push(DnType::CommonName, authority_name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new([HOST.to_string()]).unwrap().signed_by(&key, &authority).unwrap();
    let acceptor = RustlsAcceptor::with_certificate(
        default_provider(),
        vec![certificate.der().clone()],
        PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        Arc::new(DefaultTimeProvider),
    );
    (Arc::new(acceptor.unwrap()), authority.pem())
}

/// Serves `config` at [`HOST`]; returns where the content of each message goes.
fn listen(sim: &Sim, port: u16, config: server::Config) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let runtime = sim.runtime();
    let config = Arc::new(config);
    let messages = Arc::new(Mutex::new(Vec::new()));
    let delivered = Arc::clone(&messages);
    sim.listen(HOST, port, move |transport| {
        let (runtime, config, delivered) = (runtime.clone(), Arc::clone(&config), Arc::clone(&delivered));
        async move {
            let server = Server::new(config, runtime.now());
            let mut content = Vec::new();
            let ended = serve(&runtime, transport, server, |event| match event {
                server::Event::Auth(login) if login.password.expose() != "right" => Response::refuse(),
                server::Event::Body(bytes) => {
                    content.extend_from_slice(&bytes);
                    Response::accept()
                }
                server::Event::Message => {
                    delivered.lock().unwrap().push(std::mem::take(&mut content));
                    Response::accept()
                }
                _ => Response::accept(),
            });
            let _ = ended.await;
        }
    });
    messages
}

fn server_config(tls: server::Tls) -> server::Config {
    let mut config = server::Config::new(HOST.parse::<smtp_proto::Domain>().unwrap());
    config.require_tls = !matches!(tls, server::Tls::None);
    config.require_auth = config.require_tls;
    config.tls = tls;
    config
}

pub(crate) fn message(mailer: &Mailer<SimRuntime>) -> Message {
    let builder = Message::builder().from("a@a.example").to("b@b.example").bcc("c@c.example");
    builder.subject("Gr\u{fc}\u{df}e").text(".\nbye\n").build(&mailer.stamp().unwrap()).unwrap()
}

#[test]
fn a_message_over_tls_with_a_password() {
    let (acceptor, authority) = certificate("Ours");
    for seed in 0..4 {
        for implicit in [false, true] {
            let sim = Sim::new(seed);
            let tls = acceptor.clone();
            let tls = if implicit { server::Tls::Implicit(tls) } else { server::Tls::StartTls(tls) };
            let messages = listen(&sim, 1000, server_config(tls));
            let transcript = Arc::new(Mutex::new(String::new()));
            let log = Arc::clone(&transcript);
            let builder = MailerBuilder::new(HOST).port(1000).credentials("me", "right");
            let builder = if implicit { builder } else { builder.starttls() };
            let builder = builder.trust_only_pem(authority.as_bytes()).unwrap();
            let builder = builder.on_event(move |event| *log.lock().unwrap() += &format!("{event:?}\n"));
            let mailer = builder.build(sim.runtime()).unwrap();
            let message = message(&mailer);
            let report = sim.block_on(mailer.send(&message)).unwrap();
            assert!(report.tls().unwrap().is_verified());
            assert_eq!(report.tls().unwrap().verification, Verification::Roots);
            assert_eq!(report.recipients().len(), 2);
            report.all_delivered().unwrap();
            let got = messages.lock().unwrap();
            assert!(*got == [message.to_bytes().unwrap()]);
            assert!(
                !String::from_utf8_lossy(&got[0]).contains("c@c.example"),
                "case M7: Bcc is for the envelope"
            );
            let transcript = transcript.lock().unwrap();
            assert!(transcript.contains("RCPT TO:<c@c.example>"), "{transcript}");
            for secret in ["right", "AG1lAHJpZ2h0", "Gr=C3"] {
                assert!(!transcript.contains(secret), "{secret} in {transcript}");
            }
        }
    }
}

#[test]
fn what_keeps_a_message_from_being_sent() {
    let (acceptor, authority) = certificate("Ours");
    let (_, stranger) = certificate("Another");
    let attempt = |tls: server::Tls, settings: &dyn Fn(MailerBuilder) -> MailerBuilder| {
        let sim = Sim::new(1);
        let mut config = server_config(tls);
        config.require_tls = false;
        config.require_auth = false;
        let messages = listen(&sim, 1000, config);
        let builder = MailerBuilder::new(HOST).port(1000).starttls().credentials("me", "right");
        let mailer =
            settings(builder.trust_only_pem(authority.as_bytes()).unwrap()).build(sim.runtime()).unwrap();
        let error = sim.block_on(mailer.send(&message(&mailer))).unwrap_err();
        assert_eq!(messages.lock().unwrap().len(), 0);
        assert!(error.hint().is_some(), "{error}");
        error
    };
    let starttls = || server::Tls::StartTls(acceptor.clone());
    let error = attempt(starttls(), &|builder| builder.auth(smtp_proto::AuthMechanism::ScramSha1));
    assert!(matches!(&error, Error::NoMechanism { offered } if offered.contains("PLAIN")), "{error:?}");
    assert!(error.hint().unwrap().contains("auth="), "{error:?}");
    let error = attempt(starttls(), &|builder| builder.credentials("me", "wrong"));
    let Error::Auth { source, .. } = &error else { panic!("{error}") };
    assert!(matches!(**source, AuthError::Refused(_)), "{error}");
    // Case W3.
    let error = attempt(server::Tls::None, &|builder| builder);
    let unavailable = SessionError::StartTlsUnavailable { refusal: None };
    assert!(matches!(&error, Error::Session { source, .. } if **source == unavailable), "{error}");
    // Case W30.
    let error = attempt(starttls(), &|builder| builder.trust_only_pem(stranger.as_bytes()).unwrap());
    let unknown = SessionError::Tls(TlsError::Certificate(CertificateError::UnknownIssuer));
    assert!(matches!(&error, Error::Session { source, .. } if **source == unknown), "{error}");
    let pin: Pin = format!("spki:{}", "00".repeat(32)).parse().unwrap();
    let error = attempt(starttls(), &|builder| builder.tls_policy(TlsPolicy::pinned([pin])));
    let no_match = SessionError::Tls(TlsError::Certificate(CertificateError::NoPinMatch));
    assert!(matches!(&error, Error::Session { source, .. } if **source == no_match), "{error}");
    let error = attempt(starttls(), &|builder| builder.tls_policy(TlsPolicy::opportunistic()));
    assert!(matches!(error, Error::InsecureAuth), "{error}");
}

#[test]
fn servers_that_are_not_there() {
    let sim = Sim::new(1);
    sim.blackhole(HOST, 1);
    let runtime = sim.runtime();
    for (host, port, kind) in [
        (HOST, 1, ErrorKind::TimedOut),
        (HOST, 2, ErrorKind::ConnectionRefused),
        ("nowhere.example", 1, ErrorKind::NotFound),
    ] {
        if port == 2 {
            // Somebody must live at the host for a port of it to be closed.
            listen(&sim, 3, server_config(server::Tls::None));
        }
        let start = runtime.now();
        let mailer =
            MailerBuilder::new(host).port(port).dangerous_plaintext().build(runtime.clone()).unwrap();
        let Error::Connect { source, .. } = sim.block_on(mailer.send(&message(&mailer))).unwrap_err() else {
            panic!("{host} {port}");
        };
        assert_eq!(source.kind(), kind, "{source}");
        assert!(runtime.now() - start <= Duration::from_secs(30));
    }
}

#[test]
fn settings_that_do_not_work() {
    let build = |builder: MailerBuilder| builder.build(Sim::new(1).runtime()).unwrap_err();
    assert!(matches!(build(MailerBuilder::new("a..b")), ConfigError::Host(_)));
    assert!(matches!(build(MailerBuilder::new("ho\r\nst")), ConfigError::Host(_)));
    let plaintext = MailerBuilder::new(HOST).dangerous_plaintext().credentials("me", "right");
    assert!(matches!(build(plaintext), ConfigError::PlaintextCredentials));
    let credentials = MailerBuilder::new(HOST).credentials("m\r\ne", "right");
    assert!(matches!(build(credentials), ConfigError::Credentials(_)));
    assert!(matches!(MailerBuilder::new(HOST).trust_only_pem(b"nothing"), Err(ConfigError::Certificate)));
}

/// Content that takes its time before its second piece, and may be shorter than it should be.
struct Slow {
    runtime: SimRuntime,
    wait: Duration,
    pieces: Vec<&'static str>,
}

impl AsyncChunks for Slow {
    async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
        if self.pieces.len() == 1 {
            self.runtime.sleep(self.wait).await;
        }
        out.extend_from_slice(self.pieces.remove(0).as_bytes());
        Ok(!self.pieces.is_empty())
    }
}

fn send_slowly(sim: &Sim, wait: Duration, size: Option<u64>) -> Result<Report, Error> {
    let runtime = sim.runtime();
    let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(runtime.clone()).unwrap();
    let content = Slow { runtime, wait, pieces: vec!["Subject: x\r\n\r\n", "slow\r\n"] };
    let form = Form { size, ..Form::default() };
    sim.block_on(mailer.send_stream(None, vec!["b@b.example".parse::<Address>().unwrap()], form, content))
}

#[test]
fn content_may_take_its_time() {
    for size in [None, Some(20)] {
        let sim = Sim::new(1);
        let messages = listen(&sim, 25, server_config(server::Tls::None));
        // Longer than any deadline of the client's but that of the transaction, shorter than the server's patience.
        let report = send_slowly(&sim, Duration::from_secs(170), size).unwrap();
        report.all_delivered().unwrap();
        assert_eq!(*messages.lock().unwrap(), [b"Subject: x\r\n\r\nslow\r\n"]);
    }
}

#[test]
fn the_server_is_heard_while_content_is_waited_for() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    sim.listen(HOST, 25, move |mut server: SimTransport| {
        let runtime = runtime.clone();
        async move {
            for reply in ["220 mx", "250 mx", "250 ok", "250 ok", "354 go"] {
                if reply != "220 mx" {
                    server.read_line().await.unwrap();
                }
                server.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            }
            runtime.sleep(Duration::from_secs(60)).await;
            server.write_all(b"421 too slow\r\n").await.unwrap();
            let rest = server.read_to_end().await.unwrap_or_default();
            assert!(!rest.ends_with(b".\r\n"));
        }
    });
    let start = sim.runtime().now();
    let report = send_slowly(&sim, Duration::from_secs(600), None).unwrap();
    let Outcome::Deferred(failure) = &report.recipients()[0].outcome else { panic!("{report:?}") };
    assert_eq!(failure.reply().unwrap().to_string(), "421 too slow");
    let elapsed = sim.runtime().now() - start;
    assert!(elapsed < Duration::from_secs(120), "{elapsed:?}");
}

#[test]
fn content_of_another_size_than_announced_is_not_delivered() {
    for size in [19, 21] {
        let sim = Sim::new(1);
        let messages = listen(&sim, 25, server_config(server::Tls::None));
        let error = send_slowly(&sim, Duration::ZERO, Some(size)).unwrap_err();
        assert!(matches!(error, Error::Content(ContentError::Changed)), "{error}");
        assert_eq!(messages.lock().unwrap().len(), 0);
    }
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_replaced() {
    for goodbye in ["", "421 4.4.2 idle\r\n"] {
        let sim = Sim::new(1);
        let runtime = sim.runtime();
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        sim.listen(HOST, 25, move |mut server: SimTransport| {
            let (runtime, count) = (runtime.clone(), Arc::clone(&count));
            async move {
                server.write_all(b"220 mx\r\n").await.unwrap();
                loop {
                    let line = server.read_line().await.unwrap();
                    let reply = if line == "DATA" { "354 go\r\n" } else { "250 ok\r\n" };
                    if line == "." {
                        break;
                    }
                    if !line.contains(' ') && line != "DATA" || line.starts_with("Subject") {
                        continue;
                    }
                    server.write_all(reply.as_bytes()).await.unwrap();
                }
                server.write_all(b"250 queued\r\n").await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                runtime.sleep(Duration::from_secs(5)).await;
                let _ = server.write_all(goodbye.as_bytes()).await;
            }
        });
        let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
        let content = RawMessage::parse("Subject: x\n\n", LineEnds::Normalise, Bcc::Keep).unwrap();
        let to: Vec<Address> = vec!["b@b.example".parse().unwrap()];
        for pause in [0, 1, 4, 10] {
            sim.block_on(sim.runtime().sleep(Duration::from_secs(pause)));
            let report = sim.block_on(mailer.send_to(None, to.clone(), &content)).unwrap();
            report.all_delivered().unwrap();
        }
        assert_eq!(served.load(Ordering::Relaxed), 4);
    }
}

#[test]
fn case_w17_recipients_beyond_the_servers_limit_get_a_message_of_their_own() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let config = Arc::new(server_config(server::Tls::None));
    let sessions = Arc::new(AtomicUsize::new(0));
    let envelopes = Arc::new(Mutex::new(Vec::new()));
    let (count, log) = (Arc::clone(&sessions), Arc::clone(&envelopes));
    sim.listen(HOST, 25, move |transport| {
        let (runtime, config, log) = (runtime.clone(), Arc::clone(&config), Arc::clone(&log));
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let server = Server::new(config, runtime.now());
            let (mut to, mut content) = (Vec::new(), Vec::new());
            let ended = serve(&runtime, transport, server, |event| match event {
                server::Event::Rcpt { recipient, .. } if recipient.to_string().starts_with("no@") => {
                    Response::refuse()
                }
                server::Event::Rcpt { .. } if to.len() == 2 => {
                    let reply = Reply::new(Code::new(452).unwrap(), "4.5.3 too many recipients");
                    Response::reply(reply.unwrap())
                }
                server::Event::Rcpt { recipient, .. } => {
                    to.push(recipient.to_string());
                    Response::accept()
                }
                server::Event::Body(bytes) => {
                    content.extend_from_slice(&bytes);
                    Response::accept()
                }
                server::Event::Message => {
                    log.lock().unwrap().push((std::mem::take(&mut to), std::mem::take(&mut content)));
                    Response::accept()
                }
                _ => Response::accept(),
            });
            let _ = ended.await;
        }
    });
    let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
    let content = RawMessage::parse("Subject: x\n\n", LineEnds::Normalise, Bcc::Keep).unwrap();
    let to = ["a@x", "no@x", "b@x", "c@x", "d@x", "e@x"].map(|to| to.parse::<Address>().unwrap());
    let report = sim.block_on(mailer.send_to(None, to.to_vec(), &content)).unwrap();
    for (recipient, to) in report.recipients().iter().zip(&to) {
        assert_eq!(recipient.address, *to);
        assert_eq!(recipient.outcome.is_delivered(), !to.to_string().starts_with("no@"), "{recipient:?}");
    }
    let envelopes = envelopes.lock().unwrap();
    let got: Vec<_> = envelopes.iter().map(|(to, _)| to.join(" ")).collect();
    assert_eq!(got, ["a@x b@x", "c@x d@x", "e@x"]);
    assert!(envelopes.iter().all(|(_, content)| content == b"Subject: x\r\n\r\n"));
    assert_eq!(sessions.load(Ordering::Relaxed), 1, "one connection does");
}

#[test]
fn case_w29_limits_make_further_transactions_and_connections() {
    let sim = Sim::new(1);
    let runtime = sim.runtime();
    let mut config = server_config(server::Tls::None);
    config.extensions.push(Extension::Limits);
    config.limits.recipients = 5;
    config.limits.mails = Some(2);
    config.limits.domains = Some(1);
    let config = Arc::new(config);
    let log = Arc::new(Mutex::new(Vec::new()));
    let envelopes = Arc::clone(&log);
    sim.listen(HOST, 25, move |transport| {
        let (runtime, config, log) = (runtime.clone(), Arc::clone(&config), Arc::clone(&envelopes));
        async move {
            log.lock().unwrap().push("connection".to_owned());
            let server = Server::new(config, runtime.now());
            let ended = serve(&runtime, transport, server, |event| {
                if let server::Event::Rcpt { recipient } = event {
                    log.lock().unwrap().push(recipient.to_string());
                }
                Response::accept()
            });
            ended.await.expect("the client is polite");
        }
    });
    let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
    let content = RawMessage::parse("Subject: x\n\n", LineEnds::Normalise, Bcc::Keep).unwrap();
    let to = |i: usize| format!("r{i}@{}.example", if i.is_multiple_of(2) { "a" } else { "b" });
    let all: Vec<Address> = (0..12).map(|i| to(i).parse().unwrap()).collect();
    let report = sim.block_on(mailer.send_to(None, all, &content)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let connection = || vec!["connection".to_owned()];
    let expected = [
        connection(),
        [0, 2, 4, 6, 8].map(to).to_vec(),
        [1, 3, 5, 7, 9].map(to).to_vec(),
        connection(),
        vec![to(10), to(11)],
    ];
    assert_eq!(*log.lock().unwrap(), expected.concat());
}

/// A server that leaves at the second MAIL of its first connection; where the lines it reads go.
fn leaves_once(sim: &Sim, keyword: &'static str) -> Arc<Mutex<Vec<String>>> {
    let (count, log) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let lines = Arc::clone(&log);
    sim.listen(HOST, 25, move |mut server: SimTransport| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let lines = Arc::clone(&lines);
        async move {
            server.write_all(b"220 mx\r\n").await.unwrap();
            let mut mails = 0;
            while let Ok(line) = server.read_line().await {
                lines.lock().unwrap().push(line.clone());
                let verb = line.split(' ').next().unwrap_or_default();
                mails += usize::from(verb == "MAIL");
                let reply = match verb {
                    "EHLO" => format!("250-mx\r\n250-PIPELINING\r\n250 {keyword}\r\n"),
                    "MAIL" if first && mails == 2 => {
                        server.write_all(b"421 idle too long\r\n").await.unwrap();
                        return;
                    }
                    "DATA" => "354 go\r\n".into(),
                    "MAIL" | "RCPT" | "." | "end" => "250 ok\r\n".into(),
                    _ => continue,
                };
                server.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    log
}

#[test]
fn content_of_another_kind_than_was_said_is_not_ended() {
    struct Whole(&'static str);
    impl AsyncChunks for Whole {
        async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
            out.extend_from_slice(self.0.as_bytes());
            Ok(false)
        }
    }
    for (body, text, is_sent) in [
        (BodyType::SevenBit, "Subject: x\r\n\r\ngrun\r\n", true),
        (BodyType::SevenBit, "Subject: x\r\n\r\ngr\u{fc}n\r\n", false),
        (BodyType::EightBitMime, "Subject: x\r\n\r\ngr\u{fc}n\r\n", true),
    ] {
        let sim = Sim::new(1);
        let mut config = server_config(server::Tls::None);
        config.allow_undeclared_content = true;
        let messages = listen(&sim, 25, config);
        let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
        let to = vec!["b@b.example".parse::<Address>().unwrap()];
        let form = Form { body, ..Form::default() };
        let result = sim.block_on(mailer.send_stream(None, to, form, Whole(text)));
        match is_sent {
            true => result.unwrap().all_delivered().unwrap(),
            false => assert!(matches!(result, Err(Error::Content(ContentError::Changed)))),
        }
        assert_eq!(messages.lock().unwrap().len(), usize::from(is_sent));
    }
}

#[test]
fn a_source_that_was_read_is_not_sent_again() {
    struct Once(Vec<&'static [u8]>);
    impl AsyncChunks for Once {
        async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
            if let Some(piece) = self.0.pop() {
                out.extend_from_slice(piece);
            }
            Ok(!self.0.is_empty())
        }
    }
    let sim = Sim::new(1);
    let lines = leaves_once(&sim, "CHUNKING");
    let builder = MailerBuilder::new(HOST).port(25).dangerous_plaintext().chunking(Chunking::Streamed);
    let mailer = builder.build(sim.runtime()).unwrap();
    let send = || {
        let content = Once(vec![b"end\r\n", b"Subject: x\r\n\r\n"]);
        let to = vec!["b@b.example".parse::<Address>().unwrap()];
        sim.block_on(mailer.send_stream(None, to, Form::default(), content)).unwrap()
    };
    assert!(send().is_complete());
    let report = send();
    assert!(matches!(report.recipients()[0].outcome, Outcome::Deferred(_)), "{report:?}");
    let lines = lines.lock().unwrap();
    let chunks: Vec<_> = lines.iter().filter(|line| line.starts_with("BDAT")).collect();
    assert!(chunks.iter().all(|line| *line == "BDAT 19 LAST"), "{chunks:?}");
}

#[test]
fn a_stale_connection_is_replaced_for_whom_it_was_asked() {
    let sim = Sim::new(1);
    leaves_once(&sim, "LIMITS RCPTMAX=1");
    let mailer = MailerBuilder::new(HOST).port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
    for to in [&["b@b.example"][..], &["b@b.example", "c@b.example"]] {
        let to = to.iter().map(|to| to.parse().unwrap()).collect();
        let report = sim.block_on(mailer.send_to(None, to, &message(&mailer))).unwrap();
        assert!(report.is_complete(), "{report:?}");
    }
}

#[test]
fn an_observer_is_told_of_what_happens() {
    let sim = Sim::new(1);
    listen(&sim, 25, server_config(server::Tls::None));
    let ready = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ready);
    let builder = MailerBuilder::new(HOST).port(25).dangerous_plaintext().on_event(move |event| {
        if *event == Event::Ready {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mailer = builder.build(sim.runtime()).unwrap();
    for _ in 0..3 {
        sim.block_on(mailer.send(&message(&mailer))).unwrap().all_delivered().unwrap();
    }
    sim.block_on(mailer.close());
    assert_eq!(ready.load(Ordering::Relaxed), 1, "one connection for all three");
}
