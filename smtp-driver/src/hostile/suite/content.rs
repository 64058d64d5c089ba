//! Content, its verdicts, and ends of connections.

use smtp_proto::client::{Chunking, Outcome};
use smtp_proto::envelope::Form;

use super::stage::{DELIVERED, NO_TIME, Pieces, Stage, TO, address, impatient, large, one, told};
use crate::conformance::Harness;
use crate::hostile::{Case, Seen};

const UNKNOWN: &str = "rejected: the server refused at RCPT: 550 5.1.1 unknown";
const LOST: &str = "ambiguous: the connection was lost after the end of the message";

/// Case W4: a message that was given up after its end leaves no connection on which its reply could be taken for that of
/// the next.  Where futures wait inside `poll` nobody can drop one meanwhile, and only the deadline gives a message up.
pub async fn w4<H: Harness>(harness: &H) {
    let next = ["delivered: 250 2.0.0 for next@b.example"];
    if harness.futures_can_be_dropped() {
        let stage = Stage::new(harness, "verdict-held-back", |builder| builder);
        stage.drop_at(TO, |seen| matches!(seen, Seen::Content(_))).await;
        stage.sends(&["next@b.example"], &next).await;
        stage.ends(2).await;
    }
    // Enough for the next message, whatever the network is.
    let settings = impatient(|timeouts| timeouts.message = 10 * NO_TIME);
    let stage = Stage::new(harness, "verdict-held-back", settings);
    let late = ["ambiguous: time ran out after the end of the message"];
    for connections in (2..).step_by(2) {
        stage.sends(TO, &late).await;
        // The next one has no reason to be late, but may be on a slow machine: then both come once more.
        let told = stage.send(&["next@b.example"]).await;
        if told != late || connections == 100 {
            assert_eq!(told, next);
            return stage.ends(connections).await;
        }
    }
}

/// Case W16: nobody was accepted, but DATA was.
pub async fn w16<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "nobody-but-354", |builder| builder);
    stage.sends(TO, &[UNKNOWN]).await;
    let contents = stage.record.all(|seen| matches!(seen, Seen::Content(_)).then(|| seen.clone()));
    assert_eq!(contents, [Seen::Content(0)], "a lone dot");
    stage.ends(1).await;
}

/// Case W19: replies that nothing has asked for, and what is no reply.
pub async fn w19<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "early-verdict", |builder| builder);
    let told_early = told(stage.mailer.send_to(None, vec![address(TO[0])], &large()).await);
    let early = "deferred: the server broke the protocol: a reply that answers nothing came while the message was sent: \
                 250 2.0.0 early";
    assert_eq!(told_early, [early]);
    stage.ends(1).await;
    let garbage = "ambiguous: the server broke the protocol: not a reply line: \"garbage\"";
    one(harness, "garbage-verdict", TO, &[garbage]).await;
    let stage = Stage::new(harness, "two-verdicts", |builder| builder);
    for _ in 0..2 {
        stage.sends(TO, &["delivered: 250 2.0.0 queued"]).await;
    }
    stage.ends(2).await;
}

/// Case W20: a connection that is lost after the end mark is ambiguous, and nothing is sent again.
pub async fn w20<H: Harness>(harness: &H) {
    for name in ["closes-after-dot", "closes-in-verdict"] {
        one(harness, name, TO, &[LOST]).await;
    }
}

/// Case W21: ten thousand recipients for a server that talks much and does not read meanwhile, or does not read at all.
///
/// Commands alone do not fill the buffers of a connection, since of those without a reply there are at most 16 KiB
/// ([`pipeline_limit`](smtp_proto::Config::pipeline_limit)); content does, and then a write blocks that has nothing but
/// its deadline.
pub async fn w21<H: Harness>(harness: &H) {
    let to: Vec<String> = (0..10_000).map(|i| format!("{i}@b.example")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let stage = Stage::new(harness, "talkative", |builder| builder);
    let told = stage.send(&to).await;
    assert_eq!(told.len(), to.len());
    assert!(told.iter().all(|told| told == "delivered: 250 2.0.0 for 0@b.example"));
    stage.ends(1).await;
    let settings = impatient(|timeouts| {
        (timeouts.mail, timeouts.rcpt, timeouts.block) = (NO_TIME, NO_TIME, NO_TIME);
    });
    let stage = Stage::new(harness, "stops-reading", settings);
    let told = stage.send(&to).await;
    assert_eq!(told.len(), to.len());
    assert!(told.iter().all(|told| told == "deferred: time ran out at MAIL"), "{}", told[0]);
    stage.ends(1).await;
    let settings = impatient(|timeouts| timeouts.block = NO_TIME);
    let stage = Stage::new(harness, "stops-reading-content", settings);
    let report = stage.mailer.send_to(None, vec![address(TO[0])], &large()).await;
    let outcome = report.expect("a report").recipients()[0].outcome.to_string();
    assert_eq!(outcome, "deferred: time ran out while the message was sent");
    stage.ends(1).await;
}

/// Case W22: a server that does not know BDAT is left, which says nothing of the message, and content waits for a recipient.
pub async fn w22<H: Harness>(harness: &H) {
    let text = Case::named("bdat-500").expect("a case of this name").text;
    for code in 500..=504 {
        let script = text.replace("500", &code.to_string()).parse().expect("a script");
        let stage = Stage::with(harness, "bdat-500", script, |builder| builder.chunking(Chunking::Safe));
        let expected =
            format!("deferred: the server refused after the end of the message: {code} 5.5.1 what");
        for _ in 0..2 {
            stage.sends(TO, &[&expected]).await;
        }
        stage.ends(2).await;
    }
    let stage = Stage::new(harness, "bdat-for-nobody", |builder| builder.chunking(Chunking::Safe));
    stage.sends(TO, &[UNKNOWN]).await;
    assert_eq!(stage.record.all(|seen| matches!(seen, Seen::Content(_)).then_some(())), []);
    stage.ends(1).await;
}

/// Case W23: a chunk that is refused in the middle ends the message, and not the session.
pub async fn w23<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "chunk-552", |builder| builder.chunking(Chunking::Safe));
    let to = vec![address(TO[0])];
    let report = stage.mailer.send_stream(None, to, Form::default(), Pieces(40)).await;
    assert_eq!(told(report), ["rejected: the server refused while the message was sent: 552 5.3.4 too much"]);
    stage.sends(TO, &[DELIVERED]).await;
    let chunks = stage.record.all(|seen| matches!(seen, Seen::Content(_)).then(|| seen.clone()));
    assert_eq!(chunks, [Seen::Content(1 << 20), Seen::Content("Subject: hi\r\n\r\nhi\r\n".len() as u64)]);
    stage.ends(1).await;
}

/// Case W27: LMTP has a verdict for each recipient that was accepted.
pub async fn w27<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "lmtp-three-verdicts", crate::MailerBuilder::lmtp);
    let expected = [
        "delivered: 250 2.0.0 one",
        "deferred: the server refused after the end of the message: 452 4.2.2 full",
        "delivered: 250 2.0.0 three",
    ];
    stage.sends(&["a@b.example", "b@b.example", "c@b.example"], &expected).await;
    stage.ends(1).await;
    let stage = Stage::new(harness, "lmtp-nobody", crate::MailerBuilder::lmtp);
    stage.sends(TO, &[UNKNOWN]).await;
    stage.ends(1).await;
}

/// Case W28: the server closes before or after its reply to QUIT.
pub async fn w28<H: Harness>(harness: &H) {
    for name in ["closes-at-quit", "closes-after-quit"] {
        // A connection that is not kept is ended without waiting for the reply to QUIT, one that is kept by `close`.
        for max_idle in [0, 1] {
            let stage = Stage::new(harness, name, |builder| builder.max_idle(max_idle));
            let record = stage.record.clone();
            stage.sends(TO, &[DELIVERED]).await;
            stage.ends(1).await;
            let quits = record.all(|seen| (*seen == Seen::Line("QUIT".into())).then_some(()));
            assert_eq!(quits.len(), 1);
        }
    }
}

/// Case W29: as many recipients, domains and messages as the server said that it takes.
pub async fn w29<H: Harness>(harness: &H) {
    let to: Vec<String> =
        (0..12).map(|i| format!("{i}@{}.example", if i % 2 == 0 { "b" } else { "c" })).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let stage = Stage::new(harness, "limits", |builder| builder);
    let report = stage.try_send(&to).await.expect("a report");
    for recipient in report.recipients() {
        assert!(matches!(recipient.outcome, Outcome::Delivered(_)), "{recipient:?}");
    }
    // Five and one in each domain: four messages, two on each connection.
    stage.ends(2).await;
}

/// Case W32: a message that is given up with DATA in flight is not ended by a lone dot.
pub async fn w32<H: Harness>(harness: &H) {
    if harness.futures_can_be_dropped() {
        let stage = Stage::new(harness, "data-held-back", |builder| builder);
        stage.drop_at(TO, |seen| *seen == Seen::Line("DATA".into())).await;
        stage.ends(1).await;
    }
    let stage = Stage::new(harness, "data-held-back", impatient(|timeouts| timeouts.data = NO_TIME));
    stage.sends(TO, &["deferred: time ran out at DATA"]).await;
    stage.ends(1).await;
}

/// Case W33: what the server said before it closed the connection is reported, though writing failed.
pub async fn w33<H: Harness>(harness: &H) {
    let stage = Stage::new(harness, "refuses-content", |builder| builder);
    let report = stage.mailer.send_to(None, vec![address(TO[0])], &large()).await.expect("a report");
    let outcome = &report.recipients()[0].outcome;
    assert_eq!(outcome.reply().map(ToString::to_string).as_deref(), Some("550 5.7.1 not this"), "{outcome}");
    assert!(matches!(outcome, Outcome::Deferred(_)), "{outcome}");
    stage.ends(1).await;
}
