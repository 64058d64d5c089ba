//! The server's side of SCRAM (RFC 5802), for the one password there is.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use aws_lc_rs::{hmac, pbkdf2};
use data_encoding::BASE64;
use smtp_proto::AuthMechanism;

use crate::auth::PASSWORD;

const SALT: &[u8] = b"salt";
const ITERATIONS: u32 = 4096;

static SHA_1: LazyLock<hmac::Key> =
    LazyLock::new(|| server_key(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pbkdf2::PBKDF2_HMAC_SHA1, 20));
static SHA_256: LazyLock<hmac::Key> =
    LazyLock::new(|| server_key(hmac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256, 32));

fn server_key(algorithm: hmac::Algorithm, derivation: pbkdf2::Algorithm, len: usize) -> hmac::Key {
    let mut salted = vec![0; len];
    let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(derivation, iterations, SALT, PASSWORD.as_bytes(), &mut salted);
    let key = hmac::sign(&hmac::Key::new(algorithm, &salted), b"Server Key");
    hmac::Key::new(algorithm, key.as_ref())
}

/// What was said so far, as it is signed.
#[derive(Default)]
pub(crate) struct Scram {
    messages: String,
}

impl Scram {
    /// The server's first message, in answer to the client's.
    pub(crate) fn first(&mut self, message: &[u8]) -> String {
        let message = String::from_utf8_lossy(message);
        // Behind the flag and the name of whom it acts for.
        let bare = message.splitn(3, ',').nth(2).unwrap_or_default();
        let nonce = bare.split(',').find_map(|part| part.strip_prefix("r=")).unwrap_or_default();
        let first = format!("r={nonce}server,s={},i={ITERATIONS}", BASE64.encode(SALT));
        self.messages = format!("{bare},{first},");
        first
    }

    /// The server's last message, which proves that it knows the password.
    pub(crate) fn last(&mut self, mechanism: AuthMechanism, message: &[u8]) -> String {
        let message = String::from_utf8_lossy(message);
        let unproved = message.split(",p=").next().unwrap_or_default();
        self.messages.push_str(unproved);
        let key = if mechanism.name().contains("256") { &*SHA_256 } else { &*SHA_1 };
        format!("v={}", BASE64.encode(hmac::sign(key, self.messages.as_bytes()).as_ref()))
    }
}
