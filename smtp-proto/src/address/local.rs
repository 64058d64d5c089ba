//! Local parts: dot-strings and quoted strings (RFC 5321 section 4.1.2), in UTF-8 where RFC 6531 allows it.
//!
//! Left out: the obsolete forms of RFC 5322 (`"a".b`, white space and comments around atoms), which SMTP never had, and
//! Unicode normalisation, which is the receiving system's business.

use alloc::string::String;
use core::fmt::{self, Write};
use core::str::FromStr;

use nom::branch::alt;
use nom::character::complete::{char, satisfy};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::{AddressError, AddressPart, AddressRule};

/// Octets of a local part on the wire, quotes and backslashes included (RFC 5321 section 4.5.3.1.1).
const LIMIT: usize = 64;

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
pub struct LocalPart(String);

impl LocalPart {
    /// Takes a local part that is not quoted, whatever it has in it; `Display` quotes it where that is needed.
    ///
    /// # Errors
    /// A control character, a look-alike of `@`, or more than 64 octets when quoted.
    pub fn from_content(content: impl Into<String>) -> Result<Self, AddressError> {
        let content = content.into();
        check_characters(&content, AddressPart::LocalPart)?;
        let quoting = if is_dot_string(&content) {
            0
        } else {
            2 + content.bytes().filter(|&b| b == b'"' || b == b'\\').count()
        };
        let length = content.len() + quoting;
        if length > LIMIT {
            return Err(error(AddressRule::TooLong { length, limit: LIMIT }, &content));
        }
        Ok(Self(content))
    }

    /// What it says, without quoting; not what goes on the wire, which is what `Display` writes.
    pub fn content(&self) -> &str {
        &self.0
    }

    /// Whether it is ASCII, so that it needs no SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }

    pub(super) fn postmaster() -> Self {
        Self("postmaster".into())
    }
}

impl FromStr for LocalPart {
    type Err = AddressError;

    /// Parses a dot-string or a quoted string.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_characters(text, AddressPart::LocalPart)?;
        if text.starts_with('"') {
            return match quoted_string(text) {
                Ok(("", content)) => Self::from_content(content),
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
        if is_dot_string(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

/// Parses a quoted string at the front of `input` and returns its content.
pub(super) fn quoted_string(input: &str) -> IResult<&str, String> {
    let pair = preceded(char('\\'), satisfy(|c| matches!(c, ' '..='~')));
    let text = satisfy(|c| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~') || is_utf8_non_ascii(c));
    let content = fold_many0(alt((text, pair)), String::new, |mut content, c| {
        content.push(c);
        content
    });
    delimited(char('"'), content, char('"')).parse(input)
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
    }
    Ok(())
}

fn error(rule: AddressRule, text: &str) -> AddressError {
    AddressError::new(AddressPart::LocalPart, rule, text)
}

fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_utf8_non_ascii(c)
}

fn is_utf8_non_ascii(c: char) -> bool {
    !c.is_ascii() && !c.is_control()
}
