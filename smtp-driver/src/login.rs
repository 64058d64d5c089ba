//! Where credentials come from: given once, or asked for whenever a connection needs them.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use smtp_proto::Secret;
use smtp_proto::sasl::{AuthMechanism, Credentials, CredentialsError};

use crate::error::Error;

/// Why credentials are asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ask {
    /// A connection is to be made; what is kept and not expired will do.
    Usual,
    /// The server has refused these: others are wanted.
    ///
    /// Several connections may ask at the same time.  A source that keeps a token compares it with the refused one, and gives
    /// its own if that is another already, so that one refusal leads to one renewal.
    AfterRefusal(Credentials),
}

type Answer = Pin<Box<dyn Future<Output = Result<Credentials, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Gives credentials when they are needed.
pub(crate) type Source = dyn Fn(Ask) -> Answer + Send + Sync;

/// What a builder was told of who logs in.
#[derive(Clone, Default)]
pub(crate) enum Login {
    #[default]
    Nobody,
    /// A name alone.
    User(String),
    Given(Result<Credentials, CredentialsError>),
    Asked(Arc<Source>),
}

impl Login {
    pub(crate) fn password(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::Given(Credentials::new(user, password))
    }

    pub(crate) fn token(user: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self::Given(Credentials::token(user, token))
    }

    pub(crate) fn asked<F, Fut>(source: F) -> Self
    where
        F: Fn(Ask) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Credentials, Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        Self::Asked(Arc::new(move |ask| Box::pin(source(ask))))
    }

    /// Puts together what was told, with the one mechanism that is wanted, if one is.
    pub(crate) fn into_logins(self, only: Option<AuthMechanism>) -> Result<Logins, CredentialsError> {
        let external = |user: String| {
            let credentials = Credentials::external();
            if user.is_empty() { Ok(credentials) } else { credentials.acting_as(user) }
        };
        let source = match (self, only) {
            (Self::Nobody, None) => return Ok(Logins::none()),
            (Self::Nobody, Some(AuthMechanism::External)) => From::Here(external(String::new())?),
            (Self::User(user), Some(AuthMechanism::External)) => From::Here(external(user)?),
            (Self::Nobody | Self::User(_), Some(mechanism)) => {
                return Err(CredentialsError::NotFor { mechanism, proof: mechanism.proof() });
            }
            (Self::User(_), None) => {
                return Err(CredentialsError::NoSecret);
            }
            (Self::Given(credentials), _) => From::Here(restricted(credentials?, only)?),
            (Self::Asked(source), _) => From::Source(source),
        };
        Ok(Logins { from: Some(source), only })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "None",
            Self::User(_) | Self::Given(_) => "Credentials(***)",
            Self::Asked(_) => "CredentialsSource",
        })
    }
}

fn restricted(
    credentials: Credentials,
    only: Option<AuthMechanism>,
) -> Result<Credentials, CredentialsError> {
    match only {
        Some(mechanism) => credentials.only(mechanism),
        None => Ok(credentials),
    }
}

/// Credentials for connections.
pub(crate) struct Logins {
    from: Option<From>,
    only: Option<AuthMechanism>,
}

enum From {
    Here(Credentials),
    Source(Arc<Source>),
}

impl Logins {
    fn none() -> Self {
        Self { from: None, only: None }
    }

    /// Whether there are any.
    pub(crate) fn is_some(&self) -> bool {
        self.from.is_some()
    }

    /// Whether asking again can bring others.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.from, Some(From::Source(_)))
    }

    /// Those for the next connection.
    pub(crate) async fn get(&self, ask: Ask) -> Result<Option<Credentials>, Error> {
        match &self.from {
            None => Ok(None),
            Some(From::Here(credentials)) => Ok(Some(credentials.clone())),
            Some(From::Source(source)) => {
                let credentials = source(ask).await.map_err(Error::Credentials)?;
                let credentials = restricted(credentials, self.only);
                credentials.map(Some).map_err(|error| Error::Credentials(Box::new(error)))
            }
        }
    }
}
