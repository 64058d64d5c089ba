//! Message identifiers (RFC 5322 section 3.6.4).

use std::fmt;
use std::str::FromStr;

use smtp_proto::Host;
use smtp_proto::escape::Snippet;

use crate::Stamp;

/// Octets without the angle brackets: with them a line of 998 holds it.
const LIMIT: usize = 900;

/// The identifier of a message, as in `Message-ID`, `In-Reply-To` and `References`.
///
/// Any printable ASCII but white space and angle brackets is taken, for a reply has to repeat whatever identifier the
/// other program made.
///
/// ```
/// use smtp_message::MessageId;
///
/// let id: MessageId = "<1234@example.com>".parse()?;
/// assert_eq!(id, "1234@example.com".parse()?);
/// assert_eq!(id.to_string(), "<1234@example.com>");
/// # Ok::<(), smtp_message::MessageIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

/// A text that is no message identifier: it is empty, has more than 900 octets, or has a character other than
/// printable ASCII, white space or an angle bracket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageIdError(Snippet);

impl MessageId {
    /// An identifier that nobody can guess, at `host`.
    pub fn generate(stamp: &Stamp, host: &Host) -> Self {
        let mut id = String::with_capacity(64);
        id.push('<');
        encodify::base32::STANDARD_NO_PAD.encode_append(&stamp.random[..16], &mut id);
        id.push('@');
        match host {
            Host::Domain(domain) => id.push_str(domain.as_str()),
            Host::Literal(literal) => id.push_str(&literal.to_string()),
        }
        id.push('>');
        Self(id)
    }

    /// With its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    /// Takes an identifier with or without angle brackets.  Nothing is trimmed: white space around it is an error.
    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        let id = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        let legal = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>');
        if id.is_empty() || id.len() > LIMIT || !id.bytes().all(legal) {
            return Err(MessageIdError(Snippet::new(text.as_bytes())));
        }
        Ok(Self(format!("<{id}>")))
    }
}

impl TryFrom<&str> for MessageId {
    type Error = MessageIdError;

    fn try_from(text: &str) -> Result<Self, MessageIdError> {
        text.parse()
    }
}

impl TryFrom<String> for MessageId {
    type Error = MessageIdError;

    fn try_from(text: String) -> Result<Self, MessageIdError> {
        text.parse()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MessageIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a message identifier: {}", self.0)
    }
}

impl std::error::Error for MessageIdError {}

impl From<std::convert::Infallible> for MessageIdError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_m2_no_identifier_breaks_a_line() {
        let long = "x".repeat(901);
        for text in ["", "<>", "a b", "<a", "a>", "<a><b>", "a\r\nBcc: x", "a\0", "ä@x", &long] {
            assert!(text.parse::<MessageId>().is_err(), "{text:?}");
        }
        for text in [" <a@b>", "<a@b> ", "<a@b>\n", "\ta@b"] {
            assert!(text.parse::<MessageId>().is_err(), "{text:?}");
        }
        assert_eq!("no-at-sign".parse::<MessageId>().unwrap().as_str(), "<no-at-sign>");
    }
}
