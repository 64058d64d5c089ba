//! Passwords and tokens in memory: never printed, overwritten when dropped.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroize;

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
