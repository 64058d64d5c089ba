//! AUTH on the wire (RFC 4954): transcripts of every mechanism but SCRAM, good and hostile.

use data_encoding::BASE64;
use smtp_proto::AuthMechanism;
use smtp_proto::client::{AuthError, AuthRefusal};
use smtp_proto::sasl::Credentials;

use crate::script::{Setup, check};
use crate::wire::{after_hello, hello};

pub(crate) fn login() -> Setup {
    Setup { messages: vec![], ..Setup::idle().login() }
}

pub(crate) fn with(credentials: Credentials) -> Setup {
    Setup { credentials: Some(credentials), ..login() }
}

#[track_caller]
fn auth(setup: &Setup, script: &str, told: &str) {
    after_hello(setup, &["AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER EXTERNAL"], script, &format!("ready\n{told}"));
}

const PLAIN: &str = "C: AUTH PLAIN AHVzZXIAc2VjcmV0\n";

#[test]
fn case_w24_refusals() {
    auth(&login(), &format!("{PLAIN}S: 235 ok"), "authenticated: 235 ok\nopen, reusable");
    for (reply, what, refusal) in [
        ("535 5.7.8 no", "refused the credentials", AuthRefusal::Credentials),
        ("534 weak", "does not take this way of logging in", AuthRefusal::TooWeak),
        ("538 encrypt", "wants encryption for this AUTH mechanism", AuthRefusal::NeedsEncryption),
        ("432 once", "wants one login with PLAIN first", AuthRefusal::NeedsTransition),
        ("454 later", "refused AUTH for now", AuthRefusal::Temporary),
        ("530 no", "refused AUTH", AuthRefusal::Permanent),
    ] {
        let told = format!("not authenticated: the server {what}: {reply}\nopen, reusable");
        auth(&login(), &format!("{PLAIN}S: {reply}"), &told);
        let reply = smtp_proto::reply::ReplyParser::new(smtp_proto::reply::ReplyLimits::default())
            .parse(&mut format!("{reply}\r\n").as_bytes());
        let error = AuthError::Refused(reply.unwrap().unwrap());
        assert_eq!(error.refusal(), Some(refusal));
        assert_eq!(error.is_temporary(), refusal == AuthRefusal::Temporary);
    }
    assert_eq!(AuthError::Aborted.refusal(), None);
    auth(
        &login(),
        &format!("{PLAIN}S: 421 bye"),
        "not authenticated: the server refused AUTH for now: 421 bye\nclosed: the server refused at AUTH: 421 bye",
    );
}

#[test]
fn what_a_server_repeats_is_not_shown() {
    let told = |reply: &str| format!("not authenticated: the server refused AUTH: {reply}\nopen, reusable");
    let echo = format!("{PLAIN}S: 500 5.5.1 unknown: AUTH PLAIN AHVzZXIAc2VjcmV0");
    auth(&login(), &echo, &told("500 ****"));
    auth(&login(), &format!("{PLAIN}S: 500-what is\nS: 500 AHVzZXIAc2V..."), &told("500 ****"));
    auth(&login(), &format!("{PLAIN}S: 500 AUTH PLAIN AHVz..."), &told("500 AUTH PLAIN AHVz..."));
}

/// A server whose lines are shorter than ours takes what is left of one for a command, and says so.
#[test]
fn nor_is_it_in_a_second_reply() {
    let script = format!("{PLAIN}S: 500 5.5.6 line too long\n");
    let refused = "not authenticated: the server refused AUTH: 500 5.5.6 line too long\nclosed";
    let broke = format!("{refused}: the server broke the protocol");
    let unsolicited = "a reply that answers nothing came while nothing was going on";
    for second in ["500 unknown: AHVzZXIAc2VjcmV0", "500 unknown: VjcmV0"] {
        let told = format!("{broke}: {unsolicited}: 500 ****");
        auth(&login(), &format!("{script}S: {second}"), &told);
    }
    auth(&login(), &format!("{script}S: AHVzZXIAc2VjcmV0"), &format!("{broke}: not a reply line: \"****\""));
    let bye = format!("{refused}: the server refused while nothing was going on: 421");
    auth(&login(), &format!("{script}S: 421 bye"), &format!("{bye} bye"));
    auth(&login(), &format!("{script}S: 421 AHVzZXIAc2VjcmV0"), &format!("{bye} ****"));
    // It may seem to answer the next command; traces are looked at by `check`.
    auth(&login(), &format!("{script}!quit\nC: QUIT\nS: 500 what is AHVzZXIAc2VjcmV0"), refused);
    let shortest = with(Credentials::new("u", "p").unwrap().only(AuthMechanism::Login).unwrap());
    let told = format!("{broke}: {unsolicited}: 500 ****");
    let script = "C: AUTH LOGIN\nS: 334 \nC: dQ==\nS: 334 \nC: c2VjcmV0\nS: 500 5.5.6 line too long\n";
    auth(&shortest, &format!("{script}S: 500 what is c2VjcmV0"), &told);
}

#[test]
fn once_is_enough() {
    let misuse = "misuse: AUTH has succeeded before, and is not allowed twice";
    let told = format!("authenticated: 235 ok\n{misuse}\nopen, reusable");
    auth(&login(), &format!("{PLAIN}S: 235 ok\n!auth"), &told);
    // After a refusal it can be tried again.
    let told = "not authenticated: the server refused the credentials: 535 no\nauthenticated: 235 ok";
    let script = format!("{PLAIN}S: 535 no\n!auth\n{PLAIN}S: 235 ok");
    auth(&login(), &script, &format!("{told}\nopen, reusable"));
}

#[test]
fn case_w24_challenges() {
    let broken = "not authenticated: AUTH failed: the server sent a broken challenge\nopen, reusable";
    for challenge in ["S: 334 ???", "S: 334-QQ==\nS: 334 QQ=="] {
        auth(&login(), &format!("{PLAIN}{challenge}\nC: *\nS: 501 cancelled"), broken);
    }
    // A mechanism that has said all there is to say.
    let unexpected = "not authenticated: AUTH failed: the server sent a challenge where there is none";
    for challenge in ["QQ==", ""] {
        let script = format!("{PLAIN}S: 334 {challenge}\nC: *\n");
        auth(&login(), &format!("{script}S: 501 cancelled"), &format!("{unexpected}\nopen, reusable"));
        let after = "closed: the server broke the protocol: a challenge came after AUTH was cancelled";
        auth(&login(), &format!("{script}S: 334 "), after);
        let yes = "closed: the server broke the protocol: a reply that makes no sense came at AUTH: 235 ok";
        auth(&login(), &format!("{script}S: 235 ok"), yes);
    }
}

#[test]
fn case_w24_login_and_its_prompts() {
    let asked = |prompt: &str, end: &str| {
        format!("C: AUTH LOGIN\nS: 334 {prompt}\nC: dXNlcg==\nS: 334 {prompt}\n{end}")
    };
    let only = |setup: &Setup, script: &str, told: &str| {
        check(setup, &(hello(&["AUTH LOGIN"]) + script), &format!("ready\n{told}"));
    };
    for prompt in ["VXNlcm5hbWU6", "", "eA=="] {
        let script = asked(prompt, "C: c2VjcmV0\nS: 235 ok");
        only(&login(), &script, "authenticated: 235 ok\nopen, reusable");
    }
    // It goes on for ever.
    only(
        &login(),
        &asked("", "C: c2VjcmV0\nS: 334 \nC: *\nS: 501 ok"),
        "not authenticated: AUTH failed: the server sent a challenge where there is none\nopen, reusable",
    );
    let keeps = Setup { keep_secret: true, ..login() };
    only(
        &keeps,
        &asked("", "!respond\nC: c2VjcmV0\nS: 235 ok"),
        "secret wanted\nauthenticated: 235 ok\nopen, reusable",
    );
    only(
        &keeps,
        &asked("", "!abort\nC: *\nS: 501 cancelled"),
        "secret wanted\nnot authenticated: AUTH was given up\nopen, reusable",
    );
    // A yes before it has heard the password.
    let early = "C: AUTH LOGIN\nS: 334 \nC: dXNlcg==\nS: 235 ok";
    let told = "the server said yes before it had heard the secret";
    let told =
        format!("not authenticated: AUTH failed: {told}\nclosed: the server broke the protocol: {told}");
    only(&login(), early, &told);
    // What comes while nothing is asked answers nothing.
    let error = "closed: the server broke the protocol: a reply that answers nothing came at AUTH: 334 ****";
    only(&keeps, &asked("", "S: 334 c2VjcmV0"), &format!("secret wanted\n{error}"));
    let error = "closed: the server broke the protocol: not a reply line: \"****\"";
    only(&keeps, "C: AUTH LOGIN\nS: 33 c2VjcmV0", error);
}

#[test]
fn nothing_is_sent_before_the_secret_is_there() {
    let keeps = Setup { keep_secret: true, ..login() };
    auth(&keeps, "", "secret wanted\nopen");
    auth(
        &keeps,
        &format!("!respond\n{PLAIN}S: 235 ok"),
        "secret wanted\nauthenticated: 235 ok\nopen, reusable",
    );
    auth(&keeps, "!abort", "secret wanted\nnot authenticated: AUTH was given up\nopen, reusable");
    // It can be tried again.
    auth(
        &keeps,
        &format!("!abort\n!auth\n!respond\n{PLAIN}S: 235 ok"),
        "secret wanted\nnot authenticated: AUTH was given up\nsecret wanted\nauthenticated: 235 ok\nopen, reusable",
    );
}

#[test]
fn what_cannot_be_used() {
    after_hello(&login(), &["AUTH GSSAPI"], "", "ready\nno mechanism\nopen, reusable");
    let mut strict = login();
    strict.config.allow_insecure_auth = false;
    let misuse = "ready\nmisuse: credentials are not sent without verified TLS\nopen, reusable";
    after_hello(&strict, &["AUTH PLAIN"], "", misuse);
}

/// `AUTH PLAIN `, 496 characters and CRLF are 509 bytes; with four more there are too many.
#[test]
fn case_w24_long_initial_responses() {
    let setup = |length: usize| with(Credentials::new("u".repeat(length - 8), "secret").unwrap());
    let line = |length: usize| BASE64.encode(format!("\0{}\0secret", "u".repeat(length - 8)).as_bytes());
    let ok = "authenticated: 235 ok\nopen, reusable";
    auth(&setup(372), &format!("C: AUTH PLAIN {}\nS: 235 ok", line(372)), ok);
    auth(&setup(373), &format!("C: AUTH PLAIN\nS: 334 \nC: {}\nS: 235 ok", line(373)), ok);
    // It is not for that challenge.
    auth(
        &setup(373),
        "C: AUTH PLAIN\nS: 334 eA==\nC: *\nS: 501 ok",
        "not authenticated: AUTH failed: the server sent a broken challenge\nopen, reusable",
    );
    let told = "the server said yes before it had heard the secret";
    let told =
        format!("not authenticated: AUTH failed: {told}\nclosed: the server broke the protocol: {told}");
    auth(&setup(373), "C: AUTH PLAIN\nS: 235 ok", &told);
}

#[test]
fn case_w25_tokens() {
    let token = Credentials::token("user@example.com", "secret").unwrap();
    let bearer = BASE64.encode(b"n,a=user@example.com,\x01auth=Bearer secret\x01\x01");
    auth(
        &with(token.clone()),
        &format!("C: AUTH OAUTHBEARER {bearer}\nS: 235 ok"),
        "authenticated: 235 ok\nopen, reusable",
    );
    let json = BASE64.encode(br#"{"status":"invalid_token","schemes":"bearer"}"#);
    let told =
        "not authenticated: the server refused the token (invalid_token): 535 5.7.8 no\nopen, reusable";
    auth(
        &with(token.clone()),
        &format!("C: AUTH OAUTHBEARER {bearer}\nS: 334 {json}\nC: AQ==\nS: 535 5.7.8 no"),
        told,
    );
    let xoauth2 = with(token.only(AuthMechanism::XOAuth2).unwrap());
    let first = BASE64.encode(b"user=user@example.com\x01auth=Bearer secret\x01\x01");
    auth(&xoauth2, &format!("C: AUTH XOAUTH2 {first}\nS: 334 {json}\nC:\nS: 535 5.7.8 no"), told);
    // The JSON says what is wrong, whatever code comes behind it.
    auth(
        &xoauth2,
        &format!("C: AUTH XOAUTH2 {first}\nS: 334 {json}\nC:\nS: 501 no"),
        "not authenticated: the server refused the token (invalid_token): 501 no\nopen, reusable",
    );
    auth(
        &xoauth2,
        &format!("C: AUTH XOAUTH2 {first}\nS: 535 5.7.8 no"),
        "not authenticated: the server refused the credentials: 535 5.7.8 no\nopen, reusable",
    );
    auth(
        &xoauth2,
        &format!("C: AUTH XOAUTH2 {first}\nS: 334 {json}\nC:\nS: 334 {json}\nC: *\nS: 501 ok"),
        "not authenticated: AUTH failed: the server sent a challenge where there is none\nopen, reusable",
    );
}

#[test]
fn external_says_who_or_nothing() {
    let ok = "authenticated: 235 ok\nopen, reusable";
    auth(&with(Credentials::external()), "C: AUTH EXTERNAL =\nS: 235 ok", ok);
    let acting = Credentials::external().acting_as("fred").unwrap();
    auth(&with(acting), "C: AUTH EXTERNAL ZnJlZA==\nS: 235 ok", ok);
}
