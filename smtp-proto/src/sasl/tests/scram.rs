//! SCRAM against the examples of the RFCs, against an independent server, and against hostile ones.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as provider;
#[cfg(not(feature = "aws-lc-rs"))]
use ring as provider;

use std::io::Cursor;

use data_encoding::BASE64;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::mechname::Mechname;
use rsasl::prelude::{Registry, SASLServer, SessionError};
use rsasl::property::{AuthId, AuthzId, ChannelBindings};
use rsasl::validate::{Validate, Validation, ValidationError};

use super::super::scram::{Binding, Scram};
use super::*;

const EXPORTER: [u8; 32] = [7; 32];

/// The example of RFC 5802 section 5.
#[test]
fn the_example_with_sha_1() {
    let nonce = "fyko+d2lbbFgONRv9qkxdawL";
    let (mut scram, first) =
        Scram::new(AuthMechanism::ScramSha1, "user", "", nonce.into(), &Binding::None).unwrap();
    assert_eq!(*first, *b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    scram.server_first(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096").unwrap();
    let last = scram.prove("pencil").unwrap();
    assert_eq!(*last, *b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    scram.verify(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap();
    assert!(scram.is_verified());
}

/// The example of RFC 7677 section 3.
#[test]
fn the_example_with_sha_256() {
    let nonce = "rOprNGfwEbeRWgbNEkqO";
    let (mut scram, first) =
        Scram::new(AuthMechanism::ScramSha256, "user", "", nonce.into(), &Binding::None).unwrap();
    assert_eq!(*first, *b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    scram
        .server_first(
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        )
        .unwrap();
    let last = scram.prove("pencil").unwrap();
    assert_eq!(
        *last,
        *b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    assert!(scram.is_verified());
}

/// What an independent server knows of one user, and to what its connection is bound.
struct Oracle {
    user: &'static str,
    acting_as: Option<&'static str>,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
    exporter: [u8; 32],
    /// Whether it has the mechanisms with -PLUS.
    binds: bool,
}

struct Accepted;

impl Validation for Accepted {
    type Value = bool;
}

impl Oracle {
    fn new(sha_256: bool, user: &'static str, password: &str) -> Self {
        let (hmac, pbkdf2, digest) = match sha_256 {
            true => {
                (provider::hmac::HMAC_SHA256, provider::pbkdf2::PBKDF2_HMAC_SHA256, &provider::digest::SHA256)
            }
            false => (
                provider::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                provider::pbkdf2::PBKDF2_HMAC_SHA1,
                &provider::digest::SHA1_FOR_LEGACY_USE_ONLY,
            ),
        };
        let salt = b"salt of the oracle".to_vec();
        let mut salted = alloc::vec![0; if sha_256 { 32 } else { 20 }];
        provider::pbkdf2::derive(pbkdf2, 4096.try_into().unwrap(), &salt, password.as_bytes(), &mut salted);
        let key = |name: &[u8]| provider::hmac::sign(&provider::hmac::Key::new(hmac, &salted), name);
        let stored_key = provider::digest::digest(digest, key(b"Client Key").as_ref()).as_ref().to_vec();
        let server_key = key(b"Server Key").as_ref().to_vec();
        Self { user, acting_as: None, salt, stored_key, server_key, exporter: EXPORTER, binds: false }
    }

    /// Runs the exchange; whether the server accepted, or why the client stopped.
    fn run(
        self,
        mechanism: AuthMechanism,
        exchange: &mut Exchange,
        password: &str,
    ) -> Result<bool, SaslError> {
        static MECHANISMS: [rsasl::registry::Mechanism; 4] =
            [SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA1_PLUS, SCRAM_SHA256_PLUS];
        let known = if self.binds { &MECHANISMS[..] } else { &MECHANISMS[..2] };
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(known))
            .with_callback(self)
            .unwrap();
        let name = mechanism.name();
        let server = SASLServer::<Accepted>::new(config);
        let mut server = server.start_suggested(Mechname::parse(name.as_bytes()).unwrap()).unwrap();
        let mut response = match exchange.start()? {
            Step::Respond(first) => first.to_vec(),
            other => panic!("{other:?}"),
        };
        for _ in 0..3 {
            let mut challenge = Cursor::new(Vec::new());
            let Ok(state) = server.step(Some(&response), &mut challenge) else { return Ok(false) };
            if challenge.get_ref().is_empty() {
                assert!(state.is_finished());
                break;
            }
            response = match exchange.challenge(challenge.get_ref())? {
                Step::Respond(response) => response.to_vec(),
                Step::WantSecret => exchange.secret(&password.into())?.to_vec(),
                Step::Wait => panic!("nothing to wait for"),
            };
            if state.is_finished() {
                break;
            }
        }
        let accepted = server.validation().unwrap_or(false);
        if accepted {
            exchange.succeed()?;
        }
        Ok(accepted)
    }
}

impl SessionCallback for Oracle {
    fn callback(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request.satisfy::<ChannelBindings>(&self.exporter)?;
        if context.get_ref::<AuthId>() == Some(self.user) {
            let stored = ScramStoredPassword::new(4096, &self.salt, &self.stored_key, &self.server_key);
            request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.with::<Accepted, _>(|| {
            let acting_as = context.get_ref::<AuthzId>().filter(|name| !name.is_empty());
            Ok(context.get_ref::<AuthId>() == Some(self.user) && acting_as == self.acting_as)
        })?;
        Ok(())
    }
}

const ALL: [AuthMechanism; 4] = [
    AuthMechanism::ScramSha1,
    AuthMechanism::ScramSha256,
    AuthMechanism::ScramSha1Plus,
    AuthMechanism::ScramSha256Plus,
];

fn oracle(mechanism: AuthMechanism, user: &'static str, password: &str) -> Oracle {
    let oracle = Oracle::new(mechanism.name().contains("256"), user, password);
    Oracle { binds: mechanism.is_bound(), ..oracle }
}

fn bound(mechanism: AuthMechanism, user: &str) -> Exchange {
    let mut exchange = Exchange::new(mechanism, user, [3; NONCE]).unwrap();
    exchange.bind(EXPORTER);
    exchange.server_offers_binding(mechanism.is_bound());
    exchange
}

#[test]
fn an_independent_server_agrees() {
    for mechanism in ALL {
        let run =
            |oracle: Oracle, password: &str| oracle.run(mechanism, &mut bound(mechanism, "user"), password);
        assert_eq!(run(oracle(mechanism, "user", "pencil"), "pencil"), Ok(true), "{mechanism}");
        assert_ne!(run(oracle(mechanism, "user", "pencil"), "pencils"), Ok(true), "{mechanism}");
        assert_ne!(run(oracle(mechanism, "other", "pencil"), "pencil"), Ok(true), "{mechanism}");
        // Somebody in between, who has another connection to the server.
        let elsewhere = Oracle { exporter: [8; 32], ..oracle(mechanism, "user", "pencil") };
        assert_eq!(run(elsewhere, "pencil") == Ok(true), !mechanism.is_bound(), "{mechanism}");
    }
    #[cfg(feature = "saslprep")]
    for mechanism in ALL {
        let mut exchange = bound(mechanism, "us\u{ad}er");
        let accepted =
            oracle(mechanism, "user", "IX \u{e9}").run(mechanism, &mut exchange, "\u{2168}\u{a0}e\u{301}");
        assert_eq!(accepted, Ok(true), "{mechanism}: both are prepared");
    }
}

#[test]
fn who_is_acted_for_is_said() {
    let credentials = Credentials::new("user", "pencil").unwrap().acting_as("boss").unwrap();
    for mechanism in ALL {
        let mut exchange = credentials.exchange(mechanism, [1; NONCE]).unwrap();
        exchange.bind(EXPORTER);
        exchange.server_offers_binding(mechanism.is_bound());
        let oracle = Oracle { acting_as: Some("boss"), ..oracle(mechanism, "user", "pencil") };
        assert_eq!(oracle.run(mechanism, &mut exchange, "pencil"), Ok(true), "{mechanism}");
    }
}

#[test]
fn a_hidden_plus_is_found_out() {
    for (mechanism, offers) in [(ALL[0], false), (ALL[1], false), (ALL[1], true)] {
        let mut exchange = bound(mechanism, "user");
        // What a list says that somebody has shortened.
        exchange.server_offers_binding(offers);
        let oracle = Oracle { binds: true, ..oracle(mechanism, "user", "pencil") };
        assert_eq!(oracle.run(mechanism, &mut exchange, "pencil"), Ok(offers), "{mechanism}");
    }
}

/// The first message of an exchange.
fn first(exchange: &mut Exchange) -> std::string::String {
    match exchange.start().unwrap() {
        Step::Respond(first) => std::string::String::from_utf8(first.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_said_of_the_binding() {
    let nonce = BASE64.encode(&[3; NONCE]);
    let mut exchange = bound(AuthMechanism::ScramSha256Plus, "a,b=c");
    assert_eq!(first(&mut exchange), format!("p=tls-exporter,,n=a=2Cb=3Dc,r={nonce}"));
    // It could be bound, and the server does not offer that: if it did, it would know that somebody hides it.
    let mut exchange = bound(AuthMechanism::ScramSha256, "user");
    assert_eq!(first(&mut exchange), format!("y,,n=user,r={nonce}"));
    // The caller wants none though it is offered.
    let mut exchange = bound(AuthMechanism::ScramSha256, "user");
    exchange.server_offers_binding(true);
    assert_eq!(first(&mut exchange), format!("n,,n=user,r={nonce}"));
    let mut exchange = Exchange::new(AuthMechanism::ScramSha256, "user", [3; NONCE]).unwrap();
    assert_eq!(first(&mut exchange), format!("n,,n=user,r={nonce}"));
    let mut exchange = Exchange::new(AuthMechanism::ScramSha256Plus, "user", [3; NONCE]).unwrap();
    assert_eq!(exchange.start(), Err(SaslError::NotSupported), "nothing to bind it to");
}

/// An exchange after its first message.
fn begun(mechanism: AuthMechanism) -> Exchange {
    let mut exchange = Exchange::new(mechanism, "user", [3; NONCE]).unwrap();
    first(&mut exchange);
    exchange
}

#[test]
fn case_w26_hostile_first_messages() {
    let nonce = BASE64.encode(&[3; NONCE]);
    let malformed = |field| SaslError::Malformed { field };
    let many = |count| SaslError::Iterations { count };
    for (message, error) in [
        (format!("r={nonce}x,s=QQ==,i=2147483648"), many(1 << 31)),
        (format!("r={nonce}x,s=QQ==,i=1000001"), many(1_000_001)),
        (format!("r={nonce}x,s=QQ==,i=4095"), many(4095)),
        (format!("r={nonce}x,s=QQ==,i=0"), many(0)),
        (format!("r={nonce}x,s=QQ==,i=99999999999999999999999"), many(u64::MAX)),
        (format!("r={nonce}x,s=QQ==,i="), malformed("iteration count")),
        (format!("r={nonce}x,s=QQ==,i=-1"), malformed("iteration count")),
        (format!("r={nonce}x,s=QQ==,i=+4096"), malformed("iteration count")),
        (format!("r={nonce}x,s=QQ=="), malformed("iteration count")),
        (format!("r={nonce}x,s=,i=4096"), malformed("salt")),
        (format!("r={nonce}x,s=Q,i=4096"), malformed("salt")),
        (format!("r={nonce}x,i=4096"), malformed("salt")),
        ("s=QQ==,i=4096".into(), malformed("nonce")),
        (std::string::String::new(), malformed("nonce")),
        (format!("r={nonce},s=QQ==,i=4096"), SaslError::WrongNonce),
        (format!("r=x{nonce},s=QQ==,i=4096"), SaslError::WrongNonce),
        (format!("r={nonce}\u{e4},s=QQ==,i=4096"), SaslError::WrongNonce),
        ("r=,s=QQ==,i=4096".into(), SaslError::WrongNonce),
        (format!("m=x,r={nonce}x,s=QQ==,i=4096"), SaslError::UnknownExtension),
    ] {
        let mut exchange = begun(AuthMechanism::ScramSha256);
        assert_eq!(exchange.challenge(message.as_bytes()), Err(error), "{message}");
        assert_eq!(exchange.secret(&"pencil".into()), Err(SaslError::Secret), "it is over");
        assert!(exchange.succeed().is_err());
    }
    assert_eq!(begun(AuthMechanism::ScramSha1).challenge(b"\xff"), Err(malformed("encoding")));
    // What is known is enough; what is not known is let through.
    let message = format!("r={nonce}x,s=QQ==,i=4096,x=extension");
    assert_eq!(begun(AuthMechanism::ScramSha256).challenge(message.as_bytes()), Ok(Step::WantSecret));
}

/// An exchange that has proved that it knows the password.
fn proved(mechanism: AuthMechanism) -> Exchange {
    let mut exchange = begun(mechanism);
    let message = format!("r={}x,s=QQ==,i=4096", BASE64.encode(&[3; NONCE]));
    assert_eq!(exchange.challenge(message.as_bytes()), Ok(Step::WantSecret));
    exchange.secret(&"pencil".into()).unwrap();
    exchange
}

#[test]
fn case_w26_hostile_last_messages() {
    let signature = BASE64.encode(&[0; 32]);
    let malformed = |field| SaslError::Malformed { field };
    for (message, error) in [
        (format!("v={signature}"), SaslError::WrongServerSignature),
        ("v=".into(), SaslError::WrongServerSignature),
        ("v=?".into(), malformed("signature")),
        ("x=1".into(), malformed("signature")),
        (std::string::String::new(), malformed("signature")),
    ] {
        let mut exchange = proved(AuthMechanism::ScramSha256);
        assert_eq!(exchange.challenge(message.as_bytes()), Err(error), "{message}");
        assert!(exchange.succeed().is_err());
    }
    // What refuses is answered, so that the final reply comes.
    let mut exchange = proved(AuthMechanism::ScramSha256);
    assert_eq!(exchange.challenge(b"e=invalid-proof"), Ok(Step::Respond(Response::default())));
    assert_eq!(exchange.succeed(), Err(SaslError::NoServerSignature));
    let mut exchange = proved(AuthMechanism::ScramSha256);
    let _ = exchange.challenge(b"e=invalid-proof").unwrap();
    assert_eq!(exchange.challenge(b""), Err(SaslError::UnexpectedChallenge));
    // A yes without the signature, or before it.
    for mut exchange in [begun(AuthMechanism::ScramSha1), proved(AuthMechanism::ScramSha1)] {
        assert_eq!(exchange.succeed(), Err(SaslError::NoServerSignature));
    }
}

#[test]
fn a_password_that_cannot_be_prepared() {
    let mut exchange = begun(AuthMechanism::ScramSha256);
    let message = format!("r={}x,s=QQ==,i=4096", BASE64.encode(&[3; NONCE]));
    let _ = exchange.challenge(message.as_bytes()).unwrap();
    assert_eq!(exchange.secret(&"\u{7}".into()), Err(SaslError::Prohibited { field: "password" }));
    let mut exchange = Exchange::unchecked(AuthMechanism::ScramSha256, "\u{7}", "", [3; NONCE]);
    assert_eq!(exchange.start(), Err(SaslError::Prohibited { field: "user name" }));
}

/// The examples of RFC 4013 section 3.
#[test]
fn saslprep() {
    let prepared =
        |text: &str| super::super::prep::prepare("password", text).map(alloc::borrow::Cow::into_owned);
    assert_eq!(prepared("user"), Ok("user".into()));
    assert_eq!(prepared("USER"), Ok("USER".into()));
    for prohibited in ["", "\x07", "\u{7}\u{e4}", "\u{627}1"] {
        assert_eq!(prepared(prohibited), Err(SaslError::Prohibited { field: "password" }), "{prohibited:?}");
    }
    #[cfg(feature = "saslprep")]
    for (text, expected) in [("I\u{ad}X", "IX"), ("\u{aa}", "a"), ("\u{2168}", "IX"), ("a\u{a0}b", "a b")] {
        assert_eq!(prepared(text), Ok(expected.into()));
    }
    #[cfg(feature = "saslprep")]
    assert!(prepared("\u{ad}").is_err(), "nothing is left");
}
