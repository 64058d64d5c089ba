//! Sessions in the debug profile, and faults that must be found.

use smtp_proto::client::{Event, Next, Outcome};

use super::*;

/// Sessions of a test; `SESSIONS` in the environment asks for more.
fn sessions() -> u64 {
    std::env::var("SESSIONS").ok().and_then(|sessions| sessions.parse().ok()).unwrap_or(1500)
}

fn show(violation: &Violation) -> String {
    let again = run(Choices::replay(violation.choices.clone()), true);
    let transcript = again.err().map(|violation| violation.transcript.join("\n")).unwrap_or_default();
    format!("{transcript}\n{}\n{:?}", violation.what, violation.choices)
}

#[test]
fn no_session_breaks_a_rule() {
    let mut sum = Report::default();
    for seed in 0..sessions() {
        match run(Choices::from_seed(seed), false) {
            Ok(report) => sum.add(&report),
            Err(violation) => panic!("seed {seed}: {}", show(&violation)),
        }
    }
    assert_eq!(sum.sessions, sessions());
    assert_eq!(sum.rare_ending(4), None, "{sum}");
}

#[test]
fn the_same_choices_make_the_same_session() {
    let transcript = |choices| match run_with(choices, Some(|_| {}), true) {
        Ok(report) => format!("{report:?}"),
        Err(violation) => panic!("{}", violation.what),
    };
    let mut differ = 0;
    for seed in 0..200 {
        let mut choices = Choices::from_seed(seed);
        let ended = world::run(&mut choices, None, true);
        let again = world::run(&mut Choices::replay(choices.into_list()), None, true);
        // rustls has randomness of its own.
        differ += u32::from(ended.transcript != again.transcript);
        assert_eq!(transcript(Choices::from_seed(seed)), format!("{:?}", ended.report));
    }
    assert!(differ < 10, "{differ}");
}

/// The sessions of the seeds up to the first with a violation.
fn first_violation(tamper: Tamper) -> Violation {
    let found = (0..2000).find_map(|seed| run_with(Choices::from_seed(seed), Some(tamper), false).err());
    found.expect("a violation")
}

#[test]
fn a_forged_delivery_is_found_and_made_simple() {
    let forge: Tamper = |next| {
        if let Next::Event(Event::Finished(_, outcomes)) = next {
            for outcome in outcomes.iter_mut() {
                if let Some(reply) = outcome.reply().filter(|_| !outcome.is_delivered()) {
                    *outcome = Outcome::Delivered(reply.clone());
                }
            }
        }
    };
    let violation = first_violation(forge);
    assert!(violation.what.contains("Delivered"), "{}", violation.what);
    let fails = |list: &[u32]| {
        let again = run_with(Choices::replay(list.to_vec()), Some(forge), false);
        again.is_err_and(|violation| violation.what.contains("Delivered"))
    };
    let list = shrink(violation.choices.clone(), 3000, fails);
    assert!(fails(&list));
    // What matters is that one recipient is refused.
    let not_zero = list.iter().filter(|&&choice| choice > 0).count();
    assert!(list.len() < violation.choices.len() && not_zero <= 8, "{list:?}");
    let shrunk = run_with(Choices::replay(list), Some(forge), true).unwrap_err();
    assert!(shrunk.transcript.iter().any(|line| line.contains("RCPT TO:") || line.contains("MAIL FROM:")));
    assert!(shrunk.transcript.iter().any(|line| line.contains("VIOLATION")));
}

#[test]
fn a_lost_event_is_found() {
    let lose: Tamper = |next| {
        if let Next::Event(Event::Rcpt(..)) = next {
            *next = Next::Wait;
        }
    };
    assert!(first_violation(lose).what.contains("instead of"));
}

#[test]
fn a_wrong_end_is_found() {
    let hide: Tamper = |next| {
        if let Next::Closed(end @ Err(_)) = next {
            *end = Ok(());
        }
    };
    assert!(first_violation(hide).what.contains("closed with"));
}

#[test]
fn a_panic_is_a_violation() {
    let panic: Tamper = |next| assert!(!matches!(next, Next::Event(Event::Ready)), "on purpose");
    assert_eq!(first_violation(panic).what, "a panic: on purpose");
}
