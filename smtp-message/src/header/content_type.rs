//! Media types with their parameters (RFC 2045 section 5).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use smtp_proto::address::syntax::quoted_string;
use smtp_proto::escape::Snippet;

use super::{FieldWriter, find_forbidden, is_attribute, is_token};

/// Octets of type and subtype: RFC 6838 section 4.2 allows 127 for each.
const LIMIT: usize = 255;

/// A media type, as in `Content-Type`.
///
/// Parameters are plain Unicode text here; RFC 2231 is applied when a message is written.
///
/// ```
/// use smtp_message::ContentType;
///
/// let calendar: ContentType = "text/calendar; method=REQUEST; charset=\"utf-8\"".parse()?;
/// assert_eq!(calendar.media(), "text/calendar");
/// assert_eq!(calendar.param("Method"), Some("REQUEST"));
/// let named = ContentType::new("application/pdf")?.with_param("name", "Prüfung.pdf")?;
/// assert_eq!(named.to_string(), "application/pdf; name=\"Prüfung.pdf\"");
/// # Ok::<(), smtp_message::ContentTypeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType {
    /// `type/subtype`.
    media: Cow<'static, str>,
    /// `charset=utf-8` stands before the parameters.
    utf8: bool,
    params: Vec<(Cow<'static, str>, String)>,
}

/// Why a text is not a media type with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentTypeError {
    /// Type and subtype are not two tokens with a slash between them, or have more than 255 octets.
    Media(Snippet),
    /// The name of a parameter is not a token, or has `*`, `'` or `%`, which RFC 2231 needs.
    ParameterName(Snippet),
    /// The value of a parameter has a control character, or its quotes do not end.
    ParameterValue(Snippet),
    /// A parameter is there twice.
    Repeated(Snippet),
}

impl ContentType {
    pub(crate) const PLAIN: Self = Self::text("text/plain");
    pub(crate) const HTML: Self = Self::text("text/html");

    /// A type that is known to be one, in UTF-8.
    pub(crate) const fn text(media: &'static str) -> Self {
        Self { media: Cow::Borrowed(media), utf8: true, params: Vec::new() }
    }

    /// A type that is known to be one.
    pub(crate) const fn fixed(media: &'static str) -> Self {
        Self { media: Cow::Borrowed(media), utf8: false, params: Vec::new() }
    }

    /// A media type without parameters, such as `application/pdf`.
    ///
    /// # Errors
    /// [`ContentTypeError::Media`].
    pub fn new(media: &str) -> Result<Self, ContentTypeError> {
        let token = |text: &str| is_token(text);
        match media.split_once('/') {
            Some((kind, subtype)) if token(kind) && token(subtype) && media.len() <= LIMIT => {
                Ok(Self { media: Cow::Owned(media.to_owned()), utf8: false, params: Vec::new() })
            }
            _ => Err(ContentTypeError::Media(Snippet::new(media.as_bytes()))),
        }
    }

    /// The same with one parameter more.
    ///
    /// # Errors
    /// A name or value that cannot be, or a second parameter of the same name.
    pub fn with_param(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, ContentTypeError> {
        let (name, value) = (name.into(), value.into());
        let snippet = |text: &str| Snippet::new(text.as_bytes());
        if !is_attribute(&name) || name.len() > 40 {
            return Err(ContentTypeError::ParameterName(snippet(&name)));
        }
        if find_forbidden(&value).is_some() || value.contains('\t') {
            return Err(ContentTypeError::ParameterValue(snippet(&value)));
        }
        if self.param(&name).is_some() {
            return Err(ContentTypeError::Repeated(snippet(&name)));
        }
        self.params.push((name.into(), value));
        Ok(self)
    }

    /// Whether it is of text, and does not say in which character set.
    pub(crate) fn lacks_charset(&self) -> bool {
        !self.utf8 && self.is_of("text/") && self.param("charset").is_none()
    }

    /// Whether it says UTF-8 because the data was given as text.
    pub(crate) fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// The same in UTF-8; it lacks a character set.
    pub(crate) fn in_utf8(mut self) -> Self {
        self.utf8 = true;
        self
    }

    /// Adds a parameter that is known to be one.
    pub(crate) fn push(&mut self, name: &'static str, value: String) {
        self.params.push((name.into(), value));
    }

    /// Type and subtype, as they were given.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// Whether type and subtype are these, in any case.
    pub(crate) fn is(&self, media: &str) -> bool {
        self.media.eq_ignore_ascii_case(media)
    }

    /// Whether it is of this type, such as `text/`, in any case.
    pub(crate) fn is_of(&self, kind: &str) -> bool {
        self.media.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
    }

    /// The value of a parameter, whose name is matched in any case.
    pub fn param(&self, name: &str) -> Option<&str> {
        if self.utf8 && name.eq_ignore_ascii_case("charset") {
            return Some("utf-8");
        }
        self.params.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub(crate) fn write(&self, field: &mut FieldWriter<'_>) {
        field.token(&self.media);
        if self.utf8 {
            field.glue("; charset=utf-8");
        }
        for (name, value) in &self.params {
            field.param(name, value);
        }
    }
}

impl FromStr for ContentType {
    type Err = ContentTypeError;

    /// Parses `type/subtype; name=value; name="value"`.  Comments are not taken.
    fn from_str(text: &str) -> Result<Self, ContentTypeError> {
        let blank = [' ', '\t'];
        let (media, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut parsed = Self::new(media.trim_matches(blank))?;
        loop {
            rest = rest.trim_start_matches(blank);
            if rest.is_empty() {
                return Ok(parsed);
            }
            let bad_value = || ContentTypeError::ParameterValue(Snippet::new(rest.as_bytes()));
            let Some((name, value)) = rest.split_once('=') else {
                return Err(ContentTypeError::ParameterName(Snippet::new(rest.as_bytes())));
            };
            let (name, value) = (name.trim_end_matches(blank), value.trim_start_matches(blank));
            let (value, after) = if value.starts_with('"') {
                quoted_string(value, |_| true).ok_or_else(bad_value)?
            } else {
                let end = value.find(';').unwrap_or(value.len());
                let token = value[..end].trim_end_matches(blank);
                if !is_token(token) {
                    return Err(bad_value());
                }
                (token.to_owned(), &value[end..])
            };
            let after = after.trim_start_matches(blank);
            rest = match after.strip_prefix(';') {
                Some(rest) => rest,
                None if after.is_empty() => after,
                None => return Err(ContentTypeError::ParameterValue(Snippet::new(after.as_bytes()))),
            };
            parsed = parsed.with_param(name, value)?;
        }
    }
}

impl TryFrom<&str> for ContentType {
    type Error = ContentTypeError;

    fn try_from(text: &str) -> Result<Self, ContentTypeError> {
        text.parse()
    }
}

impl TryFrom<String> for ContentType {
    type Error = ContentTypeError;

    fn try_from(text: String) -> Result<Self, ContentTypeError> {
        text.parse()
    }
}

impl fmt::Display for ContentType {
    /// Writes it for people and for [`FromStr`], in Unicode and without folding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.media)?;
        if self.utf8 {
            f.write_str("; charset=utf-8")?;
        }
        for (name, value) in &self.params {
            if is_token(value) {
                write!(f, "; {name}={value}")?;
            } else {
                write!(f, "; {name}=")?;
                smtp_proto::address::syntax::write_quoted(f, value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ContentTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Media(text) => write!(f, "not a media type: {text}"),
            Self::ParameterName(text) => write!(f, "not the name of a parameter: {text}"),
            Self::ParameterValue(text) => write!(f, "not the value of a parameter: {text}"),
            Self::Repeated(text) => write!(f, "the parameter {text} is there twice"),
        }
    }
}

impl std::error::Error for ContentTypeError {}

impl From<std::convert::Infallible> for ContentTypeError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_written_alike() {
        for (text, written) in [
            ("text/plain", "text/plain"),
            ("Text/Plain ; Charset = utf-8", "Text/Plain; Charset=utf-8"),
            ("a/b;c=\"d;\\\"e\" ; f=g;", "a/b; c=\"d;\\\"e\"; f=g"),
            ("a/b; c=\"\"", "a/b; c=\"\""),
            ("a/b; c=\"ü\"", "a/b; c=\"ü\""),
        ] {
            let parsed: ContentType = text.parse().unwrap();
            assert_eq!(parsed.to_string(), written);
            assert_eq!(written.parse(), Ok(parsed));
        }
    }

    #[test]
    fn case_m2_no_type_breaks_a_line() {
        for text in [
            "",
            "text",
            "text/",
            "/plain",
            "te xt/plain",
            "text/pl\r\nain",
            "text/plain; a",
            "text/plain; a=",
            "text/plain; a=b c",
            "text/plain; a=\"b",
            "text/plain; a=\"b\"c",
            "text/plain; a=\"b\r\nc\"",
            "text/plain; a\r\n=b",
            "text/plain; a*=b",
            "text/plain; a=b; A=c",
            "text/plain; =b",
            "text/plain; ü=b",
            "text/plain; a=ü",
            "té/x",
        ] {
            let error = text.parse::<ContentType>().unwrap_err();
            assert!(!error.to_string().contains(char::is_control), "{text:?}");
        }
        assert!(ContentType::new(&format!("a/{}", "b".repeat(254))).is_err());
        assert!(ContentType::PLAIN.with_param("charset", "x").is_err());
    }
}
