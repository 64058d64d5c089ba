//! SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677), and both bound to TLS by tls-exporter (RFC 9266).
//!
//! Hashes are those of the cryptography that TLS uses.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZeroU32;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as provider;
use data_encoding::BASE64;
use provider::{digest, hmac, pbkdf2};
#[cfg(not(feature = "aws-lc-rs"))]
use ring as provider;
use zeroize::Zeroizing;

use super::error::SaslError;
use super::exchange::{ITERATIONS, Response, push_name};
use super::mechanism::AuthMechanism;
use super::prep::prepare;

/// How the exchange is bound to the TLS connection (RFC 5802 section 6).
pub(super) enum Binding {
    /// Not at all: there is nothing to bind it to, or the caller wants none.
    None,
    /// It could be, but the server does not offer that.
    NotOffered,
    /// To this keying material.
    Exporter([u8; 32]),
}

/// The client's side of one exchange.
pub(super) struct Scram {
    hash: &'static Hash,
    /// The GS2 header and what the exchange is bound to.
    binding: Vec<u8>,
    nonce: String,
    /// All messages that are signed, as far as they are known; the password is in none of them.
    messages: String,
    stage: Stage,
}

enum Stage {
    First,
    Salted {
        salt: Vec<u8>,
        iterations: NonZeroU32,
    },
    Proved {
        server_key: Box<hmac::Key>,
    },
    Verified,
    /// The server has said that it refuses.
    Refused,
}

/// What belongs to one hash.
struct Hash {
    hmac: &'static hmac::Algorithm,
    pbkdf2: fn() -> pbkdf2::Algorithm,
    digest: &'static digest::Algorithm,
    len: usize,
}

static SHA_1: Hash = Hash {
    hmac: &hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    pbkdf2: || pbkdf2::PBKDF2_HMAC_SHA1,
    digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
    len: 20,
};
static SHA_256: Hash = Hash {
    hmac: &hmac::HMAC_SHA256,
    pbkdf2: || pbkdf2::PBKDF2_HMAC_SHA256,
    digest: &digest::SHA256,
    len: 32,
};

/// The longest of the hashes has so many bytes.
const MAX_HASH: usize = 32;

impl Scram {
    /// Begins; gives the client's first message.
    pub(super) fn new(
        mechanism: AuthMechanism,
        user: &str,
        authorization: &str,
        nonce: String,
        binding: &Binding,
    ) -> Result<(Self, Response), SaslError> {
        let user = prepare("user name", user)?;
        let mut gs2 = match binding {
            Binding::None => b"n,".to_vec(),
            Binding::NotOffered => b"y,".to_vec(),
            Binding::Exporter(_) => b"p=tls-exporter,".to_vec(),
        };
        if !authorization.is_empty() {
            gs2.extend_from_slice(b"a=");
            push_name(authorization, &mut gs2);
        }
        gs2.push(b',');
        let mut name = Vec::with_capacity(user.len());
        push_name(&user, &mut name);
        // Escaping puts ASCII in the place of ASCII.
        let bare = alloc::format!("n={},r={nonce}", String::from_utf8_lossy(&name));
        let first = Zeroizing::new([&gs2, bare.as_bytes()].concat());
        if let Binding::Exporter(exporter) = binding {
            gs2.extend_from_slice(exporter);
        }
        let hash = match mechanism {
            AuthMechanism::ScramSha1 | AuthMechanism::ScramSha1Plus => &SHA_1,
            _ => &SHA_256,
        };
        Ok((Self { hash, binding: gs2, nonce, messages: bare, stage: Stage::First }, first))
    }

    /// Whether the proof was made: what the server says next is its own.
    pub(super) fn is_proved(&self) -> bool {
        matches!(self.stage, Stage::Proved { .. } | Stage::Verified | Stage::Refused)
    }

    pub(super) fn is_verified(&self) -> bool {
        matches!(self.stage, Stage::Verified)
    }

    /// Reads `r=NONCE,s=SALT,i=ITERATIONS`.
    pub(super) fn server_first(&mut self, message: &[u8]) -> Result<(), SaslError> {
        let malformed = |field| SaslError::Malformed { field };
        let text = str::from_utf8(message).map_err(|_| malformed("encoding"))?;
        if text.starts_with("m=") {
            return Err(SaslError::UnknownExtension);
        }
        let mut attributes = text.split(',');
        let mut attribute =
            |name, field| attributes.next().and_then(|text| text.strip_prefix(name)).ok_or(malformed(field));
        let nonce = attribute("r=", "nonce")?;
        let salt = attribute("s=", "salt")?;
        let iterations = attribute("i=", "iteration count")?;
        let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || nonce.len() == self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err(SaslError::WrongNonce);
        }
        let salt = BASE64.decode(salt.as_bytes()).ok().filter(|salt| !salt.is_empty());
        let salt = salt.ok_or(malformed("salt"))?;
        if iterations.is_empty() || !iterations.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("iteration count"));
        }
        let count = iterations.parse().unwrap_or(u64::MAX);
        let iterations = u32::try_from(count).ok().and_then(NonZeroU32::new);
        let iterations = iterations.filter(|_| ITERATIONS.contains(&count));
        let iterations = iterations.ok_or(SaslError::Iterations { count })?;
        self.nonce = nonce.to_string();
        self.messages.push(',');
        self.messages.push_str(text);
        self.stage = Stage::Salted { salt, iterations };
        Ok(())
    }

    /// Proves that the client knows the password: `c=BINDING,r=NONCE,p=PROOF`.
    pub(super) fn prove(&mut self, password: &str) -> Result<Response, SaslError> {
        let Stage::Salted { salt, iterations } = &self.stage else { return Err(SaslError::Secret) };
        let password = Zeroizing::new(prepare("password", password)?.into_owned());
        let mut salted = Zeroizing::new([0; MAX_HASH]);
        let salted = &mut salted[..self.hash.len];
        pbkdf2::derive((self.hash.pbkdf2)(), *iterations, salt, password.as_bytes(), salted);
        let last = alloc::format!("c={},r={}", BASE64.encode(&self.binding), self.nonce);
        self.messages.push(',');
        self.messages.push_str(&last);

        let client_key = self.hash.sign(salted, b"Client Key");
        let stored_key = digest::digest(self.hash.digest, client_key.as_ref());
        let signature = self.hash.sign(stored_key.as_ref(), self.messages.as_bytes());
        let pairs = client_key.as_ref().iter().zip(signature.as_ref());
        let proof: Zeroizing<Vec<u8>> =
            Zeroizing::new(pairs.map(|(key, signature)| key ^ signature).collect());
        let server_key = self.hash.sign(salted, b"Server Key");
        let server_key = Box::new(hmac::Key::new(*self.hash.hmac, server_key.as_ref()));
        self.stage = Stage::Proved { server_key };
        let proof = Zeroizing::new(BASE64.encode(&proof));
        Ok(Zeroizing::new([last.as_bytes(), b",p=", proof.as_bytes()].concat()))
    }

    /// Reads `v=SIGNATURE`, which proves that the server knows the password too.
    pub(super) fn verify(&mut self, message: &[u8]) -> Result<(), SaslError> {
        let Stage::Proved { server_key } = &self.stage else { return Err(SaslError::UnexpectedChallenge) };
        let first = message.split(|&byte| byte == b',').next().unwrap_or_default();
        if first.starts_with(b"e=") {
            // It refuses, and says so to who knows SMTP only by its final reply.
            self.stage = Stage::Refused;
            return Ok(());
        }
        let malformed = SaslError::Malformed { field: "signature" };
        let signature =
            first.strip_prefix(b"v=").and_then(|text| BASE64.decode(text).ok()).ok_or(malformed)?;
        hmac::verify(server_key, self.messages.as_bytes(), &signature)
            .map_err(|_| SaslError::WrongServerSignature)?;
        self.stage = Stage::Verified;
        Ok(())
    }
}

impl Hash {
    fn sign(&self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(*self.hmac, key), message)
    }
}
