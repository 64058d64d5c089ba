//! Logging in, in simulations: mechanisms that are chosen, tokens that are asked for and renewed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use smtp_driver::sim::{Sim, SimRuntime};
use smtp_driver::{Ask, ConfigError, Error, Mailer, MailerBuilder, Runtime, serve};
use smtp_proto::client::AuthError;
use smtp_proto::sasl::{AuthMechanism, Credentials, CredentialsError};
use smtp_proto::server::{self, Response, Server};

use crate::mailer::{HOST, certificate, message};

const REFUSAL: &[u8] = br#"{"status":"invalid_token"}"#;

/// What clients said in each exchange: the mechanism and the first message.
type Heard = Arc<Mutex<Vec<(AuthMechanism, Vec<u8>)>>>;

/// A server that takes tokens that end in `new`, and any password.
fn listen(sim: &Sim, mechanisms: &[AuthMechanism]) -> (MailerBuilder, Heard) {
    let (acceptor, authority) = certificate("Ours");
    let mut config = server::Config::new(HOST.parse::<smtp_proto::Domain>().unwrap());
    config.tls = server::Tls::Implicit(acceptor);
    config.require_auth = true;
    config.auth = mechanisms.to_vec();
    let (config, runtime, heard) = (Arc::new(config), sim.runtime(), Heard::default());
    let hears = Arc::clone(&heard);
    sim.listen(HOST, 465, move |transport| {
        let (runtime, config, hears) = (runtime.clone(), Arc::clone(&config), Arc::clone(&hears));
        async move {
            let server = Server::new(config, runtime.now());
            let ended = serve(&runtime, transport, server, |event| match event {
                server::Event::AuthMessage(message) => {
                    let said = message.response.as_deref().unwrap_or_default().to_vec();
                    let is_new = said.ends_with(b"new\x01\x01");
                    if message.round > 0 {
                        assert_eq!(
                            said,
                            *(if message.mechanism == AuthMechanism::XOAuth2 { &b""[..] } else { b"\x01" })
                        );
                        return Response::refuse();
                    }
                    hears.lock().unwrap().push((message.mechanism, said));
                    if is_new || message.mechanism == AuthMechanism::External {
                        Response::accept()
                    } else {
                        Response::challenge(REFUSAL)
                    }
                }
                server::Event::Auth(login) => {
                    let said = login.password.expose().as_bytes().to_vec();
                    hears.lock().unwrap().push((login.mechanism, said));
                    Response::accept()
                }
                _ => Response::accept(),
            });
            let _ = ended.await;
        }
    });
    (MailerBuilder::new(HOST).trust_only_pem(authority.as_bytes()).unwrap(), heard)
}

/// Sends one message; returns what came of it.
fn send(sim: &Sim, builder: MailerBuilder) -> Result<(), Error> {
    let mailer: Mailer<SimRuntime> = builder.build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let report = sim.block_on(mailer.send(&message))?;
    report.all_delivered().unwrap();
    Ok(())
}

fn is_token_refused(error: &Error) -> bool {
    matches!(error, Error::Auth { source, .. } if matches!(**source, AuthError::TokenRefused { .. }))
}

const BOTH: [AuthMechanism; 2] = [AuthMechanism::OAuthBearer, AuthMechanism::XOAuth2];

#[test]
fn case_w25_a_token_is_renewed_once() {
    for mechanism in BOTH {
        let sim = Sim::new(1);
        let (builder, heard) = listen(&sim, &BOTH);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let asks = Arc::clone(&asked);
        let builder = builder.auth(mechanism).credentials_from(move |ask| {
            let refused = match ask {
                Ask::AfterRefusal(refused) => refused.secret().map(|secret| secret.expose().to_owned()),
                _ => None,
            };
            asks.lock().unwrap().push(refused.clone());
            async move { Ok(Credentials::token("me", if refused.is_none() { "old" } else { "new" })?) }
        });
        send(&sim, builder).unwrap();
        assert_eq!(*asked.lock().unwrap(), [None, Some("old".to_owned())]);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 2);
        assert!(heard.iter().all(|(used, _)| *used == mechanism));
        assert!(heard[0].1.ends_with(b"auth=Bearer old\x01\x01") && heard[1].1.ends_with(b"new\x01\x01"));
    }
}

#[test]
fn case_w25_a_token_that_stays_refused() {
    let sim = Sim::new(1);
    let (builder, heard) = listen(&sim, &BOTH);
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let source = move |_| {
        asks.fetch_add(1, Ordering::Relaxed);
        async { Ok(Credentials::token("me", "old")?) }
    };
    let other = Arc::new(AtomicUsize::new(0));
    let others = move |_| {
        let number = other.fetch_add(1, Ordering::Relaxed);
        async move { Ok(Credentials::token("me", format!("old{number}"))?) }
    };
    let error = send(&sim, builder.credentials_from(others)).unwrap_err();
    assert!(is_token_refused(&error), "{error}");
    assert_eq!(heard.lock().unwrap().len(), 2, "once more, and no more");
    let (builder, heard) = listen(&sim, &BOTH);
    let error = send(&sim, builder.credentials_from(source)).unwrap_err();
    let Error::Auth { source, .. } = &error else { panic!("{error}") };
    let AuthError::TokenRefused { refusal, reply } = &**source else { panic!("{error}") };
    assert_eq!((refusal.status(), reply.code().get()), (Some("invalid_token"), 535));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(heard.lock().unwrap().len(), 1, "the same again is of no use");
    assert!(error.hint().is_some_and(|hint| hint.contains("token")));
    assert!(!format!("{error} {error:?}").contains("old"));
    // One that is given is not asked for again.
    let (builder, heard) = listen(&sim, &BOTH);
    let error = send(&sim, builder.token("me", "old")).unwrap_err();
    assert!(is_token_refused(&error), "{error}");
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn credentials_that_cannot_be_had() {
    let sim = Sim::new(1);
    let (builder, heard) = listen(&sim, &BOTH);
    let error =
        send(&sim, builder.credentials_from(|_| async { Err("the vault is shut".into()) })).unwrap_err();
    assert_eq!(error.to_string(), "there are no credentials to be had: the vault is shut");
    let (builder, _) = listen(&sim, &BOTH);
    let password = |_| async { Ok(Credentials::new("me", "right")?) };
    let error = send(&sim, builder.auth(AuthMechanism::XOAuth2).credentials_from(password)).unwrap_err();
    assert!(matches!(error, Error::Credentials(_)), "{error}");
    assert!(heard.lock().unwrap().is_empty() && sim.connections().is_empty(), "nobody was connected to");
}

#[test]
fn the_mechanism_that_is_named_or_none() {
    let offers = [AuthMechanism::Plain, AuthMechanism::Login, AuthMechanism::External];
    for (mechanism, expected) in
        [(None, AuthMechanism::Plain), (Some(AuthMechanism::Login), AuthMechanism::Login)]
    {
        let sim = Sim::new(1);
        let (builder, heard) = listen(&sim, &offers);
        let builder = builder.credentials("me", "right");
        send(&sim, mechanism.into_iter().fold(builder, MailerBuilder::auth)).unwrap();
        assert_eq!(*heard.lock().unwrap(), [(expected, b"right".to_vec())]);
    }
    let sim = Sim::new(1);
    let (builder, heard) = listen(&sim, &offers);
    send(&sim, builder.auth(AuthMechanism::External)).unwrap();
    assert_eq!(*heard.lock().unwrap(), [(AuthMechanism::External, Vec::new())]);
    // What is not offered is not replaced by something weaker.
    let sim = Sim::new(1);
    let (builder, heard) = listen(&sim, &offers);
    let error = send(&sim, builder.credentials("me", "right").auth(AuthMechanism::ScramSha256)).unwrap_err();
    assert!(matches!(error, Error::NoMechanism { .. }), "{error}");
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn what_does_not_go_together() {
    let build = |builder: MailerBuilder| builder.build(Sim::new(1).runtime()).unwrap_err();
    for builder in [
        MailerBuilder::new(HOST).auth(AuthMechanism::Plain),
        MailerBuilder::new(HOST).credentials("me", "right").auth(AuthMechanism::XOAuth2),
        MailerBuilder::new(HOST).token("me", "token").auth(AuthMechanism::Plain),
        MailerBuilder::from_url("smtps://me@mx.example").unwrap(),
    ] {
        let error = build(builder);
        use CredentialsError::{NoSecret, NotFor};
        assert!(matches!(error, ConfigError::Credentials(NotFor { .. } | NoSecret)), "{error}");
    }
    let token = MailerBuilder::new(HOST).dangerous_plaintext().token("me", "token");
    assert!(matches!(build(token), ConfigError::PlaintextCredentials));
}
