//! One message on its way: how far it is, and what is known of each recipient.

use alloc::vec::Vec;

use super::config::Timeouts;
use super::error::{Phase, Unsupported};
use super::event::{Failure, Outcome, TransactionId};
use crate::address::Address;
use crate::body::DotStuffer;
use crate::command::MailParameters;
use crate::envelope::{BodyType, Envelope};
use crate::extensions::{Extension, Extensions};
use crate::reply::{Reply, Severity};
use crate::time::Instant;

/// What is to be sent next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Mail,
    /// RCPT of the recipient at this position.
    Rcpt(usize),
    Data,
    /// Nothing: DATA is sent and not answered.
    AwaitGo,
    Content,
    /// The end of an empty content, to get out of DATA when nobody is to receive it.
    LoneDot,
    /// Nothing: all is sent.
    Sent,
    /// Nothing: what is answered or known already has decided.
    Abandoned,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) envelope: Envelope,
    pub(super) parameters: MailParameters,
    pub(super) step: Step,
    /// What has been decided, by recipient.
    outcomes: Vec<Option<Outcome>>,
    /// RCPTs accepted.
    pub(super) accepted: usize,
    /// Replies to come.
    pub(super) outstanding: usize,
    pub(super) mail_accepted: bool,
    pub(super) cancelled: bool,
    pub(super) started: Option<Instant>,
    pub(super) framing: DotStuffer,
    /// Where the end of the content ends in the stream, once it is queued.
    pub(super) end: Option<u64>,
}

impl Transaction {
    /// A transaction; recipients whom the server cannot serve are decided at once.
    pub(super) fn new(id: TransactionId, envelope: Envelope, extensions: &Extensions) -> Self {
        let form = envelope.form();
        let has_smtputf8 = extensions.has(Extension::SmtpUtf8);
        // What everybody gets needs this; besides, each recipient may need SMTPUTF8 for itself.
        let smtputf8 = form.smtputf8 || !envelope.sender().is_none_or(Address::is_ascii);
        let missing = match (form.size, extensions.max_size()) {
            (Some(size), Some(limit)) if size > limit => Some(Unsupported::Size { size, limit }),
            // First, because what needs it is 8-bit too.
            _ if smtputf8 && !has_smtputf8 => Some(Unsupported::SmtpUtf8),
            _ if form.body == BodyType::EightBitMime && !extensions.has(Extension::EightBitMime) => {
                Some(Unsupported::EightBitMime)
            }
            _ => None,
        };
        let missing_for =
            |to: &Address| missing.or((!to.is_ascii() && !has_smtputf8).then_some(Unsupported::SmtpUtf8));
        let refused = |missing| Outcome::Rejected(Failure::Unsupported(missing));
        let outcomes: Vec<_> = envelope.recipients().iter().map(|to| missing_for(to).map(refused)).collect();
        let all_ascii = !smtputf8 && envelope.recipients().iter().all(Address::is_ascii);
        let parameters = MailParameters {
            size: form.size.filter(|_| extensions.has(Extension::Size)),
            body: (form.body == BodyType::EightBitMime).then_some(form.body),
            smtputf8: !all_ascii && has_smtputf8,
        };
        Self {
            id,
            envelope,
            parameters,
            step: if outcomes.iter().all(Option::is_some) { Step::Abandoned } else { Step::Mail },
            outcomes,
            accepted: 0,
            outstanding: 0,
            mail_accepted: false,
            cancelled: false,
            started: None,
            framing: DotStuffer::new(),
            end: None,
        }
    }

    /// The next recipient at or after this position whom the server is to be asked for.
    pub(super) fn next_recipient(&self, from: usize) -> Option<usize> {
        (from..self.outcomes.len()).find(|&i| self.outcomes[i].is_none())
    }

    /// The reply to a RCPT.
    pub(super) fn decide(&mut self, recipient: usize, reply: &Reply) {
        let Some(outcome @ None) = self.outcomes.get_mut(recipient) else { return };
        if reply.is_positive() {
            self.accepted += 1;
        } else {
            *outcome = Some(refusal(Phase::Rcpt, reply));
        }
    }

    /// Decides for all recipients of whom nothing is known.
    pub(super) fn decide_rest(&mut self, outcome: impl Fn() -> Outcome) {
        for undecided in self.outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
            *undecided = Some(outcome());
        }
    }

    /// The reply to MAIL, DATA or the end of the content decides for all whom no other reply has.
    pub(super) fn decide_rest_by(&mut self, phase: Phase, reply: &Reply) {
        self.decide_rest(|| {
            if phase == Phase::Verdict && reply.is_positive() {
                Outcome::Delivered(reply.clone())
            } else {
                refusal(phase, reply)
            }
        });
    }

    /// Whether no reply is missing and nothing more will be sent.
    pub(super) fn is_over(&self) -> bool {
        self.outstanding == 0 && matches!(self.step, Step::Sent | Step::Abandoned)
    }

    /// One outcome per recipient.
    pub(super) fn into_outcomes(self) -> Vec<Outcome> {
        // Whoever ends a transaction decides for all first.
        self.outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or(Outcome::Deferred(Failure::Cancelled)))
            .collect()
    }

    /// Until when it must be over.
    pub(super) fn deadline(&self, timeouts: &Timeouts) -> Option<Instant> {
        let content = self.framing.taken().checked_div(timeouts.minimum_rate).unwrap_or_default();
        Some(self.started? + timeouts.transaction + core::time::Duration::from_secs(content))
    }
}

fn refusal(phase: Phase, reply: &Reply) -> Outcome {
    let failure = Failure::Refused { phase, reply: reply.clone() };
    // 552 to RCPT is an old way to say that there are too many recipients (RFC 5321 section 4.5.3.1.10).
    let too_many = phase == Phase::Rcpt && reply.code().get() == 552;
    match reply.severity() {
        Severity::Permanent if !too_many => Outcome::Rejected(failure),
        _ => Outcome::Deferred(failure),
    }
}
