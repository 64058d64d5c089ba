//! An AUTH exchange (RFC 4954): whose turn it is, and what is to be said; every transition of its state is in this file.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::error::{Error, PeerMisbehaved, Phase};
use super::event::AuthError;
use super::pipeline::Awaited;
use super::wire::Wire;
use crate::Output;
use crate::command::Command;
use crate::reply::{Reply, Severity};
use crate::sasl::{AuthMechanism, Exchange, Response, SaslError, Step};
use crate::secret::Secret;

/// A line of AUTH, the line end included, may have so many bytes (RFC 4954 section 4, RFC 5321 section 4.5.3.1.4).
const MAX_AUTH_LINE: usize = 512;

/// One exchange on its way.
pub(super) struct Auth {
    exchange: Exchange,
    turn: AuthTurn,
    /// Why `*` was sent.
    cancelled: Option<AuthError>,
}

/// What was said with a secret, in base64, to know it where a server repeats it; nothing before.
///
/// Servers do that which do not know AUTH, or whose lines are shorter than ours: these answer a line that is too long, and
/// take its rest for a command, so that one reply more may come.
#[derive(Default)]
pub(super) struct Said(Zeroizing<String>);

impl Said {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a reply repeats a part of it.
    pub(super) fn is_in(&self, reply: &Reply) -> bool {
        // Of any 15 characters in a row one of these pieces is a part.
        let text = reply.text.as_bytes();
        let pieces = self.0.as_bytes().chunks_exact(self.0.len().clamp(1, 8));
        { pieces }.any(|piece| memchr::memmem::find(text, piece).is_some())
    }
}

/// Whose turn it is.
enum AuthTurn {
    /// The command is to be sent.
    Start(Option<Response>),
    /// The command was sent without the initial response, which was too long for the line.
    AwaitGo(Response),
    /// The server is to speak.
    Await,
    /// The caller is to give the secret, `begun` if the command was sent already.
    Asked {
        begun: bool,
    },
    Respond(Response),
    Cancel,
}

/// What a reply has led to.
pub(super) enum AuthProgress {
    /// It is the client's turn, or nobody's.
    Goes,
    /// The caller is to give the secret.
    WantSecret,
    Succeeded(Reply),
    /// The session can be used further.
    Failed(AuthError),
    /// It cannot.
    Broken(Option<AuthError>, Error),
}

impl Auth {
    /// Begins; says whether the caller is to give the secret first.
    pub(super) fn begin(mut exchange: Exchange) -> Result<(Self, bool), SaslError> {
        let (turn, asked) = match exchange.start()? {
            Step::Respond(initial) => (AuthTurn::Start(Some(initial)), false),
            Step::Wait => (AuthTurn::Start(None), false),
            Step::WantSecret => (AuthTurn::Asked { begun: false }, true),
        };
        Ok((Self { exchange, turn, cancelled: None }, asked))
    }

    pub(super) fn mechanism(&self) -> AuthMechanism {
        self.exchange.mechanism()
    }

    /// Whether the caller is to give the secret.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.turn, AuthTurn::Asked { .. })
    }

    /// Takes the secret; the error is one after which there is nothing to wait for.
    pub(super) fn respond(&mut self, secret: &Secret) -> Result<Said, AuthError> {
        let AuthTurn::Asked { begun } = self.turn else { return Ok(Said::default()) };
        let response = match self.exchange.secret(secret) {
            Ok(response) => response,
            Err(error) => return self.abort(AuthError::Mechanism(error)).map(|()| Said::default()),
        };
        let said = Said(Zeroizing::new(BASE64.encode(&response)));
        self.turn = if begun { AuthTurn::Respond(response) } else { AuthTurn::Start(Some(response)) };
        Ok(said)
    }

    /// Ends the exchange instead; the error as with [`respond`](Self::respond).
    pub(super) fn abort(&mut self, why: AuthError) -> Result<(), AuthError> {
        match self.turn {
            AuthTurn::Asked { begun: false } => Err(why),
            _ => {
                self.cancel(why);
                Ok(())
            }
        }
    }

    /// Has `*` sent; what the server says to that is told as `why`.
    fn cancel(&mut self, why: AuthError) {
        self.turn = AuthTurn::Cancel;
        self.cancelled = Some(why);
    }

    pub(super) fn on_reply(&mut self, reply: Reply) -> AuthProgress {
        match (reply.severity(), self.cancelled.take()) {
            (Severity::Intermediate, Some(_)) => {
                AuthProgress::Broken(None, Error::PeerMisbehaved(PeerMisbehaved::ChallengeAfterCancel))
            }
            (Severity::Positive, Some(_)) => {
                let error = PeerMisbehaved::UnexpectedReply { phase: Phase::Auth, reply };
                AuthProgress::Broken(None, Error::PeerMisbehaved(error))
            }
            (_, Some(why)) => AuthProgress::Failed(why),
            (Severity::Intermediate, None) => self.on_challenge(&reply),
            (Severity::Positive, None) => {
                // What waits to be sent has not been heard.
                let heard = matches!(self.turn, AuthTurn::Await);
                let succeeded = if heard { self.exchange.succeed() } else { Err(SaslError::Premature) };
                match succeeded {
                    Ok(()) => AuthProgress::Succeeded(reply),
                    Err(error) => AuthProgress::Broken(
                        Some(AuthError::Mechanism(error.clone())),
                        Error::PeerMisbehaved(PeerMisbehaved::Auth(error)),
                    ),
                }
            }
            (_, None) => AuthProgress::Failed(match self.exchange.token_refusal() {
                Some(refusal) => AuthError::TokenRefused { refusal: refusal.clone(), reply },
                None => AuthError::Refused(reply),
            }),
        }
    }

    fn on_challenge(&mut self, reply: &Reply) -> AuthProgress {
        match (challenge(reply), core::mem::replace(&mut self.turn, AuthTurn::Await)) {
            (Some(challenge), AuthTurn::AwaitGo(initial)) if challenge.is_empty() => {
                self.turn = AuthTurn::Respond(initial);
            }
            (Some(challenge), AuthTurn::Await) => match self.exchange.challenge(&challenge) {
                Ok(Step::Respond(response)) => self.turn = AuthTurn::Respond(response),
                Ok(Step::WantSecret) => {
                    self.turn = AuthTurn::Asked { begun: true };
                    return AuthProgress::WantSecret;
                }
                Ok(Step::Wait) => {}
                Err(error) => self.cancel(AuthError::Mechanism(error)),
            },
            _ => self.cancel(AuthError::BadChallenge),
        }
        AuthProgress::Goes
    }
}

impl fmt::Debug for Auth {
    /// Shows nothing of what is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("exchange", &self.exchange)
            .field("turn", &self.turn)
            .field("cancelled", &self.cancelled)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start(_) => "Start",
            Self::AwaitGo(_) => "AwaitGo",
            Self::Await => "Await",
            Self::Asked { .. } => "Asked",
            Self::Respond(_) => "Respond",
            Self::Cancel => "Cancel",
        })
    }
}

/// The challenge in a 334 reply, if it is base64 in one line.
fn challenge(reply: &Reply) -> Option<Zeroizing<Vec<u8>>> {
    let mut lines = reply.lines();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    BASE64.decode(line.trim_ascii()).ok().map(Zeroizing::new)
}

impl Wire {
    /// Appends our next line of an AUTH exchange, if it is our turn.
    pub(super) fn put_auth(&mut self, auth: &mut Auth, out: &mut Output) {
        let mechanism = auth.mechanism();
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
            turn @ (AuthTurn::Await | AuthTurn::AwaitGo(_) | AuthTurn::Asked { .. }) => auth.turn = turn,
        }
    }
}
