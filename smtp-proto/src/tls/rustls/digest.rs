//! Digests of certificates: SHA-256 is the provider's own, SHA-512 that of the crate behind it.

use std::vec::Vec;

use ::rustls::crypto::CryptoProvider;
use ::rustls::crypto::hash::{Hash, HashAlgorithm};

/// The provider's SHA-256, which all have that do `TLS_AES_128_GCM_SHA256` or its kin.
pub(super) fn sha_256(provider: &CryptoProvider) -> Option<&'static dyn Hash> {
    provider.cipher_suites.iter().find_map(|suite| {
        let common = match suite {
            ::rustls::SupportedCipherSuite::Tls13(suite) => &suite.common,
            ::rustls::SupportedCipherSuite::Tls12(suite) => &suite.common,
        };
        let hash = common.hash_provider;
        (hash.algorithm() == HashAlgorithm::SHA256).then_some(hash)
    })
}

/// SHA-512, which no cipher suite has; `None` if this crate was built with neither aws-lc-rs nor ring.
pub(super) fn sha_512(data: &[u8]) -> Option<Vec<u8>> {
    #[cfg(feature = "aws-lc-rs")]
    return Some(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, data).as_ref().to_vec());
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Some(ring::digest::digest(&ring::digest::SHA512, data).as_ref().to_vec());
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    {
        let _ = data;
        None
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        // FIPS 180-2, appendices B.1 and C.1.
        let sha_256 = sha_256(&crate::tls::rustls::default_provider()).unwrap().hash(b"abc");
        assert_eq!(hex(sha_256.as_ref()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            hex(&sha_512(b"abc").unwrap()),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        );
    }
}
