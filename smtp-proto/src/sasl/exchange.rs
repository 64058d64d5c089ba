//! One run of a mechanism: every transition of its state is in this file, but what is inside SCRAM.

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::error::SaslError;
use super::mechanism::AuthMechanism;
use super::oauth::{self, TokenRefusal};
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use super::scram::Scram;
use super::{CredentialsError, check};
use crate::secret::Secret;

/// Bytes of the nonce that SCRAM needs.
pub const NONCE: usize = 18;

/// So many iterations may a server ask for: fewer make guessing passwords cheap (RFC 7677 section 4), more cost the client
/// a second or so.
pub(super) const ITERATIONS: RangeInclusive<u64> = 4096..=1_000_000;

/// A response, overwritten in memory when dropped.
pub type Response = Zeroizing<Vec<u8>>;

/// What an exchange wants next.
#[derive(PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// This is to be sent.
    Respond(Response),
    /// The secret is needed: call [`Exchange::secret`].
    WantSecret,
    /// The server is to speak.
    Wait,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Respond(_) => "Respond(***)",
            Self::WantSecret => "WantSecret",
            Self::Wait => "Wait",
        })
    }
}

/// One run of a mechanism.  It holds no secret but while it computes with it, and its `Debug` shows nothing of it.
///
/// A [`Client`](crate::client::Client) runs it; alone it goes like this, here with the messages of RFC 4616:
///
/// ```
/// use smtp_proto::sasl::{Exchange, NONCE, Step};
/// use smtp_proto::{AuthMechanism, Secret};
///
/// let mut exchange = Exchange::new(AuthMechanism::Plain, "tim", [0; NONCE])?;
/// assert_eq!(exchange.start()?, Step::WantSecret);
/// let response = exchange.secret(&Secret::new("tanstaaftanstaaf"))?;
/// assert_eq!(response[..], b"\0tim\0tanstaaftanstaaf"[..]);
/// // The server says 235.
/// exchange.succeed()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Exchange {
    mechanism: AuthMechanism,
    user: String,
    authorization: String,
    #[cfg_attr(not(any(feature = "aws-lc-rs", feature = "ring")), expect(dead_code))] // for SCRAM
    nonce: [u8; NONCE],
    /// Keying material of the TLS connection.
    binding: Option<[u8; 32]>,
    /// Whether the server offers a mechanism with channel binding.
    offers_binding: bool,
    state: State,
}

/// What comes next.
enum State {
    Start,
    /// The server is to prompt for the user name, then for the password (LOGIN).
    AwaitUserPrompt,
    AwaitPasswordPrompt,
    /// The server is to send what is to be signed (CRAM-MD5).
    #[cfg(feature = "cram-md5")]
    AwaitDigestChallenge,
    Secret(For),
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    Scram(Box<Scram>),
    /// All is said; the server must decide.
    Said,
    /// It has said why it does not take the token, and knows that this was read.
    TokenRefused(TokenRefusal),
    Over,
}

/// What the secret is for.
enum For {
    /// To be said as the mechanism has it.
    Saying,
    #[cfg(feature = "cram-md5")]
    Digest(Zeroizing<Vec<u8>>),
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    Scram(Box<Scram>),
}

impl Exchange {
    /// A run of a mechanism for a user.  `nonce` must be unguessable and new each time; SCRAM alone needs it.
    ///
    /// # Errors
    /// The user name is empty or has a control character.
    pub fn new(mechanism: AuthMechanism, user: &str, nonce: [u8; NONCE]) -> Result<Self, CredentialsError> {
        if mechanism != AuthMechanism::External || !user.is_empty() {
            check("user name", user)?;
        }
        Ok(Self::unchecked(mechanism, user, "", nonce))
    }

    pub(super) fn unchecked(
        mechanism: AuthMechanism,
        user: &str,
        authorization: &str,
        nonce: [u8; NONCE],
    ) -> Self {
        Self {
            mechanism,
            user: user.into(),
            authorization: authorization.into(),
            nonce,
            binding: None,
            offers_binding: false,
            state: State::Start,
        }
    }

    /// Which mechanism it is.
    pub fn mechanism(&self) -> AuthMechanism {
        self.mechanism
    }

    /// Binds the exchange to its TLS connection: 32 bytes of keying material with the label
    /// `EXPORTER-Channel-Binding` and an empty context, of TLS 1.3 (RFC 9266 section 4.2).  The -PLUS mechanisms need it;
    /// SCRAM without -PLUS tells the server that it could have been bound, and so whether somebody has taken the -PLUS
    /// mechanisms out of the list (RFC 5802 section 6).
    ///
    /// A [`Session`](crate::Session) does this by itself.
    pub fn bind(&mut self, exporter: [u8; 32]) {
        self.binding = Some(exporter);
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.binding.is_some()
    }

    /// Says whether the server offers a mechanism with channel binding.
    pub fn server_offers_binding(&mut self, offers: bool) {
        self.offers_binding = offers;
    }

    /// Begins: what comes out is the initial response, if there is one.
    ///
    /// # Errors
    /// This build cannot speak the mechanism, or `SASLprep` prohibits the user name.
    pub fn start(&mut self) -> Result<Step, SaslError> {
        let (state, step) = match self.mechanism {
            AuthMechanism::Plain | AuthMechanism::XOAuth2 | AuthMechanism::OAuthBearer => {
                (State::Secret(For::Saying), Step::WantSecret)
            }
            AuthMechanism::Login => (State::AwaitUserPrompt, Step::Wait),
            AuthMechanism::External => {
                let whom = if self.authorization.is_empty() { &self.user } else { &self.authorization };
                (State::Said, Step::Respond(Zeroizing::new(whom.as_bytes().to_vec())))
            }
            #[cfg(feature = "cram-md5")]
            AuthMechanism::CramMd5 => (State::AwaitDigestChallenge, Step::Wait),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            AuthMechanism::ScramSha256Plus
            | AuthMechanism::ScramSha1Plus
            | AuthMechanism::ScramSha256
            | AuthMechanism::ScramSha1 => {
                let binding = match (self.mechanism.is_bound(), self.binding) {
                    (true, None) => return Err(SaslError::NotSupported),
                    (true, Some(exporter)) => super::scram::Binding::Exporter(exporter),
                    (false, Some(_)) if !self.offers_binding => super::scram::Binding::NotOffered,
                    (false, _) => super::scram::Binding::None,
                };
                let nonce = data_encoding::BASE64.encode(&self.nonce);
                let (scram, first) =
                    Scram::new(self.mechanism, &self.user, &self.authorization, nonce, &binding)?;
                (State::Scram(Box::new(scram)), Step::Respond(first))
            }
            #[cfg(not(all(feature = "cram-md5", any(feature = "aws-lc-rs", feature = "ring"))))]
            _ => return Err(SaslError::NotSupported),
        };
        self.state = state;
        Ok(step)
    }

    /// Takes the secret that was asked for.
    ///
    /// SCRAM derives a key from it, which takes a server's usual 4,096 iterations a few milliseconds.
    ///
    /// # Errors
    /// `SASLprep` prohibits the password, or the secret cannot be said in this mechanism, or it was not asked for; the
    /// exchange must be cancelled.
    pub fn secret(&mut self, secret: &Secret) -> Result<Response, SaslError> {
        let state = core::mem::replace(&mut self.state, State::Over);
        let text = secret.expose();
        let State::Secret(purpose) = state else { return Err(SaslError::Secret) };
        if text.is_empty() || text.contains(['\0', '\r', '\n']) {
            return Err(SaslError::Secret);
        }
        let (state, response) = match purpose {
            For::Saying => (State::Said, self.say(text)?),
            #[cfg(feature = "cram-md5")]
            For::Digest(challenge) => {
                let response = super::cram_md5::response(&self.user, text, &challenge);
                (State::Said, response.ok_or(SaslError::Secret)?)
            }
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            For::Scram(mut scram) => {
                let last = scram.prove(text)?;
                (State::Scram(scram), last)
            }
        };
        self.state = state;
        Ok(response)
    }

    fn say(&self, secret: &str) -> Result<Response, SaslError> {
        Ok(match self.mechanism {
            AuthMechanism::Plain => {
                let parts = [&*self.authorization, "\0", &self.user, "\0", secret];
                let mut response =
                    Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
                parts.iter().for_each(|part| response.extend_from_slice(part.as_bytes()));
                response
            }
            AuthMechanism::XOAuth2 | AuthMechanism::OAuthBearer if !oauth::is_token(secret) => {
                return Err(SaslError::Secret);
            }
            AuthMechanism::XOAuth2 => oauth::xoauth2(&self.user, secret),
            AuthMechanism::OAuthBearer => {
                let whom = if self.authorization.is_empty() { &self.user } else { &self.authorization };
                oauth::oauthbearer(whom, secret)
            }
            _ => Zeroizing::new(secret.as_bytes().to_vec()),
        })
    }

    /// Takes a challenge of the server.
    ///
    /// # Errors
    /// It is not what the mechanism prescribes; the exchange must be cancelled.
    pub fn challenge(&mut self, challenge: &[u8]) -> Result<Step, SaslError> {
        let (state, step) = match core::mem::replace(&mut self.state, State::Over) {
            // The challenges of LOGIN are prompts that servers word as they like.
            State::AwaitUserPrompt => {
                let user = Zeroizing::new(self.user.as_bytes().to_vec());
                (State::AwaitPasswordPrompt, Step::Respond(user))
            }
            State::AwaitPasswordPrompt => (State::Secret(For::Saying), Step::WantSecret),
            #[cfg(feature = "cram-md5")]
            State::AwaitDigestChallenge => {
                (State::Secret(For::Digest(Zeroizing::new(challenge.to_vec()))), Step::WantSecret)
            }
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            State::Scram(mut scram) => {
                if scram.is_proved() {
                    scram.verify(challenge)?;
                    (State::Scram(scram), Step::Respond(Response::default()))
                } else {
                    scram.server_first(challenge)?;
                    (State::Secret(For::Scram(scram)), Step::WantSecret)
                }
            }
            // The reason, to which the client must say something for the final reply to come.
            State::Said if self.mechanism == AuthMechanism::OAuthBearer => {
                let said = Zeroizing::new(b"\x01".to_vec());
                (State::TokenRefused(TokenRefusal::new(challenge)), Step::Respond(said))
            }
            State::Said if self.mechanism == AuthMechanism::XOAuth2 => {
                (State::TokenRefused(TokenRefusal::new(challenge)), Step::Respond(Response::default()))
            }
            _ => return Err(SaslError::UnexpectedChallenge),
        };
        self.state = state;
        Ok(step)
    }

    /// Takes note that the server says that the exchange succeeded.
    ///
    /// # Errors
    /// It has not: the server has not proved what it had to prove, or has heard nothing of the secret.  The connection must
    /// not be used.
    pub fn succeed(&mut self) -> Result<(), SaslError> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Said => Ok(()),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            State::Scram(scram) if scram.is_verified() => Ok(()),
            #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
            State::Scram(_) | State::Secret(For::Scram(_)) => Err(SaslError::NoServerSignature),
            _ => Err(SaslError::Premature),
        }
    }

    /// Why the server does not take the token, if it has said so.
    pub fn token_refusal(&self) -> Option<&TokenRefusal> {
        match &self.state {
            State::TokenRefused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Appends a name as GS2 and SCRAM have it (RFC 5802 section 5.1): `=` and `,` are escaped.
pub(super) fn push_name(name: &str, out: &mut Vec<u8>) {
    for byte in name.bytes() {
        match byte {
            b'=' => out.extend_from_slice(b"=3D"),
            b',' => out.extend_from_slice(b"=2C"),
            byte => out.push(byte),
        }
    }
}
