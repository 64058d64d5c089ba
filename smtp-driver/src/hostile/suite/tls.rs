//! STARTTLS and certificates.

use smtp_proto::client::{Error as SessionError, PeerMisbehaved};
use smtp_proto::tls::{CertificateError, TlsError, TlsPolicy};

use super::stage::{DELIVERED, Stage, TO, address, eight_bit, one_with, starttls, told, with_password};
use crate::conformance::Harness;
use crate::hostile::Case;
use crate::{Error, MailerBuilder};

/// Case W1: plain text behind the reply to STARTTLS.
pub async fn w1<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "starttls-injection", with_password);
    let error = stage.try_send(TO).await.expect_err("no TLS");
    let Error::Session { source, .. } = &error else { panic!("{error}") };
    let wrong: &[&str] = match **source {
        SessionError::PeerMisbehaved(PeerMisbehaved::DataAfterStartTls) => &[],
        // The network may have cut right behind the reply: the handshake has begun, and the rest is seen to be no TLS.
        SessionError::Tls(TlsError::NotTls) if harness.cuts() => {
            &["went on though plain text came behind the reply to STARTTLS"]
        }
        _ => panic!("{error}"),
    };
    stage.ends_with(1, wrong).await;
}

/// Case W2: what was offered before TLS is forgotten.
pub async fn w2<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "forgotten-extensions", starttls);
    for _ in 0..2 {
        // No parameters, a command at a time, no limits of size, recipients and messages.
        stage.sends(&["a@b.example", "b@b.example"], &["delivered: 250 2.0.0 for a@b.example"; 2]).await;
    }
    let why = "rejected: the message needs SMTPUTF8, and the server has none";
    stage.sends(&["\u{fc}@b.example", TO[0]], &[why, DELIVERED]).await;
    // What is 8-bit is sent as it is or not at all.
    let report = stage.mailer.send_to(None, vec![address(TO[0])], &eight_bit()).await;
    assert_eq!(told(report), ["rejected: the message has 8-bit content, and the server has no 8BITMIME"]);
    stage.ends(1).await;
    let stage = Stage::new(harness, "forgotten-extensions", with_password);
    stage.sends(TO, &["error: the server offers no AUTH"]).await;
    stage.ends(1).await;
}

/// Case W3: no STARTTLS, no mail.
pub async fn w3<H: Harness>(harness: &H) {
    let refused = |what: &str| format!("error: TLS is required, and the server refused at {what}");
    for (name, expected) in [
        ("starttls-not-offered", "error: TLS is required, and the server does not offer STARTTLS".to_owned()),
        ("starttls-454", refused("STARTTLS: 454 4.7.0 not now")),
        ("starttls-502", refused("STARTTLS: 502 5.5.1 what")),
        ("ehlo-502", refused("EHLO: 502 5.5.1 what")),
    ] {
        one_with(harness, name, with_password, TO, &[&expected]).await;
    }
}

/// Case W30: certificates that are not acceptable.
pub async fn w30<H: Harness>(harness: &H) {
    let long_name = |builder: MailerBuilder| {
        builder.tls_policy(TlsPolicy::verified().reference_name("mx.eu.hostile.example"))
    };
    for name in [
        "certificate-expired",
        "certificate-self-signed",
        "certificate-wrong-name",
        "certificate-cn-only",
        "certificate-wildcard",
        "certificate-unknown-ca",
    ] {
        let script = Case::named(name).expect("a case of this name").script();
        for script in [script.clone(), script.with_implicit_tls()] {
            let stage = Stage::with(harness, name, script.clone(), |builder| {
                let builder = if script.implicit { builder } else { starttls(builder) };
                let builder = builder.credentials("user", "secret");
                if name == "certificate-wildcard" { long_name(builder) } else { builder }
            });
            let error = stage.try_send(TO).await.expect_err("no TLS");
            let Error::Session { source, .. } = error else { panic!("{name}: {error}") };
            let SessionError::Tls(TlsError::Certificate(error)) = *source else {
                panic!("{name}: {source}");
            };
            let is_right = match name {
                "certificate-expired" => error == CertificateError::Expired,
                "certificate-wrong-name" | "certificate-cn-only" | "certificate-wildcard" => {
                    matches!(error, CertificateError::NameMismatch { .. })
                }
                _ => error == CertificateError::UnknownIssuer,
            };
            assert!(is_right, "{name}: {error}");
            stage.ends(1).await;
        }
    }
}

/// Case W31: TLS that ends without `close_notify`.
pub async fn w31<H: Harness>(harness: &H) {
    let lost = "ambiguous: the connection was lost after the end of the message";
    for (name, expected) in [("no-close-notify", "delivered: 250 2.0.0 queued"), ("tls-cut-off", lost)] {
        one_with(harness, name, starttls, TO, &[expected]).await;
        let script = Case::named(name).expect("a case of this name").script().with_implicit_tls();
        let stage = Stage::with(harness, name, script, |builder| builder);
        stage.sends(TO, &[expected]).await;
        stage.ends(1).await;
    }
}
