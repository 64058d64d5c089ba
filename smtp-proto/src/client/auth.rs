//! An AUTH exchange (RFC 4954): whose turn it is, and what is to be said.

use alloc::vec::Vec;
use core::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::event::AuthError;
use super::pipeline::Awaited;
use super::wire::Wire;
use crate::Output;
use crate::command::Command;
use crate::extensions::AuthMechanism;
use crate::reply::Reply;

/// A line of AUTH, the line end included, may have so many bytes (RFC 4954 section 4, RFC 5321 section 4.5.3.1.4).
const MAX_AUTH_LINE: usize = 512;

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

impl Wire {
    /// Appends our next line of an AUTH exchange, if it is our turn.
    pub(super) fn put_auth(&mut self, auth: &mut Auth, out: &mut Output) {
        let mechanism = auth.mechanism;
        match core::mem::replace(&mut auth.turn, AuthTurn::Await) {
            AuthTurn::Start(None) => self.put(Command::Auth { mechanism, initial: None }, Awaited::Auth, out),
            AuthTurn::Start(Some(initial)) => {
                let line = "AUTH  \r\n".len() + mechanism.name().len() + BASE64.encode_len(initial.len());
                if line <= MAX_AUTH_LINE {
                    self.put(Command::Auth { mechanism, initial: Some(&initial) }, Awaited::Auth, out);
                } else {
                    auth.turn = AuthTurn::AwaitGo(initial);
                    self.put(Command::Auth { mechanism, initial: None }, Awaited::Auth, out);
                }
            }
            AuthTurn::Respond(response) => self.put(Command::AuthResponse(&response), Awaited::Auth, out),
            AuthTurn::Cancel => self.put(Command::AuthCancel, Awaited::Auth, out),
            turn @ (AuthTurn::Await | AuthTurn::AwaitGo(_) | AuthTurn::Challenged) => auth.turn = turn,
        }
    }
}
