//! What becomes of the options of an envelope when a server does not offer them.
//!
//! Without some the message must not go at all: REQUIRETLS (RFC 8689 section 4.2.1), a return of what is late (RFC 2852
//! section 4.1.3), and FUTURERELEASE, because it would be delivered too early.  Without the others it goes as it would
//! have gone before there were any: DSN (RFC 3461 section 5.2.2), MT-PRIORITY (RFC 6710 section 4.3), AUTH (RFC 4954
//! section 5), a notification of what is late; and the caller is told.

use alloc::vec::Vec;

use super::error::Unsupported;
use crate::envelope::{ByMode, Envelope, Hold, MailOptions};
use crate::extensions::{Extension, Extensions};

/// What the message must not go without, and must.
pub(super) fn missing(options: &MailOptions, extensions: &Extensions, verified: bool) -> Option<Unsupported> {
    if options.require_tls && !(verified && extensions.has(Extension::RequireTls)) {
        return Some(Unsupported::RequireTls);
    }
    if let Some(by) = options.deliver_by.filter(|by| by.mode() == ByMode::Return) {
        if !extensions.has(Extension::DeliverBy) {
            return Some(Unsupported::DeliverBy { minimum: None });
        }
        let minimum = extensions.deliver_by_minimum();
        if minimum.is_some_and(|minimum| by.seconds() < i64::from(minimum)) {
            return Some(Unsupported::DeliverBy { minimum });
        }
    }
    if let Some(hold) = &options.hold {
        let takes = match (extensions.future_release(), hold) {
            _ if !extensions.has(Extension::FutureRelease) => false,
            (Some((seconds, _)), Hold::For(hold)) => hold.get() <= seconds,
            // Only times of the same shape can be compared here; of others the server will judge.
            (Some((_, time)), Hold::Until(hold)) => {
                !matches!(Hold::until(time), Ok(Hold::Until(latest)) if *hold > latest)
            }
            (None, _) => true,
        };
        if !takes {
            return Some(Unsupported::FutureRelease);
        }
    }
    None
}

/// What of the options can go to the server, and what it would need for the others.
pub(super) fn offered(envelope: &Envelope, extensions: &Extensions) -> (MailOptions, Vec<Extension>) {
    let mut options = envelope.options().clone();
    let mut dropped = Vec::new();
    let mut drop = |extension, is_asked| {
        let is_dropped = is_asked && !extensions.has(extension);
        if is_dropped {
            dropped.push(extension);
        }
        is_dropped
    };
    let of_rcpt = (0..envelope.recipients().len()).any(|i| !envelope.rcpt_options(i).is_empty());
    if drop(Extension::Dsn, of_rcpt || options.ret.is_some() || options.envelope_id.is_some()) {
        (options.ret, options.envelope_id) = (None, None);
    }
    if drop(Extension::Auth, options.submitter.is_some()) {
        options.submitter = None;
    }
    if drop(Extension::MtPriority, options.priority.is_some()) {
        options.priority = None;
    }
    if drop(Extension::DeliverBy, options.deliver_by.is_some()) {
        options.deliver_by = None;
    }
    (options, dropped)
}
