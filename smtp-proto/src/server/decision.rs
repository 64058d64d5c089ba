//! What an embedder is asked, and how its answers are written (RFC 5321 section 4.2, RFC 3463).

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::Answer;
use crate::envelope::BodyType;

/// What MAIL has begun.
pub(super) struct Transaction {
    pub(super) smtputf8: bool,
    pub(super) body: BodyType,
    pub(super) recipients: usize,
    /// Recipients beyond the limit.
    pub(super) excess: usize,
}

/// What is to be decided.
pub(super) enum Decision {
    Auth,
    Mail(Transaction),
    Rcpt,
    Message,
}

impl Decision {
    pub(super) fn usual_reply(&self, answer: &Answer) -> (u16, &'static str, &'static str) {
        match (self, answer) {
            (_, Answer::Reply(_)) => (451, "4.3.0", "local error"),
            (Self::Auth, Answer::Accept) => (235, "2.7.0", "authenticated"),
            (Self::Auth, Answer::Refuse) => (535, "5.7.8", "credentials are not right"),
            (Self::Auth, Answer::Defer) => (454, "4.7.0", "cannot check credentials now"),
            (Self::Mail(_), Answer::Accept) => (250, "2.1.0", "sender accepted"),
            (Self::Mail(_), Answer::Refuse) => (550, "5.7.1", "sender refused"),
            (Self::Mail(_), Answer::Defer) => (451, "4.7.1", "sender not accepted now"),
            (Self::Rcpt, Answer::Accept) => (250, "2.1.5", "recipient accepted"),
            (Self::Rcpt, Answer::Refuse) => (550, "5.1.1", "no such recipient"),
            (Self::Rcpt, Answer::Defer) => (451, "4.2.1", "recipient not accepted now"),
            (Self::Message, Answer::Accept) => (250, "2.0.0", "message accepted"),
            (Self::Message, Answer::Refuse) => (550, "5.7.1", "message refused"),
            (Self::Message, Answer::Defer) => (451, "4.3.0", "message not accepted now"),
        }
    }
}

/// Appends one line of a reply.
pub(super) fn line(bytes: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    struct Utf8<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Utf8<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    // Writing to a vector does not fail.
    let _ = Utf8(bytes).write_fmt(text);
    bytes.extend_from_slice(b"\r\n");
}
