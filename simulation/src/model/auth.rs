//! What must become of an AUTH exchange (RFC 4954): the one place of the model that knows how the client is told what to
//! say.

use data_encoding::BASE64;
use smtp_proto::client::{AuthError, Error, Event, Misuse, PeerMisbehaved, Phase};
use smtp_proto::reply::{Reply, Severity};
use smtp_proto::sasl::{Exchange, SaslError, Step};
use smtp_proto::{AuthMechanism, Secret};

use super::fifo::To;
use super::{Model, State};

/// RFC 4954 section 4, RFC 5321 section 4.5.3.1.4.
const LINE: usize = 512;

#[derive(Debug)]
pub(super) struct Auth {
    /// Like the client's; mechanisms are tested elsewhere.
    exchange: Exchange,
    turn: Turn,
    why_cancelled: Option<AuthError>,
}

enum Turn {
    Command(Option<Vec<u8>>),
    /// The initial response goes alone.
    Later(Vec<u8>),
    Server,
    /// The caller's; whether the server has heard of the exchange.
    Caller(bool),
    Response(Vec<u8>),
    Star,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn")
    }
}

impl Model {
    pub(crate) fn authenticate(&mut self, mut exchange: Exchange, is_bound: bool) -> Result<(), Misuse> {
        self.check_ready()?;
        if !self.transactions.is_empty() {
            return Err(Misuse::TransactionOpen);
        }
        if self.logged_in {
            return Err(Misuse::Authenticated);
        }
        if self.secure != Some(true) && !self.config.allow_insecure_auth {
            return Err(Misuse::InsecureAuth);
        }
        let mechanism = exchange.mechanism();
        if !self.extensions.auth().any(|offered| offered == mechanism) {
            return Err(Misuse::MechanismNotOffered);
        }
        if mechanism.name().ends_with("-PLUS") && !is_bound {
            return Err(Misuse::NoChannelBinding);
        }
        let offers = self.extensions.auth().any(|offered| offered.name().ends_with("-PLUS"));
        exchange.server_offers_binding(offers);
        let turn = match exchange.start().map_err(Misuse::Mechanism)? {
            Step::Respond(initial) => Turn::Command(Some(initial.to_vec())),
            Step::Wait => Turn::Command(None),
            Step::WantSecret => Turn::Caller(false),
        };
        if matches!(turn, Turn::Caller(_)) {
            self.tell(Event::SecretWanted(mechanism));
        }
        self.state = State::Auth(Box::new(Auth { exchange, turn, why_cancelled: None }));
        Ok(())
    }

    /// The caller's secret; whether it is wanted.
    pub(crate) fn respond(&mut self, secret: &Secret) -> bool {
        let State::Auth(auth) = &mut self.state else { return false };
        let (Turn::Caller(begun), None) = (&auth.turn, &self.end) else { return false };
        match (auth.exchange.secret(secret), *begun) {
            (Ok(response), begun) => {
                self.hides = !response.is_empty();
                auth.turn = match begun {
                    true => Turn::Response(response.to_vec()),
                    false => Turn::Command(Some(response.to_vec())),
                };
            }
            (Err(error), begun) => {
                self.hides &= !begun;
                return self.abort_auth(AuthError::Mechanism(error));
            }
        }
        true
    }

    /// The caller gives up; whether it was asked.
    pub(crate) fn abort_auth(&mut self, why: AuthError) -> bool {
        let State::Auth(auth) = &mut self.state else { return false };
        match auth.turn {
            Turn::Caller(_) if self.end.is_some() => return false,
            Turn::Caller(true) => auth.cancel(why),
            Turn::Caller(false) => {
                self.state = State::Ready;
                self.tell(Event::AuthFailed(why));
            }
            _ => return false,
        }
        true
    }

    /// Says what is to be said, if anything is.
    pub(super) fn put_auth(&mut self, out: &mut Vec<u8>) {
        let State::Auth(auth) = &mut self.state else { return };
        let name = auth.exchange.mechanism().name();
        let (line, shown) = match std::mem::replace(&mut auth.turn, Turn::Server) {
            turn @ (Turn::Server | Turn::Caller(_) | Turn::Later(_)) => {
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
        match (reply.severity(), auth.why_cancelled.take()) {
            (Severity::Intermediate, Some(_)) => {
                self.fail(Error::PeerMisbehaved(PeerMisbehaved::ChallengeAfterCancel));
            }
            (Severity::Positive, Some(_)) => self.refused(Phase::Auth, reply),
            (Severity::Intermediate, None) => {
                if let Some(mechanism) = auth.challenged(&reply) {
                    self.tell(Event::SecretWanted(mechanism));
                }
            }
            (Severity::Positive, None) => {
                let is_said = matches!(auth.turn, Turn::Server);
                match if is_said { auth.exchange.succeed() } else { Err(SaslError::Premature) } {
                    Ok(()) => {
                        self.logged_in = true;
                        self.state = State::Ready;
                        self.tell(Event::Authenticated(reply));
                    }
                    Err(error) => {
                        self.tell(Event::AuthFailed(AuthError::Mechanism(error.clone())));
                        self.fail(Error::PeerMisbehaved(PeerMisbehaved::Auth(error)));
                    }
                }
            }
            (_, why) => {
                let refusal = auth.exchange.token_refusal().cloned();
                let refused = |reply| match refusal {
                    Some(refusal) => AuthError::TokenRefused { refusal, reply },
                    None => AuthError::Refused(reply),
                };
                self.state = State::Ready;
                self.tell(Event::AuthFailed(why.unwrap_or_else(|| refused(reply))));
            }
        }
    }
}

impl Auth {
    fn cancel(&mut self, why: AuthError) {
        self.turn = Turn::Star;
        self.why_cancelled = Some(why);
    }

    /// The mechanism, if the caller is to give the secret.
    fn challenged(&mut self, reply: &Reply) -> Option<AuthMechanism> {
        let lines: Vec<&[u8]> = reply.lines().collect();
        let challenge = match lines[..] {
            [line] => BASE64.decode(line.trim_ascii()).ok(),
            _ => None,
        };
        match (challenge, std::mem::replace(&mut self.turn, Turn::Server)) {
            (Some(challenge), Turn::Later(initial)) if challenge.is_empty() => {
                self.turn = Turn::Response(initial);
            }
            (Some(challenge), Turn::Server) => match self.exchange.challenge(&challenge) {
                Ok(Step::Respond(response)) => self.turn = Turn::Response(response.to_vec()),
                Ok(Step::WantSecret) => {
                    self.turn = Turn::Caller(true);
                    return Some(self.exchange.mechanism());
                }
                Ok(Step::Wait) => {}
                Err(error) => self.cancel(AuthError::Mechanism(error)),
            },
            _ => self.cancel(AuthError::BadChallenge),
        }
        None
    }
}
