//! SASL exchanges against a server that says anything.
//!
//! An input is lines.  The first one sets things up: a letter for the mechanism (`p` PLAIN, `l` LOGIN, `x` XOAUTH2,
//! `b` OAUTHBEARER, `e` EXTERNAL, `c` CRAM-MD5, `1` `2` SCRAM with SHA-1 and SHA-256), `+` for the one that is bound, `o` if
//! a bound one is offered, `a` if it acts for somebody else, `u` and `z` for names and secrets that are not ASCII.  Every further line is a challenge, without base64; `!` alone is
//! the server's yes, and `?` alone a secret where none is wanted.  The nonce is always the same: in base64 24 times `A`.

use smtp_proto::sasl::{Credentials, Exchange, NONCE, SaslError, Step};
use smtp_proto::{AuthMechanism, Secret};

use crate::assert_printable;

const SECRET: &str = "tanstaaf*tanstaaf";

/// Runs the exchange and checks that it ends where it must, that a yes counts only where something was proved, and that
/// nothing shows the secret.
pub fn check(data: &[u8]) {
    let mut lines = data.split(|&b| b == b'\n');
    let flags = lines.next().unwrap_or_default();
    let has = |flag| flags.contains(&flag);
    let mechanism = match flags.first() {
        Some(b'l') => AuthMechanism::Login,
        Some(b'x') => AuthMechanism::XOAuth2,
        Some(b'b') => AuthMechanism::OAuthBearer,
        Some(b'e') => AuthMechanism::External,
        Some(b'c') => AuthMechanism::CramMd5,
        Some(b'1') if has(b'+') => AuthMechanism::ScramSha1Plus,
        Some(b'!') => AuthMechanism::ScramSha1Plus,
        Some(b'1') => AuthMechanism::ScramSha1,
        Some(b'2') if has(b'+') => AuthMechanism::ScramSha256Plus,
        Some(b'2') => AuthMechanism::ScramSha256,
        _ => AuthMechanism::Plain,
    };
    // Of the second Roman numeral and the prohibited character SASLprep makes something else, or nothing.
    let (user, secret) = match (has(b'u'), has(b'z')) {
        (true, _) => ("\u{fc}ser", "tanstaaf*tanstaaf\u{2168}"),
        (_, true) => ("u=s,er", "\u{221}\u{fffd}"),
        _ => ("u=s,er", SECRET),
    };
    let mut exchange = if has(b'a') {
        let credentials = Credentials::new(user, secret).expect("credentials");
        match credentials.acting_as("boss").expect("a name").exchange(mechanism, [0; NONCE]) {
            Ok(exchange) => exchange,
            // Not with a password, or nobody to act for.
            Err(_) => return,
        }
    } else {
        Exchange::new(mechanism, user, [0; NONCE]).expect("a name")
    };
    assert_eq!(exchange.mechanism(), mechanism);
    if has(b'+') {
        exchange.bind([7; 32]);
    }
    exchange.server_offers_binding(has(b'o'));
    let (said, heard) = (Vec::new(), Vec::new());
    let mut run = Run { mechanism, exchange, secret: secret.into(), said, heard, over: false };
    let first = run.exchange.start();
    assert!(first.is_ok() || mechanism.is_bound() && !has(b'+'), "{mechanism}");
    run.step(first);
    let mut challenges = 0;
    for line in lines.take(10) {
        match line {
            b"!" => return run.succeed(),
            b"?" => {
                assert_eq!(run.exchange.secret(&run.secret), Err(SaslError::Secret), "nobody has asked");
                run.over = true;
            }
            line => {
                run.heard.push(line.to_vec());
                let step = run.exchange.challenge(line);
                run.step(step);
                challenges += 1;
            }
        }
        assert!(run.over || challenges <= 2, "it does not go on for ever");
    }
}

struct Run {
    mechanism: AuthMechanism,
    exchange: Exchange,
    secret: Secret,
    /// What the client has said.
    said: Vec<Vec<u8>>,
    /// What the server has said.
    heard: Vec<Vec<u8>>,
    over: bool,
}

impl Run {
    fn step(&mut self, step: Result<Step, SaslError>) {
        let refusal = self.exchange.token_refusal();
        let shown = format!("{step:?}{:?}{refusal:?}", self.exchange);
        if let Some(refusal) = refusal {
            assert_printable(refusal);
            let parts = [refusal.status(), refusal.scope()];
            assert!(parts.into_iter().flatten().all(|part| refusal.text().contains(part)));
        }
        assert!(!shown.contains(SECRET) && !shown.contains(char::is_control), "{shown}");
        assert!(!self.over || step.is_err(), "what is over goes on");
        match step {
            Ok(Step::Respond(response)) => self.said.push(response.to_vec()),
            Ok(Step::WantSecret) => match self.exchange.secret(&self.secret) {
                Ok(response) => self.said.push(response.to_vec()),
                Err(error) => {
                    assert!(!self.secret.expose().is_ascii() && !error.is_of_the_server(), "{error}");
                    return self.step(Err(error));
                }
            },
            Ok(Step::Wait) => assert!(self.said.is_empty(), "the server speaks first"),
            Err(error) => {
                assert_printable(&error);
                self.over = true;
            }
        }
        // SCRAM and CRAM-MD5 never say the password, unless the server's nonce is made of it.
        let proves = ["SCRAM", "CRAM"].iter().any(|start| self.mechanism.name().starts_with(start));
        let has_secret =
            |texts: &[Vec<u8>]| texts.iter().any(|text| contains(text, self.secret.expose().as_bytes()));
        assert!(!proves || !has_secret(&self.said) || has_secret(&self.heard));
    }

    fn succeed(mut self) {
        let refused = self.exchange.token_refusal().is_some();
        let succeeded = self.exchange.succeed();
        if let Err(error) = succeeded {
            return assert_printable(&error);
        }
        assert!(!self.over && !refused);
        let last = self.said.last().expect("something was said");
        match self.mechanism {
            AuthMechanism::External => {}
            AuthMechanism::CramMd5 => assert!(contains(last, b"er ")),
            name if name.name().starts_with("SCRAM") => {
                assert_eq!((self.said.len(), last.len()), (3, 0), "after the server's signature");
            }
            _ => assert!(contains(last, self.secret.expose().as_bytes())),
        }
        assert!(self.exchange.succeed().is_err(), "it is over");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
