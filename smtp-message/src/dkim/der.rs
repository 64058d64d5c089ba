//! As much of DER (X.690) as public keys and the kinds of private keys need.

/// `rsaEncryption` with its parameters, as `AlgorithmIdentifier` (RFC 8017 appendix C).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `id-Ed25519`, as `AlgorithmIdentifier` (RFC 8410 section 3).
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// A PKCS#8 key of Ed25519 up to its seed, as OpenSSL writes it (RFC 8410 section 7).
pub(super) const ED25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The modulus and the exponent of an RSA key, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RsaPublicKey<'a> {
    pub(super) modulus: &'a [u8],
    pub(super) exponent: &'a [u8],
}

impl RsaPublicKey<'_> {
    pub(super) fn bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |octet| octet.leading_zeros() as usize);
        8 * self.modulus.len() - unused
    }
}

/// Reads a public key of RSA: a `SubjectPublicKeyInfo`, as everybody publishes it, or the `RSAPublicKey` in it, as RFC
/// 6376 section 3.6.1 has it.
pub(super) fn rsa_public_key(der: &[u8]) -> Option<RsaPublicKey<'_>> {
    let inner = only(SEQUENCE, der)?;
    let numbers = match inner.first()? {
        &SEQUENCE => {
            let (algorithm, rest) = element(SEQUENCE, inner)?;
            // Some leave the parameters out.
            if algorithm != RSA && algorithm != &RSA[..RSA.len() - 2] {
                return None;
            }
            let (unused, key) = only(BIT_STRING, rest)?.split_first()?;
            if *unused != 0 {
                return None;
            }
            only(SEQUENCE, key)?
        }
        _ => inner,
    };
    let (modulus, rest) = element(INTEGER, numbers)?;
    let exponent = only(INTEGER, rest)?;
    Some(RsaPublicKey { modulus: positive(modulus)?, exponent: positive(exponent)? })
}

/// Wraps an `RSAPublicKey` into a `SubjectPublicKeyInfo`.
pub(super) fn rsa_public_key_info(key: &[u8]) -> Vec<u8> {
    let bits = wrapped(BIT_STRING, &[&[0], key]);
    wrapped(SEQUENCE, &[&wrapped(SEQUENCE, &[RSA]), &bits])
}

/// What kind of private key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrivateKind {
    /// An `RSAPrivateKey` (PKCS#1).
    Pkcs1,
    /// RSA in PKCS#8.
    Pkcs8Rsa,
    /// Ed25519 in PKCS#8.
    Pkcs8Ed25519,
}

/// Tells private keys apart; `None` for what is neither, such as another algorithm.
pub(super) fn private_kind(der: &[u8]) -> Option<PrivateKind> {
    let (_, rest) = element(INTEGER, only(SEQUENCE, der)?)?;
    match rest.first()? {
        &INTEGER => Some(PrivateKind::Pkcs1),
        _ => {
            let (algorithm, _) = element(SEQUENCE, rest)?;
            let (oid, _) = element(OBJECT_IDENTIFIER, algorithm)?;
            let is = |known: &[u8]| element(OBJECT_IDENTIFIER, known).is_some_and(|(found, _)| found == oid);
            match () {
                () if is(RSA) => Some(PrivateKind::Pkcs8Rsa),
                () if is(ED25519) => Some(PrivateKind::Pkcs8Ed25519),
                () => None,
            }
        }
    }
}

/// Bits of the modulus of a private RSA key of either form.
pub(super) fn private_rsa_bits(der: &[u8]) -> Option<usize> {
    let (_, mut rest) = element(INTEGER, only(SEQUENCE, der)?)?;
    if private_kind(der)? == PrivateKind::Pkcs8Rsa {
        (_, rest) = element(SEQUENCE, rest)?;
        let (key, _) = element(OCTET_STRING, rest)?;
        (_, rest) = element(INTEGER, only(SEQUENCE, key)?)?;
    }
    let (modulus, _) = element(INTEGER, rest)?;
    Some(RsaPublicKey { modulus: positive(modulus)?, exponent: &[] }.bits())
}

/// The content of an element with this tag, and what is behind it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*length), rest),
        [found, 0x81, length @ 0x80..=0xff, rest @ ..] if *found == tag => (usize::from(*length), rest),
        [found, 0x82, high @ 1..=0xff, low, rest @ ..] if *found == tag => {
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The content of the only element.
fn only(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).filter(|(_, rest)| rest.is_empty()).map(|(content, _)| content)
}

/// An integer above 0, in the fewest octets.
fn positive(octets: &[u8]) -> Option<&[u8]> {
    match octets {
        [0, rest @ ..] if rest.first().is_some_and(|&octet| octet >= 0x80) => Some(rest),
        [0x01..=0x7f, ..] => Some(octets),
        _ => None,
    }
}

fn wrapped(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let content = contents.concat();
    let mut out = vec![tag];
    match u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes() {
        [0, low @ 0..=0x7f] => out.push(low),
        [0, low] => out.extend([0x81, low]),
        [high, low] => out.extend([0x82, high, low]),
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(octets: &[u8]) -> Vec<u8> {
        wrapped(INTEGER, &[octets])
    }

    #[test]
    fn public_keys() {
        for length in [1, 64, 127, 128, 256, 512] {
            let modulus = vec![0xff; length];
            let key = wrapped(SEQUENCE, &[&number(&[&[0][..], &modulus].concat()), &number(&[1, 0, 1])]);
            let expected = RsaPublicKey { modulus: &modulus, exponent: &[1, 0, 1] };
            assert_eq!(expected.bits(), 8 * length);
            assert_eq!(rsa_public_key(&key), Some(expected.clone()));
            let info = rsa_public_key_info(&key);
            assert_eq!(rsa_public_key(&info), Some(expected));
            for cut in 0..info.len() {
                assert_eq!(rsa_public_key(&info[..cut]), None, "{cut}");
            }
            assert_eq!(rsa_public_key(&[info, vec![0]].concat()), None);
        }
        let bits = |modulus| RsaPublicKey { modulus, exponent: &[3] }.bits();
        assert_eq!((bits(&[0x7f, 0]), bits(&[1]), bits(&[])), (15, 1, 0));
        for bad in [&[0][..], &[0, 1], &[0x80], &[]] {
            assert_eq!(rsa_public_key(&wrapped(SEQUENCE, &[&number(bad), &number(&[3])])), None);
        }
    }

    #[test]
    fn kinds_of_private_keys() {
        let pkcs8 = |algorithm: &[u8]| {
            wrapped(SEQUENCE, &[&number(&[0]), &wrapped(SEQUENCE, &[algorithm]), &[0x04, 0x01, 0x00]])
        };
        assert_eq!(private_kind(&pkcs8(RSA)), Some(PrivateKind::Pkcs8Rsa));
        assert_eq!(private_kind(&pkcs8(ED25519)), Some(PrivateKind::Pkcs8Ed25519));
        assert_eq!(private_kind(&pkcs8(&[0x06, 0x03, 0x2b, 0x65, 0x71])), None);
        assert_eq!(private_kind(&pkcs8(&[])), None);
        assert_eq!(
            private_kind(&wrapped(SEQUENCE, &[&number(&[0]), &number(&[5])])),
            Some(PrivateKind::Pkcs1)
        );
        for bad in [&[][..], &[0x30, 0], &[0x30, 0x80, 0, 0], b"-----BEGIN"] {
            assert_eq!(private_kind(bad), None);
        }
    }
}
