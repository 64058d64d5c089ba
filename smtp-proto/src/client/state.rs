//! What a client knows of its session; every transition is in [`machine`](super::machine).

use alloc::boxed::Box;

use super::auth::Auth;
use crate::time::Instant;

/// What comes next; what was sent and is not answered is in the pipeline.
#[derive(Debug)]
pub(super) enum State {
    /// TLS comes next, and after it the greeting or EHLO.
    Handshake {
        deadline: Instant,
        greeting: bool,
    },
    /// The server is to speak: the greeting, or the reply to EHLO, HELO or STARTTLS.
    Await,
    SendEhlo,
    SendHelo,
    SendStartTls,
    Auth(Box<Auth>),
    /// XCLIENT is the one query.
    XClient,
    Ready,
}

/// What is known of who can read and write along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    None,
    Tls { verified: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quit {
    No,
    Requested,
    Sent,
}
