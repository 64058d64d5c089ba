//! DKIM: signing messages and verifying the signatures of others (RFC 6376, RFC 8301, RFC 8463, RFC 8616).
//!
//! - [`Signer`] makes signatures by [`Template`]s: over a content ([`Signer::sign`]), over octets ([`Signer::fields`]), over
//!   what comes in pieces ([`Signer::pass`]), and with keys that are elsewhere ([`SigningKey::callback`],
//!   [`SigningPass::requests`]).
//! - [`PrivateKey`] is read from what OpenSSL writes, or made; [`KeyRecord`] is what goes into DNS.
//! - [`Verifier`] takes a message, says which keys it needs, and judges with the answers of DNS.
//!
//! Nothing here asks DNS or reads a clock.  Cryptography is that of the provider which the features choose; without one of
//! them there is no DKIM.  Left out: `l=` when signing, which lets others add to a message, `z=`, and SHA-1.

mod body_hash;
mod canonical;
mod crypto;
mod der;
mod head;
mod key;
mod lines;
mod record;
mod sign;
mod signature;
mod signed;
mod tags;
mod template;
mod verdict;
mod verify;

use std::fmt;

pub use canonical::{BodyCanonicalizer, Canon, Canonicalization, canonical_field};
pub use key::{KeyError, NewKey, PrivateKey};
pub use record::{KeyRecord, PublicKey, RecordError};
pub use sign::{BodyHashes, BodyPass, SignError, SignatureRequest, Signer, SigningPass};
pub use signature::{KeyName, Signature, SignatureError};
pub use signed::Signed;
pub use tags::TagError;
pub use template::{CallbackError, Oversign, SigningKey, Template, TemplateError};
pub use verdict::{Fail, PermError, Policy, Verdict};
pub use verify::{HeadTooLong, KeyAnswer, Verification, Verified, Verifier};

/// What a signature is made with: the tag `a=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA over SHA-256 (RFC 6376 section 3.3.2).
    RsaSha256,
    /// Ed25519 over SHA-256 (RFC 8463 section 3).
    Ed25519Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
