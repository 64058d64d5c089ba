//! What became of a message: one outcome per recipient.

use std::fmt;

use smtp_proto::Address;
use smtp_proto::client::Outcome;
use smtp_proto::tls::TlsInfo;

/// What became of each recipient of a message that a server was asked to take.
///
/// A report is not a success: look at the outcomes, or ask for all with [`all_delivered`](Self::all_delivered).
#[derive(Clone, Debug)]
#[must_use]
pub struct Report {
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) tls: Option<TlsInfo>,
}

/// One recipient and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipient {
    /// The address, as in the envelope.
    pub address: Address,
    /// What became of it.
    pub outcome: Outcome,
}

impl Report {
    /// The recipients in the order of the envelope.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// The same, for who wants to keep them.
    pub fn into_recipients(self) -> Vec<Recipient> {
        self.recipients
    }

    /// What TLS the message went over; `None` if it went in plain text.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_ref()
    }

    /// Whether the server took responsibility for every recipient.
    pub fn is_complete(&self) -> bool {
        self.recipients.iter().all(|recipient| recipient.outcome.is_delivered())
    }

    /// Makes an error of a report with a recipient that was not served.  The server's replies, which often have the number
    /// of the message in its queue, are in the report all the same.
    ///
    /// # Errors
    /// The recipients that were not served.
    pub fn all_delivered(&self) -> Result<(), NotDelivered> {
        let missing = self.recipients.iter().filter(|recipient| !recipient.outcome.is_delivered());
        let missing: Vec<_> = missing.cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(NotDelivered { recipients: missing }) }
    }
}

/// Recipients whom the server did not take the message for; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDelivered {
    recipients: Vec<Recipient>,
}

impl NotDelivered {
    /// Who, and why.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }
}

impl fmt::Display for NotDelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Recipient { address, outcome }) in self.recipients.iter().enumerate() {
            write!(f, "{}{address}: {outcome}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for NotDelivered {}
