//! Connections that are kept, used again and closed, in simulations.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Poll;
use std::time::Duration;

use smtp_driver::conformance::Peer;
use smtp_driver::hostile::{Certificates, Play, Seen};
use smtp_driver::sim::{Sim, SimRuntime};
use smtp_driver::{Error, Mailer, MailerBuilder, Report, Runtime, serve};
use smtp_message::{ContentError, Message, Part};
use smtp_proto::server::{self, Response, Server};
use smtp_proto::{Address, Instant};

use crate::mailer::{HOST, certificate, message};

/// What a server has seen, with the numbers of its connections.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(u64, Seen)>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Seen)>> {
        self.0.lock().unwrap()
    }

    /// The connections on which this line was seen.
    pub(crate) fn with(&self, line: &str) -> Vec<u64> {
        let line = Seen::Line(line.into());
        self.lock().iter().filter(|(_, seen)| *seen == line).map(|(connection, _)| *connection).collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.lock().iter().filter(|(_, seen)| *seen == Seen::Connected).count()
    }

    pub(crate) fn ended(&self) -> usize {
        self.lock().iter().filter(|(_, seen)| *seen == Seen::Ended).count()
    }
}

fn certificates() -> &'static Certificates {
    static ALL: OnceLock<Certificates> = OnceLock::new();
    ALL.get_or_init(|| Certificates::new().unwrap())
}

/// Serves a script at `peer.example`; the settings to reach it, without TLS if the script has none.
pub(crate) fn play(sim: &Sim, script: &str) -> (MailerBuilder, Log) {
    let log = Log::default();
    let notes = log.clone();
    let play = Play::new(script.parse().unwrap(), certificates(), sim.runtime());
    let play = Arc::new(play.on_seen(move |connection, seen| notes.lock().push((connection, seen))));
    sim.listen("peer.example", 25, move |transport| Peer::Hostile(Arc::clone(&play)).run(transport));
    let builder = MailerBuilder::new("peer.example").port(25);
    let builder = match script.contains("tls ") {
        true => builder.trust_only_pem(certificates().authority_pem().as_bytes()).unwrap().starttls(),
        false => builder.dangerous_plaintext(),
    };
    (builder, log)
}

/// Runs futures side by side.
pub(crate) async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    type Slot<'a, T> = (Pin<Box<dyn Future<Output = T> + 'a>>, Option<T>);
    let mut slots: Vec<Slot<'_, T>> = Vec::new();
    let futures: Vec<_> = futures.into_iter().collect();
    for future in futures {
        slots.push((Box::pin(future), None));
    }
    poll_fn(|context| {
        for (future, output) in slots.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *output = Some(ready);
            }
        }
        if slots.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, output)| output).collect()
}

async fn send(mailer: &Mailer<SimRuntime>) -> Result<Report, Error> {
    mailer.send(&message(mailer)).await
}

/// Sends messages side by side, so that each has a connection.
async fn send_many(mailer: &Mailer<SimRuntime>, count: usize) {
    let messages: Vec<Message> = (0..count).map(|_| message(mailer)).collect();
    for report in together(messages.iter().map(|message| mailer.send(message))).await {
        report.unwrap().all_delivered().unwrap();
    }
}

const NEVER_LEAVES: &str = "C: QUIT\n!hold\n";

#[test]
fn a_report_does_not_wait_for_the_reply_to_quit() {
    for script in [NEVER_LEAVES.to_owned(), format!("tls good\n{NEVER_LEAVES}")] {
        let sim = Sim::new(1);
        let (builder, log) = play(&sim, &script);
        let mailer = builder.max_idle(0).build(sim.runtime()).unwrap();
        sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
        let took = sim.runtime().now().as_duration();
        assert!(took < Duration::from_secs(1), "{took:?}");
        sim.block_on(sim.runtime().sleep(Duration::from_secs(1)));
        assert_eq!((log.with("QUIT"), log.ended()), (vec![1], 1));
    }
}

#[test]
fn a_refused_login_does_not_wait_for_the_reply_to_quit() {
    let sim = Sim::new(1);
    let (builder, log) =
        play(&sim, &format!("tls good\noffer AUTH PLAIN\nC: AUTH\nS: 535 no\n{NEVER_LEAVES}"));
    let mailer = builder.credentials("me", "wrong").build(sim.runtime()).unwrap();
    let error = sim.block_on(send(&mailer)).unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error}");
    let took = sim.runtime().now().as_duration();
    assert!(took < Duration::from_secs(1), "{took:?}");
    sim.block_on(sim.runtime().sleep(Duration::from_secs(1)));
    assert_eq!(log.with("QUIT"), [1]);
}

#[test]
fn all_connections_are_closed_in_the_time_of_one() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, NEVER_LEAVES);
    let mailer = builder.build(sim.runtime()).unwrap();
    sim.block_on(send_many(&mailer, 4));
    let start = sim.runtime().now();
    sim.block_on(mailer.close());
    let took = sim.runtime().now() - start;
    assert!(took <= Duration::from_secs(5), "{took:?}");
    assert_eq!(log.with("QUIT").len(), 4);
}

/// QUIT and, under TLS, `close_notify` arrive, and nothing is reset before they are read.
#[test]
fn who_leaves_without_waiting_leaves_politely() {
    let (acceptor, authority) = certificate("Ours");
    for tls in [server::Tls::None, server::Tls::Implicit(acceptor)] {
        let sim = Sim::new(1);
        let mut config = server::Config::new(HOST.parse::<smtp_proto::Domain>().unwrap());
        let plain = matches!(tls, server::Tls::None);
        config.tls = tls;
        let (runtime, config) = (sim.runtime(), Arc::new(config));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&ends);
        sim.listen(HOST, 25, move |transport| {
            let (runtime, config, notes) = (runtime.clone(), Arc::clone(&config), Arc::clone(&notes));
            async move {
                let server = Server::new(config, runtime.now());
                let ended = serve(&runtime, transport, server, |_| Response::accept()).await;
                notes.lock().unwrap().push(ended);
            }
        });
        let builder = MailerBuilder::new(HOST).port(25).max_idle(0);
        let builder = match plain {
            true => builder.dangerous_plaintext(),
            false => builder.trust_only_pem(authority.as_bytes()).unwrap(),
        };
        let mailer = builder.build(sim.runtime()).unwrap();
        sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
        sim.block_on(sim.runtime().sleep(Duration::from_secs(1)));
        assert_eq!(*ends.lock().unwrap(), [Ok(())]);
    }
}

#[test]
fn what_was_idle_for_too_long_is_closed_by_the_next_message() {
    for (setting, idle) in [(None, 61), (Some(5), 6)] {
        let sim = Sim::new(1);
        let (builder, log) = play(&sim, NEVER_LEAVES);
        let builder = setting
            .into_iter()
            .fold(builder, |builder, seconds| builder.idle_timeout(Duration::from_secs(seconds)));
        let mailer = builder.build(sim.runtime()).unwrap();
        sim.block_on(send_many(&mailer, 3));
        sim.block_on(sim.runtime().sleep(Duration::from_secs(idle - 2)));
        // The one that was used last is used again, and stays.
        sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
        assert_eq!((log.connections(), log.with("QUIT").len()), (3, 0));
        sim.block_on(sim.runtime().sleep(Duration::from_secs(3)));
        let start = sim.runtime().now();
        sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
        assert!(sim.runtime().now() - start < Duration::from_secs(1));
        assert_eq!((log.connections(), log.with("QUIT").len(), log.ended()), (3, 2, 2));
    }
}

fn with_missing_file(mailer: &Mailer<SimRuntime>) -> Message {
    let builder = Message::builder().from("a@a.example").to("b@b.example").text("hi\n");
    builder.attach(Part::file("/nowhere/at/all.pdf")).build(&mailer.stamp().unwrap()).unwrap()
}

#[test]
fn a_missing_file_is_found_before_anybody_is_connected_to() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "");
    let mailer = builder.build(sim.runtime()).unwrap();
    let error = sim.block_on(mailer.send(&with_missing_file(&mailer))).unwrap_err();
    assert!(matches!(error, Error::Content(ContentError::Io(_))), "{error}");
    assert_eq!(log.connections(), 0);
}

#[test]
fn a_missing_file_does_not_cost_a_kept_connection() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "");
    let mailer = builder.build(sim.runtime()).unwrap();
    for _ in 0..2 {
        sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
        let error = sim.block_on(mailer.send(&with_missing_file(&mailer))).unwrap_err();
        assert!(matches!(error, Error::Content(ContentError::Io(_))), "{error}");
    }
    assert_eq!(log.connections(), 1);
}

#[test]
fn there_are_so_many_connections_and_no_more() {
    for (settings, most) in [(None, 10), (Some(3), 3), (Some(0), 1)] {
        // Also if none is kept when nobody waits.
        for max_idle in [0, 4] {
            let sim = Sim::new(1);
            let (builder, log) = play(&sim, "");
            let builder = settings.into_iter().fold(builder, MailerBuilder::max_connections);
            let mailer = builder.max_idle(max_idle).build(sim.runtime()).unwrap();
            sim.block_on(send_many(&mailer, 60));
            assert_eq!(log.connections(), most);
            assert_eq!(log.with("DATA").len(), 60);
        }
    }
}

fn to(address: &str) -> Vec<Address> {
    vec![address.parse().unwrap()]
}

#[test]
fn who_waits_is_served_in_order() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "");
    let mailer = builder.max_connections(1).build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let all: Vec<String> = (0..9).map(|i| format!("r{i}@b.example")).collect();
    sim.block_on(together(all.iter().map(|one| mailer.send_to(None, to(one), &message))));
    let lines = log.lock();
    let asked = lines.iter().filter_map(|(_, seen)| match seen {
        Seen::Line(line) => line.strip_prefix("RCPT TO:<")?.strip_suffix('>'),
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), all);
}

#[test]
fn who_waits_for_too_long_is_told() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "C: DATA\n!hold");
    let builder = builder.max_connections(2).wait_timeout(Duration::from_secs(7));
    let mailer = builder.build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let outcomes = sim.block_on(together((0..3).map(|_| async {
        let outcome = mailer.send(&message).await;
        (outcome, sim.runtime().now().as_duration())
    })));
    let [(Ok(_), _), (Ok(_), _), (Err(error), when)] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(matches!(error, Error::Busy { connections: 2 }) && error.is_temporary(), "{error}");
    assert_eq!(*when, Duration::from_secs(7));
    assert_eq!(log.connections(), 2);
}

#[test]
fn who_is_given_up_makes_room() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "every other connection\nC: DATA\n!hold");
    let mailer = builder.max_connections(1).build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let runtime = sim.runtime();
    sim.block_on(async {
        // The first is stuck and is given up; so is the second, before its turn.
        let given_up = |seconds| {
            let (runtime, sending) = (&runtime, mailer.send(&message));
            async move {
                runtime.timeout_at(Instant::ZERO + Duration::from_secs(seconds), sending).await.map(drop)
            }
        };
        let last = async { mailer.send(&message).await.ok().filter(Report::is_complete).map(drop) };
        type Sending<'a> = Pin<Box<dyn Future<Output = Option<()>> + 'a>>;
        let all: [Sending<'_>; 3] = [Box::pin(given_up(5)), Box::pin(given_up(3)), Box::pin(last)];
        assert_eq!(together(all).await, [None, None, Some(())]);
    });
    assert_eq!(log.connections(), 2);
}

#[test]
fn a_connection_is_tested_and_kept() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "tls good\noffer AUTH PLAIN");
    let mailer = builder.credentials("me", "right").build(sim.runtime()).unwrap();
    sim.block_on(mailer.test_connection()).unwrap();
    sim.block_on(send(&mailer)).unwrap().all_delivered().unwrap();
    assert_eq!(log.connections(), 1);
    // Once more, with a new one, and no more than there may be.
    let (builder, log) = play(&sim, "");
    let mailer = builder.clone().max_connections(2).build(sim.runtime()).unwrap();
    for connections in [1, 2, 3, 4] {
        sim.block_on(mailer.test_connection()).unwrap();
        sim.block_on(sim.runtime().sleep(Duration::from_secs(1)));
        assert_eq!((log.connections(), log.connections() - log.ended()), (connections, connections.min(2)));
    }
    let (builder, _) = play(&sim, "C: EHLO\nS: 421 no");
    let mailer = builder.build(sim.runtime()).unwrap();
    assert!(sim.block_on(mailer.test_connection()).unwrap_err().is_temporary());
    assert_eq!((mailer.host(), mailer.port()), ("peer.example", 25));
}

#[test]
fn a_report_is_there_after_it_was_judged() {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "C: .\nS: 250 2.0.0 queued as 4711");
    let mailer = builder.build(sim.runtime()).unwrap();
    let report = sim.block_on(send(&mailer)).unwrap();
    report.all_delivered().unwrap();
    let recipients = report.into_recipients();
    assert!(recipients.iter().all(|to| to.outcome.to_string().ends_with("queued as 4711")));
}
