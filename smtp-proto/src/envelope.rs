//! The envelope of a message (RFC 5321 section 2.3.1), and the form its content has on the wire.

/// How the content of a message goes to a server, chosen with the server's
/// [`Extensions`](crate::Extensions) in hand; it decides the parameters of MAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// Bytes of the content with CRLF line ends and without dot-stuffing, if known before it is sent (RFC 1870).
    pub size: Option<u64>,
    /// What bytes the content has.
    pub body: BodyType,
    /// Whether headers or body parts need SMTPUTF8 (RFC 6531), whatever the addresses of the envelope need.
    pub smtputf8: bool,
}

/// What bytes a content has (RFC 6152).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum BodyType {
    /// ASCII in lines of at most 998 bytes: any server takes it.
    #[default]
    SevenBit,
    /// Bytes from 128 up occur, in lines of at most 998 bytes: needs 8BITMIME.
    EightBitMime,
}
