//! Body hashes, of pieces (RFC 6376 section 3.7).

use super::crypto::Sha256;
use super::{BodyCanonicalizer, Canon};

/// The hash of a canonical body, or of its front.
#[derive(Clone)]
pub(super) struct BodyHash {
    canonical: BodyCanonicalizer,
    digest: Digest,
}

#[derive(Clone)]
struct Digest {
    hash: Sha256,
    /// Octets that are still to be hashed.
    left: u64,
    /// Octets that were not, for they were too many.
    beyond: u64,
}

impl Digest {
    fn update(&mut self, octets: &[u8]) {
        let hashed = octets.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.hash.update(&octets[..hashed]);
        self.left -= hashed as u64;
        self.beyond += (octets.len() - hashed) as u64;
    }
}

impl BodyHash {
    /// Hashes at most `limit` octets, or all.
    pub(super) fn new(canon: Canon, limit: Option<u64>) -> Self {
        let digest = Digest { hash: Sha256::new(), left: limit.unwrap_or(u64::MAX), beyond: 0 };
        Self { canonical: BodyCanonicalizer::new(canon), digest }
    }

    pub(super) fn update(&mut self, piece: &[u8]) {
        self.canonical.update(piece, &mut |octets| self.digest.update(octets));
    }

    /// The hash.  How many octets were beyond the limit, and how many short of it.
    pub(super) fn finish(mut self) -> ([u8; 32], u64, u64) {
        self.canonical.finish(&mut |octets| self.digest.update(octets));
        (self.digest.hash.finish(), self.digest.beyond, self.digest.left)
    }
}
