//! Header fields that cannot be injected: names and values are checked, then folded and encoded on the way out
//! (RFC 5322 section 2.2, RFC 2047, RFC 2231, RFC 6532).

mod content_type;
mod id;
mod params;
mod value;
mod writer;

pub use content_type::{ContentType, ContentTypeError};
pub use id::{MessageId, MessageIdError};
pub(crate) use params::{is_attribute, is_token};
pub use value::HeaderValue;
pub(crate) use value::{Other, Value, name_problem, value_problem};
pub(crate) use writer::{FieldWriter, find_long_word, quoted};

/// Octets of a field name; more would leave no room for a value in a line of 78.
pub(crate) const NAME_LIMIT: usize = 76;

/// Where a text has a character that no header may carry: a control other than TAB, or a line separator, which some
/// programs take for a line end once they have decoded the header.
pub(crate) fn find_forbidden(text: &str) -> Option<usize> {
    if is_printable(text) {
        return None;
    }
    let forbidden = |c: char| (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}');
    text.find(forbidden)
}

/// Whether a text is printable ASCII, as most are.  All of it is looked at, for that needs no branch.
pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().fold(true, |all, b| all & matches!(b, b' '..=b'~'))
}

/// Where a field name has a character it may not have (RFC 5322 section 3.6.8).
pub(crate) fn find_bad_name(name: &str) -> Option<usize> {
    name.bytes().position(|b| !b.is_ascii_graphic() || b == b':')
}
