//! What an embedder is asked, and how its answers are written (RFC 5321 section 4.2, RFC 3463).

use alloc::collections::{BTreeSet, VecDeque};

use super::body::{Census, LineEnds};
use super::{Answer, Config, Limits, Recipient};
use crate::address::{Address, Host};
use crate::command::MailParameters;
use crate::envelope::BodyType;
use crate::sasl::AuthMechanism;

/// What MAIL has begun.
pub(super) struct Transaction {
    pub(super) smtputf8: bool,
    pub(super) body: BodyType,
    /// How many recipients were accepted.
    pub(super) accepted: usize,
    /// Those who are still to be decided about at the end, with LMTP.
    pub(super) recipients: VecDeque<Recipient>,
    /// Where they are, if that is limited.
    pub(super) domains: BTreeSet<Host>,
    /// Recipients beyond the limit.
    pub(super) excess: usize,
    /// What came by BDAT, if something did.
    pub(super) chunks: Option<Chunks>,
}

impl Transaction {
    pub(super) fn new(parameters: &MailParameters) -> Self {
        Self {
            smtputf8: parameters.smtputf8,
            body: parameters.body.unwrap_or_default(),
            accepted: 0,
            recipients: VecDeque::new(),
            domains: BTreeSet::new(),
            excess: 0,
            chunks: None,
        }
    }

    /// Why there is no room for one more recipient, if there is none.
    pub(super) fn is_full_for(&self, address: &Address, limits: &Limits) -> Option<Refusal> {
        let is_new = |host| !self.domains.contains(host);
        if self.accepted >= limits.recipients {
            Some((452, "4.5.3", "too many recipients"))
        } else if limits.domains.is_some_and(|limit| self.domains.len() >= limit)
            && address.host().is_some_and(is_new)
        {
            Some((452, "4.5.3", "too many domains"))
        } else {
            None
        }
    }

    pub(super) fn accept(&mut self, recipient: Recipient, limits: &Limits, lmtp: bool) {
        self.accepted += 1;
        if limits.domains.is_some() {
            self.domains.extend(recipient.address.host().cloned());
        }
        if lmtp {
            self.recipients.push_back(recipient);
        }
    }

    /// A chunk of so many bytes begins; why nothing of it counts, if nothing does.
    pub(super) fn begin_chunk(&mut self, size: u64, limits: &Limits) -> Option<Refusal> {
        let chunks = self.chunks.get_or_insert_default();
        chunks.size = chunks.size.saturating_add(size);
        if limits.size.is_some_and(|limit| chunks.size > limit) {
            chunks.refusal = Some(TOO_BIG);
        }
        chunks.refusal
    }

    /// What is wrong with content in which `bare` CR or LF and what `census` says were found.
    pub(super) fn fault(&self, bare: bool, census: &Census, config: &Config) -> Option<Refusal> {
        if bare && self.body != BodyType::BinaryMime && !config.allow_bare_line_ends {
            return Some((550, "5.6.0", "lines end in CRLF, bare CR or LF found"));
        }
        let undeclared =
            census.undeclared(self.body, self.smtputf8).map(|(enhanced, text)| (550, enhanced, text));
        undeclared.filter(|_| !config.allow_undeclared_content)
    }
}

pub(super) const TOO_BIG: Refusal = (552, "5.3.4", "message too big");

/// Content that comes by BDAT, over all chunks.
#[derive(Default)]
pub(super) struct Chunks {
    pub(super) census: Census,
    pub(super) line_ends: LineEnds,
    /// Bytes, those of the chunk that is coming included.
    pub(super) size: u64,
    /// Why nothing of it counts any more.
    pub(super) refusal: Option<Refusal>,
}

/// A reply of the server's own: code, enhanced code, text.
pub(super) type Refusal = (u16, &'static str, &'static str);

/// What is to be decided.
pub(super) enum Decision {
    Auth,
    /// What the embedder says in a mechanism.
    AuthMessage {
        mechanism: AuthMechanism,
        round: u32,
    },
    Mail(Transaction),
    Rcpt(Recipient),
    Message,
    /// The message for the recipient whose turn it is.
    MessageFor,
    Vrfy,
    Expn,
    Help,
    XClient,
}

impl Decision {
    pub(super) fn usual_reply(&self, answer: &Answer) -> (u16, &'static str, &'static str) {
        match (self, answer) {
            (_, Answer::Reply(_) | Answer::Challenge(_)) => (451, "4.3.0", "local error"),
            (Self::Auth | Self::AuthMessage { .. }, Answer::Accept) => (235, "2.7.0", "authenticated"),
            (Self::Auth | Self::AuthMessage { .. }, Answer::Refuse) => {
                (535, "5.7.8", "credentials are not right")
            }
            (Self::Auth | Self::AuthMessage { .. }, Answer::Defer) => {
                (454, "4.7.0", "cannot check credentials now")
            }
            (Self::Mail(_), Answer::Accept) => (250, "2.1.0", "sender accepted"),
            (Self::Mail(_), Answer::Refuse) => (550, "5.7.1", "sender refused"),
            (Self::Mail(_), Answer::Defer) => (451, "4.7.1", "sender not accepted now"),
            (Self::Rcpt(_), Answer::Accept) => (250, "2.1.5", "recipient accepted"),
            (Self::Rcpt(_), Answer::Refuse) => (550, "5.1.1", "no such recipient"),
            (Self::Rcpt(_), Answer::Defer) => (451, "4.2.1", "recipient not accepted now"),
            (Self::Message | Self::MessageFor, Answer::Accept) => (250, "2.0.0", "message accepted"),
            (Self::Message | Self::MessageFor, Answer::Refuse) => (550, "5.7.1", "message refused"),
            (Self::Message | Self::MessageFor, Answer::Defer) => (451, "4.3.0", "message not accepted now"),
            (Self::Vrfy, Answer::Accept) => (252, "2.5.0", "not verified, but mail would be tried"),
            (Self::Vrfy, Answer::Refuse) => (550, "5.1.1", "no such user"),
            (Self::Expn, Answer::Accept | Answer::Refuse) => (502, "5.5.1", "not implemented"),
            (Self::Help, Answer::Accept | Answer::Refuse) => (214, "2.0.0", "see RFC 5321"),
            (Self::XClient, Answer::Refuse) => (550, "5.7.0", "not from you"),
            // What accepts XCLIENT is the greeting, and not written here.
            (Self::Vrfy | Self::Expn | Self::Help | Self::XClient, _) => (451, "4.3.0", "not now"),
        }
    }
}
