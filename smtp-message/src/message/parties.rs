//! Who sends a message, and to whom: what its envelope is made of.

use std::collections::HashSet;

use smtp_proto::Address;

use crate::{Mailbox, MailboxList, steps};

/// What the fields of the originators and recipients say, in a message or in its `Resent-` fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parties {
    pub(super) from: MailboxList,
    /// Few messages have one.
    pub(super) sender: Option<Box<Mailbox>>,
    pub(super) to: MailboxList,
    pub(super) cc: MailboxList,
    pub(super) bcc: MailboxList,
}

impl Parties {
    /// Who sends it: the sender, or else the first author.
    pub(crate) fn sender(&self) -> Option<&Mailbox> {
        self.sender.as_deref().or_else(|| self.from.mailboxes().next())
    }

    /// Whether the fields can be written in UTF-8 only.
    pub(super) fn needs_utf8(&self) -> bool {
        let sender = self.sender.as_ref().is_some_and(|mailbox| !mailbox.address().is_ascii());
        sender || [&self.from, &self.to, &self.cc].into_iter().any(|list| list.kinds().needs_utf8)
    }

    /// The addresses of those who are to get it, each once, in order.
    pub(crate) fn recipients(&self) -> Vec<Address> {
        unique(self.shown().chain(self.bcc.mailboxes()))
    }

    /// The addresses of those of them whom the message names.
    pub(crate) fn shown_recipients(&self) -> Vec<Address> {
        unique(self.shown())
    }

    fn shown(&self) -> impl Iterator<Item = &Mailbox> {
        self.to.mailboxes().chain(self.cc.mailboxes())
    }
}

/// The addresses of mailboxes, each once, in order.
pub(crate) fn unique<'a>(mailboxes: impl Iterator<Item = &'a Mailbox>) -> Vec<Address> {
    let mut addresses: Vec<&Address> = Vec::new();
    let mut seen = HashSet::new();
    for address in mailboxes.map(Mailbox::address) {
        // A few are compared faster than put into a set.
        steps::add(addresses.len().min(8) + 1);
        if addresses.len() < 8 {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
            continue;
        }
        if seen.is_empty() {
            seen.extend(addresses.iter().copied());
        }
        if seen.insert(address) {
            addresses.push(address);
        }
    }
    addresses.into_iter().cloned().collect()
}
