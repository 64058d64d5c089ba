//! Messages whose parts are read while they are sent, in simulations.

use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use smtp_driver::sim::Sim;
use smtp_driver::{Error, MailerBuilder, Runtime, serve};
use smtp_message::{BodyType, ContentError, Data, Message, Part};
use smtp_proto::server::{self, Response, Server};

/// Serves at `mx.example`; returns where each message goes.
pub(crate) fn listen(sim: &Sim) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let (runtime, messages) = (sim.runtime(), Arc::new(Mutex::new(Vec::new())));
    let delivered = Arc::clone(&messages);
    sim.listen("mx.example", 25, move |transport| {
        let (runtime, delivered) = (runtime.clone(), Arc::clone(&delivered));
        async move {
            let host: smtp_proto::Domain = "mx.example".parse().unwrap();
            let server = Server::new(Arc::new(server::Config::new(host)), runtime.now());
            let mut content = Vec::new();
            let ended = serve(&runtime, transport, server, |event| {
                match event {
                    server::Event::Body(bytes) => content.extend_from_slice(&bytes),
                    server::Event::Message => delivered.lock().unwrap().push(std::mem::take(&mut content)),
                    _ => {}
                }
                Response::accept()
            });
            let _ = ended.await;
        }
    });
    messages
}

/// Reads 300,000 octets each time, the last of them missing when it was opened often enough.
fn data(changes_at: usize) -> Data {
    let opened = AtomicUsize::new(1);
    Data::open(move || -> io::Result<Box<dyn Read + Send>> {
        let missing = u64::from(opened.fetch_add(1, Ordering::Relaxed) >= changes_at);
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7).to_le_bytes()[0]).collect();
        Ok(Box::new(Cursor::new(bytes).take(300_000 - missing)))
    })
}

#[test]
fn what_a_reader_yields_arrives_and_can_be_sent_again() {
    let sim = Sim::new(1);
    let messages = listen(&sim);
    let mailer =
        MailerBuilder::new("mx.example").port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
    for most in [BodyType::SevenBit, BodyType::EightBitMime, BodyType::BinaryMime] {
        let builder = Message::builder()
            .from("a@a.example")
            .to("b@b.example")
            .text("Gr\u{fc}\u{df}e\n.\n")
            .at_most(most);
        let builder = builder.attach(Part::attachment("data.bin", data(usize::MAX)));
        let message = builder.build(&mailer.stamp().unwrap()).unwrap();
        for _ in 0..2 {
            sim.block_on(mailer.send(&message)).unwrap().all_delivered().unwrap();
        }
        let got = std::mem::take(&mut *messages.lock().unwrap());
        assert_eq!(got.len(), 2);
        assert!(got[0] == got[1] && got[0].len() > 300_000);
        if most == BodyType::SevenBit {
            assert!(got[0] == message.to_bytes().unwrap());
        }
    }
}

#[test]
fn a_part_that_changes_between_the_passes_is_not_delivered() {
    let sim = Sim::new(1);
    let messages = listen(&sim);
    let mailer =
        MailerBuilder::new("mx.example").port(25).dangerous_plaintext().build(sim.runtime()).unwrap();
    let builder = Message::builder().from("a@a.example").to("b@b.example");
    let message = builder.attach(Part::attachment("x", data(2))).build(&mailer.stamp().unwrap()).unwrap();
    let error = sim.block_on(mailer.send(&message)).unwrap_err();
    assert!(matches!(error, Error::Content(ContentError::Changed)), "{error}");
    assert!(messages.lock().unwrap().is_empty());
}
