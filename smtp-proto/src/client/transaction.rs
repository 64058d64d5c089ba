//! One message on its way: how far it is, and what is known of each recipient.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::config::{Chunking, Config, Timeouts};
use super::error::{Phase, Unsupported};
use super::event::{Failure, Outcome, TransactionId};
use super::options;
use super::pipeline::Awaited;
use super::wire::Wire;
use crate::Output;
use crate::address::Address;
use crate::body::{BodyError, Chunk, Chunker, DotStuffer};
use crate::command::{Command, MailParameters};
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
    /// DATA, or the first BDAT.
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

/// How content goes out.
#[derive(Debug)]
pub(super) enum Framing {
    /// DATA.
    Dots(DotStuffer),
    /// BDAT, in the same flight as MAIL and RCPT or behind their replies.
    Chunks { chunker: Chunker, streamed: bool },
}

impl Framing {
    fn new(envelope: &Envelope, extensions: &Extensions, config: &Config) -> Self {
        let form = envelope.form();
        let binary = form.body == BodyType::BinaryMime;
        let chunked = match config.chunking {
            Chunking::Never => false,
            Chunking::IfNeeded => binary,
            Chunking::Safe | Chunking::Streamed => true,
        };
        if !chunked || !extensions.has(Extension::Chunking) {
            return Self::Dots(DotStuffer::new());
        }
        // LMTP answers the end for each recipient that was accepted: these must be known then.
        let streamed = config.chunking == Chunking::Streamed && !config.lmtp;
        Self::Chunks { chunker: Chunker::new(form.size, binary), streamed }
    }

    /// Bytes of content taken so far.
    pub(super) fn taken(&self) -> u64 {
        match self {
            Self::Dots(stuffer) => stuffer.taken(),
            Self::Chunks { chunker, .. } => chunker.taken(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) envelope: Envelope,
    pub(super) parameters: MailParameters,
    pub(super) step: Step,
    /// What has been decided, by recipient.
    outcomes: Vec<Option<Outcome>>,
    /// RCPTs accepted, though MAIL was not.
    pub(super) accepted: usize,
    /// The recipients whom the server took though it had refused MAIL, as if for a transaction that was there before.
    taken_anyway: Vec<usize>,
    /// Replies to come.
    pub(super) outstanding: usize,
    /// The server is inside the transaction, as far as is known.
    pub(super) is_open: bool,
    /// The server has taken the content for somebody.
    pub(super) is_taken: bool,
    pub(super) cancelled: bool,
    /// RSET is behind its end, whatever its end comes to.
    pub(super) reset_behind: bool,
    pub(super) started: Option<Instant>,
    pub(super) framing: Framing,
    /// What was asked for and the server does not offer: the message goes without.
    pub(super) dropped: Vec<Extension>,
    /// Where the end of the content ends in the stream, once it is queued.
    pub(super) end: Option<u64>,
}

impl Transaction {
    /// A transaction; recipients whom the server cannot serve are decided at once.
    pub(super) fn new(
        id: TransactionId,
        envelope: Envelope,
        extensions: &Extensions,
        config: &Config,
        verified: bool,
    ) -> Self {
        let form = envelope.form();
        let has_smtputf8 = extensions.has(Extension::SmtpUtf8);
        // What everybody gets needs this; besides, each recipient may need SMTPUTF8 for itself.
        let smtputf8 = form.smtputf8 || !envelope.sender().is_none_or(Address::is_ascii);
        let has_binary = extensions.has(Extension::BinaryMime)
            && extensions.has(Extension::Chunking)
            && config.chunking != Chunking::Never;
        let missing = match (form.size, extensions.max_size()) {
            (Some(size), Some(limit)) if size > limit => Some(Unsupported::Size { size, limit }),
            // First, because what needs it is 8-bit too.
            _ if smtputf8 && !has_smtputf8 => Some(Unsupported::SmtpUtf8),
            _ if form.body == BodyType::EightBitMime && !extensions.has(Extension::EightBitMime) => {
                Some(Unsupported::EightBitMime)
            }
            _ if form.body == BodyType::BinaryMime && !has_binary => Some(Unsupported::BinaryMime),
            _ => options::missing(envelope.options(), extensions, verified),
        };
        let missing_for =
            |to: &Address| missing.or((!to.is_ascii() && !has_smtputf8).then_some(Unsupported::SmtpUtf8));
        let refused = |missing| Outcome::Rejected(Failure::Unsupported(missing));
        let mut outcomes: Vec<_> =
            envelope.recipients().iter().map(|to| missing_for(to).map(refused)).collect();
        defer_too_many(&mut outcomes, &envelope, extensions);
        let all_ascii = !smtputf8 && envelope.recipients().iter().all(Address::is_ascii);
        let (options, dropped) = options::offered(&envelope, extensions);
        let parameters = MailParameters {
            size: form.size.filter(|_| extensions.has(Extension::Size)),
            body: (form.body != BodyType::SevenBit).then_some(form.body),
            smtputf8: !all_ascii && has_smtputf8,
            options,
        };
        Self {
            id,
            parameters,
            step: if outcomes.iter().all(Option::is_some) { Step::Abandoned } else { Step::Mail },
            outcomes,
            accepted: 0,
            taken_anyway: Vec::new(),
            outstanding: 0,
            is_open: false,
            is_taken: false,
            cancelled: false,
            reset_behind: false,
            started: None,
            framing: Framing::new(&envelope, extensions, config),
            dropped,
            end: None,
            envelope,
        }
    }

    /// Puts out the front of `content`; returns how much, and whether that was the end.
    pub(super) fn frame(
        &mut self,
        content: &[u8],
        last: bool,
        wire: &mut Wire,
        out: &mut Output,
    ) -> Result<(usize, bool), BodyError> {
        let start = out.len();
        let chunker = match &mut self.framing {
            Framing::Dots(stuffer) => {
                let taken = stuffer.frame(content, out).map_err(BodyError::BareLineEnd)?;
                let ends = last && taken == content.len();
                if ends {
                    stuffer.finish(out).map_err(BodyError::BareLineEnd)?;
                }
                wire.queue(out.len() - start);
                return Ok((taken, ends));
            }
            Framing::Chunks { chunker, .. } => chunker,
        };
        let (taken, chunk) = chunker.frame(content, last)?;
        match chunk {
            Chunk::None => Ok((taken, false)),
            Chunk::Only { begins, content, ends } => {
                if let Some(size) = begins {
                    wire.announce(Command::Bdat { size, last: true }, out);
                }
                let before = out.len();
                if content > 0 {
                    out.push_range(0..content);
                }
                if ends {
                    chunker.take_staged(out);
                }
                wire.queue(out.len() - before);
                Ok((taken, ends))
            }
            Chunk::Staged { size, last } => {
                wire.announce(Command::Bdat { size, last }, out);
                let before = out.len();
                chunker.take_staged(out);
                wire.queue(out.len() - before);
                if !last {
                    self.outstanding += 1;
                    wire.pipeline.expect(Awaited::Chunk(self.id), 0);
                }
                Ok((taken, last))
            }
        }
    }

    /// The content is wholly put out.
    pub(super) fn expect_verdicts(&mut self, wire: &mut Wire) {
        self.end = Some(wire.pipeline.queued());
        if !wire.config.lmtp {
            self.outstanding += 1;
            return wire.pipeline.expect(Awaited::Verdict(self.id), 0);
        }
        // One for each recipient that was accepted (RFC 2033 section 4.2), and none if nobody was.
        let mut next = self.next_recipient(0);
        while let Some(recipient) = next {
            self.outstanding += 1;
            wire.pipeline.expect(Awaited::RecipientVerdict(self.id, recipient), 0);
            next = self.next_recipient(recipient + 1);
        }
    }

    /// Whether content that is under way can be stopped, because no chunk has begun that is not complete.
    fn is_between_chunks(&self) -> bool {
        matches!(&self.framing, Framing::Chunks { chunker, .. } if !chunker.is_mid_chunk())
    }

    /// Whether the reply says that the server did not understand BDAT, and so takes the chunk for commands.  To be asked
    /// before the reply decides: 503 is right where there was nobody left to send to.
    pub(super) fn is_misunderstood(&self, reply: &Reply) -> bool {
        let code = reply.code().get();
        self.is_chunked()
            && !self.is_taken
            && (500..=504).contains(&code)
            && !(code == 503 && self.is_decided())
    }

    /// Decides for all whom no other reply has, where the reply is about BDAT: by DATA the same message can go.
    pub(super) fn decide_misunderstood(&mut self, phase: Phase, reply: &Reply) {
        self.decide_rest(|| Outcome::Deferred(Failure::Refused { phase, reply: reply.clone() }));
    }

    /// Whether the server has taken recipients though it had refused MAIL.
    pub(super) fn is_contradictory(&self) -> bool {
        !self.taken_anyway.is_empty()
    }

    /// The refusal of MAIL decides no more for those whom the server took in spite of it.
    pub(super) fn undecide(&mut self) {
        for recipient in core::mem::take(&mut self.taken_anyway) {
            self.outcomes[recipient] = None;
        }
    }

    pub(super) fn is_chunked(&self) -> bool {
        matches!(self.framing, Framing::Chunks { .. })
    }

    /// Whether the server may take what follows the end for more of this message, because it may keep it open behind a
    /// chunk that it refuses (RFC 3030 does not say).
    pub(super) fn may_stay_open(&self) -> bool {
        self.is_chunked() && !self.reset_behind
    }

    /// The next recipient at or after this position whom the server is to be asked for.
    pub(super) fn next_recipient(&self, from: usize) -> Option<usize> {
        (from..self.outcomes.len()).find(|&i| self.outcomes[i].is_none())
    }

    /// The reply to a RCPT.
    pub(super) fn decide(&mut self, recipient: usize, reply: &Reply) {
        let Some(outcome) = self.outcomes.get_mut(recipient) else { return };
        if reply.is_positive() {
            self.accepted += 1;
            self.is_open = true;
            if outcome.is_some() {
                self.taken_anyway.push(recipient);
            }
        } else if outcome.is_some() {
            // The reply to MAIL has decided.
        } else if self.accepted > 0 && says_too_many(reply) {
            *outcome = Some(Outcome::Deferred(Failure::TooManyRecipients { reply: Some(reply.clone()) }));
        } else {
            *outcome = Some(refusal(Phase::Rcpt, reply));
        }
    }

    /// The verdict on one recipient (RFC 2033 section 4.2).
    pub(super) fn decide_by_verdict(&mut self, recipient: usize, reply: &Reply) {
        if let Some(outcome @ None) = self.outcomes.get_mut(recipient) {
            *outcome = Some(verdict(Phase::Verdict, reply));
        }
    }

    /// Whether nothing more need be sent; between two chunks the server can be told.
    pub(super) fn can_stop(&self) -> bool {
        match self.step {
            Step::Mail | Step::Rcpt(_) | Step::Data => true,
            Step::Content => self.is_between_chunks(),
            _ => false,
        }
    }

    /// Sends no more than must be sent: what was begun is decided.
    pub(super) fn abandon(&mut self) {
        if self.can_stop() {
            self.step = Step::Abandoned;
        }
    }

    /// Whether there is nobody left to send the content to.
    pub(super) fn is_decided(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    /// Decides for all recipients of whom nothing is known.
    pub(super) fn decide_rest(&mut self, outcome: impl Fn() -> Outcome) {
        for undecided in self.outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
            *undecided = Some(outcome());
        }
    }

    /// The reply to MAIL, DATA or the end of the content decides for all whom no other reply has.
    pub(super) fn decide_rest_by(&mut self, phase: Phase, reply: &Reply) {
        self.decide_rest(|| verdict(phase, reply));
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

/// Leaves those for a further transaction who are more than the server takes in one (RFC 9422 section 4).
fn defer_too_many(outcomes: &mut [Option<Outcome>], envelope: &Envelope, extensions: &Extensions) {
    if !extensions.has(Extension::Limits) {
        return;
    }
    let limits = extensions.limits();
    let (mut count, mut domains) = (0, BTreeSet::new());
    for (outcome, to) in
        outcomes.iter_mut().zip(envelope.recipients()).filter(|(outcome, _)| outcome.is_none())
    {
        let domain = to.host();
        let is_new = !domains.contains(&domain);
        if limits.recipients.is_some_and(|limit| count == limit)
            || (is_new && limits.domains.is_some_and(|limit| domains.len() == limit))
        {
            *outcome = Some(Outcome::Deferred(Failure::TooManyRecipients { reply: None }));
        } else {
            domains.insert(domain);
            count += 1;
        }
    }
}

/// Whether the reply to a RCPT says that the server takes no more recipients now (RFC 5321 section 4.5.3.1.10).
///
/// Dovecot says 451 with the enhanced code.  What the enhanced code is about counts even where its class is not that of the
/// code: 552 4.2.2 and 452 5.2.2 are about a full mailbox.
fn says_too_many(reply: &Reply) -> bool {
    let code = reply.code().get();
    match reply.enhanced_of_any_class() {
        Some(enhanced) => {
            (enhanced.subject(), enhanced.detail()) == (5, 3) && (code == 552 || code / 100 == 4)
        }
        None => matches!(code, 452 | 552),
    }
}

fn verdict(phase: Phase, reply: &Reply) -> Outcome {
    match phase == Phase::Verdict && reply.is_positive() {
        true => Outcome::Delivered(reply.clone()),
        false => refusal(phase, reply),
    }
}

fn refusal(phase: Phase, reply: &Reply) -> Outcome {
    let failure = Failure::Refused { phase, reply: reply.clone() };
    // 552 to RCPT is an old way to say that there are too many recipients (RFC 5321 section 4.5.3.1.10), and 503 to MAIL
    // is about the state of the session.
    let is_temporary = matches!((phase, reply.code().get()), (Phase::Rcpt, 552) | (Phase::Mail, 503));
    match reply.severity() {
        Severity::Permanent if !is_temporary => Outcome::Rejected(failure),
        _ => Outcome::Deferred(failure),
    }
}
