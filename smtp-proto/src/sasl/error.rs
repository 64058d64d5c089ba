//! Why an exchange came to nothing, apart from the server's refusal.

use core::fmt;

/// Why an exchange cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslError {
    /// The server sent a challenge where the mechanism has none.
    UnexpectedChallenge,
    /// A challenge is not what the mechanism prescribes.
    Malformed {
        /// What is missing or wrong, such as `salt`.
        field: &'static str,
    },
    /// The server wants an extension of SCRAM that is not known (RFC 5802 section 5.1, `m=`).
    UnknownExtension,
    /// The server's nonce does not continue the client's: somebody is in between, or an old exchange is played again.
    WrongNonce,
    /// The server asks for so few iterations that passwords can be guessed, or so many that it costs too much time.
    Iterations {
        /// How many.
        count: u64,
    },
    /// The server could not prove that it knows the password.
    WrongServerSignature,
    /// The server said that the exchange succeeded before it had proved that it knows the password.
    NoServerSignature,
    /// The server said that the exchange succeeded before it had heard the secret.
    Premature,
    /// The user name or the password has a character that `SASLprep` prohibits, or none but characters that it removes
    /// (RFC 4013); or it is not ASCII and this build has no `SASLprep`.
    Prohibited {
        /// `user name` or `password`.
        field: &'static str,
    },
    /// The secret is empty or cannot be said in this mechanism.
    Secret,
    /// This build cannot speak the mechanism.
    NotSupported,
}

impl SaslError {
    /// Whether the fault is the server's.
    pub fn is_of_the_server(&self) -> bool {
        !matches!(self, Self::Prohibited { .. } | Self::Secret | Self::NotSupported)
    }
}

impl fmt::Display for SaslError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedChallenge => f.write_str("the server sent a challenge where there is none"),
            Self::Malformed { field } => {
                write!(f, "the server sent a challenge with a missing or wrong {field}")
            }
            Self::UnknownExtension => {
                f.write_str("the server wants an extension of SCRAM that is not known here")
            }
            Self::WrongNonce => f.write_str("the server's nonce does not continue the one sent"),
            Self::Iterations { count } => write!(
                f,
                "the server asks for {count} iterations; they must be from {} to {}",
                super::exchange::ITERATIONS.start(),
                super::exchange::ITERATIONS.end(),
            ),
            Self::WrongServerSignature => {
                f.write_str("the server does not know the password: its signature is wrong")
            }
            Self::NoServerSignature => f.write_str("the server has not proved that it knows the password"),
            Self::Premature => f.write_str("the server said yes before it had heard the secret"),
            Self::Prohibited { field } => {
                write!(f, "the {field} has characters that SASLprep does not allow")
            }
            Self::Secret => {
                f.write_str("the secret is empty or has characters that the mechanism does not allow")
            }
            Self::NotSupported => f.write_str("this build cannot speak the mechanism"),
        }
    }
}

impl core::error::Error for SaslError {}
