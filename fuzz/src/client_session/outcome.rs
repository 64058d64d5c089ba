//! What a transaction may come to, judged by the replies that were given to it.

use std::ops::RangeInclusive;

use smtp_proto::Envelope;
use smtp_proto::client::{Error, Failure, Outcome, Phase};
use smtp_proto::reply::{Reply, Severity};

use crate::assert_printable;

/// What is known of a transaction that is not finished.
pub(super) struct Open {
    pub(super) envelope: Envelope,
    pub(super) mail: Option<Reply>,
    pub(super) rcpt: Vec<Option<Reply>>,
    pub(super) verdict: Option<Reply>,
    /// Where the end mark ends in the plain text.
    pub(super) end: Option<u64>,
    /// The last byte of content.
    pub(super) last_byte: Option<u8>,
    /// Bytes of content given in chunks, and those that are not put out yet.
    pub(super) taken: u64,
    held: Vec<u8>,
}

impl Open {
    pub(super) fn new(envelope: Envelope, rcpt: Vec<Option<Reply>>) -> Self {
        let (mail, verdict, end, last_byte) = (None, None, None, None);
        Self { envelope, mail, rcpt, verdict, end, last_byte, taken: 0, held: Vec::new() }
    }

    /// What goes out for more content in chunks, far less than a whole chunk in all; the line of BDAT if it is in it.
    pub(super) fn chunk(&mut self, content: &[u8], ends: bool, out: &mut Vec<u8>) -> Option<String> {
        let first = self.taken == 0 && self.last_byte.is_none();
        self.taken += content.len() as u64;
        // Something has been given, if only nothing.
        self.last_byte = Some(content.last().copied().or(self.last_byte).unwrap_or(b'\n'));
        self.held.extend_from_slice(content);
        let line = match self.envelope.form().size {
            Some(size) if first => Some(format!("BDAT {size} LAST")),
            None if ends => Some(format!("BDAT {} LAST", self.taken)),
            _ => None,
        };
        out.extend(line.iter().flat_map(|line| line.bytes().chain(*b"\r\n")));
        let goes = match self.envelope.form().size {
            Some(size) if self.taken == size && !ends => self.held.len().saturating_sub(1),
            None if !ends => 0,
            _ => self.held.len(),
        };
        out.extend(self.held.drain(..goes));
        line
    }
}

/// Holds an outcome against the replies.  `written` is how much plain text had been written when the connection ended, as
/// far as is known.
pub(super) fn check_outcome(open: &Open, recipient: usize, outcome: &Outcome, written: RangeInclusive<u64>) {
    let rcpt = open.rcpt[recipient].as_ref();
    assert_printable(outcome);
    assert_eq!(outcome.is_delivered(), outcome.failure().is_none());
    match outcome.failure() {
        None => assert!(outcome.reply().is_some()),
        Some(failure) => assert_eq!(outcome.reply(), failure.reply()),
    }
    let accepted = rcpt.is_some_and(Reply::is_positive);
    let refused = |phase, reply: &Reply| match phase {
        Phase::Mail => open.mail.as_ref() == Some(reply),
        Phase::Rcpt => rcpt == Some(reply) && !accepted,
        Phase::Verdict => accepted && open.verdict.as_ref() == Some(reply),
        phase => phase == Phase::Data,
    };
    match outcome {
        Outcome::Delivered(reply) => {
            // Its verdict came when the end mark was wholly written, or it would not be noted.
            assert!(reply.is_positive() && open.verdict.as_ref() == Some(reply), "{reply}");
            assert!(accepted, "delivered to somebody who was not accepted");
        }
        Outcome::Rejected(Failure::Refused { phase, reply }) => {
            assert!(refused(*phase, reply) && reply.severity() == Severity::Permanent, "{outcome}");
        }
        Outcome::Deferred(Failure::Refused { phase, reply }) => {
            // The last is BDAT, which the server does not know; by DATA the message can go.
            let is_temporary = matches!(
                (phase, reply.code().get()),
                (Phase::Rcpt, 552) | (Phase::Mail, 503) | (Phase::Verdict, 500..=504)
            );
            assert!(refused(*phase, reply), "{outcome}");
            assert!(is_temporary || reply.severity() == Severity::Transient, "{outcome}");
        }
        Outcome::Deferred(Failure::TooManyRecipients { reply }) => {
            assert!(!accepted && reply.as_ref() == rcpt, "{outcome}");
            let before = open.rcpt[..recipient].iter().flatten();
            // It may have said so before.
            let taken = reply.is_none() || { before }.any(Reply::is_positive);
            assert!(taken, "nobody was taken before: {outcome}");
        }
        Outcome::Rejected(Failure::Content(_)) => assert!(open.end.is_none(), "{outcome}"),
        Outcome::Rejected(Failure::Unsupported(_)) => assert!(rcpt.is_none(), "{outcome}"),
        Outcome::Deferred(failure @ (Failure::Connection(_) | Failure::Cancelled)) => {
            check_failure(failure);
            // Behind a 421 the server has done nothing.
            let goodbye = failure.reply().is_some_and(|reply| reply.code().get() == 421);
            let sent = open.end.is_some_and(|end| end <= *written.start());
            assert!(!sent || goodbye, "it may have been delivered: {outcome}");
        }
        Outcome::Ambiguous(failure @ (Failure::Connection(_) | Failure::Cancelled)) => {
            check_failure(failure);
            assert!(open.end.is_some_and(|end| end <= *written.end()), "its end was not sent: {outcome}");
            let verdict = open.verdict.as_ref().map(Reply::severity);
            assert!(matches!(verdict, None | Some(Severity::Intermediate)), "{outcome}");
            assert!(accepted);
        }
        other => panic!("{other}"),
    }
}

fn check_failure(failure: &Failure) {
    assert_printable(failure);
    match failure {
        Failure::Connection(error) => check_error(error),
        other => assert!(other.reply().is_none()),
    }
}

/// An error and all behind it can be shown.
pub(super) fn check_error(error: &Error) {
    assert_printable(error);
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = source {
        assert_printable(error);
        source = error.source();
    }
}
