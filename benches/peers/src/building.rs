//! Messages, from the parts to all octets in one buffer.
//!
//! Every contestant is given the same names, addresses and texts, and owns what its interface makes it own.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use mail_builder::MessageBuilder;
use smtp_message::{Data, Message, Part, Stamp};

use crate::{Contestant, Workload};

const FROM: (&str, &str) = ("Jane Doe", "jane@example.com");
const TO: (&str, &str) = ("John Smith", "john@example.org");
const SUBJECT: &str = "The report of this month";

/// Lines as people write them.
fn text(unit: &str, size: usize) -> String {
    let mut text = String::with_capacity(size);
    while text.len() < size {
        text.push_str(unit);
    }
    text
}

fn stamp() -> Stamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Stamp { unix_time: now.unwrap_or(Duration::ZERO), random: [7; 32] }
}

fn ours() -> smtp_message::MessageBuilder {
    Message::builder().from(FROM).to(TO).subject(SUBJECT)
}

fn lettres() -> lettre::message::MessageBuilder {
    let mailbox = |(name, address): (&str, &str)| {
        lettre::message::Mailbox::new(Some(name.into()), address.parse().expect("an address"))
    };
    lettre::Message::builder().from(mailbox(FROM)).to(mailbox(TO)).subject(SUBJECT)
}

fn mail_builders<'a>() -> MessageBuilder<'a> {
    MessageBuilder::new().from(FROM).to(TO).subject(SUBJECT)
}

/// Building messages.
pub fn workloads() -> Vec<Workload> {
    vec![small(), alternative(), attachment()]
}

fn small() -> Workload {
    let text: &'static str =
        Box::leak(text("The quick brown fox jumped over the dog at noon.\r\n", 1000).into());
    Workload {
        name: "build 1 KB of text",
        bytes: text.len(),
        contestants: vec![
            Contestant::ours(move || {
                let message = ours().text(black_box(text)).build(&stamp()).expect("a message");
                message.into_bytes().expect("all is at hand")
            }),
            Contestant::peer("lettre", move || {
                let text = black_box(text).to_string();
                lettres().header(ContentType::TEXT_PLAIN).body(text).expect("a message").formatted()
            }),
            Contestant::peer("mail-builder", move || {
                mail_builders().text_body(black_box(text)).write_to_vec().expect("a message")
            }),
        ],
    }
}

fn alternative() -> Workload {
    let plain: &'static str =
        Box::leak(text("Grüße aus Köln: Übermorgen öffnen wir die Tür für alle.\r\n", 10 << 10).into());
    let html: &'static str =
        Box::leak(text("<p>Grüße aus <b>Köln</b>: Übermorgen öffnen wir die Tür.</p>\r\n", 10 << 10).into());
    Workload {
        name: "build 2 x 10 KB of UTF-8, alternatives",
        bytes: plain.len() + html.len(),
        contestants: vec![
            Contestant::ours(move || {
                let builder = ours().text(black_box(plain)).html(black_box(html));
                builder.build(&stamp()).expect("a message").into_bytes().expect("all is at hand")
            }),
            Contestant::peer("lettre", move || {
                let part = |kind, text: &str| SinglePart::builder().header(kind).body(text.to_string());
                let parts = MultiPart::alternative()
                    .singlepart(part(ContentType::TEXT_PLAIN, black_box(plain)))
                    .singlepart(part(ContentType::TEXT_HTML, black_box(html)));
                lettres().multipart(parts).expect("a message").formatted()
            }),
            Contestant::peer("mail-builder", move || {
                let builder = mail_builders().text_body(black_box(plain)).html_body(black_box(html));
                builder.write_to_vec().expect("a message")
            }),
        ],
    }
}

fn attachment() -> Workload {
    let data: Bytes =
        (0..10_usize << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let bytes = data.len();
    Workload {
        name: "build 10 MiB of attachment",
        bytes,
        contestants: vec![
            Contestant::ours({
                let data = data.clone();
                move || {
                    let part = Part::attachment("data.bin", Data::from(black_box(&data).clone()));
                    let builder = ours().text("See the data.\r\n").attach(part);
                    builder.build(&stamp()).expect("a message").into_bytes().expect("all is at hand")
                }
            }),
            Contestant::peer("lettre", {
                let data = data.to_vec();
                move || {
                    let kind = ContentType::parse("application/octet-stream").expect("a type");
                    let parts = MultiPart::mixed()
                        .singlepart(SinglePart::plain("See the data.\r\n".to_string()))
                        .singlepart(Attachment::new("data.bin".into()).body(black_box(&data).clone(), kind));
                    lettres().multipart(parts).expect("a message").formatted()
                }
            }),
            Contestant::peer("mail-builder", {
                move || {
                    mail_builders()
                        .text_body("See the data.\r\n")
                        .attachment("application/octet-stream", "data.bin", black_box(&data[..]))
                        .write_to_vec()
                        .expect("a message")
                }
            }),
        ],
    }
}
