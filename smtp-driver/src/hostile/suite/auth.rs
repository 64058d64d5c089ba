//! Credentials, and servers that want them for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smtp_proto::client::AuthError;
use smtp_proto::sasl::Credentials;

use super::stage::{DELIVERED, Stage, TO, one_with, starttls, with_password};
use crate::conformance::Harness;
use crate::{Ask, Error};

/// Case W24: AUTH.
pub async fn w24<H: Harness>(harness: &H) {
    let broken = "error: AUTH failed: the server sent a broken challenge";
    one_with(harness, "auth-bad-base64", with_password, TO, &[broken]).await;
    one_with(harness, "auth-lines", with_password, TO, &[broken]).await;
    let forever = "error: AUTH failed: the server sent a challenge where there is none";
    one_with(harness, "auth-forever", with_password, TO, &[forever]).await;
    one_with(harness, "auth-empty-challenge", with_password, TO, &[DELIVERED]).await;
    let long = |builder| starttls(builder).credentials("u".repeat(400), "secret");
    one_with(harness, "auth-long", long, TO, &[DELIVERED]).await;
    for (name, code) in [("auth-454", 454), ("auth-535", 535), ("auth-534", 534), ("auth-538", 538)] {
        let stage = Stage::new(harness, name, with_password);
        match stage.try_send(TO).await.expect_err("no credentials were accepted") {
            Error::Auth { source: error, .. } => {
                assert_eq!(error.reply().map(|reply| reply.code().get()), Some(code));
                assert_eq!(error.is_temporary(), code == 454, "{name}");
            }
            error => panic!("{name}: {error}"),
        }
        stage.ends(1).await;
    }
}

/// Case W25: tokens that are refused.
pub async fn w25<H: Harness>(harness: &H) {
    for name in ["xoauth2-refused", "oauthbearer-refused"] {
        let stage = Stage::new(harness, name, |builder| starttls(builder).token("user", "token"));
        match stage.try_send(TO).await.expect_err("the token is refused") {
            Error::Auth { source, .. } => match *source {
                AuthError::TokenRefused { refusal, reply } => {
                    assert_eq!((refusal.status(), reply.code().get()), (Some("401"), 535));
                }
                error => panic!("{name}: {error}"),
            },
            error => panic!("{name}: {error}"),
        }
        stage.ends(1).await;
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = Arc::clone(&asked);
    let renewed = move |builder| {
        starttls(builder).credentials_from(move |ask| {
            let number = asks.fetch_add(1, Ordering::Relaxed);
            assert_eq!(matches!(ask, Ask::AfterRefusal(_)), number == 1);
            std::future::ready(Ok(Credentials::token("user", format!("token{number}")).expect("a token")))
        })
    };
    let stage = Stage::new(harness, "token-expired", renewed);
    stage.sends(TO, &[DELIVERED]).await;
    stage.ends(2).await;
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

/// Case W26: SCRAM with servers that do not know the password.
pub async fn w26<H: Harness>(harness: &H) {
    for (name, told) in [
        ("scram-iterations", "asks for 2147483648 iterations"),
        ("scram-few-iterations", "asks for 1 iterations"),
        ("scram-nonce", "nonce"),
        ("scram-signature", "its signature is wrong"),
        ("scram-no-signature", "missing or wrong signature"),
        ("scram-unproved", "has not proved"),
        ("scram-at-once", "has not proved"),
    ] {
        let stage = Stage::new(harness, name, with_password);
        let error = stage.try_send(TO).await.expect_err("the server has proved nothing");
        let Error::Auth { source, .. } = &error else { panic!("{name}: {error}") };
        assert!(matches!(**source, AuthError::Mechanism(_)), "{name}: {error}");
        assert!(error.to_string().contains(told), "{name}: {error}");
        stage.ends(1).await;
    }
    // The server refuses, and has proved nothing.
    let stage = Stage::new(harness, "scram-error", with_password);
    let error = stage.try_send(TO).await.expect_err("the server refuses");
    assert_eq!(error.reply().map(|reply| reply.code().get()), Some(535), "{error}");
    stage.ends(1).await;
}
