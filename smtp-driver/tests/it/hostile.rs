//! The hostile servers on simulated connections, under several seeds and networks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_driver::conformance::{Harness, Peer};
use smtp_driver::hostile::{Certificates, Play, Seen, suite};
use smtp_driver::sim::{Sim, SimNet, SimRuntime, Split};
use smtp_driver::{Runtime, hostile_suite};

struct Simulated(Sim);

impl Harness for Simulated {
    type Runtime = SimRuntime;

    fn runtime(&self) -> SimRuntime {
        self.0.runtime()
    }

    fn serve(&self, peer: Peer) -> (String, u16) {
        self.0.listen("peer.example", 25, move |transport| peer.clone().run(transport));
        ("Peer.Example".to_owned(), 25)
    }

    fn cuts(&self) -> bool {
        true
    }
}

/// Runs a check in networks that differ in all that can be set; `heavy` ones, which move much, in fewer.
fn everywhere(heavy: bool, check: &impl AsyncFn(&Simulated)) {
    for seed in 0..if heavy { 2 } else { 4 } {
        for split in [Split::Whole, Split::Random, Split::Bytes] {
            for (latency, buffer) in [(0, 200), (10, 64 * 1024)] {
                if heavy && (split == Split::Bytes || buffer == 200) {
                    continue;
                }
                let sim = Simulated(Sim::new(seed));
                sim.0.set_net(SimNet { latency: Duration::from_millis(latency), buffer, split });
                sim.0.block_on(check(&sim));
            }
        }
    }
}

macro_rules! simulated {
    ($case:ident) => {
        #[test]
        fn $case() {
            let heavy = ["w19", "w21", "w23", "w33"].contains(&stringify!($case));
            everywhere(heavy, &async |sim| suite::$case(sim).await);
        }
    };
}

hostile_suite!(simulated);

/// Case W11: of what has no end, no more is read than the caps allow, and what the network holds.
#[test]
fn w11_reads_no_more_than_it_must() {
    let sim = Simulated(Sim::new(1));
    sim.0.block_on(suite::w11(&sim));
    let most = sim.0.connections().iter().map(|connection| connection.server.bytes).max();
    assert!(most.unwrap() < 256 << 10, "{most:?}");
}

/// What a client hears that says `lines` one by one, and what it has done wrong.
fn heard(script: &str, lines: &[&str]) -> (Vec<String>, Vec<String>) {
    let sim = Sim::new(1);
    let wrong = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&wrong);
    let play = Play::new(script.parse().unwrap(), &Certificates::new().unwrap(), sim.runtime());
    let play = Arc::new(play.on_seen(move |_, seen| {
        if let Seen::Wrong(what) = seen {
            log.lock().unwrap().push(what);
        }
    }));
    sim.listen("peer.example", 25, move |transport| Peer::Hostile(Arc::clone(&play)).run(transport));
    let runtime = sim.runtime();
    let heard = sim.block_on(async {
        let deadline = runtime.now() + Duration::from_secs(60);
        let mut client = runtime.connect("peer.example", 25, deadline).await.unwrap();
        let mut heard = vec![client.read_line().await.unwrap()];
        for line in lines {
            client.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
            // Of a reply the last line.
            while let Ok(answer) = client.read_line().await {
                if answer.as_bytes().get(3) != Some(&b'-') {
                    heard.push(answer);
                    break;
                }
            }
        }
        heard
    });
    let wrong = wrong.lock().unwrap().clone();
    (heard, wrong)
}

#[test]
fn what_clients_do_wrong_is_noted() {
    let wrong = |script: &str, lines: &[&str]| heard(script, lines).1;
    let to_rcpt = ["EHLO x", "MAIL FROM:<a@a.example>", "RCPT TO:<b@b.example>"];
    assert_eq!(wrong("", &to_rcpt), [""; 0]);
    assert_eq!(wrong("offer SIZE", &["EHLO x", "MAIL FROM:<a@a.example> SIZE=5"]), [""; 0]);
    assert_eq!(wrong("C: MAIL\nS: abc\n!over went on", &["EHLO x", "MAIL FROM:<>", "QUIT"]), [""; 0]);
    for (script, lines, expected) in [
        ("", &["EHLO x", "AUTH PLAIN AGEAYg=="][..], "sent credentials without TLS"),
        ("", &["EHLO x", "MAIL FROM:<a@a.example> SIZE=5"], "used the parameter SIZE, which was not offered"),
        (
            "",
            &["EHLO x", "MAIL FROM:<>\r\nRCPT TO:<b@b.example>"],
            "did not wait for a reply, though PIPELINING was not offered",
        ),
        ("", &["EHLO x", "BDAT 2\r\nab LAST"], "used BDAT, which was not offered"),
        (
            "offer LIMITS RCPTMAX=1",
            &["EHLO x", "MAIL FROM:<>", "RCPT TO:<b@b.example>", "RCPT TO:<c@b.example>"],
            "gave a message more recipients than LIMITS allows",
        ),
        (
            "offer LIMITS RCPTDOMAINMAX=1",
            &["EHLO x", "MAIL FROM:<>", "RCPT TO:<b@b.example>", "RCPT TO:<c@c.example>"],
            "gave a message recipients in more domains than LIMITS allows",
        ),
        (
            "offer LIMITS MAILMAX=1",
            &["EHLO x", "MAIL FROM:<>", "RSET", "MAIL FROM:<>"],
            "sent more messages on one connection than LIMITS allows",
        ),
        (
            "C: DATA\nS: 354 go",
            &["EHLO x", "MAIL FROM:<>", "DATA", "hi\r\n."],
            "sent content though no recipient was accepted",
        ),
        ("C: MAIL\nS: abc\n!over went on", &["EHLO x", "MAIL FROM:<>", "RCPT TO:<b@b.example>"], "went on"),
        ("C: MAIL\nS: abc\n!over went on", &["EHLO x", "MAIL FROM:<>", "RSET"], "went on"),
        ("C: MAIL\nS: abc\n!over went on", &["EHLO x", "MAIL FROM:<>", "NOOP"], "went on"),
        ("C: MAIL\nS: abc\n!over went on", &["EHLO x", "MAIL FROM:<>", "*"], "went on"),
        ("tls expired", &["EHLO x", "MAIL FROM:<>"], "sent mail without TLS"),
        ("C: NOOP\n!wrong said NOOP\n!ordinary", &["NOOP"], "said NOOP"),
    ] {
        assert!(wrong(script, lines).iter().any(|wrong| wrong == expected), "{expected}");
    }
}

#[test]
fn rules_come_in_turn() {
    let script = "C: RCPT\nS: 251 first\nC: RCPT\nS: 252 others\nC: RCPT TO:<ODD@\nS: 550 no";
    let lines =
        ["EHLO x", "MAIL FROM:<>", "RCPT TO:<a@x>", "RCPT TO:<b@x>", "rcpt to:<odd@x>", "RCPT TO:<c@x>"];
    let (heard_once, _) = heard(script, &lines);
    assert_eq!(heard_once[3..], ["251 first", "252 others", "550 no", "252 others"]);
    let (again, _) = heard(script, &[&lines[..4], &["RSET", "MAIL FROM:<>", "RCPT TO:<a@x>"]].concat());
    assert_eq!(again.last().unwrap(), "251 first");
}

#[test]
fn challenges_have_the_clients_nonce() {
    let script = "offer AUTH SCRAM-SHA-256\nC: AUTH\nS64: 334 r=$nonce-ours,s=QUJD,i=2147483648";
    // n,,n=user,r=abc
    let (heard, wrong) = heard(script, &["EHLO x", "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj"]);
    // r=abc-ours,s=QUJD,i=2147483648
    assert_eq!(heard.last().unwrap(), "334 cj1hYmMtb3VycyxzPVFVSkQsaT0yMTQ3NDgzNjQ4");
    assert_eq!(wrong, ["sent credentials without TLS"]);
}
