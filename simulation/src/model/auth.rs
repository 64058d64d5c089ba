//! What must become of an AUTH exchange (RFC 4954): the one place of the model that knows how the client is told what to
//! say.

use data_encoding::BASE64;
use smtp_proto::AuthMechanism;
use smtp_proto::client::{AuthError, Error, Event, PeerMisbehaved, Phase};
use smtp_proto::reply::{Reply, Severity};

use super::fifo::To;
use super::transaction::mechanism_name;
use super::{Model, State, Told};

/// No mechanism needs more challenges.
const ROUNDS: u32 = 16;
/// RFC 4954 section 4, RFC 5321 section 4.5.3.1.4.
const LINE: usize = 512;

#[derive(Debug)]
pub(super) struct Auth {
    mechanism: AuthMechanism,
    turn: Turn,
    rounds: u32,
    why_cancelled: Option<fn(Reply) -> AuthError>,
}

#[derive(Debug)]
enum Turn {
    Command(Option<Vec<u8>>),
    /// The initial response goes alone.
    Later(Vec<u8>),
    Server,
    Caller,
    Response(Vec<u8>),
    Star,
}

impl Auth {
    pub(super) fn new(mechanism: AuthMechanism, initial: Option<&[u8]>) -> Self {
        let turn = Turn::Command(initial.map(<[u8]>::to_vec));
        Self { mechanism, turn, rounds: 0, why_cancelled: None }
    }

    fn cancel(&mut self, why: fn(Reply) -> AuthError) {
        self.turn = Turn::Star;
        self.why_cancelled = Some(why);
    }
}

impl Model {
    /// The caller's answer to a challenge: a response, or none to give up.  Whether there is a challenge.
    pub(crate) fn respond(&mut self, response: Option<&[u8]>) -> bool {
        match &mut self.state {
            State::Auth(auth) if self.end.is_none() && matches!(auth.turn, Turn::Caller) => {
                match response {
                    Some(response) => auth.turn = Turn::Response(response.to_vec()),
                    None => auth.cancel(AuthError::Aborted),
                }
                true
            }
            _ => false,
        }
    }

    /// Says what is to be said, if anything is.
    pub(super) fn put_auth(&mut self, out: &mut Vec<u8>) {
        let State::Auth(auth) = &mut self.state else { return };
        let name = mechanism_name(auth.mechanism);
        let (line, shown) = match std::mem::replace(&mut auth.turn, Turn::Server) {
            turn @ (Turn::Server | Turn::Caller | Turn::Later(_)) => {
                auth.turn = turn;
                return;
            }
            Turn::Command(Some(initial)) => {
                let encoded = if initial.is_empty() { "=".into() } else { BASE64.encode(&initial) };
                // An empty one is not encoded.
                let len = format!("AUTH {name} {}\r\n", if initial.is_empty() { "" } else { &encoded }).len();
                if len <= LINE {
                    (format!("AUTH {name} {encoded}"), format!("AUTH {name} ****"))
                } else {
                    auth.turn = Turn::Later(initial);
                    (format!("AUTH {name}"), format!("AUTH {name}"))
                }
            }
            Turn::Command(None) => (format!("AUTH {name}"), format!("AUTH {name}")),
            Turn::Response(response) => (BASE64.encode(&response), "****".into()),
            Turn::Star => ("*".into(), "*".into()),
        };
        self.put(&line, shown, To::Auth, out);
    }

    pub(super) fn on_auth(&mut self, reply: Reply) {
        let State::Auth(auth) = &mut self.state else { return };
        match (reply.severity(), auth.why_cancelled) {
            (Severity::Intermediate, Some(_)) => {
                self.fail(Error::PeerMisbehaved(PeerMisbehaved::ChallengeAfterCancel));
            }
            (Severity::Positive, Some(_)) => self.refused(Phase::Auth, reply),
            (Severity::Intermediate, None) => {
                auth.rounds += 1;
                let lines: Vec<&[u8]> = reply.lines().collect();
                let challenge = match lines[..] {
                    [line] => BASE64.decode(line.trim_ascii()).ok(),
                    _ => None,
                };
                if auth.rounds > ROUNDS {
                    return auth.cancel(AuthError::TooManyChallenges);
                }
                match (challenge, std::mem::replace(&mut auth.turn, Turn::Star)) {
                    (Some(challenge), Turn::Later(initial)) if challenge.is_empty() => {
                        auth.turn = Turn::Response(initial);
                    }
                    (Some(challenge), Turn::Server) => {
                        auth.turn = Turn::Caller;
                        self.told.push_back(Told::Challenge(challenge));
                    }
                    _ => auth.cancel(AuthError::BadChallenge),
                }
            }
            (severity, why) => {
                self.state = State::Ready;
                self.tell(match (severity, why) {
                    (Severity::Positive, _) => Event::Authenticated(reply),
                    (_, Some(why)) => Event::AuthFailed(why(reply)),
                    (_, None) => Event::AuthFailed(AuthError::Refused(reply)),
                });
            }
        }
    }
}
