//! What can be sent: messages, ready-made ones, signed ones, and what the mailer signs itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_driver::sim::Sim;
use smtp_driver::{AsyncChunks, Error, Mailer, MailerBuilder, Runtime};
use smtp_message::dkim::{NewKey, PrivateKey, SignError, Signer, Template};
use smtp_message::{
    Bcc, ContentError, LineEnds, MailObject, Message, MessageBuilder, NoEnvelope, Part, RawMessage,
};
use smtp_proto::envelope::Form;

use crate::mailer::HOST;
use crate::parts::listen;

type Messages = Arc<Mutex<Vec<Vec<u8>>>>;

fn sim() -> (Sim, Messages, MailerBuilder) {
    let sim = Sim::new(1);
    let messages = listen(&sim);
    (sim, messages, MailerBuilder::new(HOST).port(25).dangerous_plaintext())
}

fn signer() -> Signer {
    let (key, _) = PrivateKey::generate(NewKey::Ed25519).unwrap();
    Signer::new([Template::new("a.example", "sel1", key).unwrap()])
}

fn build<R: Runtime>(mailer: &Mailer<R>, change: impl FnOnce(MessageBuilder) -> MessageBuilder) -> Message {
    let builder = Message::builder().from("a@a.example").to("b@b.example").bcc("c@c.example").text("hi\n");
    change(builder).build(&mailer.stamp().unwrap()).unwrap()
}

const EML: &str = "From: a@a.example\nTo: b@b.example\nBcc: c@c.example\n\nhi\n";

#[test]
fn whatever_knows_its_envelope_is_sent_by_it() {
    let (sim, messages, builder) = sim();
    let mailer = builder.build(sim.runtime()).unwrap();
    let message = build(&mailer, |builder| builder);
    let raw = RawMessage::parse(EML, LineEnds::Normalise, Bcc::Remove).unwrap();
    let signed = signer().sign(message.clone(), sim.runtime().unix_time()).unwrap();
    let objects: [&dyn MailObject; 4] = [&message, &raw, &signed, &Box::new(raw.clone())];
    for object in objects {
        let report = sim.block_on(mailer.send(object)).unwrap();
        report.all_delivered().unwrap();
    }
    let report = sim.block_on(mailer.send(&signed)).unwrap();
    let to: Vec<_> = report.recipients().iter().map(|to| to.address.to_string()).collect();
    assert_eq!(to, ["b@b.example", "c@c.example"]);
    let got = messages.lock().unwrap();
    assert!(got[0] == message.to_bytes().unwrap() && got[1] == raw.as_bytes());
    assert!(got[2].starts_with(b"DKIM-Signature: ") && got[2].ends_with(&got[0]));
}

#[test]
fn headers_that_name_no_sender_are_an_error() {
    let (sim, _, builder) = sim();
    let mailer = builder.build(sim.runtime()).unwrap();
    let raw = RawMessage::parse("To: b@b.example\n\nhi\n", LineEnds::Normalise, Bcc::Remove).unwrap();
    let error = sim.block_on(mailer.send(&raw)).unwrap_err();
    assert!(matches!(error, Error::Envelope(NoEnvelope::NoSender)), "{error}");
    assert!(sim.connections().is_empty());
}

#[test]
fn a_mailer_signs_all_that_it_sends() {
    let (sim, messages, builder) = sim();
    let mailer = builder.sign_with(signer()).build(sim.runtime()).unwrap();
    sim.block_on(sim.runtime().sleep(Duration::from_secs(1000)));
    let message = build(&mailer, |builder| builder);
    let raw = RawMessage::parse(EML, LineEnds::Normalise, Bcc::Remove).unwrap();
    sim.block_on(mailer.send(&message)).unwrap().all_delivered().unwrap();
    let to = message.recipients().to_vec();
    sim.block_on(mailer.send_to(None, to, &raw)).unwrap().all_delivered().unwrap();
    for (got, unsigned) in
        messages.lock().unwrap().iter().zip([&message.to_bytes().unwrap()[..], raw.as_bytes()])
    {
        assert!(got.starts_with(b"DKIM-Signature: ") && got.ends_with(unsigned));
        // 2026-01-01 00:00 UTC, and a little more.
        assert!(String::from_utf8_lossy(got).contains("t=1767226600;"));
    }
}

#[test]
fn what_cannot_be_signed_is_not_sent() {
    struct Once;
    impl AsyncChunks for Once {
        async fn next(&mut self, _: &mut Vec<u8>) -> Result<bool, ContentError> {
            Ok(false)
        }
    }
    let (sim, _, builder) = sim();
    let mailer = builder.sign_with(signer()).build(sim.runtime()).unwrap();
    let eight_bit = EML.replace("hi", "Gr\u{fc}\u{df}e");
    let eight_bit = RawMessage::parse(eight_bit, LineEnds::Normalise, Bcc::Remove).unwrap();
    let error = sim.block_on(mailer.send(&eight_bit)).unwrap_err();
    assert!(matches!(error, Error::Sign(SignError::EightBit { .. })), "{error}");
    let missing = build(&mailer, |builder| builder.attach(Part::file("/nowhere/at/all")));
    let error = sim.block_on(mailer.send(&missing)).unwrap_err();
    assert!(matches!(error, Error::Content(ContentError::Io(_))), "{error}");
    let to = vec!["b@b.example".parse().unwrap()];
    let error = sim.block_on(mailer.send_stream(None, to, Form::default(), Once)).unwrap_err();
    assert!(matches!(error, Error::UnsignedStream), "{error}");
    assert!(sim.connections().is_empty());
}
