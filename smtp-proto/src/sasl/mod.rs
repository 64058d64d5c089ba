//! SASL mechanisms as small machines (RFC 4422): an initial response, then a response for each challenge.
//!
//! PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login).  Base64 and the AUTH command are the client's business.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::extensions::{AuthMechanism, Extensions};
use crate::secret::Secret;

/// Who logs in, and how it is proved.  `Debug` shows neither.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: Secret,
}

impl Credentials {
    /// A user name and a password.
    ///
    /// # Errors
    /// Neither may be empty, nor have a NUL, CR or LF.
    pub fn new(user: impl Into<String>, password: impl Into<Secret>) -> Result<Self, CredentialsError> {
        let credentials = Self { user: user.into(), password: password.into() };
        for (field, text) in [("user name", &*credentials.user), ("password", credentials.password.expose())]
        {
            if text.is_empty() {
                return Err(CredentialsError::Empty { field });
            }
            if text.contains(['\0', '\r', '\n']) {
                return Err(CredentialsError::ControlCharacter { field });
            }
        }
        Ok(credentials)
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The machine of the best mechanism that the server offers.
    pub fn choose(&self, extensions: &Extensions) -> Option<Mechanism> {
        extensions.auth().next().map(|mechanism| self.mechanism(mechanism))
    }

    /// The machine of a mechanism.
    pub fn mechanism(&self, mechanism: AuthMechanism) -> Mechanism {
        Mechanism { mechanism, credentials: self.clone(), step: 0 }
    }
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
        /// `user name` or `password`.
        field: &'static str,
    },
    /// A field has a NUL, CR or LF.
    ControlCharacter {
        /// `user name` or `password`.
        field: &'static str,
    },
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { field } => write!(f, "the {field} is empty"),
            Self::ControlCharacter { field } => write!(f, "the {field} has a NUL, CR or LF"),
        }
    }
}

impl core::error::Error for CredentialsError {}

/// One exchange of a mechanism.  Its `Debug` shows no password.
#[derive(Debug)]
pub struct Mechanism {
    mechanism: AuthMechanism,
    credentials: Credentials,
    step: u8,
}

/// A response, overwritten in memory when dropped.
pub type Response = Zeroizing<Vec<u8>>;

impl Mechanism {
    /// Which mechanism it is.
    pub fn name(&self) -> AuthMechanism {
        self.mechanism
    }

    /// The initial response, if the mechanism has one.
    pub fn initial(&mut self) -> Option<Response> {
        let Credentials { user, password } = &self.credentials;
        match self.mechanism {
            AuthMechanism::Plain => {
                self.step += 1;
                let mut response =
                    Zeroizing::new(Vec::with_capacity(2 + user.len() + password.expose().len()));
                for part in ["\0", user, "\0", password.expose()] {
                    response.extend_from_slice(part.as_bytes());
                }
                Some(response)
            }
            AuthMechanism::Login => None,
        }
    }

    /// The response to a challenge, or `None` if the mechanism has nothing to say to it and must be cancelled.
    pub fn respond(&mut self, _challenge: &[u8]) -> Option<Response> {
        let step = self.step;
        self.step = step.saturating_add(1);
        // The challenges of LOGIN are prompts that servers word as they like.
        let text = match (self.mechanism, step) {
            (AuthMechanism::Login, 0) => &self.credentials.user,
            (AuthMechanism::Login, 1) => self.credentials.password.expose(),
            _ => return None,
        };
        Some(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn responses_of_each_mechanism() {
        let credentials = Credentials::new("tim", "tanstaaftanstaaf").unwrap();
        let mut plain = credentials.mechanism(AuthMechanism::Plain);
        assert_eq!(**plain.initial().unwrap(), *b"\0tim\0tanstaaftanstaaf"); // RFC 4616 section 4
        assert_eq!(plain.respond(b""), None);
        let mut login = credentials.mechanism(AuthMechanism::Login);
        assert_eq!(login.initial(), None);
        assert_eq!(**login.respond(b"Username:").unwrap(), *b"tim");
        assert_eq!(**login.respond(b"Password:").unwrap(), *b"tanstaaftanstaaf");
        assert_eq!(login.respond(b"More:"), None);
    }

    #[test]
    fn credentials_are_checked_and_never_shown() {
        assert_eq!(Credentials::new("", "x").unwrap_err(), CredentialsError::Empty { field: "user name" });
        assert_eq!(
            Credentials::new("a", "x\0y").unwrap_err(),
            CredentialsError::ControlCharacter { field: "password" }
        );
        assert!(!format!("{:?}", Credentials::new("a", "hunter2").unwrap()).contains("hunter2"));
    }
}
