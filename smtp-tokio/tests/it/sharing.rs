//! A mailer that many tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smtp_driver::conformance::{Harness, Peer};
use smtp_driver::hostile::{Certificates, Play, Script, Seen};
use smtp_tokio::{MailerBuilder, Message, TokioRuntime};

use super::transport::{Loopback, everywhere};

#[test]
fn many_tasks_share_few_connections() {
    everywhere(|| async {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let play = Play::new(Script::default(), &Certificates::new().unwrap(), TokioRuntime);
        let play = play.on_seen(move |_, seen| {
            if seen == Seen::Connected {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (host, port) = Loopback.serve(Peer::Hostile(Arc::new(play)));
        let builder = MailerBuilder::new(host).port(port).dangerous_plaintext();
        let mailer = builder.max_connections(2).max_idle(2).build(TokioRuntime).unwrap();
        let message = Message::builder().from("a@a.example").to("b@b.example").text("hi\n");
        let message = message.build(&mailer.stamp().unwrap()).unwrap();
        let tasks: Vec<_> = (0..30)
            .map(|_| {
                let (mailer, message) = (mailer.clone(), message.clone());
                tokio::spawn(async move { mailer.send(&message).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap().all_delivered().unwrap();
        }
        assert!((1..=2).contains(&connections.load(Ordering::Relaxed)));
    });
}
