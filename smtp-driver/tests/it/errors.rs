//! What errors say, to people and to programs that decide whether to try again.

use std::error::Error as StdError;
use std::io::ErrorKind;

use smtp_driver::eyeballs::{Attempts, Step};
use smtp_driver::sim::Sim;
use smtp_driver::{ConfigError, Error, MailerBuilder, UrlError, adapter};
use smtp_message::{ContentError, Message, Part};
use smtp_proto::Instant;
use smtp_proto::client::{AuthError, Error as SessionError, Phase};
use smtp_proto::tls::{CertificateError, TlsError};

use crate::mailer::message;
use crate::pool::play;

/// What comes of a message to a server with this script.
fn failed(script: &str, settings: impl FnOnce(MailerBuilder) -> MailerBuilder) -> Error {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, script);
    let mailer = settings(builder).build(sim.runtime()).unwrap();
    sim.block_on(mailer.send(&message(&mailer))).unwrap_err()
}

fn session(source: SessionError) -> Error {
    Error::Session { host: "mx.example".into(), port: 25, source: source.into() }
}

#[derive(Debug)]
struct Vault;

impl std::fmt::Display for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the vault is shut")
    }
}

impl StdError for Vault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&std::fmt::Error)
    }
}

/// Reporters print an error and all its sources: what is in the text of one is the source of none.
#[test]
fn no_cause_is_told_twice() {
    let refused = || std::io::Error::from(ErrorKind::ConnectionRefused);
    let address = "192.0.2.1:25".parse().unwrap();
    let mut attempts = Attempts::new([address]);
    let _ = attempts.step(Instant::ZERO);
    attempts.failed(address, refused());
    let Step::Failed(connecting) = attempts.step(Instant::ZERO) else { panic!("it has failed") };
    let mut late = Attempts::new([address]);
    late.failed(address, refused());
    let lookup = || adapter::lookup_failed("mx.example", refused());
    let connect = Error::Connect { host: "mx.example".into(), port: 25, source: lookup() };
    let url = MailerBuilder::from_url("smtp://a..b").unwrap_err();
    let errors: Vec<Box<dyn StdError>> = vec![
        connecting.into(),
        late.timed_out().into(),
        lookup().into(),
        connect.into(),
        session(SessionError::Disconnected { phase: Phase::Idle }).into(),
        Error::Credentials(Box::new(Vault)).into(),
        Error::Randomness(refused()).into(),
        Error::Content(ContentError::Changed).into(),
        ConfigError::from(url).into(),
        ConfigError::Host("a..b".parse::<smtp_proto::Domain>().unwrap_err()).into(),
    ];
    for error in errors {
        let told = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            assert!(!told.contains(&error.to_string()), "{told}: {error}");
            cause = error.source();
        }
    }
    // What its text does not tell is not lost.
    let source = Error::Credentials(Box::new(Vault));
    assert!(source.source().is_some_and(<dyn StdError>::is::<std::fmt::Error>));
    assert!(matches!(MailerBuilder::from_url("smtp://a..b"), Err(UrlError::Host(_))));
}

#[test]
fn errors_name_the_server() {
    let error = failed("C: (connect)\nS: 554 no", |builder| builder);
    assert_eq!(error.to_string(), "peer.example port 25: the server refused before the greeting: 554 no");
    let login = |builder: MailerBuilder| builder.credentials("me", "wrong");
    let error = failed("tls good\noffer AUTH PLAIN\nC: AUTH\nS: 535 no", login);
    assert_eq!(error.to_string(), "peer.example port 25: the server refused the credentials: 535 no");
}

#[test]
fn errors_say_whether_to_try_again() {
    let greeting = |reply: &str| failed(&format!("C: (connect)\nS: {reply}"), |builder| builder);
    let login = |reply: &str| {
        let script = format!("tls good\noffer AUTH PLAIN\nC: AUTH\nS: {reply}");
        failed(&script, |builder| builder.credentials("me", "wrong"))
    };
    let starttls =
        |reply: &str| failed(&format!("tls good\nC: STARTTLS\nS: {reply}\n"), MailerBuilder::starttls);
    for (error, temporary, code) in [
        (greeting("421 busy"), true, Some(421)),
        (greeting("554 no"), false, Some(554)),
        (login("454 not now"), true, Some(454)),
        (login("535 no"), false, Some(535)),
        (starttls("454 not now"), true, Some(454)),
        (starttls("502 what"), false, Some(502)),
        (failed("C: EHLO\n!close", |builder| builder), true, None),
        (failed("tls unknown-ca", |builder| builder), false, None),
        (failed("", MailerBuilder::starttls), false, None),
        (session(SessionError::Tls(TlsError::Certificate(CertificateError::Expired))), false, None),
        (session(SessionError::TimedOut { phase: Phase::Greeting }), true, None),
        (Error::Content(ContentError::Changed), true, None),
        (Error::Credentials(Box::new(Vault)), true, None),
        (Error::NoMechanism { offered: String::new() }, false, None),
    ] {
        assert_eq!(error.is_temporary(), temporary, "{error}");
        assert_eq!(error.reply().map(|reply| reply.code().get()), code, "{error}");
    }
    let aborted = Error::Auth { host: "mx.example".into(), port: 25, source: AuthError::Aborted.into() };
    assert!(!aborted.is_temporary());
    // Nobody is there, or a file is missing.
    let sim = Sim::new(1);
    let mailer = MailerBuilder::new("nowhere.example").dangerous_plaintext().build(sim.runtime()).unwrap();
    assert!(sim.block_on(mailer.send(&message(&mailer))).unwrap_err().is_temporary());
    let builder = Message::builder().from("a@a.example").to("b@b.example").attach(Part::file("/nowhere"));
    let missing = builder.build(&mailer.stamp().unwrap()).unwrap();
    assert!(!sim.block_on(mailer.send(&missing)).unwrap_err().is_temporary());
}
