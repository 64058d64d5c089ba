//! The server's side of SASL: PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login), a line at a time;
//! the embedder speaks all others.

use alloc::string::String;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::{AuthMessage, Credentials};
use crate::sasl::AuthMechanism;
use crate::secret::{Secret, SecretBytes};

/// Which line of the exchange comes next.
pub(super) enum AuthStep {
    Plain,
    LoginName,
    LoginPassword(String),
    /// The embedder speaks the mechanism.
    Embedder {
        mechanism: AuthMechanism,
        round: u32,
    },
}

/// What a line of the client's brings.
pub(super) enum AuthProgress {
    /// One more line is needed.
    Next(AuthStep),
    Done(Credentials),
    /// The embedder is to answer.
    Message(AuthMessage),
}

impl AuthStep {
    /// What the client is asked for, in base64.
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::Plain | Self::Embedder { .. } => "",
            Self::LoginName => "VXNlcm5hbWU6",
            Self::LoginPassword(_) => "UGFzc3dvcmQ6",
        }
    }

    /// Reads a line; the error is what is wrong with it, as an enhanced status code and text.
    pub(super) fn answer(self, line: &[u8]) -> Result<AuthProgress, (&'static str, &'static str)> {
        if line == b"*" {
            return Err(("5.7.0", "cancelled"));
        }
        let decoded = BASE64.decode(line).ok().map(Zeroizing::new);
        if let Self::Embedder { mechanism, round } = self {
            let response = Some(SecretBytes(decoded.ok_or(("5.5.2", "not base64"))?));
            return Ok(AuthProgress::Message(AuthMessage { mechanism, response, round }));
        }
        let text = decoded.as_ref().and_then(|bytes| str::from_utf8(bytes).ok());
        let text = text.ok_or(("5.5.2", "not base64 of text"))?;
        let credentials = match self {
            Self::Plain => plain(text).ok_or(("5.5.2", "not a PLAIN response"))?,
            Self::Embedder { .. } => return Err(("5.5.2", "not a response")),
            Self::LoginName => return Ok(AuthProgress::Next(Self::LoginPassword(text.into()))),
            Self::LoginPassword(identity) => Credentials {
                mechanism: AuthMechanism::Login,
                authorization: None,
                identity,
                password: Secret::new(text),
            },
        };
        // Control characters are for no name (RFC 4013 section 2.3), and would forge lines of a log.
        let names = [credentials.authorization.as_deref().unwrap_or_default(), &credentials.identity];
        if credentials.password.expose().is_empty() {
            return Err(("5.5.2", "not a password"));
        }
        if credentials.identity.is_empty() || names.into_iter().any(|n| n.chars().any(char::is_control)) {
            return Err(("5.5.2", "not the name of a user"));
        }
        Ok(AuthProgress::Done(credentials))
    }
}

fn plain(text: &str) -> Option<Credentials> {
    let mut parts = text.split('\0');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(authorization), Some(identity), Some(password), None) if !password.is_empty() => {
            Some(Credentials {
                mechanism: AuthMechanism::Plain,
                authorization: Some(authorization.into()).filter(|a: &String| !a.is_empty()),
                identity: identity.into(),
                password: Secret::new(password),
            })
        }
        _ => None,
    }
}
