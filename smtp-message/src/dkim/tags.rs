//! Lists of tags, which signatures and key records are (RFC 6376 section 3.2; with UTF-8 by RFC 8616 section 3).

use std::borrow::Cow;

use smtp_proto::escape::Snippet;

/// So many tags are looked at; there are 14.
const LIMIT: usize = 64;

/// Why a text is no list of tags.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TagError {
    /// This is no `name=value`.
    NotATag(Snippet),
    /// A tag is there twice.
    Repeated(String),
    /// There are more than 64.
    TooMany,
    /// The value of a tag has a character that no value may have.
    Character(String),
}

impl std::fmt::Display for TagError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotATag(text) => write!(f, "not a tag and its value: {text}"),
            Self::Repeated(name) => write!(f, "the tag {name}= is there twice"),
            Self::TooMany => f.write_str("more than 64 tags"),
            Self::Character(name) => write!(f, "a character that no tag may have, in {name}="),
        }
    }
}

impl std::error::Error for TagError {}

/// Tags in their order, with values trimmed but still folded.
#[derive(Debug)]
pub(super) struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Takes a list apart.  A semicolon at its end does not count.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, TagError> {
        let not_a_tag = |spec: &[u8]| TagError::NotATag(Snippet::new(spec));
        let text = std::str::from_utf8(text).map_err(|_| not_a_tag(text))?;
        let text = text.trim_matches(is_white_space);
        let text = text.strip_suffix(';').unwrap_or(text);
        let mut tags = Vec::with_capacity(12);
        for spec in text.split(';') {
            let (name, value) = spec.split_once('=').ok_or_else(|| not_a_tag(spec.as_bytes()))?;
            let (name, value) = (name.trim_matches(is_white_space), value.trim_matches(is_white_space));
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(legal) {
                return Err(not_a_tag(spec.as_bytes()));
            }
            if tags.iter().any(|(known, _)| *known == name) {
                return Err(TagError::Repeated(name.into()));
            }
            if tags.len() == LIMIT {
                return Err(TagError::TooMany);
            }
            if value.contains(|c: char| c.is_control() && !is_white_space(c)) {
                return Err(TagError::Character(name.into()));
            }
            tags.push((name, value));
        }
        Ok(Self(tags))
    }

    /// The value of a tag.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// The name of the first tag.
    pub(super) fn first(&self) -> Option<&'a str> {
        self.0.first().map(|(name, _)| *name)
    }
}

/// White space that may fold.
pub(super) fn is_white_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The value without its white space.
pub(super) fn unfolded(value: &str) -> Cow<'_, str> {
    match value.contains(is_white_space) {
        true => value.split(is_white_space).collect::<String>().into(),
        false => value.into(),
    }
}

/// The parts of a value that colons separate, trimmed.
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(|item| item.trim_matches(is_white_space))
}

/// Decodes base64, in which there may be white space.  What the last character says beyond the last octet does not count
/// (RFC 4648, section 3.5, leaves that open): other verifiers believe such signatures too.
pub(super) fn base64(value: &str) -> Option<Vec<u8>> {
    let value = unfolded(value);
    match encodify::base64::STANDARD.decode(value.as_bytes()) {
        Err(encodify::Error::NonCanonical { .. }) => encodify::base64::LENIENT.decode(value.as_bytes()).ok(),
        decoded => decoded.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags() {
        let tags = Tags::parse(b" v=1 ; a_1=x\r\n\ty = z;b=;c=\xc3\xbc=;\r\n ").unwrap();
        assert_eq!(tags.0, [("v", "1"), ("a_1", "x\r\n\ty = z"), ("b", ""), ("c", "\u{fc}=")]);
        assert_eq!((tags.get("b"), tags.get("B"), tags.first()), (Some(""), None, Some("v")));
        assert_eq!(Tags::parse(b"a=1;a=2").unwrap_err(), TagError::Repeated("a".into()));
        assert_eq!(Tags::parse(b"a=\x01").unwrap_err(), TagError::Character("a".into()));
        for bad in ["", ";", "a", "a=1;;b=2", "a=1;b", "=1", "1=2", "a b=c", "\u{e4}=1", "a=1; ;"] {
            assert!(matches!(Tags::parse(bad.as_bytes()), Err(TagError::NotATag(_))), "{bad:?}");
        }
        assert!(Tags::parse(b"a=\xff").is_err());
        let many = |count: usize| (0..count).map(|i| format!("a{i}=;")).collect::<String>();
        assert!(Tags::parse(many(64).as_bytes()).is_ok());
        assert_eq!(Tags::parse(many(65).as_bytes()).unwrap_err(), TagError::TooMany);
    }

    #[test]
    fn values() {
        assert_eq!(list(" a : b:\r\n c").collect::<Vec<_>>(), ["a", "b", "c"]);
        for good in ["aGk\r\n\t=", "aGl=", "aG m ="] {
            assert_eq!(base64(good).unwrap(), b"hi", "{good}");
        }
        for bad in ["aGk", "a", "aG=k", "aGl", "-_==", "a;", "aG;l=", "aGl==", "=aGl=", "aGl=aGl="] {
            assert_eq!(base64(bad), None, "{bad}");
        }
    }
}
