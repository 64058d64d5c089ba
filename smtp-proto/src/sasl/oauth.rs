//! The messages of OAUTHBEARER (RFC 7628) and XOAUTH2.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::exchange::Response;

/// So much of what the server says is kept.
const MAX_TEXT: usize = 2048;

/// Whether a text can be a bearer token: visible ASCII (RFC 6750 section 2.1 is stricter, issuers are not).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `n,a=USER,^Aauth=Bearer TOKEN^A^A` (RFC 7628 section 3.1).
pub(super) fn oauthbearer(user: &str, token: &str) -> Response {
    let mut response = start(user, token);
    response.extend_from_slice(b"n,a=");
    super::exchange::push_name(user, &mut response);
    response.push(b',');
    end(&mut response, token);
    response
}

/// `user=USER^Aauth=Bearer TOKEN^A^A`.
pub(super) fn xoauth2(user: &str, token: &str) -> Response {
    let mut response = start(user, token);
    response.extend_from_slice(b"user=");
    response.extend_from_slice(user.as_bytes());
    end(&mut response, token);
    response
}

/// Large enough, so that no copy of the token is left behind when it grows.
fn start(user: &str, token: &str) -> Response {
    Zeroizing::new(Vec::with_capacity(3 * user.len() + token.len() + 32))
}

fn end(response: &mut Response, token: &str) {
    response.extend_from_slice(b"\x01auth=Bearer ");
    response.extend_from_slice(token.as_bytes());
    response.extend_from_slice(b"\x01\x01");
}

/// What the server says of a token that it does not take (RFC 7628 section 3.2.2), before its final reply.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    text: String,
}

impl TokenRefusal {
    pub(super) fn new(challenge: &[u8]) -> Self {
        let text = &challenge[..challenge.len().min(MAX_TEXT)];
        Self { text: String::from_utf8_lossy(text).into_owned() }
    }

    /// What the server sent: a JSON object, if it keeps to the standard.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its `status`, such as `invalid_token` or `400`.
    pub fn status(&self) -> Option<&str> {
        member(&self.text, "status")
    }

    /// Its `scope`: what a token must be good for.
    pub fn scope(&self) -> Option<&str> {
        member(&self.text, "scope")
    }
}

/// The value of a member of a JSON object that has only strings and numbers without escapes, as all servers send it.
fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = json.trim_ascii().strip_prefix('{')?;
    loop {
        let (key, behind) = string(rest.trim_ascii_start())?;
        let behind = behind.trim_ascii_start().strip_prefix(':')?.trim_ascii_start();
        let (value, behind) = string(behind).or_else(|| number(behind))?;
        if key == name {
            return Some(value);
        }
        rest = behind.trim_ascii_start().strip_prefix(',')?;
    }
}

fn string(text: &str) -> Option<(&str, &str)> {
    let (string, rest) = text.strip_prefix('"')?.split_once('"')?;
    (!string.contains('\\')).then_some((string, rest))
}

fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Shows no more than the status: the rest may repeat the token.
impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status().filter(|status| is_word(status)).unwrap_or("no status"))
    }
}

impl fmt::Debug for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenRefusal({self})")
    }
}

/// Whether it can be a status: short, and of letters, digits, hyphens and underscores.
fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
