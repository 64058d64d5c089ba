//! Hashes and signatures of the provider that was chosen: aws-lc-rs, or ring when only that feature is on.

#[cfg(feature = "aws-lc-rs")]
pub(super) use aws_lc_rs as provider;
#[cfg(not(feature = "aws-lc-rs"))]
pub(super) use ring as provider;

use provider::digest::{Context, SHA256};
use provider::signature::{
    ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::der::RsaPublicKey;

/// SHA-256 of what comes in pieces.
#[derive(Clone)]
pub(super) struct Sha256(Context);

impl Sha256 {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(octets);
    hash.finish()
}

/// Whether this key of at least 1024 bits has signed these octets (RFC 8301; RFC 8017 section 8.2.2).
pub(super) fn verify_rsa_sha256(key: &RsaPublicKey<'_>, octets: &[u8], signature: &[u8]) -> bool {
    RsaPublicKeyComponents { n: key.modulus, e: key.exponent }
        .verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, octets, signature)
        .is_ok()
}

/// Whether this key has signed the hash of these octets (RFC 8463 section 3).
pub(super) fn verify_ed25519_sha256(key: &[u8; 32], octets: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key).verify(&sha256(octets), signature).is_ok()
}
