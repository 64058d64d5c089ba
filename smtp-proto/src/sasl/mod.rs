//! SASL mechanisms as small machines (RFC 4422): the client's side.
//!
//! [`Credentials`] know which mechanism to choose, an [`Exchange`] is one run of it.  A
//! [`Client`](crate::client::Client) drives the exchange: base64, the AUTH command and its limits are the client's
//! business, and it asks its caller for the secret when the mechanism needs it.
//!
//! | mechanism | source | |
//! |---|---|---|
//! | SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS | RFC 5802, 7677, 9266 | TLS 1.3 only |
//! | SCRAM-SHA-256, SCRAM-SHA-1 | RFC 5802, 7677 | |
//! | OAUTHBEARER | RFC 7628 | with a token |
//! | XOAUTH2 | Google's and Microsoft's documentation | with a token |
//! | EXTERNAL | RFC 4422 appendix A | if asked for |
//! | PLAIN, LOGIN | RFC 4616, draft-murchison-sasl-login | |
//! | CRAM-MD5 | RFC 2195 | if asked for; feature `cram-md5` |
//!
//! Left out: security layers, which TLS makes superfluous, and with them DIGEST-MD5 and GSSAPI; tls-unique, which TLS 1.3
//! does not have.

#[cfg(feature = "cram-md5")]
mod cram_md5;
mod error;
mod exchange;
mod mechanism;
mod oauth;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod prep;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod scram;

use alloc::string::String;
use core::fmt;

pub use error::SaslError;
pub use exchange::{Exchange, NONCE, Response, Step};
pub use mechanism::{AuthMechanism, Proof};
pub use oauth::TokenRefusal;

use crate::extensions::Extensions;
use crate::secret::Secret;

/// Who logs in, and how it is proved.  `Debug` shows neither.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    authorization: String,
    secret: Option<Secret>,
    proof: Proof,
    only: Option<AuthMechanism>,
}

impl Credentials {
    /// A user name and a password.
    ///
    /// # Errors
    /// Neither may be empty, nor have a control character such as NUL, CR or LF.
    pub fn new(user: impl Into<String>, password: impl Into<Secret>) -> Result<Self, CredentialsError> {
        let (user, password) = (user.into(), password.into());
        check("user name", &user)?;
        check("password", password.expose())?;
        Ok(Self::with(user, Some(password), Proof::Password))
    }

    /// A user name and a token that an authorization server issued (OAuth 2.0, RFC 6750).
    ///
    /// # Errors
    /// Neither may be empty; the user name has no control character, the token only visible ASCII.
    pub fn token(user: impl Into<String>, token: impl Into<Secret>) -> Result<Self, CredentialsError> {
        let (user, token) = (user.into(), token.into());
        check("user name", &user)?;
        check("token", token.expose())?;
        if !oauth::is_token(token.expose()) {
            return Err(CredentialsError::NotVisibleAscii { field: "token" });
        }
        Ok(Self::with(user, Some(token), Proof::Token))
    }

    /// Nothing but what the server knows already, from the certificate of the client for instance: EXTERNAL.
    pub fn external() -> Self {
        Self { only: Some(AuthMechanism::External), ..Self::with(String::new(), None, Proof::Nothing) }
    }

    fn with(user: String, secret: Option<Secret>, proof: Proof) -> Self {
        Self { user, authorization: String::new(), secret, proof, only: None }
    }

    /// Acts as another user, whom the server must let this one act for (RFC 4422 section 3.4.1).  LOGIN, CRAM-MD5 and
    /// XOAUTH2 cannot say that and are not chosen then.
    ///
    /// # Errors
    /// The name must not be empty, nor have a control character, and the mechanism that was named must be able to say it.
    pub fn acting_as(mut self, user: impl Into<String>) -> Result<Self, CredentialsError> {
        self.authorization = user.into();
        check("name of the user to act as", &self.authorization)?;
        self.only.map_or(Ok(()), |mechanism| self.check_for(mechanism))?;
        Ok(self)
    }

    /// This mechanism and no other, whatever the server offers.
    ///
    /// # Errors
    /// These credentials cannot be used with it, or this build cannot speak it.
    pub fn only(mut self, mechanism: AuthMechanism) -> Result<Self, CredentialsError> {
        self.check_for(mechanism)?;
        self.only = Some(mechanism);
        Ok(self)
    }

    fn check_for(&self, mechanism: AuthMechanism) -> Result<(), CredentialsError> {
        use AuthMechanism::{CramMd5, Login, XOAuth2};
        if !mechanism.is_supported() {
            return Err(CredentialsError::NotSupported { mechanism });
        }
        if mechanism.proof() != self.proof {
            return Err(CredentialsError::NotFor { mechanism, proof: mechanism.proof() });
        }
        if !self.authorization.is_empty() && matches!(mechanism, Login | CramMd5 | XOAuth2) {
            return Err(CredentialsError::CannotActAs { mechanism });
        }
        Ok(())
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What proves it; none with EXTERNAL.
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// Whether they are for the same user with the same secret.
    pub fn is_same(&self, other: &Self) -> bool {
        let [mine, others] = [self, other].map(|credentials| credentials.secret.as_ref().map(Secret::expose));
        mine == others && self.user == other.user && self.authorization == other.authorization
    }

    /// The strongest mechanism that the server offers and these credentials are for.  `bound` says that there is a
    /// channel binding, which the -PLUS ones need: see [`Session::channel_binding`](crate::Session::channel_binding).
    ///
    /// What is chosen is all that is tried: if it fails there is no falling back to a weaker one.
    pub fn choose(&self, extensions: &Extensions, bound: bool) -> Option<AuthMechanism> {
        extensions.auth().find(|&mechanism| match self.only {
            Some(only) => mechanism == only,
            None => {
                self.check_for(mechanism).is_ok()
                    && mechanism != AuthMechanism::CramMd5
                    && (bound || !mechanism.is_bound())
            }
        })
    }

    /// One run of a mechanism.  `nonce` must be unguessable and new each time; SCRAM alone needs it.
    ///
    /// # Errors
    /// The mechanism is not for these credentials, or not the one that was named.
    pub fn exchange(
        &self,
        mechanism: AuthMechanism,
        nonce: [u8; NONCE],
    ) -> Result<Exchange, CredentialsError> {
        self.check_for(mechanism)?;
        if self.only.is_some_and(|only| only != mechanism) {
            return Err(CredentialsError::NotNamed { mechanism });
        }
        Ok(Exchange::unchecked(mechanism, &self.user, &self.authorization, nonce))
    }
}

fn check(field: &'static str, text: &str) -> Result<(), CredentialsError> {
    if text.is_empty() {
        return Err(CredentialsError::Empty { field });
    }
    if text.chars().any(char::is_control) {
        return Err(CredentialsError::ControlCharacter { field });
    }
    Ok(())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// What is wrong with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A field is empty.
    Empty {
        /// Which one, such as `user name`.
        field: &'static str,
    },
    /// A field has a control character.
    ControlCharacter {
        /// Which one.
        field: &'static str,
    },
    /// A field has a blank, or something that is not ASCII.
    NotVisibleAscii {
        /// Which one.
        field: &'static str,
    },
    /// The mechanism needs something else.
    NotFor {
        /// The mechanism.
        mechanism: AuthMechanism,
        /// What it needs.
        proof: Proof,
    },
    /// The mechanism cannot say whom to act as.
    CannotActAs {
        /// The mechanism.
        mechanism: AuthMechanism,
    },
    /// Another mechanism was named.
    NotNamed {
        /// The mechanism.
        mechanism: AuthMechanism,
    },
    /// There is a user name, and nothing that proves it.
    NoSecret,
    /// This build cannot speak the mechanism.
    NotSupported {
        /// The mechanism.
        mechanism: AuthMechanism,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { field } => write!(f, "the {field} is empty"),
            Self::ControlCharacter { field } => {
                write!(f, "the {field} has a control character, such as NUL, CR or LF")
            }
            Self::NotVisibleAscii { field } => {
                write!(f, "the {field} has something else than visible ASCII characters")
            }
            Self::NotFor { mechanism, proof: Proof::Password } => write!(f, "{mechanism} needs a password"),
            Self::NotFor { mechanism, proof: Proof::Token } => write!(f, "{mechanism} needs a token"),
            Self::NotFor { mechanism, proof: Proof::Nothing } => {
                write!(f, "{mechanism} takes neither password nor token")
            }
            Self::CannotActAs { mechanism } => write!(f, "{mechanism} cannot say whom to act as"),
            Self::NotNamed { mechanism } => write!(f, "another mechanism than {mechanism} was named"),
            Self::NoSecret => f.write_str(
                "a user name alone is not enough: give a password, a token, or EXTERNAL as mechanism",
            ),
            Self::NotSupported { mechanism } => write!(f, "this build cannot speak {mechanism}"),
        }
    }
}

impl core::error::Error for CredentialsError {}

#[cfg(test)]
mod tests;
