//! Mailboxes, groups and lists of them: there and back, and into a header that a strict reader takes.
//!
//! An input is a text; bytes that are not UTF-8 become U+FFFD.

use smtp_message::{Bcc, Fields, LineEnds, Mailbox, MailboxEntry, MailboxList, Message, RawMessage};

use crate::{STAMP, assert_lines, assert_printable};

/// Parses the text as a mailbox, a list, a display name, and what another program wrote.
pub fn check(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    match text.parse::<Mailbox>() {
        Ok(mailbox) => {
            assert_eq!(mailbox.to_string().parse().as_ref(), Ok(&mailbox), "{text:?}");
            assert_eq!(Mailbox::try_from(text).as_ref(), Ok(&mailbox));
            assert_eq!(Mailbox::try_from(text.to_owned()).as_ref(), Ok(&mailbox));
            assert_eq!(Mailbox::try_from(&text.to_owned()).as_ref(), Ok(&mailbox));
            check_written(&[mailbox].into_iter().collect());
        }
        Err(error) => assert_printable(&error),
    }
    match text.parse::<MailboxList>() {
        Ok(list) => {
            assert_eq!(list.to_string().parse().as_ref(), Ok(&list), "{text:?}");
            assert_eq!(MailboxList::try_from(text).as_ref(), Ok(&list));
            assert_eq!(copied(&list), list);
            check_written(&list);
        }
        Err(error) => assert_printable(&error),
    }
    let address = "a@example.com";
    match Mailbox::try_from((text, address)) {
        Ok(mailbox) => {
            assert_eq!(mailbox.name().unwrap_or_default(), text);
            assert_eq!(Mailbox::try_from((text.to_owned(), address.to_owned())).as_ref(), Ok(&mailbox));
            assert_eq!(mailbox.to_string().parse().as_ref(), Ok(&mailbox));
            check_written(&[mailbox].into_iter().collect());
        }
        Err(error) => assert_printable(&error),
    }
    if let Err(error) = MailboxList::new().push_group(text, []) {
        assert_printable(&error);
    }
    // Among the headers of a message that was made elsewhere.
    let raw = format!("From: {text}\nTo: {text}\nBcc: b@example.com\n\n");
    if let Ok(raw) = RawMessage::parse(raw, LineEnds::Normalise, Bcc::Remove) {
        if let Err(error) = raw.recipients() {
            assert_printable(error);
        }
        if let Err(error) = raw.sender() {
            assert_printable(error);
        }
    }
}

/// The same list, put together anew.
fn copied(list: &MailboxList) -> MailboxList {
    let mut copy = MailboxList::new();
    for entry in list.entries() {
        match entry {
            MailboxEntry::Mailbox(mailbox) => copy.push(mailbox.clone()),
            MailboxEntry::Group { name, members } => {
                copy.push_group(name, members.iter().cloned()).expect("a name that was read");
            }
        }
    }
    copy
}

/// What is written is lines, and a reader finds the same addresses in it.
fn check_written(list: &MailboxList) {
    let builder = Message::builder().from("a@example.com").to_list(list.clone()).bcc("b@example.com");
    let Ok(message) = builder.build(&STAMP) else {
        // A recipient without a domain is for envelopes only.
        assert!(list.mailboxes().any(|mailbox| mailbox.address().host().is_none()));
        return;
    };
    let bytes = message.to_bytes().expect("all is at hand");
    assert_lines(&bytes);
    let to: Vec<_> = Fields::new(&bytes).filter(|field| field.is("To")).collect();
    assert_eq!(to.len(), usize::from(!list.is_empty()));
    let raw = RawMessage::parse(bytes, LineEnds::Strict, Bcc::Keep).expect("written by us");
    let sent: Vec<_> = message.recipients().iter().filter(|to| to.to_string() != "b@example.com").collect();
    let read = raw.recipients().expect("written by us");
    assert!(sent.iter().all(|address| read.contains(address)) && read.len() <= sent.len() + 1);
}
