//! Verifying: signatures, messages and keys that may be anything.
//!
//! An input is a header of cuts, lines with key records up to an empty one, each ending in LF, and the message.  A record
//! `-` is no answer.  LFs of the message are CRLFs if it has no CR.

use std::time::Duration;

use smtp_message::dkim::{KeyAnswer, PermError, Policy, Signature, Verdict, Verified, Verifier};

use crate::{assert_printable, cut};

/// When the seeds are verified.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// Verifies whole, in pieces and octet by octet, strictly and not, and compares what may differ.
pub fn check(data: &[u8]) {
    let (lengths, rest) = cut::header(data);
    let mut records = Vec::new();
    let mut message = rest;
    while let Some(end) = message.iter().position(|&octet| octet == b'\n') {
        let (line, behind) = message.split_at(end);
        message = &behind[1..];
        if line.is_empty() {
            break;
        }
        records.push(line.to_vec());
    }
    let crlf = String::from_utf8_lossy(message).replace('\n', "\r\n").into_bytes();
    let message = if message.contains(&b'\r') { message } else { &crlf };
    let answer = match &records[..] {
        [] => KeyAnswer::None,
        [only] if only == b"-" => KeyAnswer::Temporary,
        _ => KeyAnswer::Records(records),
    };

    let whole = verify(Verifier::new(), [message], &answer);
    for pieces in [cut::pieces(&lengths, message), message.chunks(1).collect()] {
        assert_eq!(words(&verify(Verifier::new(), pieces, &answer)), words(&whole));
    }
    for verified in &whole {
        assert_printable(&verified.verdict);
        assert_eq!(verified.verdict.is_pass(), verified.verdict.word() == "pass");
        if let Some(signature) = &verified.signature {
            look_at(signature);
        }
        match &verified.verdict {
            // Nothing passes without a key, out of its time, or over a part of the body.
            Verdict::Pass => {
                let signature = verified.signature.as_ref().expect("what passes can be read");
                assert!(matches!(answer, KeyAnswer::Records(_)));
                assert!(signature.expires.is_none_or(|end| end + 300 >= NOW.as_secs()));
                assert!(signature.time.is_none_or(|time| time <= NOW.as_secs() + 300));
            }
            Verdict::PermError(PermError::NoField { .. }) => assert_eq!(whole.len(), 1),
            Verdict::Policy(Policy::TooMany) => assert!(whole.len() > 10),
            _ => {}
        }
    }
    // Who is stricter believes no more.
    let strict = verify(Verifier::new().min_rsa_bits(2048).max_signatures(1), [message], &answer);
    let lax = verify(Verifier::new().allow_partial_bodies().clock_skew(NOW), [message], &answer);
    assert!(strict.len() == whole.len() && lax.len() == whole.len());
    for ((strict, usual), lax) in strict.iter().zip(&whole).zip(&lax) {
        assert!(!strict.verdict.is_pass() || usual.verdict.is_pass());
        assert!(!usual.verdict.is_pass() || lax.verdict.is_pass());
    }
    let mut short = Verifier::new().max_head(message.len().min(64));
    short.update(message);
    if let Err(error) = short.finish() {
        assert_printable(&error);
    }
}

fn verify<'a>(
    mut verifier: Verifier,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    answer: &KeyAnswer,
) -> Vec<Verified> {
    pieces.into_iter().for_each(|piece| verifier.update(piece));
    let early = verifier.keys().len();
    let Ok(verification) = verifier.finish() else { return Vec::new() };
    assert!(early == 0 || early == verification.keys().len());
    verification.verify(NOW, |_| answer.clone())
}

fn words(results: &[Verified]) -> Vec<String> {
    results.iter().map(|verified| verified.verdict.to_string()).collect()
}

fn look_at(signature: &Signature) {
    assert!(signature.headers.iter().any(|name| name.eq_ignore_ascii_case("from")));
    assert!(signature.key_name.as_str().len() <= 253);
    assert!(signature.key_name.as_str().starts_with(&signature.key_name.selector().to_lowercase()));
    let (_, host) = signature.identity.rsplit_once('@').expect("an identity has an @");
    assert!(host.len() >= signature.domain.as_str().len() || !host.is_ascii());
    assert!(!signature.signature.is_empty());
    assert!(signature.time.is_none_or(|time| signature.expires.is_none_or(|end| time <= end)));
}
