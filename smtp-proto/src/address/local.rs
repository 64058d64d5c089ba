//! Local parts: dot-strings and quoted strings (RFC 5321 section 4.1.2), in UTF-8 where RFC 6531 allows it.
//!
//! Narrower than the grammar where other software reads more into a local part than is there: what looks like an encoded
//! word (RFC 2047) is decoded by some before they take the address apart, and what nobody sees makes two addresses look
//! the same.
//!
//! Left out: the obsolete forms of RFC 5322 (`"a".b`, white space and comments around atoms), which SMTP never had, and
//! Unicode normalisation, which is the receiving system's business.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use compact_str::CompactString;

use super::syntax::{self, is_atext, write_quoted};
use super::{AddressError, AddressPart, AddressRule};

/// Octets of a local part on the wire, quotes and backslashes included (RFC 5321 section 4.5.3.1.1).
const LIMIT: usize = 64;

/// How an encoded word begins (RFC 2047 section 2).
pub(super) const ENCODED_WORD: &str = "=?";

/// The part of an address before the `@`, without its quoting.
///
/// Two local parts are equal when they mean the same: `"joe"` and `joe` are.  Case counts, for only the receiving
/// system knows whether it does.
///
/// ```
/// use smtp_proto::LocalPart;
///
/// let quoted: LocalPart = r#""John \"J\" Doe""#.parse()?;
/// assert_eq!(quoted.content(), r#"John "J" Doe"#);
/// assert_eq!(quoted.to_string(), r#""John \"J\" Doe""#);
/// assert_eq!(LocalPart::from_content("joe")?, r#""joe""#.parse()?);
/// # Ok::<(), smtp_proto::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart {
    content: CompactString,
    /// On the wire it has quotes: it is no dot-string.
    quoted: bool,
    /// It is ASCII.
    ascii: bool,
}

impl LocalPart {
    /// Takes a local part that is not quoted, whatever it has in it; `Display` quotes it where that is needed.
    ///
    /// # Errors
    /// A control character, a look-alike of `@`, a character that is not seen, the beginning of an encoded word, or more
    /// than 64 octets when quoted.
    pub fn from_content(content: impl Into<String>) -> Result<Self, AddressError> {
        let content = content.into();
        check_characters(&content, AddressPart::LocalPart)?;
        if let Some(at) = content.find(ENCODED_WORD) {
            return Err(error(AddressRule::EncodedWord { at }, &content));
        }
        let quoted = !is_dot_string(&content);
        let quoting = match quoted {
            false => 0,
            true => 2 + content.bytes().filter(|&b| b == b'"' || b == b'\\').count(),
        };
        let length = content.len() + quoting;
        if length > LIMIT {
            return Err(error(AddressRule::TooLong { length, limit: LIMIT }, &content));
        }
        // The caller's buffer may be large, and is not kept.
        Ok(Self { content: content.as_str().into(), quoted, ascii: content.is_ascii() })
    }

    /// What it says, without quoting; not what goes on the wire, which is what `Display` writes.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// What it says, if that is as it goes on the wire, too: it needs no quotes.
    pub fn plain(&self) -> Option<&str> {
        Some(&*self.content).filter(|_| !self.quoted)
    }

    /// Whether it is ASCII, so that it needs no SMTPUTF8.
    #[inline]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Takes what [`starts_simple`] has found.
    #[inline]
    pub(super) fn simple(text: &str) -> Self {
        Self { content: text.into(), quoted: false, ascii: true }
    }

    pub(super) fn postmaster() -> Self {
        Self::simple("postmaster")
    }
}

impl FromStr for LocalPart {
    type Err = AddressError;

    /// Parses a dot-string or a quoted string.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_characters(text, AddressPart::LocalPart)?;
        if text.starts_with('"') {
            return match quoted_string(text) {
                Some((content, "")) => Self::from_content(content),
                _ => Err(error(AddressRule::Quoting, text)),
            };
        }
        if text.is_empty() {
            return Err(error(AddressRule::Empty, text));
        }
        if let Some(at) = text.find(|c| !is_atext(c) && c != '.') {
            return Err(error(AddressRule::Character { at }, text));
        }
        if !is_dot_string(text) {
            return Err(error(AddressRule::Dot, text));
        }
        Self::from_content(text)
    }
}

impl fmt::Display for LocalPart {
    /// Writes it as it goes on the wire: a dot-string if it can be one, else a quoted string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quoted {
            false => f.write_str(&self.content),
            true => write_quoted(f, &self.content),
        }
    }
}

/// Parses a quoted string at the front of `input` and returns its content.
pub(super) fn quoted_string(input: &str) -> Option<(String, &str)> {
    syntax::quoted_string(input, |c| matches!(c, ' '..='~'))
}

/// Looks for what no address may have anywhere.
pub(super) fn check_characters(text: &str, part: AddressPart) -> Result<(), AddressError> {
    for (at, c) in text.char_indices() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            return Err(AddressError::new(part, AddressRule::Control { at }, text));
        }
        // A program further on that folds compatibility characters would see another domain.
        if part == AddressPart::LocalPart && matches!(c, '\u{ff20}' | '\u{fe6b}') {
            return Err(AddressError::new(part, AddressRule::LookalikeAt { at }, text));
        }
        if part == AddressPart::LocalPart && is_invisible(c) {
            return Err(AddressError::new(part, AddressRule::Invisible { at }, text));
        }
    }
    Ok(())
}

fn error(rule: AddressRule, text: &str) -> AddressError {
    AddressError::new(AddressPart::LocalPart, rule, text)
}

fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Whether a character is white space beyond ASCII, default-ignorable, or a format character, those that change the
/// direction of text among them (Unicode 16: `White_Space`, `Default_Ignorable_Code_Point`, `Cf`).
fn is_invisible(c: char) -> bool {
    const RANGES: [(char, char); 28] = [
        ('\u{a0}', '\u{a0}'),
        ('\u{ad}', '\u{ad}'),
        ('\u{34f}', '\u{34f}'),
        ('\u{600}', '\u{605}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{6dd}', '\u{6dd}'),
        ('\u{70f}', '\u{70f}'),
        ('\u{890}', '\u{891}'),
        ('\u{8e2}', '\u{8e2}'),
        ('\u{115f}', '\u{1160}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{17b4}', '\u{17b5}'),
        ('\u{180b}', '\u{180f}'),
        ('\u{2000}', '\u{200f}'),
        ('\u{2028}', '\u{202f}'),
        ('\u{205f}', '\u{206f}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{3164}', '\u{3164}'),
        ('\u{fe00}', '\u{fe0f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{ffa0}', '\u{ffa0}'),
        ('\u{fff0}', '\u{fffb}'),
        ('\u{110bd}', '\u{110bd}'),
        ('\u{110cd}', '\u{110cd}'),
        ('\u{13430}', '\u{1343f}'),
        ('\u{1bca0}', '\u{1bca3}'),
        ('\u{1d173}', '\u{1d17a}'),
        ('\u{e0000}', '\u{e0fff}'),
    ];
    !c.is_ascii() && RANGES.iter().any(|&(first, last)| (first..=last).contains(&c))
}
/// How many octets before an `@` make a local part of the simplest kind: letters, digits, `-`, `_` and `+` with single
/// dots between them, at most 64.
pub(super) fn starts_simple(text: &str) -> Option<usize> {
    let mut dot = true;
    for (at, &b) in text.as_bytes().iter().enumerate().take(LIMIT + 1) {
        match b {
            b'@' => return Some(at).filter(|_| !dot),
            b'.' if dot => return None,
            b'.' => dot = true,
            b if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+') => dot = false,
            _ => return None,
        }
    }
    None
}
