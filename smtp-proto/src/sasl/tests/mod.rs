//! What each mechanism says to which challenge, which one is chosen, and credentials that are refused.

use super::*;
use crate::reply::{ReplyLimits, ReplyParser};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The responses of an exchange to these challenges; `secret` is given when it is asked for.
fn responses(exchange: &mut Exchange, secret: &str, challenges: &[&[u8]]) -> Vec<Vec<u8>> {
    let secret = Secret::new(secret);
    let mut said = Vec::new();
    let mut step = exchange.start().unwrap();
    for challenge in challenges.iter().map(Some).chain([None]) {
        match step {
            Step::Respond(response) => said.push(response.to_vec()),
            Step::WantSecret => said.push(exchange.secret(&secret).unwrap().to_vec()),
            Step::Wait => {}
        }
        let Some(challenge) = challenge else { break };
        step = exchange.challenge(challenge).unwrap();
    }
    said
}

fn exchange(mechanism: AuthMechanism) -> Exchange {
    Exchange::new(mechanism, "tim", [0; NONCE]).unwrap()
}

#[test]
fn responses_of_simple_mechanisms() {
    let mut plain = exchange(AuthMechanism::Plain);
    assert_eq!(responses(&mut plain, "tanstaaftanstaaf", &[]), [b"\0tim\0tanstaaftanstaaf"]); // RFC 4616 section 4
    assert_eq!(plain.challenge(b""), Err(SaslError::UnexpectedChallenge));

    let mut login = exchange(AuthMechanism::Login);
    let said = responses(&mut login, "secret", &[b"Username:", b"Password:"]);
    assert_eq!(said, [&b"tim"[..], b"secret"]);
    assert_eq!(login.succeed(), Ok(()));

    let mut external = Credentials::external().exchange(AuthMechanism::External, [0; NONCE]).unwrap();
    assert_eq!(responses(&mut external, "", &[]), [b""]);
    let acting = Credentials::external().acting_as("fred").unwrap();
    let mut external = acting.exchange(AuthMechanism::External, [0; NONCE]).unwrap();
    assert_eq!(responses(&mut external, "", &[]), [b"fred"]);
    let acting = Credentials::new("tim", "secret").unwrap().acting_as("fred").unwrap();
    let mut plain = acting.exchange(AuthMechanism::Plain, [0; NONCE]).unwrap();
    assert_eq!(responses(&mut plain, "secret", &[]), [b"fred\0tim\0secret"]);
}

#[test]
fn success_comes_after_the_secret() {
    for (mechanism, challenges) in [
        (AuthMechanism::Plain, 0),
        (AuthMechanism::Login, 0),
        (AuthMechanism::Login, 1),
        (AuthMechanism::XOAuth2, 0),
    ] {
        let mut early = exchange(mechanism);
        let _ = early.start().unwrap();
        (0..challenges).for_each(|_| _ = early.challenge(b"").unwrap());
        assert_eq!(early.succeed(), Err(SaslError::Premature), "{mechanism}");
        assert_eq!(early.challenge(b""), Err(SaslError::UnexpectedChallenge));
    }
}

#[test]
fn case_w25_tokens_and_why_they_are_refused() {
    // The form of RFC 7628 section 4.1, which has host and port as well.
    let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    let user = "us,er=@example.com";
    let mut bearer = Exchange::new(AuthMechanism::OAuthBearer, user, [0; NONCE]).unwrap();
    let json = br#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known"}"#;
    let said = responses(&mut bearer, token, &[json]);
    let first = format!("n,a=us=2Cer=3D@example.com,\x01auth=Bearer {token}\x01\x01");
    assert_eq!(said, [first.as_bytes(), b"\x01"]);
    let refusal = bearer.token_refusal().unwrap();
    assert_eq!((refusal.status(), refusal.scope()), (Some("invalid_token"), Some("example_scope")));
    assert_eq!(refusal.to_string(), "invalid_token");
    assert_eq!(bearer.succeed(), Err(SaslError::Premature), "after a refusal");

    let mut xoauth2 = Exchange::new(AuthMechanism::XOAuth2, user, [0; NONCE]).unwrap();
    let json = br#" {"schemes":"Bearer", "status" : 400, "scope":"https://mail.example.com/"}"#;
    let said = responses(&mut xoauth2, token, &[json]);
    assert_eq!(said, [format!("user={user}\x01auth=Bearer {token}\x01\x01").as_bytes(), b""]);
    assert_eq!(xoauth2.token_refusal().unwrap().status(), Some("400"));
    assert_eq!(xoauth2.challenge(b""), Err(SaslError::UnexpectedChallenge), "only once");

    for odd in [
        &b""[..],
        b"{",
        b"{}",
        b"no",
        b"{\"status\"",
        b"{\"status\":",
        b"{\"status\":\"",
        b"{\"a\":{}}",
        b"\xff{",
    ] {
        let mut exchange = exchange(AuthMechanism::XOAuth2);
        responses(&mut exchange, "t", &[odd]);
        assert_eq!(exchange.token_refusal().unwrap().status(), None, "{odd:?}");
        assert_eq!(format!("{:?}", exchange.token_refusal().unwrap()), "TokenRefusal(no status)");
    }
    // What repeats the token is not shown.
    let mut exchange = exchange(AuthMechanism::XOAuth2);
    let echo = format!("{{\"status\":\"no {token}\"}}");
    responses(&mut exchange, token, &[echo.as_bytes()]);
    assert_eq!(exchange.token_refusal().unwrap().to_string(), "no status");
}

#[test]
fn tokens_are_checked() {
    for token in ["", "a b", "a\x01b", "\u{e4}"] {
        assert!(Credentials::token("tim", token).is_err(), "{token:?}");
        let mut exchange = exchange(AuthMechanism::XOAuth2);
        let _ = exchange.start().unwrap();
        assert_eq!(exchange.secret(&token.into()), Err(SaslError::Secret), "{token:?}");
    }
}

#[cfg(feature = "cram-md5")]
#[test]
fn the_example_of_cram_md5() {
    // RFC 2195 section 2.
    let mut cram = exchange(AuthMechanism::CramMd5);
    let said = responses(&mut cram, "tanstaaftanstaaf", &[b"<1896.697170952@postoffice.reston.mci.net>"]);
    assert_eq!(said, [b"tim b913a602c7eda7a495b4e6e7334d3890"]);
}

#[test]
fn the_strongest_is_chosen() {
    let offer = |mechanisms: &str| {
        let reply = format!("250-mx\r\n250 AUTH {mechanisms}\r\n");
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut reply.as_bytes()).unwrap().unwrap();
        Extensions::parse(reply)
    };
    let all = offer(
        "EXTERNAL CRAM-MD5 LOGIN PLAIN XOAUTH2 OAUTHBEARER scram-sha-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS DIGEST-MD5",
    );
    assert_eq!(all.auth().collect::<Vec<_>>(), AuthMechanism::ALL);
    let password = Credentials::new("u", "p").unwrap();
    let token = Credentials::token("u", "t").unwrap();
    let has_scram = AuthMechanism::ScramSha1.is_supported();
    let scram = |mechanism| if has_scram { mechanism } else { AuthMechanism::Plain };
    assert_eq!(password.choose(&all, true), Some(scram(AuthMechanism::ScramSha256Plus)));
    assert_eq!(password.choose(&all, false), Some(scram(AuthMechanism::ScramSha256)));
    assert_eq!(token.choose(&all, true), Some(AuthMechanism::OAuthBearer));
    assert_eq!(Credentials::external().choose(&all, true), Some(AuthMechanism::External));
    assert_eq!(password.choose(&offer("LOGIN PLAIN"), true), Some(AuthMechanism::Plain));
    assert_eq!(password.choose(&offer("LOGIN CRAM-MD5"), true), Some(AuthMechanism::Login));
    assert_eq!(password.choose(&offer("CRAM-MD5 XOAUTH2 EXTERNAL"), true), None);
    assert_eq!(password.choose(&offer("SCRAM-SHA-256-PLUS"), false), None);
    // Only what is asked for, even if it is weaker, and nothing else.
    let login = password.clone().only(AuthMechanism::Login).unwrap();
    assert_eq!(login.choose(&all, true), Some(AuthMechanism::Login));
    assert_eq!(login.choose(&offer("PLAIN"), true), None);
    assert_eq!(password.clone().only(AuthMechanism::CramMd5).is_ok(), cfg!(feature = "cram-md5"));
    assert!(
        password.clone().only(AuthMechanism::XOAuth2).is_err() && token.only(AuthMechanism::Plain).is_err()
    );
    let acting = password.clone().acting_as("v").unwrap();
    assert_eq!(acting.choose(&offer("LOGIN"), true), None, "it cannot say for whom");
    let cannot = CredentialsError::CannotActAs { mechanism: AuthMechanism::Login };
    assert_eq!(acting.clone().only(AuthMechanism::Login).unwrap_err(), cannot);
    assert_eq!(login.clone().acting_as("v").unwrap_err(), cannot);
    // No exchange is for other credentials than it was made for.
    for (credentials, mechanism) in [
        (acting, AuthMechanism::Login),
        (Credentials::token("u", "t").unwrap(), AuthMechanism::Plain),
        (login, AuthMechanism::Plain),
        (password, AuthMechanism::OAuthBearer),
    ] {
        assert!(credentials.exchange(mechanism, [0; NONCE]).is_err(), "{mechanism}");
    }
    assert!(
        offer("SCRAM-SHA-512-PLUS PLAIN").offers_channel_binding()
            && !offer("PLAIN").offers_channel_binding()
    );
}

#[test]
fn credentials_are_checked_and_never_shown() {
    assert_eq!(Credentials::new("", "x").unwrap_err(), CredentialsError::Empty { field: "user name" });
    for bad in ["x\0y", "x\ry", "x\ny", "x\x7f"] {
        let error = CredentialsError::ControlCharacter { field: "password" };
        assert_eq!(Credentials::new("a", bad).unwrap_err(), error);
    }
    let shown = format!("{:?}", Credentials::new("a", "hunter2").unwrap());
    assert_eq!(shown, "Credentials(***)");
    let mut exchange = exchange(AuthMechanism::Login);
    assert_eq!(format!("{exchange:?}"), "Exchange { mechanism: Login, .. }");
    assert_eq!(exchange.secret(&"early".into()), Err(SaslError::Secret), "nobody has asked");
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod scram;
