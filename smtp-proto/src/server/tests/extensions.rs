//! Transcripts with parameters of MAIL and RCPT, limits, queries and XCLIENT.

use super::*;

fn all() -> Config {
    let mut config = config();
    config.extensions = vec![
        Extension::EnhancedStatusCodes,
        Extension::BinaryMime, // for nothing, without CHUNKING
        Extension::Dsn,
        Extension::MtPriority,
        Extension::DeliverBy,
        Extension::RequireTls,
        Extension::Limits,
    ];
    config.future_release = FutureRelease::new(600, "2026-12-01T00:00:00Z").ok();
    config.limits.deliver_by = Some(60);
    config.keywords.extend(Keyword::new("X-LOUD yes"));
    config.tls = Tls::StartTls(Arc::new(Glass));
    config
}

const ALL_LINES: &str = "
    S: 220 mx.test ESMTP
    C: EHLO client.test
    S: 250-mx.test
    S: 250-ENHANCEDSTATUSCODES
    S: 250-DSN
    S: 250-MT-PRIORITY
    S: 250-DELIVERBY 60
    S: 250-FUTURERELEASE 600 2026-12-01T00:00:00Z
    S: 250-LIMITS RCPTMAX=1000
    S: 250-STARTTLS
    S: 250 X-LOUD yes
    E: Hello client.test true
";

#[test]
fn parameters_are_handed_on() {
    check(
        all(),
        &format!(
            "{ALL_LINES}
        C: MAIL FROM:<> ret=hdrs ENVID=a+20b MT-PRIORITY=-3 BY=60;RT HOLDFOR=600
        C: RCPT TO:<b@mx.test> NOTIFY=delay,failure ORCPT=rfc822;c+2Bd@e.test
        C: RCPT TO:<c@mx.test> NOTIFY=SOMETIMES
        C: RCPT TO:<c@mx.test> SIZE=1
        S: 250 2.1.0 sender accepted
        S: 250 2.1.5 recipient accepted
        S: 501 5.5.4 bad parameter
        S: 555 5.5.4 no such parameter
        E: Mail <> RET=HDRS ENVID=a+20b MT-PRIORITY=-3 BY=60;RT HOLDFOR=600
        E: Rcpt <b@mx.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;c+2Bd@e.test
    "
        ),
    );
}

#[test]
fn times_keep_to_the_limits() {
    check(
        all(),
        &format!(
            "{ALL_LINES}
        C: MAIL FROM:<> BY=59;R
        C: MAIL FROM:<> HOLDFOR=601
        C: MAIL FROM:<> HOLDUNTIL=2026-12-01T00:00:01Z
        C: MAIL FROM:<> BY=-1;N HOLDUNTIL=2026-12-01T00:00:00Z
        S: 501 5.5.4 time out of range
        S: 501 5.5.4 time out of range
        S: 501 5.5.4 time out of range
        S: 250 2.1.0 sender accepted
        E: Mail <> BY=-1;N HOLDUNTIL=2026-12-01T00:00:00Z
    "
        ),
    );
}

#[test]
fn requiretls_is_for_tls() {
    let mut config = all();
    config.extensions = vec![Extension::RequireTls];
    config.future_release = None;
    config.keywords.clear();
    config.auth.clear();
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        C: MAIL FROM:<> REQUIRETLS
        S: 250-mx.test
        S: 250 STARTTLS
        S: 555 no such parameter
        E: Hello client.test true
        C: STARTTLS
        S: 220 go ahead
        C: <hello>
        S: <welcome>
        E: TlsStarted Glass
        C: EHLO client.test
        C: MAIL FROM:<> REQUIRETLS
        S: 250-mx.test
        S: 250 REQUIRETLS
        S: 250 sender accepted
        E: Hello client.test true
        E: Mail <> REQUIRETLS
    ",
    );
}

#[test]
fn limits_are_said_and_kept() {
    let mut config = config();
    config.extensions = vec![Extension::Limits];
    config.limits.mails = Some(2);
    config.limits.recipients = 2;
    config.limits.domains = Some(1);
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: EHLO client.test
        S: 250-mx.test
        S: 250 LIMITS MAILMAX=2 RCPTMAX=2 RCPTDOMAINMAX=1
        E: Hello client.test true
        C: MAIL FROM:<>
        C: MAIL FROM:<>
        C: RCPT TO:<a@mx.test>
        C: RCPT TO:<a@mx2.test>
        C: RCPT TO:<postmaster>
        C: RCPT TO:<b@mx.test>
        C: RSET
        C: MAIL FROM:<>
        C: RCPT TO:<a@mx2.test>
        C: RSET
        C: MAIL FROM:<>
        S: 550 5.7.1 no
        S: 250 sender accepted
        S: 250 recipient accepted
        S: 452 too many domains
        S: 250 recipient accepted
        S: 452 too many recipients
        S: 250 reset
        S: 250 sender accepted
        S: 250 recipient accepted
        S: 250 reset
        S: 452 too many messages on this connection
        E: Mail <> -> 550 5.7.1 no
        E: Mail <>
        E: Rcpt <a@mx.test>
        E: Rcpt <postmaster>
        E: Reset
        E: Mail <>
        E: Rcpt <a@mx2.test>
        E: Reset
    ",
    );
}

#[test]
fn queries_are_the_embedders() {
    check(
        config(),
        "
        S: 220 mx.test ESMTP
        C: VRFY somebody
        C: VRFY somebody
        C: EXPN list
        C: HELP MAIL
        C: HELP
        C: XCLIENT NAME=a
        S: 250 2.1.5 <somebody@mx.test>
        S: 550 5.1.1 no such user
        S: 250-2.1.5 <a@mx.test>
        S: 250 2.1.5 <b@mx.test>
        S: 214 2.0.0 see RFC 5321
        S: 451 4.3.0 not now
        S: 502 5.5.1 not implemented
        E: Query VRFY somebody -> 250 2.1.5 <somebody@mx.test>
        E: Query VRFY somebody -> refuse
        E: Query EXPN list -> 250 2.1.5 <a@mx.test> | <b@mx.test>
        E: Query HELP MAIL
        E: Query HELP -> defer
    ",
    );
}

#[test]
fn xclient_begins_anew() {
    let mut config = config();
    config.extensions = vec![Extension::XClient];
    config.allow_auth_without_tls = true;
    check(
        config,
        "
        S: 220 mx.test ESMTP
        C: XCLIENT NAME=client.test
        S: 502 not implemented
        C: EHLO proxy.test
        S: 250-mx.test
        S: 250-AUTH PLAIN LOGIN
        S: 250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
        E: Hello proxy.test true
        C: AUTH PLAIN AGEAYg==
        C: XCLIENT NAME=client.test ADDR=192.0.2.1
        C: XCLIENT NAME=client.test FOO=x
        C: XCLIENT NAME=client.test HELO=a+20b
        C: MAIL FROM:<>
        C: EHLO proxy.test
        C: MAIL FROM:<> AUTH=<>
        C: XCLIENT NAME=x
        S: 235 authenticated
        S: 550 not from you
        S: 501 syntax: XCLIENT name=value ...
        S: 220 mx.test ESMTP
        S: 503 EHLO first
        S: 250-mx.test
        S: 250-AUTH PLAIN LOGIN
        S: 250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
        S: 250 sender accepted
        S: 503 not within a transaction
        E: Auth PLAIN a b
        E: Query XCLIENT NAME=client.test ADDR=192.0.2.1 -> refuse
        E: Query XCLIENT NAME=client.test HELO=a+20b
        E: Hello proxy.test true
        E: Mail <> AUTH=<>
    ",
    );
}
