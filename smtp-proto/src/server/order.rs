//! Which command may come when: what stands against one, as the reply that says so (RFC 5321 section 4.1.4, RFC 3207,
//! RFC 4954 section 4, RFC 3030 section 2, RFC 2033).  Nothing changes here.

use super::command::{Command, Hello};
use super::decision::{Refusal, Transaction};
use super::state::Said;
use super::{Config, Tls};
use crate::command::Query;
use crate::envelope::BodyType;
use crate::extensions::Extension;

const NO_COMMAND: Refusal = (500, "5.5.1", "no such command");
const NOT_IMPLEMENTED: Refusal = (502, "5.5.1", "not implemented");
const IN_TRANSACTION: Refusal = (503, "5.5.1", "not within a transaction");
const MAIL_FIRST: Refusal = (503, "5.5.1", "MAIL first");
const EHLO_FIRST: Refusal = (503, "5.5.1", "EHLO first");
const NO_RECIPIENTS: Refusal = (503, "5.5.1", "no valid recipients");

/// What decides whether a command may come.
pub(super) struct Order<'a> {
    pub(super) config: &'a Config,
    pub(super) said: &'a Said,
    /// Whether there is TLS.
    pub(super) secure: bool,
    /// Messages on this connection so far.
    pub(super) mails: usize,
}

impl Order<'_> {
    /// Whether there is this extension now, for this client.
    pub(super) fn offers(&self, extension: Extension) -> bool {
        self.said.extended && self.config.offers(extension, self.secure)
    }

    /// Why a command is refused whatever it says, if it is.
    pub(super) fn refuses(&self, command: &Command<'_>) -> Option<Refusal> {
        self.too_early(command).or_else(|| match command {
            Command::Hello { kind, .. } => self.hello(*kind),
            Command::StartTls => self.start_tls(),
            Command::Auth { .. } => self.auth(),
            Command::Mail { .. } => self.mail(),
            Command::Rcpt { .. } => self.rcpt(),
            Command::Data => self.data(),
            Command::Bdat { .. } => self.chunk(),
            Command::Query(query) => self.query(query),
            Command::Rset | Command::Noop | Command::Quit => None,
        })
    }

    /// Whether TLS or AUTH must come first.
    fn too_early(&self, command: &Command<'_>) -> Option<Refusal> {
        let before_tls = matches!(
            command,
            Command::Hello { .. } | Command::StartTls | Command::Noop | Command::Quit | Command::Rset
        );
        if self.config.require_tls && !self.secure && !before_tls {
            return Some((530, "5.7.0", "STARTTLS first"));
        }
        let mail = matches!(
            command,
            Command::Mail { .. }
                | Command::Rcpt { .. }
                | Command::Data
                | Command::Bdat { .. }
                | Command::Query(Query::Vrfy(_) | Query::Expn(_))
        );
        (self.config.require_auth && !self.said.authenticated && mail).then_some((530, "5.7.0", "AUTH first"))
    }

    fn hello(&self, kind: Hello) -> Option<Refusal> {
        // RFC 2033 section 4.1
        ((kind == Hello::Lhlo) != self.config.lmtp).then_some(NO_COMMAND)
    }

    fn start_tls(&self) -> Option<Refusal> {
        match self.config.tls {
            Tls::StartTls(_) if !self.secure => self.said.transaction.is_some().then_some(IN_TRANSACTION),
            _ => Some(NOT_IMPLEMENTED),
        }
    }

    fn auth(&self) -> Option<Refusal> {
        if self.config.auth.is_empty() {
            Some(NOT_IMPLEMENTED)
        } else if !self.said.extended {
            Some(EHLO_FIRST)
        } else if self.said.authenticated {
            Some((503, "5.5.1", "authenticated already"))
        } else if self.said.transaction.is_some() {
            Some(IN_TRANSACTION)
        } else {
            let may = self.config.may_authenticate(self.secure);
            (!may).then_some((538, "5.7.11", "not without TLS"))
        }
    }

    fn mail(&self) -> Option<Refusal> {
        if !self.said.hello {
            Some(if self.config.lmtp { (503, "5.5.1", "LHLO first") } else { EHLO_FIRST })
        } else if self.said.transaction.is_some() {
            Some((503, "5.5.1", "a transaction is open"))
        } else {
            let is_full = self.config.limits.mails.is_some_and(|limit| self.mails >= limit);
            is_full.then_some((452, "4.5.3", "too many messages on this connection"))
        }
    }

    fn rcpt(&self) -> Option<Refusal> {
        match &self.said.transaction {
            None => Some(MAIL_FIRST),
            Some(Transaction { chunks: Some(_), .. }) => Some((503, "5.5.1", "content has begun")),
            Some(_) => None,
        }
    }

    fn data(&self) -> Option<Refusal> {
        match &self.said.transaction {
            None => Some(MAIL_FIRST),
            Some(Transaction { chunks: Some(_), .. }) => Some((503, "5.5.1", "BDAT has begun")),
            // RFC 2033 section 4.2
            Some(Transaction { accepted: 0, .. }) if self.config.lmtp => Some(NO_RECIPIENTS),
            Some(Transaction { accepted: 0, .. }) => Some((554, "5.5.1", "no valid recipients")),
            Some(Transaction { body: BodyType::BinaryMime, .. }) => {
                Some((503, "5.5.1", "BINARYMIME needs BDAT"))
            }
            Some(_) => None,
        }
    }

    fn chunk(&self) -> Option<Refusal> {
        match &self.said.transaction {
            _ if !self.config.offers(Extension::Chunking, self.secure) => Some(NOT_IMPLEMENTED),
            None => Some(MAIL_FIRST),
            Some(_) if !self.said.extended => Some(EHLO_FIRST),
            Some(Transaction { accepted: 0, .. }) => Some(NO_RECIPIENTS),
            Some(_) => None,
        }
    }

    fn query(&self, query: &Query) -> Option<Refusal> {
        match query {
            Query::XClient(_) if !self.offers(Extension::XClient) => Some(NOT_IMPLEMENTED),
            Query::XClient(_) => self.said.transaction.is_some().then_some(IN_TRANSACTION),
            _ => None,
        }
    }
}
