//! What must become of one message.

use std::collections::BTreeSet;
use std::fmt::Write;

use smtp_proto::body::{BareLineEnd, BodyError};
use smtp_proto::client::{Chunking, Config, Failure, Outcome, Phase, TransactionId, Unsupported};
use smtp_proto::envelope::{BodyType, ByMode, Hold, Ret};
use smtp_proto::reply::{Reply, Severity};
use smtp_proto::{Address, Envelope, Extension, Extensions, Instant};

/// What is sent next of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Mail,
    Rcpt(usize),
    Data,
    Go,
    Content,
    Dot,
    Sent,
    GivenUp,
}

#[derive(Debug)]
pub(super) enum Form {
    Dots { line_start: bool },
    Chunks { size: Option<u64>, streamed: bool, begun: bool, ended: bool, staged: Vec<u8> },
}

/// Content whose size is not known goes in chunks of this size.
const CHUNK: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    pub(super) mail: String,
    pub(super) rcpts: Vec<String>,
    pub(super) missing: Vec<Extension>,
    pub(super) fate: Vec<Option<Outcome>>,
    pub(super) next: Next,
    pub(super) form: Form,
    /// Any bytes may go.
    binary: bool,
    /// The last byte was a CR.
    cr: bool,
    pub(super) accepted: usize,
    /// Who was taken though MAIL was refused.
    pub(super) taken_anyway: Vec<usize>,
    /// Somebody has the content.
    pub(super) is_taken: bool,
    pub(super) unanswered: usize,
    pub(super) is_open_at_server: bool,
    pub(super) cancelled: bool,
    /// RSET was put out behind its end.
    pub(super) is_reset: bool,
    pub(super) began: Option<Instant>,
    pub(super) end: Option<u64>,
    /// Bytes of content.
    pub(super) taken: u64,
}

/// What a piece of content makes.
pub(super) enum Framed {
    /// So many bytes of content go as these bytes, behind this BDAT if there is one, which is the last one or not.
    Bytes {
        bytes: Vec<u8>,
        bdat: Option<(u64, bool)>,
        staged: bool,
    },
    Nothing,
}

impl Transaction {
    pub(super) fn new(
        id: TransactionId,
        envelope: &Envelope,
        extensions: &Extensions,
        config: &Config,
        verified: bool,
    ) -> Self {
        let has = |extension| extensions.has(extension);
        let form = envelope.form();
        let lacks = lacks(envelope, extensions, config, verified);
        let mut fate: Vec<Option<Outcome>> = envelope
            .recipients()
            .iter()
            .map(|to| {
                let own = (!to.is_ascii() && !has(Extension::SmtpUtf8)).then_some(Unsupported::SmtpUtf8);
                lacks.or(own).map(|what| Outcome::Rejected(Failure::Unsupported(what)))
            })
            .collect();
        if has(Extension::Limits) {
            let limits = extensions.limits();
            let (mut taken, mut domains) = (0, BTreeSet::new());
            for (fate, to) in fate.iter_mut().zip(envelope.recipients()) {
                let host = to.host().map(ToString::to_string);
                let more_domains = domains.len() + usize::from(!domains.contains(&host));
                let too_many = limits.recipients.is_some_and(|limit| taken >= limit)
                    || limits.domains.is_some_and(|limit| more_domains > limit);
                match fate {
                    Some(_) => {}
                    None if too_many => {
                        *fate = Some(Outcome::Deferred(Failure::TooManyRecipients { reply: None }));
                    }
                    None => {
                        taken += 1;
                        domains.insert(host);
                    }
                }
            }
        }
        let binary = form.body == BodyType::BinaryMime;
        let chunked = match config.chunking {
            Chunking::Never => false,
            Chunking::IfNeeded => binary,
            Chunking::Safe | Chunking::Streamed => true,
        };
        let framing = match chunked && has(Extension::Chunking) {
            true => Form::Chunks {
                size: form.size,
                streamed: config.chunking == Chunking::Streamed && !config.lmtp,
                begun: false,
                ended: false,
                staged: Vec::new(),
            },
            false => Form::Dots { line_start: true },
        };
        let (mail, missing) = mail(envelope, extensions);
        let next = if fate.iter().all(Option::is_some) { Next::GivenUp } else { Next::Mail };
        Self {
            id,
            mail,
            rcpts: rcpts(envelope, has(Extension::Dsn)),
            missing,
            fate,
            next,
            form: framing,
            binary: binary && chunked,
            cr: false,
            accepted: 0,
            taken_anyway: Vec::new(),
            is_taken: false,
            unanswered: 0,
            is_open_at_server: false,
            cancelled: false,
            is_reset: false,
            began: None,
            end: None,
            taken: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.unanswered == 0 && matches!(self.next, Next::Sent | Next::GivenUp)
    }

    pub(super) fn is_chunked(&self) -> bool {
        matches!(self.form, Form::Chunks { .. })
    }

    pub(super) fn is_mid_chunk(&self) -> bool {
        matches!(self.form, Form::Chunks { begun: true, ended: false, .. })
    }

    pub(super) fn is_decided(&self) -> bool {
        self.fate.iter().all(Option::is_some)
    }

    pub(super) fn undecided(&self, from: usize) -> Option<usize> {
        (from..self.fate.len()).find(|&i| self.fate[i].is_none())
    }

    pub(super) fn decide_all(&mut self, outcome: impl Fn() -> Outcome) {
        self.fate.iter_mut().filter(|fate| fate.is_none()).for_each(|fate| *fate = Some(outcome()));
    }

    /// No more is sent than must be.
    pub(super) fn give_up(&mut self) {
        match self.next {
            Next::Rcpt(_) | Next::Data => self.next = Next::GivenUp,
            Next::Content if self.is_chunked() && !self.is_mid_chunk() => self.next = Next::GivenUp,
            _ => {}
        }
    }

    pub(super) fn on_rcpt(&mut self, recipient: usize, reply: &Reply) {
        if reply.is_positive() {
            self.accepted += 1;
            // Inside of some transaction, this one or another.
            self.is_open_at_server = true;
            if self.fate[recipient].is_some() {
                self.taken_anyway.push(recipient);
            }
        } else if self.fate[recipient].is_some() {
        } else if self.accepted > 0 && says_too_many(reply) {
            self.fate[recipient] =
                Some(Outcome::Deferred(Failure::TooManyRecipients { reply: Some(reply.clone()) }));
        } else {
            self.fate[recipient] = Some(refusal(Phase::Rcpt, reply));
        }
    }

    /// Whether the server has read a chunk as commands.
    pub(super) fn is_misunderstood(&self, reply: &Reply) -> bool {
        let code = reply.code().get();
        let is_about_bdat = matches!(code, 500..=504) && !self.is_taken;
        self.is_chunked() && is_about_bdat && !(code == 503 && self.is_decided())
    }

    /// Nobody knows what became of those whom the server took though it had refused MAIL.
    pub(super) fn doubt(&mut self) {
        for recipient in self.taken_anyway.drain(..) {
            self.fate[recipient] = None;
        }
    }

    /// What is on the wire for a piece of content, by the rules byte for byte.
    pub(super) fn frame(&mut self, content: &[u8], ends: bool) -> Result<Framed, BodyError> {
        let start = self.taken;
        self.taken += content.len() as u64;
        if !self.binary {
            for (i, &byte) in content.iter().enumerate() {
                if self.cr != (byte == b'\n') {
                    let offset = start + i as u64 - u64::from(self.cr);
                    return Err(BodyError::BareLineEnd(BareLineEnd { offset }));
                }
                self.cr = byte == b'\r';
            }
            if ends && self.cr {
                return Err(BodyError::BareLineEnd(BareLineEnd { offset: self.taken - 1 }));
            }
        }
        match &mut self.form {
            Form::Dots { line_start } => {
                let mut bytes = Vec::with_capacity(content.len() + 5);
                for &byte in content {
                    if *line_start && byte == b'.' {
                        bytes.push(b'.');
                    }
                    bytes.push(byte);
                    *line_start = byte == b'\n';
                }
                if ends {
                    bytes.extend_from_slice(if *line_start { b".\r\n" } else { b"\r\n.\r\n" });
                }
                Ok(Framed::Bytes { bytes, bdat: None, staged: false })
            }
            Form::Chunks { size: Some(size), begun, ended, staged, .. } => {
                if self.taken > *size {
                    return Err(BodyError::TooLong { declared: *size });
                }
                if ends && self.taken < *size {
                    return Err(BodyError::TooShort { declared: *size, taken: self.taken });
                }
                if *size == 0 && !ends {
                    return Ok(Framed::Nothing);
                }
                let bdat = (!*begun).then_some((*size, true));
                (*begun, *ended) = (true, ends);
                let mut bytes = std::mem::take(staged);
                bytes.extend_from_slice(content);
                // Whether it is the last byte is not known yet.
                if !ends && self.taken == *size {
                    staged.extend(bytes.pop());
                }
                Ok(Framed::Bytes { bytes, bdat, staged: false })
            }
            Form::Chunks { size: None, staged, .. } => {
                staged.extend_from_slice(content);
                if !ends && staged.len() < CHUNK {
                    return Ok(Framed::Nothing);
                }
                let bytes = std::mem::take(staged);
                Ok(Framed::Bytes { bdat: Some((bytes.len() as u64, ends)), bytes, staged: true })
            }
        }
    }

    /// How much of a piece is taken, if that is certain.
    pub(super) fn takes(&self, piece: usize) -> usize {
        match &self.form {
            Form::Chunks { size: None, staged, .. } => piece.min(CHUNK - staged.len()),
            _ => piece,
        }
    }
}

fn lacks(
    envelope: &Envelope,
    extensions: &Extensions,
    config: &Config,
    verified: bool,
) -> Option<Unsupported> {
    let has = |extension| extensions.has(extension);
    let (form, options) = (envelope.form(), envelope.options());
    if let (Some(size), Some(limit)) = (form.size, extensions.max_size())
        && size > limit
    {
        return Some(Unsupported::Size { size, limit });
    }
    let utf8 = form.smtputf8 || envelope.sender().is_some_and(|sender| !sender.is_ascii());
    if utf8 && !has(Extension::SmtpUtf8) {
        return Some(Unsupported::SmtpUtf8);
    }
    match form.body {
        BodyType::EightBitMime if !has(Extension::EightBitMime) => return Some(Unsupported::EightBitMime),
        BodyType::BinaryMime
            if !has(Extension::BinaryMime)
                || !has(Extension::Chunking)
                || config.chunking == Chunking::Never =>
        {
            return Some(Unsupported::BinaryMime);
        }
        _ => {}
    }
    if options.require_tls && !(has(Extension::RequireTls) && verified) {
        return Some(Unsupported::RequireTls);
    }
    if let Some(by) = options.deliver_by
        && by.mode() == ByMode::Return
    {
        let minimum = extensions.deliver_by_minimum();
        let too_short = minimum.is_some_and(|minimum| by.seconds() < i64::from(minimum));
        if !has(Extension::DeliverBy) || too_short {
            return Some(Unsupported::DeliverBy { minimum: minimum.filter(|_| has(Extension::DeliverBy)) });
        }
    }
    let too_long = match (&options.hold, extensions.future_release()) {
        (None, _) => false,
        (Some(_), _) if !has(Extension::FutureRelease) => true,
        (Some(_), None) => false,
        (Some(Hold::For(hold)), Some((most, _))) => hold.get() > most,
        (Some(Hold::Until(hold)), Some((_, latest))) => hold.as_str() > latest,
    };
    too_long.then_some(Unsupported::FutureRelease)
}

/// The MAIL command, and what had to be left out of it.
fn mail(envelope: &Envelope, extensions: &Extensions) -> (String, Vec<Extension>) {
    let has = |extension| extensions.has(extension);
    let (form, options) = (envelope.form(), envelope.options());
    let mut line = format!("MAIL FROM:<{}>", envelope.sender().map(Address::to_string).unwrap_or_default());
    let mut missing = Vec::new();
    if let (Some(size), true) = (form.size, has(Extension::Size)) {
        let _ = write!(line, " SIZE={size}");
    }
    line += match form.body {
        BodyType::EightBitMime => " BODY=8BITMIME",
        BodyType::BinaryMime => " BODY=BINARYMIME",
        _ => "",
    };
    let mut addresses = envelope.recipients().iter().chain(envelope.sender());
    if (form.smtputf8 || !addresses.all(Address::is_ascii)) && has(Extension::SmtpUtf8) {
        line += " SMTPUTF8";
    }
    let asks = |i| envelope.rcpt_options(i).notify.is_some() || envelope.rcpt_options(i).original.is_some();
    let of_rcpt = (0..envelope.recipients().len()).any(asks);
    let dsn = options.ret.is_some() || options.envelope_id.is_some() || of_rcpt;
    for (extension, is_asked) in [
        (Extension::Dsn, dsn),
        (Extension::Auth, options.submitter.is_some()),
        (Extension::MtPriority, options.priority.is_some()),
        (Extension::DeliverBy, options.deliver_by.is_some()),
    ] {
        if is_asked && !has(extension) {
            missing.push(extension);
        }
    }
    if has(Extension::Dsn) {
        line += match options.ret {
            Some(Ret::Full) => " RET=FULL",
            Some(Ret::Headers) => " RET=HDRS",
            None => "",
        };
        if let Some(id) = &options.envelope_id {
            let _ = write!(line, " ENVID={id}");
        }
    }
    if let (Some(submitter), true) = (&options.submitter, has(Extension::Auth)) {
        let _ = write!(line, " AUTH={submitter}");
    }
    if options.require_tls {
        line += " REQUIRETLS";
    }
    if let (Some(priority), true) = (options.priority, has(Extension::MtPriority)) {
        let _ = write!(line, " MT-PRIORITY={priority}");
    }
    if let (Some(by), true) = (options.deliver_by, has(Extension::DeliverBy)) {
        let _ = write!(line, " BY={by}");
    }
    if let Some(hold) = &options.hold {
        let _ = write!(line, " {hold}");
    }
    (line, missing)
}

fn rcpts(envelope: &Envelope, dsn: bool) -> Vec<String> {
    let line = |(i, to): (usize, &Address)| {
        let mut line = format!("RCPT TO:<{to}>");
        let options = envelope.rcpt_options(i);
        if let (Some(notify), true) = (options.notify, dsn) {
            let _ = write!(line, " NOTIFY={notify}");
        }
        if let (Some(original), true) = (&options.original, dsn) {
            let _ = write!(line, " ORCPT={original}");
        }
        line
    };
    envelope.recipients().iter().enumerate().map(line).collect()
}

/// RFC 5321 section 4.5.3.1.10, and what servers make of it: the class of the enhanced code may be wrong.
fn says_too_many(reply: &Reply) -> bool {
    let code = reply.code().get();
    let text = reply.lines().next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let word = text.split([' ', '\t']).next().unwrap_or_default();
    let numbers: Vec<Option<u16>> = word.split('.').map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [Some(2 | 4 | 5), Some(subject), Some(detail)] => {
            (subject, detail) == (5, 3) && (code == 552 || (400..500).contains(&code))
        }
        _ => code == 452 || code == 552,
    }
}

/// What a reply makes of those it decides about.
pub(super) fn verdict(phase: Phase, reply: &Reply) -> Outcome {
    if phase == Phase::Verdict && reply.is_positive() {
        return Outcome::Delivered(reply.clone());
    }
    refusal(phase, reply)
}

fn refusal(phase: Phase, reply: &Reply) -> Outcome {
    let failure = Failure::Refused { phase, reply: reply.clone() };
    let for_now = matches!((phase, reply.code().get()), (Phase::Rcpt, 552) | (Phase::Mail, 503));
    if reply.severity() == Severity::Permanent && !for_now {
        Outcome::Rejected(failure)
    } else {
        Outcome::Deferred(failure)
    }
}
