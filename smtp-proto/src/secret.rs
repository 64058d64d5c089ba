//! Passwords and tokens in memory: never printed, overwritten when dropped.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

/// A password or a token.
///
/// `Debug` prints no part of it (not even its length), there is no `Display`, and its memory is overwritten when it is
/// dropped.  What the caller did with the string before is the caller's business.
///
/// ```
/// let secret = smtp_proto::Secret::new("tanstaaftanstaaf");
/// assert_eq!(secret.expose(), "tanstaaftanstaaf");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// A message of an AUTH exchange: never printed, overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(pub(crate) Zeroizing<Vec<u8>>);

impl core::ops::Deref for SecretBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(***)")
    }
}
