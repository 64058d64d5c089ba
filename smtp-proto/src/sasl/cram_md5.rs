//! CRAM-MD5 (RFC 2195).

use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use zeroize::Zeroizing;

use super::exchange::Response;

/// `USER DIGEST`.
pub(super) fn response(user: &str, password: &str, challenge: &[u8]) -> Option<Response> {
    let mut mac = Hmac::<Md5>::new_from_slice(password.as_bytes()).ok()?;
    mac.update(challenge);
    let digest = mac.finalize().into_bytes();
    let mut response = Zeroizing::new(Vec::with_capacity(user.len() + 33));
    response.extend_from_slice(user.as_bytes());
    response.push(b' ');
    response.extend_from_slice(data_encoding::HEXLOWER.encode(&digest).as_bytes());
    Some(response)
}
