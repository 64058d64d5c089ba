//! What addresses share with the headers around them: atoms and quoted strings (RFC 5321 section 4.1.2, RFC 5322
//! sections 3.2.3 and 3.2.4, RFC 6532 section 3.2).

use alloc::string::String;
use core::fmt;

/// Whether a character may stand in an atom: ASCII by RFC 5322, and whatever is not ASCII and no control by RFC 6532.
pub fn is_atext(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !c.is_control()
    }
}

/// Writes a text as a quoted string.  The caller has seen to it that there is no control character in it.
///
/// # Errors
/// Those of `out`.
pub fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.write_char('\\')?;
        }
        out.write_char(c)?;
    }
    out.write_char('"')
}

/// Reads a quoted string at the front of `input`: yields what it says and what comes behind it.  `may_escape` tells
/// which characters a backslash may stand before; controls are the caller's business.
///
/// ```
/// use smtp_proto::address::syntax::{quoted_string, write_quoted};
///
/// assert_eq!(quoted_string(r#""a \"b\"" c"#, |_| true), Some((r#"a "b""#.into(), " c")));
/// let mut written = String::new();
/// write_quoted(&mut written, r#"a "b""#)?;
/// assert_eq!(written, r#""a \"b\"""#);
/// # Ok::<(), std::fmt::Error>(())
/// ```
pub fn quoted_string(input: &str, may_escape: impl Fn(char) -> bool) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut chars = input.strip_prefix('"')?.chars();
    loop {
        content.push(match chars.next()? {
            '"' => return Some((content, chars.as_str())),
            '\\' => chars.next().filter(|&c| may_escape(c))?,
            c => c,
        });
    }
}
