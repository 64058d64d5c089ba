//! An AUTH exchange (RFC 4954): whose turn it is, and what is to be said.

use alloc::vec::Vec;
use core::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::event::AuthError;
use crate::extensions::AuthMechanism;
use crate::reply::Reply;

#[derive(Debug)]
pub(super) struct Auth {
    pub(super) mechanism: AuthMechanism,
    pub(super) turn: AuthTurn,
    pub(super) rounds: u32,
    /// Why `*` was sent.
    pub(super) cancelled: Option<fn(Reply) -> AuthError>,
}

impl Auth {
    /// Ends the exchange; the server's answer to that will be told as `why`.
    pub(super) fn cancel(&mut self, why: fn(Reply) -> AuthError) {
        self.turn = AuthTurn::Cancel;
        self.cancelled = Some(why);
    }
}

pub(super) enum AuthTurn {
    /// The command is to be sent.
    Start(Option<Zeroizing<Vec<u8>>>),
    /// The command was sent without the initial response, which was too long for the line.
    AwaitGo(Zeroizing<Vec<u8>>),
    /// The server is to speak.
    Await,
    /// The caller is to speak.
    Challenged,
    Respond(Zeroizing<Vec<u8>>),
    Cancel,
}

impl fmt::Debug for AuthTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start(_) => "Start",
            Self::AwaitGo(_) => "AwaitGo",
            Self::Await => "Await",
            Self::Challenged => "Challenged",
            Self::Respond(_) => "Respond",
            Self::Cancel => "Cancel",
        })
    }
}

/// The challenge in a 334 reply, if it is base64 in one line.
pub(super) fn challenge(reply: &Reply) -> Option<Vec<u8>> {
    let mut lines = reply.lines();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    BASE64.decode(line.trim_ascii()).ok()
}
