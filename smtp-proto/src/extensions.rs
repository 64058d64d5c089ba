//! What a server said it can do in its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! Keywords are matched without case; what is not known here is kept and found by [`Extensions::get`].  After STARTTLS
//! the client forgets the old value and reads a new one (RFC 3207 section 4.2).

use core::fmt;

use alloc::string::String;

use crate::escape::Escaped;
use crate::reply::Reply;

/// The service extensions of a server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    known: u32,
    auth: u16,
    size: Option<u64>,
    /// The lines of the reply, the greeting line first.
    raw: String,
}

/// An extension without parameters that concern the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// `8BITMIME` (RFC 6152).
    EightBitMime,
    /// `AUTH` (RFC 4954); the mechanisms are in [`Extensions::auth`].
    Auth,
    /// `BINARYMIME` (RFC 3030).
    BinaryMime,
    /// `CHUNKING` (RFC 3030).
    Chunking,
    /// `DSN` (RFC 3461).
    Dsn,
    /// `ENHANCEDSTATUSCODES` (RFC 2034).
    EnhancedStatusCodes,
    /// `PIPELINING` (RFC 2920).
    Pipelining,
    /// `REQUIRETLS` (RFC 8689).
    RequireTls,
    /// `SIZE` (RFC 1870); the limit is in [`Extensions::max_size`].
    Size,
    /// `SMTPUTF8` (RFC 6531).
    SmtpUtf8,
    /// `STARTTLS` (RFC 3207).
    StartTls,
}

impl Extension {
    const ALL: [(&'static str, Self); 11] = [
        ("8BITMIME", Self::EightBitMime),
        ("AUTH", Self::Auth),
        ("BINARYMIME", Self::BinaryMime),
        ("CHUNKING", Self::Chunking),
        ("DSN", Self::Dsn),
        ("ENHANCEDSTATUSCODES", Self::EnhancedStatusCodes),
        ("PIPELINING", Self::Pipelining),
        ("REQUIRETLS", Self::RequireTls),
        ("SIZE", Self::Size),
        ("SMTPUTF8", Self::SmtpUtf8),
        ("STARTTLS", Self::StartTls),
    ];

    fn from_keyword(keyword: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|&(_, extension)| extension)
    }
}

/// A SASL mechanism as named in `AUTH` (RFC 4422 section 3.1) that this crate can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMechanism {
    /// `PLAIN` (RFC 4616).
    Plain,
    /// `LOGIN` (draft-murchison-sasl-login).
    Login,
}

impl AuthMechanism {
    const ALL: [Self; 2] = [Self::Plain, Self::Login];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

impl fmt::Display for AuthMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Extensions {
    /// Reads the positive reply to EHLO.
    ///
    /// Nothing in it is an error: a keyword that makes no sense is kept as an unknown one.
    pub fn parse(reply: &Reply) -> Self {
        let mut extensions =
            Self { raw: String::from_utf8_lossy(reply.raw()).into_owned(), ..Self::default() };
        let (mut known, mut auth, mut size) = (0, 0, None);
        for (keyword, parameters) in extensions.iter() {
            // `AUTH=PLAIN LOGIN` is an old spelling that some servers send beside the right one.
            let (keyword, parameters) = match keyword.split_once('=') {
                Some((name, first)) if name.eq_ignore_ascii_case("AUTH") => {
                    auth |= mechanisms(first);
                    (name, parameters)
                }
                _ => (keyword, parameters),
            };
            let Some(extension) = Extension::from_keyword(keyword) else { continue };
            known |= 1 << extension as u32;
            match extension {
                Extension::Auth => auth |= mechanisms(parameters),
                // No value and 0 mean that no limit is known (RFC 1870 section 4); of several the first counts, as in `get`.
                Extension::Size if size.is_none() => {
                    size = Some(parameters.trim().parse().ok().filter(|&limit| limit > 0));
                }
                _ => {}
            }
        }
        (extensions.known, extensions.auth, extensions.size) = (known, auth, size.flatten());
        extensions
    }

    /// Whether the server has the extension.
    pub fn has(&self, extension: Extension) -> bool {
        self.known & (1 << extension as u32) != 0
    }

    /// The largest message the server takes, in bytes, if it said so (RFC 1870).
    pub fn max_size(&self) -> Option<u64> {
        self.size
    }

    /// The offered SASL mechanisms that this crate can speak, best first.
    pub fn auth(&self) -> impl Iterator<Item = AuthMechanism> {
        let offered = self.auth;
        AuthMechanism::ALL.into_iter().filter(move |&mechanism| offered & (1 << mechanism as u16) != 0)
    }

    /// All keywords with their parameters, as they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.raw.split('\n').skip(1).filter_map(|line| {
            let line = line.trim();
            let (keyword, parameters) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            (!keyword.is_empty()).then_some((keyword, parameters))
        })
    }

    /// The parameters of a keyword, which may be one that is not known here.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        self.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, parameters)| parameters)
    }
}

fn mechanisms(names: &str) -> u16 {
    let known = |name: &str| AuthMechanism::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name));
    names.split_ascii_whitespace().filter_map(known).fold(0, |set, mechanism| set | 1 << mechanism as u16)
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .iter()
            .map(|(keyword, parameters)| (Escaped(keyword.as_bytes()), Escaped(parameters.as_bytes())));
        f.debug_map().entries(lines).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{ReplyLimits, ReplyParser};
    use alloc::vec::Vec;

    fn ehlo(lines: &str) -> Extensions {
        let reply = ReplyParser::new(ReplyLimits::default()).parse(&mut lines.as_bytes()).unwrap().unwrap();
        Extensions::parse(&reply)
    }

    #[test]
    fn case_w12_keywords_as_servers_write_them() {
        let e = ehlo(
            "250-mx PIPELINING\r\n250-size\r\n250-8BitMime\r\n250-AUTH=PLAIN\r\n250-X-Odd  a b\r\n250-STARTTLS\r\n250 starttls\r\n",
        );
        assert!(e.has(Extension::EightBitMime) && e.has(Extension::StartTls) && e.has(Extension::Size));
        assert!(!e.has(Extension::Pipelining), "the first line is no keyword");
        assert_eq!(e.max_size(), None);
        assert_eq!(e.auth().collect::<Vec<_>>(), [AuthMechanism::Plain]);
        assert_eq!(e.get("x-odd"), Some(" a b"));
        assert_eq!(ehlo("250-x\r\n250 SIZE 0\r\n").max_size(), None);
        assert_eq!(ehlo("250-x\r\n250 SIZE 1000\r\n").max_size(), Some(1000));
        assert_eq!(ehlo("250-x\r\n250 SIZE 99999999999999999999\r\n").max_size(), None);
        let twice = ehlo("250-x\r\n250-SIZE 1000\r\n250 SIZE 5\r\n");
        assert_eq!((twice.get("SIZE"), twice.max_size()), (Some("1000"), Some(1000)), "the first counts");
        assert_eq!(ehlo("250-x\r\n250-AUTH LOGIN\r\n250-AUTH=LOGIN PLAIN\r\n250 SIZE\r\n").auth().count(), 2);
    }

    #[test]
    fn case_w34_empty_keyword_and_auth_without_mechanism() {
        let e = ehlo("250-x\r\n250-AUTH\r\n250-PIPELINING\r\n250 \r\n");
        assert!(e.has(Extension::Pipelining) && e.has(Extension::Auth));
        assert_eq!(e.auth().count(), 0);
        assert_eq!(e.iter().count(), 2);
    }

    #[test]
    fn keywords_are_listed_once_in_the_order_of_the_enum() {
        for (i, (name, extension)) in Extension::ALL.into_iter().enumerate() {
            assert_eq!(extension as usize, i, "{name}");
        }
    }
}
