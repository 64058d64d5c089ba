//! A mailer that many threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use smtp_blocking::{BlockingRuntime, Mailer, MailerBuilder, Message};
use smtp_driver::conformance::{Harness, Peer};
use smtp_driver::hostile::{Certificates, Play, Script, Seen};

use super::transport::Loopback;

#[test]
fn many_threads_share_few_connections() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let play = Play::new(Script::default(), &Certificates::new().unwrap(), BlockingRuntime);
    let play = play.on_seen(move |_, seen| {
        if seen == Seen::Connected {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (host, port) = Loopback.serve(Peer::Hostile(Arc::new(play)));
    let builder = MailerBuilder::new(host).port(port).dangerous_plaintext();
    let mailer = Mailer::new(builder.max_connections(2).max_idle(2)).unwrap();
    let message = Message::builder().from("a@a.example").to("b@b.example").text("hi\n");
    let message = message.build(&mailer.stamp().unwrap()).unwrap();
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| mailer.send(&message).unwrap().all_delivered().unwrap());
        }
    });
    assert!((1..=2).contains(&connections.load(Ordering::Relaxed)));
}
