//! What an observer is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_driver::sim::Sim;
use smtp_driver::{MailerBuilder, Observed, Runtime};
use smtp_proto::Instant;
use smtp_proto::client::{Event, Trace};

use crate::mailer::message;
use crate::pool::{play, together};

type Told = Arc<Mutex<BTreeMap<u64, Vec<String>>>>;

/// Notes what is told of each connection: the verbs of what was sent, and what has happened.
fn observed(builder: MailerBuilder) -> (MailerBuilder, Told) {
    let told = Told::default();
    let notes = Arc::clone(&told);
    let builder = builder.observe(move |connection, what| {
        let note = match what {
            Observed::Connected { peer } => {
                assert_eq!(peer, None, "a simulation has no addresses");
                "connected"
            }
            Observed::Reused => "reused",
            Observed::Event(Event::Trace(Trace::Sent(line))) => line.split(' ').next().unwrap(),
            Observed::Closed => "closed",
            _ => return,
        };
        notes.lock().unwrap().entry(connection.number()).or_default().push(note.to_owned());
    });
    (builder, told)
}

const MESSAGE: [&str; 4] = ["MAIL", "RCPT", "RCPT", "DATA"];

#[test]
fn connections_are_told_apart() {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "");
    let (builder, told) = observed(builder);
    let mailer = builder.max_idle(1).build(sim.runtime()).unwrap();
    let message = message(&mailer);
    for report in sim.block_on(together((0..2).map(|_| mailer.send(&message)))) {
        report.unwrap().all_delivered().unwrap();
    }
    sim.block_on(mailer.send(&message)).unwrap().all_delivered().unwrap();
    sim.block_on(mailer.close());
    let told = std::mem::take(&mut *told.lock().unwrap());
    let once = [&["connected", "EHLO"], &MESSAGE[..], &["QUIT", "closed"]].concat();
    let twice =
        [&["connected", "EHLO"], &MESSAGE[..], &["reused"], &MESSAGE[..], &["QUIT", "closed"]].concat();
    let mut all: Vec<_> = told.into_iter().collect();
    all.sort_by_key(|(_, notes)| notes.len());
    let [(one, first), (other, second)] = &all[..] else { panic!("{all:?}") };
    assert!(*first == once && *second == twice, "{all:?}");
    assert_eq!([one.min(other), one.max(other)], [&1, &2]);
}

#[test]
fn what_is_given_up_is_closed_too() {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "C: MAIL\n!hold");
    let (builder, told) = observed(builder);
    let mailer = builder.build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let second = Instant::ZERO + Duration::from_secs(1);
    assert!(sim.block_on(sim.runtime().timeout_at(second, mailer.send(&message))).is_none());
    assert_eq!(told.lock().unwrap()[&1], ["connected", "EHLO", "MAIL", "closed"]);
}
