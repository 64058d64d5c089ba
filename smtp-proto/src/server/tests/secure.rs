//! Transcripts with TLS and AUTH.

use super::*;

fn starttls() -> Config {
    let mut config = config();
    config.extensions = vec![Extension::EnhancedStatusCodes];
    config.tls = Tls::StartTls(Arc::new(Glass));
    config
}

fn implicit() -> Config {
    let mut config = starttls();
    config.tls = Tls::Implicit(Arc::new(Glass));
    config
}

fn open() -> Config {
    let mut config = config();
    config.extensions.clear();
    config.allow_auth_without_tls = true;
    config
}

const OPEN: &str = "
    S: 220 mx.test ESMTP
    C: EHLO client.test
    S: 250-mx.test
    S: 250 AUTH PLAIN LOGIN
    E: Hello client.test true
";

#[track_caller]
fn check_auth(script: &str) {
    check(open(), &format!("{OPEN}{script}"));
}

#[test]
fn starttls_then_all_is_forgotten() {
    let mut config = starttls();
    config.require_tls = true;
    config.require_auth = true;
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test
        S: 250-ENHANCEDSTATUSCODES
        S: 250 STARTTLS
        E: Hello client.test true
        C: MAIL FROM:<a@client.test>
        C: AUTH PLAIN AGEAYg==
        S: 530 5.7.0 STARTTLS first
        S: 530 5.7.0 STARTTLS first
        C: STARTTLS
        S: 220 2.0.0 go ahead
        C: <hello>
        S: <welcome>
        E: TlsStarted Glass
        C: AUTH PLAIN AGEAYg==
        S: 503 5.5.1 EHLO first
        C: EHLO client.test
        S: 250-mx.test
        S: 250-ENHANCEDSTATUSCODES
        S: 250 AUTH PLAIN LOGIN
        E: Hello client.test true
        C: STARTTLS
        S: 502 5.5.1 not implemented
        C: MAIL FROM:<a@client.test>
        S: 530 5.7.0 AUTH first
        C: AUTH PLAIN AGEAYg==
        S: 235 2.7.0 authenticated
        E: Auth PLAIN a b
        C: AUTH PLAIN AGEAYg==
        S: 503 5.5.1 authenticated already
        C: MAIL FROM:<a@client.test> AUTH=<>
        S: 250 2.1.0 sender accepted
        E: Mail <a@client.test> AUTH=<>
        C: AUTH PLAIN AGEAYg==
        S: 503 5.5.1 authenticated already
        C: QUIT
        S: 221 2.0.0 bye
        S: <close>
        E: Quit
        Z: Ok
    ",
    );
}

#[test]
fn implicit_tls_greets_after_the_handshake() {
    check(
        implicit(),
        "
        C: <hello>
        S: <welcome>
        S: 220 mx.test ESMTP
        E: TlsStarted Glass
        C: HELO a
        C: <close>
        S: 250 mx.test
        S: <close>
        E: Hello a false
        Z: Disconnected
    ",
    );
}

#[test]
fn what_is_not_tls_is_answered_by_an_alert() {
    check(
        implicit(),
        "
        C: EHLO client.test
        S: <alert>
        S: <close>
        Z: Tls(NotTls)
    ",
    );
    check(
        implicit(),
        "
        T: 60
        S: <close>
        Z: Timeout
    ",
    );
    check(
        implicit(),
        "
        C- <hel
        EOF
        S: <close>
        Z: Disconnected
    ",
    );
}

/// All that the server says to `input`, and how it ends.
fn outcome(pieces: &[&[u8]], written_between: bool) -> (String, Option<Result<(), ServerError>>) {
    let now = Instant::ZERO;
    let mut run = Run {
        server: Server::new(Arc::new(starttls()), now),
        now,
        said: String::new(),
        events: Vec::new(),
        answers: VecDeque::new(),
        end: None,
    };
    for piece in pieces {
        run.server.handle_input(now, piece);
        if written_between {
            run.pump();
        } else {
            // The reply is handed out but not written when the next piece comes.
            let _ = run.server.poll(now, &mut Output::new());
        }
    }
    run.pump();
    (run.said, run.end)
}

#[test]
fn case_w1_plain_text_behind_starttls_is_an_attack() {
    let early = || Some(Err(ServerError::EarlyInput { after: "STARTTLS" }));
    let (said, end) = outcome(&[b"STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@x.test>\r\n"], true);
    assert_eq!(said, "220 mx.test ESMTP\r\n421 4.7.0 nothing may follow STARTTLS, closing\r\n");
    assert_eq!(end, early());
    assert_eq!(outcome(&[b"STARTTLS\r\n", b"EHLO evil.test\r\n"], false).1, early());
    assert_eq!(outcome(&[b"STARTTLS\r\n", b"<hello>\r\n"], false).1, early());
    // Behind a 220 that was written it is for TLS to make sense of.
    let (said, end) = outcome(&[b"STARTTLS\r\n", b"EHLO evil.test\r\n"], true);
    assert!(said.ends_with("220 2.0.0 go ahead\r\n<alert>\r\n<close>\r\n"), "{said}");
    assert_eq!(end, Some(Err(ServerError::Tls(TlsError::NotTls))));
}

#[test]
fn starttls_is_not_for_the_middle_of_a_message() {
    check(
        starttls(),
        "
        S: 220 mx.test ESMTP
        C: HELO a
        C: MAIL FROM:<>
        C: STARTTLS
        S: 250 mx.test
        S: 250 2.1.0 sender accepted
        S: 503 5.5.1 not within a transaction
        E: Hello a false
        E: Mail <>
    ",
    );
}

#[test]
fn auth_plain() {
    check_auth(
        "
        C: AUTH PLAIN ADEAMg==
        S: 535 credentials are not right
        E: Auth PLAIN 1 2 -> refuse
        C: auth plain
        S: 334 
        C: dTAAdTEAcDo=
        S: 235 authenticated
        E: Auth PLAIN u1 p: for u0
    ",
    );
}

#[test]
fn auth_login() {
    check_auth(
        "
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: am9l
        S: 334 UGFzc3dvcmQ6
        C: cGFzcw==
        S: 454 cannot check credentials now
        E: Auth LOGIN joe pass -> defer
        C: AUTH LOGIN am9l
        S: 334 UGFzc3dvcmQ6
        C: cGFzcw==
        S: 235 authenticated
        E: Auth LOGIN joe pass
    ",
    );
}

#[test]
fn the_embedder_speaks_what_is_not_implemented() {
    let mut config = starttls();
    config.tls = Tls::None;
    config.allow_auth_without_tls = true;
    config.limits.auth_attempts = 9;
    config.auth = vec![AuthMechanism::ScramSha256, AuthMechanism::XOAuth2, AuthMechanism::CramMd5];
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO a
        S: 250-mx.test
        S: 250-ENHANCEDSTATUSCODES
        S: 250 AUTH SCRAM-SHA-256 XOAUTH2 CRAM-MD5
        E: Hello a true
        C: AUTH PLAIN ADEAMg==
        S: 504 5.5.4 no such mechanism
        C: AUTH SCRAM-SHA-256 YQ==
        S: 334 Yg==
        E: AuthMessage SCRAM-SHA-256 0 a -> 334 b
        C: Yw==
        S: 334 ZA==
        E: AuthMessage SCRAM-SHA-256 1 c -> 334 d
        C:
        S: 535 5.7.8 credentials are not right
        E: AuthMessage SCRAM-SHA-256 2  -> refuse
        C: AUTH XOAUTH2
        S: 334 
        C: YQ==
        S: 454 4.7.0 cannot check credentials now
        E: AuthMessage XOAUTH2 0 a -> defer
        C: AUTH XOAUTH2 =
        S: 334 Yg==
        E: AuthMessage XOAUTH2 0  -> 334 b
        C: *
        S: 501 5.7.0 cancelled
        C: AUTH XOAUTH2 YQ
        S: 501 5.5.2 not base64
        C: AUTH CRAM-MD5
        S: 334 Yg==
        E: AuthMessage CRAM-MD5 0 nothing -> 334 b
        C: Yw==
        S: 235 2.7.0 authenticated
        E: AuthMessage CRAM-MD5 1 c
        C: AUTH XOAUTH2 YQ==
        S: 503 5.5.1 authenticated already
    ",
    );
}

#[test]
fn case_w24_not_now_is_no_failed_attempt() {
    check_auth(
        "
        C: AUTH PLAIN ADEAMg==
        S: 454 cannot check credentials now
        E: Auth PLAIN 1 2 -> defer
        C: AUTH PLAIN ADEAMg==
        S: 454 cannot check credentials now
        E: Auth PLAIN 1 2 -> defer
        C: AUTH PLAIN ADEAMg==
        S: 454 cannot check credentials now
        E: Auth PLAIN 1 2 -> defer
        C: AUTH PLAIN ADEAMg==
        S: 235 authenticated
        E: Auth PLAIN 1 2
    ",
    );
}

#[test]
fn no_password_is_malformed() {
    check_auth(
        "
        C: AUTH LOGIN am9l
        S: 334 UGFzc3dvcmQ6
        C:
        S: 501 not a password
        C: AUTH PLAIN ADEA
        S: 501 not a PLAIN response
    ",
    );
}

#[test]
fn the_auth_parameter_is_only_where_auth_is_offered() {
    check(
        config(),
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test
        S: 250-PIPELINING
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250 SIZE 67108864
        E: Hello client.test true
        C: MAIL FROM:<> AUTH=<>
        S: 555 5.5.4 no such parameter
    ",
    );
}

#[test]
fn case_w24_auth_that_makes_no_sense() {
    check_auth(
        "
        C: AUTH PLAIN
        S: 334 
        C: *
        S: 501 cancelled
        C: AUTH X-UNKNOWN
        S: 504 no such mechanism
        C: AUTH
        S: 501 syntax: AUTH mechanism [initial-response]
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: not base64!
        S: 501 not base64 of text
        C: AUTH PLAIN =
        S: 501 not a PLAIN response
        S: 421 too many failed attempts, closing
        Z: TooManyAuthAttempts
    ",
    );
    let long = "A".repeat(12 << 10);
    let mut config = open();
    config.limits.auth_line = 64;
    let long = &long[..100];
    check(
        config,
        &format!(
            "{OPEN}
        C: AUTH PLAIN {long}
        S: 500 line too long
        C: AUTH PLAIN
        S: 334 
        C: {long}
        S: 500 line too long
        C: AUTH PLAIN AP8A
        S: 501 not base64 of text
    "
        ),
    );
}

#[test]
fn passwords_need_tls() {
    let mut config = starttls();
    config.tls = Tls::None;
    check(
        config.clone(),
        "
        S: 220 mx.test ESMTP
        C: EHLO a
        S: 250-mx.test
        S: 250 ENHANCEDSTATUSCODES
        E: Hello a true
        C: AUTH PLAIN ADEAMg==
        S: 538 5.7.11 not without TLS
    ",
    );
    config.auth.clear();
    config.allow_auth_without_tls = true;
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO a
        S: 250-mx.test
        S: 250 ENHANCEDSTATUSCODES
        E: Hello a true
        C: AUTH PLAIN ADEAMg==
        S: 502 5.5.1 not implemented
    ",
    );
}

#[test]
fn debug_shows_no_secret() {
    let credentials = Credentials {
        mechanism: AuthMechanism::Plain,
        authorization: None,
        identity: "joe".into(),
        password: Secret::new("hunter2"),
    };
    let text = format!("{:?} {:?}", Event::Auth(credentials), Event::Body(Bytes::from_static(b"dear")));
    assert!(!text.contains("hunter2") && !text.contains("dear"), "{text}");
}

/// The real thing, with the acceptor and the connector of this crate.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#[test]
fn starttls_with_rustls() {
    use crate::tls::TlsConnector;
    use crate::tls::rustls::{RustlsAcceptor, RustlsConnector, default_provider};
    use ::rustls::pki_types::PrivateKeyDer;
    use ::rustls::time_provider::DefaultTimeProvider;

    let made = rcgen::generate_simple_self_signed(vec!["mx.test".to_string()]).unwrap();
    let mut roots = ::rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let acceptor = RustlsAcceptor::with_certificate(
        default_provider(),
        vec![made.cert.der().clone()],
        PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        Arc::new(DefaultTimeProvider),
    )
    .unwrap();
    let connector =
        RustlsConnector::with_roots(default_provider(), roots, Arc::new(DefaultTimeProvider)).unwrap();
    let mut config = starttls();
    config.tls = Tls::StartTls(Arc::new(acceptor));

    let now = Instant::ZERO;
    let mut server = Server::new(Arc::new(config), now);
    let mut client = connector.connect("mx.test").unwrap();
    let (mut plain, mut started, mut end) = (Vec::new(), None, None);
    let mut content = 0;
    let mut sent = VecDeque::from([
        b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\n".to_vec(),
        [&b"0123456789abcdef\r\n".repeat(20_000)[..], b".\r\nQUIT\r\n"].concat(),
    ]);
    let mut secure = false;
    server.handle_input(now, b"STARTTLS\r\n");
    let mut out = Output::new();
    while end.is_none() {
        match server.poll(now, &mut out) {
            Next::Event(event) => {
                match event {
                    Event::TlsStarted(info) => started = Some(info),
                    Event::Body(part) => content += part.len(),
                    _ => {}
                }
                server.respond(Response::accept());
            }
            Next::Wait if out.is_empty() => {
                secure = true;
                if !client.is_handshaking()
                    && let Some(bytes) = sent.pop_front()
                {
                    client.send(&bytes).unwrap();
                }
                let mut wire = Vec::new();
                client.take_ciphertext(&mut wire);
                assert!(!wire.is_empty(), "both sides wait for each other");
                for piece in wire.chunks(1000) {
                    server.handle_input(now, piece);
                }
            }
            Next::Wait => {
                let wire: Vec<u8> = out.parts(&[]).flatten().copied().collect();
                if secure {
                    client.receive(&wire, &mut plain).unwrap();
                }
                server.handle_written(now, wire.len());
                out.clear();
            }
            Next::Closed(result) => end = Some(result),
        }
    }
    assert_eq!(end, Some(Ok(())));
    assert_eq!(started, server.tls_info());
    assert_eq!(content, 18 * 20_000);
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.ends_with("250 2.0.0 message accepted\r\n221 2.0.0 bye\r\n"), "{plain}");
    assert!(client.peer_has_closed());
}
