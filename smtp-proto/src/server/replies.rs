//! Replies that are not handed out yet (RFC 5321 section 4.2, RFC 2034).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use crate::address::Host;
use crate::output::Output;
use crate::reply::Reply;

pub(super) struct Replies {
    out: Output,
    /// Whether enhanced status codes are written.
    enhanced: bool,
}

impl Replies {
    pub(super) fn new(enhanced: bool) -> Self {
        Self { out: Output::new(), enhanced }
    }

    pub(super) fn output(&self) -> &Output {
        &self.out
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    pub(super) fn say(&mut self, code: u16, enhanced: &str, text: impl fmt::Display) {
        match enhanced {
            "" => self.line(format_args!("{code} {text}")),
            _ if !self.enhanced => self.line(format_args!("{code} {text}")),
            enhanced => self.line(format_args!("{code} {enhanced} {text}")),
        }
    }

    /// Says what the embedder says.
    pub(super) fn encode(&mut self, reply: &Reply) {
        self.out.append_with(|bytes| reply.encode(bytes));
    }

    pub(super) fn greet(&mut self, host: &Host, lmtp: bool) {
        self.line(format_args!("220 {host} {}", if lmtp { "LMTP" } else { "ESMTP" }));
    }

    /// The reply to a hello.
    pub(super) fn hello(&mut self, host: &Host, mut keywords: Vec<String>) {
        let Some(last) = keywords.pop() else { return self.line(format_args!("250 {host}")) };
        self.line(format_args!("250-{host}"));
        for keyword in keywords {
            self.line(format_args!("250-{keyword}"));
        }
        self.line(format_args!("250 {last}"));
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        struct Utf8<'a>(&'a mut Vec<u8>);
        impl fmt::Write for Utf8<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
        self.out.append_with(|bytes| {
            // Writing to a vector does not fail.
            let _ = Utf8(bytes).write_fmt(text);
            bytes.extend_from_slice(b"\r\n");
        });
    }
}
