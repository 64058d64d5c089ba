//! How long things may take, on a virtual clock.

use std::time::Duration;

use smtp_driver::sim::{Sim, SimRuntime};
use smtp_driver::{AsyncChunks, Error, Mailer, MailerBuilder, Report, Runtime};
use smtp_message::ContentError;
use smtp_proto::client::{Error as SessionError, Failure, Outcome, Phase, Timeouts};
use smtp_proto::envelope::Form;
use smtp_proto::sasl::Credentials;

use crate::mailer::message;
use crate::pool::{play, together};

const LIMIT: Duration = Duration::from_secs(7);

fn limited(builder: MailerBuilder) -> MailerBuilder {
    builder.send_timeout(LIMIT)
}

/// What comes of a message, which takes as long as it may.
fn late(script: &str, settings: impl FnOnce(MailerBuilder) -> MailerBuilder) -> Result<Report, Error> {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, script);
    let mailer = settings(limited(builder)).build(sim.runtime()).unwrap();
    let result = sim.block_on(mailer.send(&message(&mailer)));
    assert_eq!(sim.runtime().now().as_duration(), LIMIT);
    result
}

fn outcome(report: Result<Report, Error>) -> Outcome {
    report.unwrap().recipients()[0].outcome.clone()
}

fn timed_out(phase: Phase) -> Failure {
    Failure::Connection(SessionError::TimedOut { phase })
}

#[test]
fn a_message_has_so_much_time() {
    for tls in ["", "tls good\n"] {
        for (line, phase) in [("MAIL", Phase::Mail), ("DATA", Phase::Data)] {
            let outcome = outcome(late(&format!("{tls}C: {line}\n!hold"), |builder| builder));
            assert_eq!(outcome, Outcome::Deferred(timed_out(phase)));
        }
        let outcome = outcome(late(&format!("{tls}C: .\n!hold"), |builder| builder));
        assert_eq!(outcome, Outcome::Ambiguous(timed_out(Phase::Verdict)), "it may have been delivered");
        let error = late(&format!("{tls}C: EHLO\n!hold"), |builder| builder).unwrap_err();
        let Error::Session { source, .. } = &error else { panic!("{error}") };
        assert!(matches!(**source, SessionError::TimedOut { phase: Phase::Hello }), "{error}");
    }
}

/// A server that says something again and again does not move the limit.
#[test]
fn the_limit_does_not_move() {
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "C: MAIL\nS~ 100ms 250-more\\r\\n");
    let mailer = limited(builder).build(sim.runtime()).unwrap();
    let report = sim.block_on(mailer.send(&message(&mailer)));
    assert_eq!(outcome(report), Outcome::Deferred(timed_out(Phase::Mail)));
    let took = sim.runtime().now().as_duration();
    assert!(took >= LIMIT && took < LIMIT + Duration::from_secs(1), "{took:?}");
}

#[test]
fn there_is_no_more_time_before_a_connection() {
    // For the credentials.
    let never = |builder: MailerBuilder| {
        builder.credentials_from(|_| std::future::pending::<Result<Credentials, _>>())
    };
    let error = late("tls good\noffer AUTH PLAIN", never).unwrap_err();
    assert!(matches!(error, Error::Credentials(_)) && error.is_temporary(), "{error}");
    // For the connection itself.
    let sim = Sim::new(1);
    sim.blackhole("peer.example", 25);
    let builder = MailerBuilder::new("peer.example").port(25).dangerous_plaintext();
    let mailer = limited(builder).build(sim.runtime()).unwrap();
    let error = sim.block_on(mailer.send(&message(&mailer))).unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert_eq!(sim.runtime().now().as_duration(), LIMIT);
    // For the turn.
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "C: DATA\n!hold");
    let mailer = limited(builder.max_connections(1)).build(sim.runtime()).unwrap();
    let message = message(&mailer);
    let all = sim.block_on(together((0..2).map(|_| mailer.send(&message))));
    // The first gives its turn up at that moment: the other may still get it, and no further.
    assert!(matches!(all[..], [Ok(_), Err(Error::Busy { .. } | Error::Connect { .. })]), "{all:?}");
    assert_eq!(sim.runtime().now().as_duration(), LIMIT);
}

#[test]
fn content_that_does_not_come_is_not_waited_for() {
    struct Never(SimRuntime);
    impl AsyncChunks for Never {
        async fn next(&mut self, _: &mut Vec<u8>) -> Result<bool, ContentError> {
            self.0.sleep(Duration::from_secs(1000)).await;
            Ok(true)
        }
    }
    let sim = Sim::new(1);
    let (builder, _) = play(&sim, "");
    let mailer = limited(builder).build(sim.runtime()).unwrap();
    let to = vec!["b@b.example".parse().unwrap()];
    let report = sim.block_on(mailer.send_stream(None, to, Form::default(), Never(sim.runtime())));
    assert_eq!(outcome(report), Outcome::Deferred(timed_out(Phase::Content)));
    assert_eq!(sim.runtime().now().as_duration(), LIMIT);
}

#[test]
fn content_that_comes_too_late_is_not_ended() {
    /// Blocks, and then has all that there is.
    struct Blocks(SimRuntime);
    impl AsyncChunks for Blocks {
        async fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, ContentError> {
            self.0.block(LIMIT * 2);
            out.extend_from_slice(b"Subject: x\r\n\r\n");
            Ok(false)
        }
    }
    let mut timeouts = Timeouts::default();
    timeouts.transaction = LIMIT;
    let late = |builder: MailerBuilder| builder.timeouts(timeouts);
    // How much is written at once depends on the seed.
    for (seed, settings) in (0..20).flat_map(|seed| [(seed, &limited as &dyn Fn(_) -> _), (seed, &late)]) {
        let sim = Sim::new(seed);
        let (builder, log) = play(&sim, "");
        let mailer = settings(builder).build(sim.runtime()).unwrap();
        let to = vec!["b@b.example".parse().unwrap()];
        let report = sim.block_on(mailer.send_stream(None, to, Form::default(), Blocks(sim.runtime())));
        assert_eq!(outcome(report), Outcome::Deferred(timed_out(Phase::Content)));
        assert_eq!((log.with("DATA").len(), log.with(".").len()), (1, 0));
    }
}

#[test]
fn each_message_has_its_own_time() {
    let sim = Sim::new(1);
    let (builder, log) = play(&sim, "");
    let mailer: Mailer<SimRuntime> = limited(builder).build(sim.runtime()).unwrap();
    for _ in 0..3 {
        sim.block_on(mailer.send(&message(&mailer))).unwrap().all_delivered().unwrap();
        sim.block_on(sim.runtime().sleep(LIMIT * 2));
    }
    sim.block_on(mailer.close());
    assert_eq!((log.connections(), log.with("QUIT").len()), (1, 1));
}

#[test]
fn submission_has_timeouts_of_its_own() {
    let mut timeouts = MailerBuilder::submission_timeouts();
    assert_eq!(timeouts.greeting, Duration::from_secs(60));
    timeouts.mail = Duration::from_secs(3);
    let builder = |sim: &Sim| play(sim, "C: (connect)\n!hold").0;
    for (settings, seconds) in [(None, 60), (Some(timeouts), 60), (Some(Timeouts::default()), 300)] {
        let sim = Sim::new(1);
        let builder = settings.into_iter().fold(builder(&sim), MailerBuilder::timeouts);
        let mailer = builder.build(sim.runtime()).unwrap();
        let error = sim.block_on(mailer.send(&message(&mailer))).unwrap_err();
        assert!(matches!(error, Error::Session { .. }), "{error}");
        assert_eq!(sim.runtime().now().as_duration().as_secs(), seconds);
    }
}
