//! Reply codes and enhanced status codes.

use core::fmt;

/// What the first digit of a reply says (RFC 5321 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// 2: the command was carried out.
    Positive,
    /// 3: go on with what belongs to the command.
    Intermediate,
    /// 4: not now.
    Transient,
    /// 5: not at all.
    Permanent,
}

/// A reply code from 200 to 599.
///
/// Only the first digit decides (RFC 5321 section 4.3.2), so codes that no document lists are valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// The code, or `None` if it is not from 200 to 599.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            200..=599 => Some(Self(code)),
            _ => None,
        }
    }

    /// From ASCII digits, the first of which is from 2 to 5.
    #[inline]
    pub(super) fn from_digits(digits: [u8; 3]) -> Self {
        let [a, b, c] = digits.map(|digit| u16::from(digit - b'0'));
        Self(a * 100 + b * 10 + c)
    }

    /// Its number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    pub const fn severity(self) -> Severity {
        match self.0 / 100 {
            2 => Severity::Positive,
            3 => Severity::Intermediate,
            4 => Severity::Transient,
            _ => Severity::Permanent,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An enhanced status code such as `5.1.1` (RFC 3463).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    class: u8,
    subject: u16,
    detail: u16,
}

impl EnhancedCode {
    /// The code, or `None` if the class is not 2, 4 or 5 or another part is over 999.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Option<Self> {
        match (class, subject, detail) {
            (2 | 4 | 5, 0..=999, 0..=999) => Some(Self { class, subject, detail }),
            _ => None,
        }
    }

    /// 2 for success, 4 for a transient and 5 for a permanent failure.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// What it is about: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The detail within the subject.
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// Reads it at the start of the text of a reply; also says how many bytes it and the space behind it took.
    pub(crate) fn parse_prefix(text: &[u8]) -> Option<(Self, usize)> {
        let (class, rest) = match text {
            [class @ (b'2' | b'4' | b'5'), b'.', rest @ ..] => (class - b'0', rest),
            _ => return None,
        };
        let (subject, rest) = number(rest)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        let rest = match rest {
            [] => rest,
            [b' ' | b'\t' | b'\n', ..] => &rest[1..],
            _ => return None,
        };
        Some((Self { class, subject, detail }, text.len() - rest.len()))
    }
}

fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let value = text[..digits].iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    Some((value, &text[digits..]))
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Debug for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read_at_the_start_only() {
        let code = |c, s, d| EnhancedCode::new(c, s, d).unwrap();
        assert_eq!(EnhancedCode::parse_prefix(b"5.1.1 no"), Some((code(5, 1, 1), 6)));
        assert_eq!(EnhancedCode::parse_prefix(b"2.0.0"), Some((code(2, 0, 0), 5)));
        assert_eq!(EnhancedCode::parse_prefix(b"4.999.999\tx"), Some((code(4, 999, 999), 10)));
        for text in [
            "",
            "5",
            "5.",
            "5.1",
            "5.1.",
            "5.1.1x",
            "3.1.1 x",
            "5.1000.1 x",
            "5..1 x",
            "51.1.1 x",
            " 5.1.1 x",
        ] {
            assert_eq!(EnhancedCode::parse_prefix(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn codes_outside_200_to_599_do_not_exist() {
        assert_eq!(Code::new(199), None);
        assert_eq!(Code::new(600), None);
        assert_eq!(Code::new(200).unwrap().severity(), Severity::Positive);
        assert_eq!(Code::new(399).unwrap().severity(), Severity::Intermediate);
        assert_eq!(Code::new(400).unwrap().severity(), Severity::Transient);
        assert_eq!(Code::new(599).unwrap().severity(), Severity::Permanent);
    }
}
