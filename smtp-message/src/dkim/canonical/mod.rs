//! The forms of headers and bodies that are hashed, so that what changes on the way does not count (RFC 6376 section
//! 3.4).

mod body;
mod header;

use std::fmt;

pub use body::BodyCanonicalizer;
pub use header::canonical_field;

/// One of the two algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Canon {
    /// As it is; of a body the empty lines at its end do not count.
    #[default]
    Simple,
    /// White space does not count for what it is, nor at the ends of lines, nor does the case of names.
    Relaxed,
}

/// What is done to headers and what to the body: the tag `c=`.
///
/// ```
/// use smtp_message::dkim::Canonicalization;
///
/// assert_eq!(Canonicalization::RELAXED.to_string(), "relaxed/relaxed");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Canonicalization {
    /// To the headers.
    pub header: Canon,
    /// To the body.
    pub body: Canon,
}

impl Canonicalization {
    /// Relaxed for both: what servers on the way do to lines breaks no signature.
    pub const RELAXED: Self = Self { header: Canon::Relaxed, body: Canon::Relaxed };
    /// Simple for both, which is what a signature without the tag has.
    pub const SIMPLE: Self = Self { header: Canon::Simple, body: Canon::Simple };
}

impl Canon {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }
}

impl fmt::Display for Canon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Canonicalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.header, self.body)
    }
}
