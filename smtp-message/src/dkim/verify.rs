//! Verifying the signatures of a message (RFC 6376 section 6, RFC 8301 section 3, RFC 8463).
//!
//! The message comes in pieces, the key records from the caller, who asks DNS for them.  Everything is judged at a time
//! that is given.  Left out: what verdicts are worth for the author of the message, which is DMARC.

use std::cell::OnceCell;
use std::time::Duration;

use super::body_hash::BodyHash;
use super::canonical::canonical_field;
use super::crypto::{verify_ed25519_sha256, verify_rsa_sha256};
use super::head::{self, ByName, Head, State};
use super::signature::{NAME, without_signature};
use super::verdict::{Fail, PermError, Policy, Verdict};
use super::{Algorithm, Canon, KeyName, KeyRecord, PublicKey, Signature, SignatureError, der};

/// Bits of an RSA key that is believed at all (RFC 8301 section 3.2), and that providers verify with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=8192;
/// So many records at one name are tried.
const RECORDS: usize = 4;

/// Takes a message in and finds what is signed of it.
///
/// ```
/// use std::time::Duration;
/// use smtp_message::dkim::{KeyAnswer, NewKey, PrivateKey, Signer, Template, Verdict, Verifier};
///
/// let (key, _) = PrivateKey::generate(NewKey::Ed25519)?;
/// let record = key.record().to_string();
/// let now = Duration::from_secs(1_781_522_645);
/// let message = b"From: a@example.com\r\n\r\nHello\r\n";
/// let fields = Signer::new([Template::new("example.com", "sel1", key)?]).fields(message, now)?;
///
/// let mut verifier = Verifier::new();
/// verifier.update(&fields);
/// verifier.update(message);
/// let checks = verifier.finish()?;
/// assert_eq!(checks.keys()[0].as_str(), "sel1._domainkey.example.com");
/// // Here a program asks DNS for TXT records.
/// let answer = KeyAnswer::Records(vec![record.into_bytes()]);
/// let results = checks.verify(now, |_| answer.clone());
/// assert_eq!(results[0].verdict, Verdict::Pass);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    head: Head,
    /// `None` as long as the headers are not complete.
    checks: Option<Checks>,
    settings: Settings,
}

#[derive(Clone, Debug)]
struct Settings {
    signatures: usize,
    rsa_bits: usize,
    partial_bodies: bool,
    skew: Duration,
}

/// The headers have more octets than were to be taken, so that nothing is known of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadTooLong;

/// What DNS says when asked for TXT records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The records there are, each with its strings put together.  Of many only some are looked at.
    Records(Vec<Vec<u8>>),
    /// There is none, or not even the name.
    None,
    /// No answer was to be had now.
    Temporary,
}

/// A signature, and what has become of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// What it says, if it can be read.
    pub signature: Option<Signature>,
    /// The result.
    pub verdict: Verdict,
    /// The domain is testing DKIM, `t=y`, which must change nothing.
    pub testing: bool,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// A verifier of up to 10 signatures in up to 1 MiB of headers, with RSA keys of at least 1024 bits, over whole bodies,
    /// by clocks that differ by up to 5 minutes.
    pub fn new() -> Self {
        let settings =
            Settings { signatures: 10, rsa_bits: 0, partial_bodies: false, skew: Duration::from_secs(300) };
        Self { head: Head::new(1 << 20), checks: None, settings }
    }

    /// How many signatures are verified; more, further down, are [`Policy::TooMany`].
    #[must_use]
    pub fn max_signatures(mut self, count: usize) -> Self {
        self.settings.signatures = count;
        self
    }

    /// How many octets the headers may have.
    #[must_use]
    pub fn max_head(mut self, octets: usize) -> Self {
        self.head = Head::new(octets);
        self
    }

    /// RSA keys with fewer bits are [`Policy::WeakKey`]; those with fewer than 1024 always are.
    #[must_use]
    pub fn min_rsa_bits(mut self, bits: usize) -> Self {
        self.settings.rsa_bits = bits;
        self
    }

    /// Believes signatures that cover only the front of the body (`l=`), behind which anybody can have added anything.
    #[must_use]
    pub fn allow_partial_bodies(mut self) -> Self {
        self.settings.partial_bodies = true;
        self
    }

    /// How much later than its end a signature may come, and how much earlier than it was made.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.settings.skew = skew;
        self
    }

    /// Takes the next piece of the message, cut anywhere, as it came on the wire but for dot-stuffing.
    pub fn update(&mut self, piece: &[u8]) {
        let body = self.head.take(piece);
        if self.head.state() == State::Complete {
            let checks = self.checks.get_or_insert_with(|| Checks::new(self.head.octets(), &self.settings));
            for (_, hash) in &mut checks.hashes {
                hash.update(body);
            }
        }
    }

    /// The keys that will be needed, each once: known as soon as the headers are in, so that DNS can be asked while the
    /// body comes.
    pub fn keys(&self) -> Vec<&KeyName> {
        self.checks.as_ref().map_or(Vec::new(), Checks::keys)
    }

    /// The message is complete.
    ///
    /// # Errors
    /// [`HeadTooLong`].
    pub fn finish(self) -> Result<Verification, HeadTooLong> {
        if self.head.state() == State::TooLong {
            return Err(HeadTooLong);
        }
        let checks = self.checks.unwrap_or_else(|| Checks::new(self.head.octets(), &self.settings));
        let Checks { signatures, hashes, no_field } = checks;
        let hashes = hashes.into_iter().map(|(_, hash)| hash.finish()).collect();
        Ok(Verification { head: self.head, signatures, hashes, no_field, settings: self.settings })
    }
}

/// What is to be verified, and the hashes that it takes.
#[derive(Clone)]
struct Checks {
    signatures: Vec<Check>,
    /// Each once, by what is done to the body and how much of it counts.
    hashes: Vec<((Canon, Option<u64>), BodyHash)>,
    /// The line among the headers that is no field.
    no_field: Option<usize>,
}

#[derive(Clone)]
struct Check {
    /// Its place among the fields.
    place: usize,
    signature: Result<Signature, SignatureError>,
    /// The place of its hash; `None` if there are too many signatures.
    hash: Option<usize>,
}

impl Checks {
    fn new(head: &[u8], settings: &Settings) -> Self {
        let mut checks = Self { signatures: Vec::new(), hashes: Vec::new(), no_field: None };
        let fields = match head::fields(head) {
            Ok(fields) => fields,
            Err(error) => {
                checks.no_field = Some(error.line);
                return checks;
            }
        };
        for (place, field) in fields.iter().enumerate() {
            if !field.name.eq_ignore_ascii_case(NAME.as_bytes()) {
                continue;
            }
            if checks.signatures.len() >= settings.signatures {
                let signature = Err(SignatureError::Missing("v"));
                checks.signatures.push(Check { place, signature, hash: None });
                continue;
            }
            let signature = Signature::parse(field.value);
            let hash = signature.as_ref().ok().map(|signature| {
                let wanted = (signature.canonicalization.body, signature.body_length);
                let known = checks.hashes.iter().position(|(hash, _)| *hash == wanted);
                known.unwrap_or_else(|| {
                    checks.hashes.push((wanted, BodyHash::new(wanted.0, wanted.1)));
                    checks.hashes.len() - 1
                })
            });
            checks.signatures.push(Check { place, signature, hash: Some(hash.unwrap_or_default()) });
        }
        checks
    }

    fn keys(&self) -> Vec<&KeyName> {
        keys(&self.signatures)
    }
}

fn keys(checks: &[Check]) -> Vec<&KeyName> {
    let mut keys: Vec<&KeyName> = Vec::new();
    for signature in checks.iter().filter_map(|check| check.signature.as_ref().ok()) {
        if !keys.contains(&&signature.key_name) {
            keys.push(&signature.key_name);
        }
    }
    keys
}

/// A message that lacks only the keys for its signatures.
#[derive(Clone)]
pub struct Verification {
    head: Head,
    signatures: Vec<Check>,
    /// Each with the octets beyond its length and short of it.
    hashes: Vec<([u8; 32], u64, u64)>,
    no_field: Option<usize>,
    settings: Settings,
}

impl Verification {
    /// The keys that are needed, each once.
    pub fn keys(&self) -> Vec<&KeyName> {
        keys(&self.signatures)
    }

    /// The results of all signatures, from the top of the headers down, at this time since 1970-01-01 00:00 UTC;
    /// `lookup` answers for a key, for each signature anew.
    ///
    /// No result means that nothing is signed.  If a line among the headers of a signed message is no field, that
    /// is the only result.
    pub fn verify(mut self, now: Duration, mut lookup: impl FnMut(&KeyName) -> KeyAnswer) -> Vec<Verified> {
        let verified = |signature, verdict, testing| Verified { signature, verdict, testing };
        let signatures = std::mem::take(&mut self.signatures);
        let Ok(fields) = head::fields(self.head.octets()) else {
            let start = |line: &[u8]| line.get(..NAME.len()).map(<[u8]>::to_ascii_lowercase);
            let name = Some(NAME.to_ascii_lowercase().into_bytes());
            if !self.head.octets().split(|&octet| octet == b'\n').any(|line| start(line) == name) {
                return Vec::new();
            }
            let line = self.no_field.unwrap_or_default();
            return vec![verified(None, Verdict::PermError(PermError::NoField { line }), false)];
        };
        if signatures.is_empty() {
            return Vec::new();
        }
        let by_name = ByName::new(&fields);
        let mut results = Vec::with_capacity(signatures.len());
        for check in signatures {
            let (Some(hash), Some(field)) = (check.hash, fields.get(check.place)) else {
                results.push(verified(None, Verdict::Policy(Policy::TooMany), false));
                continue;
            };
            let signature = match check.signature {
                Ok(signature) => signature,
                Err(error) => {
                    let error = PermError::Signature(error);
                    results.push(verified(None, Verdict::PermError(error), false));
                    continue;
                }
            };
            let named = |name: &&String| name.eq_ignore_ascii_case("From");
            if by_name.count(b"From") > signature.headers.iter().filter(named).count() {
                let error = Verdict::PermError(PermError::UnsignedFrom);
                results.push(verified(Some(signature), error, false));
                continue;
            }
            let octets = || signed_octets(&signature, field, &by_name, check.place);
            let (verdict, testing) = match self.outdated(&signature, now) {
                Some(why) => (Verdict::Policy(why), false),
                None => self.check(&signature, lookup(&signature.key_name), hash, octets),
            };
            results.push(verified(Some(signature), verdict, testing));
        }
        results
    }

    /// What the keys that are published make of a signature, and whether one of them is for testing.
    fn check(
        &self,
        signature: &Signature,
        answer: KeyAnswer,
        hash: usize,
        octets: impl Fn() -> Vec<u8>,
    ) -> (Verdict, bool) {
        let records = match answer {
            KeyAnswer::Records(records) => records,
            KeyAnswer::None => Vec::new(),
            KeyAnswer::Temporary => return (Verdict::TempError, false),
        };
        let signed = OnceCell::new();
        let (mut nearest, mut testing) = (Verdict::PermError(PermError::NoKey), false);
        for record in records.iter().take(RECORDS) {
            let verdict = match KeyRecord::parse(record) {
                Err(error) => Verdict::PermError(PermError::Record(error)),
                Ok(record) => {
                    testing |= record.testing;
                    self.judge(signature, &record, hash, || signed.get_or_init(&octets))
                }
            };
            match (&verdict, &nearest) {
                (Verdict::Pass, _) => return (verdict, testing),
                // What comes nearest to a pass says most.
                (Verdict::Fail(_) | Verdict::Policy(_), _) | (_, Verdict::PermError(PermError::NoKey)) => {
                    nearest = verdict;
                }
                _ => {}
            }
        }
        (nearest, testing)
    }

    fn outdated(&self, signature: &Signature, now: Duration) -> Option<Policy> {
        let seconds = Duration::from_secs;
        if signature.expires.is_some_and(|end| now > seconds(end).saturating_add(self.settings.skew)) {
            return Some(Policy::Expired);
        }
        let made = signature.time.map(seconds);
        made.is_some_and(|made| made > now.saturating_add(self.settings.skew)).then_some(Policy::Future)
    }

    /// What a key makes of a signature (RFC 6376 sections 6.1.2 and 6.1.3).
    fn judge<'o>(
        &self,
        signature: &Signature,
        record: &KeyRecord,
        hash: usize,
        octets: impl FnOnce() -> &'o Vec<u8>,
    ) -> Verdict {
        if record.key == PublicKey::Revoked {
            return Verdict::PermError(PermError::KeyRevoked);
        }
        if !record.email {
            return Verdict::PermError(PermError::KeyService);
        }
        if !record.sha256 {
            return Verdict::PermError(PermError::KeyHash);
        }
        if record.strict && !signature.is_exact() {
            return Verdict::PermError(PermError::KeyStrict);
        }
        if record.key.algorithm() != Some(signature.algorithm) {
            return Verdict::PermError(PermError::KeyAlgorithm);
        }
        if signature.algorithm == Algorithm::RsaSha256 {
            let bits = record.key.bits().unwrap_or_default();
            if bits < self.settings.rsa_bits.max(*RSA_BITS.start()) {
                return Verdict::Policy(Policy::WeakKey { bits });
            }
            if bits > *RSA_BITS.end() {
                return Verdict::Policy(Policy::LongKey { bits });
            }
        }
        let (found, beyond, short) = self.hashes.get(hash).copied().unwrap_or(([0; 32], 0, 0));
        if found != signature.body_hash || (signature.body_length.is_some() && short > 0) {
            return Verdict::Fail(Fail::BodyHash);
        }
        let octets = octets();
        let good = match &record.key {
            PublicKey::Rsa(key) => {
                let key = der::rsa_public_key(key);
                key.is_some_and(|key| verify_rsa_sha256(&key, octets, &signature.signature))
            }
            PublicKey::Ed25519(key) => verify_ed25519_sha256(key, octets, &signature.signature),
            PublicKey::Revoked | PublicKey::Other { .. } => false,
        };
        match good {
            false => Verdict::Fail(Fail::Signature),
            true if beyond > 0 && !self.settings.partial_bodies => {
                Verdict::Policy(Policy::PartialBody { beyond })
            }
            true => Verdict::Pass,
        }
    }
}

/// What a signature covers of the headers, canonical.  The signature itself, at its place, is not one of those that it
/// names (RFC 6376 section 3.5).
fn signed_octets(
    signature: &Signature,
    field: &head::Field<'_>,
    fields: &ByName<'_>,
    place: usize,
) -> Vec<u8> {
    let canon = signature.canonicalization.header;
    let mut octets = Vec::with_capacity(2 << 10);
    for field in fields.select(signature.headers.iter().map(String::as_bytes), Some(place)) {
        canonical_field(canon, field.whole, &mut octets);
        octets.extend_from_slice(b"\r\n");
    }
    canonical_field(canon, &without_signature(field.whole), &mut octets);
    octets
}

impl std::fmt::Display for HeadTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the headers are too long to be verified")
    }
}

impl std::error::Error for HeadTooLong {}

#[cfg(test)]
mod tests {
    use super::super::{NewKey, Oversign, PrivateKey, Signer, Template};
    use super::*;

    #[test]
    fn what_is_verified_does_not_count_among_what_is_oversigned() {
        let now = Duration::from_secs(1);
        let (key, _) = PrivateKey::generate(NewKey::Ed25519).unwrap();
        let record = key.record().to_string().into_bytes();
        // As programs of others do it.
        let mut template = Template::new("example.com", "s", key).unwrap();
        template.headers.push((NAME.into(), Oversign::Always));
        let signer = Signer::new([template]);
        let sign = |message: &[u8]| [signer.fields(message, now).unwrap(), message.to_vec()].concat();
        let verify = |message: &[u8]| -> Vec<bool> {
            let mut verifier = Verifier::new();
            verifier.update(message);
            let results =
                verifier.finish().unwrap().verify(now, |_| KeyAnswer::Records(vec![record.clone()]));
            results.iter().map(|result| result.verdict.is_pass()).collect()
        };
        let one = sign(b"From: a@example.com\r\n\r\n");
        assert_eq!(verify(&one), [true]);
        // One that is added above breaks it, as it says.
        let two = sign(&one);
        assert_eq!(verify(&two), [true, false]);
        // In the middle it is none of those that are covered, wherever it stands.
        assert_eq!(verify(&[b"A: b\r\n", &*one].concat()), [true]);
    }
}
